//! Functions over the rows of a key: `sum(x) OVER (PARTITION BY k ORDER BY ts …)`.
//!
//! Rows are *held* until the watermark has passed their time. Then they go on with a flush, in the order of time, each
//! with what the functions give of the rows of its key up to it. What the functions need of rows that have gone on is
//! the key's *series*: the rows in their frames, and sums and the like, which rows enter and leave one by one.
//!
//! The changelog has the rows that are held, and those that have gone on as long as a frame told by time may need them.
//! What lasts beyond any time (a frame of so many rows, or of all) is written by key when it changes.
//!
//! With a shuffle, the rows themselves travel. Those that are late in their own source partition do not.

mod frame;
mod held;
mod series;
mod shelves;
mod spec;
mod sum;
mod value;

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, BooleanArray};
use hashbrown::HashMap;
use tidemill_plan::model::{self, Exchange, Late, Micros, Stream};
use tidemill_plan::resets;

use self::held::{Held, Row};
use self::series::{Kept, Results, values_of};
use self::shelves::Shelves;
use self::spec::Spec;
use crate::aggregate::{ChunkKey, chunk, times};
use crate::clock::Marks;
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::Reason;
use crate::reject::{Fault, Place};
use crate::rows::{Flow, batch_of};
use crate::shuffle::{Arrived, Sender, Shuffled, Word};
use crate::stamp::Stamp;
use crate::window::{NEVER, Pane};
use crate::wire;

/// Functions over rows at work.
pub(crate) struct Over {
    spec: Spec,
    /// Where rows are sent, if it is not here that they go on.
    sender: Option<Sender>,
    held: Held,
    shelves: Shelves,
    /// Chunks of the changelog that are left from before a reset: segment and number.
    stale: BTreeSet<(Pane, u64)>,
    /// Something was taken back of the changelog, and has not been put to use.
    restoring: bool,
    /// The watermark of the rows that come in.
    watermark: Micros,
    /// All rows before this have gone on.
    settled: Micros,
    /// The same, if that is more than the watermark demanded.
    closed: Micros,
    /// When keys were last looked through for those that are needed no longer.
    swept: Micros,
    /// The last number given to a chunk.
    sequence: u64,
}

impl Over {
    /// In the task where the rows are. With a shuffle it only sends them.
    pub(crate) fn over_rows(index: usize, stream: &Stream, over: &model::Over) -> Result<Self> {
        let mut it = Self::in_shard(stream, over)?;
        it.sender = match over.exchange {
            Exchange::Local => None,
            Exchange::Shuffle { shards: 0 } => {
                let message = format!("stream `{}` is spread over no shards", stream.name);
                return Err(EngineError::Plan(message));
            }
            Exchange::Shuffle { shards } => Some(Sender::new(index, it.spec.stamp, shards)),
        };
        Ok(it)
    }

    /// In a shard, where rows come together.
    pub(crate) fn in_shard(stream: &Stream, over: &model::Over) -> Result<Self> {
        let spec = Spec::new(stream, over)?;
        Ok(Self {
            held: Held::new(spec.span),
            spec,
            sender: None,
            shelves: Shelves::default(),
            stale: BTreeSet::new(),
            restoring: false,
            watermark: NEVER,
            settled: NEVER,
            closed: NEVER,
            swept: NEVER,
            sequence: 0,
        })
    }

