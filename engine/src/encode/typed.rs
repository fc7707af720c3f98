//! A column of a batch for formats with types of their own, its type looked at once.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type,
};

use super::{EncodeError, unsupported};

/// A column, bound for writing.
pub(super) struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    pub(super) values: Values<'a>,
}

/// The values of a column by type.
pub(super) enum Values<'a> {
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
    Decimal(&'a [i128], i8),
    Date(&'a [i32]),
    Micros(&'a [i64]),
    Millis(&'a [i64]),
    Nanos(&'a [i64]),
}

/// What a type is for a format with types of its own; all that [`Column`] can hold is one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    /// Of at most 32 bits, with a sign.
    Int,
    /// Of at most 64 bits, with a sign.
    Long,
    Float,
    Double,
    Text,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Date,
    Timestamp,
}

impl Type {
    /// The type of a column.
    ///
    /// # Errors
    /// [`EncodeError::UnsupportedType`].
    pub(super) fn of(field: &Field) -> Result<Self, EncodeError> {
        Ok(match field.data_type() {
            DataType::Boolean => Self::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16 => Self::Int,
            DataType::Int64 | DataType::UInt32 => Self::Long,
            DataType::Float32 => Self::Float,
            DataType::Float64 => Self::Double,
            DataType::Utf8 => Self::Text,
            DataType::Decimal128(precision, scale) if *scale >= 0 => Self::Decimal {
                precision: *precision,
                scale: *scale,
            },
            DataType::Date32 => Self::Date,
            DataType::Timestamp(unit, _) if *unit != TimeUnit::Second => Self::Timestamp,
            _ => return Err(unsupported(field)),
        })
    }
}

impl<'a> Column<'a> {
    /// Binds all columns of a batch that was promised to have so many.
    pub(super) fn bind_all(
        batch: &'a RecordBatch,
        expected: usize,
    ) -> Result<Vec<Self>, EncodeError> {
        let found = batch.num_columns();
        if expected != found {
            return Err(EncodeError::OtherColumns { expected, found });
        }
        let columns = batch.columns().iter().zip(batch.schema_ref().fields());
        let columns = columns.map(|(array, field)| {
            let array = array.as_ref();
            let values = Values::bind(array).ok_or_else(|| unsupported(field))?;
            let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
            Ok(Self { nulls, values })
        });
        columns.collect()
    }

    /// Whether the value of a row is null.
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
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
            DataType::Decimal128(_, scale) => {
                Self::Decimal(array.as_primitive_opt::<Decimal128Type>()?.values(), *scale)
            }
            DataType::Date32 => Self::Date(array.as_primitive_opt::<Date32Type>()?.values()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let array = array.as_primitive_opt::<TimestampMicrosecondType>()?;
                Self::Micros(array.values())
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                let array = array.as_primitive_opt::<TimestampMillisecondType>()?;
                Self::Millis(array.values())
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let array = array.as_primitive_opt::<TimestampNanosecondType>()?;
                Self::Nanos(array.values())
            }
            _ => return None,
        })
    }
}
