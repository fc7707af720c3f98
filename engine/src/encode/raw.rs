//! Rows of one column as they are.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::json::{bind_all, check_types};
use super::{EncodeError, JsonOptions, all_or_nothing, place};

/// Writes the only column of rows as its bare text. A null has no bytes.
#[derive(Debug, Clone)]
pub struct RawEncoder {
    options: JsonOptions,
}

impl RawEncoder {
    /// An encoder for batches of this schema, which has one column.
    ///
    /// # Errors
    /// [`EncodeError::OtherColumns`] where it has another number of columns, [`EncodeError::UnsupportedType`] where the
    /// column's type cannot be written.
    pub fn new(schema: &Schema, options: JsonOptions) -> Result<Self, EncodeError> {
        let found = schema.fields().len();
        if found != 1 {
            return Err(EncodeError::OtherColumns { expected: 1, found });
        }
        check_types(schema, options)?;
        Ok(Self { options })
    }

    /// As [`JsonEncoder::encode`](super::JsonEncoder::encode).
    ///
    /// # Errors
    /// Likewise.
    pub fn encode(
        &self,
        batch: &RecordBatch,
        arena: &mut Vec<u8>,
        ranges: &mut Vec<Range<u32>>,
    ) -> Result<(), EncodeError> {
        let columns = bind_all(batch, 1, self.options)?;
        ranges.reserve(batch.num_rows());
        all_or_nothing(arena, ranges, |arena, ranges| {
            for row in 0..batch.num_rows() {
                let start = arena.len();
                for column in columns.iter().filter(|column| !column.is_null(row)) {
                    column.push_bare(row, arena);
                }
                ranges.push(place(start, arena.len(), u32::MAX)?);
            }
            Ok(())
        })
    }
}
