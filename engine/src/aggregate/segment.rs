//! A segment: a pane of windows, or one of the buckets of a table. Its base, what of it is on disk, and the chunks of the
//! changelog that hold both.

use std::collections::BTreeMap;

use crate::aggregate::base::Base;
use crate::aggregate::chunk::{self, ChunkKey};
use crate::aggregate::cold::{self, Cold, Walk};
use crate::disk::{Disk, Row};
use crate::effects::ChangelogRecord;
use crate::error::Result;
use crate::stamp::Stamp;

/// How many buckets a table has: when one is written anew, it is this part of the table.
pub(crate) const BUCKETS: u64 = 64;

/// The bucket of a key, by the upper bits of its hash: the rest chooses the shard.
pub(crate) fn bucket(hash: u64) -> i64 {
    (hash >> 58) as i64 % BUCKETS as i64
}

/// The first hash of a bucket.
pub(crate) fn first_hash(bucket: i64) -> u64 {
    bucket.cast_unsigned() << 58
}

/// Rows that the chunks may hold beyond twice those that are needed, before all are written anew.
const SLACK: usize = 1024;

/// Bytes that are written anew in one commit beside as many as have changed: a commit is held in memory.
const ANEW: usize = 8 << 20;

/// How much may be written anew in a commit. Chunks that are outdated may wait for the next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quota {
    changed: usize,
    anew: usize,
}

impl Quota {
    /// Whether there is room for more.
    pub(crate) fn has_room(self) -> bool {
        self.anew <= self.changed + ANEW
    }

    /// Notes what was written.
    pub(crate) fn note(&mut self, written: &[ChangelogRecord], anew: bool) {
        let bytes = |r: &ChangelogRecord| r.value.as_ref().map_or(0, Vec::len);
        let bytes: usize = written.iter().map(bytes).sum();
        *if anew {
            &mut self.anew
        } else {
            &mut self.changed
        } += bytes;
    }
}

/// A key with its hash.
pub(crate) type Key = (u64, Box<[u8]>);

/// A pane of windows, or a bucket of a table.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    pub(crate) base: Base,
    /// Keys that have left the base.
    cold: Option<Cold>,
    /// The places of the base that the changelog does not have yet as they are.
    unlogged: Vec<u32>,
    chunks: Chunks,
}

/// The chunks of something that are in the changelog.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    /// Their numbers, with how many rows each has.
    numbers: BTreeMap<u64, usize>,
    /// The rows of all of them.
    rows: usize,
}

impl Chunks {
    /// Whether too much of them is outdated, with so many rows more, where so many are needed in all.
    pub(crate) fn are_outdated(&self, more: usize, needed: usize) -> bool {
        self.rows + more > 2 * needed + SLACK
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Writes their tombstones; from now on there are none.
    pub(crate) fn forget(&mut self, key: ChunkKey<'_>, out: &mut Vec<ChangelogRecord>) {
        let numbers = std::mem::take(&mut self.numbers).into_keys();
        out.extend(numbers.map(|sequence| ChunkKey { sequence, ..key }.tombstone()));
        self.rows = 0;
    }

    /// Notes a chunk that is in the changelog.
    pub(crate) fn note(&mut self, sequence: u64, rows: usize) {
        let before = self.numbers.insert(sequence, rows).unwrap_or(0);
        self.rows = (self.rows + rows).saturating_sub(before);
    }

    /// Notes that a chunk is no longer there; whether any is left.
    pub(crate) fn drop_chunk(&mut self, sequence: u64) -> bool {
        let rows = self.numbers.remove(&sequence).unwrap_or(0);
        self.rows = self.rows.saturating_sub(rows);
        !self.numbers.is_empty()
    }
}

impl Segment {
    /// Sets the state of a key, and gives its place.
    pub(crate) fn set(&mut self, hash: u64, key: &[u8], state: &[u8]) -> u32 {
        let place = self.base.set(hash, key, state);
        self.unlogged.push(place);
        place
    }

    /// Forgets those of the keys that have this state, wherever they are. What they were must be in the changelog.
    pub(crate) fn drop_all(&mut self, keys: &[Key], state: &[u8]) -> Result<()> {
        self.fetch(keys.iter().map(|(hash, key)| (*hash, &**key)))?;
        for (hash, key) in keys {
            if self.base.get(*hash, key) == Some(state) {
                self.base.remove(*hash, key);
            }
        }
        Ok(())
    }

    /// Whether there is nothing of it left, in the changelog neither.
    pub(crate) fn is_gone(&self) -> bool {
        self.len() == 0 && self.chunks.len() == 0
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.base.len() + self.cold.as_ref().map_or(0, Cold::len)
    }

