//! Joins of which rows wait: one that finds nothing in a table stays until it does, or the watermark has passed its time by
//! so much. Then it goes on with what there is.
//!
//! Whether a row waits at all is told by its time and the watermark before it. When it finds something depends on when the
//! table is read, as it does for a row that comes later: with each flush, if a table has changed, all rows are looked up
//! anew.
//!
//! The changelog has rows in small chunks, those that came together by when their time is up. A chunk is written again when
//! some of its rows have gone on, and forgotten with the last. A chunk is in memory or on disk, never in both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array};
use arrow::datatypes::SchemaRef;
use tidemill_plan::model::{Await, Micros, Step, Stream};

use super::{Missed, Tables};
use crate::aggregate::cold::{self, Cold, damaged};
use crate::aggregate::rowbytes::RowCodec;
use crate::aggregate::{ChunkKey, chunk, times};
use crate::clock::Marks;
use crate::disk::{Room, Row as DiskRow};
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::Place;
use crate::rows::{Flow, batch_of};
use crate::rowwise::Owner;
use crate::steps;
use crate::window::{NEVER, Pane};
use crate::wire::{Malformed, Reader, Writer};

/// The most rows of a chunk: so many are written again when one of them goes on.
const CHUNK_ROWS: usize = 64;
/// A chunk takes about so much memory besides its rows.
const BESIDE: usize = 96;
/// So many chunks are looked up together.
const AT_ONCE: usize = if cfg!(test) { 3 } else { 64 };

/// Where all chunks are.
const SEGMENT: Pane = Pane { start: 0, first: 0 };

/// A row that waits.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// When its time is up.
    until: Micros,
    /// The watermark before it.
    before: Micros,
    /// Where its bytes end.
    end: usize,
}

/// Rows in one piece of memory.
#[derive(Debug, Default)]
struct Rows {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// When the first time is up.
    first: Option<Micros>,
}

impl Rows {
    fn add(&mut self, until: Micros, before: Micros, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.first = Some(self.first.map_or(until, |first| first.min(until)));
        let end = self.bytes.len();
        self.entries.push(Entry { until, before, end });
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    /// Rows with their bytes.
    fn iter(&self) -> impl Iterator<Item = (Entry, &[u8])> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let start = std::mem::replace(&mut start, entry.end);
            let bytes = self.bytes.get(start..entry.end).unwrap_or_default();
            (*entry, bytes)
        })
    }

    /// Roughly how many bytes of memory it holds.
    fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// As bytes.
    fn pack(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        for (entry, bytes) in self.iter() {
            writer.signed(entry.until);
            writer.signed(entry.before);
            writer.bytes(bytes);
        }
        writer.unsealed()
    }

    fn unpack(bytes: &[u8]) -> Result<Self, Malformed> {
        let (mut rows, mut reader) = (Self::default(), Reader::unsealed(bytes));
        while !reader.is_empty() {
            rows.add(reader.signed()?, reader.signed()?, reader.bytes()?);
        }
        Ok(rows)
    }
}

/// Rows that are written together.
#[derive(Debug)]
struct Chunk {
    /// None where they are on disk.
    rows: Option<Box<Rows>>,
    count: usize,
    /// When the first time is up.
    first: Micros,
}

/// Joins at work.
pub(crate) struct Awaiting {
    owner: Owner,
    steps: Vec<Step>,
    time: usize,
    span: Micros,
    schema: SchemaRef,
    codec: RowCodec,
    tables: Option<Tables>,
    /// Rows that are not in the changelog yet.
    fresh: Rows,
    /// By their numbers.
    chunks: BTreeMap<u64, Chunk>,
    /// When the first time of each is up.
    firsts: BTreeSet<(Micros, u64)>,
    /// How many rows there are in chunks, and how many bytes those in memory have.
    count: usize,
    bytes: usize,
    cold: Option<Cold>,
    room: Option<Room>,
    /// Chunks of which rows have gone on since the last flush.
    touched: BTreeSet<u64>,
    /// Chunks of the changelog that are left from before a reset.
    stale: BTreeSet<u64>,
    /// Rows that have gone on and are to be handed on.
    ready: Vec<Flow>,
    watermark: Micros,
    /// The last number that was given to a chunk.
    sequence: u64,
    /// How often tables had changed when rows were last looked up.
    seen: u64,
}

