//! Rows to bytes: the output half of the data path.
//!
//! A [`RowEncoder`] writes the rows of an output in its format, [`KeyEncoder`] the record keys. Both look at types once a
//! batch and append to an arena that the caller owns and uses again, so that a row costs no allocation.

mod avro;
mod column;
mod csv;
mod json;
mod key;
mod number;
mod protobuf;
mod raw;
mod text;
mod time;
mod typed;

use std::ops::Range;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use tidemill_crds::sink;
use tidemill_plan::model::Written;

pub(crate) use self::number::{push_decimal, push_float, push_integer};
pub(crate) use self::time::{push_date, push_rfc3339};

pub use self::avro::{AvroEncoder, schema_text as avro_schema};
pub use self::csv::CsvEncoder;
pub use self::json::JsonEncoder;
pub use self::key::KeyEncoder;
pub use self::protobuf::{ProtobufEncoder, schema_text as protobuf_schema};
pub use self::raw::RawEncoder;

/// Writes the rows of an output in its format.
#[derive(Debug, Clone)]
pub enum RowEncoder {
    /// As JSON objects.
    Json(JsonEncoder),
    /// As lines of fields.
    Csv(CsvEncoder),
    /// The only column as it is.
    Raw(RawEncoder),
    /// As Avro records.
    Avro(AvroEncoder),
    /// As Protobuf messages.
    Protobuf(ProtobufEncoder),
}

impl RowEncoder {
    /// An encoder for batches of this schema; `id` is the number under which its registry knows it, where there is one.
    ///
    /// # Errors
    /// [`EncodeError`] where a column cannot be written in this format.
    pub fn new(written: &Written, schema: &Schema, id: Option<u32>) -> Result<Self, EncodeError> {
        let id = id.ok_or(EncodeError::NotRegistered);
        let options = JsonOptions::of(written);
        Ok(match written {
            Written::Json { .. } => Self::Json(JsonEncoder::new(schema, options)?),
            Written::Csv { dialect, .. } => Self::Csv(CsvEncoder::new(schema, dialect, options)?),
            Written::Raw { .. } => Self::Raw(RawEncoder::new(schema, options)?),
            Written::Avro { .. } => Self::Avro(AvroEncoder::new(schema, id?)?),
            Written::Protobuf { .. } => Self::Protobuf(ProtobufEncoder::new(schema, id?)?),
        })
    }

    /// Appends the rows of a batch to the arena, and the place of each to `ranges`.
    ///
    /// # Errors
    /// As [`JsonEncoder::encode`]; nothing is appended then.
    pub fn encode(
        &self,
        batch: &RecordBatch,
        arena: &mut Vec<u8>,
        ranges: &mut Vec<Range<u32>>,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Json(encoder) => encoder.encode(batch, arena, ranges),
            Self::Csv(encoder) => encoder.encode(batch, arena, ranges),
            Self::Raw(encoder) => encoder.encode(batch, arena, ranges),
            Self::Avro(encoder) => encoder.encode(batch, arena, ranges),
            Self::Protobuf(encoder) => encoder.encode(batch, arena, ranges),
        }
    }
}

impl JsonOptions {
    /// How the keys of rows in a format are written, and what of the rows is text.
    #[must_use]
    pub fn of(written: &Written) -> Self {
        let timestamps = match written {
            Written::Json { timestamps }
            | Written::Csv { timestamps, .. }
            | Written::Raw { timestamps } => *timestamps,
            Written::Avro { .. } | Written::Protobuf { .. } => sink::Timestamps::default(),
        };
        Self {
            timestamps: match timestamps {
                sink::Timestamps::Rfc3339 => Timestamps::Rfc3339,
                sink::Timestamps::EpochMillis => Timestamps::EpochMillis,
            },
        }
    }
}

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
    /// The schema of the rows has no number in a registry, and their format wants one.
    #[error("the schema of the rows is not registered")]
    NotRegistered,
    /// The format has no form for a column's type.
    #[error(
        "column {column:?} is of type {data_type}, which cannot be written in this format: cast it to another type, for example CAST({column} AS VARCHAR)"
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

/// Appends the value of each row of a column, as bare text, to a text of its own. What is null adds nothing, as does what
/// has no text.
pub(crate) fn push_values(values: &dyn Array, texts: &mut [Vec<u8>]) {
    let Some(column) = column::Column::bind(values, JsonOptions::default()) else {
        return;
    };
    for (row, text) in texts.iter_mut().enumerate() {
        if row < values.len() && !column.is_null(row) {
            column.push_bare(row, text);
        }
    }
}

/// What stands before a record with a registered schema: a zero byte and the schema's number.
fn header(id: u32) -> [u8; 5] {
    let [a, b, c, d] = id.to_be_bytes();
    [0, a, b, c, d]
}

/// Writes a number, seven bits a byte, the lowest first.
fn push_varint(out: &mut Vec<u8>, mut rest: u64) {
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A column whose type has no form in the format.
fn unsupported(field: &Field) -> EncodeError {
    EncodeError::UnsupportedType {
        column: field.name().clone(),
        data_type: field.data_type().clone(),
    }
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
