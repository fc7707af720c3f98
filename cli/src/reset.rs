//! `tidemill reset`: pipelines begin anew from their earliest records.

use tidemill_worker::log::Admin;
use tidemill_worker::runtime::Topology;

use crate::failure::Failure;
use crate::manifests::Planned;

/// Deletes how far pipelines have read, and their state. What they have written stays, and so does what is known of their rules.
pub(crate) fn reset(admin: &mut dyn Admin, pipelines: &[Planned]) -> Result<(), Failure> {
    for planned in pipelines {
        let topology = Topology::new(&planned.plan);
        let changelogs = topology
            .subscriptions
            .iter()
            .filter_map(|it| it.changelog.clone());
        let topics: Vec<String> = changelogs
            .chain(topology.shuffles.values().cloned())
            .collect();
        admin.forget(&topology.group, &topics)?;
        crate::say(&format!(
            "pipeline {} begins anew when it is started next; what it has written is still there",
            planned.plan.name
        ));
    }
    Ok(())
}
