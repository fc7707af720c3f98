//! Every reading of a value by each column type, and every refusal, apart from times.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int32Type, Int64Type};

use super::{MONEY, TIMESTAMP, is_null, read, refused};

fn text(value: &str) -> String {
    let array = read(DataType::Utf8, value).unwrap();
    array.as_string::<i32>().value(0).to_owned()
}

fn int64(value: &str) -> i64 {
    let array = read(DataType::Int64, value).unwrap();
    array.as_primitive::<Int64Type>().value(0)
}

fn float64(value: &str) -> f64 {
    let array = read(DataType::Float64, value).unwrap();
    array.as_primitive::<Float64Type>().value(0)
}

fn money(value: &str) -> i128 {
    let array = read(MONEY, value).unwrap();
    array.as_primitive::<Decimal128Type>().value(0)
}

#[test]
fn a_string_column_reads_strings_and_scalars_as_written() {
    for (value, expected) in [
        (r#""""#, ""),
        (r#""debit""#, "debit"),
        (r#""Grüße, 東京 🦀""#, "Grüße, 東京 🦀"),
        (r#""a\"b\\c\/d\b\f\n\r\te""#, "a\"b\\c/d\u{8}\u{c}\n\r\te"),
        (r#""\u0041\u00e9\u6771\ud83e\udd80!""#, "Aé東🦀!"),
        (r#""\u0000""#, "\0"),
        (
            r#""a long text that ends in an escape\n""#,
            "a long text that ends in an escape\n",
        ),
        ("1234", "1234"),
        ("-12.50e+3", "-12.50e+3"),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        ("true", "true"),
        ("false", "false"),
    ] {
        assert_eq!(text(value), expected, "{value}");
    }
}

#[test]
fn a_boolean_column_reads_booleans_and_their_names() {
    for (value, expected) in [
        ("true", true),
        ("false", false),
        (r#""true""#, true),
        (r#""false""#, false),
        (r#""tru\u0065""#, true),
    ] {
        let array = read(DataType::Boolean, value).unwrap();
        assert_eq!(array.as_boolean().value(0), expected, "{value}");
    }
}

#[test]
fn an_integer_column_reads_whole_numbers_however_they_are_written() {
    for (value, expected) in [
        ("0", 0),
        ("-0", 0),
        ("1234", 1234),
        ("1.0", 1),
        ("1e3", 1000),
        ("1.50E+2", 150),
        ("1200e-2", 12),
        ("0e999999999999", 0),
        ("0.0e-999999999999", 0),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        (
            "9223372036854775807.00000000000000000000000000000000000",
            i64::MAX,
        ),
        (r#""1704110405""#, 1_704_110_405),
        (r#""-7""#, -7),
        (r#""+7""#, 7),
        (r#""007""#, 7),
        (r#""1\u0032""#, 12),
    ] {
        assert_eq!(int64(value), expected, "{value}");
    }
    let array = read(DataType::Int32, "-2147483648").unwrap();
    assert_eq!(array.as_primitive::<Int32Type>().value(0), i32::MIN);
}

#[test]
fn a_float_column_reads_the_nearest_double() {
    for (value, expected) in [
        ("0.1", 0.1),
        ("-2.5e-3", -0.0025),
        ("12", 12.0),
        (r#""12.50""#, 12.5),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("1.7976931348623157e308", f64::MAX),
        ("1e-999", 0.0),
        ("-1e-999", 0.0),
        ("-0.0", 0.0),
    ] {
        assert_eq!(float64(value).to_bits(), expected.to_bits(), "{value}");
    }
}

#[test]
fn a_decimal_column_reads_exactly_what_is_written() {
    for (value, expected) in [
        ("12.34", 1234),
        ("-12.34", -1234),
        ("0", 0),
        ("-0.00", 0),
        ("600", 60_000),
        ("0.1", 10),
        ("12.3400", 1234),
        ("12.34000000000000000000000000000000000000000000000", 1234),
        ("1.234e1", 1234),
        ("1234E-2", 1234),
        ("123400000e-7", 1234),
        ("1e9", 100_000_000_000),
        ("9999999999.99", 999_999_999_999),
        ("-9999999999.99", -999_999_999_999),
        (r#""12.34""#, 1234),
        (
            r#""0000000000000000000000000000000000000000000000012.34""#,
            1234,
        ),
    ] {
        assert_eq!(money(value), expected, "{value}");
    }
    let widest = read(DataType::Decimal128(38, 0), &"9".repeat(38)).unwrap();
    let widest = widest.as_primitive::<Decimal128Type>().value(0);
    assert_eq!(widest, 10_i128.pow(38) - 1);
    let smallest = read(DataType::Decimal128(38, 38), "-1e-38").unwrap();
    assert_eq!(smallest.as_primitive::<Decimal128Type>().value(0), -1);
}

#[test]
fn null_and_absence_are_null_in_any_column() {
    for data_type in [
        DataType::Utf8,
        DataType::Boolean,
        DataType::Int32,
        DataType::Int64,
        DataType::Float64,
        MONEY,
        DataType::Date32,
        TIMESTAMP,
    ] {
        assert!(is_null(&read(data_type.clone(), "null").unwrap()));
        assert!(is_null(&read(data_type, r#"1,"c":null"#).unwrap()));
    }
}

#[test]
fn what_another_type_would_lose_is_refused_with_what_was_found() {
    use DataType::{Boolean, Float64, Int32, Int64, Utf8};
    for (data_type, value, reason, message) in [
        (
            Utf8,
            r#"{"a":1}"#,
            "WrongType",
            "expected String, found an object",
        ),
        (Utf8, "[]", "WrongType", "expected String, found an array"),
        (
            Boolean,
            "1",
            "WrongType",
            "expected Boolean, found the number 1",
        ),
        (
            Boolean,
            r#""TRUE""#,
            "WrongType",
            "expected Boolean, found the string \"TRUE\"",
        ),
        (
            Boolean,
            r#""""#,
            "WrongType",
            "expected Boolean, found the string \"\"",
        ),
        (Int32, "true", "WrongType", "expected Int32, found true"),
        (Int64, "false", "WrongType", "expected Int64, found false"),
        (
            Int64,
            r#""12a""#,
            "WrongType",
            "expected Int64, found the string \"12a\"",
        ),
        (
            Int64,
            r#"" 12""#,
            "WrongType",
            "expected Int64, found the string \" 12\"",
        ),
        (
            Int64,
            r#""""#,
            "WrongType",
            "expected Int64, found the string \"\"",
        ),
        (
            Int64,
            r#""1.""#,
            "WrongType",
            "expected Int64, found the string \"1.\"",
        ),
        (
            Int64,
            r#"".5""#,
            "WrongType",
            "expected Int64, found the string \".5\"",
        ),
        (
            Int64,
            r#""1e""#,
            "WrongType",
            "expected Int64, found the string \"1e\"",
        ),
        (
            Int64,
            r#""0x10""#,
            "WrongType",
            "expected Int64, found the string \"0x10\"",
        ),
        (
            Int64,
            r#""--1""#,
            "WrongType",
            "expected Int64, found the string \"--1\"",
        ),
        (
            Int64,
            "1.5",
            "OutOfRange",
            "expected Int64, found the number 1.5, which is not a whole number",
        ),
        (
            Int64,
            r#""1e-400""#,
            "OutOfRange",
            "expected Int64, found the string \"1e-400\", which is not a whole number",
        ),
        (
            Int64,
            "9223372036854775808",
            "OutOfRange",
            "expected Int64, found the number 9223372036854775808, which is out of its range",
        ),
        (
            Int64,
            "1e999999999999999999999",
            "OutOfRange",
            "expected Int64, found the number 1e999999999999999999999, which is out of its range",
        ),
        (
            Int32,
            "2147483648",
            "OutOfRange",
            "expected Int32, found the number 2147483648, which is out of its range",
        ),
        (
            Float64,
            r#""nan""#,
            "WrongType",
            "expected Float64, found the string \"nan\"",
        ),
        (
            Float64,
            r#""inf""#,
            "WrongType",
            "expected Float64, found the string \"inf\"",
        ),
        (
            Float64,
            r#""1 ""#,
            "WrongType",
            "expected Float64, found the string \"1 \"",
        ),
        (
            Float64,
            "1e999",
            "OutOfRange",
            "expected Float64, found the number 1e999, which is out of its range",
        ),
        (
            MONEY,
            r#""abc""#,
            "WrongType",
            "expected Decimal(12,2), found the string \"abc\"",
        ),
        (
            MONEY,
            "[1]",
            "WrongType",
            "expected Decimal(12,2), found an array",
        ),
        (
            MONEY,
            "12.345",
            "OutOfRange",
            "expected Decimal(12,2), found the number 12.345, which has more fractional digits",
        ),
        (
            MONEY,
            "12.3400000000000000000000000000000000000000000001",
            "OutOfRange",
            "expected Decimal(12,2), found the number \
             12.3400000000000000000000000000000000000000000001, which has more fractional digits",
        ),
        (
            MONEY,
            "10000000000",
            "OutOfRange",
            "expected Decimal(12,2), found the number 10000000000, which is out of its range",
        ),
        (
            MONEY,
            "-1e10",
            "OutOfRange",
            "expected Decimal(12,2), found the number -1e10, which is out of its range",
        ),
    ] {
        let (found_reason, found_message) = refused(data_type, value);
        assert_eq!(found_reason, reason, "{value}");
        assert_eq!(found_message, format!("column `c`: {message}"), "{value}");
    }
}

#[test]
fn a_message_shows_64_characters_of_a_value() {
    let (_, message) = refused(DataType::Int64, &format!("\"{}\"", "é".repeat(64)));
    assert!(message.ends_with(&format!("\"{}\"", "é".repeat(64))));
    let (_, message) = refused(DataType::Int64, &format!("\"{}\"", "é".repeat(65)));
    assert!(message.ends_with(&format!("\"{}…\"", "é".repeat(64))));
}
