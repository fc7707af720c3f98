//! What stands between a worker and the simulated log, in the place of the Kafka clients, and does what they do.

mod admin;
mod committer;
mod reader;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tidemill_worker::log::{Membership, TopicPartition};

pub(crate) use self::admin::SimulatedAdmin;
pub(crate) use self::committer::SimulatedCommitter;
pub(crate) use self::reader::SimulatedReader;

/// What a worker's clients know of its membership.
#[derive(Debug, Default)]
pub(crate) struct Client {
    /// The generation of the assignment that was taken over.
    generation: i32,
    held: BTreeSet<TopicPartition>,
    /// The group wants the partitions back, and waits.
    revoking: bool,
}

/// A worker's membership, for its commits.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedMembership(Arc<Mutex<Client>>);

impl Membership for SimulatedMembership {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// Metadata of a committed offset: who wrote it, and the task's clock.
fn frame(writer: &str, clock: &str) -> String {
    format!("{writer}\n{clock}")
}

fn unframe(metadata: &str) -> (&str, &str) {
    metadata.split_once('\n').unwrap_or((metadata, ""))
}
