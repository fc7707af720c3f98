//! Times and dates read from their text, and from seconds or milliseconds since the epoch.

use tidemill_plan::model::Micros;

use super::number::Number;

/// Microseconds of a day.
const DAY: Micros = 86_400_000_000;
/// Microseconds of a minute.
const MINUTE: Micros = 60_000_000;
/// Microseconds of a second.
const SECOND: Micros = 1_000_000;

/// Why a text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is written in another way.
    Form,
    /// It is written as a time, but no calendar or clock shows it.
    Calendar,
}

/// Reads `2026-01-31`, `2026-01-31T23:59`, `2026-01-31 23:59:59`, or `2026-01-31T23:59:59.123456789`, the last three
/// followed by `Z`, `+01:00`, `+0100`, `+01` or nothing (UTC then). A date alone is its midnight. What is finer than a
/// microsecond is cut off. A leap second (60, at the end of a day in UTC) is the first second after it.
pub(super) fn parse(text: &[u8]) -> Result<Micros, Unreadable> {
    if let Some((head, rest)) = text.split_first_chunk()
        && let Some((date, hour, minute)) = parse_to_the_minute(head)
    {
        return Ok(date.midnight()? + time_of_day(hour, minute, rest)?);
    }
    let (date, rest) = text.split_first_chunk().ok_or(Unreadable::Form)?;
    let midnight = parse_date(date)?.midnight()?;
    match rest {
        [] => Ok(midnight),
        [b'T' | b't' | b' ', time @ ..] => Ok(midnight + parse_time(time)?),
        _ => Err(Unreadable::Form),
    }
}

/// A date, of any calendar.
#[derive(Clone, Copy)]
struct Date {
    year: i32,
    month: i32,
    day: i32,
}

impl Date {
    /// Its first microsecond, if the date is in the Gregorian calendar.
    #[inline]
    fn midnight(self) -> Result<Micros, Unreadable> {
        let Self { year, month, day } = self;
        if day == 0 || day > days_in(year, month) {
            return Err(Unreadable::Calendar);
        }
        Ok(Micros::from(days_since_epoch(year, month, day)) * DAY)
    }
}

/// Reads `2026-01-31T23:59`, date, hour and minute, all digits at once; `None` where it is written in another way.
#[inline]
fn parse_to_the_minute(text: &[u8; 16]) -> Option<(Date, i32, i32)> {
    const ZEROS: u128 = u128::from_le_bytes(*b"0000-00-00T00:00");
    const MARKS: u128 = u128::from_le_bytes(*b"\0\0\0\0\xff\0\0\xff\0\0\xff\0\0\xff\0\0");
    const HIGHS: u128 = u128::from_le_bytes([0x80; 16]);
    /// Added to a byte's low bits it sets the high bit from 10 on.
    const TO_HIGH: u128 = u128::from_le_bytes([0x76; 16]);

    let digits = u128::from_le_bytes(*text) ^ ZEROS;
    let too_large = (((digits & !HIGHS) + TO_HIGH) | digits) & HIGHS;
    if too_large | digits & MARKS != 0 {
        return None;
    }
    // In each byte: ten times its own digit and the next one.
    let pairs = ((digits << 3) + (digits << 1) + (digits >> 8)).to_le_bytes();
    let [
        century,
        _,
        year,
        _,
        _,
        month,
        _,
        _,
        day,
        _,
        _,
        hour,
        _,
        _,
        minute,
        _,
    ] = pairs.map(i32::from);
    let year = century * 100 + year;
    Some((Date { year, month, day }, hour, minute))
}

/// Reads `2026-01-31`.
fn parse_date(text: &[u8; 10]) -> Result<Date, Unreadable> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else {
        return Err(Unreadable::Form);
    };
    Ok(Date {
        year: two(*y0, *y1)? * 100 + two(*y2, *y3)?,
        month: two(*m0, *m1)?,
        day: two(*d0, *d1)?,
    })
}

/// Reads a time of the day and its zone as microseconds since midnight in UTC (of the same date; they may lie outside
/// of the day).
fn parse_time(text: &[u8]) -> Result<Micros, Unreadable> {
    let Some(([h0, h1, b':', m0, m1], rest)) = text.split_first_chunk::<5>() else {
        return Err(Unreadable::Form);
    };
    time_of_day(two(*h0, *h1)?, two(*m0, *m1)?, rest)
}

