//! Many changes of the same rows become one each.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::error::ArrowError;
use arrow::row::{Row, RowConverter, SortField};

use super::Rows;

/// A row: the index of its batch and its index there.
pub(super) type Place = (usize, usize);

/// The last change of each key, in the order of keys. No key is in both.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Collapsed {
    /// Rows that are to be there.
    pub(super) upserts: Vec<Place>,
    /// Rows that are to be gone.
    pub(super) deletes: Vec<Place>,
}

/// Keeps the last change of each key.
pub(super) fn collapse(rows: &[Rows], key: &[usize]) -> Result<Collapsed, ArrowError> {
    let Some(first) = rows.first() else {
        return Ok(Collapsed::default());
    };
    let schema = first.batch.schema().project(key)?;
    let fields = schema.fields().iter();
    let fields = fields.map(|f| SortField::new(f.data_type().clone()));
    let converter = RowConverter::new(fields.collect())?;
    let keys = rows
        .iter()
        .map(|r| converter.convert_columns(&columns(r, key)?))
        .collect::<Result<Vec<_>, _>>()?;

    let mut last: HashMap<Row<'_>, Place> = HashMap::new();
    for (batch, keys) in keys.iter().enumerate() {
        for (row, key) in keys.iter().enumerate() {
            last.insert(key, (batch, row));
        }
    }
    let mut last: Vec<_> = last.into_iter().collect();
    last.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let (deletes, upserts) = last.into_iter().map(|(_, place)| place).partition(|place| {
        let rows = rows.get(place.0);
        rows.is_some_and(|rows| rows.is_deleted(place.1))
    });
    Ok(Collapsed { upserts, deletes })
}

fn columns(rows: &Rows, key: &[usize]) -> Result<Vec<ArrayRef>, ArrowError> {
    Ok(rows.batch.project(key)?.columns().to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch, StringArray};

    use super::*;

    fn rows(keys: &[Option<&str>], deleted: Option<Vec<bool>>) -> Rows {
        let values: Vec<i64> = (0..).take(keys.len()).collect();
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("v", Arc::new(Int64Array::from(values)) as ArrayRef, true),
            (
                "k",
                Arc::new(StringArray::from(keys.to_vec())) as ArrayRef,
                true,
            ),
        ]);
        Rows {
            batch: batch.unwrap(),
            deleted: deleted.map(Into::into),
        }
    }

    #[test]
    fn the_last_change_of_a_key_wins_across_batches() {
        let changes = [
            rows(&[Some("b"), Some("a"), None, Some("b")], None),
            rows(
                &[Some("a"), Some("c"), None, Some("c")],
                Some(vec![true, true, false, false]),
            ),
        ];
        let collapsed = collapse(&changes, &[1]).unwrap();
        assert_eq!(collapsed.upserts, [(1, 2), (0, 3), (1, 3)], "null, b, c");
        assert_eq!(collapsed.deletes, [(1, 0)]);
        assert_eq!(collapse(&[], &[1]).unwrap(), Collapsed::default());
    }
}
