//! The state of every key of a segment as of the last flush: row bytes to row bytes, in the order in which keys came,
//! so that two runs over the same records give the same rows in the same order.

use hashbrown::HashTable;

use crate::aggregate::cold;
use crate::disk::Row;

/// One key.
#[derive(Debug)]
struct Entry {
    hash: u64,
    key: Box<[u8]>,
    state: Box<[u8]>,
    /// Changed since results were last handed on.
    pending: bool,
    /// Set again since it came, or since keys were last made to leave.
    used: bool,
}

/// Bytes that an entry costs beside its key and state, roughly: entries and places are held in what doubles when it is
/// full, and an allocator rounds up.
const ENTRY_BYTES: usize = size_of::<Entry>() * 3 / 2 + 8 + 16;

/// States by key.
#[derive(Debug, Default)]
pub(crate) struct Base {
    entries: Vec<Entry>,
    places: HashTable<u32>,
    pending: Vec<u32>,
    bytes: usize,
}

impl Base {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn place(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let same = |&place: &u32| {
            self.entries
                .get(place as usize)
                .is_some_and(|e| e.hash == hash && *e.key == *key)
        };
        self.places.find(hash, same).copied()
    }

    /// The state of a key.
    pub(crate) fn get(&self, hash: u64, key: &[u8]) -> Option<&[u8]> {
        Some(&self.entries.get(self.place(hash, key)? as usize)?.state)
    }

    /// Sets the state of a key, and gives its place.
    pub(crate) fn set(&mut self, hash: u64, key: &[u8], state: &[u8]) -> u32 {
        if let Some(place) = self.place(hash, key)
            && let Some(entry) = self.entries.get_mut(place as usize)
        {
            entry.used = true;
            if entry.state.len() == state.len() {
                entry.state.copy_from_slice(state);
            } else {
                self.bytes = (self.bytes + state.len()).saturating_sub(entry.state.len());
                entry.state = state.into();
            }
            return place;
        }
        self.add(Entry {
            hash,
            key: key.into(),
            state: state.into(),
            pending: false,
            used: false,
        })
    }

    fn add(&mut self, entry: Entry) -> u32 {
        let place = self.entries.len() as u32;
        let hash = entry.hash;
        self.bytes += entry.key.len() + entry.state.len() + ENTRY_BYTES;
        self.entries.push(entry);
        let entries = &self.entries;
        self.places.insert_unique(hash, place, |&p| {
            entries.get(p as usize).map_or(0, |e| e.hash)
        });
        place
    }

    /// Forgets a key. None may be waiting for being handed on: the last key comes to its place.
    pub(crate) fn remove(&mut self, hash: u64, key: &[u8]) {
        let entries = &self.entries;
        let same = |&place: &u32| {
            let entry = entries.get(place as usize);
            entry.is_some_and(|e| e.hash == hash && *e.key == *key)
        };
        let Ok(found) = self.places.find_entry(hash, same) else {
            return;
        };
        let (place, _) = found.remove();
        let gone = self.entries.swap_remove(place as usize);
        let bytes = gone.key.len() + gone.state.len() + ENTRY_BYTES;
        self.bytes = self.bytes.saturating_sub(bytes);
        let last = self.entries.len() as u32;
        if let Some(moved) = self.entries.get(place as usize)
            && let Some(its) = self.places.find_mut(moved.hash, |&p| p == last)
        {
            *its = place;
        }
    }

    /// Makes keys leave, those that are not in use, or `all`; but none that waits for being
    /// handed on. Gives them in the order of their places on disk. Places of keys are others after it.
    pub(crate) fn part(&mut self, all: bool) -> impl ExactSizeIterator<Item = Row> + use<> {
        let before = std::mem::take(self);
        let leaves = |e: &Entry| !e.pending && (all || !e.used);
        let (mut left, kept): (Vec<Entry>, Vec<Entry>) =
            before.entries.into_iter().partition(leaves);
        self.places.reserve(kept.len(), |_| 0);
        for mut entry in kept {
            entry.used = false;
            let pending = entry.pending;
            let place = self.add(entry);
            if pending {
                self.pending.push(place);
            }
        }
        left.sort_unstable_by(|a, b| (a.hash, &a.key).cmp(&(b.hash, &b.key)));
        let row = |e: Entry| (cold::place(e.hash, &e.key), e.state.into_vec());
        left.into_iter().map(row)
    }

    /// A key, as it is held, with its state.
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<(&[u8], &[u8])> {
        self.at(self.place(hash, key)?)
    }

    /// Remembers that the key at a place has changed.
    pub(crate) fn mark_pending(&mut self, place: u32) {
        if let Some(entry) = self.entries.get_mut(place as usize)
            && !entry.pending
        {
            entry.pending = true;
            self.pending.push(place);
        }
    }

    /// The places that have changed.
    pub(crate) fn pending(&self) -> &[u32] {
        &self.pending
    }

    /// The places that have changed; from now on none has.
    pub(crate) fn take_pending(&mut self) -> Vec<u32> {
        for &place in &self.pending {
            if let Some(entry) = self.entries.get_mut(place as usize) {
                entry.pending = false;
            }
        }
        std::mem::take(&mut self.pending)
    }

    /// Key and state at a place.
    pub(crate) fn at(&self, place: u32) -> Option<(&[u8], &[u8])> {
        self.entries
            .get(place as usize)
            .map(|e| (&*e.key, &*e.state))
    }

    /// Every key with its hash and its state, in the order of their places on disk.
    pub(crate) fn sorted(&self) -> Vec<(u64, &[u8], &[u8])> {
        let rows = self.entries.iter().map(|e| (e.hash, &*e.key, &*e.state));
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable();
        rows
    }

    /// Every key with its state.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|e| (&*e.key, &*e.state))
    }
}
