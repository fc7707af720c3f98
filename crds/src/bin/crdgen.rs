//! Writes the definitions of the resources to `crds/yaml` and into the chart.

use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    for folder in tidemill_crds::DEFINITION_FOLDERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        fs::create_dir_all(&folder)?;
        for (name, text) in tidemill_crds::definition_files()? {
            fs::write(folder.join(name), text)?;
        }
    }
    Ok(())
}
