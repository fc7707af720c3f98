//! Every way in which a whole record is rejected, with its message.

use arrow::datatypes::DataType;

use super::{MONEY, column, decode, decoder, decoder_within, record, required};
use crate::decode::{DecodeError, JsonDecoder, Limits, SchemaError};
use crate::record::{RawRecord, Reason};

/// The reason and message with which the value is rejected.
fn rejected(value: &[u8]) -> (&'static str, String) {
    let mut decoder = decoder(&[column("a", "a", DataType::Utf8)]);
    let (decoded, rejected) = decode(&mut decoder, &[value]);
    assert_eq!(decoded.batch.num_rows(), 0, "{value:?}");
    let [rejection] = &rejected[..] else {
        panic!("{rejected:?}");
    };
    assert_eq!(rejection.column, None);
    (rejection.reason.as_str(), rejection.message.clone())
}

#[test]
fn malformed_json_says_where_and_what_was_expected() {
    for (value, message) in [
        (r#" "#, "1: expected a value, found the end of the record"),
        (r#"hello"#, "0: expected a value, found `h`"),
        (
            r#"{"#,
            "1: expected a field name in double quotes, found the end of the record",
        ),
        (
            r#"{a:1}"#,
            "1: expected a field name in double quotes, found `a`",
        ),
        (
            r#"{'a':1}"#,
            "1: expected a field name in double quotes, found `'`",
        ),
        (
            r#"{"a":1,}"#,
            "7: expected a field name in double quotes, found `}`",
        ),
        (r#"{"a" 1}"#, "5: expected `:`, found `1`"),
        (r#"{"a""#, "4: expected `:`, found the end of the record"),
        (
            r#"{"a":"#,
            "5: expected a value, found the end of the record",
        ),
        (r#"{"a":}"#, "5: expected a value, found `}`"),
        (r#"{"a":tru}"#, "5: expected a value, found `t`"),
        (r#"{"a":True}"#, "5: expected a value, found `T`"),
        (r#"{"a":NaN}"#, "5: expected a value, found `N`"),
        (r#"{"a":+1}"#, "5: expected a value, found `+`"),
        (r#"{"a":.5}"#, "5: expected a value, found `.`"),
        (
            r#"{"a":1"#,
            "6: expected `,` or `}`, found the end of the record",
        ),
        (r#"{"a":1 "b":2}"#, "7: expected `,` or `}`, found `\"`"),
        (r#"{"a":01}"#, "6: expected `,` or `}`, found `1`"),
        (r#"{"a":0x1}"#, "6: expected `,` or `}`, found `x`"),
        (r#"{"a":-}"#, "6: expected a digit, found `}`"),
        (r#"{"a":1.}"#, "7: expected a digit, found `}`"),
        (r#"{"a":1e+}"#, "8: expected a digit, found `}`"),
        (r#"{"a":[1,2}"#, "9: expected `,` or `]`, found `}`"),
        (r#"{"a":[1,]}"#, "8: expected a value, found `]`"),
        (
            r#"{"a":1}}"#,
            "7: expected nothing after the value, found `}`",
        ),
        (
            r#"{"a":1}{"a":2}"#,
            "7: expected nothing after the value, found `{`",
        ),
        (r#"[1] x"#, "4: expected nothing after the value, found `x`"),
        (
            r#"{"a":"x"#,
            "7: expected `\"` at the end of the string, found the end of the record",
        ),
        (
            r#"{"a":"ü"#,
            "8: expected `\"` at the end of the string, found the end of the record",
        ),
        (r#"{"a":ü}"#, "5: expected a value, found `ü`"),
        ("\u{feff}{}", "0: expected a value, found `\u{feff}`"),
        (
            "{\"a\":\"two\nlines\"}",
            "9: expected an escape in place of the control character, found U+000A",
        ),
        (
            "{\"a\":\"\0\"}",
            "6: expected an escape in place of the control character, found U+0000",
        ),
        (
            r#"{"a":"\x"}"#,
            "7: expected one of `\"\\/bfnrtu` after the backslash, found `x`",
        ),
        (
            r#"{"a":"\u12g4"}"#,
            "10: expected four hexadecimal digits after `\\u`, found `g`",
        ),
        (
            r#"{"a":"\ud83e"}"#,
            "12: expected an escaped low surrogate after the high one, found `\"`",
        ),
        (
            r#"{"a":"\ud83e\u0041"}"#,
            "18: expected an escaped low surrogate after the high one, found `\"`",
        ),
        (
            r#"{"a":"\udd80"}"#,
            "12: expected a high surrogate before the low one, found `\"`",
        ),
    ] {
        let message = format!("malformed JSON at byte {message}");
        assert_eq!(
            rejected(value.as_bytes()),
            ("MalformedJson", message),
            "{value}"
        );
    }
}

#[test]
fn a_wanted_and_an_unwanted_field_are_checked_alike() {
    for value in [
        r#"{"b":01}"#,
        r#"{"b":"\q"}"#,
        r#"{"b":{"c":[1,{"d":tru}]}}"#,
        r#"{"b":"\ud800"}"#,
        "{\"b\":\"\u{1}\"}",
    ] {
        assert_eq!(rejected(value.as_bytes()).0, "MalformedJson", "{value}");
    }
}

#[test]
fn json_that_is_no_object_says_what_it_is() {
    for (value, found) in [
        ("null", "null"),
        (" true ", "a boolean"),
        ("5", "a number"),
        ("\"{}\"", "a string"),
        ("[{}]", "an array"),
    ] {
        let message = format!("expected a JSON object, found {found}");
        assert_eq!(rejected(value.as_bytes()), ("NotAnObject", message));
    }
}

#[test]
fn bytes_that_are_not_utf8_are_found_in_values_and_names() {
    for (value, at) in [
        (&b"{\"a\":\"x\xff\"}"[..], 7),
        (b"{\"b\":\"\xc3\"}", 6),
        (b"{\"b\xc3\":1}", 3),
        (b"{\"b\":\"\xed\xa0\x80\"}", 6),
        (b"\xff", 0),
        (b"{\"a\":\"ok\",\"b\":[\"0123456789abcdef\xf0\x9f\"]}", 32),
    ] {
        let message = format!("byte {at} of the value is not UTF-8");
        assert_eq!(rejected(value), ("InvalidUtf8", message));
    }
}

#[test]
fn a_name_that_is_not_utf8_is_rejected_every_time() {
    let mut decoder = decoder(&[column("a", "a", DataType::Utf8)]);
    let value = b"{\"b\xc3\":1}";
    let (_, rejected) = decode(&mut decoder, &[value, value, value]);
    let reasons: Vec<_> = rejected.iter().map(|rejection| rejection.reason).collect();
    assert_eq!(reasons, [Reason::InvalidUtf8; 3]);
}

#[test]
fn nothing_in_the_record_has_a_reason_of_its_own() {
    let mut decoder = decoder(&[column("a", "a", DataType::Utf8)]);
    let absent = RawRecord {
        value: None,
        ..record(b"")
    };
    let mut rejected = Vec::new();
    let records = [record(b""), absent, record(b"{}")];
    let decoded = decoder.decode(&records, &mut rejected).unwrap();
    assert_eq!(decoded.record, Some(vec![2]));
    let found: Vec<_> = rejected
        .iter()
        .map(|rejection| (rejection.record, rejection.reason, &*rejection.message))
        .collect();
    let expected = [
        (0, Reason::Empty, "the value has no bytes"),
        (1, Reason::Null, "the value is null"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn limits_are_inclusive() {
    let limits = Limits {
        max_record_bytes: 14,
        max_depth: 3,
    };
    let mut decoder = decoder_within(&[column("a", "a", DataType::Utf8)], limits);
    let values = [
        r#"{"b":[[     ]]}"#,
        r#"{"b":[[    ]]}"#,
        r#"{"b":[[[]]]}"#,
        r#"{"b":[{"c":{}"#,
        r#"[[[]]]"#,
        r#"[[[[]]]]"#,
    ];
    let (decoded, rejected) = decode(&mut decoder, &values);
    assert_eq!(decoded.record, Some(vec![1]));
    let found: Vec<_> = rejected
        .iter()
        .map(|rejection| (rejection.record, rejection.reason, &*rejection.message))
        .collect();
    let deep = "objects and arrays are nested deeper than 3 levels at byte";
    let expected = [
        (
            0,
            Reason::TooLarge,
            "the value has 15 bytes, and a record may have 14".to_owned(),
        ),
        (2, Reason::TooDeep, format!("{deep} 7")),
        (3, Reason::TooDeep, format!("{deep} 11")),
        (
            4,
            Reason::NotAnObject,
            "expected a JSON object, found an array".to_owned(),
        ),
        (5, Reason::TooDeep, format!("{deep} 3")),
    ];
    assert_eq!(
        found,
        expected
            .each_ref()
            .map(|(record, reason, text)| (*record, *reason, &**text))
    );
}

#[test]
fn depth_counts_the_same_inside_wanted_fields() {
    let limits = Limits {
        max_depth: 2,
        ..Limits::default()
    };
    let mut decoder = decoder_within(&[column("a", "a.b.c", DataType::Utf8)], limits);
    let (decoded, rejected) = decode(&mut decoder, &[r#"{"a":{"b":1}}"#, r#"{"a":{"b":{}}}"#]);
    assert_eq!(decoded.batch.num_rows(), 0);
    assert_eq!(rejected[0].reason, Reason::WrongType);
    assert_eq!(rejected[1].reason, Reason::TooDeep);
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let limits = Limits {
        max_record_bytes: usize::MAX,
        max_depth: usize::MAX,
    };
    let mut decoder = decoder_within(&[column("a", "a", DataType::Utf8)], limits);
    let (_, rejected) = decode(
        &mut decoder,
        &[format!("{{\"b\":{}", "[".repeat(1_000_000))],
    );
    assert_eq!(rejected[0].reason, Reason::TooDeep);
}

#[test]
fn a_required_column_must_be_there() {
    let mut decoder = decoder(&[
        required("amount", "amount", MONEY),
        required("city", "address.city", DataType::Utf8),
    ]);
    let values = [
        r#"{"amount":1,"address":{"city":"Rome"}}"#,
        r#"{"amounts":1,"address":{"city":"Rome"}}"#,
        r#"{"amount":null,"address":{"city":"Rome"}}"#,
        r#"{"amount":1,"address":{}}"#,
        r#"{"amount":1,"address":null}"#,
        r#"{"amount":1,"address":{"city":null}}"#,
        r#"{"amount":1,"address":"Rome"}"#,
        r#"{"amount":"abc","address":[]}"#,
    ];
    let (decoded, rejected) = decode(&mut decoder, &values);
    assert_eq!(decoded.record, Some(vec![0]));
    let found: Vec<_> = rejected
        .iter()
        .map(|r| {
            (
                r.record,
                r.reason.as_str(),
                r.column.as_deref().unwrap(),
                &*r.message,
            )
        })
        .collect();
    let missing = "MissingRequired";
    let no_city = "column `city`: required, but the record has no field `address.city`";
    let expected = [
        (
            1,
            missing,
            "amount",
            "column `amount`: required, but the record has no field `amount`",
        ),
        (
            2,
            missing,
            "amount",
            "column `amount`: required, but the field `amount` is null",
        ),
        (3, missing, "city", no_city),
        (4, missing, "city", no_city),
        (
            5,
            missing,
            "city",
            "column `city`: required, but the field `address.city` is null",
        ),
        (
            6,
            "WrongType",
            "city",
            "column `city`: expected an object around the field `address.city`, found the string \"Rome\"",
        ),
        (
            7,
            "WrongType",
            "amount",
            "column `amount`: expected Decimal(12,2), found the string \"abc\"",
        ),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_record_that_is_not_json_is_not_blamed_on_a_column() {
    let mut decoder = decoder(&[required("n", "n", DataType::Int64)]);
    let (_, rejected) = decode(&mut decoder, &[r#"{"n":"abc","#]);
    assert_eq!(rejected[0].reason, Reason::MalformedJson);
}

#[test]
fn a_decoder_is_refused_where_columns_and_schema_do_not_agree() {
    use arrow::datatypes::{Field, Schema};
    use std::sync::Arc;

    let (one, _) = column("c", "c", DataType::Utf8);
    let new = |columns: &[_], fields: Vec<Field>| {
        let schema = Arc::new(Schema::new(fields));
        let made = JsonDecoder::new(columns, schema, Limits::default());
        made.err().map(|error| error.to_string())
    };
    assert_eq!(
        new(std::slice::from_ref(&one), vec![]).unwrap(),
        "1 columns to decode, but 0 fields in the schema"
    );
    assert_eq!(
        new(
            std::slice::from_ref(&one),
            vec![Field::new("c", DataType::Int8, true)]
        )
        .unwrap(),
        "column `c`: Int8 cannot be decoded"
    );
    assert_eq!(
        new(
            std::slice::from_ref(&one),
            vec![Field::new("c", DataType::Utf8, false)]
        )
        .unwrap(),
        "column `c`: it is not required, but its field is not nullable"
    );
    let pathless = tidemill_plan::model::Column {
        path: vec![],
        ..one
    };
    let error = new(&[pathless], vec![Field::new("c", DataType::Utf8, true)]).unwrap();
    let expected = SchemaError::Path {
        column: "c".to_owned(),
    };
    assert_eq!(error, expected.to_string());
}

#[test]
fn more_than_two_gigabytes_at_once_are_an_error() {
    let mebibyte = vec![b' '; 1 << 20];
    let records = vec![record(&mebibyte); 2048];
    let mut rejected = Vec::new();
    let decoded = decoder(&[]).decode(&records, &mut rejected);
    assert!(matches!(decoded, Err(DecodeError::TooMuch { .. })));
    assert_eq!(rejected, []);
}