    /// Whether rows of a record that was shuffled are the stream's own.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        let (spec, lost) = (&self.spec, resets::LOST_ROWS);
        let stream = tidemill_plan::stream_of(&spec.stream);
        spec.stamp.owns(stored, stream, spec.drops_misfits, lost)
    }

    /// The watermark of the rows that it hands on. Where they are ranked, it is the end of its window that a row is held
    /// by, and its time is the last microsecond of that.
    pub(crate) fn output_watermark(&self) -> Micros {
        self.settled
            .saturating_sub(i64::from(self.spec.is_ranked()))
    }

    /// Takes rows in; those that are late are rejected.
    pub(crate) fn update(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        self.make_ready()?;
        let flow = self.on_time(flow, place, fx)?;
        let (keys, rows) = self.spec.encode(&flow.batch)?;
        let times = times(&flow.batch, self.spec.time)?.values().iter();
        for (row, &time) in times.enumerate() {
            self.held.add(&Row {
                time,
                partition: place.partition,
                offset: place.offset(&flow, row).unwrap_or(0),
                row: rows.row(row),
                key: keys.row(row),
            });
        }
        Ok(())
    }

    /// All rows before this have gone on, and no other can. Where rows are only sent, others decide about that.
    fn gone(&self) -> Micros {
        match self.sender {
            Some(_) => self.closed,
            None => self.closed.max(self.settled),
        }
    }

    /// Keeps the rows that have a time and are not late.
    fn on_time(&self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<Flow> {
        let times = times(&flow.batch, self.spec.time)?;
        let (rows, gone) = (times.iter().zip(flow.before.values()), self.gone());
        let on_time = rows.map(|(t, &before)| t.is_some_and(|t| t >= before.max(gone)));
        let on_time: BooleanArray = on_time.map(Some).collect();
        if on_time.true_count() == flow.len() {
            return Ok(flow);
        }
        for (row, before) in flow.before.values().iter().enumerate() {
            if on_time.value(row) {
                continue;
            }
            match (times.is_null(row), self.spec.late) {
                (true, _) => place.reject_row(&flow, row, self.spec.without_time(), fx),
                (false, Late::Drop) => fx.late_dropped += 1,
                (false, Late::DeadLetter) => {
                    let late = self.spec.lateness(times.value(row), *before);
                    place.reject_row(&flow, row, late, fx);
                }
            }
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
        self.make_ready()?;
        for it in arrived {
            let row = Row::read(it.partial.key, it.partial.state);
            let row = row.map_err(|problem| self.spec.damaged(problem))?;
            if row.time >= it.before.max(self.gone()) {
                self.held.add(&row);
            } else if self.spec.late == Late::Drop {
                fx.late_dropped += 1;
            } else {
                let columns = self.spec.decode(std::iter::once(row.row))?;
                let batch = batch_of(&self.spec.rows, columns, 1)?;
                let late = self.spec.lateness(row.time, it.before);
                place.reject_derived(Some(it.record), &batch, 0, late, fx);
            }
        }
        Ok(())
    }

    /// Moves the watermark. The rows that it passes go on with the next flush.
    pub(crate) fn advance(&mut self, watermark: Micros) {
        self.watermark = self.watermark.max(watermark);
    }

    /// Sets the watermark without handing anything on, as after a restart: what had to go on has gone.
    pub(crate) fn resume(&mut self, watermark: Micros) {
        self.watermark = self.watermark.max(watermark);
        self.settled = self.watermark.max(self.closed);
        self.swept = self.settled;
    }

    /// Hands all rows on, as at the end of the input.
    pub(crate) fn close_all(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        self.make_ready()?;
        if self.sender.is_some() {
            return Ok(Vec::new());
        }
        if let Some(last) = self.held.last_time() {
            self.closed = self.closed.max(last.saturating_add(1));
        }
        self.settle(place, fx)
    }

    /// What a commit needs: rows go to their shards, or to the changelog, or on.
    pub(crate) fn flush(
        &mut self,
        word: Word,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        self.make_ready()?;
        self.forget_stale(fx);
        if self.sender.is_some() {
            self.drop_unwanted()?;
        }
        if let Some(sender) = &mut self.sender {
            let shuffle = &mut fx.shuffle;
            self.held.take(|key, state| {
                let row = Shuffled {
                    pane: Pane::bucket(0),
                    closed: NEVER,
                    key,
                    state,
                };
                sender.add(wire::hash(key), row, word, shuffle);
            });
            sender.send(word, shuffle);
            return Ok(Vec::new());
        }
        let flows = self.settle(place, fx)?;
        self.drop_unwanted()?;
        let Self { spec, sequence, .. } = self;
        let (stream, stamp, out) = (&spec.stream, spec.stamp, &mut fx.changelog);
        self.held.log(stream, stamp, self.settled, sequence, out);
        self.shelves
            .log(&spec.keeping, stream, stamp, sequence, out);
        self.sweep();
        Ok(flows)
    }

    /// Where the first of ranked rows alone are wanted, drops others. That leaves the first as they are, whatever else comes.
    fn drop_unwanted(&mut self) -> Result<()> {
        let spec = &self.spec;
        let Some(first) = spec.first else {
            return Ok(());
        };
        for stretch in self.held.crowded(self.settled) {
            let rows = self.held.of_stretch(stretch);
            let rows = rows.map_err(|problem| spec.damaged(problem))?;
            let wanted = are_first(spec, first, &rows)?;
            self.held.retain(stretch, &wanted);
        }
        Ok(())
    }

    /// Hands on the rows that the watermark has passed.
    fn settle(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        let (from, before) = (self.settled, self.output_watermark());
        let until = self.watermark.max(self.closed).max(from);
        self.settled = until;
        let (spec, shelves) = (&self.spec, &mut self.shelves);
        let due = self.held.between(from, until);
        let due = due.map_err(|problem| spec.damaged(problem))?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let columns = spec.decode(due.iter().map(|row| row.row))?;
        let results = evaluate(spec, shelves, &due, &columns)?;
        fx.duplicates += results.duplicates(&spec.keeping.calls);
        let batch = spec.results(columns, &results.values)?;
        let flow = Flow::derived(batch, before, None);
        self.without_failed(flow, &results, place, fx)
    }

    /// Rejects the rows for which a function gives nothing.
    fn without_failed(
        &self,
        flow: Flow,
        results: &Results,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        if results.failed.is_empty() {
            return Ok(vec![flow]);
        }
        let mut good = vec![true; flow.len()];
        for (row, failure) in &results.failed {
            let Some(good) = good.get_mut(*row).filter(|good| **good) else {
                continue;
            };
            *good = false;
            let fault = Fault {
                stream: Some(&self.spec.stream),
                reason: Reason::ExpressionFailed,
                column: None,
                message: (*failure).to_owned(),
            };
            place.reject_derived(None, &flow.batch, *row, fault, fx);
        }
        Ok(vec![flow.filter(&BooleanArray::from(good))?])
    }

    /// Now and then, drops the keys of which nothing is needed any longer.
    fn sweep(&mut self) {
        let Some(memory) = self.spec.keeping.memory else {
            return;
        };
        if self.settled.saturating_sub(self.swept) > memory {
            let needed = self.settled.saturating_sub(memory);
            self.shelves.drop_before(needed);
            self.swept = self.settled;
        }
    }

    fn forget_stale(&mut self, fx: &mut Effects) {
        for (segment, sequence) in std::mem::take(&mut self.stale) {
            let key = ChunkKey {
                stream: &self.spec.stream,
                segment,
                sequence,
            };
            fx.changelog.push(key.tombstone());
        }
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        self.sequence = self.sequence.max(key.sequence);
        self.restoring = true;
        let is_stretch = held::is_stretch(key.segment);
        let Some(value) = value else {
            self.stale.remove(&(key.segment, key.sequence));
            if is_stretch {
                self.held.forget(key);
            } else {
                self.shelves.forget(key);
            }
            return Ok(());
        };
        let chunk = chunk::read(value).map_err(|problem| self.spec.damaged(problem))?;
        if !self.owns(chunk.stamp)? {
            self.stale.insert((key.segment, key.sequence));
        } else if is_stretch {
            let restored = self.held.restore(key, &chunk.rows);
            restored.map_err(|problem| self.spec.damaged(problem))?;
        } else {
            self.shelves.restore(key, &chunk.rows);
        }
        Ok(())
    }

    /// Finishes what restoring has begun: the state of each key is made of what was written and of its rows.
    fn make_ready(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.restoring) {
            return Ok(());
        }
        let spec = &self.spec;
        let from = self.held.needed_from(self.settled);
        let rows = self.held.between(from, self.settled);
        let rows = rows.map_err(|problem| spec.damaged(problem))?;
        let columns = spec.decode(rows.iter().map(|row| row.row))?;
        let arguments = spec.arguments(&columns)?;
        let mut by_key: HashMap<Vec<u8>, Vec<Kept>> = HashMap::new();
        for (i, row) in rows.iter().enumerate() {
            let kept = by_key.entry_ref(row.key).or_default();
            kept.push((row.time, values_of(&arguments, i).collect()));
        }
        let ready = self.shelves.make_ready(&spec.keeping, by_key);
        ready.map_err(|problem| spec.damaged(problem))
    }

    /// What must be kept with the clock.
    pub(crate) fn marks(&self) -> Marks {
        Marks {
            stream: self.spec.mark,
            closed: (self.closed > self.watermark).then_some(self.closed),
            emitted: None,
        }
    }

    /// Takes back what was kept with the clock.
    pub(crate) fn set_marks(&mut self, marks: &[Marks]) {
        let own = marks.iter().filter(|m| m.stream == self.spec.mark);
        for closed in own.filter_map(|m| m.closed) {
            self.closed = self.closed.max(closed);
        }
    }

    /// There are no windows.
    pub(crate) fn open_windows(&self) -> usize {
        0
    }

    /// How many chunks of the changelog are left from before a reset, to be forgotten with the next flush.
    pub(crate) fn stale_chunks(&self) -> usize {
        self.stale.len()
    }

    /// How many keys it holds.
    pub(crate) fn groups(&self) -> usize {
        self.shelves.len()
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.held.bytes() + self.shelves.bytes()
    }
}

