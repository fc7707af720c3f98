//! `tidemill validate`: everything that is wrong with manifests.

use std::path::PathBuf;

use crate::args::Against;
use crate::cluster::{self, Target};
use crate::failure::Failure;
use crate::manifests::Manifests;

/// Checks the manifests of these paths, by themselves or against a cluster.
pub(crate) fn validate(
    paths: &[PathBuf],
    against: Option<Against>,
    explain: bool,
    target: &Target,
) -> Result<(), Failure> {
    let manifests = Manifests::load(paths)?;
    match against {
        Some(Against::Cluster) => cluster::validate(manifests, target),
        None if target.is_named() => Err(Failure::new(
            "a cluster is named, and nothing is to be asked of it",
        )
        .hint("add --against cluster")),
        None => alone(manifests, explain),
    }
}

fn alone(manifests: Manifests, explain: bool) -> Result<(), Failure> {
    let count = manifests.count();
    let (pipelines, problems) = manifests.check();
    if !problems.is_empty() {
        return Err(Failure::problems(problems));
    }
    crate::say(&format!(
        "{count} resources, {} of them pipelines: nothing wrong",
        pipelines.len()
    ));
    if explain {
        let lines = pipelines
            .iter()
            .flat_map(|it| tidemill_plan::explain(&it.plan));
        crate::print(&lines.map(|line| line + "\n").collect::<String>())?;
    }
    Ok(())
}
