//! Debezium's changes as JSON.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use tidemill_plan::model::Format;

use super::{MONEY, column, record, required, shown};
use crate::decode::{Decoded, Decoder, Limits};
use crate::record::{RawRecord, Rejection};

/// Decodes records of key and value.
fn decode(records: &[(Option<&str>, Option<String>)]) -> (Decoded, Vec<Rejection>) {
    let columns = [
        required("id", "id", DataType::Int64),
        column("name", "name", DataType::Utf8),
        column("born", "born", DataType::Date32),
        required("balance", "balance", MONEY),
    ];
    let field = |(column, data_type): &(tidemill_plan::model::Column, DataType)| {
        Field::new(&column.name, data_type.clone(), true)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let columns: Vec<_> = columns.iter().map(|(column, _)| column.clone()).collect();
    let mut decoder = Decoder::new(&Format::Debezium, &columns, schema, Limits::default()).unwrap();
    let records: Vec<_> = records
        .iter()
        .map(|(key, value)| RawRecord {
            key: key.map(str::as_bytes),
            value: value.as_deref().map(str::as_bytes),
            ..record(b"")
        })
        .collect();
    let mut rejected = Vec::new();
    let decoded = decoder.decode(&records, &mut rejected).unwrap();
    (decoded, rejected)
}

fn change(before: &str, after: &str, op: &str) -> String {
    format!(
        r#"{{"before":{before},"after":{after},"source":{{"db":"bank"}},"op":"{op}","ts_ms":1}}"#
    )
}

const ANN: &str = r#"{"id":1,"name":"Ann","born":20484,"balance":"12.50"}"#;

#[test]
fn changes_are_rows_and_deletions_with_and_without_their_schema() {
    for with_schema in [false, true] {
        let value = |change: String| {
            Some(if with_schema {
                format!(
                    r#"{{"schema":{{"type":"struct","fields":[{{"field":"op"}}]}},"payload":{change}}}"#
                )
            } else {
                change
            })
        };
        let key = if with_schema {
            r#"{"schema":{"type":"struct"},"payload":{"id":1}}"#
        } else {
            r#"{"id":1}"#
        };
        let anna = ANN.replace("Ann", "Anna");
        let (decoded, rejected) = decode(&[
            (Some(key), value(change("null", ANN, "r"))),
            (Some(key), value(change("null", ANN, "c"))),
            (Some(key), value(change(ANN, &anna, "u"))),
            (Some(key), value(change(&anna, "null", "d"))),
            (Some(key), None),
            (Some(key), value(change(r#"{"id":2}"#, "null", "d"))),
        ]);
        assert_eq!(rejected, []);
        assert_eq!(
            shown(&decoded.batch),
            [
                "1|Ann|2026-01-31|12.50",
                "1|Ann|2026-01-31|12.50",
                "1|Anna|2026-01-31|12.50",
                "1|Anna|2026-01-31|12.50",
                "1|-|-|-",
                "2|-|-|-",
            ]
        );
        let deleted: Vec<bool> = decoded.deleted.unwrap().values().iter().collect();
        assert_eq!(deleted, [false, false, false, true, true, true]);
        assert_eq!(decoded.record, None);
    }
}

#[test]
fn what_is_no_change_of_a_row_fails_alone_or_is_passed_over() {
    let (decoded, rejected) = decode(&[
        (None, Some(change("null", ANN, "c"))),
        (None, Some(change("null", "null", "m"))),
        (None, Some(change("null", "null", "t"))),
        (None, Some(change("null", "null", "c"))),
        (None, Some(change(ANN, "null", "u"))),
        (None, Some(ANN.to_owned())),
        (None, Some(change("null", r#"{"id":3}"#, "c"))),
        (
            None,
            Some(change("null", &ANN.replace("\"12.50\"", "\"x\""), "c")),
        ),
        (None, None),
        (Some("{\"other\":1}"), None),
        (Some("no json"), None),
        (Some("{\"id\":\"x\"}"), None),
    ]);
    assert_eq!(shown(&decoded.batch), ["1|Ann|2026-01-31|12.50"]);
    assert!(decoded.deleted.is_none());
    assert_eq!(decoded.record, Some(vec![0]));
    let said: Vec<_> = rejected
        .iter()
        .map(|r| (r.record, r.reason.as_str(), &*r.message))
        .collect();
    let no_row = "the change has no row: `after` is null or not there";
    let no_key = "the value is null, and the key has none of the columns";
    assert_eq!(
        said,
        [
            (
                2,
                "WrongType",
                "the change is `t`; those that are read are c, r, u (a row) and d (a deletion)"
            ),
            (3, "MissingRequired", no_row),
            (4, "MissingRequired", no_row),
            (
                5,
                "Malformed",
                "the record is no change as Debezium writes it: it has no field `op`"
            ),
            (
                6,
                "MissingRequired",
                "column `balance`: required, but the record has no field `balance`"
            ),
            (
                7,
                "WrongType",
                "column `balance`: expected Decimal(12,2), found the string \"x\""
            ),
            (8, "Null", "the value is null"),
            (9, "Null", no_key),
            (10, "Null", no_key),
            (
                11,
                "WrongType",
                "column `id`: expected Int64, found the string \"x\""
            ),
        ]
    );
}
