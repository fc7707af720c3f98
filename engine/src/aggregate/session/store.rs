//! The open sessions of every key as of the last flush, in the buckets that their chunks are of, and when the next ones
//! close. What a key no longer has is gone, from memory and, with the next chunk, from the changelog.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use hashbrown::HashTable;
use tidemill_plan::model::Micros;

use super::list;
use crate::aggregate::chunk::{self, ChunkKey};
use crate::aggregate::segment::{Chunks, bucket};
use crate::effects::ChangelogRecord;
use crate::stamp::Stamp;
use crate::window::Pane;

/// A key with its sessions.
struct Entry {
    hash: u64,
    key: Box<[u8]>,
    /// Its sessions' bytes; empty if it has none left and the changelog does not know that yet.
    sessions: Box<[u8]>,
    /// The chunk that it was restored from, or a later one; 0 if the changelog does not have it.
    chunk: u64,
    /// The changelog does not have it as it is.
    unlogged: bool,
    /// When it is looked after: at the end of its first session, or before.
    due: Micros,
}

impl Entry {
    fn row(&self) -> (&[u8], &[u8]) {
        (&self.key, &self.sessions)
    }

    /// Whether it must go to the changelog, which is not so if it came and went since the last time.
    fn is_news(&self) -> bool {
        self.unlogged && (self.chunk > 0 || !self.sessions.is_empty())
    }
}

/// A key and the bytes of its sessions.
pub(super) type Held = (Box<[u8]>, Box<[u8]>);

/// Bytes that a key costs beside its own and its sessions', roughly.
const ENTRY_BYTES: usize = size_of::<Entry>() + size_of::<(Micros, u64)>();

/// Nothing is to be looked after.
const NOT_DUE: Micros = Micros::MAX;

/// What is so much too large is made smaller.
const SPARE: usize = 1024;

/// A part of the keys.
#[derive(Default)]
struct Bucket {
    entries: HashTable<Entry>,
    /// How many entries have sessions.
    live: usize,
    /// Hashes of keys that the changelog does not have as they are.
    unlogged: Vec<u64>,
    chunks: Chunks,
    /// Chunks up to this one were forgotten.
    forgotten: u64,
}

impl Bucket {
    fn with_hash(&mut self, hash: u64) -> impl Iterator<Item = &mut Entry> {
        let entries = self.entries.iter_hash_mut(hash);
        entries.filter(move |e| e.hash == hash)
    }

    /// Writes what has changed; or, where too much of the chunks is outdated, everything.
    fn write(
        &mut self,
        key: ChunkKey<'_>,
        stamp: Stamp,
        sequence: &mut u64,
        out: &mut Vec<ChangelogRecord>,
    ) {
        let mut changed = std::mem::take(&mut self.unlogged);
        changed.sort_unstable();
        changed.dedup();
        let entries = &self.entries;
        let anew = self.live == 0 || self.chunks.are_outdated(changed.len(), self.live);
        let written = if anew {
            let rows = entries.iter().filter(|e| !e.sessions.is_empty());
            chunk::write(key, stamp, rows.map(Entry::row), sequence, out)
        } else {
            let rows = changed.iter().flat_map(|&hash| {
                let same = entries.iter_hash(hash);
                same.filter(move |e| e.hash == hash && e.is_news())
            });
            chunk::write(key, stamp, rows.map(Entry::row), sequence, out)
        };
        if anew {
            self.chunks.forget(key, out);
        }
        for (sequence, rows) in written {
            self.chunks.note(sequence, rows);
        }
        for hash in changed {
            for entry in self.with_hash(hash) {
                (entry.unlogged, entry.chunk) = (false, *sequence);
            }
            let gone = |e: &Entry| e.hash == hash && e.sessions.is_empty();
            while let Ok(entry) = self.entries.find_entry(hash, gone) {
                entry.remove();
            }
        }
        let len = self.entries.len();
        if self.entries.capacity() > 4 * len + SPARE {
            self.entries.shrink_to(2 * len, |e| e.hash);
        }
    }
}

/// All keys.
#[derive(Default)]
pub(super) struct Store {
    buckets: BTreeMap<i64, Bucket>,
    /// When to look after keys, by their hashes.
    due: BinaryHeap<Reverse<(Micros, u64)>>,
    /// How many sessions all keys have.
    sessions: usize,
    bytes: usize,
    /// It has taken chunks back, and is not ready yet.
    restoring: bool,
}

impl Store {
    /// The bytes of a key's sessions.
    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<&[u8]> {
        let entries = &self.buckets.get(&bucket(hash))?.entries;
        let entry = entries.find(hash, |e| e.hash == hash && *e.key == *key)?;
        Some(&entry.sessions)
    }

