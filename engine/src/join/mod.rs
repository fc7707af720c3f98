//! Rows of two streams that belong together: `a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - … AND a.ts + …`.
//!
//! Rows of both sides come in together. With a flush each is held against the rows of the other side that are *kept*, and
//! is kept itself, until the watermark says that no row can come which belongs to it: it is *due*. If it has found none
//! by then, and is of a side whose rows go on alone, it goes on with nulls. So every two rows on time that belong
//! together are found once, in whatever order they come.
//!
//! The changelog has the rows that are kept, by when they are due; and which of them have found others since.
//!
//! With a shuffle, the rows themselves travel. Those that are late in their own source partition do not.

mod kept;
mod row;
mod spec;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use tidemill_plan::model::{self, ExprRef, Micros, Stream};

use self::kept::{Kept, Place as At};
use self::row::{Row, Stored};
use self::spec::Spec;
use crate::aggregate::ChunkKey;
use crate::clock::Marks;
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::{Fault, Place};
use crate::rows::Flow;
use crate::rowwise::{Progress, Restored};
use crate::shuffle::{Arrived, Sender, Shuffled, Word};
use crate::stamp::Stamp;
use crate::steps::{failing, truth};
use crate::window::{NEVER, Pane};
use crate::wire;

/// Rows that belong together go on in batches of no more than this.
const MOST: usize = 8192;

/// Two rows, or one that belongs to none.
type Pair = (Option<At>, Option<At>);

/// A join of two streams at work.
pub(crate) struct Joined {
    spec: Spec,
    /// Where rows are sent, if it is not here that they meet.
    sender: Option<Sender>,
    /// Rows that have come since the last flush.
    fresh: Vec<Row>,
    fresh_bytes: usize,
    kept: Kept,
    progress: Progress,
}

impl Joined {
    /// In the task where the rows are. With a shuffle it only sends them.
    pub(crate) fn over_rows(index: usize, stream: &Stream, join: &model::Join) -> Result<Self> {
        let mut it = Self::in_shard(stream, join)?;
        it.sender = Sender::of(index, &stream.name, it.spec.owner.stamp, &join.exchange)?;
        if it.sender.is_some() {
            it.progress.set_sends();
        }
        Ok(it)
    }

    /// In a shard, where rows come together.
    pub(crate) fn in_shard(stream: &Stream, join: &model::Join) -> Result<Self> {
        let spec = Spec::new(stream, join)?;
        Ok(Self {
            kept: Kept::new(spec.lasts),
            progress: Progress::new(spec.behind),
            spec,
            sender: None,
            fresh: Vec::new(),
            fresh_bytes: 0,
        })
    }

