//! State on local disk, in fjall: sorted tables that are merged beside us. Rows come to it in sorted batches. Large ones are
//! written as tables at once, without a write-ahead log or a buffer in memory; small ones are gathered first, as they come
//! in thousands where there is little memory, and merging so many tables would take longer than all else.
//!
//! It is a cache of what the changelogs hold, of this process alone: nothing of it is read by another.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fjall::config::PartitioningPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use tidemill_engine::disk::{Change, Disk, DiskError, Result, Row, Shelf};

/// What fjall's own log, of which we use hardly anything, may take: the least that it can be set to.
const LOG: u64 = 64 << 20;

/// A batch of fewer rows is no table of its own.
const FEW: usize = 4_096;

/// Bytes of rows that are gathered before they become a table: at the least, and at the most.
const GATHERED: (usize, usize) = (1 << 20, 16 << 20);

/// Rows that are forgotten at once.
const SWEPT: usize = 65_536;

/// A folder for state.
pub struct LocalDisk {
    folder: PathBuf,
    /// Bytes for blocks that are read.
    cache: usize,
    /// Opened when it is first needed.
    opened: Mutex<Option<(Database, Keyspace)>>,
    /// The number of the next shelf.
    next: AtomicU64,
    /// The numbers of those that were dropped, and may still have rows.
    dropped: Arc<Mutex<Vec<u64>>>,
}

impl std::fmt::Debug for LocalDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LocalDisk").field(&self.folder).finish()
    }
}

impl LocalDisk {
    /// A folder that is this process' own. What another has left there is removed.
    ///
    /// # Errors
    /// If it cannot be.
    pub fn new(folder: PathBuf, cache: usize) -> io::Result<Self> {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self {
            folder,
            cache,
            opened: Mutex::default(),
            next: AtomicU64::default(),
            dropped: Arc::default(),
        })
    }

    fn open(&self) -> fjall::Result<(Database, Keyspace)> {
        let mut opened = own(&self.opened);
        if let Some(opened) = &*opened {
            return Ok(opened.clone());
        }
        std::fs::create_dir_all(&self.folder)?;
        let database = Database::builder(&self.folder)
            .cache_size(self.cache as u64)
            .worker_threads(1)
            .max_journaling_size(LOG)
            .manual_journal_persist(true)
            .open()?;
        let (least, most) = GATHERED;
        let gathered = (self.cache / 4).clamp(least, most) as u64;
        // A table's filter and its index are megabytes in one piece, to be read and checked for each key that is looked up
        // where the cache is too small to keep them.
        let options = || {
            KeyspaceCreateOptions::default()
                .manual_journal_persist(true)
                .max_memtable_size(gathered)
                .filter_block_partitioning_policy(PartitioningPolicy::all(true))
                .index_block_partitioning_policy(PartitioningPolicy::all(true))
        };
        let rows = database.keyspace("state", options)?;
        Ok(opened.insert((database, rows)).clone())
    }
}

impl Drop for LocalDisk {
    fn drop(&mut self) {
        let opened = self
            .opened
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if opened.take().is_some()
            && let Err(error) = std::fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(folder = %self.folder.display(), %error, "state on local disk could not be removed");
        }
    }
}

impl Disk for LocalDisk {
    fn shelf(&self) -> Result<Box<dyn Shelf>> {
        let rows = self.open().map_err(|error| failed(&self.folder, &error))?.1;
        Ok(Box::new(LocalShelf {
            folder: self.folder.clone(),
            rows,
            dropped: Arc::clone(&self.dropped),
            number: self.next.fetch_add(1, Ordering::Relaxed),
        }))
    }

    fn bytes(&self) -> u64 {
        let opened = own(&self.opened);
        opened.as_ref().map_or(0, |(_, rows)| rows.disk_space())
    }
}

/// The rows whose keys begin with a number: to make and to drop a keyspace costs too much for each window.
struct LocalShelf {
    folder: PathBuf,
    rows: Keyspace,
    number: u64,
    dropped: Arc<Mutex<Vec<u64>>>,
}

