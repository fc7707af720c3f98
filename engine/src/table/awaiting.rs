//! Joins of which rows wait: one that finds nothing in a table stays until it does, or the watermark has passed its time by
//! so much. Then it goes on with what there is.
//!
//! Whether a row waits at all is told by its time and the watermark before it. When it finds something depends on when the
//! table is read, as it does for a row that comes later: with each flush, if a table has changed, all rows are looked up
//! anew.
//!
//! The changelog has rows in small chunks, in the order in which they came. A chunk is written again when some of its rows
//! have gone on, and forgotten with the last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array};
use arrow::datatypes::SchemaRef;
use tidemill_plan::model::{Await, Micros, Step, Stream};

use super::{Missed, Tables};
use crate::aggregate::rowbytes::RowCodec;
use crate::aggregate::{ChunkKey, chunk, times};
use crate::clock::Marks;
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::Place;
use crate::rows::{Flow, batch_of};
use crate::rowwise::Owner;
use crate::steps;
use crate::window::{NEVER, Pane};
use crate::wire::{Reader, Writer};

/// The most rows of a chunk: so many are written again when one of them goes on.
const CHUNK_ROWS: usize = 64;
/// A row that waits takes about so much besides its bytes.
const BESIDE: usize = 96;
/// So many rows are looked up together.
const AT_ONCE: usize = 4096;

/// Where all chunks are.
const SEGMENT: Pane = Pane { start: 0, first: 0 };

/// A row by when its time is up, and a number of its own.
type Id = (Micros, u64);

/// A row that waits.
struct Row {
    /// The watermark before it.
    before: Micros,
    bytes: Box<[u8]>,
    /// The chunk that it is in; none before it is in the changelog.
    chunk: Option<u64>,
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
    rows: BTreeMap<Id, Row>,
    /// The bytes of all of them.
    bytes: usize,
    /// Rows that are not in the changelog yet.
    fresh: BTreeSet<Id>,
    /// The rows of each chunk that are still here.
    chunks: BTreeMap<u64, BTreeSet<Id>>,
    /// Chunks of which rows have gone on since the last flush.
    touched: BTreeSet<u64>,
    /// Chunks of the changelog that are left from before a reset.
    stale: BTreeSet<u64>,
    /// Rows that have gone on and are to be handed on.
    ready: Vec<Flow>,
    watermark: Micros,
    /// The last number that was given to a row.
    number: u64,
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
            rows: BTreeMap::new(),
            bytes: 0,
            fresh: BTreeSet::new(),
            chunks: BTreeMap::new(),
            touched: BTreeSet::new(),
            stale: BTreeSet::new(),
            ready: Vec::new(),
            watermark: NEVER,
            number: 0,
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
        !self.rows.is_empty() && self.news().is_some()
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
            self.number += 1;
            let id = (until, self.number);
            self.insert(id, before, rows.row(row).into(), None);
            self.fresh.insert(id);
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

    fn insert(&mut self, id: Id, before: Micros, bytes: Box<[u8]>, chunk: Option<u64>) {
        self.bytes += bytes.len() + BESIDE;
        let row = Row {
            before,
            bytes,
            chunk,
        };
        self.rows.insert(id, row);
    }

    fn remove(&mut self, id: Id) {
        let Some(row) = self.rows.remove(&id) else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(row.bytes.len() + BESIDE);
        self.fresh.remove(&id);
        if let Some(chunk) = row.chunk {
            self.touched.insert(chunk);
            if let Some(rows) = self.chunks.get_mut(&chunk) {
                rows.remove(&id);
            }
        }
    }

    /// Looks rows that wait up again; all of them go on if their time is up.
    fn again(&mut self, ids: &[Id], is_up: bool, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        // What a row was made of is not at hand any more.
        let place = Place { raw: None, ..place };
        for ids in ids.chunks(AT_ONCE) {
            let rows: Vec<&Row> = ids.iter().filter_map(|id| self.rows.get(id)).collect();
            let columns: Vec<ArrayRef> = self.codec.decode(rows.iter().map(|row| &*row.bytes))?;
            let before: Vec<Micros> = rows.iter().map(|row| row.before).collect();
            let flow = Flow {
                batch: batch_of(&self.schema, columns, rows.len())?,
                origin: None,
                before: before.into(),
                replaces: None,
                number: None,
            };
            let mut missed = Missed::new();
            let asked = (!is_up).then_some(&mut missed);
            self.join(flow, asked, place, fx)?;
            for (row, id) in ids.iter().enumerate() {
                if !missed.contains(&(row as u32)) {
                    self.remove(*id);
                }
            }
        }
        Ok(())
    }

