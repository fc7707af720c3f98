//! The open sessions of every key as of the last flush, in the buckets that their chunks are of, and when the next ones
//! close. What a key no longer has is gone, from memory and, with the next chunk, from the changelog. Keys that are away,
//! on disk, are brought back before anything is asked of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use hashbrown::{HashTable, hash_table};
use tidemill_plan::model::Micros;

use super::away::{self, Away, Row};
use super::list;
use crate::aggregate::chunk::{self, ChunkKey};
use crate::aggregate::segment::{BUCKETS, Chunks, Quota, bucket, first_hash};
use crate::disk::Disk;
use crate::effects::ChangelogRecord;
use crate::error::Result;
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
    /// Set again since it came, or since keys were last put away.
    used: bool,
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

/// Bytes that a key costs beside its own and its sessions', roughly: what holds entries doubles when it is full, and an
/// allocator rounds up.
const ENTRY_BYTES: usize = (size_of::<Entry>() + size_of::<(Micros, u64)>()) * 3 / 2 + 16;

/// What a key costs.
fn cost(key: &[u8], sessions: &[u8]) -> usize {
    match sessions.len() {
        0 => 0,
        len => len + key.len() + ENTRY_BYTES,
    }
}

/// Nothing is to be looked after.
const NOT_DUE: Micros = Micros::MAX;

/// What is so much too large is made smaller.
const SPARE: usize = 1024;

/// So many keys go away at once.
const AWAY: usize = 131_072;

/// How much of something is away.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    keys: usize,
    sessions: usize,
}

/// A part of the keys.
#[derive(Default)]
struct Bucket {
    entries: HashTable<Entry>,
    /// How many entries have sessions.
    live: usize,
    /// What is away, by the chunk that it was in.
    away: BTreeMap<u64, Count>,
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

    /// How many keys have sessions.
    fn keys(&self) -> usize {
        self.live + self.away.values().map(|count| count.keys).sum::<usize>()
    }

    /// Takes a key in that comes back; false if what the chunk held has been forgotten.
    fn come_back(&mut self, row: Row) -> bool {
        let count = self.away.get_mut(&row.chunk);
        let Some(count) = count.filter(|count| count.keys > 0 && row.chunk > self.forgotten) else {
            return false;
        };
        count.keys -= 1;
        count.sessions = count.sessions.saturating_sub(list::count(&row.sessions));
        if count.keys == 0 {
            self.away.remove(&row.chunk);
        }
        self.live += 1;
        let entry = Entry {
            hash: row.hash,
            key: row.key,
            sessions: row.sessions,
            chunk: row.chunk,
            unlogged: false,
            used: false,
            due: row.end,
        };
        self.entries.insert_unique(row.hash, entry, |e| e.hash);
        true
    }

    /// Makes keys leave that are in the changelog as they are: those that are not in use, or `all`, unless they are to
    /// stay.
    fn part(&mut self, all: bool, stays: &impl Fn(&[u8]) -> bool, into: &mut Vec<Row>) {
        // What cannot be read stays, too: it is told when it is asked for.
        let end = |sessions: &[u8]| list::first_end(sessions).ok().flatten();
        let leaves = |e: &mut Entry| {
            let used = std::mem::take(&mut e.used);
            (all || !used) && !e.unlogged && !stays(&e.sessions) && end(&e.sessions).is_some()
        };
        for entry in self.entries.extract_if(leaves) {
            let end = end(&entry.sessions).unwrap_or(NOT_DUE);
            self.live = self.live.saturating_sub(1);
            let count = self.away.entry(entry.chunk).or_default();
            count.keys += 1;
            count.sessions += list::count(&entry.sessions);
            into.push(Row {
                hash: entry.hash,
                key: entry.key,
                sessions: entry.sessions,
                chunk: entry.chunk,
                end,
            });
        }
        let len = self.entries.len();
        self.entries.shrink_to(len, |e| e.hash);
    }

    /// Writes what has changed; or, where too much of the chunks is outdated, everything.
    fn write(
        &mut self,
        key: ChunkKey<'_>,
        stamp: Stamp,
        sequence: &mut u64,
        (quota, away): (&mut Quota, Option<&Away>),
        out: &mut Vec<ChangelogRecord>,
    ) -> Result<()> {
        let mut changed = std::mem::take(&mut self.unlogged);
        changed.sort_unstable();
        changed.dedup();
        let (entries, from, keys) = (&self.entries, out.len(), self.keys());
        let outdated = self.chunks.are_outdated(changed.len(), keys) && quota.has_room();
        let anew = keys == 0 || outdated;
        let written = if anew {
            let rows = entries.iter().filter(|e| !e.sessions.is_empty());
            let mut written = chunk::write(key, stamp, rows.map(Entry::row), sequence, out);
            if let Some(away) = away.filter(|_| !self.away.is_empty()) {
                let number = key.segment.start;
                let end =
                    (number + 1 < BUCKETS as i64).then(|| first_hash(number + 1).to_be_bytes());
                let forgotten = self.forgotten;
                let mut walk = away.walk(first_hash(number));
                written.extend(chunk::write_cold(
                    key,
                    stamp,
                    (&mut walk, end.as_ref().map(<[u8; 8]>::as_slice)),
                    |value| {
                        let (chunk, sessions) = away::read(value)?;
                        Ok(Some(sessions).filter(|_| chunk > forgotten))
                    },
                    sequence,
                    out,
                )?);
            }
            written
        } else {
            let rows = changed.iter().flat_map(|&hash| {
                let same = entries.iter_hash(hash);
                same.filter(move |e| e.hash == hash && e.is_news())
            });
            chunk::write(key, stamp, rows.map(Entry::row), sequence, out)
        };
        quota.note(out.get(from..).unwrap_or_default(), anew);
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
        Ok(())
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
    /// The keys that are on disk, once there have been any.
    away: Option<Away>,
}

impl Store {
    /// The bytes of a key's sessions.
    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<&[u8]> {
        let entries = &self.buckets.get(&bucket(hash))?.entries;
        let entry = entries.find(hash, |e| e.hash == hash && *e.key == *key)?;
        Some(&entry.sessions)
    }

