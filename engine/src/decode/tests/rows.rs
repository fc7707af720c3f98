//! Which rows a batch gets, whatever its records look like around the wanted fields.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};

use super::{MONEY, TIMESTAMP, column, decode, decoder, required};

fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<&str>> {
    batch.column(column).as_string::<i32>().iter().collect()
}

fn ints(batch: &RecordBatch, column: usize) -> Vec<Option<i64>> {
    let column = batch.column(column).as_primitive::<Int64Type>();
    column.iter().collect()
}

#[test]
fn a_bad_record_fails_alone() {
    let mut decoder = decoder(&[
        column("name", "name", DataType::Utf8),
        column("flag", "flag", DataType::Boolean),
        column("n", "n", DataType::Int64),
        required("amount", "amount", MONEY),
    ]);
    let values = [
        r#"{"name":"a","flag":true,"n":1,"amount":1}"#,
        r#"{"name":"lost","flag":false,"n":2,"amount":"x"}"#,
        r#"{"amount":2}"#,
        r#"{"name":null,"flag":null,"n":null,"amount":"x"}"#,
        r#"{"name":"b","flag":false,"n":3,"amount":3"#,
        r#"{"name":"c","flag":true,"n":4,"amount":4}"#,
    ];
    let (decoded, rejected) = decode(&mut decoder, &values);
    assert_eq!(decoded.record, Some(vec![0, 2, 5]));
    assert_eq!(
        rejected.iter().map(|r| r.record).collect::<Vec<_>>(),
        [1, 3, 4]
    );
    let batch = &decoded.batch;
    assert_eq!(texts(batch, 0), [Some("a"), None, Some("c")]);
    let flags: Vec<_> = batch.column(1).as_boolean().iter().collect();
    assert_eq!(flags, [Some(true), None, Some(true)]);
    assert_eq!(ints(batch, 2), [Some(1), None, Some(4)]);
    let amounts = batch.column(3).as_primitive::<Decimal128Type>();
    assert_eq!(amounts.values(), &[100, 200, 400]);
    assert_eq!(amounts.data_type(), &MONEY);
}