    /// Moves the watermark; the rows whose time is up go on.
    pub(crate) fn advance(
        &mut self,
        watermark: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        let up = self.rows.range(..=(watermark, u64::MAX));
        let up: Vec<Id> = up.map(|(id, _)| *id).collect();
        self.again(&up, true, place, fx)?;
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
        let all: Vec<Id> = self.rows.keys().copied().collect();
        self.again(&all, true, place, fx)?;
        Ok(self.hand_on())
    }

    /// What a commit needs: rows go on for which there is something now, and what waits is written to the changelog.
    pub(crate) fn flush(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        if let Some(changes) = self.news() {
            let all: Vec<Id> = self.rows.keys().copied().collect();
            self.again(&all, false, place, fx)?;
            self.seen = changes;
        }
        self.log(fx);
        Ok(self.hand_on())
    }

    fn log(&mut self, fx: &mut Effects) {
        let key = |sequence| self.owner.key(SEGMENT, sequence);
        for sequence in std::mem::take(&mut self.stale) {
            fx.changelog.push(key(sequence).tombstone());
        }
        for sequence in std::mem::take(&mut self.touched) {
            let ids = self.chunks.get(&sequence).filter(|ids| !ids.is_empty());
            match ids {
                Some(ids) => self.write(ids.iter(), sequence, fx),
                None => {
                    self.chunks.remove(&sequence);
                    fx.changelog.push(key(sequence).tombstone());
                }
            }
        }
        let fresh: Vec<Id> = std::mem::take(&mut self.fresh).into_iter().collect();
        for ids in fresh.chunks(CHUNK_ROWS) {
            self.sequence += 1;
            self.write(ids.iter(), self.sequence, fx);
            for id in ids {
                if let Some(row) = self.rows.get_mut(id) {
                    row.chunk = Some(self.sequence);
                }
            }
            self.chunks
                .insert(self.sequence, ids.iter().copied().collect());
        }
    }

    fn write<'a>(&self, ids: impl Iterator<Item = &'a Id>, sequence: u64, fx: &mut Effects) {
        let rows = ids.filter_map(|id| Some((told(id.0, self.rows.get(id)?.before), id)));
        let rows: Vec<(Vec<u8>, &Id)> = rows.collect();
        let rows = rows.iter().filter_map(|(told, id)| {
            let row = self.rows.get(id)?;
            Some((told.as_slice(), &*row.bytes))
        });
        let key = self.owner.key(SEGMENT, sequence);
        let whole = chunk::whole(key, self.owner.stamp, rows);
        fx.changelog.push(whole);
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        let sequence = key.sequence;
        for id in self.chunks.remove(&sequence).into_iter().flatten() {
            self.remove(id);
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
        let mut rows = Vec::with_capacity(read.rows.len());
        for (told, bytes) in read.rows {
            let mut told = Reader::unsealed(told);
            let until = told.signed().map_err(damaged)?;
            rows.push((until, told.signed().map_err(damaged)?, bytes));
        }
        for (until, before, bytes) in rows {
            self.number += 1;
            let id = (until, self.number);
            self.insert(id, before, bytes.into(), Some(sequence));
            self.chunks.entry(sequence).or_default().insert(id);
        }
        Ok(())
    }

    /// What must be kept with the clock: nothing, the watermark says it all.
    pub(crate) fn marks(&self) -> Marks {
        Marks {
            stream: self.owner.mark(),
            closed: None,
            emitted: None,
        }
    }

    /// How many rows wait.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many chunks of the changelog are left from before a reset, to be forgotten with the next flush.
    pub(crate) fn stale_chunks(&self) -> usize {
        self.stale.len()
    }

    /// Roughly how many bytes of memory hold rows that have come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        let fresh = self.fresh.iter().filter_map(|id| self.rows.get(id));
        fresh.map(|row| row.bytes.len() + BESIDE).sum()
    }

    /// Roughly how many bytes of memory the rows take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// When a row's time is up, and the watermark before it.
fn told(until: Micros, before: Micros) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.signed(until);
    writer.signed(before);
    writer.unsealed()
}
