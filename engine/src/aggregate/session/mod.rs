//! Sessions: windows that a key's own rows open and keep open. Each row opens one of the length of the gap; those of a
//! key that overlap or touch are one.
//!
//! Rows gather in a *delta*, with the sessions of the keys that they touch. A flush makes one state of each session, and
//! the *store* holds those that are open, key by key. They close with a flush: what a row joins, and whether it is late,
//! is told by the watermark that was before it, whether or not a flush has come to closing what that had passed. The
//! next row may be as early as the watermark itself, and one at a session's end joins it: so what the watermark has just
//! reached is still open.
//!
//! With a shuffle, a delta goes to the shards as sessions in part. A row that is behind what had closed for it may join
//! a session that was open, or be late, which its shard alone can know: it travels by itself, with that time, after all
//! those rows that are not. It comes to the same: what is ahead of that time neither joins nor opens what has closed.

mod away;
mod delta;
mod emit;
mod list;
mod store;

use std::collections::BTreeSet;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::is_not_null;
use tidemill_plan::model::{Aggregate, Emit, Late, Micros, Stream, Window, WindowKind};

use self::delta::{Coming, Delta, Settled};
use self::list::{Kept, Session};
use self::store::Store;
use super::Role;
use super::chunk::{self, ChunkKey};
use super::cold;
use super::delta::Feed;
use super::spec::{Columns, Spec};
use super::update::times;
use crate::clock::Marks;
use crate::disk::Room;
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::reject::Place;
use crate::rows::Flow;
use crate::shuffle::{Arrived, Shuffled, Word};
use crate::stamp::Stamp;
use crate::steps::isolate;
use crate::window::{NEVER, Pane, Span};
use crate::wire::Malformed;

const WHICH: &str = "its session";

/// A grouping by sessions at work.
pub(crate) struct Sessions {
    spec: Spec,
    window: Window,
    gap: Micros,
    role: Role,
    delta: Delta,
    store: Store,
    /// Hashes of keys with sessions that have changed since they were last handed on; only where they are as they do.
    pending: Vec<u64>,
    /// Chunks of the changelog that are left from before a reset: segment and number.
    stale: BTreeSet<(Pane, u64)>,
    /// The watermark of the rows that come in.
    watermark: Micros,
    /// The watermark up to which sessions have been closed.
    settled: Micros,
    /// The highest end of a session that has been closed.
    closed: Micros,
    /// The last number given to a chunk.
    sequence: u64,
    /// The watermark when results were last handed on.
    emitted_at: Option<Micros>,
    /// The input has ended, so what waits to be handed on must go with the next flush.
    ending: bool,
    /// The last flush has left sessions to be closed.
    closing: bool,
    /// How much memory its state may take.
    room: Option<Room>,
    scratch: Vec<usize>,
}

impl Sessions {
    /// Sessions in the task where their input's rows are. With a shuffle it only sends them on in part.
    pub(crate) fn over_rows(
        index: usize,
        stream: &Stream,
        aggregate: &Aggregate,
        (time, gap): (usize, Micros),
    ) -> Result<Self> {
        let spec = Spec::new(stream, aggregate)?;
        let role = Role::over_rows(index, &spec, &aggregate.exchange)?;
        Self::new(spec, role, time, gap)
    }

    /// Sessions in a shard, where their parts come together.
    pub(crate) fn over_partials(
        stream: &Stream,
        aggregate: &Aggregate,
        (time, gap): (usize, Micros),
    ) -> Result<Self> {
        Self::new(Spec::new(stream, aggregate)?, Role::Whole, time, gap)
    }

    fn new(spec: Spec, role: Role, time: usize, gap: Micros) -> Result<Self> {
        Ok(Self {
            delta: Delta::new(&spec)?,
            spec,
            window: Window {
                time,
                kind: WindowKind::Session { gap },
            },
            gap,
            role,
            store: Store::default(),
            pending: Vec::new(),
            stale: BTreeSet::new(),
            watermark: NEVER,
            settled: NEVER,
            closed: NEVER,
            sequence: 0,
            emitted_at: None,
            ending: false,
            closing: false,
            room: None,
            scratch: Vec::new(),
        })
    }

    fn is_partial(&self) -> bool {
        matches!(self.role, Role::Partial(_))
    }

