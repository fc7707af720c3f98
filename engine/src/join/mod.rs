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

mod away;
mod kept;
mod met;
mod row;
mod spec;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use tidemill_plan::model::{self, ExprRef, Micros, Stream};

use self::kept::Kept;
use self::met::{MOST, Met};
use self::row::{Due, Row, Rows, Stored};
use self::spec::Spec;
use crate::aggregate::{ChunkKey, cold};
use crate::clock::Marks;
use crate::disk::Room;
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::{Fault, Place};
use crate::rows::Flow;
use crate::rowwise::{Progress, Restored};
use crate::shuffle::{Arrived, Sender, Shuffled, Word};
use crate::stamp::Stamp;
use crate::steps::{failing, truth};
use crate::window::{NEVER, Pane};

/// A join of two streams at work.
pub(crate) struct Joined {
    spec: Spec,
    /// Where rows are sent, if it is not here that they meet.
    sender: Option<Sender>,
    /// Rows that have come since the last flush.
    fresh: Rows,
    kept: Kept,
    progress: Progress,
    /// The first row that is due and has not gone on, if there were too many at once.
    left: Option<Due>,
    room: Option<Room>,
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
            kept: Kept::new(spec.lasts, spec.go_on_alone()),
            progress: Progress::new(spec.behind),
            spec,
            sender: None,
            fresh: Rows::default(),
            left: None,
            room: None,
        })
    }

    /// Whether rows of a record that was shuffled are the stream's own.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        self.spec.owner.owns(stored)
    }

    /// The watermark of the rows that it hands on.
    pub(crate) fn output_watermark(&self) -> Micros {
        self.gone_on().0.saturating_sub(self.spec.holds_back)
    }

    /// All rows that were due before this have gone.
    fn gone_on(&self) -> Due {
        self.left.unwrap_or((self.progress.settled, 0))
    }

    /// Whether a flush has left rows that are to go on with the next one.
    pub(crate) fn is_closing(&self) -> bool {
        self.left.is_some()
    }

    /// Takes rows in; those that are late are rejected.
    pub(crate) fn update(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        let flow = self.on_time(flow, place, fx)?;
        self.spec.add(&flow.batch, &mut self.fresh)
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
        for it in arrived {
            let stored = Stored::read(it.partial.key, it.partial.state);
            let stored = stored.map_err(|problem| self.spec.owner.damaged(problem))?;
            let Stored::Row(row) = stored else {
                return Err(self.spec.owner.damaged("it holds no row"));
            };
            if row.time >= self.progress.open_from(it.before) {
                self.fresh.add(&row);
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
        if self.sender.is_some() {
            return Ok(Vec::new());
        }
        if self.spec.any_goes_on_alone() {
            let fresh = self.fresh.iter().map(|row| self.kept.due(&row));
            if let Some(last) = fresh.chain(self.kept.last_due()).max() {
                self.progress.close(last.saturating_add(1));
            }
        }
        self.settle(usize::MAX, place, fx)
    }

    /// What a commit needs: rows go to their shards, or to the changelog, and those that belong together on.
    pub(crate) fn flush(
        &mut self,
        word: Word,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        self.progress.forget_stale(&self.spec.owner, fx);
        if let Some(sender) = &mut self.sender {
            let (fresh, mut state) = (std::mem::take(&mut self.fresh), Vec::new());
            for (at, row) in fresh.iter().enumerate() {
                state.clear();
                row.state(&mut state);
                let sent = Shuffled {
                    pane: Pane::bucket(0),
                    closed: NEVER,
                    key: row.key,
                    state: &state,
                };
                sender.add(fresh.hash(at), sent, word, &mut fx.shuffle);
            }
            sender.send(word, &mut fx.shuffle);
            return Ok(Vec::new());
        }
        let most = self.room.as_ref().map_or(usize::MAX, |room| room.at_once);
        let flows = self.settle(most, place, fx)?;
        let (settled, _) = self.gone_on();
        let (owner, out) = (&self.spec.owner, &mut fx.changelog);
        let sequence = &mut self.progress.sequence;
        self.kept
            .log((&owner.stream, owner.stamp), settled, sequence, out);
        self.shed()?;
        Ok(flows)
    }

    /// Gives up memory if it has more than it may. All that is kept must be in the changelog.
    fn shed(&mut self) -> Result<()> {
        match &self.room {
            Some(room) if self.bytes() > room.bytes => {
                let (goal, settled) = (cold::keeps(room.bytes), self.gone_on().0);
                self.kept.shed(goal, settled, room.disk.as_ref())
            }
            _ => Ok(()),
        }
    }

    /// Finds what belongs to the rows that have come, and lets go of those that are due, about so many of them.
    fn settle(&mut self, most: usize, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        let (before, from) = (self.output_watermark(), self.gone_on());
        let (_, settled) = self.progress.settle();
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.number_from(self.kept.numbered + 1);
        let (spec, kept) = (&self.spec, &mut self.kept);
        let mut meeting = Meeting {
            spec,
            met: Met::default(),
            matched: Vec::new(),
            flows: Vec::new(),
            before,
            place,
            fx,
        };
        meeting.meet(&fresh, kept)?;
        for row in fresh.iter().filter(|row| row.is_single) {
            meeting.goes_alone(&row)?;
        }
        self.left = kept.take_due(from, settled, most, |row| meeting.goes_alone(row))?;
        meeting.hand_on_alone()?;
        let flows = meeting.flows;
        fresh.clear();
        self.fresh = fresh;
        Ok(flows)
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        match self.progress.restore(&self.spec.owner, key, value)? {
            Restored::Gone => self.kept.forget(key),
            Restored::Foreign => {}
            Restored::Rows(rows) => {
                let restored = self.kept.restore(key, &rows, self.gone_on())?;
                restored.map_err(|problem| self.spec.owner.damaged(problem))?;
                self.shed()?;
            }
        }
        Ok(())
    }

    /// Sets how much memory the state may take.
    pub(crate) fn set_room(&mut self, room: &Room) {
        self.room = Some(room.clone());
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

    /// How many rows it keeps.
    pub(crate) fn groups(&self) -> usize {
        self.kept.len()
    }

    /// Roughly how many bytes of memory hold what has come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        self.fresh.bytes()
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.bytes() + self.fresh.bytes()
    }
}

/// Rows that meet with a flush.
struct Meeting<'m> {
    spec: &'m Spec,
    met: Met,
    /// Those that have been found to belong to others, of sides whose rows go on alone.
    matched: Vec<Due>,
    flows: Vec<Flow>,
    before: Micros,
    place: Place<'m>,
    fx: &'m mut Effects,
}

