//! The latest rows of a table: each as bytes in a heap, found by the hash of its key. When they take more memory than they may,
//! rows go to disk; what they are found by stays.
//!
//! A row begins with its key, and arrow's row encoding of a key is never the beginning of another's, so the key needs no
//! place of its own. A row has a number as long as it is there, which all that refer to it know it by.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use hashbrown::HashTable;

use super::cold::{Cold, Fetched};
use super::heap::{Heap, Place};
use super::index::Index;
use crate::aggregate::cold::keeps;
use crate::aggregate::rowbytes::RowCodec;
use crate::disk::Disk;
use crate::error::{EngineError, Result};
use crate::rows::Flow;
use crate::wire;

/// A row in the hash table.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// A part of the key's hash.
    hash: u32,
    number: u32,
}

/// The latest row of each key.
pub(crate) struct Table {
    schema: SchemaRef,
    /// The columns of the source as they are stored: the key, then the others.
    order: Vec<usize>,
    /// How many of them are the key.
    key: usize,
    keys: RowCodec,
    rows: RowCodec,
    by_key: HashTable<Entry>,
    /// Where the rows lie, by their numbers.
    places: Vec<Place>,
    /// Numbers that no row has.
    free: Vec<u32>,
    heap: Heap,
    /// What does not fit into memory.
    cold: Option<Cold>,
    indices: Vec<Index>,
}

/// Pairs are put together in batches of up to this many; few in the engine's own tests, so that rows are in several.
pub(crate) const PAIRS: usize = if cfg!(test) { 7 } else { 65_536 };

/// Rows that were found for a batch of keys.
pub(crate) struct Found {
    /// For each pair, the index of the key; `None` where there is one pair for each key.
    pub(crate) asked: Option<UInt32Array>,
    /// The columns of the rows that were found; null where none was.
    pub(crate) columns: Vec<ArrayRef>,
    /// Whether one was, by pair. A key for which there is no row has one pair.
    pub(crate) found: Vec<bool>,
}

impl Table {
    /// A table that is looked up by its key, and by these sets of columns.
    pub(crate) fn new(schema: &SchemaRef, key: &[usize], by: &[Vec<usize>]) -> Result<Self> {
        let others = (0..schema.fields().len()).filter(|i| !key.contains(i));
        let order: Vec<usize> = key.iter().copied().chain(others).collect();
        let indices = by.iter().map(|columns| Index::new(schema, columns));
        Ok(Self {
            schema: SchemaRef::clone(schema),
            keys: codec(schema, key)?,
            rows: codec(schema, &order)?,
            key: key.len(),
            order,
            by_key: HashTable::new(),
            places: Vec::new(),
            free: Vec::new(),
            heap: Heap::default(),
            cold: None,
            indices: indices.collect::<Result<_>>()?,
        })
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Bytes of memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let indices = self.indices.iter().map(Index::bytes);
        self.heap.bytes()
            + self.by_key.capacity() * (size_of::<Entry>() + 1)
            + self.places.capacity() * size_of::<Place>()
            + self.free.capacity() * size_of::<u32>()
            + indices.sum::<usize>()
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
        let hashes = self.indices.iter().map(|index| index.hashes(&flow.batch));
        let hashes: Vec<Vec<u64>> = hashes.collect::<Result<_>>()?;
        let deleted = flow.replaces.as_ref().and_then(|r| r.deleted.as_ref());
        let fetched = self.fetch_keys((0..flow.len()).map(|row| keys.row(row)))?;
        for row in 0..flow.len() {
            let key = keys.row(row);
            if deleted.is_some_and(|d| d.value(row)) {
                self.remove(key, &fetched);
                continue;
            }
            let number = self.put(key, rows.row(row), &fetched)?;
            for (index, hashes) in self.indices.iter_mut().zip(&hashes) {
                index.insert(number, hashes.get(row).copied().unwrap_or_default());
            }
        }
        if self.heap.is_stale() {
            self.heap.compact(&mut self.places)?;
        }
        Ok(())
    }

