//! Rows that have left memory: those of a stretch of time, by key and side in the order of their time. They are read where
//! they are, and forgotten all at once.

use std::collections::VecDeque;

use tidemill_plan::model::Micros;

use super::row::{Row, Stored};
use crate::aggregate::cold::{BATCH, after, damaged, ordered};
use crate::disk::{Disk, DiskError, Shelf};
use crate::error::Result;
use crate::wire::{Reader, Writer};

/// Rows of a stretch on disk.
#[derive(Debug)]
pub(super) struct Away {
    shelf: Box<dyn Shelf>,
    filter: Filter,
    rows: usize,
}

impl Away {
    /// For about as many rows at a time.
    pub(super) fn new(disk: &dyn Disk, rows: usize) -> Result<Self> {
        Ok(Self {
            shelf: disk.shelf()?,
            filter: Filter::for_keys(rows),
            rows: 0,
        })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Puts rows with the hashes of their keys.
    pub(super) fn put<'r>(&mut self, rows: impl Iterator<Item = (u64, Row<'r>)>) -> Result<()> {
        let mut rows: Vec<(u64, Row<'_>)> = rows.collect();
        rows.sort_unstable_by_key(|(hash, row)| (*hash, row.is_right, row.time, row.number));
        self.rows += rows.len();
        let mut changes = rows.iter().map(|(hash, row)| {
            self.filter.add(*hash);
            let place = place(*hash, row.is_right, row.time, row.number);
            (place, Some(value(row)))
        });
        Ok(self.shelf.put(&mut changes)?)
    }

    /// The rows of a side whose keys have a hash, with times from one to another, in the order of time and number.
    pub(super) fn walk(&self, hash: u64, is_right: bool, (from, to): (Micros, Micros)) -> Walk<'_> {
        Walk {
            away: self.filter.may_have(hash).then_some(self),
            from: place(hash, is_right, from, 0),
            until: after(&place(hash, is_right, to, u64::MAX)),
            waiting: VecDeque::new(),
        }
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.filter.0.len() * size_of::<u64>()
    }
}

/// Goes through rows, a batch at a time.
pub(super) struct Walk<'a> {
    /// None when all have been read.
    away: Option<&'a Away>,
    from: Vec<u8>,
    until: Vec<u8>,
    waiting: VecDeque<Vec<u8>>,
}

impl Walk<'_> {
    /// The value of the row that comes next.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if let (Some(away), true) = (self.away, self.waiting.is_empty()) {
            let rows = away.shelf.scan(&self.from, Some(&self.until), BATCH)?;
            match rows.last() {
                Some((last, _)) if rows.len() == BATCH => self.from = after(last),
                _ => self.away = None,
            }
            self.waiting = rows.into_iter().map(|(_, value)| value).collect();
        }
        Ok(self.waiting.pop_front())
    }
}

fn place(hash: u64, is_right: bool, time: Micros, number: u64) -> Vec<u8> {
    let mut place = Vec::with_capacity(25);
    place.extend_from_slice(&hash.to_be_bytes());
    place.push(u8::from(is_right));
    place.extend_from_slice(&ordered(time));
    place.extend_from_slice(&number.to_be_bytes());
    place
}

/// A row as it is on disk.
pub(super) fn value(row: &Row<'_>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.bytes(row.key);
    let mut value = writer.unsealed();
    row.state(&mut value);
    value
}

/// A row that was on disk.
pub(super) fn read(value: &[u8]) -> Result<Row<'_>, DiskError> {
    let mut reader = Reader::unsealed(value);
    let key = reader.bytes().map_err(|_| damaged())?;
    match Stored::read(key, reader.rest()) {
        Ok(Stored::Row(row)) => Ok(row),
        _ => Err(damaged()),
    }
}

/// Tells of most keys that are not there that they are not. It does not grow: if much more comes than was expected, it
/// tells less.
#[derive(Debug)]
struct Filter(Box<[u64]>);

impl Filter {
    /// Two bytes a key.
    fn for_keys(keys: usize) -> Self {
        let words = (keys / 4).max(1).next_power_of_two();
        Self(vec![0; words].into_boxed_slice())
    }

    fn bits(&self, hash: u64) -> [(usize, u64); 2] {
        // Keys of a shard have some bits of their hashes in common.
        let mixed = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f].map(|by| {
            let mixed = (hash ^ (hash >> 32)).wrapping_mul(by);
            mixed ^ (mixed >> 29)
        });
        mixed.map(|bits| {
            let word = (bits >> 6) as usize % self.0.len();
            (word, 1 << (bits & 63))
        })
    }

    fn add(&mut self, hash: u64) {
        for (word, bit) in self.bits(hash) {
            self.0.get_mut(word).into_iter().for_each(|w| *w |= bit);
        }
    }

    fn may_have(&self, hash: u64) -> bool {
        let has = |(word, bit): (usize, u64)| self.0.get(word).is_some_and(|w| w & bit != 0);
        self.bits(hash).into_iter().all(has)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::disk::Heap;
    use crate::wire;

    #[test]
    fn rows_are_found_by_key_side_and_time_in_order() {
        let mut away = Away::new(&Heap, 10).unwrap();
        let row = |key: &'static [u8], is_right, time, number| Row {
            time,
            is_right,
            is_single: false,
            is_matched: false,
            number,
            key,
            row: b"row",
        };
        let rows = (0..40).map(|i| {
            let key: &[u8] = if i % 3 == 0 { b"a" } else { b"b" };
            row(key, i % 2 == 0, 5 - (i as i64 / 4), i)
        });
        away.put(rows.map(|row| (wire::hash(row.key), row)))
            .unwrap();
        assert_eq!(away.len(), 40);
        let found = |key: &[u8], is_right, span| {
            let mut walk = away.walk(wire::hash(key), is_right, span);
            let mut found = vec![];
            while let Some(value) = walk.next().unwrap() {
                let row = read(&value).unwrap();
                assert_eq!(
                    (row.key, row.is_right, row.row),
                    (key, is_right, &b"row"[..])
                );
                found.push((row.time, row.number));
            }
            found
        };
        let wanted = |is_a: bool, is_right: bool, (from, to): (i64, i64)| {
            let numbers = (0..40u64).filter(|i| (i % 3 == 0) == is_a && (i % 2 == 0) == is_right);
            let rows = numbers.map(|i| (5 - (i as i64 / 4), i));
            let mut rows: Vec<_> = rows.filter(|r| r.0 >= from && r.0 <= to).collect();
            rows.sort_unstable();
            rows
        };
        for span in [(-9, 9), (-2, 1), (0, 0), (3, 2)] {
            assert_eq!(found(b"a", true, span), wanted(true, true, span));
            assert_eq!(found(b"b", false, span), wanted(false, false, span));
        }
        assert!(found(b"c", false, (-9, 9)).is_empty());
    }

    #[test]
    fn a_filter_knows_all_that_are_there_and_most_that_are_not() {
        let mut filter = Filter::for_keys(1000);
        // As in one of sixteen shards.
        let hash = |i: u64| wire::hash(&i.to_be_bytes()) & !15;
        (0..1000).for_each(|i| filter.add(hash(i)));
        assert!((0..1000).all(|i| filter.may_have(hash(i))));
        let wrong = (1000..11_000).filter(|&i| filter.may_have(hash(i))).count();
        assert!(wrong < 500, "{wrong} of 10,000");
    }
}
