//! Values that have types of their own, as binary formats write them, and what a column's type makes of them.
//!
//! Where the types are the same the value is taken as it is; all else is read as its text would be in JSON.

use arrow::datatypes::TimeUnit;

use super::convert::{Misfit, Value};
use super::fault::{ColumnLabel, Fault, found_text};
use super::scan::Kind;
use super::table::{ColumnReader, Table};
use crate::encode::{push_date, push_decimal, push_float, push_integer, push_rfc3339};
use crate::record::Reason;

/// What a record has in the place of a wanted column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Datum<'a> {
    /// Nothing.
    Absent,
    Null,
    Boolean(bool),
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    /// What its format says is text; it may not be UTF-8 all the same.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// `unscaled / 10^scale`; `None` where it has more than 38 digits.
    Decimal(Option<i128>, u8),
    /// Days since the epoch.
    Date(i64),
    /// Since the epoch.
    Timestamp(i64, TimeUnit),
    /// A value of another kind, in the words of a message.
    Other(&'static str),
    /// Something that is no record, in the place of a record around the column.
    Blocked,
}

impl Datum<'_> {
    /// The value as the text that JSON would have for it.
    pub(super) fn text<'s>(&'s self, scratch: &'s mut Vec<u8>) -> Result<Value<'s>, Misfit> {
        scratch.clear();
        let kind = match *self {
            Self::Boolean(true) => Kind::True,
            Self::Boolean(false) => Kind::False,
            Self::Text(text) | Self::Bytes(text) => {
                if simdutf8::basic::from_utf8(text).is_err() {
                    return Err(Misfit::new(Reason::InvalidUtf8, "is not UTF-8"));
                }
                let kind = Kind::RichText;
                return Ok(Value { kind, text });
            }
            Self::Date(_) | Self::Timestamp(..) => Kind::RichText,
            Self::Int(_) | Self::UInt(_) | Self::Decimal(Some(_), _) => Kind::Number,
            Self::Float(number) if number.is_finite() => Kind::Number,
            Self::Double(number) if number.is_finite() => Kind::Number,
            Self::Decimal(None, _) => return Err(Misfit::TOO_LARGE),
            Self::Absent
            | Self::Null
            | Self::Float(_)
            | Self::Double(_)
            | Self::Other(_)
            | Self::Blocked => return Err(Misfit::WRONG_TYPE),
        };
        self.write(scratch);
        let text = scratch;
        Ok(Value { kind, text })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Boolean(true) => out.extend_from_slice(b"true"),
            Self::Boolean(false) => out.extend_from_slice(b"false"),
            Self::Int(number) => push_integer(out, number),
            Self::UInt(number) => push_integer(out, number),
            Self::Float(number) => push_float(out, number),
            Self::Double(number) => push_float(out, number),
            Self::Decimal(Some(unscaled), scale) => push_decimal(out, unscaled, scale as i8),
            Self::Date(days) => push_date(out, days),
            Self::Timestamp(time, unit) => push_rfc3339(out, time, unit),
            Self::Text(_)
            | Self::Bytes(_)
            | Self::Decimal(None, _)
            | Self::Absent
            | Self::Null
            | Self::Other(_)
            | Self::Blocked => {}
        }
    }

    /// The value, as a message shows it.
    fn found(&self) -> String {
        let mut text = Vec::new();
        self.write(&mut text);
        let text = String::from_utf8_lossy(&text);
        match self {
            Self::Absent | Self::Null => "null".to_owned(),
            Self::Boolean(_) => text.into_owned(),
            Self::Float(number) if !number.is_finite() => format!("the number {number}"),
            Self::Double(number) if !number.is_finite() => format!("the number {number}"),
            Self::Int(_)
            | Self::UInt(_)
            | Self::Float(_)
            | Self::Double(_)
            | Self::Decimal(Some(_), _) => format!("the number {text}"),
            Self::Decimal(None, _) => "a number of more than 38 digits".to_owned(),
            Self::Text(text) => found_text(text),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Self::Date(_) => format!("the date {text}"),
            Self::Timestamp(..) => format!("the time {text}"),
            Self::Other(what) => (*what).to_owned(),
            Self::Blocked => "another value".to_owned(),
        }
    }
}

impl Table {
    /// Adds a record's values, which stand in the columns' own slots, to the columns.
    #[inline]
    pub(super) fn push_row(
        &mut self,
        slots: &[Datum<'_>],
        scratch: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        for (column, label) in self.columns.iter_mut().zip(&self.labels) {
            let datum = slots.get(column.slot).copied().unwrap_or(Datum::Absent);
            push(column, label, datum, column.required, scratch)?;
        }
        Ok(())
    }

    /// The same from other slots, one for each column. Of a deletion no column is required.
    pub(super) fn push_at(
        &mut self,
        slots: &[Datum<'_>],
        places: &[usize],
        is_deletion: bool,
        scratch: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let columns = self.columns.iter_mut().zip(&self.labels);
        for ((column, label), place) in columns.zip(places) {
            let datum = slots.get(*place).copied().unwrap_or(Datum::Absent);
            let is_required = column.required && !is_deletion;
            push(column, label, datum, is_required, scratch)?;
        }
        Ok(())
    }
}

#[inline]
fn push(
    column: &mut ColumnReader,
    label: &ColumnLabel,
    datum: Datum<'_>,
    is_required: bool,
    scratch: &mut Vec<u8>,
) -> Result<(), Fault> {
    match datum {
        Datum::Absent | Datum::Null => {
            if is_required {
                return Err(Fault::missing(label, datum == Datum::Null));
            }
            column.builder.push_null();
            Ok(())
        }
        Datum::Blocked => Err(Fault::blocked(label)),
        _ => {
            let pushed = column.builder.push_datum(datum, scratch);
            pushed.map_err(|misfit| Fault::misfit(label, &datum.found(), misfit))
        }
    }
}

/// A number in big-endian two's complement; `None` where it does not fit into 128 bits.
pub(super) fn unscaled(bytes: &[u8]) -> Option<i128> {
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let sign = if is_negative { 0xff } else { 0 };
    let cut = bytes.len().saturating_sub(16);
    let (extra, kept) = bytes.split_at(cut);
    if extra.iter().any(|byte| *byte != sign) {
        return None;
    }
    let mut whole = [sign; 16];
    whole.get_mut(16 - kept.len()..)?.copy_from_slice(kept);
    let value = i128::from_be_bytes(whole);
    ((value < 0) == is_negative).then_some(value)
}
