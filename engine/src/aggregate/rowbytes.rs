//! Keys and states as bytes: arrow's row encoding, which a test pins, for it is stored.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};

use crate::error::Result;
use crate::rows::conform;

/// Turns columns of fixed types into one byte string a row, and back.
#[derive(Debug)]
pub(crate) struct RowCodec {
    types: Vec<DataType>,
    /// Absent where there are no columns.
    converter: Option<RowConverter>,
}

/// Rows as bytes.
pub(crate) enum Encoded {
    /// No columns: every row is empty.
    Empty,
    /// A byte string a row.
    Rows(Rows),
}

impl RowCodec {
    pub(crate) fn new(types: Vec<DataType>) -> Result<Self> {
        let converter = if types.is_empty() {
            None
        } else {
            Some(RowConverter::new(
                types.iter().cloned().map(SortField::new).collect(),
            )?)
        };
        Ok(Self { types, converter })
    }

    pub(crate) fn encode(&self, columns: Vec<ArrayRef>) -> Result<Encoded> {
        let Some(converter) = &self.converter else {
            return Ok(Encoded::Empty);
        };
        let columns = columns
            .into_iter()
            .zip(&self.types)
            .map(|(c, t)| conform(c, t))
            .collect::<Result<Vec<_>>>()?;
        Ok(Encoded::Rows(converter.convert_columns(&columns)?))
    }

    /// The bytes must come from [`RowCodec::encode`] of a codec of the same types; what is read from storage is
    /// known to be so by its checksum and fingerprint.
    pub(crate) fn decode<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        let Some(converter) = &self.converter else {
            return Ok(Vec::new());
        };
        let parser = converter.parser();
        let rows: Vec<_> = rows.collect();
        Ok(converter.convert_rows(rows.iter().map(|bytes| parser.parse(bytes)))?)
    }
}

impl Encoded {
    /// The bytes of a row.
    pub(crate) fn row(&self, row: usize) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Rows(rows) if row < rows.num_rows() => rows.row(row).data(),
            Self::Rows(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray};

    use super::*;

    /// What is stored in changelogs depends on these bytes, and in which shard a key lives on the first of them.
    /// If an upgrade of arrow turns this test red, stored state needs a new version.
    #[test]
    fn the_encoding_never_changes() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("ab"), None, Some("")])),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(-1)])),
            Arc::new(Float64Array::from(vec![1.5, -0.0, f64::NAN])),
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
            Arc::new(
                Decimal128Array::from(vec![5, -5, 0])
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ];
        let codec = RowCodec::new(columns.iter().map(|c| c.data_type().clone()).collect()).unwrap();
        let encoded = codec.encode(columns.clone()).unwrap();
        let all: Vec<u8> = (0..3).flat_map(|i| encoded.row(i).to_vec()).collect();
        assert_eq!(encoded.row(2)[0], 1, "an empty string is not null");
        assert_eq!(
            format!("{:016x}", crate::wire::hash(&all)),
            "1f3dfc4278649c18"
        );
        assert_eq!(
            codec.decode((0..3).map(|i| encoded.row(i))).unwrap(),
            columns
        );
    }
}
