//! Rows as JSON objects.

use std::borrow::Cow;
use std::ops::Range;

use arrow::array::{RecordBatch, new_empty_array};
use arrow::datatypes::{Field, Schema};
use tidemill_plan::model::is_json;

use super::column::{Column, Object, names};
use super::{EncodeError, JsonOptions, all_or_nothing, place, unsupported};

/// Writes rows as JSON objects: the columns in the order of the schema, each of them in every row.
///
/// A null is written as `null`, never left out: readers see the same fields in every record. Decimals are numbers with
/// all the digits of their scale (`250.00`), floats the shortest number that reads back the same (`5000.0`), dates
/// `"2024-01-31"`, NaN and the infinities `null`.
#[derive(Debug, Clone)]
pub struct JsonEncoder {
    names: Vec<Box<[u8]>>,
    options: JsonOptions,
}

impl JsonEncoder {
    /// An encoder for batches of this schema.
    ///
    /// # Errors
    /// [`EncodeError::UnsupportedType`] names the first column whose type has no form in JSON.
    pub fn new(schema: &Schema, options: JsonOptions) -> Result<Self, EncodeError> {
        check_types(schema, options)?;
        Ok(Self {
            names: names(schema.fields()),
            options,
        })
    }

    /// Appends the rows of a batch to the arena, and the place of each to `ranges`.
    ///
    /// # Errors
    /// [`EncodeError::ArenaFull`] when the arena would go beyond 4 GiB; [`EncodeError::OtherColumns`] or
    /// [`EncodeError::UnsupportedType`] when the batch is not one of the schema. Then nothing is appended.
    pub fn encode(
        &self,
        batch: &RecordBatch,
        arena: &mut Vec<u8>,
        ranges: &mut Vec<Range<u32>>,
    ) -> Result<(), EncodeError> {
        self.encode_within(u32::MAX, batch, arena, ranges)
    }

    pub(super) fn encode_within(
        &self,
        limit: u32,
        batch: &RecordBatch,
        arena: &mut Vec<u8>,
        ranges: &mut Vec<Range<u32>>,
    ) -> Result<(), EncodeError> {
        let object = self.bind(batch)?;
        ranges.reserve(batch.num_rows());
        all_or_nothing(arena, ranges, |arena, ranges| {
            for row in 0..batch.num_rows() {
                let start = arena.len();
                object.push_json(row, arena);
                ranges.push(place(start, arena.len(), limit)?);
            }
            Ok(())
        })
    }

    fn bind<'a>(&'a self, batch: &'a RecordBatch) -> Result<Object<'a>, EncodeError> {
        let columns = bind_all(batch, self.names.len(), self.options)?;
        Ok(Object {
            names: Cow::Borrowed(&self.names),
            columns,
        })
    }
}

/// Whether all columns can be written.
pub(super) fn check_types(schema: &Schema, options: JsonOptions) -> Result<(), EncodeError> {
    let mut fields = schema.fields().iter();
    fields.try_for_each(|field| check_type(field, options))
}

/// Binds all columns of a batch that was promised to have so many.
pub(super) fn bind_all(
    batch: &RecordBatch,
    expected: usize,
    options: JsonOptions,
) -> Result<Vec<Column<'_>>, EncodeError> {
    let found = batch.num_columns();
    if expected != found {
        return Err(EncodeError::OtherColumns { expected, found });
    }
    (0..found)
        .map(|index| bind(batch, index, options))
        .collect()
}

/// Whether a column of this type can be written.
pub(super) fn check_type(field: &Field, options: JsonOptions) -> Result<(), EncodeError> {
    let empty = new_empty_array(field.data_type());
    Column::bind(empty.as_ref(), options)
        .map(|_| ())
        .ok_or_else(|| unsupported(field))
}

/// Binds a column of a batch.
pub(super) fn bind(
    batch: &RecordBatch,
    index: usize,
    options: JsonOptions,
) -> Result<Column<'_>, EncodeError> {
    let columns = batch.num_columns();
    let array = batch
        .columns()
        .get(index)
        .ok_or(EncodeError::NoSuchColumn { index, columns })?;
    let field = batch.schema_ref().field(index);
    let bound = match is_json(field) {
        true => Column::bind_json(array.as_ref()),
        false => Column::bind(array.as_ref(), options),
    };
    bound.ok_or_else(|| unsupported(field))
}