    /// The rows that are on disk, if there are any.
    pub(crate) fn walk_cold(&self) -> Option<Walk<'_>> {
        let cold = self.cold.as_ref().filter(|cold| cold.len() > 0)?;
        Some(cold.walk(Vec::new()))
    }

    /// Brings keys into the base, if they are on disk.
    pub(crate) fn fetch<'k>(&mut self, keys: impl Iterator<Item = (u64, &'k [u8])>) -> Result<()> {
        let Some(cold) = &mut self.cold else {
            return Ok(());
        };
        let away = keys.filter(|&(hash, key)| self.base.get(hash, key).is_none());
        for (place, state) in cold.take(away.map(|(hash, key)| cold::place(hash, key)).collect())? {
            let (hash, key) = cold::split(&place)?;
            self.base.set(hash, key, &state);
        }
        Ok(())
    }

    /// The states of those of the keys that are on disk.
    pub(crate) fn look_up<'k>(
        &self,
        keys: impl Iterator<Item = (u64, &'k [u8])>,
    ) -> Result<Vec<Row>> {
        let Some(cold) = &self.cold else {
            return Ok(Vec::new());
        };
        let away = keys.filter(|&(hash, key)| self.base.get(hash, key).is_none());
        let places: Vec<Vec<u8>> = away.map(|(hash, key)| cold::place(hash, key)).collect();
        let states = cold.get(&places)?;
        let rows = places.into_iter().zip(states);
        Ok(rows
            .filter_map(|(place, state)| Some((place, state?)))
            .collect())
    }

    /// Makes keys leave for the disk: those that are not in use, or `all`. What has changed must
    /// be in the changelog.
    pub(crate) fn shed(&mut self, all: bool, disk: &dyn Disk) -> Result<()> {
        let rows = self.base.part(all);
        if rows.len() == 0 {
            return Ok(());
        }
        let cold = match &mut self.cold {
            Some(cold) => cold,
            none => none.insert(Cold::new(disk)?),
        };
        cold.put(rows)
    }

    /// Writes what has changed; or, where too much of the chunks is outdated, everything, and forgets the chunks before.
    /// Where keys may leave, `passing`, it is said that this is everything.
    pub(crate) fn write(
        &mut self,
        key: ChunkKey<'_>,
        stamp: Stamp,
        passing: bool,
        sequence: &mut u64,
        quota: &mut Quota,
        out: &mut Vec<ChangelogRecord>,
    ) -> Result<()> {
        let mut places = std::mem::take(&mut self.unlogged);
        places.sort_unstable();
        places.dedup();
        let from = out.len();
        let outdated = self.chunks.are_outdated(places.len(), self.len());
        let anew = self.len() == 0 || (outdated && quota.has_room());
        let written = if anew {
            let mut written = Vec::new();
            if passing && self.len() > 0 {
                written.push(chunk::begin_anew(key, stamp, sequence, out));
            }
            written.extend(chunk::write(key, stamp, self.base.iter(), sequence, out));
            if let Some(mut rows) = self.walk_cold() {
                let rows = (&mut rows, None);
                written.extend(chunk::write_cold(
                    key,
                    stamp,
                    rows,
                    |state| Ok(Some(state)),
                    sequence,
                    out,
                )?);
            }
            self.chunks.forget(key, out);
            written
        } else {
            let rows = places.iter().filter_map(|&place| self.base.at(place));
            chunk::write(key, stamp, rows, sequence, out)
        };
        quota.note(out.get(from..).unwrap_or_default(), anew);
        for (sequence, rows) in written {
            self.chunks.note(sequence, rows);
        }
        Ok(())
    }

    /// Tombstones of all chunks.
    pub(crate) fn forget(mut self, key: ChunkKey<'_>, out: &mut Vec<ChangelogRecord>) {
        self.chunks.forget(key, out);
    }

    /// Notes a chunk that is in the changelog.
    pub(crate) fn note(&mut self, sequence: u64, rows: usize) {
        self.chunks.note(sequence, rows);
    }

    /// Forgets all keys that have been read of the changelog: all there are come anew.
    pub(crate) fn begin_anew(&mut self) {
        self.base = Base::default();
        self.cold = None;
    }

    /// Notes that a chunk is no longer there; whether any is left.
    pub(crate) fn drop_chunk(&mut self, sequence: u64) -> bool {
        self.chunks.drop_chunk(sequence)
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        let cold = self.cold.as_ref().map_or(0, Cold::bytes);
        self.base.bytes() + cold + (self.unlogged.len() + self.chunks.len()) * 32
    }
}
