//! What operators that keep rows, rather than states of groups, have in common: whose their rows are, and how far these
//! have come.

use std::collections::BTreeSet;

use tidemill_plan::model::{Late, Micros, Misfit, Stream};
use tidemill_plan::{resets, stream_of};

use crate::aggregate::{ChunkKey, chunk, instant, length, mark};
use crate::clock::Marks;
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::Reason;
use crate::reject::Fault;
use crate::stamp::Stamp;
use crate::window::{NEVER, Pane};
use crate::wire::{self, Malformed};

/// The longest and the shortest stretch of time whose rows are forgotten together by the changelog.
const LONGEST: Micros = 3_600_000_000;
const SHORTEST: Micros = 10_000_000;

/// The length of such a stretch where rows are needed for so long.
pub(crate) fn stretch_for(span: Micros) -> Micros {
    (span / 4).clamp(SHORTEST, LONGEST)
}

/// The first microsecond of the stretch that a time is in.
pub(crate) fn start_of(time: Micros, length: Micros) -> Micros {
    time.saturating_sub(time.rem_euclid(length))
}

/// The segment of the changelog that a stretch is: no bucket of keys ends where a stretch does.
pub(crate) fn segment_of(start: Micros, length: Micros) -> Pane {
    Pane {
        first: start.saturating_add(length),
        start,
    }
}

/// The stream that rows are of.
pub(crate) struct Owner {
    pub(crate) stream: String,
    pub(crate) stamp: Stamp,
    drops_misfits: bool,
    /// What the marks that are kept with the clock go by.
    mark: u64,
}

impl Owner {
    /// `identity` is all that the bytes of the rows depend on.
    pub(crate) fn new(stream: &Stream, identity: &str) -> Self {
        Self {
            stream: stream.name.clone(),
            stamp: Stamp {
                epoch: stream.epoch,
                fingerprint: wire::hash(identity.as_bytes()),
            },
            drops_misfits: stream.misfit == Misfit::Drop,
            mark: mark(stream),
        }
    }

    /// What marks that are kept with the clock go by.
    pub(crate) fn mark(&self) -> u64 {
        self.mark
    }

    /// Whether rows with a stamp are the stream's own.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        let stream = stream_of(&self.stream);
        let lost = resets::LOST_ROWS;
        self.stamp.owns(stored, stream, self.drops_misfits, lost)
    }

    /// That what is stored cannot be read.
    pub(crate) fn damaged(&self, problem: Malformed) -> EngineError {
        EngineError::Stored {
            stream: self.stream.clone(),
            problem: problem.to_owned(),
        }
    }

    /// Of a chunk of the changelog.
    pub(crate) fn key(&self, segment: Pane, sequence: u64) -> ChunkKey<'_> {
        ChunkKey {
            stream: &self.stream,
            segment,
            sequence,
        }
    }

    /// That an expression gives nothing for a row.
    pub(crate) fn failure(&self, message: String) -> Fault<'_> {
        self.fault(Reason::ExpressionFailed, None, message)
    }

    /// That a row has no place among the others, since this column of it is null.
    pub(crate) fn without_time<'f>(&'f self, column: Option<&'f str>) -> Fault<'f> {
        let message = "the time that decides about its place is null";
        self.fault(Reason::MissingRequired, column, message.to_owned())
    }

    /// What becomes of a late row: nothing, but that it is counted, or a dead letter.
    pub(crate) fn lateness(
        &self,
        late: Late,
        time: Micros,
        before: Micros,
        behind: Micros,
        fx: &mut Effects,
    ) -> Option<Fault<'_>> {
        if late == Late::Drop {
            fx.late_dropped += 1;
            return None;
        }
        let message = if time < before.saturating_sub(behind) {
            format!(
                "its time {} is {} behind the watermark, which was {}",
                instant(time),
                length(before.saturating_sub(time)),
                instant(before)
            )
        } else {
            format!(
                "rows up to its time {} had been closed already",
                instant(time)
            )
        };
        Some(self.fault(Reason::Late, None, message))
    }

    fn fault<'f>(&'f self, reason: Reason, column: Option<&'f str>, message: String) -> Fault<'f> {
        Fault {
            stream: Some(&self.stream),
            reason,
            column,
            message,
        }
    }
}

