//! The columns that records are read into, whatever their format.

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use tidemill_plan::model::Column;

use super::columns::Builder;
use super::fault::{self, ColumnLabel, Fault};
use super::{DecodeError, Decoded, Limits, SchemaError};
use crate::record::{RawRecord, Rejection};

/// What a record became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// A row.
    Row,
    /// A row that says that the one with its key is gone.
    Deletion,
    /// Nothing: it is about no row.
    Nothing,
}

/// The columns of a batch that is being decoded.
pub(super) struct Table {
    schema: SchemaRef,
    pub(super) limits: Limits,
    pub(super) columns: Vec<ColumnReader>,
    pub(super) labels: Vec<ColumnLabel>,
    /// Rows in the builders.
    rows: usize,
}

/// A column, and where a record has its value.
pub(super) struct ColumnReader {
    pub(super) slot: usize,
    pub(super) required: bool,
    pub(super) builder: Builder,
}

impl Table {
    /// Columns for this schema, whose fields are in the same order; `slots` are the places of their values in a record.
    pub(super) fn new(
        columns: &[Column],
        schema: SchemaRef,
        limits: Limits,
        slots: &[usize],
    ) -> Result<Self, SchemaError> {
        if columns.len() != schema.fields().len() {
            return Err(SchemaError::Count {
                columns: columns.len(),
                fields: schema.fields().len(),
            });
        }
        let mut readers = Vec::with_capacity(columns.len());
        let mut labels = Vec::with_capacity(columns.len());
        for ((column, field), slot) in columns.iter().zip(schema.fields()).zip(slots) {
            let builder = builder(column, field.data_type(), field.is_nullable())?;
            labels.push(ColumnLabel {
                name: column.name.clone(),
                path: column.path.join("."),
                type_name: builder.type_name(),
            });
            readers.push(ColumnReader {
                slot: *slot,
                required: column.required,
                builder,
            });
        }
        Ok(Self {
            schema,
            limits,
            columns: readers,
            labels,
            rows: 0,
        })
    }

    /// Makes a batch of records. `read` adds a record's values to all builders; where it fails, what it has added is taken
    /// back.
    #[inline]
    pub(super) fn fill<'r>(
        &mut self,
        records: &[RawRecord<'r>],
        rejected: &mut Vec<Rejection>,
        mut read: impl FnMut(&mut Self, &RawRecord<'r>) -> Result<Made, Fault>,
    ) -> Result<Decoded, DecodeError> {
        check_size(records)?;
        for column in &mut self.columns {
            column.builder.reserve(records.len());
        }
        let mut kept: Option<Vec<u32>> = None;
        let mut deleted: Vec<usize> = Vec::new();
        for (index, record) in records.iter().enumerate() {
            let made = read(self, record);
            if let Ok(Made::Row | Made::Deletion) = made {
                if let Ok(Made::Deletion) = made {
                    deleted.push(self.rows);
                }
                self.rows += 1;
                if let Some(kept) = &mut kept {
                    kept.push(index as u32);
                }
                continue;
            }
            kept.get_or_insert_with(|| (0..index as u32).collect());
            if let Err(fault) = made {
                self.undo();
                rejected.push(self.rejection(index, fault, record.value));
            }
        }
        let rows = self.rows;
        Ok(Decoded {
            batch: self.finish()?,
            record: kept,
            deleted: (!deleted.is_empty()).then(|| mask(&deleted, rows)),
        })
    }

    /// Takes back what the present record has added.
    #[cold]
    fn undo(&mut self) {
        for column in &mut self.columns {
            column.builder.truncate(self.rows);
        }
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

/// True at these indices.
fn mask(indices: &[usize], len: usize) -> BooleanArray {
    let mut mask = BooleanBufferBuilder::new(len);
    mask.append_n(len, false);
    for index in indices {
        mask.set_bit(*index, true);
    }
    BooleanArray::new(mask.finish(), None)
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

/// The bytes of a record that has some, and not too many.
#[inline]
pub(super) fn bytes(value: Option<&[u8]>, limits: Limits) -> Result<&[u8], Fault> {
    match value {
        None => Err(Fault::Null),
        Some([]) => Err(Fault::Empty),
        Some(value) if value.len() > limits.max_record_bytes => Err(Fault::TooLarge),
        Some(value) => Ok(value),
    }
}

/// Whatever else is wrong with a record, that it is not UTF-8 comes first.
pub(super) fn check_utf8(value: &[u8]) -> Result<(), Fault> {
    if simdutf8::basic::from_utf8(value).is_ok() {
        return Ok(());
    }
    std::str::from_utf8(value).map(drop).map_err(|error| {
        let at = error.valid_up_to();
        Fault::InvalidUtf8 { at }
    })
}
