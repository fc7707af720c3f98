//! Where state goes that does not fit into memory. The engine does no I/O: whoever runs it says where that is.
//!
//! What is there is only what the changelog holds too. It is made anew by every process, and need not outlive one.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;
use std::sync::Arc;

/// Rows could not be put away, or read back.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct DiskError(pub String);

/// The result of what a disk does.
pub type Result<T, E = DiskError> = std::result::Result<T, E>;

/// A row: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A key with what becomes of it: its value, or none.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// Gives room for rows.
pub trait Disk: Debug + Send + Sync {
    /// Room of its own, with nothing in it. What is in it is forgotten when it is dropped.
    ///
    /// # Errors
    /// If there is none.
    fn shelf(&self) -> Result<Box<dyn Shelf>>;

    /// How many bytes of it are in use.
    fn bytes(&self) -> u64 {
        0
    }
}

/// Rows by key, in the order of the keys' bytes. What many calls do is done in one, where there are many rows.
pub trait Shelf: Debug + Send + Sync {
    /// The values of keys.
    ///
    /// # Errors
    /// If they cannot be read.
    fn get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>>;

    /// Sets rows, or forgets them where they have no value. They come in the order of their keys, each key once.
    ///
    /// # Errors
    /// If there is no room for them.
    fn put(&mut self, rows: &mut dyn Iterator<Item = Change>) -> Result<()>;

    /// The first rows from a key on, and before another if there is one: up to so many.
    ///
    /// # Errors
    /// If they cannot be read.
    fn scan(&self, from: &[u8], until: Option<&[u8]>, limit: usize) -> Result<Vec<Row>>;
}

/// How much memory a task's state may take, and where the rest goes.
#[derive(Debug, Clone)]
pub struct Room {
    /// Bytes of memory. It is looked after at flushes and while restoring, so that a little more may be taken.
    pub bytes: usize,
    /// How many sessions a flush closes, or about how many rows go on with it that have waited: their results are held in
    /// memory until they are committed. Where a sink tells by the offset and the clock which rows it has, it must be all
    /// that are due.
    pub at_once: usize,
    /// For what is more.
    pub disk: Arc<dyn Disk>,
}

/// Room in memory: for tests, and where nothing else is at hand.
#[derive(Debug, Default)]
pub struct Heap;

#[derive(Debug, Default)]
struct HeapShelf(BTreeMap<Vec<u8>, Vec<u8>>);

impl Disk for Heap {
    fn shelf(&self) -> Result<Box<dyn Shelf>> {
        Ok(Box::<HeapShelf>::default())
    }
}

impl Shelf for HeapShelf {
    fn get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        Ok(keys.iter().map(|key| self.0.get(key).cloned()).collect())
    }

    fn put(&mut self, rows: &mut dyn Iterator<Item = Change>) -> Result<()> {
        for (key, value) in rows {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
        Ok(())
    }

    fn scan(&self, from: &[u8], until: Option<&[u8]>, limit: usize) -> Result<Vec<Row>> {
        if until.is_some_and(|until| until <= from) {
            return Ok(Vec::new());
        }
        let until = until.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.0.range::<[u8], _>((Bound::Included(from), until));
        Ok(rows
            .take(limit)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect())
    }
}
