//! Rows as Avro records, each after the number of its schema.

use std::ops::Range;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type,
};
use serde_json::{Value, json};

use super::{EncodeError, all_or_nothing, place, unsupported};

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
            type_of(field)?;
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
        let (expected, found) = (self.nullable.len(), batch.num_columns());
        if expected != found {
            return Err(EncodeError::OtherColumns { expected, found });
        }
        let schema = batch.schema_ref();
        let columns = batch.columns().iter().zip(schema.fields());
        let columns = columns.map(|(array, field)| Column::bind(array.as_ref(), field));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        ranges.reserve(batch.num_rows());
        all_or_nothing(arena, ranges, |arena, ranges| {
            for row in 0..batch.num_rows() {
                let start = arena.len();
                arena.extend_from_slice(&self.header);
                for (column, nullable) in columns.iter().zip(&self.nullable) {
                    column.push(row, *nullable, arena);
                }
                ranges.push(place(start, arena.len(), u32::MAX)?);
            }
            Ok(())
        })
    }
}

/// What stands before each record: a zero byte and the schema's number.
pub(super) fn header(id: u32) -> [u8; 5] {
    let [a, b, c, d] = id.to_be_bytes();
    [0, a, b, c, d]
}

/// The Avro schema of rows, as JSON: a record of this name, whose fields are the columns.
///
/// # Errors
/// [`EncodeError::UnsupportedType`] names the first column whose type has no form in Avro.
pub fn schema_text(name: &str, schema: &Schema) -> Result<String, EncodeError> {
    let fields = schema.fields().iter().map(|field| {
        let its_type = type_of(field)?;
        Ok(if field.is_nullable() {
            json!({"name": field.name(), "type": ["null", its_type], "default": null})
        } else {
            json!({"name": field.name(), "type": its_type})
        })
    });
    let fields = fields.collect::<Result<Vec<Value>, EncodeError>>()?;
    Ok(json!({"type": "record", "name": name, "fields": fields}).to_string())
}

fn type_of(field: &Field) -> Result<Value, EncodeError> {
    Ok(match field.data_type() {
        DataType::Boolean => json!("boolean"),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            json!("int")
        }
        DataType::Int64 | DataType::UInt32 => json!("long"),
        DataType::Float32 => json!("float"),
        DataType::Float64 => json!("double"),
        DataType::Utf8 => json!("string"),
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
        }
        DataType::Date32 => json!({"type": "int", "logicalType": "date"}),
        DataType::Timestamp(unit, _) if *unit != TimeUnit::Second => {
            json!({"type": "long", "logicalType": "timestamp-micros"})
        }
        _ => return Err(unsupported(field)),
    })
}

/// A column of a batch, its type looked at once.
struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Text(&'a StringArray),
    Decimal(&'a [i128]),
    Millis(&'a [i64]),
    Nanos(&'a [i64]),
}

impl<'a> Column<'a> {
    fn bind(array: &'a dyn Array, field: &Field) -> Result<Self, EncodeError> {
        let values = Values::bind(array).ok_or_else(|| unsupported(field))?;
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Self { nulls, values })
    }

    fn push(&self, row: usize, nullable: bool, out: &mut Vec<u8>) {
        if nullable {
            let is_null = self.nulls.is_some_and(|nulls| nulls.is_null(row));
            push_long(out, i64::from(!is_null));
            if is_null {
                return;
            }
        }
        self.values.push(row, out);
    }
}

impl<'a> Values<'a> {
    fn bind(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Boolean => Self::Boolean(array.as_boolean_opt()?),
            DataType::Int8 => Self::Int8(array.as_primitive_opt::<Int8Type>()?.values()),
            DataType::Int16 => Self::Int16(array.as_primitive_opt::<Int16Type>()?.values()),
            DataType::Int32 => Self::Int32(array.as_primitive_opt::<Int32Type>()?.values()),
            DataType::Int64 => Self::Int64(array.as_primitive_opt::<Int64Type>()?.values()),
            DataType::UInt8 => Self::UInt8(array.as_primitive_opt::<UInt8Type>()?.values()),
            DataType::UInt16 => Self::UInt16(array.as_primitive_opt::<UInt16Type>()?.values()),
            DataType::UInt32 => Self::UInt32(array.as_primitive_opt::<UInt32Type>()?.values()),
            DataType::Float32 => Self::Float32(array.as_primitive_opt::<Float32Type>()?.values()),
            DataType::Float64 => Self::Float64(array.as_primitive_opt::<Float64Type>()?.values()),
            DataType::Utf8 => Self::Text(array.as_string_opt::<i32>()?),
            DataType::Decimal128(..) => {
                Self::Decimal(array.as_primitive_opt::<Decimal128Type>()?.values())
            }
            DataType::Date32 => Self::Int32(array.as_primitive_opt::<Date32Type>()?.values()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Int64(
                array
                    .as_primitive_opt::<TimestampMicrosecondType>()?
                    .values(),
            ),
            DataType::Timestamp(TimeUnit::Millisecond, _) => Self::Millis(
                array
                    .as_primitive_opt::<TimestampMillisecondType>()?
                    .values(),
            ),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Self::Nanos(
                array
                    .as_primitive_opt::<TimestampNanosecondType>()?
                    .values(),
            ),
            _ => return None,
        })
    }

    fn push(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Boolean(array) => out.push(u8::from(array.value(row))),
            Self::Int8(values) => push_long(out, values[row].into()),
            Self::Int16(values) => push_long(out, values[row].into()),
            Self::Int32(values) => push_long(out, values[row].into()),
            Self::Int64(values) => push_long(out, values[row]),
            Self::UInt8(values) => push_long(out, values[row].into()),
            Self::UInt16(values) => push_long(out, values[row].into()),
            Self::UInt32(values) => push_long(out, values[row].into()),
            Self::Float32(values) => out.extend_from_slice(&values[row].to_le_bytes()),
            Self::Float64(values) => out.extend_from_slice(&values[row].to_le_bytes()),
            Self::Text(array) => push_sized(out, array.value(row).as_bytes()),
            Self::Decimal(values) => push_unscaled(out, values[row]),
            Self::Millis(values) => push_long(out, values[row].saturating_mul(1_000)),
            Self::Nanos(values) => push_long(out, values[row].div_euclid(1_000)),
        }
    }
}

/// Writes a number in zigzag, seven bits a byte, the lowest first.
fn push_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
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
