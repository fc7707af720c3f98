//! The tasks of the partitions that this worker holds, each with its place in the log.

use std::collections::HashMap;
use std::time::Instant;

use tidemill_engine::disk::Room;
use tidemill_engine::error::EngineError;
use tidemill_engine::generator::Generator;
use tidemill_engine::task::Task;

use super::in_force::InForce;
use super::pick::Candidate;
use super::topology::Stage;
use super::written::Written;
use crate::log::{Position, TopicPartition};
use crate::status::PartitionStatus;

/// A partition that this worker holds.
pub(super) struct Held {
    /// Which.
    pub(super) partition: TopicPartition,
    /// What reads it.
    pub(super) stage: Stage,
    /// Its computation and state.
    pub(super) task: Task,
    /// Makes the records, where they do not come from the log.
    pub(super) generator: Option<Generated>,
    /// The next offset to read.
    pub(super) offset: i64,
    /// The position that is known to be committed.
    pub(super) committed: Option<Position>,
    /// The position that the commit in flight will make known.
    pub(super) committing: Option<Position>,
    /// Whether something has been read since the last commit was collected.
    pub(super) dirty: bool,
    /// Whether the last flush has left something for the next one, which then need not wait.
    pub(super) closing: bool,
    /// Whether everything that the log has of it has been read.
    pub(super) at_end: bool,
    /// The offset after its last record in the log, as far as is known.
    pub(super) log_end: Option<i64>,
    /// When it last had a record.
    pub(super) last_record: Instant,
    /// Whether it holds no window back.
    pub(super) idle: bool,
    /// Where reading must begin again before it goes on.
    pub(super) again_from: Option<i64>,
    /// The schema that its next record waits for.
    pub(super) wants_schema: Option<u32>,
    /// Where reading stops, when the input is bounded.
    pub(super) end: Option<i64>,
    /// Whether its task has been told that nothing more comes.
    pub(super) finished: bool,
    /// What sinks outside the log have of it already.
    pub(super) written: Written,
    /// It is made ready for a commit before it is read on.
    pub(super) waits_for_flush: bool,
    /// Of a source: the edition of the rules that it is read under.
    pub(super) rules: Option<InForce>,
    /// Whether its next rows were read under an edition that is not known here.
    pub(super) wants_edition: bool,
}

/// A share of generated records.
pub(super) struct Generated {
    /// Makes them.
    pub(super) generator: Generator,
    /// Which share it is, of how many.
    pub(super) share: (u32, u32),
    /// Records per second for this share; 0 is as fast as possible.
    pub(super) rate: f64,
    /// When making began, and at which record.
    pub(super) since: (Instant, i64),
}

impl Held {
    /// Whether reading goes on.
    pub(super) fn wants_more(&self) -> bool {
        !self.finished && !self.waits_for_flush && self.end.is_none_or(|end| self.offset < end)
    }

    /// What decides when it is read.
    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            watermark: self.task.watermark(),
            at_end: self.at_end || self.idle,
        }
    }

    /// How much of the partition has not been read, as far as is known.
    pub(super) fn lag(&self) -> Option<i64> {
        let end = match (self.end, self.at_end) {
            (Some(end), _) => Some(end),
            (None, true) => Some(self.offset),
            (None, false) => self.log_end,
        };
        end.map(|end| (end - self.offset).max(0))
    }

    /// What the status says of it.
    pub(super) fn status(&self) -> PartitionStatus {
        PartitionStatus {
            topic: self.partition.topic.to_string(),
            partition: self.partition.partition,
            offset: self.offset,
            committed: self.committed.as_ref().map_or(0, |p| p.offset),
            watermark: self.task.watermark(),
            idle: self.idle,
        }
    }

    /// Whether what the task gives here is in a sink outside the log already. Where no rows have come since the sink's own
    /// offset, that depends on event time: windows may close without them, because others have gone on or the input has
    /// ended. After a commit that was aborted, those have said so again, in records at other offsets than before.
    pub(super) fn is_written(&self, sink: usize) -> Result<bool, EngineError> {
        let Some(until) = self.written.until(sink) else {
            return Ok(false);
        };
        let rows_until = match &self.generator {
            Some(_) => self.offset,
            None => self.task.rows_until(),
        };
        if self.offset < until.offset {
            Ok(true)
        } else if rows_until > until.offset {
            Ok(false)
        } else {
            Ok(!self.task.has_passed(&until.clock)?)
        }
    }

    /// Whether it is made ready for a commit before the record at an offset, because a sink outside the log has been
    /// written there: what replaces rows goes by what the sink was given, and what was decided then is taken over.
    pub(super) fn waits_before(&mut self, offset: i64) -> bool {
        let waits = self.written.is_reached(offset);
        self.waits_for_flush |= waits;
        self.dirty |= waits;
        waits
    }

    /// Where the task is now.
    pub(super) fn position(&self) -> Position {
        Position {
            offset: self.offset,
            clock: self.task.clock(),
        }
    }
}