impl Meeting<'_> {
    /// Keeps rows, and finds what belongs to them.
    fn meet(&mut self, fresh: &Rows, kept: &mut Kept) -> Result<()> {
        let known = kept.numbered;
        fresh
            .iter()
            .filter(|row| !row.is_single)
            .for_each(|row| kept.add(&row));
        let order = fresh.by_key();
        let key = |place: u32| fresh.get(place as usize).map(|row| row.key);
        for group in order.chunk_by(|&a, &b| key(a) == key(b)) {
            let is_left = |&place: &u32| fresh.get(place as usize).is_some_and(|r| !r.is_right);
            let (left, right) = group.split_at(group.partition_point(is_left));
            let hash = group.first().map_or(0, |&place| fresh.hash(place as usize));
            // Of two that have both come now, the right one is found to be kept.
            self.meet_kept(hash, (fresh, right), known, kept)?;
            self.meet_kept(hash, (fresh, left), u64::MAX, kept)?;
            for row in self.matched.drain(..) {
                kept.set_matched(row);
            }
        }
        self.hand_on()?;
        for row in self.matched.drain(..) {
            kept.set_matched(row);
        }
        kept.settle_matched()
    }

    /// Has rows of a key and a side, in the order of their times, meet those of the other side that are kept, up to a number.
    fn meet_kept(
        &mut self,
        hash: u64,
        (fresh, places): (&Rows, &[u32]),
        last: u64,
        kept: &Kept,
    ) -> Result<()> {
        let row = |place: &u32| fresh.get(*place as usize);
        let (Some(first), Some(end)) = (places.first().and_then(row), places.last().and_then(row))
        else {
            return Ok(());
        };
        let (spec, is_right) = (self.spec, !first.is_right);
        let span = |time| spec.span(first.is_right, time);
        let span = (span(first.time).0, span(end.time).1);
        kept.visit((hash, first.key), is_right, span, |other| {
            if other.number > last {
                return Ok(());
            }
            let (from, to) = spec.span(is_right, other.time);
            let is_before = |place: &u32| row(place).is_some_and(|row| row.time < from);
            let places = places.iter().skip(places.partition_point(is_before));
            for row in places.filter_map(row).take_while(|row| row.time <= to) {
                self.met.add(&row, Some(other), |row| kept.due(row));
                if self.met.len() >= MOST {
                    self.hand_on()?;
                }
            }
            Ok(())
        })
    }

    /// Hands rows on that have met, without those for which the condition is not true.
    fn hand_on(&mut self) -> Result<()> {
        if self.met.len() == 0 {
            return Ok(());
        }
        let mut batch = self.met.batch(self.spec)?;
        let condition = self.spec.condition.as_ref();
        let mask = condition.map(|condition| self.mask(condition, &batch));
        let mask = mask.transpose()?;
        let go_on = self.spec.go_on_alone();
        for is_right in [false, true] {
            if *go_on.of(is_right) {
                let belong = |pair: usize| mask.as_ref().is_none_or(|mask| mask.value(pair));
                self.matched.extend(self.met.are_in(is_right, belong));
            }
        }
        if let Some(mask) = &mask {
            batch = filter_record_batch(&batch, mask)?;
        }
        self.met.clear();
        self.push(batch);
        Ok(())
    }

    fn push(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.flows.push(Flow::derived(batch, self.before, None));
        }
    }

    /// Has a row go on by itself, if such rows do.
    fn goes_alone(&mut self, row: &Row<'_>) -> Result<()> {
        if *self.spec.go_on_alone().of(row.is_right) {
            self.met.add(row, None, |_| NEVER);
        }
        match self.met.len() >= MOST {
            true => self.hand_on_alone(),
            false => Ok(()),
        }
    }

    /// Hands rows on that belong to none.
    fn hand_on_alone(&mut self) -> Result<()> {
        if self.met.len() == 0 {
            return Ok(());
        }
        let batch = self.met.batch(self.spec)?;
        self.met.clear();
        self.push(batch);
        Ok(())
    }

    /// Where a condition is true. Rows for which it fails are rejected.
    fn mask(&mut self, condition: &ExprRef, batch: &RecordBatch) -> Result<BooleanArray> {
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
            self.place.reject_derived(None, batch, row, fault, self.fx);
        }
        let rest = filter_record_batch(batch, &BooleanArray::from(good.clone()))?;
        let rest = truth(condition, &rest)?;
        let mut rest = rest.values().iter();
        let mask = good.iter().map(|&good| good && rest.next() == Some(true));
        Ok(mask.map(Some).collect())
    }
}
