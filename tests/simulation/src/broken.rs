//! Faults put into the product on purpose, to see whether the simulation would find them.
//!
//! Those of the code that talks to Kafka are made in the clients of the simulated log, which do here what that code does
//! there; the others where the product's code meets them. Checks know nothing of them.

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Broken {
    /// A commit that fails is reported as aborted, and its transaction is left open: the next goes on in it.
    SkipAbort,
    /// A changelog is read back to the last stable offset, and what is decided but has no marker yet is left out.
    RestoreToStable,
    /// When partitions are revoked, only those that will be another worker's are committed; the rows and the state of all
    /// are written.
    CommitOnlyRevoked,
    /// Deletions of state are not written.
    ForgetTombstones,
    /// A record of a window that has closed opens it again.
    ReopenWindows,
    /// The clock that is stored with an offset is not taken back.
    LosePartitionTime,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SkipAbort,
        Self::RestoreToStable,
        Self::CommitOnlyRevoked,
        Self::ForgetTombstones,
        Self::ReopenWindows,
        Self::LosePartitionTime,
    ];
}
