#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::ops::Range;
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::*;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::*;

const RFC3339: JsonOptions = JsonOptions {
    timestamps: Timestamps::Rfc3339,
};
const MILLIS: JsonOptions = JsonOptions {
    timestamps: Timestamps::EpochMillis,
};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn text(arena: &[u8], range: &Range<u32>) -> String {
    String::from_utf8(arena[range.start as usize..range.end as usize].to_vec()).unwrap()
}

fn lines(batch: &RecordBatch, options: JsonOptions) -> Vec<String> {
    let (mut arena, mut ranges) = (b"before".to_vec(), Vec::new());
    let encoder = JsonEncoder::new(&batch.schema(), options).unwrap();
    encoder.encode(batch, &mut arena, &mut ranges).unwrap();
    assert_eq!(&arena[..6], b"before");
    ranges.iter().map(|range| text(&arena, range)).collect()
}

/// The values of one column, written.
fn values(array: impl Array + 'static, options: JsonOptions) -> Vec<String> {
    let written = lines(&batch(vec![("v", Arc::new(array))]), options);
    written
        .iter()
        .map(|line| {
            line.strip_prefix("{\"v\":")
                .unwrap()
                .strip_suffix('}')
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn keys(batch: &RecordBatch, columns: &[usize], options: JsonOptions) -> Vec<Option<String>> {
    let (mut arena, mut ranges) = (Vec::new(), Vec::new());
    let encoder = KeyEncoder::new(&batch.schema(), columns, options).unwrap();
    encoder.encode(batch, &mut arena, &mut ranges).unwrap();
    ranges
        .iter()
        .map(|range| range.as_ref().map(|range| text(&arena, range)))
        .collect()
}

fn seed() -> u64 {
    let seed = rand::random();
    println!("seed {seed}");
    seed
}

#[test]
fn an_object_a_row_in_schema_order() {
    let rows = batch(vec![
        ("account", Arc::new(StringArray::from(vec!["1234"]))),
        (
            "balance",
            Arc::new(
                Decimal128Array::from(vec![25_000])
                    .with_precision_and_scale(22, 2)
                    .unwrap(),
            ),
        ),
        (
            "window_start",
            Arc::new(TimestampMicrosecondArray::from(vec![1_704_110_400_000_000])),
        ),
        (
            "window_end",
            Arc::new(TimestampMicrosecondArray::from(vec![1_704_110_410_000_000])),
        ),
    ]);
    let expected = r#"{"account":"1234","balance":250.00,"window_start":1704110400000,"window_end":1704110410000}"#;
    assert_eq!(lines(&rows, MILLIS), [expected]);
    let expected = r#"{"account":"1234","balance":250.00,"window_start":"2024-01-01T12:00:00Z","window_end":"2024-01-01T12:00:10Z"}"#;
    assert_eq!(lines(&rows, RFC3339), [expected]);
}

#[test]
fn an_alert() {
    let rows = batch(vec![
        ("account", Arc::new(Int64Array::from(vec![9999]))),
        ("threshold", Arc::new(Float64Array::from(vec![5000.0]))),
        (
            "message",
            Arc::new(StringArray::from(vec!["$7500.00 in 1 minute"])),
        ),
        ("sent", Arc::new(BooleanArray::from(vec![false]))),
    ]);
    let expected =
        r#"{"account":9999,"threshold":5000.0,"message":"$7500.00 in 1 minute","sent":false}"#;
    assert_eq!(lines(&rows, RFC3339), [expected]);
}

#[test]
fn no_columns_no_rows() {
    let options = RecordBatchOptions::new().with_row_count(Some(2));
    let empty =
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
    assert_eq!(lines(&empty, RFC3339), ["{}", "{}"]);
    assert_eq!(
        values(StringArray::from(Vec::<&str>::new()), RFC3339),
        Vec::<String>::new()
    );
}

#[test]
fn nulls_are_written() {
    let rows = batch(vec![
        ("s", Arc::new(StringArray::from(vec![None, Some("x")]))),
        ("n", Arc::new(Int32Array::from(vec![Some(1), None]))),
        ("z", Arc::new(NullArray::new(2))),
    ]);
    assert_eq!(
        lines(&rows, RFC3339),
        [
            r#"{"s":null,"n":1,"z":null}"#,
            r#"{"s":"x","n":null,"z":null}"#
        ]
    );
}

#[test]
fn strings_and_names_are_escaped() {
    let odd = "q\" b\\ \u{8}\u{c}\n\r\t \u{1}\u{1f}\u{7f} é € 🦀 </";
    let written = "\"q\\\" b\\\\ \\b\\f\\n\\r\\t \\u0001\\u001f\u{7f} é € 🦀 </\"";
    assert_eq!(
        values(StringArray::from(vec![odd, ""]), RFC3339),
        [written, "\"\""]
    );
    assert_eq!(
        values(LargeStringArray::from(vec![odd]), RFC3339),
        [written]
    );
    assert_eq!(
        values(StringViewArray::from(vec![odd, "short"]), RFC3339),
        [written, "\"short\""]
    );
    let named = batch(vec![(
        "a\"b",
        Arc::new(Int8Array::from(vec![-1])) as ArrayRef,
    )]);
    assert_eq!(lines(&named, RFC3339), [r#"{"a\"b":-1}"#]);
}

#[test]
fn a_slice_is_written_as_itself() {
    let strings = StringArray::from(vec!["\"", "a", "b", "\\"]).slice(1, 2);
    assert_eq!(values(strings, RFC3339), ["\"a\"", "\"b\""]);
    assert_eq!(
        values(
            Int64Array::from(vec![Some(1), None, Some(3)]).slice(1, 2),
            RFC3339
        ),
        ["null", "3"]
    );
}

#[test]
fn whole_numbers() {
    assert_eq!(
        values(Int8Array::from(vec![i8::MIN, 0, i8::MAX]), RFC3339),
        ["-128", "0", "127"]
    );
    assert_eq!(
        values(Int16Array::from(vec![i16::MIN]), RFC3339),
        ["-32768"]
    );
    assert_eq!(
        values(Int32Array::from(vec![i32::MIN]), RFC3339),
        ["-2147483648"]
    );
    assert_eq!(
        values(Int64Array::from(vec![i64::MIN, i64::MAX]), RFC3339),
        [i64::MIN.to_string(), i64::MAX.to_string()]
    );
    assert_eq!(values(UInt8Array::from(vec![255]), RFC3339), ["255"]);
    assert_eq!(values(UInt16Array::from(vec![65535]), RFC3339), ["65535"]);
    assert_eq!(
        values(UInt32Array::from(vec![u32::MAX]), RFC3339),
        ["4294967295"]
    );
    assert_eq!(
        values(UInt64Array::from(vec![u64::MAX]), RFC3339),
        ["18446744073709551615"]
    );
}

#[test]
fn floats() {
    let floats = vec![
        5000.0,
        0.1,
        -0.0,
        5e-324,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let written = ["5000.0", "0.1", "-0.0", "5e-324", "null", "null", "null"];
    assert_eq!(values(Float64Array::from(floats), RFC3339), written);
    assert_eq!(
        values(Float32Array::from(vec![0.1, f32::NAN]), RFC3339),
        ["0.1", "null"]
    );
}

#[test]
fn floats_read_back_the_same() {
    let mut random = StdRng::seed_from_u64(seed());
    let floats: Vec<f64> = (0..2000)
        .map(|_| f64::from_bits(random.random()))
        .filter(|f| f.is_finite())
        .collect();
    for (float, written) in floats
        .iter()
        .zip(values(Float64Array::from(floats.clone()), RFC3339))
    {
        assert_eq!(
            written.parse::<f64>().unwrap().to_bits(),
            float.to_bits(),
            "{written}"
        );
        assert!(serde_json::from_str::<Value>(&written).is_ok(), "{written}");
    }
}

#[test]
fn decimals() {
    let decimals = |values: Vec<i128>, scale| {
        Decimal128Array::from(values)
            .with_precision_and_scale(38, scale)
            .unwrap()
    };
    let written = ["250.00", "0.00", "0.05", "-0.05", "-1.23", "0.10"];
    assert_eq!(
        values(decimals(vec![25_000, 0, 5, -5, -123, 10], 2), RFC3339),
        written
    );
    assert_eq!(values(decimals(vec![7, -7], 0), RFC3339), ["7", "-7"]);
    assert_eq!(values(decimals(vec![7, 0], -3), RFC3339), ["7000", "0"]);
    let largest = 10_i128.pow(38) - 1;
    assert_eq!(
        values(decimals(vec![largest, -largest], 38), RFC3339),
        [
            "0.99999999999999999999999999999999999999",
            "-0.99999999999999999999999999999999999999"
        ]
    );
    let wide = i256::from_i128(largest)
        .checked_mul(i256::from_i128(-100))
        .unwrap();
    let wide = Decimal256Array::from(vec![wide, i256::from_i128(-5)])
        .with_precision_and_scale(60, 2)
        .unwrap();
    assert_eq!(
        values(wide, RFC3339),
        [format!("-{largest}.00"), "-0.05".to_owned()]
    );
    let small = Decimal32Array::from(vec![-1])
        .with_precision_and_scale(9, 3)
        .unwrap();
    assert_eq!(values(small, RFC3339), ["-0.001"]);
    let middle = Decimal64Array::from(vec![123_456])
        .with_precision_and_scale(18, 4)
        .unwrap();
    assert_eq!(values(middle, RFC3339), ["12.3456"]);
}

#[test]
fn decimals_are_as_arrow_has_them() {
    let mut random = StdRng::seed_from_u64(seed());
    for _ in 0..2000 {
        let scale = random.random_range(-10_i8..=38);
        let unscaled = random.random_range(-(10_i128.pow(38)) + 1..10_i128.pow(38))
            >> random.random_range(0..127);
        let array = Decimal128Array::from(vec![unscaled])
            .with_precision_and_scale(38, scale)
            .unwrap();
        let expected = Decimal128Type::format_decimal(unscaled, 38, scale);
        let expected = if unscaled == 0 && scale <= 0 {
            "0".to_owned()
        } else {
            expected
        };
        assert_eq!(
            values(array, RFC3339),
            [expected],
            "{unscaled} / 10^{scale}"
        );
    }
}

#[test]
fn times() {
    let micros = |values: Vec<i64>, options| values_of_micros(values, options);
    assert_eq!(
        micros(vec![0, 1_000, 1, -1], RFC3339),
        [
            "\"1970-01-01T00:00:00Z\"",
            "\"1970-01-01T00:00:00.001Z\"",
            "\"1970-01-01T00:00:00.000001Z\"",
            "\"1969-12-31T23:59:59.999999Z\""
        ]
    );
    assert_eq!(micros(vec![1_999, -1], MILLIS), ["1", "-1"]);
    assert_eq!(
        values(
            TimestampSecondArray::from(vec![1_709_164_800]).with_timezone("+02:00"),
            RFC3339
        ),
        ["\"2024-02-29T00:00:00Z\""]
    );
    assert_eq!(
        values(TimestampSecondArray::from(vec![i64::MAX]), MILLIS),
        ["9223372036854775807000"]
    );
    assert_eq!(
        values(TimestampMillisecondArray::from(vec![1_500]), MILLIS),
        ["1500"]
    );
    assert_eq!(
        values(TimestampNanosecondArray::from(vec![1]), RFC3339),
        ["\"1970-01-01T00:00:00.000000001Z\""]
    );
    assert_eq!(
        values(TimestampNanosecondArray::from(vec![-1]), MILLIS),
        ["-1"]
    );
    assert_eq!(
        values(Date32Array::from(vec![0, -1, 19_782]), RFC3339),
        ["\"1970-01-01\"", "\"1969-12-31\"", "\"2024-02-29\""]
    );
}

fn values_of_micros(micros: Vec<i64>, options: JsonOptions) -> Vec<String> {
    values(TimestampMicrosecondArray::from(micros), options)
}

#[test]
fn years_of_more_than_four_digits_have_a_sign() {
    let days = vec![2_932_896, 2_932_897, -719_528, -719_529];
    assert_eq!(
        values(Date32Array::from(days), RFC3339),
        [
            "\"9999-12-31\"",
            "\"+10000-01-01\"",
            "\"0000-01-01\"",
            "\"-0001-12-31\""
        ]
    );
    let extremes = values(
        TimestampSecondArray::from(vec![i64::MIN, i64::MAX]),
        RFC3339,
    );
    assert!(
        extremes[0].starts_with("\"-292277022")
            && extremes[1].starts_with("\"+292277026596-12-04T15:30:07Z"),
        "{extremes:?}"
    );
}

#[test]
fn times_are_as_chrono_has_them() {
    let mut random = StdRng::seed_from_u64(seed());
    for _ in 0..5000 {
        let micros = random.random_range(-62_167_219_200_000_000_i64..253_402_300_800_000_000);
        let micros = [
            micros,
            micros / 1_000 * 1_000,
            micros / 1_000_000 * 1_000_000,
        ][random.random_range(0..3)];
        let time: DateTime<Utc> = DateTime::from_timestamp_micros(micros).unwrap();
        let expected = format!("\"{}\"", time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        assert_eq!(
            values_of_micros(vec![micros], RFC3339),
            [expected],
            "{micros}"
        );
        assert_eq!(
            values_of_micros(vec![micros], MILLIS),
            [time.timestamp_millis().to_string()]
        );
        let date: NaiveDate = time.date_naive();
        let days = date.signed_duration_since(NaiveDate::default()).num_days();
        assert_eq!(
            values(Date32Array::from(vec![days as i32]), RFC3339),
            [format!("\"{}\"", date.format("%Y-%m-%d"))]
        );
    }
}

#[test]
fn lists_and_structs() {
    let items = Arc::new(StringArray::from(vec![Some("a\""), None, Some("c")]));
    let field = Arc::new(Field::new("item", DataType::Utf8, true));
    let nulls = NullBuffer::from(vec![true, false, true]);
    let list = ListArray::new(
        field,
        OffsetBuffer::from_lengths([2, 0, 1]),
        items,
        Some(nulls),
    );
    assert_eq!(
        values(list.clone(), RFC3339),
        [r#"["a\"",null]"#, "null", r#"["c"]"#]
    );
    assert_eq!(values(list.slice(2, 1), RFC3339), [r#"["c"]"#]);
    let fields = Fields::from(vec![
        Field::new("n", DataType::Int32, true),
        Field::new("l", list.data_type().clone(), true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])),
        Arc::new(list),
    ];
    let object = StructArray::new(
        fields,
        columns,
        Some(NullBuffer::from(vec![true, true, false])),
    );
    assert_eq!(
        values(object, RFC3339),
        [
            r#"{"n":1,"l":["a\"",null]}"#,
            r#"{"n":null,"l":null}"#,
            "null"
        ]
    );
}

#[test]
fn a_type_without_a_form_is_refused_by_name() {
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let list = DataType::List(Arc::new(Field::new("item", DataType::Binary, true)));
    for data_type in [
        interval,
        DataType::Binary,
        DataType::Float16,
        DataType::Duration(TimeUnit::Second),
        list,
    ] {
        let schema = Schema::new(vec![
            Field::new("ok", DataType::Utf8, true),
            Field::new("odd", data_type.clone(), true),
        ]);
        let error = JsonEncoder::new(&schema, RFC3339).unwrap_err();
        assert_eq!(
            error,
            EncodeError::UnsupportedType {
                column: "odd".to_owned(),
                data_type: data_type.clone()
            }
        );
        assert!(
            error.to_string().contains("CAST(odd AS VARCHAR)"),
            "{error}"
        );
        assert_eq!(KeyEncoder::new(&schema, &[1], RFC3339).unwrap_err(), error);
    }
}

#[test]
fn another_batch_is_refused() {
    let two = batch(vec![
        ("a", Arc::new(Int8Array::from(vec![1]))),
        ("b", Arc::new(Int8Array::from(vec![1]))),
    ]);
    let one = two.project(&[0]).unwrap();
    let encoder = JsonEncoder::new(&two.schema(), RFC3339).unwrap();
    let error = encoder
        .encode(&one, &mut Vec::new(), &mut Vec::new())
        .unwrap_err();
    assert_eq!(
        error,
        EncodeError::OtherColumns {
            expected: 2,
            found: 1
        }
    );
    assert_eq!(
        KeyEncoder::new(&one.schema(), &[1], RFC3339).unwrap_err(),
        EncodeError::NoSuchColumn {
            index: 1,
            columns: 1
        }
    );
    let keys = KeyEncoder::new(&two.schema(), &[1], RFC3339).unwrap();
    assert!(keys.encode(&one, &mut Vec::new(), &mut Vec::new()).is_err());
}

#[test]
fn a_full_arena_is_an_error_and_leaves_nothing_half_done() {
    let rows = batch(vec![(
        "a",
        Arc::new(Int8Array::from(vec![1, 2, 3])) as ArrayRef,
    )]);
    let encoder = JsonEncoder::new(&rows.schema(), RFC3339).unwrap();
    let (mut arena, mut ranges) = (b"x".to_vec(), Vec::from([0..1, 1..1]));
    let error = encoder
        .encode_within(20, &rows, &mut arena, &mut ranges)
        .unwrap_err();
    assert_eq!(error, EncodeError::ArenaFull { limit: 20 });
    assert_eq!((arena.as_slice(), ranges.len()), (b"x".as_slice(), 2));
    encoder
        .encode_within(22, &rows, &mut arena, &mut ranges)
        .unwrap();
    assert_eq!(ranges, [0..1, 1..1, 1..8, 8..15, 15..22]);
    assert_eq!(
        place(0, 1 << 32, u32::MAX),
        Err(EncodeError::ArenaFull { limit: u32::MAX })
    );
    assert_eq!(place(1, u32::MAX as usize, u32::MAX), Ok(1..u32::MAX));
}

#[test]
fn keys_of_one_column_are_bare_text() {
    let rows = batch(vec![
        (
            "s",
            Arc::new(StringArray::from(vec![Some("a\"b"), None, Some("")])),
        ),
        ("n", Arc::new(Int64Array::from(vec![7, 8, 9]))),
        (
            "t",
            Arc::new(TimestampMicrosecondArray::from(vec![0, 0, 0])),
        ),
        ("d", Arc::new(Date32Array::from(vec![0, 0, 0]))),
        ("v", Arc::new(StringViewArray::from(vec!["x", "\"", "z"]))),
    ]);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(keys(&rows, &[0], RFC3339), [some("a\"b"), None, some("")]);
    assert_eq!(
        keys(&rows, &[1], RFC3339),
        [some("7"), some("8"), some("9")]
    );
    assert_eq!(keys(&rows, &[2], RFC3339)[0], some("1970-01-01T00:00:00Z"));
    assert_eq!(keys(&rows, &[2], MILLIS)[0], some("0"));
    assert_eq!(keys(&rows, &[3], RFC3339)[0], some("1970-01-01"));
    assert_eq!(keys(&rows, &[4], RFC3339)[1], some("\""));
}

#[test]
fn keys_of_several_columns_are_objects() {
    let rows = batch(vec![
        ("s", Arc::new(StringArray::from(vec![Some("a"), None]))),
        ("n", Arc::new(Int64Array::from(vec![Some(7), None]))),
    ]);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        keys(&rows, &[1, 0], RFC3339),
        [some(r#"{"n":7,"s":"a"}"#), some(r#"{"n":null,"s":null}"#)]
    );
    assert_eq!(keys(&rows, &[], RFC3339), [None, None]);
}

#[test]
fn any_row_reads_back_as_what_it_was() {
    let mut random = StdRng::seed_from_u64(seed());
    for _ in 0..200 {
        let rows = random.random_range(0..20);
        let strings: Vec<Option<String>> = (0..rows)
            .map(|_| random.random_bool(0.8).then(|| any_text(&mut random)))
            .collect();
        let numbers: Vec<Option<i64>> = (0..rows)
            .map(|_| random.random_bool(0.8).then(|| random.random()))
            .collect();
        let flags: Vec<Option<bool>> = (0..rows)
            .map(|_| random.random_bool(0.8).then(|| random.random()))
            .collect();
        let name = any_text(&mut random) + "1";
        let batch = batch(vec![
            (&name, Arc::new(StringArray::from(strings.clone()))),
            ("view", Arc::new(StringViewArray::from_iter(strings.iter()))),
            ("n", Arc::new(Int64Array::from(numbers.clone()))),
            ("b", Arc::new(BooleanArray::from(flags.clone()))),
        ]);
        for (row, line) in lines(&batch, RFC3339).iter().enumerate() {
            let read: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
            assert_eq!(read[&name], Value::from(strings[row].clone()), "{line}");
            assert_eq!(read["view"], Value::from(strings[row].clone()), "{line}");
            assert_eq!(read["n"], Value::from(numbers[row]), "{line}");
            assert_eq!(read["b"], Value::from(flags[row]), "{line}");
        }
    }
}

/// Text in which what has to be escaped is frequent.
fn any_text(random: &mut StdRng) -> String {
    let length = random.random_range(0..12);
    (0..length)
        .map(|_| match random.random_range(0..6) {
            0 => char::from(random.random_range(0..0x20)),
            1 => ['"', '\\', '/', '\u{7f}'][random.random_range(0..4)],
            2 => random.random::<char>(),
            _ => random.random_range('a'..='z'),
        })
        .collect()
}
