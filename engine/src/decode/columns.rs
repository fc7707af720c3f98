//! Column builders: values go straight into what becomes an Arrow array.

use std::mem;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, BooleanBufferBuilder, Decimal128Array,
    NullBufferBuilder, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::convert::{self, Misfit, Value};
use super::datum::Datum;
use super::scan::Kind;

/// A column that grows value by value.
pub(super) struct Builder {
    values: Values,
    nulls: NullBufferBuilder,
}

enum Values {
    Text(Texts),
    Boolean(BooleanBufferBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float64(Vec<f64>),
    Decimal {
        units: Vec<i128>,
        precision: u8,
        scale: u8,
    },
    Date(Vec<i32>),
    Timestamp(Vec<i64>),
}

/// Strings one after the other.
struct Texts {
    bytes: Vec<u8>,
    /// Where the first begins, and where each ends.
    offsets: Vec<i32>,
}

impl Builder {
    /// A builder of this type; `None` where it is not one that can be decoded.
    pub(super) fn new(data_type: &DataType) -> Option<Self> {
        let values = match data_type {
            DataType::Utf8 => Values::Text(Texts::new()),
            DataType::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            DataType::Int32 => Values::Int32(Vec::new()),
            DataType::Int64 => Values::Int64(Vec::new()),
            DataType::Float64 => Values::Float64(Vec::new()),
            DataType::Decimal128(precision, scale) => Values::Decimal {
                units: Vec::new(),
                precision: *precision,
                scale: u8::try_from(*scale).ok().filter(|s| s <= precision)?,
            },
            DataType::Date32 => Values::Date(Vec::new()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Values::Timestamp(Vec::new()),
            _ => return None,
        };
        Some(Self {
            values,
            nulls: NullBufferBuilder::new(0),
        })
    }

    /// The type as a user writes it.
    pub(super) fn type_name(&self) -> String {
        let name = match &self.values {
            Values::Text(_) => "String",
            Values::Boolean(_) => "Boolean",
            Values::Int32(_) => "Int32",
            Values::Int64(_) => "Int64",
            Values::Float64(_) => "Float64",
            Values::Decimal {
                precision, scale, ..
            } => return format!("Decimal({precision},{scale})"),
            Values::Date(_) => "Date",
            Values::Timestamp(_) => "Timestamp",
        };
        name.to_owned()
    }

    /// Makes room for so many more rows.
    pub(super) fn reserve(&mut self, rows: usize) {
        match &mut self.values {
            Values::Text(texts) => texts.offsets.reserve(rows),
            Values::Boolean(values) => values.reserve(rows),
            Values::Int32(values) | Values::Date(values) => values.reserve(rows),
            Values::Int64(values) | Values::Timestamp(values) => values.reserve(rows),
            Values::Float64(values) => values.reserve(rows),
            Values::Decimal { units, .. } => units.reserve(rows),
        }
    }

    /// Adds a row, if the value can be read as the column's type.
    #[inline]
    pub(super) fn push(&mut self, value: Value<'_>) -> Result<(), Misfit> {
        match &mut self.values {
            Values::Text(texts) => texts.push(convert::text(value)?),
            Values::Boolean(values) => values.append(convert::boolean(value)?),
            Values::Int32(values) => values.push(convert::int32(value)?),
            Values::Int64(values) => values.push(convert::int64(value)?),
            Values::Float64(values) => values.push(convert::float64(value)?),
            Values::Decimal {
                units,
                precision,
                scale,
            } => units.push(convert::decimal(value, *precision, *scale)?),
            Values::Date(values) => values.push(convert::date(value)?),
            Values::Timestamp(values) => values.push(convert::timestamp(value)?),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// The same, where a number for a Date counts days since the epoch.
    pub(super) fn push_counting_days(&mut self, value: Value<'_>) -> Result<(), Misfit> {
        match &mut self.values {
            Values::Date(values) if value.kind == Kind::Number => {
                values.push(convert::int32(value)?);
                self.nulls.append_non_null();
                Ok(())
            }
            _ => self.push(value),
        }
    }

    /// Adds a row, if the value can be read as the column's type.
    #[inline]
    pub(super) fn push_datum(
        &mut self,
        datum: Datum<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<(), Misfit> {
        match (&mut self.values, datum) {
            (Values::Boolean(values), Datum::Boolean(value)) => values.append(value),
            (Values::Int32(values), Datum::Int(value)) => {
                values.push(i32::try_from(value).map_err(|_| Misfit::TOO_LARGE)?);
            }
            (Values::Int64(values), Datum::Int(value) | Datum::Timestamp(value, _)) => {
                values.push(value);
            }
            (Values::Float64(values), Datum::Double(value)) => values.push(value),
            (Values::Date(values), Datum::Date(days)) => {
                values.push(i32::try_from(days).map_err(|_| Misfit::TOO_LARGE)?);
            }
            (Values::Timestamp(values), Datum::Timestamp(time, unit)) => {
                values.push(convert::micros(time, unit)?);
            }
            (
                Values::Decimal {
                    units,
                    precision,
                    scale,
                },
                Datum::Decimal(Some(unscaled), its),
            ) if its == *scale => units.push(convert::within(unscaled, *precision)?),
            // Bytes are text, but never the digits of a number.
            (Values::Text(_), Datum::Bytes(_)) => return self.push(datum.text(scratch)?),
            (_, Datum::Bytes(_)) => return Err(Misfit::WRONG_TYPE),
            _ => return self.push(datum.text(scratch)?),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// Adds a row without a value.
    pub(super) fn push_null(&mut self) {
        match &mut self.values {
            Values::Text(texts) => texts.push(&[]),
            Values::Boolean(values) => values.append(false),
            Values::Int32(values) | Values::Date(values) => values.push(0),
            Values::Int64(values) | Values::Timestamp(values) => values.push(0),
            Values::Float64(values) => values.push(0.0),
            Values::Decimal { units, .. } => units.push(0),
        }
        self.nulls.append_null();
    }

    /// Takes back all rows but the first so many.
    pub(super) fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Text(texts) => texts.truncate(rows),
            Values::Boolean(values) => values.truncate(rows),
            Values::Int32(values) | Values::Date(values) => values.truncate(rows),
            Values::Int64(values) | Values::Timestamp(values) => values.truncate(rows),
            Values::Float64(values) => values.truncate(rows),
            Values::Decimal { units, .. } => units.truncate(rows),
        }
        self.nulls.truncate(rows);
    }

    /// The rows as an array; the builder is empty then.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = mem::replace(&mut self.nulls, NullBufferBuilder::new(0)).build();
        match &mut self.values {
            Values::Text(texts) => texts.finish(nulls),
            // Values and nulls are always equally long.
            Values::Boolean(values) => Ok(Arc::new(BooleanArray::new(values.finish(), nulls))),
            Values::Int32(values) => primitive::<Int32Type>(values, nulls),
            Values::Int64(values) => primitive::<Int64Type>(values, nulls),
            Values::Float64(values) => primitive::<Float64Type>(values, nulls),
            Values::Decimal {
                units,
                precision,
                scale,
            } => {
                let units = ScalarBuffer::from(mem::take(units));
                let array = Decimal128Array::try_new(units, nulls)?;
                let array = array.with_precision_and_scale(*precision, *scale as i8)?;
                Ok(Arc::new(array))
            }
            Values::Date(values) => primitive::<Date32Type>(values, nulls),
            Values::Timestamp(values) => primitive::<TimestampMicrosecondType>(values, nulls),
        }
    }
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let values = ScalarBuffer::from(mem::take(values));
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values, nulls)?))
}

impl Texts {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            offsets: vec![0],
        }
    }

    /// The decoder takes no more text at once than an `i32` can count.
    #[inline]
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.offsets.push(self.bytes.len() as i32);
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        let end = self.offsets.last().copied().unwrap_or_default();
        self.bytes.truncate(end as usize);
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let Self { bytes, offsets } = mem::replace(self, Self::new());
        self.bytes.reserve(bytes.len()); // The next batch is likely to be like this one.
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let array = StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?;
        Ok(Arc::new(array))
    }
}