    /// Has rows leave memory, if the table takes more of it than so many bytes.
    pub(crate) fn fit(&mut self, bytes: usize, disk: &dyn Disk) -> Result<()> {
        let taken = self.bytes();
        if taken <= bytes {
            return Ok(());
        }
        let stays = taken - self.heap.bytes();
        let leaving = self.heap.leaving(keeps(bytes.saturating_sub(stays)));
        if leaving.is_empty() {
            return Ok(());
        }
        let cold = match &mut self.cold {
            Some(cold) => cold,
            None => self.cold.insert(Cold::new(disk)?),
        };
        let rows = self
            .places
            .iter()
            .zip(0..)
            .filter(|(at, _)| leaving.has(**at));
        cold.put(rows.map(|(at, number)| (number, self.heap.get(*at))))?;
        let left = self.places.iter_mut().filter(|at| leaving.has(**at));
        left.for_each(|at| *at = Place::ON_DISK);
        self.heap.give_back(&leaving);
        Ok(())
    }

    /// Reads back what is on disk of these rows.
    fn fetch(&self, numbers: impl Iterator<Item = u32>) -> Result<Fetched> {
        let Some(cold) = &self.cold else {
            return Ok(Fetched::default());
        };
        let on_disk = |number: &u32| place(&self.places, *number) == Place::ON_DISK;
        cold.fetch(numbers.filter(on_disk).collect())
    }

    /// Reads back what is on disk of the rows that may have these keys.
    fn fetch_keys<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> Result<Fetched> {
        self.fetch(keys.flat_map(|key| {
            let hash = hash_of(key);
            let maybe = self.by_key.iter_hash(spread(hash));
            maybe.filter(move |e| e.hash == hash).map(|e| e.number)
        }))
    }

