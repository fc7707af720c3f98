//! The lenient reading: what a column's type makes of a JSON value. Nothing is read that would lose something.

use arrow::datatypes::TimeUnit;
use tidemill_plan::model::Micros;

use super::number::{Number, Unfit, has_precision};
use super::scan::Kind;
use super::time::{self, Unreadable};
use crate::record::Reason;

/// A value other than null. The text of a string is unescaped; that of anything else is as written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a [u8],
}

/// Why a value cannot be read as a column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) reason: Reason,
    /// What is wrong with the value, after a `which`; empty where its kind says it all.
    pub(super) which: &'static str,
}

impl Misfit {
    pub(super) const WRONG_TYPE: Self = Self::new(Reason::WrongType, "");
    pub(super) const TOO_LARGE: Self = Self::new(Reason::OutOfRange, "is out of its range");

    pub(super) const fn new(reason: Reason, which: &'static str) -> Self {
        Self { reason, which }
    }
}

/// A string as it is; a number or a boolean as it is written.
pub(super) fn text(value: Value<'_>) -> Result<&[u8], Misfit> {
    match value.kind {
        Kind::Text | Kind::RichText | Kind::Number | Kind::True | Kind::False => Ok(value.text),
        _ => Err(Misfit::WRONG_TYPE),
    }
}

/// A boolean, or the strings `true` and `false`.
pub(super) fn boolean(value: Value<'_>) -> Result<bool, Misfit> {
    match (value.kind, value.text) {
        (Kind::True, _) | (Kind::Text | Kind::RichText, b"true") => Ok(true),
        (Kind::False, _) | (Kind::Text | Kind::RichText, b"false") => Ok(false),
        _ => Err(Misfit::WRONG_TYPE),
    }
}

/// A whole number, however it is written: `1`, `1.0`, `1e3`, `"1"`.
pub(super) fn int64(value: Value<'_>) -> Result<i64, Misfit> {
    match number(value)?.exactly(0) {
        Ok(whole) => i64::try_from(whole).map_err(|_| Misfit::TOO_LARGE),
        Err(Unfit::TooLarge) => Err(Misfit::TOO_LARGE),
        Err(Unfit::Fraction) => Err(Misfit::new(Reason::OutOfRange, "is not a whole number")),
    }
}

/// Likewise.
pub(super) fn int32(value: Value<'_>) -> Result<i32, Misfit> {
    i32::try_from(int64(value)?).map_err(|_| Misfit::TOO_LARGE)
}

/// The nearest `f64` of a number. A zero has no sign: to SQL there is one, and to the comparisons here there are two.
pub(super) fn float64(value: Value<'_>) -> Result<f64, Misfit> {
    if value.kind != Kind::Number {
        number(value)?; // `f64` reads more than numbers: `inf`, `nan`, `.5`.
    }
    let text = std::str::from_utf8(value.text).ok();
    match text.and_then(|text| text.parse::<f64>().ok()) {
        Some(number) if number.is_finite() => Ok(number + 0.0),
        Some(_) => Err(Misfit::TOO_LARGE),
        None => Err(Misfit::WRONG_TYPE),
    }
}

/// A number, exactly, in units of `10^-scale`. More fractional digits than the scale are fine where they are zeros.
pub(super) fn decimal(value: Value<'_>, precision: u8, scale: u8) -> Result<i128, Misfit> {
    const FRACTION: Misfit = Misfit::new(Reason::OutOfRange, "has more fractional digits");
    match number(value)?.exactly(scale.into()) {
        Ok(units) if has_precision(units, precision) => Ok(units),
        Ok(_) | Err(Unfit::TooLarge) => Err(Misfit::TOO_LARGE),
        Err(Unfit::Fraction) => Err(FRACTION),
    }
}

/// An unscaled value that has no more digits than the precision.
pub(super) fn within(unscaled: i128, precision: u8) -> Result<i128, Misfit> {
    if has_precision(unscaled, precision) {
        Ok(unscaled)
    } else {
        Err(Misfit::TOO_LARGE)
    }
}

/// A time since the epoch; what is finer than a microsecond is cut off.
pub(super) fn micros(time: i64, unit: TimeUnit) -> Result<Micros, Misfit> {
    match unit {
        TimeUnit::Second => time.checked_mul(1_000_000),
        TimeUnit::Millisecond => time.checked_mul(1_000),
        TimeUnit::Microsecond => Some(time),
        TimeUnit::Nanosecond => Some(time.div_euclid(1_000)),
    }
    .ok_or(Misfit::TOO_LARGE)
}

/// A time as text (see [`time::parse`]), or as a number or numeric string since the epoch (see [`time::from_epoch`]).
pub(super) fn timestamp(value: Value<'_>) -> Result<Micros, Misfit> {
    const FORM: &str =
        "is not a time: write 2026-01-31T23:59:59.123Z, or seconds or milliseconds since 1970";
    if value.is_string() {
        match time::parse(value.text) {
            Ok(time) => return Ok(time),
            Err(Unreadable::Calendar) => return Err(CALENDAR),
            Err(Unreadable::Form) => {}
        }
    }
    match number(value) {
        Ok(number) => time::from_epoch(&number).ok_or(Misfit::TOO_LARGE),
        Err(_) if value.is_string() => Err(Misfit::new(Reason::InvalidTimestamp, FORM)),
        Err(misfit) => Err(misfit),
    }
}

/// A date as text, or a time as text if it is a midnight in UTC. A number is refused: it might count days or seconds.
pub(super) fn date(value: Value<'_>) -> Result<i32, Misfit> {
    const FORM: &str = "is not a date: write 2026-01-31";
    const TIME_OF_DAY: &str = "has a time of day: read it as a Timestamp";
    if !value.is_string() {
        return Err(Misfit::WRONG_TYPE);
    }
    match time::parse(value.text) {
        Ok(time) => time::date_of(time).ok_or(Misfit::new(Reason::OutOfRange, TIME_OF_DAY)),
        Err(Unreadable::Calendar) => Err(CALENDAR),
        Err(Unreadable::Form) => Err(Misfit::new(Reason::InvalidTimestamp, FORM)),
    }
}

const CALENDAR: Misfit = Misfit::new(
    Reason::InvalidTimestamp,
    "is not in the calendar or on the clock",
);

fn number(value: Value<'_>) -> Result<Number, Misfit> {
    match value.kind {
        Kind::Number | Kind::Text | Kind::RichText => {
            Number::parse(value.text).ok_or(Misfit::WRONG_TYPE)
        }
        _ => Err(Misfit::WRONG_TYPE),
    }
}

impl Value<'_> {
    fn is_string(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::RichText)
    }
}
