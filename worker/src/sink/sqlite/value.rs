//! How Arrow's values become SQLite's.
//!
//! - `Decimal`: a number that sorts, compares and sums where SQLite keeps all digits (15 of them), else its text. So
//!   every digit is kept. In a column of type TEXT always its text.
//! - `Timestamp`: `2026-11-20 10:00:00`, with `.123` or `.123456` where there are fractions; UTC; what SQLite's own date
//!   functions read and write, and in the order of time when sorted as text. `Date`: `2026-11-20`.
//! - `Boolean`: 0 and 1. `NaN`: null, for SQLite has none.

use std::borrow::Cow;

use arrow::array::{
    Array, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};

/// The type of a new column; `None` for what cannot be stored.
pub(super) fn column_type(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Utf8 | DataType::Date32 => "TEXT",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TEXT",
        DataType::Boolean | DataType::Int32 | DataType::Int64 => "INTEGER",
        DataType::Float64 => "REAL",
        // The type under which a strict table keeps numbers as numbers and text as text.
        DataType::Decimal128(_, _) => "ANY",
        _ => return None,
    })
}

/// What SQLite makes of values that are put into a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    Text,
    Integer,
    Real,
    Numeric,
    /// It leaves them as they are.
    None,
}

impl Affinity {
    /// That of a declared type, by SQLite's own rules; `ANY` is as it is in a strict table.
    pub(super) fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        match declared.as_str() {
            "ANY" if strict => Self::None,
            _ if has("INT") => Self::Integer,
            _ if has("CHAR") || has("CLOB") || has("TEXT") => Self::Text,
            _ if has("BLOB") || declared.is_empty() => Self::None,
            _ if has("REAL") || has("FLOA") || has("DOUB") => Self::Real,
            _ => Self::Numeric,
        }
    }

    /// Whether a column of this affinity keeps all values of the type as they are.
    pub(super) fn keeps(self, data_type: &DataType, strict: bool) -> bool {
        match data_type {
            DataType::Utf8 => matches!(self, Self::Text | Self::None),
            DataType::Boolean | DataType::Int32 | DataType::Int64 => {
                matches!(self, Self::Integer | Self::Numeric | Self::None)
            }
            DataType::Float64 => matches!(self, Self::Real | Self::Numeric | Self::None),
            DataType::Decimal128(precision, _) => match self {
                Self::Text | Self::None => true,
                Self::Numeric | Self::Real => *precision <= DIGITS,
                Self::Integer => false,
            },
            // Text that does not look like a number is left alone.
            _ => matches!(self, Self::Text | Self::None) || (self == Self::Numeric && !strict),
        }
    }
}

/// A value as SQLite stores it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(Cow<'a, str>),
}

/// How many decimal digits a REAL keeps.
const DIGITS: u8 = 15;

/// A column of a batch.
pub(super) enum Values<'a> {
    Text(&'a StringArray),
    Boolean(&'a BooleanArray),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float64(&'a Float64Array),
    Decimal(&'a Decimal128Array, Affinity),
    Timestamp(&'a TimestampMicrosecondArray),
    Date(&'a Date32Array),
}

impl<'a> Values<'a> {
    /// The values of a batch's column for a column of the table; `None` if they are not of a type that can be stored.
    pub(super) fn of(batch: &'a RecordBatch, column: usize, affinity: Affinity) -> Option<Self> {
        let array = batch.columns().get(column)?;
        Some(match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string_opt()?),
            DataType::Boolean => Self::Boolean(array.as_boolean_opt()?),
            DataType::Int32 => Self::Int32(array.as_primitive_opt::<Int32Type>()?),
            DataType::Int64 => Self::Int64(array.as_primitive_opt::<Int64Type>()?),
            DataType::Float64 => Self::Float64(array.as_primitive_opt::<Float64Type>()?),
            DataType::Decimal128(_, _) => {
                Self::Decimal(array.as_primitive_opt::<Decimal128Type>()?, affinity)
            }
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Self::Timestamp(array.as_primitive_opt::<TimestampMicrosecondType>()?)
            }
            DataType::Date32 => Self::Date(array.as_primitive_opt::<Date32Type>()?),
            _ => return None,
        })
    }

    /// The value of a row.
    pub(super) fn get(&self, row: usize) -> Cell<'a> {
        if self.is_null(row) {
            return Cell::Null;
        }
        match self {
            Self::Text(a) => Cell::Text(a.value(row).into()),
            Self::Boolean(a) => Cell::Int(a.value(row).into()),
            Self::Int32(a) => Cell::Int(a.value(row).into()),
            Self::Int64(a) => Cell::Int(a.value(row)),
            Self::Float64(a) => Cell::Real(a.value(row)),
            Self::Decimal(a, affinity) => decimal(a, row, *affinity),
            Self::Timestamp(a) => timestamp(a, row),
            Self::Date(a) => match a.value_as_date(row) {
                Some(date) => text(date.to_string()),
                None => text(a.value(row).to_string()),
            },
        }
    }

    fn is_null(&self, row: usize) -> bool {
        let array: &dyn Array = match self {
            Self::Text(a) => a,
            Self::Boolean(a) => a,
            Self::Int32(a) => a,
            Self::Int64(a) => a,
            Self::Float64(a) => a,
            Self::Decimal(a, _) => a,
            Self::Timestamp(a) => a,
            Self::Date(a) => a,
        };
        row >= array.len() || array.is_null(row)
    }
}