    /// Sets a key's sessions, of which the first ends at `end`. One that is away must have been fetched.
    pub(super) fn set(&mut self, hash: u64, key: &[u8], sessions: Box<[u8]>, end: Option<Micros>) {
        let Some((unlogged, entry)) = self.put(hash, key, sessions) else {
            return;
        };
        if !entry.unlogged {
            entry.unlogged = true;
            unlogged.push(hash);
        }
        let sooner = end.filter(|&end| end < entry.due);
        entry.due = sooner.unwrap_or(entry.due);
        self.due.extend(sooner.map(|end| Reverse((end, hash))));
    }

    /// Puts a key's sessions into its entry. Gives that, and the hashes of its bucket that the changelog does not have.
    fn put(
        &mut self,
        hash: u64,
        key: &[u8],
        sessions: Box<[u8]>,
    ) -> Option<(&mut Vec<u64>, &mut Entry)> {
        let bucket = self.buckets.entry(bucket(hash)).or_default();
        let same = |e: &Entry| e.hash == hash && *e.key == *key;
        let entry = match bucket.entries.entry(hash, same, |e| e.hash) {
            hash_table::Entry::Occupied(entry) => entry.into_mut(),
            hash_table::Entry::Vacant(_) if sessions.is_empty() => return None,
            hash_table::Entry::Vacant(entry) => entry
                .insert(Entry {
                    hash,
                    key: key.into(),
                    sessions: Box::default(),
                    chunk: 0,
                    unlogged: false,
                    used: false,
                    due: NOT_DUE,
                })
                .into_mut(),
        };
        // To come is not to be in use.
        entry.used = !entry.sessions.is_empty();
        self.bytes = (self.bytes + cost(key, &sessions)).saturating_sub(cost(key, &entry.sessions));
        self.sessions =
            (self.sessions + list::count(&sessions)).saturating_sub(list::count(&entry.sessions));
        bucket.live = (bucket.live + usize::from(!sessions.is_empty()))
            .saturating_sub(usize::from(!entry.sessions.is_empty()));
        entry.sessions = sessions;
        Some((&mut bucket.unlogged, entry))
    }

    /// Brings keys back that are away.
    pub(super) fn fetch(&mut self, keys: &[(u64, &[u8])]) -> Result<()> {
        let Some(away) = &mut self.away else {
            return Ok(());
        };
        let buckets = &self.buckets;
        let is_here = |hash: u64, key: &[u8]| {
            let entries = buckets.get(&bucket(hash)).map(|b| &b.entries);
            entries.is_some_and(|e| e.find(hash, |e| e.hash == hash && *e.key == *key).is_some())
        };
        let rows = away.take(
            keys.iter()
                .copied()
                .filter(|&(hash, key)| !is_here(hash, key)),
        )?;
        self.come_back(rows);
        Ok(())
    }

    /// Brings keys back that must be looked after until a time, some at once. Gives until when that is all of them.
    pub(super) fn fetch_due(&mut self, until: Micros) -> Result<Micros> {
        let Some(away) = &mut self.away else {
            return Ok(until);
        };
        if away.next_due().is_none_or(|next| next > until) {
            return Ok(until);
        }
        let rows = away.take_due(until)?;
        let left = away.next_due().map(|next| next.saturating_sub(1));
        self.come_back(rows);
        Ok(left.map_or(until, |left| left.min(until)))
    }

    fn come_back(&mut self, rows: Vec<Row>) {
        for row in rows {
            let (hash, end, bytes) = (row.hash, row.end, cost(&row.key, &row.sessions));
            let bucket = self.buckets.entry(bucket(hash)).or_default();
            if bucket.come_back(row) {
                self.bytes += bytes;
                self.due.push(Reverse((end, hash)));
            }
        }
    }

