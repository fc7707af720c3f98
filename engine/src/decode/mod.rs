//! From raw records to Arrow: each record is checked, and only the wanted columns are read, straight into column builders.
//!
//! Records that are text ([`JsonDecoder`], CSV, raw text) are read alike:
//!
//! Reading is lenient where nothing is lost:
//!
//! | column | what is read |
//! |---|---|
//! | `String` | a string; a number or a boolean as it is written |
//! | `Boolean` | a boolean; the strings `true` and `false` |
//! | `Int32`, `Int64` | a number or numeric string without a fraction: `1`, `1.0`, `1e3`, `"1"` |
//! | `Float64` | a number or numeric string, as the nearest double |
//! | `Decimal(p,s)` | a number or numeric string, exactly as written; beyond `s` only zeros may follow |
//! | `Timestamp` | ISO 8601 with or without zone (UTC then), a date (its midnight), or a number or numeric string: seconds since the epoch below 10^11, milliseconds below 10^14, microseconds below 10^17, nanoseconds below 10^20. What is finer than a microsecond is cut off |
//! | `Date` | `2026-01-31`, or a time as text that is a midnight in UTC |
//!
//! A field that is absent or null is null, in a column that is not required.

mod avro;
mod changes;
mod columns;
mod convert;
mod csv;
mod datum;
mod debezium;
mod fault;
mod json;
mod number;
mod protobuf;
mod raw;
mod registry;
mod scan;
mod shape;
mod table;
mod time;
mod walk;
mod wanted;

#[cfg(test)]
mod tests;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use thiserror::Error;
use tidemill_plan::model::{Column, Format};

pub use self::avro::AvroDecoder;
pub use self::csv::CsvDecoder;
pub use self::debezium::DebeziumDecoder;
pub use self::json::JsonDecoder;
pub use self::protobuf::ProtobufDecoder;
pub use self::raw::RawDecoder;
pub use self::registry::RegisteredSchema;
use crate::record::{RawRecord, Rejection};

/// Decodes the records of a source. It keeps nothing from one batch to the next but its buffers' sizes and the order in
/// which fields were met, so equal records always give equal batches.
pub enum Decoder {
    /// JSON objects.
    Json(JsonDecoder),
    /// Lines of fields.
    Csv(CsvDecoder),
    /// The whole record is the only column.
    Raw(RawDecoder),
    /// Changes of a table's rows as JSON.
    Debezium(DebeziumDecoder),
    /// Avro's binary encoding.
    Avro(AvroDecoder),
    /// Protobuf's binary encoding.
    Protobuf(ProtobufDecoder),
}

impl Decoder {
    /// A decoder of these columns into this schema, whose fields are in the same order.
    ///
    /// # Errors
    /// When columns and schema do not belong together, or a type cannot be decoded.
    pub fn new(
        format: &Format,
        columns: &[Column],
        schema: SchemaRef,
        limits: Limits,
    ) -> Result<Self, SchemaError> {
        Ok(match format {
            Format::Json => Self::Json(JsonDecoder::new(columns, schema, limits)?),
            Format::Csv { dialect, fields } => {
                Self::Csv(CsvDecoder::new(dialect, fields, columns, schema, limits)?)
            }
            Format::Raw => Self::Raw(RawDecoder::new(columns, schema, limits)?),
            Format::Debezium => Self::Debezium(DebeziumDecoder::new(columns, schema, limits)?),
            Format::Avro { schemas, changes } => {
                let text = schemas.text();
                Self::Avro(AvroDecoder::new(text, *changes, columns, schema, limits)?)
            }
            Format::Protobuf { schemas, message } => {
                let (text, message) = (schemas.text(), message.as_deref());
                let decoder = ProtobufDecoder::new(text, message, columns, schema, limits)?;
                Self::Protobuf(decoder)
            }
        })
    }