/// What the functions give for rows that go on; the states of their keys go on with them.
fn evaluate(
    spec: &Spec,
    shelves: &mut Shelves,
    due: &[Row<'_>],
    columns: &[ArrayRef],
) -> Result<Results> {
    let (calls, arguments) = (&spec.keeping.calls, spec.arguments(columns)?);
    let mut results = Results::new(calls.len(), due.len());
    let (order, key) = (in_order(spec, due, columns)?, key_of(due));
    let time = |row: usize| due.get(row).map(|r| r.time);
    for of_key in order.chunk_by(|&a, &b| key(a) == key(b)) {
        if spec.is_ranked() {
            results.number(of_key);
            continue;
        }
        let Some(first) = of_key.first().and_then(|&row| due.get(row)) else {
            continue;
        };
        shelves.change(&spec.keeping, first.key, |series| {
            for of_time in of_key.chunk_by(|&a, &b| time(a) == time(b)) {
                let time = of_time.first().and_then(|&row| time(row));
                let time = time.unwrap_or(first.time);
                series.take(calls, time, of_time, &arguments, &mut results);
            }
        });
    }
    Ok(results)
}

/// Whether each of some rows is among so many first of its key.
fn are_first(spec: &Spec, first: u64, rows: &[Row<'_>]) -> Result<Vec<bool>> {
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let columns = spec.decode(rows.iter().map(|row| row.row))?;
    let (order, key) = (in_order(spec, rows, &columns)?, key_of(rows));
    let mut are = vec![false; rows.len()];
    for of_key in order.chunk_by(|&a, &b| key(a) == key(b)) {
        for &row in of_key.iter().take(first) {
            are.get_mut(row).into_iter().for_each(|it| *it = true);
        }
    }
    Ok(are)
}

/// The keys of rows.
fn key_of<'r>(rows: &'r [Row<'_>]) -> impl Fn(usize) -> Option<&'r [u8]> {
    |row| rows.get(row).map(|row| row.key)
}

/// The places of rows by key; of a key they are by rank, and where that tells nothing by time and as they were read.
fn in_order(spec: &Spec, rows: &[Row<'_>], columns: &[ArrayRef]) -> Result<Vec<usize>> {
    let (ranks, key) = (spec.ranks(columns)?, key_of(rows));
    let rank = |row: usize| ranks.as_ref().map(|ranks| ranks.row(row));
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_unstable_by(|&a, &b| {
        let by_rank = || rank(a).cmp(&rank(b));
        let as_read = || rows.get(a).cmp(&rows.get(b));
        key(a).cmp(&key(b)).then_with(by_rank).then_with(as_read)
    });
    Ok(order)
}