#[test]
fn a_decoder_starts_every_batch_anew() {
    let mut decoder = decoder(&[column("a", "a", DataType::Utf8)]);
    let (first, _) = decode(&mut decoder, &[r#"{"a":"x"}"#, "!", r#"{"a":null}"#]);
    assert_eq!(texts(&first.batch, 0), [Some("x"), None]);
    let (second, rejected) = decode(&mut decoder, &[r#"{"a":"y"}"#]);
    assert_eq!(texts(&second.batch, 0), [Some("y")]);
    assert_eq!((second.record, rejected), (None, vec![]));
    let (third, _) = decode::<&str>(&mut decoder, &[]);
    assert_eq!((third.batch.num_rows(), third.record), (0, None));
    assert_eq!(texts(&first.batch, 0), [Some("x"), None]);
}

#[test]
fn rows_without_columns_are_counted() {
    let (decoded, rejected) = decode(&mut decoder(&[]), &["{}", "[]", r#"{"a":1}"#]);
    assert_eq!(decoded.batch.num_rows(), 2);
    assert_eq!(rejected.len(), 1);
}

#[test]
fn of_a_field_that_is_there_twice_the_last_counts() {
    let mut decoder = decoder(&[
        column("n", "n", DataType::Int64),
        column("x", "o.x", DataType::Int64),
    ]);
    let values = [
        r#"{"n":1,"o":{"x":1},"n":2,"o":{"x":2}}"#,
        r#"{"n":"abc","n":3}"#,
        r#"{"n":4,"n":null}"#,
        r#"{"n":5,"\u006e":6}"#,
        r#"{"o":{"x":7},"o":{"y":8}}"#,
        r#"{"o":{"x":9},"o":null}"#,
        r#"{"o":[],"o":{"x":10}}"#,
        r#"{"o":{"x":11,"x":12}}"#,
    ];
    let (decoded, rejected) = decode(&mut decoder, &values);
    assert_eq!(rejected, []);
    let n = [Some(2), Some(3), None, Some(6), None, None, None, None];
    let x = [Some(2), None, None, None, None, None, Some(10), Some(12)];
    assert_eq!(ints(&decoded.batch, 0), n);
    assert_eq!(ints(&decoded.batch, 1), x);
}

#[test]
fn paths_reach_into_objects_and_share_them() {
    let mut decoder = decoder(&[
        column("city", "a.city", DataType::Utf8),
        column("raw", "ts", DataType::Utf8),
        column("lat", "a.geo.lat", DataType::Int64),
        column("ts", "ts", TIMESTAMP),
        column("top", "city", DataType::Utf8),
        column("lon", "a.geo.lon", DataType::Int64),
    ]);
    let values = [
        r#"{"a":{"city":"Oslo","geo":{"lat":60,"lon":11}},"ts":"0","city":"x"}"#,
        r#"{"ts":1,"a":{"geo":{"lon":-5,"alt":[{"lat":9}],"lat":40},"zip":{"city":"no"},"city":"Madrid"}}"#,
        r#"{"a":{"geo":null},"city":"y"}"#,
        r#"{}"#,
    ];
    let (decoded, rejected) = decode(&mut decoder, &values);
    assert_eq!(rejected, []);
    let batch = &decoded.batch;
    assert_eq!(texts(batch, 0), [Some("Oslo"), Some("Madrid"), None, None]);
    assert_eq!(texts(batch, 1), [Some("0"), Some("1"), None, None]);
    assert_eq!(ints(batch, 2), [Some(60), Some(40), None, None]);
    assert_eq!(batch.column(3).null_count(), 2);
    assert_eq!(texts(batch, 4), [Some("x"), None, Some("y"), None]);
    assert_eq!(ints(batch, 5), [Some(11), Some(-5), None, None]);
}

#[test]
fn neither_order_nor_space_nor_escapes_in_names_matter() {
    let mut decoder = decoder(&[
        column("id", "a_field_with_a_rather_long_name", DataType::Utf8),
        column("n", "n", DataType::Int64),
        column("strange", "q\"\\\nü", DataType::Utf8),
        column("empty", "", DataType::Utf8),
    ]);
    let values = [
        r#"{"a_field_with_a_rather_long_name":"a","n":1,"q\"\\\nü":"s","":"e"}"#,
        r#"{"":"e","q\"\\\u000a\u00fc":"s","n":1,"a_field_with_a_rather_long_name":"a"}"#,
        "\r\n\t { \"n\"\n:\n1 , \"a_field_with_a_rather_long_name\" : \"a\",\"\": \"e\" ,\"q\\\"\\\\\\nü\":\"s\"\n} \n",
        r#"{"a_field_with_a_rather_long_nama":"x","n":1,"nn":2,"a_field_with_a_rather_long_name":"a","q\"\\\nü":"s","":"e"}"#,
        r#"{"\u006e":1,"\u0061_field_with_a_rather_long_name":"a","":"e","q\"\\\nü":"s"}"#,
    ];
    for _ in 0..2 {
        let (decoded, rejected) = decode(&mut decoder, &values);
        assert_eq!(rejected, []);
        assert_eq!(texts(&decoded.batch, 0), [Some("a"); 5]);
        assert_eq!(ints(&decoded.batch, 1), [Some(1); 5]);
        assert_eq!(texts(&decoded.batch, 2), [Some("s"); 5]);
        assert_eq!(texts(&decoded.batch, 3), [Some("e"); 5]);
    }
}

#[test]
fn names_beyond_all_memory_do_not_hide_wanted_ones() {
    let mut decoder = decoder(&[column("n", "n", DataType::Int64)]);
    let values: Vec<_> = (0..500)
        .map(|i| format!(r#"{{"f{i}":0,"f{}":0,"n":{i},"g{i}":0}}"#, i + 1))
        .collect();
    let (decoded, rejected) = decode(&mut decoder, &values);
    assert_eq!(rejected, []);
    assert_eq!(
        ints(&decoded.batch, 0),
        (0..500).map(Some).collect::<Vec<_>>()
    );
}
