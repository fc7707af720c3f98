//! Sinks outside the log.
//!
//! Such a sink commits just before the log does: rows and a progress row for each partition in one transaction of its
//! own. After a crash between the two it is ahead of the log; the worker then reads on from the log's position and keeps
//! from the sink what its progress says is there already. So the rows of a partition must be cut at that offset.

mod collapse;
pub mod sqlite;
pub mod stdout;

use arrow::array::{BooleanArray, RecordBatch};

use crate::log::{Position, TopicPartition};

/// Rows to write.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The rows, in the sink's schema.
    pub batch: RecordBatch,
    /// True where the row is a deletion (only its key columns count); `None` where none is.
    pub deleted: Option<BooleanArray>,
}

impl Rows {
    /// Whether a row is a deletion.
    fn is_deleted(&self, row: usize) -> bool {
        let deleted = self.deleted.as_ref();
        deleted.is_some_and(|d| row < d.len() && d.value(row))
    }
}

/// Appends a row as JSON that is a deletion: it says so first.
pub(crate) fn push_deleted(json: &[u8], out: &mut Vec<u8>) {
    let rest = json.strip_prefix(b"{").unwrap_or(json);
    out.extend_from_slice(b"{\"_deleted\":true");
    out.extend_from_slice(if rest == b"}" { b"" } else { b"," });
    out.extend_from_slice(rest);
}

/// Whether rows are added or replace each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Every row is added; none can be deleted.
    Append,
    /// A row replaces the one before with the same values in these columns (indices into the sink's schema); nulls
    /// equal each other.
    Upsert {
        /// The columns that identify a row; at least one.
        key: Vec<usize>,
    },
}

/// What went wrong with a sink. After any of these nothing is known of the sink until [`ExternalSink::claim`] is called
/// again: the write is there wholly or not at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// It cannot be reached, or is busy; trying again may help.
    #[error("{0}")]
    Unavailable(String),
    /// It refuses; trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The table that is there does not fit the rows.
    #[error("table {table:?} does not fit: {}", .mismatches.join("; "))]
    Mismatch {
        /// The table.
        table: String,
        /// What does not fit, column by column.
        mismatches: Vec<String>,
    },
    /// Somebody else has claimed a partition since. Nothing was written.
    #[error("{0}")]
    Fenced(String),
}

/// A sink outside the log. Its calls block; they are made from the committing thread.
pub trait ExternalSink: Send {
    /// Takes these partitions over from whoever had them, and returns how far the sink has each of them; `None` where
    /// nothing is known. To be called before the first write, with all partitions that will be written from, and again
    /// whenever they change or a write has failed. Whoever claimed one of them earlier is refused from now on.
    fn claim(&mut self, partitions: &[TopicPartition]) -> Result<Vec<Option<Position>>, SinkError>;
    /// Writes the rows of one commit and how far they reach, all of it or nothing. Rows that the claimed positions cover
    /// already are the caller's to leave out; a position never goes back.
    fn write(
        &mut self,
        rows: &[Rows],
        positions: &[(TopicPartition, Position)],
    ) -> Result<(), SinkError>;
}
