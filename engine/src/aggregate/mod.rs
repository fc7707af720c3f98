//! Groupings: rows go into the accumulators of their window, results come out when it closes or as they change.
//!
//! A pane of windows (or a table) has a *delta*, the groups that have come since the last flush, and *segments*, the
//! states of all groups as of the last flush, which the changelog holds too. A window that opens and closes between two
//! flushes never leaves its delta.

mod base;
pub(crate) mod chunk;
pub(crate) mod cold;
mod delta;
mod emit;
mod late;
mod passing;
mod results;
pub(crate) mod rowbytes;
pub(crate) mod segment;
mod session;
mod spec;
mod state;
mod update;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use tidemill_plan::model::{Aggregate, Emit, Exchange, Micros, Stream, Window};

pub(crate) use self::chunk::ChunkKey;
#[cfg(test)]
pub(crate) use self::chunk::epoch as chunk_epoch;
use self::delta::Delta;
pub(crate) use self::results::{instant, length};
use self::segment::{Key, Segment};
pub(crate) use self::session::Sessions;
use self::spec::{Bounds, Spec};
pub(crate) use self::spec::{mark, with_one_zero};
pub(crate) use self::update::times;
use crate::clock::Marks;
use crate::disk::Room;
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::Place;
use crate::rows::Flow;
use crate::shuffle::{Sender, Word};
use crate::stamp::Stamp;
use crate::window::{self, NEVER, Pane, Span};

/// What a task has of a grouping.
enum Role {
    /// All of it: from rows to results.
    Whole,
    /// Only partial aggregates, sent on to shards with each flush.
    Partial(Sender),
}

impl Role {
    /// The role where a grouping's input has its rows.
    fn over_rows(index: usize, spec: &Spec, exchange: &Exchange) -> Result<Self> {
        let sender = Sender::of(index, &spec.stream, spec.stamp, exchange)?;
        Ok(sender.map_or(Self::Whole, Self::Partial))
    }
}

/// A grouping at work: a table, or windows that are made of panes.
pub(crate) struct Panes {
    spec: Spec,
    role: Role,
    /// By pane; a table has one, bucket 0.
    deltas: BTreeMap<Pane, Delta>,
    /// By pane, or the bucket of a table.
    segments: BTreeMap<Pane, Segment>,
    /// The segments with changes that are not in the changelog yet.
    unlogged: BTreeSet<Pane>,
    /// The segments with changes that have not been handed on yet.
    pending: BTreeSet<Pane>,
    /// Groups of which nothing is left: they are forgotten when that is in the changelog and has been handed on.
    passed: BTreeMap<Pane, Vec<Key>>,
    /// Chunks of the changelog that are left from before a reset: segment and number.
    stale: BTreeSet<(Pane, u64)>,
    /// The watermark of the rows that come in.
    watermark: Micros,
    /// The highest end of a window that has been closed.
    closed: Micros,
    /// The last number given to a chunk.
    sequence: u64,
    /// The last chunk whose rows have been handed on, where results are handed on only now and then.
    emitted: u64,
    /// The watermark when results were last handed on.
    emitted_at: Option<Micros>,
    /// The input has ended, so what waits to be handed on must go with the next flush.
    ending: bool,
    /// How much memory its state may take.
    room: Option<Room>,
    /// Whether some of it is, or has been, on disk.
    is_spilled: bool,
    scratch: Vec<usize>,
    panes: Vec<Pane>,
}

/// Where results of no window are.
const NO_WINDOW: Span = Span { start: 0, end: 0 };

/// Results are handed on in batches of up to this many rows.
const RESULT_ROWS: usize = 65_536;

impl Panes {
    /// A grouping in the task where its input's rows are. With a shuffle it only sends partial aggregates.
    pub(crate) fn over_rows(index: usize, stream: &Stream, aggregate: &Aggregate) -> Result<Self> {
        let spec = Spec::new(stream, aggregate)?;
        let role = Role::over_rows(index, &spec, &aggregate.exchange)?;
        Ok(Self::new(spec, role))
    }

    /// A grouping in a shard, where partial aggregates come together.
    pub(crate) fn over_partials(stream: &Stream, aggregate: &Aggregate) -> Result<Self> {
        Ok(Self::new(Spec::new(stream, aggregate)?, Role::Whole))
    }

    fn new(spec: Spec, role: Role) -> Self {
        Self {
            spec,
            role,
            deltas: BTreeMap::new(),
            segments: BTreeMap::new(),
            unlogged: BTreeSet::new(),
            pending: BTreeSet::new(),
            passed: BTreeMap::new(),
            stale: BTreeSet::new(),
            watermark: NEVER,
            closed: NEVER,
            sequence: 0,
            emitted: 0,
            emitted_at: None,
            ending: false,
            room: None,
            is_spilled: false,
            scratch: Vec::new(),
            panes: Vec::new(),
        }
    }

    /// Whether the results are not here but in shards.
    pub(crate) fn is_partial(&self) -> bool {
        matches!(self.role, Role::Partial(_))
    }

