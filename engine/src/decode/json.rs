//! From raw JSON records to Arrow: one walk over each record, which checks all of it and reads only the wanted columns,
//! straight into column builders.
//!
//! A record must be a JSON object as RFC 8259 has it, in UTF-8; of a field that is there twice the last one counts. One
//! that is not, or of which a column cannot be read, is rejected alone, with its reason. A number that nobody reads may
//! be of any size.
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

mod columns;
mod convert;
mod fault;
mod number;
mod scan;
mod shape;
mod time;
mod walk;

#[cfg(test)]
mod tests;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use thiserror::Error;
use tidemill_plan::model::Column;

use self::columns::Builder;
use self::convert::Value;
use self::fault::{ColumnLabel, Fault, Problem};
use self::scan::{Kind, unescape};
use self::shape::Shape;
use self::walk::{Slot, walk};
use crate::record::{RawRecord, Rejection};

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

/// The deepest nesting that is ever taken.
const DEEPEST: usize = 1000;

/// What records became.
#[derive(Debug)]
pub struct Decoded {
    /// A row for each record that could be read, in their order.
    pub batch: RecordBatch,
    /// For each row the index of its record; `None` where no record was rejected, and row `i` is record `i`.
    pub record: Option<Vec<u32>>,
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
    #[error("column `{column}`: {data_type} cannot be decoded from JSON")]
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

/// Decodes JSON records into batches of one schema. It keeps nothing from one batch to the next but its buffers' sizes
/// and the order in which fields were met, so equal records always give equal batches.
pub struct JsonDecoder {
    schema: SchemaRef,
    limits: Limits,
    columns: Vec<ColumnReader>,
    labels: Vec<ColumnLabel>,
    shape: Shape,
    /// Where the wanted values of the present record stand.
    slots: Vec<Slot>,
    /// An unescaped string.
    scratch: Vec<u8>,
    /// Rows in the builders.
    rows: usize,
}

struct ColumnReader {
    slot: usize,
    required: bool,
    builder: Builder,
}

impl JsonDecoder {
    /// A decoder of these columns into this schema, whose fields are in the same order.
    ///
    /// # Errors
    /// When columns and schema do not belong together, or a type cannot be decoded.
    pub fn new(columns: &[Column], schema: SchemaRef, limits: Limits) -> Result<Self, SchemaError> {
        if columns.len() != schema.fields().len() {
            return Err(SchemaError::Count {
                columns: columns.len(),
                fields: schema.fields().len(),
            });
        }
        let paths: Vec<_> = columns.iter().map(|column| &*column.path).collect();
        let (shape, column_slots) = Shape::new(&paths);
        let mut readers = Vec::with_capacity(columns.len());
        let mut labels = Vec::with_capacity(columns.len());
        for ((column, field), slot) in columns.iter().zip(schema.fields()).zip(column_slots) {
            let builder = builder(column, field.data_type(), field.is_nullable())?;
            labels.push(ColumnLabel {
                name: column.name.clone(),
                path: column.path.join("."),
                type_name: builder.type_name(),
            });
            readers.push(ColumnReader {
                slot,
                required: column.required,
                builder,
            });
        }
        let limits = Limits {
            max_depth: limits.max_depth.min(DEEPEST),
            ..limits
        };
        Ok(Self {
            slots: vec![Slot::Absent; shape.slots()],
            schema,
            limits,
            columns: readers,
            labels,
            shape,
            scratch: Vec::new(),
            rows: 0,
        })
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
        check_size(records)?;
        for column in &mut self.columns {
            column.builder.reserve(records.len());
        }
        let mut kept: Option<Vec<u32>> = None;
        for (index, record) in records.iter().enumerate() {
            match self.row(record.value) {
                Ok(()) => {
                    self.rows += 1;
                    if let Some(kept) = &mut kept {
                        kept.push(index as u32);
                    }
                }
                Err(fault) => {
                    kept.get_or_insert_with(|| (0..index as u32).collect());
                    rejected.push(self.rejection(index, fault, record.value));
                }
            }
        }
        Ok(Decoded {
            batch: self.finish()?,
            record: kept,
        })
    }