impl Awaiting {
    pub(crate) fn new(stream: &Stream, wait: &Await) -> Result<Self> {
        let fields = wait.schema.fields().iter();
        let identity: Vec<String> = fields
            .clone()
            .map(|f| format!("{}:{}", f.name(), f.data_type()))
            .collect();
        Ok(Self {
            owner: Owner::new(stream, &format!("await {}", identity.join(","))),
            steps: wait.steps.clone(),
            time: wait.time,
            span: wait.span,
            codec: RowCodec::new(fields.map(|f| f.data_type().clone()).collect())?,
            schema: Arc::clone(&wait.schema),
            tables: None,
            fresh: Rows::default(),
            chunks: BTreeMap::new(),
            firsts: BTreeSet::new(),
            count: 0,
            bytes: 0,
            cold: None,
            room: None,
            touched: BTreeSet::new(),
            stale: BTreeSet::new(),
            ready: Vec::new(),
            watermark: NEVER,
            sequence: 0,
            seen: 0,
        })
    }

    /// Sets what rows are joined with.
    pub(crate) fn set_tables(&mut self, tables: &Tables) {
        self.tables = Some(tables.clone());
    }

    /// Whether rows that wait may find something now.
    pub(crate) fn has_news(&self) -> bool {
        self.len() > 0 && self.news().is_some()
    }

    /// How often tables have changed, if that is more often than when rows were last looked up.
    fn news(&self) -> Option<u64> {
        let changes = self.tables.as_ref().and_then(Tables::changes);
        changes.filter(|changes| *changes != self.seen)
    }

    /// The watermark of the rows that it hands on.
    pub(crate) fn output_watermark(&self) -> Micros {
        self.watermark.saturating_sub(self.span)
    }

    /// Takes rows in: those that find nothing, and whose time is not up, wait.
    pub(crate) fn update(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        let times = times(&flow.batch, self.time)?;
        let until: Vec<Option<Micros>> = times
            .iter()
            .zip(flow.before.values())
            .map(|(time, before)| Some(time?.saturating_add(self.span)).filter(|up| up > before))
            .collect();
        let may_wait: BooleanArray = until.iter().map(|up| Some(up.is_some())).collect();
        if may_wait.true_count() < flow.len() {
            let late = flow.filter(&arrow::compute::not(&may_wait)?)?;
            self.join(late, None, place, fx)?;
        }
        if may_wait.true_count() == 0 {
            return Ok(());
        }
        let flow = flow.filter(&may_wait)?;
        let until: Vec<Micros> = until.into_iter().flatten().collect();
        let mut missed = Missed::new();
        self.join(flow.clone(), Some(&mut missed), place, fx)?;
        if missed.is_empty() {
            return Ok(());
        }
        let rows = self.codec.encode(flow.batch.columns().to_vec())?;
        for row in missed {
            let row = row as usize;
            let (Some(&until), Some(&before)) = (until.get(row), flow.before.values().get(row))
            else {
                continue;
            };
            self.fresh.add(until, before, rows.row(row));
        }
        Ok(())
    }

    /// Joins rows, and makes those ready that are not to wait: all, if it is not asked which find nothing.
    fn join(
        &mut self,
        flow: Flow,
        mut missed: Option<&mut Missed>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        let flow = flow.numbered();
        let tables = self.tables.as_ref();
        let joined = steps::run_missing(
            &self.steps,
            flow,
            &self.owner.stream,
            tables,
            place,
            fx,
            missed.as_deref_mut(),
        )?;
        for flow in joined {
            // Of a row that waits for one of its partners nothing goes on.
            let flow = match (&missed, &flow.number) {
                (Some(missed), Some(numbers)) if !missed.is_empty() => {
                    let goes = numbers.values().iter().map(|n| Some(!missed.contains(n)));
                    flow.filter(&goes.collect())?
                }
                _ => flow,
            };
            let before = flow.before.values().iter();
            let before = before.map(|before| before.saturating_sub(self.span));
            let before: Int64Array = before.collect::<Vec<_>>().into();
            self.ready
                .extend(Some(flow).filter(|f| f.len() > 0).map(|flow| Flow {
                    before,
                    number: None,
                    ..flow
                }));
        }
        Ok(())
    }