    /// Whether rows of a record that was shuffled are the stream's own.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        self.spec.owns(stored)
    }

    /// The watermark of the rows that it hands on, of which the time is the last microsecond of their session: its start
    /// may still move back as far as rows of the gap's distance reach.
    pub(crate) fn output_watermark(&self) -> Micros {
        let settled = self.settled.saturating_sub(self.spec.allowed_lateness);
        settled.saturating_sub(1)
    }

    /// Takes rows in; those that are late, or on which an expression fails, are rejected.
    pub(crate) fn update(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        self.make_ready()?;
        let flow = self.with_times(flow, place, fx)?;
        if flow.len() == 0 {
            return Ok(());
        }
        let spec = &self.spec;
        let evaluate = |batch: &RecordBatch| spec.evaluate(batch);
        let Some((flow, columns)) = isolate(flow, Some(&spec.stream), place, fx, evaluate)? else {
            return Ok(());
        };
        let rows = times(&flow.batch, self.window.time)?.values().iter();
        let coming: Vec<Coming> = rows
            .zip(flow.before.values())
            .map(|(&time, &before)| self.coming(time, before))
            .collect();
        let late = self.feed(&columns, &coming, Feed::Records)?;
        for row in late {
            let row = row as usize;
            let (Some(coming), Some(&before)) = (coming.get(row), flow.before.values().get(row))
            else {
                continue;
            };
            if self.spec.late == Late::Drop {
                fx.late_dropped += 1;
            } else {
                let fault = self.spec.lateness(WHICH, coming.span, before);
                place.reject_row(&flow, row, fault, fx);
            }
        }
        Ok(())
    }

    /// Keeps the rows that have a time.
    fn with_times(&self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<Flow> {
        let times = times(&flow.batch, self.window.time)?;
        if times.null_count() == 0 {
            return Ok(flow);
        }
        for row in (0..times.len()).filter(|&row| times.is_null(row)) {
            place.reject_row(&flow, row, self.spec.without_time(&flow, self.window), fx);
        }
        let timed: BooleanArray = is_not_null(times)?;
        flow.filter(&timed)
    }

    /// The highest end of a session that is closed for a row before which the watermark was this.
    fn closed_before(&self, watermark: Micros) -> Micros {
        self.spec.closed(watermark.saturating_sub(1), self.closed)
    }

    fn coming(&self, time: Micros, before: Micros) -> Coming {
        let closed = self.closed_before(before);
        Coming {
            span: Span {
                start: time,
                end: time.saturating_add(self.gap),
            },
            closed,
            apart: self.is_partial() && time <= closed,
        }
    }

    /// Takes sessions in part, and rows by themselves; those that are late are rejected.
    pub(crate) fn receive(
        &mut self,
        arrived: Vec<Arrived<'_>>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        self.make_ready()?;
        if arrived.is_empty() {
            return Ok(());
        }
        let coming: Vec<Coming> = arrived
            .iter()
            .map(|it| Coming {
                span: span_of(it.partial),
                closed: self.closed_before(it.before).max(it.partial.closed),
                apart: false,
            })
            .collect();
        let rows: Vec<_> = arrived
            .iter()
            .map(|it| (it.partial.key, it.partial.state))
            .collect();
        let columns = self.spec.columns_of(self.spec.groups_of(&rows)?);
        let late = self.feed(&columns, &coming, Feed::States)?;
        let late = late.into_iter().filter_map(|row| arrived.get(row as usize));
        if self.spec.late == Late::Drop {
            fx.late_dropped += late.count() as u64;
            return Ok(());
        }
        for it in late.copied().collect::<Vec<_>>() {
            self.reject(it, place, fx)?;
        }
        Ok(())
    }

    fn feed(&mut self, columns: &Columns, coming: &[Coming], feed: Feed) -> Result<Vec<u32>> {
        let partial = self.is_partial();
        let (spec, store) = (&self.spec, &mut self.store);
        let stored = |keys: &[(u64, &[u8])]| {
            store.fetch(keys)?;
            let sessions = keys.iter().map(|&(hash, key)| match store.get(hash, key) {
                Some(bytes) if !partial => {
                    let kept = read(spec, bytes)?;
                    Ok(kept.into_iter().map(Session::from).collect())
                }
                _ => Ok(Vec::new()),
            });
            sessions.collect()
        };
        self.delta
            .feed(spec, columns, coming, feed, stored, &mut self.scratch)
    }

    /// Moves the watermark. What it passes closes with the next flush.
    pub(crate) fn advance(&mut self, watermark: Micros) {
        self.watermark = self.watermark.max(watermark);
    }

    /// Sets the watermark without closing anything, as after a restart: what had to close has closed.
    pub(crate) fn resume(&mut self, watermark: Micros) {
        self.watermark = self.watermark.max(watermark);
        self.settled = self.watermark;
    }

    /// Closes every session, as at the end of the input.
    pub(crate) fn close_all(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        self.make_ready()?;
        self.ending = true;
        if self.is_partial() {
            return Ok(Vec::new());
        }
        self.settle()?;
        let mut flows = Vec::new();
        while {
            self.close_some(Micros::MAX, place, fx, &mut flows)?;
            self.closing
        } {}
        Ok(flows)
    }

    /// What a commit needs: sessions in part go to their shards, or states to the changelog and results on.
    pub(crate) fn flush(
        &mut self,
        word: Word,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        self.make_ready()?;
        self.spec.forget_stale(&mut self.stale, fx);
        if self.is_partial() {
            self.send(word, fx)?;
            return Ok(Vec::new());
        }
        self.settle()?;
        let before = self.output_watermark();
        let mut flows = Vec::new();
        self.close_some(self.due(), place, fx, &mut flows)?;
        let (watermark, at) = (self.watermark, self.emitted_at);
        let allowed = self.allowed();
        let is_full = self.bytes() > allowed;
        // What waits for being handed on stays in memory.
        if self.spec.hands_on(watermark, at, self.ending || is_full) {
            self.emit_pending(before, place, fx, &mut flows)?;
        }
        self.ending = false;
        self.settled = self.closed_until();
        let stream = &self.spec.stream;
        let out = &mut fx.changelog;
        self.store
            .log(stream, self.spec.stamp, &mut self.sequence, out)?;
        if is_full {
            self.shed(cold::keeps(allowed))?;
        }
        Ok(flows)
    }

    /// The watermark up to which sessions have been closed.
    fn closed_until(&self) -> Micros {
        let Some(due) = self.store.first_due().filter(|_| self.closing) else {
            return self.watermark;
        };
        let closed = due.saturating_sub(1);
        self.watermark
            .min(closed.saturating_add(self.spec.allowed_lateness))
    }

    /// Whether a flush has left something to be closed for the next one.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing || self.store.is_restoring()
    }

    /// Sets how much memory its state may take.
    pub(crate) fn set_room(&mut self, room: &Room) {
        self.room = Some(room.clone());
    }

    fn allowed(&self) -> usize {
        self.room.as_ref().map_or(usize::MAX, |room| room.bytes)
    }

    /// How many sessions a flush closes.
    fn at_once(&self) -> usize {
        self.room
            .as_ref()
            .map_or(usize::MAX, |room| room.at_once.max(1))
    }

    /// Has keys leave memory until the rest takes no more than that.
    fn shed(&mut self, goal: usize) -> Result<()> {
        let Some(room) = &self.room else {
            return Ok(());
        };
        let updates = matches!(self.spec.emit, Emit::OnUpdate { .. });
        // What is damaged stays, too: it is told when it is asked for.
        let is_shown =
            |sessions: &[u8]| list::read(sessions).is_ok_and(|s| s.iter().all(|s| !s.fresh));
        let stays = |sessions: &[u8]| updates && !is_shown(sessions);
        self.store.shed(goal, room.disk.as_ref(), stays)
    }

    fn take_delta(&mut self) -> Result<Settled> {
        let delta = std::mem::replace(&mut self.delta, Delta::new(&self.spec)?);
        delta.settle(&self.spec)
    }

    /// Puts what has come into the store.
    fn settle(&mut self) -> Result<()> {
        let settled = self.take_delta()?;
        let updates = matches!(self.spec.emit, Emit::OnUpdate { .. });
        for touched in settled.touched {
            if touched.sessions.iter().all(|s| s.slot.is_none()) {
                continue;
            }
            let sessions = touched.sessions.into_iter();
            let sessions = sessions.filter_map(|session| match session.slot {
                None => session.kept.into_iter().next(),
                Some(row) => Some(Kept {
                    span: session.span,
                    fresh: updates,
                    shown: session.kept.into_iter().flat_map(|k| k.shown).collect(),
                    state: settled.states.row(row).into(),
                }),
            });
            let sessions: Vec<Kept> = sessions.collect();
            self.put(touched.hash, &touched.key, &sessions);
            if updates {
                self.pending.push(touched.hash);
            }
        }
        Ok(())
    }

    /// Sets the sessions of a key.
    fn put(&mut self, hash: u64, key: &[u8], sessions: &[Kept]) {
        let end = sessions.first().map(|s| s.span.end);
        self.store.set(hash, key, list::write(sessions.iter()), end);
    }

    /// Sends what has come to the shards: the sessions, and after them the rows by themselves.
    fn send(&mut self, word: Word, fx: &mut Effects) -> Result<()> {
        let settled = self.take_delta()?;
        let Role::Partial(sender) = &mut self.role else {
            return Ok(());
        };
        let in_time = settled.touched.iter().flat_map(|touched| {
            let sessions = touched.sessions.iter();
            sessions.filter_map(move |s| Some((touched, s.span, NEVER, s.slot?)))
        });
        let apart = settled.apart.iter().filter_map(|it| {
            let touched = settled.touched.get(it.key)?;
            Some((touched, it.span, it.closed, it.slot))
        });
        for (touched, span, closed, row) in in_time.chain(apart) {
            let partial = Shuffled {
                pane: Pane {
                    first: span.end,
                    start: span.start,
                },
                closed,
                key: &touched.key,
                state: settled.states.row(row),
            };
            sender.add(touched.hash, partial, word, &mut fx.shuffle);
        }
        sender.send(word, &mut fx.shuffle);
        Ok(())
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        self.sequence = self.sequence.max(key.sequence);
        let Some(value) = value else {
            self.stale.remove(&(key.segment, key.sequence));
            self.store.forget(key.segment.start, key.sequence);
            return Ok(());
        };
        let chunk = chunk::read(value).map_err(|problem| damaged(&self.spec, problem))?;
        if self.spec.owns(chunk.stamp)? {
            let number = key.segment.start;
            self.store.restore(number, key.sequence, chunk.rows)?;
        } else {
            self.stale.insert((key.segment, key.sequence));
        }
        let allowed = self.allowed();
        if self.bytes() > allowed {
            self.shed(cold::keeps(allowed))?;
        }
        Ok(())
    }

    /// The highest end of a session that the watermark closes.
    fn due(&self) -> Micros {
        let past = self.watermark.saturating_sub(1);
        past.saturating_sub(self.spec.allowed_lateness)
    }

    /// Finishes what restoring has begun: what was forgotten is dropped, and what waits to be handed on is found.
    fn make_ready(&mut self) -> Result<()> {
        let first_end = |sessions: &[u8]| list::first_end(sessions).ok().flatten();
        let Some(restored) = self
            .store
            .make_ready(|sessions| first_end(sessions).unwrap_or(NEVER))
        else {
            return Ok(());
        };
        // A flush may have left some of what had passed to the next.
        self.closing = self.store.is_due(self.due());
        self.settled = self.closed_until();
        if matches!(self.spec.emit, Emit::OnUpdate { .. }) {
            for hash in restored {
                for (_, sessions) in self.store.with_hash(hash) {
                    if read(&self.spec, sessions)?.iter().any(|s| s.fresh) {
                        self.pending.push(hash);
                    }
                }
            }
        }
        Ok(())
    }

    /// What must be kept with the clock.
    pub(crate) fn marks(&self) -> Marks {
        Marks {
            stream: self.spec.mark,
            closed: (self.closed > self.due()).then_some(self.closed),
            ..Marks::default()
        }
    }

    /// Takes back what was kept with the clock.
    pub(crate) fn set_marks(&mut self, marks: &[Marks]) {
        let own = marks.iter().filter(|m| m.stream == self.spec.mark);
        for closed in own.filter_map(|m| m.closed) {
            self.closed = self.closed.max(closed);
        }
    }

    /// How many sessions are open as of the last flush, and how many keys have been touched since.
    pub(crate) fn open_windows(&self) -> usize {
        self.store.sessions() + self.delta.len()
    }

    /// How many chunks of the changelog are left from before a reset, to be forgotten with the next flush.
    pub(crate) fn stale_chunks(&self) -> usize {
        self.stale.len()
    }

    /// How many keys it holds; one that is in the delta and in the store counts twice.
    pub(crate) fn groups(&self) -> usize {
        self.store.keys() + self.delta.len()
    }

    /// Roughly how many bytes of memory hold what has come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        self.delta.bytes()
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.store.bytes() + self.delta.bytes()
    }
}

fn span_of(partial: Shuffled<'_>) -> Span {
    Span {
        start: partial.pane.start,
        end: partial.pane.first,
    }
}

fn read(spec: &Spec, sessions: &[u8]) -> Result<Vec<Kept>> {
    list::read(sessions).map_err(|problem| damaged(spec, problem))
}

fn damaged(spec: &Spec, problem: Malformed) -> EngineError {
    EngineError::Stored {
        stream: spec.stream.clone(),
        problem: problem.to_owned(),
    }
}
