//! Rows as Avro records, each after the number of its schema.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use serde_json::{Value, json};

use super::typed::{Column, Type, Values};
use super::{EncodeError, all_or_nothing, header, place, push_varint};

/// Writes rows as Confluent's serializers do: a zero byte, the schema's number, and the columns in Avro's binary encoding.
///
/// A column that may be null is a union with null. Decimals are `decimal`, dates `date`, times `timestamp-micros`.
#[derive(Debug, Clone)]
pub struct AvroEncoder {
    header: [u8; 5],
    nullable: Vec<bool>,
}

impl AvroEncoder {
    /// An encoder for batches of this schema, whose Avro schema ([`schema_text`]) is registered under this number.
    ///
    /// # Errors
    /// [`EncodeError::UnsupportedType`] names the first column whose type has no form in Avro.
    pub fn new(schema: &Schema, id: u32) -> Result<Self, EncodeError> {
        for field in schema.fields() {
            Type::of(field)?;
        }
        Ok(Self {
            header: header(id),
            nullable: schema.fields().iter().map(|f| f.is_nullable()).collect(),
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
        let columns = Column::bind_all(batch, self.nullable.len())?;
        ranges.reserve(batch.num_rows());
        all_or_nothing(arena, ranges, |arena, ranges| {
            for row in 0..batch.num_rows() {
                let start = arena.len();
                arena.extend_from_slice(&self.header);
                for (column, nullable) in columns.iter().zip(&self.nullable) {
                    push(column, row, *nullable, arena);
                }
                ranges.push(place(start, arena.len(), u32::MAX)?);
            }
            Ok(())
        })
    }
}

/// The Avro schema of rows, as JSON: a record of this name, whose fields are the columns.
///
/// # Errors
/// [`EncodeError::UnsupportedType`] names the first column whose type has no form in Avro.
pub fn schema_text(name: &str, schema: &Schema) -> Result<String, EncodeError> {
    let fields = schema.fields().iter().map(|field| {
        let its_type = type_of(Type::of(field)?);
        Ok(if field.is_nullable() {
            json!({"name": field.name(), "type": ["null", its_type], "default": null})
        } else {
            json!({"name": field.name(), "type": its_type})
        })
    });
    let fields = fields.collect::<Result<Vec<Value>, EncodeError>>()?;
    Ok(json!({"type": "record", "name": name, "fields": fields}).to_string())
}

fn type_of(its: Type) -> Value {
    match its {
        Type::Boolean => json!("boolean"),
        Type::Int => json!("int"),
        Type::Long => json!("long"),
        Type::Float => json!("float"),
        Type::Double => json!("double"),
        Type::Text => json!("string"),
        Type::Decimal { precision, scale } => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
        }
        Type::Date => json!({"type": "int", "logicalType": "date"}),
        Type::Timestamp => json!({"type": "long", "logicalType": "timestamp-micros"}),
    }
}

fn push(column: &Column<'_>, row: usize, nullable: bool, out: &mut Vec<u8>) {
    if nullable {
        let is_null = column.is_null(row);
        push_long(out, i64::from(!is_null));
        if is_null {
            return;
        }
    }
    match &column.values {
        Values::Boolean(array) => out.push(u8::from(array.value(row))),
        Values::Int8(values) => push_long(out, values[row].into()),
        Values::Int16(values) => push_long(out, values[row].into()),
        Values::Int32(values) | Values::Date(values) => push_long(out, values[row].into()),
        Values::Int64(values) | Values::Micros(values) => push_long(out, values[row]),
        Values::UInt8(values) => push_long(out, values[row].into()),
        Values::UInt16(values) => push_long(out, values[row].into()),
        Values::UInt32(values) => push_long(out, values[row].into()),
        Values::Float32(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::Float64(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::Text(array) => push_sized(out, array.value(row).as_bytes()),
        Values::Decimal(values, _) => push_unscaled(out, values[row]),
        Values::Millis(values) => push_long(out, values[row].saturating_mul(1_000)),
        Values::Nanos(values) => push_long(out, values[row].div_euclid(1_000)),
    }
}

/// Writes a number in zigzag, seven bits a byte, the lowest first.
fn push_long(out: &mut Vec<u8>, value: i64) {
    push_varint(out, (value << 1 ^ value >> 63) as u64);
}

fn push_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    push_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// Writes a number in big-endian two's complement, in as few bytes as hold it.
fn push_unscaled(out: &mut Vec<u8>, value: i128) {
    let bytes = value.to_be_bytes();
    let sign: u8 = if value < 0 { 0xff } else { 0 };
    let extra = bytes
        .windows(2)
        .take_while(
            |pair| matches!(pair, [first, next] if *first == sign && (next ^ sign) & 0x80 == 0),
        )
        .count();
    push_sized(out, bytes.get(extra..).unwrap_or(&bytes));
}
