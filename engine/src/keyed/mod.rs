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
mod passing;
mod raising;
mod series;
mod shelves;
mod spec;
mod sum;
mod value;

use arrow::array::{Array, ArrayRef, BooleanArray};
use hashbrown::HashMap;
use tidemill_plan::model::{self, Micros, Stream};

use self::held::{Held, Mark, Row};
use self::passing::Passing;
use self::raising::Raising;
pub(crate) use self::raising::fires;
use self::series::{Results, values_of};
use self::shelves::{Passed, Shelves};
use self::spec::Spec;
use crate::aggregate::{ChunkKey, cold, times};
use crate::clock::Marks;
use crate::disk::Room;
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::Place;
use crate::rows::{Flow, batch_of};
use crate::rowwise::{Progress, Restored};
use crate::shuffle::{Arrived, Sender, Shuffled, Word};
use crate::stamp::Stamp;
use crate::streams::share;
use crate::window::{NEVER, Pane};
use crate::wire;

/// Functions over rows at work.
pub(crate) struct Over {
    spec: Spec,
    /// Where rows are sent, if it is not here that they go on.
    sender: Option<Sender>,
    held: Held,
    shelves: Shelves,
    progress: Progress,
    /// The first rows that have not gone on although the watermark has passed them, if there were too many at once.
    left: Option<Mark>,
    /// When keys were last looked through for those that are needed no longer.
    swept: Micros,
    room: Option<Room>,
}