    /// Puts keys away until what is here takes no more than that: first those that are not in use. Those stay that `stays` says of, by their sessions.
    pub(super) fn shed(
        &mut self,
        goal: usize,
        disk: &dyn Disk,
        stays: impl Fn(&[u8]) -> bool,
    ) -> Result<()> {
        let away = match &mut self.away {
            Some(away) => away,
            none => none.insert(Away::new(disk)?),
        };
        for all in [false, true] {
            let mut rows: Vec<Row> = Vec::new();
            for bucket in self.buckets.values_mut() {
                if self.bytes <= goal {
                    break;
                }
                let from = rows.len();
                bucket.part(all, &stays, &mut rows);
                let left = rows.iter().skip(from).map(|r| cost(&r.key, &r.sessions));
                self.bytes = self.bytes.saturating_sub(left.sum::<usize>());
                if rows.len() >= AWAY {
                    away.put(std::mem::take(&mut rows))?;
                }
            }
            if !rows.is_empty() {
                away.put(rows)?;
            }
        }
        let entries = self.buckets.values().flat_map(|b| b.entries.iter());
        let due = entries.filter(|e| e.due != NOT_DUE);
        self.due = due.map(|e| Reverse((e.due, e.hash))).collect();
        Ok(())
    }

    /// When a key must be looked after next, if one must be.
    pub(super) fn first_due(&self) -> Option<Micros> {
        let here = self.due.peek().map(|&Reverse((due, _))| due);
        let away = self.away.as_ref().and_then(Away::next_due);
        here.into_iter().chain(away).min()
    }

    /// Whether a key must be looked after until a time.
    pub(super) fn is_due(&self, until: Micros) -> bool {
        self.first_due().is_some_and(|due| due <= until)
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
    ) -> Result<()> {
        let mut quota = Quota::default();
        for (&number, bucket) in &mut self.buckets {
            if !bucket.unlogged.is_empty() {
                let key = ChunkKey {
                    stream,
                    segment: Pane::bucket(number),
                    sequence: 0,
                };
                bucket.write(key, stamp, sequence, (&mut quota, self.away.as_ref()), out)?;
            }
        }
        Ok(())
    }

    /// Takes back a chunk of a bucket.
    pub(super) fn restore(
        &mut self,
        number: i64,
        sequence: u64,
        rows: Vec<(&[u8], &[u8])>,
    ) -> Result<()> {
        self.restoring = true;
        let hash = crate::wire::hash;
        let keys: Vec<(u64, &[u8])> = rows.iter().map(|(key, _)| (hash(key), *key)).collect();
        self.fetch(&keys)?;
        let chunk_rows = rows.len();
        for ((hash, key), (_, sessions)) in keys.into_iter().zip(rows) {
            if let Some((_, entry)) = self.put(hash, key, sessions.into()) {
                entry.chunk = sequence;
                entry.due = NOT_DUE;
            }
            if sessions.is_empty()
                && let Some(bucket) = self.buckets.get_mut(&bucket(hash))
            {
                let gone = |e: &Entry| e.hash == hash && *e.key == *key;
                if let Ok(entry) = bucket.entries.find_entry(hash, gone) {
                    entry.remove();
                }
            }
        }
        let bucket = self.buckets.entry(number).or_default();
        bucket.chunks.note(sequence, chunk_rows);
        Ok(())
    }

    /// Notes that a chunk of a bucket is no longer there, nor are those before it.
    pub(super) fn forget(&mut self, number: i64, sequence: u64) {
        self.restoring = true;
        let bucket = self.buckets.entry(number).or_default();
        bucket.chunks.drop_chunk(sequence);
        bucket.forgotten = bucket.forgotten.max(sequence);
    }

    /// Whether chunks were taken back since it was made ready.
    pub(super) fn is_restoring(&self) -> bool {
        self.restoring
    }

    /// Makes ready after chunks were taken back. Gives the hashes of the keys that are in memory, if that was so.
    pub(super) fn make_ready(&mut self, first_end: impl Fn(&[u8]) -> Micros) -> Option<Vec<u64>> {
        let mut hashes = Vec::new();
        if !std::mem::take(&mut self.restoring) {
            return None;
        }
        for bucket in self.buckets.values_mut() {
            let forgotten = bucket.forgotten;
            bucket.entries.retain(|entry| entry.chunk > forgotten);
            bucket.away.retain(|chunk, _| *chunk > forgotten);
            bucket.live = bucket.entries.len();
        }
        let away = self.buckets.values().flat_map(|b| b.away.values());
        self.sessions = away.map(|count| count.sessions).sum();
        self.bytes = 0;
        self.due.clear();
        for entry in self.buckets.values_mut().flat_map(|b| &mut b.entries) {
            self.sessions += list::count(&entry.sessions);
            self.bytes += cost(&entry.key, &entry.sessions);
            entry.due = first_end(&entry.sessions);
            self.due.push(Reverse((entry.due, entry.hash)));
            hashes.push(entry.hash);
        }
        Some(hashes)
    }

    /// How many keys have sessions.
    pub(super) fn keys(&self) -> usize {
        self.buckets.values().map(Bucket::keys).sum()
    }

    /// How many sessions there are.
    pub(super) fn sessions(&self) -> usize {
        self.sessions
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        let chunks: usize = self.buckets.values().map(|b| b.chunks.len()).sum();
        self.bytes + chunks * 32 + self.away.as_ref().map_or(0, Away::bytes)
    }
}