impl std::fmt::Debug for LocalShelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LocalShelf").field(&self.number).finish()
    }
}

/// What is in it is forgotten little by little, as others put something: to end must not take long.
impl Drop for LocalShelf {
    fn drop(&mut self) {
        own(&self.dropped).push(self.number);
    }
}

fn own<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LocalShelf {
    fn write(&self, number: u64, rows: &mut dyn Iterator<Item = Change>) -> fjall::Result<()> {
        let first: Vec<Change> = (&mut *rows).take(FEW).collect();
        if first.len() < FEW {
            return self.gather(number, first);
        }
        let mut table = self.rows.start_ingestion()?;
        for (key, value) in first.into_iter().chain(rows) {
            match value {
                Some(value) => table.write(key_of(number, &key), value)?,
                None => table.write_tombstone(key_of(number, &key))?,
            }
        }
        table.finish()
    }

    fn gather(&self, number: u64, rows: Vec<Change>) -> fjall::Result<()> {
        for (key, value) in rows {
            match value {
                Some(value) => self.rows.insert(key_of(number, &key), value)?,
                None => self.rows.remove(key_of(number, &key))?,
            }
        }
        Ok(())
    }

    fn read(
        &self,
        number: u64,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> fjall::Result<Vec<Row>> {
        let end = match until {
            Some(until) if until <= from => return Ok(Vec::new()),
            Some(until) => key_of(number, until),
            None => key_of(number.saturating_add(1), &[]),
        };
        let rows = self.rows.range(key_of(number, from)..end).take(limit);
        let rows = rows.map(|row| {
            let (key, value) = row.into_inner()?;
            Ok((key.get(8..).unwrap_or_default().to_vec(), value.to_vec()))
        });
        rows.collect()
    }

    /// Forgets some rows of a shelf that was dropped.
    fn sweep(&self) -> fjall::Result<()> {
        let Some(number) = own(&self.dropped).pop() else {
            return Ok(());
        };
        let rows = self.read(number, &[], None, SWEPT)?;
        if rows.len() == SWEPT {
            own(&self.dropped).push(number);
        }
        if rows.is_empty() {
            return Ok(());
        }
        self.write(number, &mut rows.into_iter().map(|(key, _)| (key, None)))
    }
}

fn key_of(number: u64, key: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes(), key].concat()
}

impl Shelf for LocalShelf {
    fn get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        let value = |key: &Vec<u8>| {
            let found = self.rows.get(key_of(self.number, key))?;
            Ok(found.map(|value| value.to_vec()))
        };
        let values = keys.iter().map(value).collect::<fjall::Result<_>>();
        values.map_err(|error| failed(&self.folder, &error))
    }

    fn put(&mut self, rows: &mut dyn Iterator<Item = Change>) -> Result<()> {
        let put = self.write(self.number, rows).and_then(|()| self.sweep());
        put.map_err(|error| failed(&self.folder, &error))
    }

    fn scan(&self, from: &[u8], until: Option<&[u8]>, limit: usize) -> Result<Vec<Row>> {
        let rows = self.read(self.number, from, until, limit);
        rows.map_err(|error| failed(&self.folder, &error))
    }
}

