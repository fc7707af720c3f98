//! Dates and times as text, in UTC. Years outside 0 to 9999 get a sign, as ISO 8601 has it.

use arrow::datatypes::TimeUnit;

use super::number::push_integer;

const SECONDS_PER_DAY: i64 = 86_400;

/// Ticks per second.
fn ticks(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Writes a day, counted from the epoch, as `2024-01-31`.
pub(crate) fn push_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil(days);
    let mut text = *b"0000-00-00";
    put(&mut text, 5, 2, month);
    put(&mut text, 8, 2, day);
    if (0..=9999).contains(&year) {
        put(&mut text, 0, 4, year);
        out.extend_from_slice(&text);
    } else {
        push_wide_year(out, year);
        out.extend_from_slice(&text[4..]);
    }
}

/// Writes a time, counted from the epoch in `unit`, as `2024-01-31T23:59:59.123Z`.
pub(crate) fn push_rfc3339(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let ticks = ticks(unit);
    let (seconds, fraction) = (value.div_euclid(ticks), value.rem_euclid(ticks));
    push_date(out, seconds.div_euclid(SECONDS_PER_DAY));
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let mut text = *b"T00:00:00";
    put(&mut text, 1, 2, second / 3600);
    put(&mut text, 4, 2, second / 60 % 60);
    put(&mut text, 7, 2, second % 60);
    out.extend_from_slice(&text);
    push_fraction(out, fraction * (1_000_000_000 / ticks));
    out.push(b'Z');
}

/// Writes a time as whole milliseconds since the epoch, rounded down.
pub(super) fn push_millis(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    match unit {
        TimeUnit::Second => match value.checked_mul(1_000) {
            Some(millis) => push_integer(out, millis),
            None => push_integer(out, i128::from(value) * 1_000),
        },
        TimeUnit::Millisecond => push_integer(out, value),
        TimeUnit::Microsecond => push_integer(out, value.div_euclid(1_000)),
        TimeUnit::Nanosecond => push_integer(out, value.div_euclid(1_000_000)),
    }
}

/// Writes as many groups of three digits as the fraction of a second needs.
fn push_fraction(out: &mut Vec<u8>, nanos: i64) {
    let (digits, value) = match nanos {
        0 => return,
        n if n % 1_000_000 == 0 => (3, n / 1_000_000),
        n if n % 1_000 == 0 => (6, n / 1_000),
        n => (9, n),
    };
    let mut text = *b".000000000";
    put(&mut text, 1, digits, value);
    out.extend_from_slice(&text[..=digits]);
}

fn push_wide_year(out: &mut Vec<u8>, year: i64) {
    out.push(if year < 0 { b'-' } else { b'+' });
    if year.unsigned_abs() < 1_000 {
        let mut text = *b"0000";
        put(&mut text, 0, 4, year.abs());
        out.extend_from_slice(&text);
    } else {
        push_integer(out, year.unsigned_abs());
    }
}

/// Puts the last `width` digits of a number into `text`, from `at` on.
fn put(text: &mut [u8], at: usize, width: usize, mut value: i64) {
    for digit in text.iter_mut().skip(at).take(width).rev() {
        *digit = b'0' + value.rem_euclid(10) as u8;
        value /= 10;
    }
}

/// Year, month and day of a day counted from the epoch, in the Gregorian calendar carried back for ever. Years are
/// counted from March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097; // 400 years
    let since_march_0 = days + 719_468;
    let era = since_march_0.div_euclid(DAYS_PER_ERA);
    let day_of_era = since_march_0.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
