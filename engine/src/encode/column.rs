//! A column of a batch, its type looked at once, to be written row by row.

use std::borrow::Cow;

use arrow::array::{
    Array, ArrayAccessor, ArrowPrimitiveType, AsArray, BooleanArray, LargeStringArray, StringArray,
    StringViewArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Fields,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};

use super::number::{push_decimal, push_decimal256, push_float, push_integer};
use super::text::{is_plain, push_escaped, push_plain};
use super::time::{push_date, push_millis, push_rfc3339};
use super::{JsonOptions, Timestamps};

/// A column, bound for writing.
pub(super) struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

/// The values of a column by type.
enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal32(&'a [i32], i8),
    Decimal64(&'a [i64], i8),
    Decimal128(&'a [i128], i8),
    Decimal256(&'a [i256], i8),
    Text(Text<&'a StringArray>),
    LargeText(Text<&'a LargeStringArray>),
    TextView(&'a StringViewArray),
    Json(&'a StringArray),
    Date(&'a [i32]),
    Time(&'a [i64], TimeUnit, Timestamps),
    List(&'a OffsetBuffer<i32>, Box<Column<'a>>),
    LargeList(&'a OffsetBuffer<i64>, Box<Column<'a>>),
    Struct(Object<'a>),
}

/// Strings, and whether none of them needs an escape.
struct Text<A> {
    array: A,
    plain: bool,
}

impl<'a> Column<'a> {
    /// Binds a column; `None` where JSON has no form for its type. That depends on the type alone, so an empty column
    /// tells whether a full one can be written.
    pub(super) fn bind(array: &'a dyn Array, options: JsonOptions) -> Option<Self> {
        let values = Values::bind(array, options)?;
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Some(Self { nulls, values })
    }

    /// Binds a column whose texts are JSON: they are written as they are.
    pub(super) fn bind_json(array: &'a dyn Array) -> Option<Self> {
        Some(Self {
            nulls: array.nulls().filter(|nulls| nulls.null_count() > 0),
            values: Values::Json(array.as_string_opt()?),
        })
    }

    /// Whether the value of a row is null.
    pub(super) fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Whether it holds floating-point numbers, of which some have no text.
    pub(super) fn is_float(&self) -> bool {
        matches!(self.values, Values::Float32(_) | Values::Float64(_))
    }

    /// Writes the value of a row as JSON.
    pub(super) fn push_json(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
        } else {
            self.values.push_json(row, out);
        }
    }

    /// Writes the value of a row, which is not null, as bare text: what JSON would quote is neither quoted nor escaped.
    pub(super) fn push_bare(&self, row: usize, out: &mut Vec<u8>) {
        match &self.values {
            Values::Text(text) => out.extend_from_slice(text.array.value(row).as_bytes()),
            Values::LargeText(text) => out.extend_from_slice(text.array.value(row).as_bytes()),
            Values::TextView(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Values::Date(days) => push_date(out, i64::from(days[row])),
            Values::Time(values, unit, Timestamps::Rfc3339) => {
                push_rfc3339(out, values[row], *unit)
            }
            other => other.push_json(row, out),
        }
    }
}

impl<'a> Values<'a> {
    fn bind(array: &'a dyn Array, options: JsonOptions) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array.as_boolean_opt()?),
            DataType::Int8 => Self::Int8(natives::<Int8Type>(array)?),
            DataType::Int16 => Self::Int16(natives::<Int16Type>(array)?),
            DataType::Int32 => Self::Int32(natives::<Int32Type>(array)?),
            DataType::Int64 => Self::Int64(natives::<Int64Type>(array)?),
            DataType::UInt8 => Self::UInt8(natives::<UInt8Type>(array)?),
            DataType::UInt16 => Self::UInt16(natives::<UInt16Type>(array)?),
            DataType::UInt32 => Self::UInt32(natives::<UInt32Type>(array)?),
            DataType::UInt64 => Self::UInt64(natives::<UInt64Type>(array)?),
            DataType::Float32 => Self::Float32(natives::<Float32Type>(array)?),
            DataType::Float64 => Self::Float64(natives::<Float64Type>(array)?),
            DataType::Decimal32(_, scale) => {
                Self::Decimal32(natives::<Decimal32Type>(array)?, *scale)
            }
            DataType::Decimal64(_, scale) => {
                Self::Decimal64(natives::<Decimal64Type>(array)?, *scale)
            }
            DataType::Decimal128(_, scale) => {
                Self::Decimal128(natives::<Decimal128Type>(array)?, *scale)
            }
            DataType::Decimal256(_, scale) => {
                Self::Decimal256(natives::<Decimal256Type>(array)?, *scale)
            }
            DataType::Utf8 => {
                let array = array.as_string_opt::<i32>()?;
                let used = used(array.offsets(), array.value_data());
                Self::Text(Text {
                    array,
                    plain: is_plain(used),
                })
            }
            DataType::LargeUtf8 => {
                let array = array.as_string_opt::<i64>()?;
                let used = used(array.offsets(), array.value_data());
                Self::LargeText(Text {
                    array,
                    plain: is_plain(used),
                })
            }
            DataType::Utf8View => Self::TextView(array.as_string_view_opt()?),
            DataType::Date32 => Self::Date(natives::<Date32Type>(array)?),
            DataType::Timestamp(unit, _) => {
                let values = match unit {
                    TimeUnit::Second => natives::<TimestampSecondType>(array)?,
                    TimeUnit::Millisecond => natives::<TimestampMillisecondType>(array)?,
                    TimeUnit::Microsecond => natives::<TimestampMicrosecondType>(array)?,
                    TimeUnit::Nanosecond => natives::<TimestampNanosecondType>(array)?,
                };
                Self::Time(values, *unit, options.timestamps)
            }
            DataType::List(_) => {
                let list = array.as_list_opt::<i32>()?;
                Self::List(
                    list.offsets(),
                    Box::new(Column::bind(list.values().as_ref(), options)?),
                )
            }
            DataType::LargeList(_) => {
                let list = array.as_list_opt::<i64>()?;
                Self::LargeList(
                    list.offsets(),
                    Box::new(Column::bind(list.values().as_ref(), options)?),
                )
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct_opt()?.columns().iter();
                let columns = columns
                    .map(|column| Column::bind(column.as_ref(), options))
                    .collect::<Option<_>>()?;
                Self::Struct(Object {
                    names: Cow::Owned(names(fields)),
                    columns,
                })
            }
            _ => return None,
        })
    }

    fn push_json(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Boolean(array) => {
                out.extend_from_slice(if array.value(row) { b"true" } else { b"false" })
            }
            Self::Int8(values) => push_integer(out, values[row]),
            Self::Int16(values) => push_integer(out, values[row]),
            Self::Int32(values) => push_integer(out, values[row]),
            Self::Int64(values) => push_integer(out, values[row]),
            Self::UInt8(values) => push_integer(out, values[row]),
            Self::UInt16(values) => push_integer(out, values[row]),
            Self::UInt32(values) => push_integer(out, values[row]),
            Self::UInt64(values) => push_integer(out, values[row]),
            Self::Float32(values) => push_float(out, values[row]),
            Self::Float64(values) => push_float(out, values[row]),
            Self::Decimal32(values, scale) => push_decimal(out, i128::from(values[row]), *scale),
            Self::Decimal64(values, scale) => push_decimal(out, i128::from(values[row]), *scale),
            Self::Decimal128(values, scale) => push_decimal(out, values[row], *scale),
            Self::Decimal256(values, scale) => push_decimal256(out, values[row], *scale),
            Self::Text(text) => text.push_json(row, out),
            Self::LargeText(text) => text.push_json(row, out),
            Self::TextView(array) => push_escaped(out, array.value(row)),
            Self::Json(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Date(days) => quoted(out, |out| push_date(out, i64::from(days[row]))),
            Self::Time(values, unit, Timestamps::Rfc3339) => {
                quoted(out, |out| push_rfc3339(out, values[row], *unit))
            }
            Self::Time(values, unit, Timestamps::EpochMillis) => {
                push_millis(out, values[row], *unit)
            }
            Self::List(offsets, items) => {
                push_list(out, items, offsets[row] as usize, offsets[row + 1] as usize)
            }
            Self::LargeList(offsets, items) => {
                push_list(out, items, offsets[row] as usize, offsets[row + 1] as usize)
            }
            Self::Struct(object) => object.push_json(row, out),
        }
    }
}

impl<'a, A: ArrayAccessor<Item = &'a str> + Copy> Text<A> {
    fn push_json(&self, row: usize, out: &mut Vec<u8>) {
        let text = self.array.value(row);
        if self.plain {
            push_plain(out, text)
        } else {
            push_escaped(out, text)
        }
    }
}

/// Columns that are written together as an object.
pub(super) struct Object<'a> {
    /// What stands before each value.
    pub(super) names: Cow<'a, [Box<[u8]>]>,
    /// The values.
    pub(super) columns: Vec<Column<'a>>,
}

impl Object<'_> {
    /// Writes one row.
    pub(super) fn push_json(&self, row: usize, out: &mut Vec<u8>) {
        if self.columns.is_empty() {
            out.push(b'{');
        }
        for (name, column) in self.names.iter().zip(&self.columns) {
            out.extend_from_slice(name);
            column.push_json(row, out);
        }
        out.push(b'}');
    }
}

/// What stands before each value of an object: the brace or comma, the name, escaped, and the colon.
pub(super) fn names(fields: &Fields) -> Vec<Box<[u8]>> {
    let name = |(i, field): (usize, &std::sync::Arc<arrow::datatypes::Field>)| {
        let mut name = vec![if i == 0 { b'{' } else { b',' }];
        push_escaped(&mut name, field.name());
        name.push(b':');
        name.into_boxed_slice()
    };
    fields.iter().enumerate().map(name).collect()
}

fn natives<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<&[T::Native]> {
    array
        .as_primitive_opt::<T>()
        .map(|array| array.values().as_ref())
}

/// The bytes that the strings of a column lie in; a slice of a longer column does not use all there are.
fn used<'a, O: arrow::array::OffsetSizeTrait>(
    offsets: &OffsetBuffer<O>,
    bytes: &'a [u8],
) -> &'a [u8] {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => bytes
            .get(first.as_usize()..last.as_usize())
            .unwrap_or(bytes),
        _ => bytes,
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn push_list(out: &mut Vec<u8>, items: &Column<'_>, from: usize, to: usize) {
    out.push(b'[');
    for row in from..to {
        if row > from {
            out.push(b',');
        }
        items.push_json(row, out);
    }
    out.push(b']');
}
