//! `tidemill validate`: everything that is wrong with manifests.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::manifests::Manifests;

/// Checks the manifests of these paths.
pub(crate) fn validate(paths: &[PathBuf]) -> Result<(), Failure> {
    let manifests = Manifests::load(paths)?;
    let count = manifests.count();
    let (pipelines, problems) = manifests.check();
    if !problems.is_empty() {
        return Err(Failure::problems(problems));
    }
    crate::say(&format!(
        "{count} resources, {} of them pipelines: nothing wrong",
        pipelines.len()
    ));
    Ok(())
}
