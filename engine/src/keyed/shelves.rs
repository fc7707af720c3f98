//! The state of all keys, with the chunks of the changelog that hold what no stretch of time tells of them. A key is in
//! memory or on disk, never in both.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use tidemill_plan::model::Micros;

use super::frame::Call;
use super::series::{Kept, Known, Series};
use crate::aggregate::chunk::{self, ChunkKey};
use crate::aggregate::cold::{self, BATCH, Cold, damaged};
use crate::aggregate::segment::{BUCKETS, Chunks, Quota, bucket, first_hash};
use crate::alerts::Recent;
use crate::disk::{Disk, Row as DiskRow};
use crate::effects::ChangelogRecord;
use crate::error::Result;
use crate::stamp::Stamp;
use crate::window::Pane;
use crate::wire;

type Key = Vec<u8>;

/// The keys of one bucket.
#[derive(Debug, Default)]
struct Shelf {
    series: HashMap<Key, Series>,
    /// Those that have changed since they were last written.
    touched: Vec<Key>,
    chunks: Chunks,
    /// What has been restored, until it is put to use.
    restored: HashMap<Key, Known>,
    /// How many keys are on disk.
    away: Generations<usize>,
}

impl Shelf {
    fn len(&self) -> usize {
        self.series.len() + self.restored.len() + self.away.young + self.away.old
    }
}

/// Keys that have left memory since keys were last looked through for those that are needed no longer, and before that.
/// When that is done again, nothing is needed any more of the latter.
#[derive(Debug, Default)]
struct Generations<T> {
    young: T,
    old: T,
}

impl<T> Generations<T> {
    fn iter_mut(&mut self) -> [&mut T; 2] {
        [&mut self.young, &mut self.old]
    }
}

/// The state of all keys.
#[derive(Debug, Default)]
pub(super) struct Shelves {
    shelves: BTreeMap<i64, Shelf>,
    bytes: usize,
    away: Generations<Option<Cold>>,
}

/// Rows of a key that have gone on.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) rows: Vec<Kept>,
    /// The last of them as alerts show them, where rules judge them.
    pub(super) recent: Recent,
}

/// The last bucket.
const LAST: i64 = BUCKETS as i64 - 1;

/// Bytes that a key costs beside itself and its series, roughly.
const ENTRY_BYTES: usize = 32;

/// How keys are kept.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) calls: Vec<Call>,
    /// How many arguments a row has.
    pub(super) width: usize,
    /// So many rows of each key are kept, whatever their time.
    pub(super) rows_back: u64,
    /// Whether anything of a key is kept when its rows are gone.
    pub(super) lasts: bool,
    /// How long after its last row a key is kept; `None` is for ever.
    pub(super) memory: Option<Micros>,
}

