//! Single values of columns: what frames remember of rows, and what their functions give.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray,
    StringArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};

use crate::error::{EngineError, Result};
use crate::wire::{Malformed, Reader, Writer};

/// A value; those of one column compare as the column's do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    /// Of a type of fixed size: a number as it is, a float by its place among floats.
    Fixed(i128),
    Text(Box<str>),
}

const NULL: u8 = 0;
const SHORT: u8 = 1;
const LONG: u8 = 2;
const TEXT: u8 = 3;

impl Value {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(super) fn float(float: f64) -> Self {
        let float = if float.is_nan() { f64::NAN } else { float };
        Self::Fixed(i128::from(place_of(float.to_bits() as i64)))
    }

    /// The float that the value is, of a column of floats.
    pub(super) fn as_float(&self) -> Option<f64> {
        match self {
            Self::Fixed(place) => Some(f64::from_bits(place_of(*place as i64) as u64)),
            _ => None,
        }
    }

    /// Roughly how many bytes of memory it holds besides itself.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 8,
            Self::Null | Self::Fixed(_) => 0,
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Null => writer.byte(NULL),
            Self::Fixed(fixed) => match i64::try_from(*fixed) {
                Ok(short) => {
                    writer.byte(SHORT);
                    writer.signed(short);
                }
                Err(_) => {
                    writer.byte(LONG);
                    writer.fixed(*fixed as u64);
                    writer.fixed((*fixed >> 64) as u64);
                }
            },
            Self::Text(text) => {
                writer.byte(TEXT);
                writer.bytes(text.as_bytes());
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match reader.byte()? {
            NULL => Self::Null,
            SHORT => Self::Fixed(i128::from(reader.signed()?)),
            LONG => {
                let low = u128::from(reader.fixed()?);
                Self::Fixed((low | (u128::from(reader.fixed()?) << 64)) as i128)
            }
            TEXT => {
                let text = std::str::from_utf8(reader.bytes()?);
                Self::Text(
                    text.map_err(|_| "it holds a text that is not UTF-8")?
                        .into(),
                )
            }
            _ => return Err("it holds a value of an unknown kind"),
        })
    }
}

/// A float's bits to its place among all floats, and back.
fn place_of(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The values of a column.
pub(super) fn values(column: &ArrayRef) -> Result<Vec<Value>> {
    Ok(match column.data_type() {
        DataType::Int32 => fixed::<Int32Type>(column, i128::from),
        DataType::Int64 => fixed::<Int64Type>(column, i128::from),
        DataType::Date32 => fixed::<Date32Type>(column, i128::from),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            fixed::<TimestampMicrosecondType>(column, i128::from)
        }
        DataType::Decimal128(..) => fixed::<Decimal128Type>(column, |v| v),
        DataType::Float64 => {
            let floats = column.as_primitive::<Float64Type>().iter();
            floats
                .map(|v| v.map_or(Value::Null, Value::float))
                .collect()
        }
        DataType::Boolean => {
            let truths = column.as_boolean().iter();
            let value = |v: Option<bool>| v.map_or(Value::Null, |v| Value::Fixed(i128::from(v)));
            truths.map(value).collect()
        }
        DataType::Utf8 => {
            let texts = column.as_string::<i32>().iter();
            let value = |v: Option<&str>| v.map_or(Value::Null, |v| Value::Text(v.into()));
            texts.map(value).collect()
        }
        other => return Err(unknown(other)),
    })
}

fn fixed<T: ArrowPrimitiveType>(column: &ArrayRef, as_i128: fn(T::Native) -> i128) -> Vec<Value> {
    let column = column.as_primitive::<T>().iter();
    let value = |v: Option<T::Native>| v.map_or(Value::Null, |v| Value::Fixed(as_i128(v)));
    column.map(value).collect()
}

/// Values as a column of a type.
pub(super) fn column<'v>(
    values: impl Iterator<Item = &'v Value>,
    data_type: &DataType,
) -> Result<ArrayRef> {
    Ok(match data_type {
        DataType::Int32 => primitive::<Int32Type>(values, |v| i32::try_from(v).ok()),
        DataType::Int64 => primitive::<Int64Type>(values, |v| i64::try_from(v).ok()),
        DataType::Date32 => primitive::<Date32Type>(values, |v| i32::try_from(v).ok()),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            primitive::<TimestampMicrosecondType>(values, |v| i64::try_from(v).ok())
        }
        DataType::Decimal128(precision, scale) => {
            let decimals: Decimal128Array = values.map(number).collect();
            Arc::new(decimals.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Float64 => {
            let floats: PrimitiveArray<Float64Type> = values.map(Value::as_float).collect();
            Arc::new(floats)
        }
        DataType::Boolean => {
            let truths: BooleanArray = values.map(|v| number(v).map(|v| v != 0)).collect();
            Arc::new(truths)
        }
        DataType::Utf8 => {
            let texts: StringArray = values
                .map(|v| match v {
                    Value::Text(text) => Some(text.as_ref()),
                    _ => None,
                })
                .collect();
            Arc::new(texts)
        }
        other => return Err(unknown(other)),
    })
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Fixed(fixed) => Some(*fixed),
        _ => None,
    }
}

fn primitive<'v, T: ArrowPrimitiveType>(
    values: impl Iterator<Item = &'v Value>,
    narrow: fn(i128) -> Option<T::Native>,
) -> ArrayRef {
    let values = values.map(|v| number(v).and_then(narrow));
    Arc::new(values.collect::<PrimitiveArray<T>>())
}

fn unknown(data_type: &DataType) -> EngineError {
    EngineError::Plan(format!("a frame has values of type {data_type}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{Date32Array, Float64Array, Int64Array};

    use super::*;

    fn columns() -> Vec<ArrayRef> {
        vec![
            Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(7)])),
            Arc::new(Float64Array::from(vec![-1.5, f64::INFINITY, -0.0])),
            Arc::new(Date32Array::from(vec![Some(-3), Some(0), None])),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
            Arc::new(StringArray::from(vec![Some(""), Some("ä"), None])),
            Arc::new(
                Decimal128Array::from(vec![Some(i128::from(i64::MAX) * 1000), None, Some(-1)])
                    .with_precision_and_scale(38, 2)
                    .unwrap(),
            ),
        ]
    }

    #[test]
    fn values_come_back_from_columns_and_from_bytes() {
        for array in columns() {
            let all = values(&array).unwrap();
            assert_eq!(&column(all.iter(), array.data_type()).unwrap(), &array);
            let mut writer = Writer::default();
            all.iter().for_each(|v| v.write(&mut writer));
            let bytes = writer.unsealed();
            let mut reader = Reader::unsealed(&bytes);
            let back = all.iter().map(|_| Value::read(&mut reader).unwrap());
            assert_eq!(back.collect::<Vec<_>>(), all);
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn floats_compare_as_floats() {
        let floats = [
            f64::NEG_INFINITY,
            -2.0,
            -1.0,
            0.0,
            1e-300,
            3.0,
            f64::INFINITY,
            f64::NAN,
        ];
        let values: Vec<Value> = floats.into_iter().map(Value::float).collect();
        assert!(values.is_sorted());
        assert_eq!(Value::float(-f64::NAN), Value::float(f64::NAN), "one NaN");
    }
}
