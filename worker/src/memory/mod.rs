//! Memory: how much of it there is, what of that the state of pipelines may take, and where the rest of the state goes.

mod allocator;
mod disk;
mod limit;

use std::path::PathBuf;
use std::sync::Arc;

use tidemill_engine::disk::Room;

pub use self::disk::LocalDisk;
pub use self::limit::{Limit, LimitError};

/// Sessions that one commit closes: more at once gain nothing.
const AT_ONCE: usize = 65_536;
/// What the result of one may take, with room to spare.
const RESULT_BYTES: usize = 2_048;

/// What a process lets its pipelines' state take.
#[derive(Debug, Clone)]
pub struct Memory {
    limit: Limit,
    disk: Arc<LocalDisk>,
}

impl Memory {
    /// State that does not fit goes into a folder of this process' own, which is emptied now.
    ///
    /// # Errors
    /// If what another process left there cannot be removed.
    pub fn new(limit: Limit, folder: PathBuf) -> std::io::Result<Self> {
        Ok(Self {
            disk: Arc::new(LocalDisk::new(folder, limit.cache())?),
            limit,
        })
    }

    /// The room for each of so many pipelines.
    #[must_use]
    pub fn room(&self, pipelines: usize) -> Room {
        let bytes = self.limit.state() / pipelines.max(1);
        Room {
            bytes,
            at_once: AT_ONCE.min(bytes / RESULT_BYTES).max(1),
            disk: Arc::<LocalDisk>::clone(&self.disk),
        }
    }
}
