//! Writes the definitions of the resources to `crds/yaml` and into the chart, and the page of their reasons to `docs`.

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
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::create_dir_all(&docs)?;
    fs::write(docs.join("reasons.md"), tidemill_crds::reasons::page())?;
    Ok(())
}
