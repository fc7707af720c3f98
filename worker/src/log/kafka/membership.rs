//! Which partitions this worker may commit for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::context::Consumer;
use super::ffi::GroupMetadata;
use crate::log::{Membership, TopicPartition};

/// What may be committed, and in which generation of the group.
pub(super) struct Held {
    /// The generation of the assignment.
    pub(super) generation: i32,
    /// All partitions of the assignment, read or not.
    pub(super) partitions: HashSet<TopicPartition>,
    /// The client that is the member.
    consumer: Weak<Consumer>,
}

impl Held {
    /// Nothing yet, by this client.
    pub(super) fn of(consumer: &Arc<Consumer>) -> Self {
        Self {
            generation: 0,
            partitions: HashSet::new(),
            consumer: Arc::downgrade(consumer),
        }
    }

    /// Nothing any more.
    pub(super) fn give_up(&mut self) {
        self.generation = 0;
        self.partitions.clear();
    }
}

/// Proof of membership: see [`GroupMembership::prove`].
pub(super) struct GroupMembership {
    held: Arc<Mutex<Held>>,
}

impl Membership for GroupMembership {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl GroupMembership {
    /// Of the member that holds this, while it is there.
    pub(super) fn new(held: Arc<Mutex<Held>>) -> Self {
        Self { held }
    }

    /// The group's metadata at this moment, if these partitions are still ours in the generation they were assigned in.
    /// Brokers check the generation, but not whose the partitions are; and while a group is empty they take offsets
    /// from anybody who names no generation.
    pub(super) fn prove<'p>(
        &self,
        partitions: impl IntoIterator<Item = &'p TopicPartition>,
    ) -> Result<GroupMetadata, String> {
        let consumer = lock(&self.held).consumer.upgrade();
        let consumer = consumer.ok_or("this worker has left its group")?;
        let member =
            GroupMetadata::of(&consumer).ok_or("this worker is not a member of its group")?;
        let held = lock(&self.held);
        if member.generation() < 0 || member.generation() != held.generation {
            return Err(format!(
                "the group has moved on to generation {} from {}",
                member.generation(),
                held.generation
            ));
        }
        match partitions
            .into_iter()
            .find(|at| !held.partitions.contains(*at))
        {
            Some(at) => Err(format!(
                "topic {} partition {} is not this worker's",
                at.topic, at.partition
            )),
            None => Ok(member),
        }
    }
}

/// What is held, locked.
pub(super) fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
