//! Rows that have left memory. A key is in memory or here, never in both.
//!
//! Rows leave memory in large, sorted batches, which is what disks are good at. One that is taken back is not looked
//! for on disk any more; the disk hears of that with the next batch.

use std::collections::{BTreeSet, VecDeque};

use tidemill_plan::model::Micros;

use crate::disk::{Change, Disk, DiskError, Row, Shelf};
use crate::error::Result;

/// Rows that are read at once.
pub(crate) const BATCH: usize = if cfg!(test) { 7 } else { 8192 };

/// When so many rows have been taken back, the disk hears of it.
const TAKEN: usize = if cfg!(test) { 20 } else { 65_536 };

/// Bytes of memory for a row that was taken back, beside its place.
const TAKEN_BYTES: usize = 48;

/// What is left of the memory that is allowed, where some has to be given up: else it would soon be too much again.
pub(crate) fn keeps(allowed: usize) -> usize {
    allowed / 4 * 3
}

/// A key as it is on disk: in the order of the hashes.
pub(crate) fn place(hash: u64, key: &[u8]) -> Vec<u8> {
    let mut place = Vec::with_capacity(8 + key.len());
    place.extend_from_slice(&hash.to_be_bytes());
    place.extend_from_slice(key);
    place
}

/// The number before a key, and the key.
pub(crate) fn split(place: &[u8]) -> Result<(u64, &[u8]), DiskError> {
    match place.split_first_chunk::<8>() {
        Some((number, key)) => Ok((u64::from_be_bytes(*number), key)),
        None => Err(damaged()),
    }
}

/// A time as bytes that are in its order.
pub(crate) fn ordered(time: Micros) -> [u8; 8] {
    (time.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// A time of its bytes, and the bytes after them.
pub(crate) fn time_of(place: &[u8]) -> Result<(Micros, &[u8]), DiskError> {
    let (time, rest) = split(place)?;
    Ok(((time ^ (1 << 63)).cast_signed(), rest))
}

/// The place right after another.
pub(crate) fn after(place: &[u8]) -> Vec<u8> {
    [place, &[0]].concat()
}

/// That something does not come back as it was.
pub(crate) fn damaged() -> DiskError {
    let problem = "state on local disk cannot be read back: it is not what was written";
    DiskError(problem.to_owned())
}

/// Rows on disk.
#[derive(Debug)]
pub(crate) struct Cold {
    shelf: Box<dyn Shelf>,
    rows: usize,
    /// Places of rows that were taken back, and are still there as far as the disk knows.
    taken: BTreeSet<Vec<u8>>,
    bytes: usize,
}

impl Cold {
    pub(crate) fn new(disk: &dyn Disk) -> Result<Self> {
        Ok(Self {
            shelf: disk.shelf()?,
            rows: 0,
            taken: BTreeSet::new(),
            bytes: 0,
        })
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts rows of keys that are not here, in the order of their places.
    pub(crate) fn put(&mut self, rows: impl ExactSizeIterator<Item = Row>) -> Result<()> {
        self.rows += rows.len();
        self.bytes = 0;
        let taken = std::mem::take(&mut self.taken).into_iter();
        let mut changes = Merge {
            rows: rows.peekable(),
            taken: taken.peekable(),
        };
        Ok(self.shelf.put(&mut changes)?)
    }

    /// The values at places.
    pub(crate) fn get(&self, places: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        let found = self.shelf.get(places)?.into_iter().zip(places);
        let found = found.map(|(value, place)| value.filter(|_| !self.taken.contains(place)));
        Ok(found.collect())
    }

    /// Takes back what is there at places.
    pub(crate) fn take(&mut self, mut places: Vec<Vec<u8>>) -> Result<Vec<Row>> {
        if self.rows == 0 {
            return Ok(Vec::new());
        }
        places.retain(|place| !self.taken.contains(place));
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.shelf.get(&places)?;
        let rows = places.into_iter().zip(found);
        let rows: Vec<Row> = rows
            .filter_map(|(place, value)| Some((place, value?)))
            .collect();
        self.forget(rows.iter().map(|(place, _)| place.clone()))?;
        Ok(rows)
    }

    /// Forgets rows that are here.
    pub(crate) fn forget(&mut self, places: impl Iterator<Item = Vec<u8>>) -> Result<()> {
        for place in places {
            let bytes = place.len() + TAKEN_BYTES;
            if self.taken.insert(place) {
                self.bytes += bytes;
                self.rows = self.rows.saturating_sub(1);
            }
        }
        if self.taken.len() > TAKEN {
            self.put(std::iter::empty())?;
        }
        Ok(())
    }

    /// Goes through the rows from a place on.
    pub(crate) fn walk(&self, from: Vec<u8>) -> Walk<'_> {
        self.walk_until(from, None)
    }

    /// Goes through the rows from a place on, and before another if there is one.
    pub(crate) fn walk_until(&self, from: Vec<u8>, until: Option<Vec<u8>>) -> Walk<'_> {
        Walk {
            cold: Some(self),
            from,
            until,
            waiting: VecDeque::new(),
        }
    }
}

/// Rows to set and rows to forget, in one order.
struct Merge<R: Iterator<Item = Row>, T: Iterator<Item = Vec<u8>>> {
    rows: std::iter::Peekable<R>,
    taken: std::iter::Peekable<T>,
}

impl<R: Iterator<Item = Row>, T: Iterator<Item = Vec<u8>>> Iterator for Merge<R, T> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        if let (Some((row, _)), Some(taken)) = (self.rows.peek(), self.taken.peek()) {
            if row == taken {
                self.taken.next();
            } else if taken < row {
                return self.taken.next().map(|place| (place, None));
            }
        }
        match self.rows.next() {
            Some((place, value)) => Some((place, Some(value))),
            None => self.taken.next().map(|place| (place, None)),
        }
    }
}

/// Goes through rows in the order of their places, a batch at a time.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    /// None when all have been read.
    cold: Option<&'a Cold>,
    from: Vec<u8>,
    until: Option<Vec<u8>>,
    waiting: VecDeque<Row>,
}

impl Walk<'_> {
    /// Rows that have been read and not taken yet: some, unless there are none left.
    pub(crate) fn look(&mut self) -> Result<&VecDeque<Row>> {
        while let (Some(cold), true) = (self.cold, self.waiting.is_empty()) {
            let rows = cold.shelf.scan(&self.from, self.until.as_deref(), BATCH)?;
            match rows.last() {
                Some((last, _)) if rows.len() == BATCH => {
                    self.from = after(last);
                }
                _ => self.cold = None,
            }
            let rows = rows.into_iter();
            self.waiting = rows
                .filter(|(place, _)| !cold.taken.contains(place))
                .collect();
        }
        Ok(&self.waiting)
    }

    /// The first place after the rows that have been read, if there may be more of them.
    pub(crate) fn horizon(&mut self) -> Result<Option<Vec<u8>>> {
        self.look()?;
        let last = self.waiting.back().filter(|_| self.cold.is_some());
        Ok(last.map(|(place, _)| after(place)))
    }

    /// Takes the next row.
    pub(crate) fn next(&mut self) -> Result<Option<Row>> {
        self.look()?;
        Ok(self.waiting.pop_front())
    }

    /// Takes rows before a place, of those that have been read; all of those where there is none.
    pub(crate) fn take_before(&mut self, place: Option<&[u8]>) -> impl Iterator<Item = Row> {
        let is_in = |row: &Row| place.is_none_or(|end| row.0.as_slice() < end);
        let count = self.waiting.partition_point(is_in);
        self.waiting.drain(..count)
    }
}
