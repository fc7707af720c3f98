//! Rows as Protobuf messages, each after the number of its schema.

use std::fmt::Write as _;
use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, TimeUnit};

use super::number::push_decimal;
use super::time::push_date;
use super::typed::{Column, Type, Values};
use super::{EncodeError, all_or_nothing, header, place, push_varint};

/// Writes rows as Confluent's serializers do: a zero byte, the schema's number, a zero for its first message, and the columns
/// as that message's fields, numbered in their order from 1.
///
/// A column that may be null is `optional`, and not there where it is null. Times are `google.protobuf.Timestamp`; decimals,
/// for which Protobuf has no type, and dates are strings.
#[derive(Debug, Clone)]
pub struct ProtobufEncoder {
    header: [u8; 5],
    columns: usize,
}

impl ProtobufEncoder {
    /// An encoder for batches of this schema, whose Protobuf schema ([`schema_text`]) is registered under this number.
    ///
    /// # Errors
    /// [`EncodeError::UnsupportedType`] names the first column whose type has no form in Protobuf.
    pub fn new(schema: &Schema, id: u32) -> Result<Self, EncodeError> {
        for field in schema.fields() {
            Type::of(field)?;
        }
        Ok(Self {
            header: header(id),
            columns: schema.fields().len(),
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
        let columns = Column::bind_all(batch, self.columns)?;
        ranges.reserve(batch.num_rows());
        all_or_nothing(arena, ranges, |arena, ranges| {
            for row in 0..batch.num_rows() {
                let start = arena.len();
                arena.extend_from_slice(&self.header);
                arena.push(0);
                for (number, column) in (1..).zip(&columns) {
                    if !column.is_null(row) {
                        push(column, row, number, arena);
                    }
                }
                ranges.push(place(start, arena.len(), u32::MAX)?);
            }
            Ok(())
        })
    }
}

/// The Protobuf schema of rows: a .proto file with one message of this name, whose fields are the columns.
///
/// # Errors
/// [`EncodeError::UnsupportedType`] names the first column whose type has no form in Protobuf.
pub fn schema_text(name: &str, schema: &Schema) -> Result<String, EncodeError> {
    let mut fields = String::new();
    let mut imports = "";
    for (number, field) in (1..).zip(schema.fields()) {
        let its_type = Type::of(field)?;
        if its_type == Type::Timestamp {
            imports = "import \"google/protobuf/timestamp.proto\";\n\n";
        }
        let optional = if field.is_nullable() { "optional " } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            fields,
            "  {optional}{} {} = {number};",
            type_of(its_type),
            field.name()
        );
    }
    Ok(format!(
        "syntax = \"proto3\";\n\n{imports}message {name} {{\n{fields}}}\n"
    ))
}

fn type_of(its: Type) -> &'static str {
    match its {
        Type::Boolean => "bool",
        Type::Int => "int32",
        Type::Long => "int64",
        Type::Float => "float",
        Type::Double => "double",
        Type::Text | Type::Decimal { .. } | Type::Date => "string",
        Type::Timestamp => "google.protobuf.Timestamp",
    }
}

/// How a value is written, in the low bits before it.
const NUMBER: u64 = 0;
const EIGHT: u64 = 1;
const SIZED: u64 = 2;
const FOUR: u64 = 5;

fn push(column: &Column<'_>, row: usize, number: u64, out: &mut Vec<u8>) {
    let tag = |wire: u64| number << 3 | wire;
    let push_number = |out: &mut Vec<u8>, value: i64| {
        push_varint(out, tag(NUMBER));
        push_varint(out, value as u64);
    };
    match &column.values {
        Values::Boolean(array) => push_number(out, array.value(row).into()),
        Values::Int8(values) => push_number(out, values[row].into()),
        Values::Int16(values) => push_number(out, values[row].into()),
        Values::Int32(values) => push_number(out, values[row].into()),
        Values::Int64(values) => push_number(out, values[row]),
        Values::UInt8(values) => push_number(out, values[row].into()),
        Values::UInt16(values) => push_number(out, values[row].into()),
        Values::UInt32(values) => push_number(out, values[row].into()),
        Values::Float32(values) => {
            push_varint(out, tag(FOUR));
            out.extend_from_slice(&values[row].to_le_bytes());
        }
        Values::Float64(values) => {
            push_varint(out, tag(EIGHT));
            out.extend_from_slice(&values[row].to_le_bytes());
        }
        Values::Text(array) => {
            let text = array.value(row).as_bytes();
            push_varint(out, tag(SIZED));
            push_varint(out, text.len() as u64);
            out.extend_from_slice(text);
        }
        Values::Decimal(values, scale) => {
            push_short(out, tag(SIZED), |out| {
                push_decimal(out, values[row], *scale)
            });
        }
        Values::Date(days) => {
            push_short(out, tag(SIZED), |out| push_date(out, i64::from(days[row])));
        }
        Values::Micros(values) => push_time(out, tag(SIZED), values[row], TimeUnit::Microsecond),
        Values::Millis(values) => push_time(out, tag(SIZED), values[row], TimeUnit::Millisecond),
        Values::Nanos(values) => push_time(out, tag(SIZED), values[row], TimeUnit::Nanosecond),
    }
}

/// Writes something of less than 128 bytes, whose size is known only then.
fn push_short(out: &mut Vec<u8>, tag: u64, write: impl FnOnce(&mut Vec<u8>)) {
    push_varint(out, tag);
    let place = out.len();
    out.push(0);
    write(out);
    let size = out.len() - place - 1;
    if let Some(place) = out.get_mut(place) {
        *place = size as u8;
    }
}

/// Writes a `google.protobuf.Timestamp`.
fn push_time(out: &mut Vec<u8>, tag: u64, time: i64, unit: TimeUnit) {
    let ticks = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let nanos = time.rem_euclid(ticks) * (1_000_000_000 / ticks);
    push_short(out, tag, |out| {
        push_varint(out, 1 << 3 | NUMBER);
        push_varint(out, time.div_euclid(ticks) as u64);
        push_varint(out, 2 << 3 | NUMBER);
        push_varint(out, nanos as u64);
    });
}