    /// Sets a key's sessions, of which the first ends at `end`.
    pub(super) fn set(&mut self, hash: u64, key: &[u8], sessions: Box<[u8]>, end: Option<Micros>) {
        let bucket = self.buckets.entry(bucket(hash)).or_default();
        let same = |e: &Entry| e.hash == hash && *e.key == *key;
        let entry = match bucket.entries.find_entry(hash, same) {
            Ok(entry) => entry.into_mut(),
            Err(_) if sessions.is_empty() => return,
            Err(_) => {
                let entry = Entry {
                    hash,
                    key: key.into(),
                    sessions: Box::default(),
                    chunk: 0,
                    unlogged: false,
                    due: NOT_DUE,
                };
                let entries = &mut bucket.entries;
                entries.insert_unique(hash, entry, |e| e.hash).into_mut()
            }
        };
        let cost = |sessions: &[u8]| match sessions.len() {
            0 => 0,
            len => len + key.len() + ENTRY_BYTES,
        };
        self.bytes = (self.bytes + cost(&sessions)).saturating_sub(cost(&entry.sessions));
        self.sessions =
            (self.sessions + list::count(&sessions)).saturating_sub(list::count(&entry.sessions));
        bucket.live = (bucket.live + usize::from(!sessions.is_empty()))
            .saturating_sub(usize::from(!entry.sessions.is_empty()));
        entry.sessions = sessions;
        if !entry.unlogged {
            entry.unlogged = true;
            bucket.unlogged.push(hash);
        }
        if let Some(end) = end.filter(|&end| end < entry.due) {
            entry.due = end;
            self.due.push(Reverse((end, hash)));
        }
    }

    /// Keys that must be looked after until a time, all of one hash: some may have none that end until then. From
    /// now on they are not looked after until they are set.
    pub(super) fn next_due(&mut self, until: Micros) -> Option<(u64, Vec<Held>)> {
        let due = self.due.peek_mut()?;
        let Reverse((end, hash)) = *due;
        if end > until {
            return None;
        }
        std::collections::binary_heap::PeekMut::pop(due);
        if self.due.capacity() > 4 * self.due.len() + SPARE {
            self.due.shrink_to(2 * self.due.len());
        }
        let Some(bucket) = self.buckets.get_mut(&bucket(hash)) else {
            return Some((hash, Vec::new()));
        };
        let looked_after = bucket.with_hash(hash).filter(|e| e.due == end);
        let found = looked_after.map(|entry| {
            entry.due = NOT_DUE;
            (entry.key.clone(), entry.sessions.clone())
        });
        Some((hash, found.collect()))
    }

    /// Keys with a hash, and their sessions.
    pub(super) fn with_hash(&self, hash: u64) -> impl Iterator<Item = (&[u8], &[u8])> {
        let bucket = self.buckets.get(&bucket(hash)).into_iter();
        let entries = bucket.flat_map(move |b| b.entries.iter_hash(hash));
        let same = entries.filter(move |e| e.hash == hash);
        same.map(|e| (&*e.key, &*e.sessions))
    }

    /// Writes what has changed to the changelog.
    pub(super) fn log(
        &mut self,
        stream: &str,
        stamp: Stamp,
        sequence: &mut u64,
        out: &mut Vec<ChangelogRecord>,
    ) {
        for (&number, bucket) in &mut self.buckets {
            if !bucket.unlogged.is_empty() {
                let key = ChunkKey {
                    stream,
                    segment: Pane::bucket(number),
                    sequence: 0,
                };
                bucket.write(key, stamp, sequence, out);
            }
        }
    }

    /// Takes back a chunk of a bucket.
    pub(super) fn restore(&mut self, number: i64, sequence: u64, rows: Vec<(&[u8], &[u8])>) {
        self.restoring = true;
        let chunk_rows = rows.len();
        for (key, sessions) in rows {
            let hash = crate::wire::hash(key);
            self.set(hash, key, sessions.into(), None);
            if let Some(bucket) = self.buckets.get_mut(&bucket(hash)) {
                let entries = bucket.with_hash(hash).filter(|e| *e.key == *key);
                entries.for_each(|e| e.chunk = sequence);
            }
        }
        let bucket = self.buckets.entry(number).or_default();
        bucket.chunks.note(sequence, chunk_rows);
    }

    /// Notes that a chunk of a bucket is no longer there, nor are those before it.
    pub(super) fn forget(&mut self, number: i64, sequence: u64) {
        self.restoring = true;
        let bucket = self.buckets.entry(number).or_default();
        bucket.chunks.drop_chunk(sequence);
        bucket.forgotten = bucket.forgotten.max(sequence);
    }

    /// Makes ready after chunks were taken back. Gives the hashes of the keys that there are, if that was so.
    pub(super) fn make_ready(&mut self, first_end: impl Fn(&[u8]) -> Micros) -> Vec<u64> {
        let mut hashes = Vec::new();
        if !std::mem::take(&mut self.restoring) {
            return hashes;
        }
        for bucket in self.buckets.values_mut() {
            bucket.unlogged.clear();
            let forgotten = bucket.forgotten;
            bucket.entries.retain(|entry| {
                entry.unlogged = false;
                entry.due = NOT_DUE;
                entry.chunk > forgotten && !entry.sessions.is_empty()
            });
            bucket.live = bucket.entries.len();
        }
        (self.sessions, self.bytes) = (0, 0);
        self.due.clear();
        for entry in self.buckets.values_mut().flat_map(|b| &mut b.entries) {
            self.sessions += list::count(&entry.sessions);
            self.bytes += entry.sessions.len() + entry.key.len() + ENTRY_BYTES;
            entry.due = first_end(&entry.sessions);
            self.due.push(Reverse((entry.due, entry.hash)));
            hashes.push(entry.hash);
        }
        hashes
    }

    /// How many keys have sessions.
    pub(super) fn keys(&self) -> usize {
        self.buckets.values().map(|b| b.live).sum()
    }

    /// How many sessions there are.
    pub(super) fn sessions(&self) -> usize {
        self.sessions
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        let chunks: usize = self.buckets.values().map(|b| b.chunks.len()).sum();
        self.bytes + chunks * 32
    }
}
