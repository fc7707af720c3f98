//! The latest rows of a table in memory: each as bytes in large segments, found by the hash of its key.
//!
//! A row begins with its key, and arrow's row encoding of a key is never the beginning of another's, so the key needs no
//! place of its own. What is replaced or deleted stays until an eighth of all bytes is dead; then the segments with the
//! most of it are written anew.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use hashbrown::HashTable;

use crate::aggregate::rowbytes::RowCodec;
use crate::error::{EngineError, Result};
use crate::rows::Flow;
use crate::wire;

/// What a segment holds; a longer row has one of its own.
const SEGMENT: usize = 1 << 20;

/// Where a row lies.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// A part of the key's hash.
    hash: u32,
    segment: u32,
    offset: u32,
}

#[derive(Debug, Default)]
struct Segment {
    bytes: Vec<u8>,
    dead: usize,
}

/// The latest row of each key.
pub(crate) struct Table {
    /// The columns of the source as they are stored: the key, then the others.
    order: Vec<usize>,
    /// How many of them are the key.
    key: usize,
    keys: RowCodec,
    rows: RowCodec,
    index: HashTable<Entry>,
    segments: Vec<Segment>,
    free: Vec<u32>,
    /// The segment that is written to.
    open: Option<u32>,
    used: usize,
    dead: usize,
}

impl Table {
    pub(crate) fn new(schema: &SchemaRef, key: &[usize]) -> Result<Self> {
        let others = (0..schema.fields().len()).filter(|i| !key.contains(i));
        let order: Vec<usize> = key.iter().copied().chain(others).collect();
        let types = |columns: &[usize]| -> Result<RowCodec> {
            let schema = schema.project(columns)?;
            let types = schema.fields().iter().map(|f| f.data_type().clone());
            RowCodec::new(types.collect())
        };
        Ok(Self {
            keys: types(key)?,
            rows: types(&order)?,
            key: key.len(),
            order,
            index: HashTable::new(),
            segments: Vec::new(),
            free: Vec::new(),
            open: None,
            used: 0,
            dead: 0,
        })
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes of memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let segments = self.segments.iter().map(|s| s.bytes.capacity());
        segments.sum::<usize>() + self.index.capacity() * (size_of::<Entry>() + 1)
    }

    /// Takes changes over; each key is at most once among them.
    pub(crate) fn apply(&mut self, flow: &Flow) -> Result<()> {
        let columns = self
            .order
            .iter()
            .filter_map(|&i| flow.batch.columns().get(i));
        let columns: Vec<ArrayRef> = columns.cloned().collect();
        let keys = columns.iter().take(self.key).cloned().collect();
        let keys = self.keys.encode(keys)?;
        let rows = self.rows.encode(columns)?;
        let deleted = flow.replaces.as_ref().and_then(|r| r.deleted.as_ref());
        for row in 0..flow.len() {
            let gone = deleted.is_some_and(|d| d.value(row));
            self.put(keys.row(row), (!gone).then(|| rows.row(row)))?;
        }
        if self.dead * 8 > self.used.max(SEGMENT) {
            self.compact()?;
        }
        Ok(())
    }

    fn put(&mut self, key: &[u8], row: Option<&[u8]>) -> Result<()> {
        let hash = hash_of(key);
        let segments = &self.segments;
        let same = |e: &Entry| e.hash == hash && at(segments, *e).starts_with(key);
        if let Ok(found) = self.index.find_entry(spread(hash), same) {
            let (old, _) = found.remove();
            self.forget(old);
        }
        if let Some(row) = row {
            let entry = self.write(hash, row)?;
            self.index
                .insert_unique(spread(hash), entry, |e| spread(e.hash));
        }
        Ok(())
    }

    fn forget(&mut self, entry: Entry) {
        let length = at(&self.segments, entry).len() + LENGTH;
        self.dead += length;
        if let Some(segment) = self.segments.get_mut(entry.segment as usize) {
            segment.dead += length;
        }
    }

    fn write(&mut self, hash: u32, row: &[u8]) -> Result<Entry> {
        let wanted = row.len() + LENGTH;
        let length = u32::try_from(row.len());
        let length = length.map_err(|_| EngineError::Plan("a row is too long".to_owned()))?;
        let room = |s: &Segment| s.bytes.len() + wanted <= s.bytes.capacity();
        let open = self
            .open
            .filter(|&i| self.segments.get(i as usize).is_some_and(room));
        let number = match open {
            Some(number) => number,
            None => self.new_segment(wanted),
        };
        let Some(segment) = self.segments.get_mut(number as usize) else {
            return Err(EngineError::Plan("a table lost a segment".to_owned()));
        };
        let offset = segment.bytes.len() as u32;
        segment.bytes.extend_from_slice(&length.to_le_bytes());
        segment.bytes.extend_from_slice(row);
        self.used += wanted;
        Ok(Entry {
            hash,
            segment: number,
            offset,
        })
    }