    /// Whether rows of a record that was shuffled are the stream's own.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        self.spec.owns(stored)
    }

    /// The watermark of the rows that it hands on.
    pub(crate) fn output_watermark(&self) -> Micros {
        match self.spec.window {
            Some(w) => window::downstream(
                w.kind,
                self.watermark.saturating_sub(self.spec.allowed_lateness),
            ),
            None => self.watermark,
        }
    }

    /// Moves the watermark; the windows that it has passed close, and their results come out.
    pub(crate) fn advance(
        &mut self,
        watermark: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        let before = self.output_watermark();
        if watermark <= self.watermark {
            return Ok(Vec::new());
        }
        self.watermark = watermark;
        let due = watermark.saturating_sub(self.spec.allowed_lateness);
        self.close_until(due, before, place, fx)
    }

    /// Sets the watermark without closing anything, as after a restart: what had to close has closed.
    pub(crate) fn resume(&mut self, watermark: Micros) {
        self.watermark = self.watermark.max(watermark);
    }

    /// Closes every window, as at the end of the input.
    pub(crate) fn close_all(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        self.ending = true;
        self.close_until(Micros::MAX, self.output_watermark(), place, fx)
    }

    /// Closes the windows that end up to a time, in the order of their ends.
    fn close_until(
        &mut self,
        due: Micros,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        let mut flows = Vec::new();
        if !self.is_partial() {
            while let Some(span) = self.next_span().filter(|span| span.end <= due) {
                self.close(span, before, place, fx, &mut flows)?;
            }
        }
        Ok(flows)
    }

    /// The window that closes next.
    fn next_span(&self) -> Option<Span> {
        let kind = self.spec.window?.kind;
        let delta = self.deltas.first_key_value().map(|(pane, _)| pane);
        let segment = self.segments.first_key_value().map(|(pane, _)| pane);
        let pane = delta.into_iter().chain(segment).min()?;
        let open = if pane.first > self.closed {
            pane.first
        } else {
            window::next_end(kind, self.closed)
        };
        // A pane of which all windows have closed should not be there; should it be all the same, it goes with its last.
        let end = open.min(window::last_end(kind, pane.start));
        Some(Span::ending(kind, end))
    }

    /// What a commit needs: partial aggregates go to their shards, or states to the changelog and updates on.
    pub(crate) fn flush(
        &mut self,
        word: Word,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        self.spec.forget_stale(&mut self.stale, fx);
        let deltas = std::mem::take(&mut self.deltas);
        if let Role::Partial(sender) = &mut self.role {
            state::send(&self.spec, sender, deltas, word, fx)?;
            return Ok(Vec::new());
        }
        let before = self.output_watermark();
        // Where nothing is put together of several panes, a group that has changed is its own result.
        let at_once = matches!(self.spec.emit, Emit::OnUpdate { every } if every <= 0)
            && !self.spec.shares_panes;
        let mut flows = Vec::new();
        for (pane, delta) in deltas {
            let settled = self.settle(pane, delta)?;
            match self.spec.emit {
                Emit::OnClose => {}
                Emit::OnUpdate { .. } if at_once => {
                    let (bounds, groups) = (Bounds::All(self.whole_span(pane)), settled.groups);
                    let results = self.spec.results(&bounds, groups, before, place, fx)?;
                    flows.extend(results);
                }
                Emit::OnUpdate { .. } => self.mark_pending(&settled),
            }
        }
        self.log(fx)?;
        let (watermark, at) = (self.watermark, self.emitted_at);
        let allowed = self.allowed();
        let is_full = self.bytes() > allowed;
        // What waits for being handed on stays in memory.
        let hands_on = self.spec.hands_on(watermark, at, self.ending || is_full);
        if !at_once && hands_on {
            self.emit_pending(before, place, fx, &mut flows)?;
        }
        if at_once || hands_on {
            self.forget_passed(fx)?;
        }
        if is_full {
            self.shed(cold::keeps(allowed))?;
        }
        self.ending = false;
        Ok(flows)
    }

    /// The window that a pane is all of, where windows share none; a table is in none, which is as good.
    fn whole_span(&self, pane: Pane) -> Span {
        let ending = |w: Window| Span::ending(w.kind, pane.first);
        self.spec.window.map_or(NO_WINDOW, ending)
    }

    /// What must be kept with the clock.
    pub(crate) fn marks(&self) -> Marks {
        let early = self.closed.saturating_add(self.spec.allowed_lateness) > self.watermark;
        Marks {
            stream: self.spec.mark,
            // A pane that is shared outlives windows that have closed.
            closed: (self.closed != NEVER && (early || self.spec.shares_panes))
                .then_some(self.closed),
            emitted: (self.emitted > 0).then_some(self.emitted),
            left: None,
        }
    }

    /// Takes back what was kept with the clock.
    pub(crate) fn set_marks(&mut self, marks: &[Marks]) {
        for mark in marks.iter().filter(|m| m.stream == self.spec.mark) {
            self.closed = mark
                .closed
                .map_or(self.closed, |closed| closed.max(self.closed));
            self.emitted = mark.emitted.unwrap_or(self.emitted);
        }
        self.sequence = self.sequence.max(self.emitted);
    }

    /// Sets how much memory its state may take.
    pub(crate) fn set_room(&mut self, room: &Room) {
        self.room = Some(room.clone());
    }

    fn allowed(&self) -> usize {
        self.room.as_ref().map_or(usize::MAX, |room| room.bytes)
    }

    /// How many panes of windows are held.
    pub(crate) fn open_windows(&self) -> usize {
        if self.spec.window.is_none() {
            return 0;
        }
        let only_delta = self
            .deltas
            .keys()
            .filter(|pane| !self.segments.contains_key(pane))
            .count();
        self.segments.len() + only_delta
    }

    /// How many chunks of the changelog are left from before a reset, to be forgotten with the next flush.
    pub(crate) fn stale_chunks(&self) -> usize {
        self.stale.len()
    }

    /// How many groups it holds; one that is in a delta and in a segment counts twice.
    pub(crate) fn groups(&self) -> usize {
        self.deltas.values().map(Delta::len).sum::<usize>()
            + self.segments.values().map(Segment::len).sum::<usize>()
    }

    /// Roughly how many bytes of memory hold what has come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        self.deltas.values().map(Delta::bytes).sum()
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.delta_bytes() + self.segments.values().map(Segment::bytes).sum::<usize>()
    }
}