/// What to do is the same whatever went wrong: there is too little room, or the disk is broken.
fn failed(folder: &Path, error: &fjall::Error) -> DiskError {
    DiskError(format!(
        "the state does not fit into memory, and {} cannot hold the rest: {error}; free space there, or give the worker more memory (spec.worker.resources.limits.memory, or --memory)",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;

    fn row(key: u8, value: u8) -> Change {
        (vec![key], Some(vec![value]))
    }

    #[test]
    fn rows_come_back_in_the_order_of_their_keys_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let disk = LocalDisk::new(folder.path().join("own"), 1 << 20).unwrap();
        let mut shelf = disk.shelf().unwrap();
        shelf.put(&mut (0..100).map(|i| row(i, i))).unwrap();
        let other = disk.shelf().unwrap();
        assert!(
            other.scan(&[], None, 1).unwrap().is_empty(),
            "each has its own"
        );
        let changes = [(vec![3], None), row(5, 55), (vec![7], None)];
        shelf.put(&mut changes.into_iter()).unwrap();
        let found = shelf.get(&[vec![2], vec![3], vec![5], vec![200]]).unwrap();
        assert_eq!(found, [Some(vec![2]), None, Some(vec![55]), None]);
        let found = shelf.scan(&[2], None, 4).unwrap();
        assert_eq!(
            found,
            [2, 4, 5, 6].map(|i| (vec![i], vec![if i == 5 { 55 } else { i }]))
        );
        let found = shelf.scan(&[2], Some(&[5]), 4).unwrap();
        assert_eq!(found, [2, 4].map(|i| (vec![i], vec![i])));
        assert!(shelf.scan(&[5], Some(&[5]), 4).unwrap().is_empty());
        drop(shelf);
        let mut again = disk.shelf().unwrap();
        assert!(again.scan(&[], None, 1).unwrap().is_empty());
        again.put(&mut [row(1, 1)].into_iter()).unwrap();
        let rows = disk.open().unwrap().1;
        assert_eq!(rows.iter().count(), 1, "what was dropped is forgotten");
    }

    #[test]
    fn batches_of_any_size_replace_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let disk = LocalDisk::new(folder.path().join("own"), 1 << 20).unwrap();
        let mut shelf = disk.shelf().unwrap();
        let most = 3 * FEW as u32;
        let key = |i: u32| i.to_be_bytes().to_vec();
        let mut wanted = BTreeMap::new();
        // Each batch begins at another row, so that later ones replace, delete and leave rows of those before.
        for (round, count) in [most, 10, 2 * FEW as u32, FEW as u32 - 1, FEW as u32, 1]
            .into_iter()
            .enumerate()
        {
            let round = round as u32;
            let changes = (round * 7..most.min(round * 7 + count)).map(|i| {
                let value = (i % 5 != round).then(|| vec![round as u8; 20]);
                (key(i), value)
            });
            let changes: Vec<Change> = changes.collect();
            for (key, value) in &changes {
                match value {
                    Some(value) => wanted.insert(key.clone(), value.clone()),
                    None => wanted.remove(key),
                };
            }
            shelf.put(&mut changes.into_iter()).unwrap();
            let found = shelf.scan(&[], None, usize::MAX).unwrap();
            assert!(
                found.into_iter().eq(wanted.clone()),
                "after {count} rows in round {round}"
            );
        }
        assert!(disk.bytes() > 0);
        let keys: Vec<Vec<u8>> = (0..most).map(key).collect();
        let found = shelf.get(&keys).unwrap();
        assert!(
            found
                .iter()
                .map(Option::as_ref)
                .eq(keys.iter().map(|key| wanted.get(key)))
        );
    }

    #[test]
    fn nothing_is_left_of_a_process_nor_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        let disk = LocalDisk::new(own.clone(), 1 << 20).unwrap();
        assert!(!own.exists(), "a disk that is not needed is not touched");
        let mut shelf = disk.shelf().unwrap();
        shelf.put(&mut [row(1, 1)].into_iter()).unwrap();
        assert!(own.exists());
        drop(shelf);
        drop(disk);
        assert!(!own.exists());
        std::fs::create_dir_all(own.join("left")).unwrap();
        let disk = LocalDisk::new(own.clone(), 1 << 20).unwrap();
        assert!(!own.exists());
        assert!(disk.shelf().unwrap().scan(&[], None, 1).unwrap().is_empty());
    }

    #[test]
    fn an_error_says_where_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        let disk = LocalDisk::new(own.clone(), 1 << 20).unwrap();
        std::fs::write(&own, "a file, where a folder is wanted").unwrap();
        let error = disk.shelf().unwrap_err().to_string();
        for part in [
            own.to_str().unwrap(),
            "free space",
            "spec.worker.resources.limits.memory",
            "--memory",
        ] {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }
}
