//! Record keys.

use std::borrow::Cow;
use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::{Fields, Schema};

use super::column::{Object, names};
use super::json::{bind, check_type};
use super::{EncodeError, JsonOptions, all_or_nothing, place};

/// Writes record keys: of one column its bare text (a string without quotes, the digits of a number), of several a
/// JSON object of them in the order they are named.
///
/// A record has no key where there are no key columns, or the only one is null. In an object a null is `null`.
#[derive(Debug, Clone)]
pub struct KeyEncoder {
    columns: Vec<usize>,
    names: Vec<Box<[u8]>>,
    options: JsonOptions,
}

impl KeyEncoder {
    /// An encoder for batches of this schema, with these columns as the key.
    ///
    /// # Errors
    /// [`EncodeError::NoSuchColumn`] or [`EncodeError::UnsupportedType`].
    pub fn new(
        schema: &Schema,
        columns: &[usize],
        options: JsonOptions,
    ) -> Result<Self, EncodeError> {
        let all = schema.fields();
        let field = |&index: &usize| {
            all.get(index).cloned().ok_or(EncodeError::NoSuchColumn {
                index,
                columns: all.len(),
            })
        };
        let fields = columns.iter().map(field).collect::<Result<Fields, _>>()?;
        fields
            .iter()
            .try_for_each(|field| check_type(field, options))?;
        Ok(Self {
            columns: columns.to_vec(),
            names: names(&fields),
            options,
        })
    }

    /// Appends the keys of a batch to the arena, and the place of each to `keys`; `None` is a record without key.
    ///
    /// # Errors
    /// As [`JsonEncoder::encode`](super::JsonEncoder::encode); nothing is appended then.
    pub fn encode(
        &self,
        batch: &RecordBatch,
        arena: &mut Vec<u8>,
        keys: &mut Vec<Option<Range<u32>>>,
    ) -> Result<(), EncodeError> {
        let columns = self
            .columns
            .iter()
            .map(|&index| bind(batch, index, self.options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        match columns.as_slice() {
            [] => {
                keys.extend((0..batch.num_rows()).map(|_| None));
                Ok(())
            }
            [column] => each_row(batch, arena, keys, |row, arena| {
                let has_key = !column.is_null(row);
                if has_key {
                    column.push_bare(row, arena);
                }
                has_key
            }),
            _ => {
                let object = Object {
                    names: Cow::Borrowed(&self.names),
                    columns,
                };
                each_row(batch, arena, keys, |row, arena| {
                    object.push_json(row, arena);
                    true
                })
            }
        }
    }
}

/// Writes the key of each row; `write` says whether the row has one.
fn each_row(
    batch: &RecordBatch,
    arena: &mut Vec<u8>,
    keys: &mut Vec<Option<Range<u32>>>,
    write: impl Fn(usize, &mut Vec<u8>) -> bool,
) -> Result<(), EncodeError> {
    keys.reserve(batch.num_rows());
    all_or_nothing(arena, keys, |arena, keys| {
        for row in 0..batch.num_rows() {
            let start = arena.len();
            let key = if write(row, arena) {
                Some(place(start, arena.len(), u32::MAX)?)
            } else {
                None
            };
            keys.push(key);
        }
        Ok(())
    })
}
