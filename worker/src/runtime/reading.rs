//! Reading: from the log, or from a generator, into the tasks.

use std::time::Instant;

use tidemill_engine::generator::TimeSource;
use tidemill_plan::model::{Micros, Plan, WindowKind};

use super::pick::{Candidate, order};
use super::tasks::Held;
use super::topology::Stage;
use super::{RunError, Runner};
use crate::log::RawBatch;

/// Records taken from a partition before the next is considered.
const BATCH: usize = 2048;
/// Time by which a partition may be ahead of the lowest where the plan has no window.
const AHEAD_WITHOUT_WINDOWS: Micros = 10_000_000;

/// How far a partition is read ahead of the lowest watermark: about a window.
pub(super) fn ahead(plan: &Plan) -> Micros {
    let windows = plan.streams.iter().filter_map(|s| s.aggregate.as_ref()?.window).map(|window| match window.kind {
        WindowKind::Tumble { size } => size,
    });
    windows.min().unwrap_or(AHEAD_WITHOUT_WINDOWS)
}

impl Runner {
    /// Reads a batch of each stage that has one; how many records that were.
    pub(super) fn read_some(&mut self) -> Result<usize, RunError> {
        let mut read = 0;
        for stage in self.stages() {
            for index in self.next_of(stage) {
                let records = self.read_partition(index)?;
                read += records;
                // The order is worked out anew after every batch of a source; shards are all drained.
                if records > 0 && matches!(stage, Stage::Source(_)) {
                    break;
                }
            }
        }
        self.look_for_idleness()?;
        Ok(read)
    }

    fn stages(&self) -> Vec<Stage> {
        self.topology.subscriptions.iter().map(|s| s.stage).collect()
    }

    fn next_of(&self, stage: Stage) -> Vec<usize> {
        let (indices, candidates): (Vec<usize>, Vec<Candidate>) = self
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, held)| held.stage == stage && held.wants_more())
            .map(|(index, held)| {
                (index, Candidate { watermark: held.task.watermark(), at_end: held.at_end })
            })
            .unzip();
        order(&candidates, self.ahead).into_iter().filter_map(|i| indices.get(i).copied()).collect()
    }

    fn read_partition(&mut self, index: usize) -> Result<usize, RunError> {
        let Some(held) = self.tasks.get_mut(index) else {
            return Ok(0);
        };
        let records = if held.generator.is_some() {
            generate(held)?
        } else {
            let mut failure = None;
            let taken = self.reader.take(&held.partition, BATCH, &mut |batch| {
                if failure.is_none() {
                    failure = process(&mut self.pending, held, batch).err();
                }
            })?;
            if let Some(failure) = failure {
                return Err(failure);
            }
            held.at_end = taken.at_end;
            if taken.next_offset > held.offset {
                held.offset = taken.next_offset;
                held.dirty = true;
            }
            taken.records
        };
        Ok(records)
    }
}
