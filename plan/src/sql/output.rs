//! The types that a stream's columns may have: those that sinks can hold.

use arrow::datatypes::{DataType, TimeUnit};

/// The type in which a value of this type is handed on; `None` if there is none.
pub(crate) fn storable(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Null | DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => {
            DataType::Utf8
        }
        DataType::Boolean => DataType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            DataType::Int32
        }
        DataType::Int64 | DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            DataType::Decimal128(*p, *s)
        }
        DataType::Decimal256(p, s) if *p <= 38 => DataType::Decimal128(*p, *s),
        DataType::Date32 => DataType::Date32,
        DataType::Timestamp(..) | DataType::Date64 => {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        }
        DataType::Dictionary(_, value) => storable(value)?,
        _ => return None,
    })
}

/// How to write a column whose type no sink can hold.
pub(crate) fn hint(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "write encode(…, 'hex')",
        DataType::Interval(_) | DataType::Duration(_) => {
            "write EXTRACT(EPOCH FROM …) for the seconds"
        }
        DataType::Decimal256(..) => "CAST it to DECIMAL(38, s)",
        _ => "CAST it to VARCHAR",
    }
}

/// The type's name, for a person.
pub(crate) fn name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "binary",
        DataType::Interval(_) | DataType::Duration(_) => "an interval",
        DataType::Time32(_) | DataType::Time64(_) => "a time of day",
        DataType::Struct(_) => "a struct",
        DataType::Map(..) => "a map",
        DataType::Decimal256(..) => "a decimal of more than 38 digits",
        _ => "a list",
    }
}