impl Over {
    /// In the task where the rows are. With a shuffle it only sends them.
    pub(crate) fn over_rows(index: usize, stream: &Stream, over: &model::Over) -> Result<Self> {
        let mut it = Self::in_shard(stream, over)?;
        it.sender = Sender::of(index, &stream.name, it.spec.owner.stamp, &over.exchange)?;
        if it.sender.is_some() {
            it.progress.set_sends();
        }
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
            progress: Progress::new(0),
            left: None,
            swept: NEVER,
            room: None,
        })
    }

    /// Whether rows of a record that was shuffled are the stream's own.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        self.spec.owner.owns(stored)
    }

    /// The watermark of the rows that it hands on. Where they are ranked, it is the end of its window that a row is held
    /// by, and its time is the last microsecond of that.
    pub(crate) fn output_watermark(&self) -> Micros {
        let (time, _) = self.gone_on();
        time.saturating_sub(i64::from(self.spec.is_ranked()))
    }

    /// All rows before this have gone on.
    fn gone_on(&self) -> Mark {
        self.left.unwrap_or((self.progress.settled, 0))
    }

    /// Whether a flush has left rows that are to go on with the next one.
    pub(crate) fn is_closing(&self) -> bool {
        self.left.is_some()
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
                hash: wire::hash(keys.row(row)),
            });
        }
        Ok(())
    }

    /// Keeps the rows that have a time and are not late.
    fn on_time(&self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<Flow> {
        let times = times(&flow.batch, self.spec.time)?;
        let rows = times.iter().zip(flow.before.values());
        let open_from = |before| self.progress.open_from(before);
        let on_time = rows.map(|(t, &before)| t.is_some_and(|t| t >= open_from(before)));
        let on_time: BooleanArray = on_time.map(Some).collect();
        if on_time.true_count() == flow.len() {
            return Ok(flow);
        }
        for (row, before) in flow.before.values().iter().enumerate() {
            if on_time.value(row) {
                continue;
            }
            let (owner, late) = (&self.spec.owner, self.spec.late);
            let fault = match times.is_null(row) {
                true => Some(owner.without_time(self.spec.time_name())),
                false => owner.lateness(late, times.value(row), *before, 0, fx),
            };
            if let Some(fault) = fault {
                place.reject_row(&flow, row, fault, fx);
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
            let row = row.map_err(|problem| self.spec.owner.damaged(problem))?;
            if row.time >= self.progress.open_from(it.before) {
                self.held.add(&row);
                continue;
            }
            let (owner, late) = (&self.spec.owner, self.spec.late);
            if let Some(fault) = owner.lateness(late, row.time, it.before, 0, fx) {
                let columns = self.spec.decode(std::iter::once(row.row))?;
                let batch = batch_of(&self.spec.rows, columns, 1)?;
                place.reject_derived(Some(it.record), &batch, 0, fault, fx);
            }
        }
        Ok(())
    }

    /// Moves the watermark. The rows that it passes go on with the next flush.
    pub(crate) fn advance(&mut self, watermark: Micros) {
        self.progress.advance(watermark);
    }

    /// Sets the watermark without handing anything on, as after a restart: what had to go on has gone.
    pub(crate) fn resume(&mut self, watermark: Micros) {
        self.progress.resume(watermark);
        (self.swept, _) = self.gone_on();
    }

    /// Hands all rows on, as at the end of the input.
    pub(crate) fn close_all(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        self.make_ready()?;
        if self.sender.is_some() {
            return Ok(Vec::new());
        }
        if let Some(last) = self.held.last_time() {
            self.progress.close(last.saturating_add(1));
        }
        self.settle(usize::MAX, place, fx)
    }

    /// What a commit needs: rows go to their shards, or to the changelog, or on.
    pub(crate) fn flush(
        &mut self,
        word: Word,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        self.make_ready()?;
        self.progress.forget_stale(&self.spec.owner, fx);
        if self.sender.is_some() {
            self.drop_unwanted()?;
        }
        if let Some(sender) = &mut self.sender {
            let shuffle = &mut fx.shuffle;
            self.held.take(|hash, key, state| {
                let row = Shuffled {
                    pane: Pane::bucket(0),
                    closed: NEVER,
                    key,
                    state,
                };
                sender.add(hash, row, word, shuffle);
            });
            sender.send(word, shuffle);
            return Ok(Vec::new());
        }
        let most = self.room.as_ref().map_or(usize::MAX, |room| room.at_once);
        let flows = self.settle(most, place, fx)?;
        self.drop_unwanted()?;
        let (until, _) = self.gone_on();
        let Self { spec, progress, .. } = self;
        let (owner, out) = (&spec.owner, &mut fx.changelog);
        let sequence = &mut progress.sequence;
        self.held
            .log(&owner.stream, owner.stamp, until, sequence, out);
        let written = (owner.stream.as_str(), owner.stamp);
        self.shelves.log(&spec.keeping, written, sequence, out)?;
        self.sweep();
        self.shed()?;
        Ok(flows)
    }

    /// Gives up memory if it has more than it may: rows that wait and keys, as large a part of each. All is in the changelog.
    fn shed(&mut self) -> Result<()> {
        let Some(room) = self.room.as_ref().filter(|room| self.bytes() > room.bytes) else {
            return Ok(());
        };
        let goal = cold::keeps(room.bytes);
        let part = share(goal, self.held.bytes(), self.bytes());
        self.held.shed(part, room.disk.as_ref())?;
        let left = goal.saturating_sub(self.held.bytes());
        self.shelves
            .shed(&self.spec.keeping, left, room.disk.as_ref())
    }

    /// Where the first of ranked rows alone are wanted, drops others. That leaves the first as they are, whatever else comes.
    fn drop_unwanted(&mut self) -> Result<()> {
        let spec = &self.spec;
        let Some(first) = spec.first else {
            return Ok(());
        };
        for stretch in self.held.crowded(self.gone_on().0) {
            let rows = self.held.of_stretch(stretch);
            let rows = rows.map_err(|problem| spec.owner.damaged(problem))?;
            let wanted = are_first(spec, first, &rows)?;
            self.held.retain(stretch, &wanted);
        }
        Ok(())
    }

    /// Hands on the rows that the watermark has passed, about so many of them.
    fn settle(&mut self, most: usize, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        let before = self.output_watermark();
        let from = self.gone_on();
        self.progress.settle();
        self.left = None;
        let (mut flows, mut count) = (Vec::new(), 0);
        let spec = &self.spec;
        let mut passing = Passing::new(spec, &self.held, from, (self.progress.settled, 0))?;
        while let Some(due) = passing.next(most)? {
            let shelves = &mut self.shelves;
            let columns = spec.decode(due.iter().map(|row| row.row))?;
            let (results, order) = evaluate(spec, shelves, &due, &columns)?;
            fx.duplicates += results.duplicates(&spec.keeping.calls);
            let batch = spec.results(columns, &results.values)?;
            let flow = Flow::derived(batch, before, None);
            flows.push(match &spec.raising {
                None => without_failed(spec, flow, &results, place, fx)?,
                Some(raising) => {
                    let flow = without_failed(spec, flow.numbered(), &results, place, fx)?;
                    raising.raise(spec, shelves, &due, &order, &flow)?
                }
            });
            count += due.len();
            if count >= most {
                self.left = passing.end();
                break;
            }
            let room = self.room.as_ref();
            if let Some(room) = room.filter(|room| shelves.bytes() > room.bytes) {
                let written = (spec.owner.stream.as_str(), spec.owner.stamp);
                let (sequence, out) = (&mut self.progress.sequence, &mut fx.changelog);
                shelves.log(&spec.keeping, written, sequence, out)?;
                shelves.shed(&spec.keeping, cold::keeps(room.bytes), room.disk.as_ref())?;
            }
        }
        Ok(flows)
    }

    /// Now and then, drops the keys of which nothing is needed any longer.
    fn sweep(&mut self) {
        let Some(memory) = self.spec.keeping.memory else {
            return;
        };
        let (now, _) = self.gone_on();
        if now.saturating_sub(self.swept) > memory {
            self.shelves.drop_before(now.saturating_sub(memory));
            self.swept = now;
        }
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        let is_stretch = held::is_stretch(key.segment);
        match self.progress.restore(&self.spec.owner, key, value)? {
            Restored::Gone if is_stretch => self.held.forget(key),
            Restored::Gone => self.shelves.forget(key),
            Restored::Foreign => {}
            Restored::Rows(rows) if is_stretch => {
                let restored = self.held.restore(key, &rows, self.gone_on().0);
                restored.map_err(|problem| self.spec.owner.damaged(problem))?;
                self.shed()?;
            }
            Restored::Rows(rows) => {
                self.shelves.restore(key, &rows)?;
                self.shed()?;
            }
        }
        Ok(())
    }

    /// Sets what rules want of the rows.
    pub(crate) fn set_raise(&mut self, raise: Option<&model::Raise>) -> Result<()> {
        self.spec.set_raise(raise)
    }

    /// Sets how much memory the state may take.
    pub(crate) fn set_room(&mut self, room: &Room) {
        self.room = Some(room.clone());
    }

    /// Finishes what restoring has begun: the state of each key is made of what was written and of its rows.
    fn make_ready(&mut self) -> Result<()> {
        if !self.progress.has_restored() {
            return Ok(());
        }
        let spec = &self.spec;
        let until = self.gone_on();
        let from = (self.held.needed_from(until.0), 0);
        let mut passing = Passing::new(spec, &self.held, from, until)?;
        while let Some(rows) = passing.next(usize::MAX)? {
            let columns = spec.decode(rows.iter().map(|row| row.row))?;
            let arguments = spec.arguments(&columns)?;
            let mut by_key: HashMap<&[u8], Passed> = HashMap::new();
            for (i, row) in rows.iter().enumerate() {
                let passed = by_key.entry(row.key).or_default();
                let values = values_of(&arguments, i).collect();
                passed.rows.push((row.time, values));
                if spec.raising.is_some() {
                    passed.recent.push(Raising::shown(row));
                }
            }
            self.shelves.restore_rows(&spec.keeping, by_key)?;
            let room = self.room.as_ref();
            if let Some(room) = room.filter(|room| self.shelves.bytes() > room.bytes) {
                let goal = cold::keeps(room.bytes);
                self.shelves.shed(&spec.keeping, goal, room.disk.as_ref())?;
            }
        }
        self.shelves.make_ready(&spec.keeping)
    }

    /// What must be kept with the clock.
    pub(crate) fn marks(&self) -> Marks {
        Marks {
            left: self.left,
            ..self.progress.marks(&self.spec.owner)
        }
    }

    /// Takes back what was kept with the clock.
    pub(crate) fn set_marks(&mut self, marks: &[Marks]) {
        self.progress.set_marks(&self.spec.owner, marks);
        let mut own = marks.iter().filter(|m| m.stream == self.spec.owner.mark());
        self.left = own.find_map(|m| m.left);
    }

    /// How many chunks of the changelog are left from before a reset, to be forgotten with the next flush.
    pub(crate) fn stale_chunks(&self) -> usize {
        self.progress.stale_chunks()
    }

    /// How many keys it holds.
    pub(crate) fn groups(&self) -> usize {
        self.shelves.len()
    }

    /// Roughly how many bytes of memory hold what has come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        self.held.fresh_bytes()
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.held.bytes() + self.shelves.bytes()
    }
}