/// How far rows have come.
pub(crate) struct Progress {
    /// So far may a row be behind the watermark and not be late.
    behind: Micros,
    /// Rows are only sent: others decide how far they have come.
    sends: bool,
    /// All rows that come from now on are of this time or later.
    watermark: Micros,
    /// All rows before this have been settled.
    pub(crate) settled: Micros,
    /// Rows before this are late, if that is more than the watermark demands.
    closed: Micros,
    /// The last number given to a chunk of the changelog.
    pub(crate) sequence: u64,
    /// Chunks of the changelog that are left from before a reset: segment and number.
    stale: BTreeSet<(Pane, u64)>,
    /// Something was taken back of the changelog, and has not been put to use.
    restoring: bool,
}

/// What a record of the changelog has.
pub(crate) enum Restored<'a> {
    /// Rows of the stream: keys and what else there is.
    Rows(Vec<(&'a [u8], &'a [u8])>),
    /// Rows from before a reset.
    Foreign,
    /// That a chunk is there no more.
    Gone,
}

impl Progress {
    pub(crate) fn new(behind: Micros) -> Self {
        Self {
            behind,
            sends: false,
            watermark: NEVER,
            settled: NEVER,
            closed: NEVER,
            sequence: 0,
            stale: BTreeSet::new(),
            restoring: false,
        }
    }

    /// Says that rows are only sent.
    pub(crate) fn set_sends(&mut self) {
        self.sends = true;
    }

    /// The first time that is not late, when the watermark was that. What a partition brings that was idle may be behind
    /// what has been settled meanwhile.
    pub(crate) fn open_from(&self, before: Micros) -> Micros {
        let gone = match self.sends {
            true => self.closed,
            false => self.closed.max(self.settled),
        };
        before.saturating_sub(self.behind).max(gone)
    }

    /// Moves the watermark.
    pub(crate) fn advance(&mut self, watermark: Micros) {
        let watermark = watermark.saturating_sub(self.behind);
        self.watermark = self.watermark.max(watermark);
    }

    /// Sets the watermark as after a restart: what had to be settled is.
    pub(crate) fn resume(&mut self, watermark: Micros) {
        self.advance(watermark);
        self.settled = self.watermark.max(self.closed);
    }

    /// Closes all before a time.
    pub(crate) fn close(&mut self, until: Micros) {
        self.closed = self.closed.max(until);
    }

    /// Settles all that can be: the time up to which everything was, and the one up to which it is now.
    pub(crate) fn settle(&mut self) -> (Micros, Micros) {
        let from = self.settled;
        self.settled = from.max(self.watermark).max(self.closed);
        (from, self.settled)
    }

    /// Takes note of a record of the changelog.
    pub(crate) fn restore<'a>(
        &mut self,
        owner: &Owner,
        key: ChunkKey<'_>,
        value: Option<&'a [u8]>,
    ) -> Result<Restored<'a>> {
        self.sequence = self.sequence.max(key.sequence);
        self.restoring = true;
        let Some(value) = value else {
            self.stale.remove(&(key.segment, key.sequence));
            return Ok(Restored::Gone);
        };
        let chunk = chunk::read(value).map_err(|problem| owner.damaged(problem))?;
        if owner.owns(chunk.stamp)? {
            return Ok(Restored::Rows(chunk.rows));
        }
        self.stale.insert((key.segment, key.sequence));
        Ok(Restored::Foreign)
    }

    /// Whether something has been restored since this was asked.
    pub(crate) fn has_restored(&mut self) -> bool {
        std::mem::take(&mut self.restoring)
    }

    /// Forgets what is left from before a reset.
    pub(crate) fn forget_stale(&mut self, owner: &Owner, fx: &mut Effects) {
        let stale = std::mem::take(&mut self.stale);
        let keys = stale.into_iter().map(|(segment, n)| owner.key(segment, n));
        fx.changelog.extend(keys.map(|key| key.tombstone()));
    }

    /// How many chunks are left from before a reset.
    pub(crate) fn stale_chunks(&self) -> usize {
        self.stale.len()
    }

    /// What must be kept with the clock.
    pub(crate) fn marks(&self, owner: &Owner) -> Marks {
        Marks {
            stream: owner.mark,
            closed: (self.closed > self.watermark).then_some(self.closed),
            ..Marks::default()
        }
    }

    /// Takes back what was kept with the clock.
    pub(crate) fn set_marks(&mut self, owner: &Owner, marks: &[Marks]) {
        let own = marks.iter().filter(|m| m.stream == owner.mark);
        own.filter_map(|m| m.closed).for_each(|c| self.close(c));
    }
}