    /// Sets a chunk, or forgets it where no rows are left.
    fn set(&mut self, sequence: u64, rows: Rows) {
        self.remove(sequence);
        let Some(first) = rows.first else {
            return;
        };
        self.count += rows.len();
        self.bytes += rows.size();
        let count = rows.len();
        self.firsts.insert((first, sequence));
        let rows = Some(Box::new(rows));
        self.chunks.insert(sequence, Chunk { rows, count, first });
    }

    /// Forgets a chunk, but for what the disk has of it.
    fn remove(&mut self, sequence: u64) -> Option<Chunk> {
        let chunk = self.chunks.remove(&sequence)?;
        self.firsts.remove(&(chunk.first, sequence));
        self.count = self.count.saturating_sub(chunk.count);
        let size = chunk.rows.as_ref().map_or(0, |rows| rows.size());
        self.bytes = self.bytes.saturating_sub(size);
        Some(chunk)
    }

    /// The rows of some chunks, and whether they are on disk; those in memory are to be put back.
    fn take(&mut self, sequences: &[u64]) -> Result<Vec<(u64, Rows, bool)>> {
        let is_away = |it: &&u64| {
            self.chunks
                .get(it)
                .is_some_and(|chunk| chunk.rows.is_none())
        };
        let places: Vec<Vec<u8>> = sequences.iter().filter(is_away).map(place_of).collect();
        let values = match &self.cold {
            Some(cold) if !places.is_empty() => cold.get(&places)?,
            _ => Vec::new(),
        };
        let mut values = values.into_iter();
        let mut taken = Vec::with_capacity(sequences.len());
        for &sequence in sequences {
            let Some(chunk) = self.chunks.get_mut(&sequence) else {
                continue;
            };
            match chunk.rows.take() {
                Some(rows) => taken.push((sequence, *rows, false)),
                None => {
                    let value = values.next().flatten().ok_or_else(damaged)?;
                    let rows = Rows::unpack(&value).map_err(|_| damaged())?;
                    taken.push((sequence, rows, true));
                }
            }
        }
        Ok(taken)
    }

    /// Puts rows of a chunk back that have not changed.
    fn put_back(&mut self, sequence: u64, rows: Rows) {
        if let Some(chunk) = self.chunks.get_mut(&sequence) {
            chunk.rows = Some(Box::new(rows));
        }
    }

    /// Looks up the rows of chunks again. Those whose time is up go on, or where none is said those that find something.
    fn again(
        &mut self,
        sequences: &[u64],
        up: Option<Micros>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        for sequences in sequences.chunks(AT_ONCE) {
            let chunks = self.take(sequences)?;
            let rows = chunks.iter().map(|(_, rows, _)| rows);
            let left = self.look_up(rows, up, place, fx)?;
            for ((sequence, rows, was_away), left) in chunks.into_iter().zip(left) {
                if !was_away {
                    self.put_back(sequence, rows);
                }
                let Some(left) = left else {
                    continue;
                };
                if let (Some(cold), true) = (&mut self.cold, was_away) {
                    cold.forget(std::iter::once(place_of(&sequence)))?;
                }
                self.touched.insert(sequence);
                self.set(sequence, left);
            }
        }
        Ok(())
    }

    /// Looks up the rows again that are in no chunk yet.
    fn again_fresh(
        &mut self,
        up: Option<Micros>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        if up.is_some_and(|up| self.fresh.first.is_none_or(|first| first > up)) {
            return Ok(());
        }
        let fresh = std::mem::take(&mut self.fresh);
        let left = self.look_up(std::iter::once(&fresh), up, place, fx)?;
        self.fresh = left.into_iter().flatten().next().unwrap_or(fresh);
        Ok(())
    }