    /// The first of the records whose schema must be asked for before it can be decoded: its index, and the schema's
    /// number in the registry.
    #[must_use]
    pub fn missing_schema(&self, records: &[RawRecord<'_>]) -> Option<(usize, u32)> {
        match self {
            Self::Avro(decoder) => decoder.missing_schema(records),
            Self::Protobuf(decoder) => decoder.missing_schema(records),
            Self::Json(_) | Self::Csv(_) | Self::Raw(_) | Self::Debezium(_) => None,
        }
    }

    /// Learns the schema of this number, or why there is none: its records are rejected then.
    pub fn learn(&mut self, id: u32, schema: Result<&RegisteredSchema, &str>) {
        match self {
            Self::Avro(decoder) => decoder.learn(id, schema),
            Self::Protobuf(decoder) => decoder.learn(id, schema),
            Self::Json(_) | Self::Csv(_) | Self::Raw(_) | Self::Debezium(_) => {}
        }
    }

    /// Decodes records, in their order. Each either becomes a row or is added to `rejected`.
    ///
    /// # Errors
    /// When there are more than 2 GiB of them; nothing is decoded or rejected then.
    pub fn decode(
        &mut self,
        records: &[RawRecord<'_>],
        rejected: &mut Vec<Rejection>,
    ) -> Result<Decoded, DecodeError> {
        match self {
            Self::Json(decoder) => decoder.decode(records, rejected),
            Self::Csv(decoder) => decoder.decode(records, rejected),
            Self::Raw(decoder) => decoder.decode(records, rejected),
            Self::Debezium(decoder) => decoder.decode(records, rejected),
            Self::Avro(decoder) => decoder.decode(records, rejected),
            Self::Protobuf(decoder) => decoder.decode(records, rejected),
        }
    }
}

/// What a record may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its value.
    pub max_record_bytes: usize,
    /// Objects and arrays inside each other, the record itself included. No more than 1000 are ever taken: each takes
    /// some of the stack.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 1 MiB and 64 levels.
    fn default() -> Self {
        Self {
            max_record_bytes: 1 << 20,
            max_depth: 64,
        }
    }
}

/// What records became.
#[derive(Debug)]
pub struct Decoded {
    /// A row for each record that could be read, in their order.
    pub batch: RecordBatch,
    /// For each row the index of its record; `None` where no record was rejected, and row `i` is record `i`.
    pub record: Option<Vec<u32>>,
    /// True where a row is no row, but says that the one with the same key is gone; only its key columns count. `None`
    /// where none is.
    pub deleted: Option<BooleanArray>,
}

/// Why a decoder cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// Columns and schema do not belong together.
    #[error("{columns} columns to decode, but {fields} fields in the schema")]
    Count {
        /// How many columns there are.
        columns: usize,
        /// How many fields the schema has.
        fields: usize,
    },
    /// A column's type is not one that can be decoded.
    #[error("column `{column}`: {data_type} cannot be decoded")]
    Type {
        /// The column's name.
        column: String,
        /// Its type.
        data_type: DataType,
    },
    /// A column has an empty path.
    #[error("column `{column}`: the path of its field is empty")]
    Path {
        /// The column's name.
        column: String,
    },
    /// The records' schema is none.
    #[error("the schema of the source's format cannot be used: {0}")]
    Text(String),
    /// A column that is not required must be nullable.
    #[error("column `{column}`: it is not required, but its field is not nullable")]
    NotNullable {
        /// The column's name.
        column: String,
    },
}

/// Why records could not be decoded at all. No record is to blame.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// There are more than 2 GiB of records; fewer at once can be decoded.
    #[error(
        "too many records at once: {bytes} bytes, at most {} can be decoded",
        i32::MAX
    )]
    TooMuch {
        /// Bytes of their values.
        bytes: usize,
    },
    /// The columns do not make a batch: a fault in the decoder.
    #[error("the decoded columns do not make a batch: {0}")]
    Batch(#[from] ArrowError),
}