/// Rejects the rows for which a function gives nothing.
fn without_failed(
    spec: &Spec,
    flow: Flow,
    results: &Results,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<Flow> {
    if results.failed.is_empty() {
        return Ok(flow);
    }
    let mut good = vec![true; flow.len()];
    for (row, failure) in &results.failed {
        let Some(good) = good.get_mut(*row).filter(|good| **good) else {
            continue;
        };
        *good = false;
        let fault = spec.owner.failure((*failure).to_owned());
        place.reject_derived(None, &flow.batch, *row, fault, fx);
    }
    flow.filter(&BooleanArray::from(good))
}

/// What the functions give for rows that go on, and the order in which they were taken, key by key; the states of their
/// keys go on with them.
fn evaluate(
    spec: &Spec,
    shelves: &mut Shelves,
    due: &[Row<'_>],
    columns: &[ArrayRef],
) -> Result<(Results, Vec<usize>)> {
    let (calls, arguments) = (&spec.keeping.calls, spec.arguments(columns)?);
    let mut results = Results::new(calls.len(), due.len());
    let (order, key) = (in_order(spec, due, columns)?, key_of(due));
    if shelves.any_away() && !spec.is_ranked() {
        let keys = order.chunk_by(|&a, &b| key(a) == key(b));
        let keys = keys.filter_map(|of_key| key(*of_key.first()?));
        shelves.fetch(&spec.keeping, keys.collect())?;
    }
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
    Ok((results, order))
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
