//! Which processes live. Each holds a lock on a file of its own beside the log; the system lets go of the lock when the
//! process ends, however it ends. So what a killed process held is free at once, and not when its lease has run out.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::LogError;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A name that nothing else has, here or in another process.
pub(super) fn unique() -> String {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{nanos:x}-{:x}-{count:x}", std::process::id())
}

/// This process's sign of life.
#[derive(Debug)]
pub(super) struct Alive {
    log: PathBuf,
    token: String,
    /// Held for its lock.
    _lock: File,
}

impl Alive {
    /// Gives the sign, beside the log at `log`.
    pub(super) fn new(log: &Path) -> Result<Self, LogError> {
        let token = unique();
        let path = lock_path(log, &token);
        let locked = OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&path)
            .and_then(|file| Ok((file.try_lock().map_err(std::io::Error::from)?, file).1))
            .map_err(|e| LogError::Refused(format!("{}: {e}", path.display())))?;
        Ok(Self {
            log: log.to_owned(),
            token,
            _lock: locked,
        })
    }

    /// The name under which others ask for it.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Whether the process of this token lives. What one that died has left behind is removed.
    pub(super) fn is_alive(&self, token: &str) -> bool {
        if token == self.token {
            return true;
        }
        let path = lock_path(&self.log, token);
        let Ok(file) = File::open(&path) else {
            return false;
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => true,
            // Without locks on this file system only leases tell.
            Err(TryLockError::Error(_)) => true,
            Ok(()) => {
                let _ = std::fs::remove_file(&path);
                false
            }
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(lock_path(&self.log, &self.token));
    }
}

fn lock_path(log: &Path, token: &str) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(format!("-alive-{token}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_dropped_or_was_never_there_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.db");
        let one = Alive::new(&log).unwrap();
        let two = Alive::new(&log).unwrap();
        assert!(one.is_alive(two.token()) && two.is_alive(one.token()));
        assert!(one.is_alive(one.token()));
        assert!(!one.is_alive("nobody"));
        let token = two.token().to_owned();
        drop(two);
        assert!(!one.is_alive(&token));
    }

    #[test]
    fn a_file_left_by_the_dead_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.db");
        let one = Alive::new(&log).unwrap();
        let left = lock_path(&log, "dead");
        std::fs::write(&left, "").unwrap();
        assert!(!one.is_alive("dead"));
        assert!(!left.exists());
    }
}