    fn new_segment(&mut self, wanted: usize) -> u32 {
        let fresh = Segment {
            bytes: Vec::with_capacity(wanted.max(SEGMENT)),
            dead: 0,
        };
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.segments.push(Segment::default());
                (self.segments.len() - 1) as u32
            }
        };
        if let Some(place) = self.segments.get_mut(number as usize) {
            *place = fresh;
        }
        self.open = Some(number);
        number
    }

    /// Writes the living rows of segments anew of which an eighth is dead, and gives those back.
    fn compact(&mut self) -> Result<()> {
        let stale: Vec<bool> = self
            .segments
            .iter()
            .map(|s| s.dead * 8 > s.bytes.len())
            .collect();
        let is_stale = |segment: u32| stale.get(segment as usize).copied().unwrap_or(false);
        self.open = self.open.filter(|&open| !is_stale(open));
        let mut index = std::mem::take(&mut self.index);
        for entry in index.iter_mut().filter(|e| is_stale(e.segment)) {
            let row = at(&self.segments, *entry).to_vec();
            *entry = self.write(entry.hash, &row)?;
        }
        self.index = index;
        for (number, _) in stale.iter().enumerate().filter(|(_, stale)| **stale) {
            if let Some(segment) = self.segments.get_mut(number) {
                self.used -= segment.bytes.len();
                self.dead -= segment.dead;
                *segment = Segment::default();
                self.free.push(number as u32);
            }
        }
        Ok(())
    }

    fn find(&self, key: &[u8]) -> Option<Entry> {
        let hash = hash_of(key);
        let same = |e: &Entry| e.hash == hash && at(&self.segments, *e).starts_with(key);
        self.index.find(spread(hash), same).copied()
    }

    /// Looks up a batch of keys: for each column (index in the source's schema) the values of the rows found, null where
    /// there is none, and which keys were found. Nothing is equal to a null.
    pub(crate) fn look_up(
        &self,
        keys: Vec<ArrayRef>,
        columns: &[usize],
    ) -> Result<(Vec<ArrayRef>, Vec<bool>)> {
        let count = keys.first().map_or(0, |k| k.len());
        let null = |row: usize| keys.iter().any(|k| k.is_null(row));
        let nulls: Vec<bool> = (0..count).map(null).collect();
        let encoded = self.keys.encode(keys)?;
        let mut rows: Vec<&[u8]> = Vec::with_capacity(count);
        let mut places = Vec::with_capacity(count);
        for (row, null) in nulls.iter().enumerate() {
            let entry = self.find(encoded.row(row)).filter(|_| !null);
            places.push(entry.map(|_| rows.len() as u32));
            rows.extend(entry.map(|e| at(&self.segments, e)));
        }
        let found = places.iter().map(Option::is_some).collect();
        let values = self.rows.decode(rows.into_iter())?;
        let places = UInt32Array::from(places);
        let column = |&wanted: &usize| {
            let place = self.order.iter().position(|&c| c == wanted);
            let values = place.and_then(|place| values.get(place));
            values.ok_or_else(|| EngineError::Plan(format!("a table has no column {wanted}")))
        };
        let columns = columns.iter().map(|c| Ok(take(column(c)?, &places, None)?));
        Ok((columns.collect::<Result<_>>()?, found))
    }
}

/// Bytes of the length before each row.
const LENGTH: usize = size_of::<u32>();

/// The bytes of a row.
fn at(segments: &[Segment], entry: Entry) -> &[u8] {
    let bytes = segments.get(entry.segment as usize);
    let rest = bytes.and_then(|s| s.bytes.get(entry.offset as usize..));
    let split = rest.and_then(<[u8]>::split_first_chunk::<LENGTH>);
    let row = split.and_then(|(length, rest)| rest.get(..u32::from_le_bytes(*length) as usize));
    row.unwrap_or_default()
}

fn hash_of(key: &[u8]) -> u32 {
    wire::hash(key) as u32
}

/// A hash of which all bits count: the hash table goes by the highest and the lowest.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
