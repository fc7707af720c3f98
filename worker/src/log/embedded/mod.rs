//! The embedded log: partitioned topics in one SQLite file, for running pipelines where there is no Kafka.
//!
//! Records lie in batches, not a row each. A commit (rows, changelog, dead letters, shuffle and positions) is one
//! SQLite transaction that also checks the committer's membership, so results are exactly once here too: a process
//! that is killed, or a machine that loses power, leaves a whole commit or none of it (`synchronous=FULL`).
//!
//! [`EmbeddedLog`] is the file; readers, committers and admins made from it (or from its clones) have connections of
//! their own and may be used from different threads. They see each other's commits at once. Another process on the same
//! file sees them within [`POLL`], and shares a group's partitions. The file must be on a local disk.

mod admin;
mod alive;
mod append;
mod catalog;
mod codec;
mod committer;
mod compact;
mod fetch;
mod forget;
mod group;
mod reader;
mod schema;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::sqlite::SqliteConnection;

pub use admin::EmbeddedAdmin;
pub use committer::EmbeddedCommitter;
pub use reader::EmbeddedReader;

use super::{LogError, Membership};
use crate::sqlite::{self, block_on};
use alive::Alive;

/// How soon a commit by another process is seen.
pub const POLL: Duration = Duration::from_millis(50);

/// How long a member that gives no sign of life keeps its partitions. One whose process has died loses them at once.
pub const LEASE: Duration = Duration::from_secs(10);

/// A log in one SQLite file. Clones are the same log.
#[derive(Debug, Clone)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
}

impl EmbeddedLog {
    /// Opens the log, making the file if it is not there; its folder must be.
    ///
    /// # Errors
    /// If the file cannot be opened or made, or is not a log of this version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LogError> {
        Self::with_lease(path, LEASE)
    }

    fn with_lease(path: impl AsRef<Path>, lease: Duration) -> Result<Self, LogError> {
        let path = path.as_ref().to_owned();
        block_on(schema::prepare(&path))?;
        let alive = Alive::new(&path)?;
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                lease,
                alive,
                writing: Mutex::new(()),
                version: Mutex::new(0),
                changed: Condvar::new(),
            }),
        })
    }

    /// A reader in this group: one for each worker of a pipeline.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn reader(&self, group: &str) -> Result<EmbeddedReader, LogError> {
        EmbeddedReader::new(Arc::clone(&self.shared), group)
    }

    /// A committer for the worker whose reader's membership this is.
    ///
    /// # Errors
    /// If the file cannot be opened, or the membership is not an embedded log's.
    pub fn committer(&self, of: Arc<dyn Membership>) -> Result<EmbeddedCommitter, LogError> {
        EmbeddedCommitter::new(Arc::clone(&self.shared), of)
    }

    /// Topics seen from outside a pipeline.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn admin(&self) -> Result<EmbeddedAdmin, LogError> {
        EmbeddedAdmin::new(Arc::clone(&self.shared))
    }
}

/// What everything that is made from one [`EmbeddedLog`] has in common.
#[derive(Debug)]
struct Shared {
    path: PathBuf,
    lease: Duration,
    alive: Alive,
    /// Writers of one process queue here, which is fairer and quicker than SQLite's waiting.
    writing: Mutex<()>,
    /// Counts the changes made by this process.
    version: Mutex<u64>,
    changed: Condvar,
}

impl Shared {
    fn connect(&self) -> Result<SqliteConnection, LogError> {
        block_on(sqlite::connect(&self.path)).map_err(|e| failed(&e))
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everyone who waits that something has changed.
    fn announce(&self) {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    fn version(&self) -> u64 {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this process has changed something since `seen`, or for `wait`.
    fn wait(&self, seen: u64, wait: Duration) {
        let version = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self
            .changed
            .wait_timeout_while(version, wait, |version| *version == seen);
    }
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What an error of SQLite means to users of the log.
fn failed(error: &sqlx::Error) -> LogError {
    let message = format!("the embedded log: {error}");
    match error.as_database_error().and_then(|e| e.code()).as_deref() {
        // SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_READONLY, SQLITE_CANTOPEN.
        Some("11" | "26" | "8" | "14") => LogError::Refused(message),
        _ => LogError::Unavailable(message),
    }
}

impl From<sqlx::Error> for LogError {
    fn from(error: sqlx::Error) -> Self {
        failed(&error)
    }
}