impl Shelves {
    /// Changes the state of a key.
    pub(super) fn change(
        &mut self,
        keeping: &Keeping,
        key: &[u8],
        change: impl FnOnce(&mut Series),
    ) {
        let shelf = self.shelves.entry(bucket(wire::hash(key))).or_default();
        let new = || Series::new(&keeping.calls, keeping.width);
        let series = match shelf.series.entry_ref(key) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => {
                let series = entry.insert(new());
                self.bytes += series.bytes() + key.len() + ENTRY_BYTES;
                series
            }
        };
        if keeping.lasts && !std::mem::replace(&mut series.touched, true) {
            shelf.touched.push(key.to_vec());
        }
        series.used = true;
        let before = series.bytes();
        change(series);
        self.bytes = (self.bytes + series.bytes()).saturating_sub(before);
    }

    /// Brings back what is on disk of keys: their series, or what has been restored of them.
    fn take(&mut self, keys: &[&[u8]]) -> Result<Vec<(u64, Key, Vec<u8>)>> {
        let mut found = Vec::new();
        let places = || keys.iter().map(|key| cold::place(wire::hash(key), key));
        for (i, cold) in self.away.iter_mut().into_iter().enumerate() {
            let Some(cold) = cold.as_mut().filter(|cold| cold.len() > 0) else {
                continue;
            };
            for (place, value) in cold.take(places().collect())? {
                let (hash, key) = cold::split(&place)?;
                let shelf = self.shelves.entry(bucket(hash)).or_default();
                if let Some(count) = shelf.away.iter_mut().into_iter().nth(i) {
                    *count = count.saturating_sub(1);
                }
                found.push((hash, key.to_vec(), value));
            }
        }
        Ok(found)
    }

    /// Whether any key is on disk.
    pub(super) fn any_away(&self) -> bool {
        let Generations { young, old } = &self.away;
        [young, old]
            .into_iter()
            .flatten()
            .any(|cold| cold.len() > 0)
    }

    /// Brings keys back to memory that are to be changed.
    pub(super) fn fetch(&mut self, keeping: &Keeping, mut keys: Vec<&[u8]>) -> Result<()> {
        keys.retain(|key| {
            let shelf = self.shelves.get(&bucket(wire::hash(key)));
            shelf.is_none_or(|shelf| !shelf.series.contains_key(*key))
        });
        for (hash, key, value) in self.take(&keys)? {
            let series = series_of(keeping, &value)?;
            self.bytes += series.bytes() + key.len() + ENTRY_BYTES;
            let shelf = self.shelves.entry(bucket(hash)).or_default();
            shelf.series.insert(key, series);
        }
        Ok(())
    }

    /// Has keys leave memory until no more than so many bytes are left: those that have not changed since that was last
    /// done, and all others only if that is not enough. All of them are in the changelog.
    pub(super) fn shed(&mut self, keeping: &Keeping, goal: usize, disk: &dyn Disk) -> Result<()> {
        for all in [false, true] {
            if self.bytes() <= goal {
                break;
            }
            let mut rows: Vec<DiskRow> = Vec::new();
            for shelf in self.shelves.values_mut() {
                let before = rows.len();
                let left = shelf.series.extract_if(|_, series| {
                    let leaves = (all || !series.used) && !series.touched;
                    series.used = false;
                    leaves
                });
                for (key, series) in left {
                    self.bytes =
                        (self.bytes).saturating_sub(series.bytes() + key.len() + ENTRY_BYTES);
                    let place = cold::place(wire::hash(&key), &key);
                    rows.push((place, series.whole(&keeping.calls).pack()));
                }
                for (key, known) in shelf.restored.drain() {
                    self.bytes = self
                        .bytes
                        .saturating_sub(known.bytes() + key.len() + ENTRY_BYTES);
                    rows.push((cold::place(wire::hash(&key), &key), known.pack()));
                }
                shelf.away.young += rows.len() - before;
            }
            if rows.is_empty() {
                continue;
            }
            rows.sort_unstable();
            let cold = match &mut self.away.young {
                Some(cold) => cold,
                none => none.insert(Cold::new(disk)?),
            };
            cold.put(rows.into_iter())?;
        }
        Ok(())
    }

    /// Drops the keys of which nothing is needed any longer. It is so of all that had left when this was last done.
    pub(super) fn drop_before(&mut self, time: Micros) {
        self.away.old = self.away.young.take();
        for shelf in self.shelves.values_mut() {
            shelf.away.old = std::mem::take(&mut shelf.away.young);
            shelf.series.retain(|key, series| {
                let needed = series.last_time().is_some_and(|last| last >= time);
                if !needed {
                    let gone = series.bytes() + key.len() + ENTRY_BYTES;
                    self.bytes = self.bytes.saturating_sub(gone);
                }
                needed
            });
        }
    }

    /// Writes the keys that have changed to the changelog.
    pub(super) fn log(
        &mut self,
        keeping: &Keeping,
        (stream, stamp): (&str, Stamp),
        sequence: &mut u64,
        out: &mut Vec<ChangelogRecord>,
    ) -> Result<()> {
        let mut quota = Quota::default();
        for (&number, shelf) in &mut self.shelves {
            let touched = std::mem::take(&mut shelf.touched);
            if touched.is_empty() {
                continue;
            }
            let key = ChunkKey {
                stream,
                segment: Pane::bucket(number),
                sequence: 0,
            };
            let from = out.len();
            let all = shelf.chunks.are_outdated(touched.len(), shelf.len()) && quota.has_room();
            let state = |series: &Series| series.write(&keeping.calls, keeping.rows_back);
            let mut rows: Vec<(Key, Vec<u8>)> = Vec::new();
            for key in touched {
                if let Some(series) = shelf.series.get_mut(&key) {
                    series.touched = false;
                    if !all {
                        rows.push((key, state(series)));
                    }
                }
            }
            let mut written = Vec::new();
            if all {
                let series = shelf.series.iter();
                rows.extend(series.map(|(key, series)| (key.clone(), state(series))));
                for cold in self.away.iter_mut().into_iter().flatten() {
                    let mut walk =
                        cold.walk_until(place(number), (number < LAST).then(|| place(number + 1)));
                    while let Some((place, value)) = walk.next()? {
                        let row_key = cold::split(&place)?.1.to_vec();
                        rows.push((row_key, state(&series_of(keeping, &value)?)));
                        if rows.len() >= BATCH {
                            let rows = std::mem::take(&mut rows);
                            written.extend(chunk::write(key, stamp, pairs(&rows), sequence, out));
                        }
                    }
                }
            }
            written.extend(chunk::write(key, stamp, pairs(&rows), sequence, out));
            if all {
                shelf.chunks.forget(key, out);
            }
            quota.note(out.get(from..).unwrap_or_default(), all);
            for (sequence, rows) in written {
                shelf.chunks.note(sequence, rows);
            }
        }
        Ok(())
    }

    /// Takes back a chunk of the changelog.
    pub(super) fn restore(&mut self, key: ChunkKey<'_>, rows: &[(&[u8], &[u8])]) -> Result<()> {
        let keys: Vec<&[u8]> = rows.iter().map(|(row_key, _)| *row_key).collect();
        // What comes later wins.
        self.take(&keys)?;
        let shelf = self.shelves.entry(key.segment.start).or_default();
        shelf.chunks.note(key.sequence, rows.len());
        for (row_key, state) in rows {
            let known = Known {
                written: Some(state.to_vec()),
                ..Known::default()
            };
            self.bytes += known.bytes() + row_key.len() + ENTRY_BYTES;
            if let Some(before) = shelf.restored.insert(row_key.to_vec(), known) {
                let gone = before.bytes() + row_key.len() + ENTRY_BYTES;
                self.bytes = self.bytes.saturating_sub(gone);
            }
        }
        Ok(())
    }

    /// Takes back rows of keys that have gone on, after those that were taken back before.
    pub(super) fn restore_rows(
        &mut self,
        keeping: &Keeping,
        held: HashMap<&[u8], Passed>,
    ) -> Result<()> {
        let keys: Vec<&[u8]> = held.keys().copied().collect();
        for (hash, key, value) in self.take(&keys)? {
            let known = Known::unpack(&value, keeping.width).map_err(|_| damaged())?;
            self.bytes += known.bytes() + key.len() + ENTRY_BYTES;
            let shelf = self.shelves.entry(bucket(hash)).or_default();
            shelf.restored.insert(key, known);
        }
        for (key, passed) in held {
            let shelf = self.shelves.entry(bucket(wire::hash(key))).or_default();
            let known = match shelf.restored.entry_ref(key) {
                EntryRef::Occupied(entry) => entry.into_mut(),
                EntryRef::Vacant(entry) => {
                    self.bytes += Known::default().bytes() + key.len() + ENTRY_BYTES;
                    entry.insert(Known::default())
                }
            };
            let before = known.bytes();
            known.rows.extend(passed.rows);
            known.recent.extend(passed.recent);
            self.bytes += known.bytes() - before;
        }
        Ok(())
    }

    /// Notes that a chunk is no longer there: others hold the keys that it held.
    pub(super) fn forget(&mut self, key: ChunkKey<'_>) {
        if let Some(shelf) = self.shelves.get_mut(&key.segment.start) {
            shelf.chunks.drop_chunk(key.sequence);
        }
    }

    /// Makes series of what was restored and is in memory; of what is on disk they are made when they are needed.
    pub(super) fn make_ready(&mut self, keeping: &Keeping) -> Result<()> {
        for shelf in self.shelves.values_mut() {
            for (key, known) in std::mem::take(&mut shelf.restored) {
                let before = known.bytes();
                let series = Series::restored(&keeping.calls, keeping.width, known);
                let series = series.map_err(|_| damaged())?;
                self.bytes = (self.bytes + series.bytes()).saturating_sub(before);
                shelf.series.insert(key, series);
            }
        }
        Ok(())
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.shelves.values().map(Shelf::len).sum()
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        let Generations { young, old } = &self.away;
        let away: usize = [young, old].into_iter().flatten().map(Cold::bytes).sum();
        self.bytes + away
    }
}

/// Where the keys of a bucket begin on disk.
fn place(bucket: i64) -> Vec<u8> {
    first_hash(bucket).to_be_bytes().to_vec()
}

/// A series of what is on disk.
fn series_of(keeping: &Keeping, value: &[u8]) -> Result<Series> {
    let known = Known::unpack(value, keeping.width);
    let series = known.and_then(|known| Series::restored(&keeping.calls, keeping.width, known));
    Ok(series.map_err(|_| damaged())?)
}

/// Rows as they are written.
fn pairs(rows: &[(Key, Vec<u8>)]) -> impl Iterator<Item = (&[u8], &[u8])> {
    rows.iter()
        .map(|(key, state)| (key.as_slice(), state.as_slice()))
}