/// Reads what follows hour and minute: seconds and zone.
#[inline]
fn time_of_day(hour: i32, minute: i32, text: &[u8]) -> Result<Micros, Unreadable> {
    let (second, fraction, zone) = match text {
        [b':', s0, s1, b'.' | b',', rest @ ..] => {
            let (fraction, zone) = parse_fraction(rest)?;
            (two(*s0, *s1)?, fraction, zone)
        }
        [b':', s0, s1, zone @ ..] => (two(*s0, *s1)?, 0, zone),
        zone => (0, 0, zone),
    };
    let minutes = Micros::from(hour * 60 + minute) - parse_zone(zone)?;
    let whole = minutes * MINUTE + Micros::from(second) * SECOND;
    let is_leap_second = second == 60 && whole.rem_euclid(DAY) == 0;
    if hour > 23 || minute > 59 || (second > 59 && !is_leap_second) {
        return Err(Unreadable::Calendar);
    }
    Ok(whole + fraction)
}

/// Reads one to nine digits of a second's fraction as microseconds; the rest follows.
fn parse_fraction(text: &[u8]) -> Result<(Micros, &[u8]), Unreadable> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    if digits.is_empty() || digits.len() > 9 {
        return Err(Unreadable::Form);
    }
    let digits_of_micros = digits.get(..6).unwrap_or(digits);
    let add = |micros, digit: &u8| micros * 10 + Micros::from(digit - b'0');
    let read = digits_of_micros.iter().fold(0, add);
    let micros = match digits_of_micros.len() {
        1 => read * 100_000,
        2 => read * 10_000,
        3 => read * 1_000,
        4 => read * 100,
        5 => read * 10,
        _ => read,
    };
    Ok((micros, rest))
}

/// Reads a zone as minutes ahead of UTC.
fn parse_zone(text: &[u8]) -> Result<Micros, Unreadable> {
    let (sign, hours, minutes) = match text {
        [] | [b'Z' | b'z'] => return Ok(0),
        [sign, h0, h1] => (sign, two(*h0, *h1)?, 0),
        [sign, h0, h1, m0, m1] | [sign, h0, h1, b':', m0, m1] => {
            (sign, two(*h0, *h1)?, two(*m0, *m1)?)
        }
        _ => return Err(Unreadable::Form),
    };
    let ahead = Micros::from(hours * 60 + minutes);
    match sign {
        b'+' | b'-' if hours > 23 || minutes > 59 => Err(Unreadable::Calendar),
        b'+' => Ok(ahead),
        b'-' => Ok(-ahead),
        _ => Err(Unreadable::Form),
    }
}

/// Reads a number as time since the epoch, in a unit that its magnitude tells: below 10^11 seconds (up to the year
/// 5138), below 10^14 milliseconds (since March 1973), below 10^17 microseconds, below 10^20
/// nanoseconds. What is finer than a microsecond is cut off. `None` from there on.
pub(super) fn from_epoch(number: &Number) -> Option<Micros> {
    let scale = match number.magnitude()? {
        0..100_000_000_000 => 6,
        100_000_000_000..100_000_000_000_000 => 3,
        100_000_000_000_000..100_000_000_000_000_000 => 0,
        100_000_000_000_000_000..100_000_000_000_000_000_000 => -3,
        _ => return None,
    };
    Micros::try_from(number.floor(scale)?).ok()
}

/// The date whose midnight it is, if it is one.
pub(super) fn date_of(time: Micros) -> Option<i32> {
    let date = i32::try_from(time.div_euclid(DAY)).ok()?;
    (time.rem_euclid(DAY) == 0).then_some(date)
}

/// Days since the epoch of a date in the Gregorian calendar, from the year 1 to 9999.
pub(super) fn days_of(year: i32, month: i32, day: i32) -> Option<i32> {
    let is_date = (1..=9999).contains(&year) && (1..=days_in(year, month)).contains(&day);
    is_date.then(|| days_since_epoch(year, month, day))
}

/// The number that two digits write.
#[inline]
fn two(tens: u8, ones: u8) -> Result<i32, Unreadable> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return Err(Unreadable::Form);
    }
    Ok(i32::from(tens) * 10 + i32::from(ones))
}

fn days_in(year: i32, month: i32) -> i32 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    }
}

/// Days since the epoch of a date in the Gregorian calendar. Years are counted from March, so that a leap day is the
/// last of its year, and months since March have a closed form.
fn days_since_epoch(year: i32, month: i32, day: i32) -> i32 {
    /// Days from the first of March of the year 0 to the epoch.
    const TO_EPOCH: i32 = 719_468;
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - TO_EPOCH
}