fn text(text: String) -> Cell<'static> {
    Cell::Text(text.into())
}

fn decimal(array: &Decimal128Array, row: usize, affinity: Affinity) -> Cell<'static> {
    let (value, scale) = (array.value(row), array.scale());
    if affinity != Affinity::Text && value.unsigned_abs() < 10_u128.pow(DIGITS.into()) {
        if scale == 0 {
            return Cell::Int(value as i64);
        }
        // Both numbers are exact, so their quotient is the double nearest to the decimal.
        if (1..=22).contains(&scale) {
            return Cell::Real(value as f64 / 10_f64.powi(scale.into()));
        }
    }
    text(array.value_as_string(row))
}

fn timestamp(array: &TimestampMicrosecondArray, row: usize) -> Cell<'static> {
    match array.value_as_datetime(row) {
        Some(time) => text(time.format("%Y-%m-%d %H:%M:%S%.f").to_string()),
        None => text(array.value(row).to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn decimals(values: Vec<i128>, precision: u8, scale: i8) -> Decimal128Array {
        let array = Decimal128Array::from(values);
        array.with_precision_and_scale(precision, scale).unwrap()
    }

    #[test]
    fn decimals_keep_every_digit() {
        let array = decimals(
            vec![
                0,
                1,
                -1,
                10_050,
                999_999_999_999_999,
                1_000_000_000_000_000,
                i128::from(i64::MAX),
            ],
            38,
            2,
        );
        for row in 0..array.len() {
            match decimal(&array, row, Affinity::None) {
                Cell::Real(d) => {
                    assert_eq!(format!("{d:.2}"), array.value_as_string(row));
                    assert!(row < 5);
                }
                Cell::Text(t) => {
                    assert_eq!(t, array.value_as_string(row));
                    assert!(row >= 5);
                }
                other => panic!("{other:?}"),
            }
        }
        let Cell::Text(t) = decimal(&array, 3, Affinity::Text) else {
            panic!("not text");
        };
        assert_eq!(t, "100.50");
        let whole = decimals(vec![7], 10, 0);
        let whole = decimal(&whole, 0, Affinity::None);
        assert!(matches!(whole, Cell::Int(7)));
    }

    #[test]
    fn times_sort_as_text() {
        let array = TimestampMicrosecondArray::from(vec![
            -1,
            0,
            1,
            1_000,
            999_999,
            1_000_000,
            1_763_632_800_123_456,
        ]);
        let texts: Vec<_> = (0..array.len())
            .map(|row| match timestamp(&array, row) {
                Cell::Text(t) => t.into_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[1], "1970-01-01 00:00:00");
        assert_eq!(texts[3], "1970-01-01 00:00:00.001");
        assert_eq!(texts[6], "2025-11-20 10:00:00.123456");
    }

    #[test]
    fn affinities_are_those_of_sqlite() {
        use Affinity::{Integer, None, Numeric, Real, Text};
        for (declared, affinity) in [
            ("INTEGER", Integer),
            ("bigint", Integer),
            ("varchar(10)", Text),
            ("", None),
            ("BLOB", None),
            ("double precision", Real),
            ("numeric(18,2)", Numeric),
            ("DATETIME", Numeric),
            ("ANY", Numeric),
        ] {
            assert_eq!(Affinity::of(declared, false), affinity, "{declared}");
        }
        assert_eq!(Affinity::of("ANY", true), None);
    }
}