/// All partitions that are held, in a fixed order, and those given back a moment ago, which may come again.
#[derive(Default)]
pub(super) struct Tasks {
    held: Vec<Held>,
    parked: HashMap<TopicPartition, Held>,
}

impl Tasks {
    /// The partitions held.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    /// The partitions held, to change them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.held.iter_mut()
    }

    /// The partitions held, and those that may come back.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.held.iter_mut().chain(self.parked.values_mut())
    }

    /// The partition at an index of [`Tasks::iter`].
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Held> {
        self.held.get_mut(index)
    }

    /// Roughly how many bytes of memory the state takes.
    pub(super) fn bytes(&self) -> usize {
        self.held.iter().map(|held| held.task.bytes()).sum()
    }

    /// Roughly how many bytes of memory hold what has come since the last commit.
    pub(super) fn unflushed_bytes(&self) -> usize {
        self.held
            .iter()
            .map(|held| held.task.unflushed_bytes())
            .sum()
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        let states = self.held.iter().flat_map(|held| held.task.state());
        states.map(|state| state.groups).sum()
    }

    /// Makes the state fit into the room that there is: if it does not, each task gives up as large a part of what it has
    /// with the commit to come.
    pub(super) fn share(&mut self, room: &Room) {
        let all = self.bytes();
        let is_full = all > room.bytes;
        for held in &mut self.held {
            let part = room.bytes as u128 * held.task.bytes() as u128 / (all as u128).max(1);
            let part = usize::try_from(part).unwrap_or(usize::MAX);
            held.task.set_room(&Room {
                bytes: if is_full { part } else { usize::MAX },
                ..room.clone()
            });
            // Where nothing was ever committed, nothing but what was read since is there to be given up.
            held.dirty |= is_full && held.committed.is_some();
        }
    }

    /// Has those make ready for a commit that tables have news for.
    pub(super) fn hear_news(&mut self) {
        for held in &mut self.held {
            held.dirty |= held.task.has_news();
        }
    }

    /// Replaces all that is held.
    pub(super) fn hold(&mut self, mut held: Vec<Held>) {
        held.sort_by(|a, b| a.partition.cmp(&b.partition));
        self.held = held;
        self.parked.clear();
    }

    /// Forgets everything, and with it all that is not committed.
    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.parked.clear();
    }

    /// Sets what is held aside: everything of it is committed, and if the group gives a partition back unchanged, its
    /// state need not be read again.
    pub(super) fn park(&mut self) {
        self.parked = self
            .held
            .drain(..)
            .map(|held| (held.partition.clone(), held))
            .collect();
    }

    /// A partition that was set aside, if its state is that of `committed`.
    pub(super) fn unpark(
        &mut self,
        partition: &TopicPartition,
        committed: Option<&Position>,
    ) -> Option<Held> {
        let held = self.parked.remove(partition)?;
        (!held.dirty && held.committed.as_ref() == committed).then_some(held)
    }
}
