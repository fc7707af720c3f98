//! Who a worker is among the workers of a pipeline.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// More workers than this on one state directory are not expected.
const MOST: usize = 1024;

/// A name that this process alone has while it lives, and that the next process gets: a worker that is started again
/// after a crash is the same worker to the group, and gets its partitions back without a rebalance.
#[derive(Debug)]
pub struct Identity {
    name: String,
    /// Locked while we live; the system lets go of it however we end.
    _lock: File,
}

impl Identity {
    /// Takes the first free name in a state directory.
    ///
    /// # Errors
    /// If the directory cannot be written, or all names are taken.
    pub fn take(state: &Path) -> io::Result<Self> {
        let names = state.join("workers");
        std::fs::create_dir_all(&names)?;
        let prefix = prefix(&names)?;
        for number in 0..MOST {
            let lock = File::options().create(true).append(true).open(names.join(format!("{number}.lock")))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { name: format!("{prefix}-{number}"), _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{MOST} workers already run with the state directory {}", state.display())))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What tells this state directory from that of another machine or user: made once, and kept in it.
fn prefix(names: &Path) -> io::Result<String> {
    let file = names.join("name");
    match File::options().write(true).create_new(true).open(&file) {
        Ok(made) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            io::Write::write_all(&mut &made, format!("w{:x}", now.as_nanos()).as_bytes())?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    std::fs::read_to_string(&file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_is_taken_once_and_comes_back() {
        let state = tempfile::tempdir().unwrap();
        let first = Identity::take(state.path()).unwrap();
        let second = Identity::take(state.path()).unwrap();
        assert_ne!(first.name(), second.name());
        let name = first.name().to_owned();
        drop(first);
        assert_eq!(Identity::take(state.path()).unwrap().name(), name);
    }

    #[test]
    fn another_directory_has_other_names() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_ne!(Identity::take(one.path()).unwrap().name(), Identity::take(two.path()).unwrap().name());
    }
}
