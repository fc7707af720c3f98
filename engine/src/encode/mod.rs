//! Rows to bytes: the output half of the data path.
//!
//! [`JsonEncoder`] writes one JSON object a row, [`KeyEncoder`] the record keys. Both look at types once a batch and
//! append to an arena that the caller owns and uses again, so that a row costs no allocation.

mod column;
mod json;
mod key;
mod number;
mod text;
mod time;

use std::ops::Range;

use arrow::datatypes::DataType;

pub use json::JsonEncoder;
pub use key::KeyEncoder;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JsonOptions {
    /// How times are written.
    pub timestamps: Timestamps,
}

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timestamps {
    /// A string in UTC, `2024-01-01T12:00:00Z`, with 3, 6 or 9 digits of a second's fraction where there is one.
    #[default]
    Rfc3339,
    /// A number: whole milliseconds since the epoch, rounded down.
    EpochMillis,
}

/// Why rows cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// JSON has no form for a column's type.
    #[error(
        "column {column:?} is of type {data_type}, which cannot be written as JSON: cast it to another type, for example CAST({column} AS VARCHAR)"
    )]
    UnsupportedType {
        /// The column.
        column: String,
        /// Its type.
        data_type: DataType,
    },
    /// A column of the key is not one of the schema's.
    #[error("key column number {index} does not exist: there are {columns} columns")]
    NoSuchColumn {
        /// The index asked for.
        index: usize,
        /// How many columns there are.
        columns: usize,
    },
    /// A batch has other columns than the schema that the encoder was made for.
    #[error("the batch has {found} columns where {expected} were promised")]
    OtherColumns {
        /// Columns of the schema.
        expected: usize,
        /// Columns of the batch.
        found: usize,
    },
    /// The arena would grow beyond what a range of `u32` can name.
    #[error("more than {limit} bytes of rows in one commit: commit more often")]
    ArenaFull {
        /// The most bytes an arena may hold.
        limit: u32,
    },
}

/// The place in the arena of what was just written.
fn place(start: usize, end: usize, limit: u32) -> Result<Range<u32>, EncodeError> {
    match (u32::try_from(start), u32::try_from(end)) {
        (Ok(start), Ok(end)) if end <= limit => Ok(start..end),
        _ => Err(EncodeError::ArenaFull { limit }),
    }
}

/// Runs `write`; if it fails, arena and ranges are as they were before.
fn all_or_nothing<R>(
    arena: &mut Vec<u8>,
    ranges: &mut Vec<R>,
    write: impl FnOnce(&mut Vec<u8>, &mut Vec<R>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let (bytes, rows) = (arena.len(), ranges.len());
    let result = write(arena, ranges);
    if result.is_err() {
        arena.truncate(bytes);
        ranges.truncate(rows);
    }
    result
}

#[cfg(test)]
mod tests;
