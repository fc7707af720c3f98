//! The state of all keys, with the chunks of the changelog that hold what no stretch of time tells of them.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use tidemill_plan::model::Micros;

use super::frame::Call;
use super::series::{Kept, Series};
use crate::aggregate::chunk::{self, ChunkKey};
use crate::aggregate::{Chunks, bucket};
use crate::effects::ChangelogRecord;
use crate::stamp::Stamp;
use crate::window::Pane;
use crate::wire::{self, Malformed};

type Key = Vec<u8>;

/// The keys of one bucket.
#[derive(Debug, Default)]
struct Shelf {
    series: HashMap<Key, Series>,
    /// Those that have changed since they were last written.
    touched: Vec<Key>,
    chunks: Chunks,
    /// What has been read of the changelog, until it is put to use.
    restored: HashMap<Key, Vec<u8>>,
}

/// The state of all keys.
#[derive(Debug, Default)]
pub(super) struct Shelves {
    shelves: BTreeMap<i64, Shelf>,
    bytes: usize,
}

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
        let before = series.bytes();
        change(series);
        self.bytes = (self.bytes + series.bytes()).saturating_sub(before);
    }

    /// Drops the keys of which nothing is needed any longer.
    pub(super) fn drop_before(&mut self, time: Micros) {
        for shelf in self.shelves.values_mut() {
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
        stream: &str,
        stamp: Stamp,
        sequence: &mut u64,
        out: &mut Vec<ChangelogRecord>,
    ) {
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
            let all = shelf.chunks.are_outdated(touched.len(), shelf.series.len());
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
            if all {
                let series = shelf.series.iter();
                rows.extend(series.map(|(key, series)| (key.clone(), state(series))));
            }
            let rows = rows
                .iter()
                .map(|(key, state)| (key.as_slice(), state.as_slice()));
            let written = chunk::write(key, stamp, rows, sequence, out);
            if all {
                shelf.chunks.forget(key, out);
            }
            for (sequence, rows) in written {
                shelf.chunks.note(sequence, rows);
            }
        }
    }

    /// Takes back a chunk of the changelog.
    pub(super) fn restore(&mut self, key: ChunkKey<'_>, rows: &[(&[u8], &[u8])]) {
        let shelf = self.shelves.entry(key.segment.start).or_default();
        shelf.chunks.note(key.sequence, rows.len());
        for (row_key, state) in rows {
            shelf.restored.insert(row_key.to_vec(), state.to_vec());
        }
    }

    /// Notes that a chunk is no longer there: others hold the keys that it held.
    pub(super) fn forget(&mut self, key: ChunkKey<'_>) {
        if let Some(shelf) = self.shelves.get_mut(&key.segment.start) {
            shelf.chunks.drop_chunk(key.sequence);
        }
    }

    /// Makes the state of all keys of what was restored, and of the rows that are held.
    pub(super) fn make_ready(
        &mut self,
        keeping: &Keeping,
        mut held: HashMap<Key, Vec<Kept>>,
    ) -> Result<(), Malformed> {
        let (calls, width) = (&keeping.calls, keeping.width);
        for shelf in self.shelves.values_mut() {
            for (key, written) in std::mem::take(&mut shelf.restored) {
                let rows = held.remove(&key).unwrap_or_default();
                let series = Series::restored(calls, width, Some(&written), rows)?;
                self.bytes += series.bytes() + key.len() + ENTRY_BYTES;
                shelf.series.insert(key, series);
            }
        }
        for (key, rows) in held {
            let shelf = self.shelves.entry(bucket(wire::hash(&key))).or_default();
            let series = Series::restored(calls, width, None, rows)?;
            self.bytes += series.bytes() + key.len() + ENTRY_BYTES;
            shelf.series.insert(key, series);
        }
        Ok(())
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.shelves.values().map(|s| s.series.len()).sum()
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
