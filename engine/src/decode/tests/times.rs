//! Readings of `Timestamp` and `Date`, in a table and against another calendar.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{TIMESTAMP, read, refused};
use crate::decode::time::{Unreadable, parse};

/// The time that a `Timestamp` column reads, as the other calendar writes it.
fn time(value: &str) -> String {
    let array = read(TIMESTAMP, value).unwrap();
    let micros = array.as_primitive::<TimestampMicrosecondType>().value(0);
    let time = DateTime::<Utc>::from_timestamp_micros(micros).unwrap();
    time.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

#[test]
fn a_timestamp_column_reads_iso_8601_with_and_without_zone() {
    for (value, expected) in [
        ("2026-01-01T00:00:02.123Z", "2026-01-01 00:00:02.123000"),
        ("2026-01-01T00:00:02Z", "2026-01-01 00:00:02.000000"),
        ("2026-01-01t00:00:02z", "2026-01-01 00:00:02.000000"),
        ("2026-01-01 00:00:02.5", "2026-01-01 00:00:02.500000"),
        ("2026-01-01T00:00:02,5", "2026-01-01 00:00:02.500000"),
        ("2026-01-01T23:59", "2026-01-01 23:59:00.000000"),
        ("2026-01-01T23:59+02:00", "2026-01-01 21:59:00.000000"),
        ("2026-01-01", "2026-01-01 00:00:00.000000"),
        (
            "2026-01-01T00:00:02.123456789Z",
            "2026-01-01 00:00:02.123456",
        ),
        (
            "1969-12-31T23:59:59.999999999Z",
            "1969-12-31 23:59:59.999999",
        ),
        ("2026-01-01T00:30:00+01:00", "2025-12-31 23:30:00.000000"),
        ("2026-01-01T00:30:00+0100", "2025-12-31 23:30:00.000000"),
        ("2026-01-01T00:30:00.25+01", "2025-12-31 23:30:00.250000"),
        ("2025-12-31T20:00:00-05:45", "2026-01-01 01:45:00.000000"),
        ("2024-02-29T12:00:00Z", "2024-02-29 12:00:00.000000"),
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00.000000"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999"),
        ("2016-12-31T23:59:60Z", "2017-01-01 00:00:00.000000"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01 00:00:00.500000"),
        ("2017-01-01T08:59:60+09:00", "2017-01-01 00:00:00.000000"),
    ] {
        assert_eq!(time(&format!("\"{value}\"")), expected, "{value}");
    }
    assert_eq!(
        time(r#""2026-01-01\u005400:00:02Z""#),
        "2026-01-01 00:00:02.000000"
    );
}

#[test]
fn a_timestamp_column_reads_the_epoch_in_a_unit_told_by_its_magnitude() {
    for (value, expected) in [
        ("1704110405", "2024-01-01 12:00:05.000000"),
        ("\"1704110405\"", "2024-01-01 12:00:05.000000"),
        ("1704110405.25", "2024-01-01 12:00:05.250000"),
        ("\"1704110405.1234567\"", "2024-01-01 12:00:05.123456"),
        ("1.704110405e9", "2024-01-01 12:00:05.000000"),
        ("1704110405123", "2024-01-01 12:00:05.123000"),
        ("\"1704110405123\"", "2024-01-01 12:00:05.123000"),
        ("1704110405123.4567", "2024-01-01 12:00:05.123456"),
        ("1704110405123456", "2024-01-01 12:00:05.123456"),
        ("1704110405123456789", "2024-01-01 12:00:05.123456"),
        ("0", "1970-01-01 00:00:00.000000"),
        ("-0.5", "1969-12-31 23:59:59.500000"),
        ("-0.0000001", "1969-12-31 23:59:59.999999"),
        ("-86400", "1969-12-31 00:00:00.000000"),
        ("99999999999", "5138-11-16 09:46:39.000000"),
        ("100000000000", "1973-03-03 09:46:40.000000"),
        ("-100000000000", "1966-10-31 14:13:20.000000"),
        ("99999999999999", "5138-11-16 09:46:39.999000"),
        ("100000000000000", "1973-03-03 09:46:40.000000"),
        ("99999999999999999", "5138-11-16 09:46:39.999999"),
        ("100000000000000000", "1973-03-03 09:46:40.000000"),
        ("99999999999999999999", "5138-11-16 09:46:39.999999"),
    ] {
        assert_eq!(time(value), expected, "{value}");
    }
}

#[test]
fn what_is_not_a_time_is_refused() {
    const FORM: &str =
        "is not a time: write 2026-01-31T23:59:59.123Z, or seconds or milliseconds since 1970";
    const CALENDAR: &str = "is not in the calendar or on the clock";
    for (value, which) in [
        ("", FORM),
        ("yesterday", FORM),
        ("2026-1-1", FORM),
        ("2026/01/01", FORM),
        ("01.02.2026", FORM),
        ("2026-01-01T", FORM),
        ("2026-01-01T12", FORM),
        ("2026-01-01T12:00:0", FORM),
        ("2026-01-01T12:00:00.", FORM),
        ("2026-01-01T12:00:00.1234567891", FORM),
        ("2026-01-01T12:00:00 Z", FORM),
        ("2026-01-01T12:00:00ZZ", FORM),
        ("2026-01-01T12:00:00+1", FORM),
        ("2026-01-01T12:00:00*01:00", FORM),
        ("2026-01-01X12:00:00", FORM),
        ("2026-01-01T12:00:00 Europe/Berlin", FORM),
        ("+2026-01-01", FORM),
        ("２026-01-01", FORM),
        ("2026-02-30T12:00:00Z", CALENDAR),
        ("2026-02-29", CALENDAR),
        ("1900-02-29", CALENDAR),
        ("2026-00-10", CALENDAR),
        ("2026-13-10", CALENDAR),
        ("2026-01-00", CALENDAR),
        ("2026-04-31", CALENDAR),
        ("2026-01-01T24:00:00Z", CALENDAR),
        ("2026-01-01T12:60:00Z", CALENDAR),
        ("2026-01-01T12:00:60Z", CALENDAR),
        ("2026-01-01T12:00:61Z", CALENDAR),
        ("2017-01-01T23:59:60+09:00", CALENDAR),
        ("2026-01-01T12:00:00+24:00", CALENDAR),
        ("2026-01-01T12:00:00+01:60", CALENDAR),
    ] {
        let (reason, message) = refused(TIMESTAMP, &format!("\"{value}\""));
        assert_eq!(reason, "InvalidTimestamp", "{value}");
        let found = format!("expected Timestamp, found the string \"{value}\"");
        assert_eq!(message, format!("column `c`: {found}, which {which}"));
    }
    for (value, found) in [("true", "true"), ("[1]", "an array"), ("{}", "an object")] {
        let message = format!("column `c`: expected Timestamp, found {found}");
        assert_eq!(refused(TIMESTAMP, value), ("WrongType", message));
    }
    for value in [
        "1e20",
        "-100000000000000000000",
        "9223372036854775808000",
        "1e400",
    ] {
        let found = format!("found the number {value}, which is out of its range");
        let message = format!("column `c`: expected Timestamp, {found}");
        assert_eq!(refused(TIMESTAMP, value), ("OutOfRange", message));
    }
}

#[test]
fn a_date_column_reads_dates_and_midnights() {
    for value in [
        "2024-02-29",
        "2024-02-29T00:00:00Z",
        "2024-02-29 00:00:00.000",
        "2024-02-29T02:00:00+02:00",
    ] {
        let array = read(DataType::Date32, &format!("\"{value}\"")).unwrap();
        let days = array.as_primitive::<Date32Type>().value(0);
        assert_eq!(days, 19_782, "{value}");
    }
    for (value, reason, message) in [
        (
            r#""2024-02-29T12:00:00Z""#,
            "OutOfRange",
            "found the string \"2024-02-29T12:00:00Z\", which has a time of day: read it as a Timestamp",
        ),
        (
            r#""29.02.2024""#,
            "InvalidTimestamp",
            "found the string \"29.02.2024\", which is not a date: write 2026-01-31",
        ),
        (
            r#""2023-02-29""#,
            "InvalidTimestamp",
            "found the string \"2023-02-29\", which is not in the calendar or on the clock",
        ),
        (
            r#""19782""#,
            "InvalidTimestamp",
            "found the string \"19782\", which is not a date: write 2026-01-31",
        ),
        ("19782", "WrongType", "found the number 19782"),
    ] {
        let message = format!("column `c`: expected Date, {message}");
        assert_eq!(refused(DataType::Date32, value), (reason, message));
    }
}

#[test]
fn dates_of_ten_thousand_years_are_where_another_calendar_has_them() {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    let mut date = NaiveDate::from_ymd_opt(0, 1, 1).unwrap();
    while date.year() < 10_000 {
        let days = date.signed_duration_since(epoch).num_days();
        let text = date.format("%Y-%m-%d").to_string();
        assert_eq!(parse(text.as_bytes()), Ok(days * 86_400_000_000), "{text}");
        date = date.checked_add_days(Days::new(23)).unwrap();
    }
}

#[test]
fn random_times_are_what_another_calendar_reads() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..20_000 {
        let mut two = |end| format!("{:02}", random.random_range(0..end));
        let (month, day, hour) = (two(14), two(33), two(26));
        let (minute, second) = (two(62), two(60));
        let zone = match random.random_range(0..3) {
            0 => "Z".to_owned(),
            _ => format!(
                "{}{:02}:{:02}",
                ["+", "-"][random.random_range(0..2)],
                random.random_range(0..24),
                random.random_range(0..60)
            ),
        };
        let year = random.random_range(0..10_000);
        let digits = random.random_range(1..10);
        let fraction = random.random_range(0..10_u32.pow(digits));
        let digits = digits as usize;
        let text =
            format!("{year:04}-{month}-{day}T{hour}:{minute}:{second}.{fraction:0digits$}{zone}");
        let expected = DateTime::parse_from_rfc3339(&text).map(|time| time.timestamp_micros());
        let expected = expected.map_err(|_| Unreadable::Calendar);
        assert_eq!(parse(text.as_bytes()), expected, "{text}");
    }
}