    /// Looks up rows again. Of each of some, gives those that are left if some have gone on.
    fn look_up<'r>(
        &mut self,
        of: impl Iterator<Item = &'r Rows>,
        up: Option<Micros>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Option<Rows>>> {
        let of: Vec<&Rows> = of.collect();
        let is_asked = |entry: &Entry| up.is_none_or(|up| entry.until <= up);
        let asked = of
            .iter()
            .flat_map(|rows| rows.iter())
            .filter(|(e, _)| is_asked(e));
        let asked: Vec<(Entry, &[u8])> = asked.collect();
        if asked.is_empty() {
            return Ok(of.iter().map(|_| None).collect());
        }
        let columns: Vec<ArrayRef> = self.codec.decode(asked.iter().map(|(_, bytes)| *bytes))?;
        let before: Vec<Micros> = asked.iter().map(|(entry, _)| entry.before).collect();
        let flow = Flow {
            evidence: None,
            batch: batch_of(&self.schema, columns, asked.len())?,
            origin: None,
            before: before.into(),
            replaces: None,
            number: None,
        };
        let mut missed = Missed::new();
        // What a row was made of is not at hand any more.
        let place = Place { raw: None, ..place };
        self.join(flow, up.is_none().then_some(&mut missed), place, fx)?;
        let mut number = 0..;
        let left = of.into_iter().map(|rows| {
            let mut left = Rows::default();
            for (entry, bytes) in rows.iter() {
                let goes = is_asked(&entry) && number.next().is_some_and(|n| !missed.contains(&n));
                if !goes {
                    left.add(entry.until, entry.before, bytes);
                }
            }
            (left.len() < rows.len()).then_some(left)
        });
        Ok(left.collect())
    }

    /// Moves the watermark; the rows whose time is up go on.
    pub(crate) fn advance(
        &mut self,
        watermark: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        let up = self.firsts.range(..=(watermark, u64::MAX));
        let up: Vec<u64> = up.map(|(_, sequence)| *sequence).collect();
        self.again(&up, Some(watermark), place, fx)?;
        self.again_fresh(Some(watermark), place, fx)?;
        self.watermark = self.watermark.max(watermark);
        Ok(self.hand_on())
    }

    fn hand_on(&mut self) -> Vec<Flow> {
        std::mem::take(&mut self.ready)
    }

    /// Sets the watermark, as after a restart.
    pub(crate) fn resume(&mut self, watermark: Micros) {
        self.watermark = self.watermark.max(watermark);
    }

    /// Ends waiting, as at the end of the input.
    pub(crate) fn close_all(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        let all: Vec<u64> = self.firsts.iter().map(|(_, sequence)| *sequence).collect();
        self.again(&all, Some(Micros::MAX), place, fx)?;
        self.again_fresh(Some(Micros::MAX), place, fx)?;
        Ok(self.hand_on())
    }

    /// What a commit needs: rows go on for which there is something now, and what waits is written to the changelog.
    pub(crate) fn flush(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        if let Some(changes) = self.news() {
            let all: Vec<u64> = self.firsts.iter().map(|(_, sequence)| *sequence).collect();
            self.again_fresh(None, place, fx)?;
            for some in all.chunks(AT_ONCE) {
                self.again(some, None, place, fx)?;
                if !self.touched.is_empty() && self.is_full() {
                    self.log(fx);
                    self.shed()?;
                }
            }
            self.seen = changes;
        }
        self.log(fx);
        self.shed()?;
        Ok(self.hand_on())
    }

    fn log(&mut self, fx: &mut Effects) {
        for sequence in std::mem::take(&mut self.stale) {
            fx.changelog
                .push(self.owner.key(SEGMENT, sequence).tombstone());
        }
        for sequence in std::mem::take(&mut self.touched) {
            match self.chunks.get(&sequence).and_then(|it| it.rows.as_ref()) {
                Some(rows) => self.write(rows, sequence, fx),
                None => fx
                    .changelog
                    .push(self.owner.key(SEGMENT, sequence).tombstone()),
            }
        }
        let fresh = std::mem::take(&mut self.fresh);
        let mut rows: Vec<(Entry, &[u8])> = fresh.iter().collect();
        rows.sort_by_key(|(entry, _)| entry.until);
        for rows in rows.chunks(CHUNK_ROWS) {
            self.sequence += 1;
            let mut chunk = Rows::default();
            for (entry, bytes) in rows {
                chunk.add(entry.until, entry.before, bytes);
            }
            self.write(&chunk, self.sequence, fx);
            self.set(self.sequence, chunk);
        }
    }

