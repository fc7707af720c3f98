//! Rows as lines of CSV.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use tidemill_plan::model::Csv;

use super::column::Column;
use super::json::{bind_all, check_types};
use super::{EncodeError, JsonOptions, all_or_nothing, place};

/// Writes rows as lines of fields in the order of the schema, without a line break at their end.
///
/// A field is quoted where it must be: where it has a delimiter, a quote or a line break in it, or is a text that would be
/// read as null. Numbers, dates and times are written as in JSON, without quotes; NaN and the infinities are null.
#[derive(Debug, Clone)]
pub struct CsvEncoder {
    columns: usize,
    dialect: Csv,
    options: JsonOptions,
}

impl CsvEncoder {
    /// An encoder for batches of this schema.
    ///
    /// # Errors
    /// [`EncodeError::UnsupportedType`] names the first column whose type cannot be written.
    pub fn new(schema: &Schema, dialect: &Csv, options: JsonOptions) -> Result<Self, EncodeError> {
        check_types(schema, options)?;
        Ok(Self {
            columns: schema.fields().len(),
            dialect: dialect.clone(),
            options,
        })
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
        let columns = bind_all(batch, self.columns, self.options)?;
        ranges.reserve(batch.num_rows());
        all_or_nothing(arena, ranges, |arena, ranges| {
            for row in 0..batch.num_rows() {
                let start = arena.len();
                for (index, column) in columns.iter().enumerate() {
                    if index > 0 {
                        arena.push(self.dialect.delimiter);
                    }
                    self.push(column, row, arena);
                }
                ranges.push(place(start, arena.len(), u32::MAX)?);
            }
            Ok(())
        })
    }

    fn push(&self, column: &Column<'_>, row: usize, out: &mut Vec<u8>) {
        let null = self.dialect.null.as_bytes();
        if column.is_null(row) {
            out.extend_from_slice(null);
            return;
        }
        let start = out.len();
        column.push_bare(row, out);
        let field = out.get(start..).unwrap_or_default();
        if field == b"null" && column.is_float() {
            out.truncate(start);
            out.extend_from_slice(null);
        } else if field == null || self.needs_quotes(field) {
            let field = field.to_vec();
            out.truncate(start);
            self.push_quoted(&field, out);
        }
    }

    fn needs_quotes(&self, field: &[u8]) -> bool {
        let Csv {
            delimiter, quote, ..
        } = &self.dialect;
        let is_special =
            |byte: &u8| byte == delimiter || Some(*byte) == *quote || matches!(byte, b'\n' | b'\r');
        field.iter().any(is_special)
    }

    fn push_quoted(&self, field: &[u8], out: &mut Vec<u8>) {
        let quote = self.dialect.quote.unwrap_or(b'"');
        out.push(quote);
        for byte in field {
            if *byte == quote {
                out.push(quote);
            }
            out.push(*byte);
        }
        out.push(quote);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn lines(dialect: &Csv, texts: Vec<Option<&str>>) -> Vec<String> {
        let rows = texts.len();
        let schema = Arc::new(Schema::new(vec![
            Field::new("text", DataType::Utf8, true),
            Field::new("number", DataType::Int64, true),
            Field::new("ratio", DataType::Float64, true),
        ]));
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(StringArray::from(texts)),
                Arc::new(Int64Array::from(vec![Some(7); rows])),
                Arc::new(Float64Array::from(vec![f64::NAN; rows])),
            ],
        )
        .unwrap();
        let encoder = CsvEncoder::new(&schema, dialect, JsonOptions::default()).unwrap();
        let (mut arena, mut ranges) = (Vec::new(), Vec::new());
        encoder.encode(&batch, &mut arena, &mut ranges).unwrap();
        let line = |range: &Range<u32>| arena[range.start as usize..range.end as usize].to_vec();
        let texts = ranges.iter().map(line).map(String::from_utf8);
        texts.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let dialect = Csv {
            delimiter: b',',
            quote: Some(b'"'),
            null: String::new(),
        };
        let texts = vec![
            Some("plain"),
            Some("a,b"),
            Some("say \"hi\""),
            Some("two\nlines"),
            Some(""),
            None,
        ];
        assert_eq!(
            lines(&dialect, texts),
            [
                "plain,7,",
                "\"a,b\",7,",
                "\"say \"\"hi\"\"\",7,",
                "\"two\nlines\",7,",
                "\"\",7,",
                ",7,"
            ]
        );
    }

    #[test]
    fn a_text_that_means_null_is_quoted() {
        let dialect = Csv {
            delimiter: b'\t',
            quote: Some(b'\''),
            null: "NULL".to_owned(),
        };
        let texts = vec![Some("NULL"), None, Some(""), Some("a,b"), Some("it's")];
        assert_eq!(
            lines(&dialect, texts),
            [
                "'NULL'\t7\tNULL",
                "NULL\t7\tNULL",
                "\t7\tNULL",
                "a,b\t7\tNULL",
                "'it''s'\t7\tNULL"
            ]
        );
    }
}