    /// Whether rows of a record that was shuffled are the stream's own.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        self.spec.owner.owns(stored)
    }

    /// The watermark of the rows that it hands on.
    pub(crate) fn output_watermark(&self) -> Micros {
        self.progress.settled.saturating_sub(self.spec.holds_back)
    }

    /// Takes rows in; those that are late are rejected.
    pub(crate) fn update(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        self.make_ready();
        let flow = self.on_time(flow, place, fx)?;
        let rows = self.spec.rows(&flow.batch)?;
        self.fresh_bytes += rows.iter().map(Row::bytes).sum::<usize>();
        self.fresh.extend(rows);
        Ok(())
    }

    /// Keeps the rows that have a time and are not late.
    fn on_time(&self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<Flow> {
        let spec = &self.spec;
        let (times, sides) = spec.times_and_sides(&flow.batch)?;
        let rows = times.iter().zip(flow.before.values());
        let on_time =
            rows.map(|(t, &before)| t.is_some_and(|t| t >= self.progress.open_from(before)));
        let on_time: BooleanArray = on_time.map(Some).collect();
        if on_time.true_count() == flow.len() {
            return Ok(flow);
        }
        for (row, before) in flow.before.values().iter().enumerate() {
            if on_time.value(row) {
                continue;
            }
            let is_right = sides.value(row);
            let fault = match times.is_null(row) {
                true => Some(spec.owner.without_time(Some(&spec.sides.of(is_right).time))),
                false => self.lateness(times.value(row), *before, fx),
            };
            let Some(fault) = fault else {
                continue;
            };
            let batch = spec.sides.of(is_right).batch(&flow.batch)?;
            place.reject_row(&flow.clone().with_batch(batch), row, fault, fx);
        }
        flow.filter(&on_time)
    }

    /// Takes in rows that were shuffled; those that are late are rejected.
    pub(crate) fn receive(
        &mut self,
        arrived: Vec<Arrived<'_>>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        self.make_ready();
        for it in arrived {
            let stored = Stored::read(it.partial.key, it.partial.state);
            let stored = stored.map_err(|problem| self.spec.owner.damaged(problem))?;
            let Stored::Row(row) = stored else {
                return Err(self.spec.owner.damaged("it holds no row"));
            };
            if row.time >= self.progress.open_from(it.before) {
                self.fresh_bytes += row.bytes();
                self.fresh.push(row);
            } else if let Some(fault) = self.lateness(row.time, it.before, fx) {
                let batch = self.spec.sides.of(row.is_right).decode(&row)?;
                place.reject_derived(Some(it.record), &batch, 0, fault, fx);
            }
        }
        Ok(())
    }

    fn lateness(&self, time: Micros, before: Micros, fx: &mut Effects) -> Option<Fault<'_>> {
        let spec = &self.spec;
        spec.owner
            .lateness(spec.late, time, before, spec.behind, fx)
    }

    /// Moves the watermark. What is due goes with the next flush.
    pub(crate) fn advance(&mut self, watermark: Micros) {
        self.progress.advance(watermark);
    }

    /// Sets the watermark without handing anything on, as after a restart: what had to go on has gone.
    pub(crate) fn resume(&mut self, watermark: Micros) {
        self.progress.resume(watermark);
    }

    /// Hands all rows on, as at the end of the input. Where rows go on alone, none may come later that belongs to them.
    pub(crate) fn close_all(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        self.make_ready();
        if self.sender.is_some() {
            return Ok(Vec::new());
        }
        if self.spec.any_goes_on_alone() {
            let fresh = self.fresh.iter().map(|row| self.kept.due(row));
            if let Some(last) = fresh.chain(self.kept.last_due()).max() {
                self.progress.close(last.saturating_add(1));
            }
        }
        self.settle(place, fx)
    }

    /// What a commit needs: rows go to their shards, or to the changelog, and those that belong together on.
    pub(crate) fn flush(
        &mut self,
        word: Word,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        self.make_ready();
        self.progress.forget_stale(&self.spec.owner, fx);
        if let Some(sender) = &mut self.sender {
            self.fresh_bytes = 0;
            for row in self.fresh.drain(..) {
                let state = row.state();
                let sent = Shuffled {
                    pane: Pane::bucket(0),
                    closed: NEVER,
                    key: row.key(),
                    state: &state,
                };
                sender.add(wire::hash(row.key()), sent, word, &mut fx.shuffle);
            }
            sender.send(word, &mut fx.shuffle);
            return Ok(Vec::new());
        }
        let flows = self.settle(place, fx)?;
        let (owner, out) = (&self.spec.owner, &mut fx.changelog);
        let (settled, sequence) = (self.progress.settled, &mut self.progress.sequence);
        self.kept
            .log((&owner.stream, owner.stamp), settled, sequence, out);
        Ok(flows)
    }

    /// Finds what belongs to the rows that have come, and lets go of those that are due.
    fn settle(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        let before = self.output_watermark();
        let (_, settled) = self.progress.settle();
        self.fresh_bytes = 0;
        let (mut flows, mut pairs) = (Vec::new(), Vec::new());
        for row in std::mem::take(&mut self.fresh) {
            let (is_right, span) = (row.is_right, self.spec.span(&row));
            let others: Vec<At> = self.kept.others(&row, span).collect();
            let own = self.kept.add(row);
            for other in others {
                pairs.push(pair(is_right, own, Some(other)));
                if pairs.len() >= MOST {
                    flows.extend(self.together(&std::mem::take(&mut pairs), before, place, fx)?);
                }
            }
        }
        flows.extend(self.together(&pairs, before, place, fx)?);
        let due = self.kept.take_due(settled);
        for due in due.chunks(MOST) {
            let alone: Vec<Pair> = due.iter().filter_map(|&at| self.alone(at)).collect();
            if !alone.is_empty() {
                let batch = self.spec.pairs(&self.kept, &alone)?;
                flows.push(Flow::derived(batch, before, None));
            }
        }
        self.kept.remove(&due);
        Ok(flows)
    }

    /// A row that goes on by itself, if it does.
    fn alone(&self, at: At) -> Option<Pair> {
        let row = self.kept.get(at)?;
        let goes_on = !row.is_matched && self.spec.goes_on_alone(row);
        goes_on.then(|| pair(row.is_right, at, None))
    }

    /// Rows that have met, without those for which the condition is not true.
    fn together(
        &mut self,
        pairs: &[Pair],
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Option<Flow>> {
        if pairs.is_empty() {
            return Ok(None);
        }
        let mut batch = self.spec.pairs(&self.kept, pairs)?;
        let condition = self.spec.condition.as_ref();
        let mask = condition.map(|condition| self.mask(condition, &batch, place, fx));
        let mask = mask.transpose()?;
        if self.spec.any_goes_on_alone() {
            let belong = |row: usize| mask.as_ref().is_none_or(|mask| mask.value(row));
            for (_, (left, right)) in pairs.iter().enumerate().filter(|(row, _)| belong(*row)) {
                let both = left.iter().chain(right);
                both.for_each(|&at| self.kept.set_matched(at));
            }
        }
        if let Some(mask) = &mask {
            batch = filter_record_batch(&batch, mask)?;
        }
        let any = batch.num_rows() > 0;
        Ok(any.then(|| Flow::derived(batch, before, None)))
    }

    /// Where a condition is true. Rows for which it fails are rejected.
    fn mask(
        &self,
        condition: &ExprRef,
        batch: &RecordBatch,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<BooleanArray> {
        if let Ok(mask) = truth(condition, batch) {
            return Ok(mask);
        }
        let mut faults = Vec::new();
        let attempt = |rows: std::ops::Range<usize>| {
            truth(condition, &batch.slice(rows.start, rows.len())).map(drop)
        };
        failing(0..batch.num_rows(), &attempt, &mut faults);
        let mut good = vec![true; batch.num_rows()];
        for (row, message) in faults {
            if let Some(good) = good.get_mut(row) {
                *good = false;
            }
            let fault = self.spec.owner.failure(message);
            place.reject_derived(None, batch, row, fault, fx);
        }
        let rest = filter_record_batch(batch, &BooleanArray::from(good.clone()))?;
        let rest = truth(condition, &rest)?;
        let mut rest = rest.values().iter();
        let mask = good.iter().map(|&good| good && rest.next() == Some(true));
        Ok(mask.map(Some).collect())
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        match self.progress.restore(&self.spec.owner, key, value)? {
            Restored::Gone => self.kept.forget(key),
            Restored::Foreign => {}
            Restored::Rows(rows) => {
                let stored = rows
                    .iter()
                    .map(|(row_key, state)| Stored::read(row_key, state));
                let stored = stored.collect::<Result<Vec<_>, _>>();
                let stored = stored.map_err(|problem| self.spec.owner.damaged(problem))?;
                self.kept.restore(key, stored, self.progress.settled);
            }
        }
        Ok(())
    }

    /// Finishes what restoring has begun.
    fn make_ready(&mut self) {
        if self.progress.has_restored() {
            self.kept.make_ready();
        }
    }

    /// What must be kept with the clock.
    pub(crate) fn marks(&self) -> Marks {
        self.progress.marks(&self.spec.owner)
    }

    /// Takes back what was kept with the clock.
    pub(crate) fn set_marks(&mut self, marks: &[Marks]) {
        self.progress.set_marks(&self.spec.owner, marks);
    }

    /// How many chunks of the changelog are left from before a reset, to be forgotten with the next flush.
    pub(crate) fn stale_chunks(&self) -> usize {
        self.progress.stale_chunks()
    }

    /// How many keys it holds.
    pub(crate) fn groups(&self) -> usize {
        self.kept.keys()
    }

    /// Roughly how many bytes of memory hold what has come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        self.fresh_bytes
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.bytes() + self.fresh_bytes
    }
}

/// A row with one of the other side.
fn pair(is_right: bool, own: At, other: Option<At>) -> Pair {
    match is_right {
        true => (other, Some(own)),
        false => (Some(own), other),
    }
}