    /// Adds a row to every builder, or to none.
    fn row(&mut self, value: Option<&[u8]>) -> Result<(), Fault> {
        let value = match value {
            None => return Err(Fault::Null),
            Some([]) => return Err(Fault::Empty),
            Some(value) if value.len() > self.limits.max_record_bytes => {
                return Err(Fault::TooLarge);
            }
            Some(value) => value,
        };
        let max_depth = self.limits.max_depth;
        if let Err(flaw) = walk(value, max_depth, &mut self.shape, &mut self.slots) {
            check_utf8(value)?;
            return Err(Fault::Flaw(*flaw));
        }
        self.read_columns(value)
    }

    fn read_columns(&mut self, value: &[u8]) -> Result<(), Fault> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            let slot = self.slots.get(column.slot).unwrap_or(&Slot::Absent);
            let read = column.read(slot, value, &mut self.scratch);
            if let Err(problem) = read {
                self.columns
                    .iter_mut()
                    .take(index)
                    .for_each(|column| column.builder.truncate(self.rows));
                return Err(Fault::Column {
                    column: index,
                    problem,
                });
            }
        }
        Ok(())
    }

    #[cold]
    fn rejection(&self, record: usize, fault: Fault, value: Option<&[u8]>) -> Rejection {
        let value = value.unwrap_or_default();
        fault::rejection(record, fault, value, self.limits, &self.labels)
    }

    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        // All builders are emptied, even if one fails.
        let builders = self.columns.iter_mut().map(|column| &mut column.builder);
        let arrays: Vec<Result<ArrayRef, _>> = builders.map(Builder::finish).collect();
        RecordBatch::try_new_with_options(
            self.schema.clone(),
            arrays.into_iter().collect::<Result<_, _>>()?,
            &RecordBatchOptions::new().with_row_count(Some(rows)),
        )
    }
}

impl ColumnReader {
    /// Adds the record's value to the builder.
    #[inline]
    fn read(&mut self, slot: &Slot, record: &[u8], scratch: &mut Vec<u8>) -> Result<(), Problem> {
        let token = match slot {
            Slot::Found(token) if token.kind != Kind::Null => token,
            Slot::Absent if self.required => return Err(Problem::Absent),
            Slot::Found(_) if self.required => return Err(Problem::Null),
            Slot::Absent | Slot::Found(_) => {
                self.builder.push_null();
                return Ok(());
            }
            Slot::Blocked(token) => return Err(Problem::Blocked(*token)),
        };
        let mut text = token.text(record);
        if token.kind == Kind::RichText && memchr::memchr(b'\\', text).is_some() {
            scratch.clear();
            unescape(text, scratch);
            text = scratch;
        }
        let value = Value {
            kind: token.kind,
            text,
        };
        self.builder
            .push(value)
            .map_err(|misfit| Problem::Misfit(*token, misfit))
    }
}

fn builder(column: &Column, data_type: &DataType, nullable: bool) -> Result<Builder, SchemaError> {
    if column.path.is_empty() {
        return Err(SchemaError::Path {
            column: column.name.clone(),
        });
    }
    if !column.required && !nullable {
        return Err(SchemaError::NotNullable {
            column: column.name.clone(),
        });
    }
    Builder::new(data_type).ok_or_else(|| SchemaError::Type {
        column: column.name.clone(),
        data_type: data_type.clone(),
    })
}

/// A column's text is never longer than its records, so string offsets and record indices fit into 32 bits.
fn check_size(records: &[RawRecord<'_>]) -> Result<(), DecodeError> {
    let sizes = records
        .iter()
        .map(|record| record.value.map_or(0, <[u8]>::len));
    let bytes = sizes.fold(records.len(), usize::saturating_add);
    if i32::try_from(bytes).is_err() {
        return Err(DecodeError::TooMuch { bytes });
    }
    Ok(())
}

/// Whatever else is wrong with a record, that it is not UTF-8 comes first.
fn check_utf8(value: &[u8]) -> Result<(), Fault> {
    std::str::from_utf8(value).map(drop).map_err(|error| {
        let at = error.valid_up_to();
        Fault::InvalidUtf8 { at }
    })
}