    fn write(&self, rows: &Rows, sequence: u64, fx: &mut Effects) {
        let told: Vec<Vec<u8>> = rows
            .entries
            .iter()
            .map(|e| told(e.until, e.before))
            .collect();
        let bytes = rows.iter().map(|(_, bytes)| bytes);
        let rows = told.iter().map(Vec::as_slice).zip(bytes);
        let key = self.owner.key(SEGMENT, sequence);
        fx.changelog.push(chunk::whole(key, self.owner.stamp, rows));
    }

    /// Gives up memory if it has more than it may, those chunks first whose time is up last. All of them are in the changelog.
    fn shed(&mut self) -> Result<()> {
        let Some(room) = self.room.as_ref().filter(|_| self.is_full()) else {
            return Ok(());
        };
        let (goal, disk) = (cold::keeps(room.bytes), Arc::clone(&room.disk));
        let mut left: Vec<DiskRow> = Vec::new();
        let mut bytes = self.bytes();
        for (_, sequence) in self.firsts.iter().rev() {
            if bytes <= goal {
                break;
            }
            let chunk = self.chunks.get_mut(sequence);
            if let Some(rows) = chunk.and_then(|chunk| chunk.rows.take()) {
                bytes = bytes.saturating_sub(rows.size());
                self.bytes = self.bytes.saturating_sub(rows.size());
                left.push((place_of(sequence), rows.pack()));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        left.sort_unstable();
        let cold = match &mut self.cold {
            Some(cold) => cold,
            none => none.insert(Cold::new(disk.as_ref())?),
        };
        cold.put(left.into_iter())
    }

    fn is_full(&self) -> bool {
        let room = self.room.as_ref();
        room.is_some_and(|room| self.bytes() > room.bytes)
    }

    /// Sets how much memory the rows may take.
    pub(crate) fn set_room(&mut self, room: &Room) {
        self.room = Some(room.clone());
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        let sequence = key.sequence;
        let before = self.remove(sequence);
        if before.is_some_and(|chunk| chunk.rows.is_none())
            && let Some(cold) = &mut self.cold
        {
            cold.forget(std::iter::once(place_of(&sequence)))?;
        }
        self.touched.remove(&sequence);
        self.stale.remove(&sequence);
        self.sequence = self.sequence.max(sequence);
        let Some(value) = value else {
            return Ok(());
        };
        let damaged = |problem| self.owner.damaged(problem);
        let read = chunk::read(value).map_err(damaged)?;
        if !self.owner.owns(read.stamp)? {
            self.stale.insert(sequence);
            return Ok(());
        }
        let mut rows = Rows::default();
        for (told, bytes) in read.rows {
            let mut told = Reader::unsealed(told);
            let until = told.signed().map_err(damaged)?;
            rows.add(until, told.signed().map_err(damaged)?, bytes);
        }
        self.set(sequence, rows);
        self.shed()
    }

    /// What must be kept with the clock: nothing, the watermark says it all.
    pub(crate) fn marks(&self) -> Marks {
        Marks {
            stream: self.owner.mark(),
            closed: None,
            ..Marks::default()
        }
    }

    /// How many rows wait.
    pub(crate) fn len(&self) -> usize {
        self.count + self.fresh.len()
    }

    /// How many chunks of the changelog are left from before a reset, to be forgotten with the next flush.
    pub(crate) fn stale_chunks(&self) -> usize {
        self.stale.len()
    }

    /// Roughly how many bytes of memory hold rows that have come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        self.fresh.size()
    }

    /// Roughly how many bytes of memory the rows take.
    pub(crate) fn bytes(&self) -> usize {
        let cold = self.cold.as_ref().map_or(0, Cold::bytes);
        self.bytes + self.fresh.size() + self.chunks.len() * BESIDE + cold
    }
}

/// Where a chunk is on disk.
fn place_of(sequence: &u64) -> Vec<u8> {
    sequence.to_be_bytes().to_vec()
}

/// When a row's time is up, and the watermark before it.
fn told(until: Micros, before: Micros) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.signed(until);
    writer.signed(before);
    writer.unsealed()
}
