//! What stands between a worker and the simulated log, in the place of the Kafka clients, and does what they do.

mod admin;
mod committer;
mod reader;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tidemill_worker::log::{Membership, TopicPartition};

use crate::world::own;

pub(crate) use self::admin::SimulatedAdmin;
pub(crate) use self::committer::SimulatedCommitter;
pub(crate) use self::reader::SimulatedReader;

/// What a worker's clients know of its membership.
#[derive(Debug, Default)]
pub(crate) struct Client {
    /// The generation of the assignment that was taken over.
    generation: i32,
    /// The generation of the assignment that it was last told of.
    told: i32,
    held: BTreeSet<TopicPartition>,
    /// The group wants the partitions back, and waits.
    revoking: bool,
}

/// A worker's membership, for its commits.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedMembership(Arc<Mutex<Client>>);

impl SimulatedMembership {
    /// The generation of the assignment that the worker was last told of.
    pub(crate) fn told(&self) -> i32 {
        own(&self.0).told
    }
}

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