    /// Writes a row in place of the one before it with the same key; its number, in no index.
    fn put(&mut self, key: &[u8], row: &[u8], fetched: &Fetched) -> Result<u32> {
        let place = self.heap.write(row)?;
        if let Some(Entry { number, .. }) = self.find(key, fetched) {
            self.forget(number);
            self.set(number, place);
            return Ok(number);
        }
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                let next = u32::try_from(self.places.len());
                self.places.push(Place::NOWHERE);
                next.map_err(|_| EngineError::Plan("a table has too many rows".to_owned()))?
            }
        };
        self.set(number, place);
        let hash = hash_of(key);
        self.by_key
            .insert_unique(spread(hash), Entry { hash, number }, |e| spread(e.hash));
        Ok(number)
    }

    fn remove(&mut self, key: &[u8], fetched: &Fetched) {
        let hash = hash_of(key);
        let (heap, places) = (&self.heap, &self.places);
        let row = |number| row(heap, places, number, fetched);
        let same = |e: &Entry| e.hash == hash && row(e.number).starts_with(key);
        let Ok(found) = self.by_key.find_entry(spread(hash), same) else {
            return;
        };
        let (Entry { number, .. }, _) = found.remove();
        self.forget(number);
        self.free.push(number);
    }

    /// Leaves nothing of a row but its number.
    fn forget(&mut self, number: u32) {
        let at = place(&self.places, number);
        if at != Place::ON_DISK {
            self.heap.forget(at);
        }
        self.set(number, Place::NOWHERE);
        for index in &mut self.indices {
            index.remove(number);
        }
    }

    fn set(&mut self, number: u32, place: Place) {
        if let Some(old) = self.places.get_mut(number as usize) {
            *old = place;
        }
    }

    fn find(&self, key: &[u8], fetched: &Fetched) -> Option<Entry> {
        let hash = hash_of(key);
        let same = |e: &Entry| e.hash == hash && self.row(e.number, fetched).starts_with(key);
        self.by_key.find(spread(hash), same).copied()
    }

    fn row<'a>(&'a self, number: u32, fetched: &'a Fetched) -> &'a [u8] {
        row(&self.heap, &self.places, number, fetched)
    }

    /// The types of these columns (indices in the source's schema), or of the key.
    pub(crate) fn types(&self, by: Option<&[usize]>) -> Vec<DataType> {
        let columns = by.unwrap_or(self.order.get(..self.key).unwrap_or_default());
        let fields = columns.iter().filter_map(|&i| self.schema.fields().get(i));
        fields.map(|f| f.data_type().clone()).collect()
    }

    /// Looks up a batch of keys: of each the row, if it is there. Nothing is equal to a null.
    pub(crate) fn by_key(&self, keys: Vec<ArrayRef>, columns: &[usize]) -> Result<Found> {
        let nulls = nulls(&keys);
        let encoded = self.keys.encode(keys)?;
        let asked = nulls.iter().enumerate().filter(|(_, null)| !**null);
        let fetched = self.fetch_keys(asked.map(|(key, _)| encoded.row(key)))?;
        let mut rows: Vec<&[u8]> = Vec::with_capacity(nulls.len());
        let mut places = Vec::with_capacity(nulls.len());
        for (key, null) in nulls.iter().enumerate() {
            let entry = self.find(encoded.row(key), &fetched).filter(|_| !null);
            places.push(entry.map(|_| rows.len() as u32));
            rows.extend(entry.map(|e| self.row(e.number, &fetched)));
        }
        let found = places.iter().map(Option::is_some).collect();
        Ok(Found {
            asked: None,
            columns: self.columns(rows, places, columns)?,
            found,
        })
    }

    /// Looks up a batch of values of other columns: of each all rows with these values, by their keys, in batches of
    /// bounded size. Rows of which only a hash is the same may be among them.
    pub(crate) fn by_columns(
        &self,
        by: &[usize],
        values: Vec<ArrayRef>,
        columns: &[usize],
    ) -> Result<Vec<Found>> {
        let index = self.indices.iter().find(|index| index.is_of(by));
        let index = index.ok_or_else(|| EngineError::Plan("a table has no index".to_owned()))?;
        let nulls = nulls(&values);
        let hashes = index.hash(values)?;
        let asked = hashes.iter().zip(&nulls).filter(|(_, null)| !**null);
        let fetched = self.fetch(asked.flat_map(|(hash, _)| index.find(*hash)))?;
        let mut pairs: Vec<(u32, Option<&[u8]>)> = Vec::with_capacity(nulls.len());
        for (value, (hash, null)) in hashes.into_iter().zip(nulls).enumerate() {
            let (value, first) = (value as u32, pairs.len());
            if !null {
                let rows = index.find(hash).map(|number| self.row(number, &fetched));
                pairs.extend(rows.map(|row| (value, Some(row))));
                // Whichever way the table came to be, its rows come in one order.
                if let Some(found) = pairs.get_mut(first..) {
                    found.sort_unstable();
                }
            }
            if pairs.len() == first {
                pairs.push((value, None));
            }
        }
        let batches = pairs.chunks(PAIRS);
        batches.map(|pairs| self.pairs(pairs, columns)).collect()
    }

    fn pairs(&self, pairs: &[(u32, Option<&[u8]>)], columns: &[usize]) -> Result<Found> {
        let rows: Vec<&[u8]> = pairs.iter().filter_map(|(_, row)| *row).collect();
        let mut place = 0..;
        let places = pairs.iter().map(|(_, row)| row.and_then(|_| place.next()));
        Ok(Found {
            asked: Some(pairs.iter().map(|(value, _)| *value).collect()),
            columns: self.columns(rows, places.collect(), columns)?,
            found: pairs.iter().map(|(_, row)| row.is_some()).collect(),
        })
    }

    /// Columns (indices in the source's schema) of rows, put to these places.
    fn columns(
        &self,
        rows: Vec<&[u8]>,
        places: Vec<Option<u32>>,
        columns: &[usize],
    ) -> Result<Vec<ArrayRef>> {
        let values = self.rows.decode(rows.into_iter())?;
        let places = UInt32Array::from(places);
        let column = |&wanted: &usize| {
            let place = self.order.iter().position(|&c| c == wanted);
            let values = place.and_then(|place| values.get(place));
            values.ok_or_else(|| EngineError::Plan(format!("a table has no column {wanted}")))
        };
        let columns = columns.iter().map(|c| Ok(take(column(c)?, &places, None)?));
        columns.collect()
    }
}

fn place(places: &[Place], number: u32) -> Place {
    let place = places.get(number as usize).copied();
    place.unwrap_or(Place::NOWHERE)
}

fn row<'a>(heap: &'a Heap, places: &[Place], number: u32, fetched: &'a Fetched) -> &'a [u8] {
    match place(places, number) {
        Place::ON_DISK => fetched.get(number),
        at => heap.get(at),
    }
}

/// Encodes these columns of a schema.
pub(super) fn codec(schema: &SchemaRef, columns: &[usize]) -> Result<RowCodec> {
    let schema = schema.project(columns)?;
    let types = schema.fields().iter().map(|f| f.data_type().clone());
    RowCodec::new(types.collect())
}

/// For each row, whether one of the columns is null.
fn nulls(columns: &[ArrayRef]) -> Vec<bool> {
    let rows = columns.first().map_or(0, |c| c.len());
    let null = |row: usize| columns.iter().any(|c| c.is_null(row));
    (0..rows).map(null).collect()
}

fn hash_of(key: &[u8]) -> u32 {
    wire::hash(key) as u32
}

/// A hash of which all bits count: the hash table goes by the highest and the lowest.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
