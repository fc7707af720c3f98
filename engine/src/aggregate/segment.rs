//! A segment: a pane of windows, or one of the buckets of a table. Its base, and the chunks of the changelog that hold it.

use std::collections::BTreeMap;

use crate::aggregate::base::Base;
use crate::aggregate::chunk::{self, ChunkKey};
use crate::effects::ChangelogRecord;
use crate::stamp::Stamp;

/// How many buckets a table has: when one is written anew, it is this part of the table.
pub(crate) const BUCKETS: u64 = 64;

/// The bucket of a key, by the upper bits of its hash: the rest chooses the shard.
pub(crate) fn bucket(hash: u64) -> i64 {
    (hash >> 58) as i64 % BUCKETS as i64
}

/// Rows that the chunks may hold beyond twice those that are needed, before all are written anew.
const SLACK: usize = 1024;

/// A pane of windows, or a bucket of a table.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    pub(crate) base: Base,
    /// The places of the base that the changelog does not have yet as they are.
    unlogged: Vec<u32>,
    /// The chunks that are in the changelog, with their numbers of rows.
    chunks: BTreeMap<u64, usize>,
    /// The rows of all of them.
    rows: usize,
}

impl Segment {
    /// Sets the state of a key, and gives its place.
    pub(crate) fn set(&mut self, hash: u64, key: &[u8], state: &[u8]) -> u32 {
        let place = self.base.set(hash, key, state);
        self.unlogged.push(place);
        place
    }

    /// Writes what has changed; or, where too much of the chunks is outdated, everything, and forgets the chunks before.
    pub(crate) fn write(
        &mut self,
        key: ChunkKey<'_>,
        stamp: Stamp,
        sequence: &mut u64,
        out: &mut Vec<ChangelogRecord>,
    ) {
        let mut places = std::mem::take(&mut self.unlogged);
        places.sort_unstable();
        places.dedup();
        let written = if self.rows + places.len() > 2 * self.base.len() + SLACK {
            let written = chunk::write(key, stamp, self.base.iter(), sequence, out);
            self.forget(key, out);
            self.chunks.clear();
            self.rows = 0;
            written
        } else {
            let rows = places.iter().filter_map(|&place| self.base.at(place));
            chunk::write(key, stamp, rows, sequence, out)
        };
        for (sequence, rows) in written {
            self.note(sequence, rows);
        }
    }

    /// Tombstones of all chunks.
    pub(crate) fn forget(&self, key: ChunkKey<'_>, out: &mut Vec<ChangelogRecord>) {
        out.extend(
            self.chunks
                .keys()
                .map(|&sequence| ChunkKey { sequence, ..key }.tombstone()),
        );
    }

    /// Notes a chunk that is in the changelog.
    pub(crate) fn note(&mut self, sequence: u64, rows: usize) {
        let before = self.chunks.insert(sequence, rows).unwrap_or(0);
        self.rows = (self.rows + rows).saturating_sub(before);
    }

    /// Notes that a chunk is no longer there; whether any is left.
    pub(crate) fn drop_chunk(&mut self, sequence: u64) -> bool {
        let rows = self.chunks.remove(&sequence).unwrap_or(0);
        self.rows = self.rows.saturating_sub(rows);
        !self.chunks.is_empty()
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.base.bytes() + self.chunks.len() * 32
    }
}
