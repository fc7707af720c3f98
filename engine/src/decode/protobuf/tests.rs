#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout)] // Seeds.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{self, Column, Format, Registry, Written};

use crate::decode::tests::shown;
use crate::decode::{Decoded, Decoder, Limits, RegisteredSchema};
use crate::encode::{RowEncoder, protobuf_schema};
use crate::record::{RawRecord, Rejection};

const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
const MONEY: DataType = DataType::Decimal128(12, 2);

fn column(path: &str, data_type: DataType) -> (Column, DataType) {
    let column = Column {
        name: path.replace('.', "_"),
        path: path.split('.').map(str::to_owned).collect(),
        required: false,
    };
    (column, data_type)
}

fn required(path: &str, data_type: DataType) -> (Column, DataType) {
    let (mut column, data_type) = column(path, data_type);
    column.required = true;
    (column, data_type)
}

fn registry() -> Registry {
    Registry {
        url: "http://registry".to_owned(),
        secret: None,
        subject: None,
    }
}

fn try_decoder(
    schema: Option<(&str, Option<&str>)>,
    columns: &[(Column, DataType)],
) -> Result<Decoder, String> {
    let fields = columns
        .iter()
        .map(|(column, data_type)| Field::new(&column.name, data_type.clone(), true));
    let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns: Vec<Column> = columns.iter().map(|(column, _)| column.clone()).collect();
    let format = match schema {
        Some((text, message)) => Format::Protobuf {
            schemas: model::Schemas::Text(text.to_owned()),
            message: message.map(str::to_owned),
        },
        None => Format::Protobuf {
            schemas: model::Schemas::Registry(registry()),
            message: None,
        },
    };
    Decoder::new(&format, &columns, arrow, Limits::default()).map_err(|error| error.to_string())
}

fn decode<T: AsRef<[u8]>>(decoder: &mut Decoder, values: &[T]) -> (Decoded, Vec<Rejection>) {
    let raw = |value: &'static [u8]| RawRecord {
        offset: 0,
        timestamp: -1,
        key: None,
        value: Some(value),
    };
    let records: Vec<RawRecord<'_>> = values
        .iter()
        .map(|value| RawRecord {
            value: Some(value.as_ref()),
            ..raw(b"")
        })
        .collect();
    let mut rejected = Vec::new();
    let decoded = decoder.decode(&records, &mut rejected).unwrap();
    (decoded, rejected)
}

/// The library's own view of a schema.
fn pool(text: &str) -> DescriptorPool {
    let mut resolver = protox::file::ChainFileResolver::new();
    resolver.add(super::schema::files(text, &[]));
    resolver.add(protox::file::GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler.open_file(super::schema::FILE).unwrap();
    compiler.descriptor_pool()
}

/// What the library writes for a message in its text format.
fn written(text: &str, message: &str, fields: &str) -> Vec<u8> {
    let descriptor = pool(text).get_message_by_name(message).unwrap();
    let message = DynamicMessage::parse_text_format(descriptor, fields).unwrap();
    message.encode_to_vec()
}

const ALL: &str = r#"syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/type/date.proto";
import "google/type/decimal.proto";
import "confluent/type/decimal.proto";
package shop;
message All {
  enum State { NEW = 0; PAID = 7; }
  message Inner { string name = 1; Inner next = 2; optional int32 n = 3; }
  double d = 1; float f = 2; int32 i32 = 3; int64 i64 = 4; uint32 u32 = 5; uint64 u64 = 6;
  sint32 s32 = 7; sint64 s64 = 8; fixed32 f32 = 9; fixed64 f64 = 10; sfixed32 sf32 = 11; sfixed64 sf64 = 12;
  bool b = 13; string s = 14; bytes raw = 15; State state = 16; Inner inner = 17;
  optional string maybe = 18; repeated int32 many = 19; map<string, int32> map = 20;
  oneof choice { string left = 21; int64 right = 22; }
  google.protobuf.Timestamp at = 23; google.protobuf.StringValue wrapped = 24;
  google.type.Date day = 25; google.type.Decimal words = 26; confluent.type.Decimal money = 27;
}"#;

/// What columns of these types make of a message.
fn read(fields: &str, columns: &[(Column, DataType)]) -> Result<String, Rejection> {
    let record = written(ALL, "shop.All", fields);
    let mut decoder = try_decoder(Some((ALL, None)), columns).unwrap();
    let (decoded, rejected) = decode(&mut decoder, &[record]);
    match rejected.into_iter().next() {
        Some(rejection) => Err(rejection),
        None => Ok(shown(&decoded.batch).remove(0)),
    }
}

#[test]
fn values_are_read_as_the_columns_type_where_nothing_is_lost() {
    let cases = [
        ("d: 2.5", column("d", DataType::Float64), "2.5"),
        ("f: 0.1", column("f", MONEY), "0.10"),
        ("i32: -5", column("i32", DataType::Int32), "-5"),
        ("i64: -5", column("i64", DataType::Utf8), "-5"),
        (
            "u32: 4294967295",
            column("u32", DataType::Int64),
            "4294967295",
        ),
        (
            "u64: 18446744073709551615",
            column("u64", DataType::Decimal128(20, 0)),
            "18446744073709551615",
        ),
        ("s32: -7", column("s32", DataType::Int32), "-7"),
        (
            "s64: -9223372036854775808",
            column("s64", DataType::Int64),
            "-9223372036854775808",
        ),
        (
            "f32: 4294967295",
            column("f32", DataType::Int64),
            "4294967295",
        ),
        ("f64: 7", column("f64", DataType::Int32), "7"),
        ("sf32: -1", column("sf32", DataType::Int32), "-1"),
        (
            "sf64: 1769860800",
            column("sf64", TIMESTAMP),
            "2026-01-31T12:00:00",
        ),
        ("b: true", column("b", DataType::Boolean), "true"),
        ("s: 'é'", column("s", DataType::Utf8), "é"),
        ("s: '12.5'", column("s", MONEY), "12.50"),
        ("raw: 'abc'", column("raw", DataType::Utf8), "abc"),
        ("state: PAID", column("state", DataType::Utf8), "PAID"),
        (
            "inner { next { name: 'deep' } }",
            column("inner.next.name", DataType::Utf8),
            "deep",
        ),
        ("left: 'l'", column("left", DataType::Utf8), "l"),
        ("right: 3", column("left", DataType::Utf8), "-"),
        (
            "at { seconds: -1 nanos: 999999999 }",
            column("at", TIMESTAMP),
            "1969-12-31T23:59:59.999999",
        ),
        (
            "wrapped { value: 'w' }",
            column("wrapped", DataType::Utf8),
            "w",
        ),
        ("wrapped { }", column("wrapped", DataType::Utf8), ""),
        (
            "day { year: 2026 month: 1 day: 31 }",
            column("day", DataType::Date32),
            "2026-01-31",
        ),
        ("words { value: '-1.5' }", column("words", MONEY), "-1.50"),
        (
            "money { value: '\\xfb\\x1e' scale: 2 }",
            column("money", MONEY),
            "-12.50",
        ),
    ];
    for (fields, column, expected) in cases {
        assert_eq!(read(fields, &[column]).as_deref(), Ok(expected), "{fields}");
    }
}

#[test]
fn what_is_not_there_is_its_default_or_null() {
    let columns = [
        column("i32", DataType::Int32),
        column("s", DataType::Utf8),
        column("b", DataType::Boolean),
        column("state", DataType::Utf8),
        column("maybe", DataType::Utf8),
        column("inner.name", DataType::Utf8),
        column("at", TIMESTAMP),
        column("left", DataType::Utf8),
        column("nothing", DataType::Utf8),
    ];
    assert_eq!(read("", &columns).as_deref(), Ok("0||false|NEW|-|-|-|-|-"));
    let columns = [
        column("inner.name", DataType::Utf8),
        column("inner.n", DataType::Int32),
        column("inner.next.name", DataType::Utf8),
    ];
    assert_eq!(read("inner { }", &columns).as_deref(), Ok("|-|-"));
}

#[test]
fn what_would_lose_something_is_refused_with_its_reason() {
    let cases = [
        (
            "u64: 18446744073709551615",
            column("u64", DataType::Int64),
            "OutOfRange",
            "found the number 18446744073709551615, which is out of its range",
        ),
        (
            "raw: '\\xff'",
            column("raw", DataType::Utf8),
            "InvalidUtf8",
            "found 1 bytes, which is not UTF-8",
        ),
        (
            "many: [1, 2]",
            column("many", DataType::Utf8),
            "WrongType",
            "found a list",
        ),
        (
            "map { key: 'a' value: 1 }",
            column("map", DataType::Utf8),
            "WrongType",
            "found a map",
        ),
        (
            "inner { }",
            column("inner", DataType::Utf8),
            "WrongType",
            "found a message",
        ),
        (
            "s: 'x'",
            column("s.x", DataType::Utf8),
            "WrongType",
            "expected a record around the field `s.x`",
        ),
        (
            "day { year: 2026 month: 2 day: 30 }",
            column("day", DataType::Date32),
            "WrongType",
            "found a date that no calendar shows",
        ),
        (
            "",
            required("maybe", DataType::Utf8),
            "MissingRequired",
            "the record has no field `maybe`",
        ),
    ];
    for (fields, column, reason, message) in cases {
        let rejection = read(fields, &[column]).unwrap_err();
        assert_eq!(
            rejection.reason.as_str(),
            reason,
            "{fields}: {}",
            rejection.message
        );
        assert!(rejection.message.contains(message), "{}", rejection.message);
    }
}

fn named(id: u32, path: &[u8], record: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), path, record].concat()
}

#[test]
fn a_record_names_its_schema_and_its_message() {
    let text = r#"syntax = "proto3"; import "other.proto";
        message First { string name = 1; message Inside { int32 x = 1; string name = 2; } }
        message Second { shop.Other other = 4; string name = 3; }"#;
    let other = r#"syntax = "proto3"; package shop; message Other { string name = 1; }"#;
    let columns = [
        required("name", DataType::Utf8),
        column("other.name", DataType::Utf8),
    ];
    let mut decoder = try_decoder(None, &columns).unwrap();
    let schema = RegisteredSchema {
        kind: "PROTOBUF".to_owned(),
        text: text.to_owned(),
        references: vec![("other.proto".to_owned(), other.to_owned())],
    };
    decoder.learn(1, Ok(&schema));
    decoder.learn(
        2,
        Ok(&RegisteredSchema {
            text: "message {".to_owned(),
            ..schema.clone()
        }),
    );
    decoder.learn(
        3,
        Ok(&RegisteredSchema {
            kind: "AVRO".to_owned(),
            ..schema
        }),
    );
    let records = [
        named(1, b"\0", b"\x0a\x01a"),
        named(1, b"\x04\0\0", b"\x08\x05\x12\x01b"),
        named(1, b"\x02\x02", b"\x1a\x01c\x22\x03\x0a\x01d"),
        named(1, b"\x02\x0a", b""),
        named(2, b"\0", b""),
        named(3, b"\0", b""),
        named(1, b"\0", b"\x0a\x05a"),
        named(1, b"\x01", b""),
        named(1, b"\0", b"\x0a\x01\xff"),
    ];
    let (decoded, rejected) = decode(&mut decoder, &records);
    assert_eq!(shown(&decoded.batch), ["a|-", "b|-", "c|d"]);
    let said: Vec<_> = rejected
        .iter()
        .map(|r| (r.reason.as_str(), &*r.message))
        .collect();
    assert_eq!(
        said[0],
        ("Malformed", "the record's schema has no message at [5]")
    );
    assert!(
        said[1]
            .1
            .starts_with("the record's schema, number 2, cannot be used: "),
        "{said:?}"
    );
    assert!(
        said[2].1.ends_with("it is of type AVRO, not PROTOBUF"),
        "{said:?}"
    );
    let wrong = "the record is no Protobuf message: expected";
    assert_eq!(
        said[3],
        ("Malformed", &*format!("{wrong} more bytes at byte 8"))
    );
    assert_eq!(
        said[4],
        (
            "Malformed",
            &*format!("{wrong} the path of the record's message at byte 5")
        )
    );
    assert_eq!(said[5].0, "InvalidUtf8");
    assert_eq!(said.len(), 6);
}

#[test]
fn a_schema_given_as_text_must_say_what_records_are() {
    let said = |text: &str, message: Option<&str>| {
        let decoder = try_decoder(Some((text, message)), &[column("x", DataType::Int32)]);
        decoder.map(drop).unwrap_err()
    };
    let two = "syntax = \"proto3\"; package p; message A { int32 x = 1; } message B {}";
    assert!(said(two, None).ends_with("say which message a record is, by `message`: p.A, p.B"));
    assert!(said(two, Some("p.C")).ends_with("it has no message `p.C`; it has p.A, p.B"));
    assert!(said("syntax = \"proto3\";", None).ends_with("it has no message"));
    assert!(
        said("nonsense", None).starts_with("the schema of the source's format cannot be used: ")
    );
    assert!(try_decoder(Some((two, Some("p.A"))), &[]).is_ok());
}

#[test]
fn any_bytes_become_a_row_or_a_rejection() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let columns = [
        column("inner.next.name", DataType::Utf8),
        column("at", TIMESTAMP),
        column("i32", DataType::Int32),
    ];
    let mut decoder = try_decoder(Some((ALL, None)), &columns).unwrap();
    let tags = [10, 26, 24, 138, 1, 186, 11, 2, 0, 255];
    let records: Vec<Vec<u8>> = (0..5_000)
        .map(|_| {
            let length = random.random_range(0..40);
            let byte = |_| {
                if random.random_bool(0.7) {
                    tags[random.random_range(0..tags.len())]
                } else {
                    random.random()
                }
            };
            (0..length).map(byte).collect()
        })
        .collect();
    let (decoded, rejected) = decode(&mut decoder, &records);
    assert_eq!(decoded.batch.num_rows() + rejected.len(), records.len());
}

#[test]
fn deep_messages_are_refused() {
    let mut record: Vec<u8> = Vec::new();
    for _ in 0..70 {
        let mut around = vec![0x12];
        let size = record.len();
        if size > 0x7f {
            around.push((size & 0x7f) as u8 | 0x80);
            around.push((size >> 7) as u8);
        } else {
            around.push(size as u8);
        }
        around.extend(record);
        record = around;
    }
    let text = "syntax = \"proto3\"; message M { int32 x = 1; M next = 2; }";
    let deep: Vec<String> = vec!["next".to_owned(); 70];
    let path = format!("{}.x", deep.join("."));
    let mut decoder = try_decoder(Some((text, None)), &[column(&path, DataType::Int32)]).unwrap();
    let (_, rejected) = decode(&mut decoder, &[record]);
    let said: Vec<_> = rejected.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(said, ["TooDeep"]);
}

#[test]
fn what_is_written_is_read_by_the_library_and_by_us() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let schema = Arc::new(Schema::new(vec![
        Field::new("text", DataType::Utf8, true),
        Field::new("whole", DataType::Int64, false),
        Field::new("ratio", DataType::Float64, true),
        Field::new("flag", DataType::Boolean, true),
        Field::new("money", DataType::Decimal128(38, 3), true),
        Field::new("day", DataType::Date32, true),
        Field::new("at", TIMESTAMP, true),
    ]));
    let text = protobuf_schema("sales", &schema).unwrap();
    let descriptor = pool(&text).get_message_by_name("sales").unwrap();
    for _ in 0..50 {
        let count = random.random_range(1..20);
        let batch = random_batch(&schema, count, &mut random);
        let written = Written::Protobuf {
            registry: registry(),
            name: "sales".to_owned(),
        };
        let (mut arena, mut ranges) = (Vec::new(), Vec::new());
        RowEncoder::new(&written, &schema, Some(66_000))
            .unwrap()
            .encode(&batch, &mut arena, &mut ranges)
            .unwrap();
        let records: Vec<&[u8]> = ranges
            .iter()
            .map(|range| &arena[range.start as usize..range.end as usize])
            .collect();
        for (row, record) in records.iter().enumerate() {
            let (header, body) = record.split_at(6);
            assert_eq!(header, [0, 0, 1, 1, 208, 0]);
            let message = DynamicMessage::decode(descriptor.clone(), body).unwrap();
            let whole = batch
                .column(1)
                .as_any()
                .downcast_ref::<Int64Array>()
                .unwrap();
            let found = message.get_field_by_name("whole").unwrap();
            assert_eq!(*found, Value::I64(whole.value(row)));
            let is_there = !arrow::array::Array::is_null(batch.column(6), row);
            assert_eq!(message.has_field_by_name("at"), is_there);
        }
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| column(field.name(), field.data_type().clone()))
            .collect();
        let mut decoder = try_decoder(None, &columns).unwrap();
        let schema = RegisteredSchema {
            kind: "PROTOBUF".to_owned(),
            text: text.clone(),
            references: Vec::new(),
        };
        decoder.learn(66_000, Ok(&schema));
        let (decoded, rejected) = decode(&mut decoder, &records);
        assert_eq!(rejected, []);
        assert_eq!(decoded.batch.columns(), batch.columns());
    }
}

fn random_batch(schema: &Arc<Schema>, rows: usize, random: &mut StdRng) -> RecordBatch {
    fn some<T>(
        rows: usize,
        random: &mut StdRng,
        value: impl Fn(&mut StdRng) -> T,
    ) -> Vec<Option<T>> {
        let one = |_| random.random_bool(0.8).then(|| value(random));
        (0..rows).map(one).collect()
    }
    let wide = |random: &mut StdRng| random.random::<i64>() >> random.random_range(0..64);
    let texts = some(rows, random, |random| {
        "é".repeat(random.random_range(0..80))
    });
    let wholes: Vec<i64> = (0..rows).map(|_| wide(random)).collect();
    let money = some(rows, random, |random| {
        (random.random::<i128>() >> random.random_range(2..127))
            .clamp(-10_i128.pow(38) + 1, 10_i128.pow(38) - 1)
    });
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(texts)),
        Arc::new(Int64Array::from(wholes)),
        Arc::new(Float64Array::from(some(rows, random, |r| {
            r.random::<f64>()
        }))),
        Arc::new(BooleanArray::from(some(rows, random, |r| {
            r.random::<bool>()
        }))),
        Arc::new(
            Decimal128Array::from(money)
                .with_precision_and_scale(38, 3)
                .unwrap(),
        ),
        Arc::new(Date32Array::from(some(rows, random, |r| {
            r.random_range(-100_000..100_000)
        }))),
        Arc::new(TimestampMicrosecondArray::from(some(rows, random, wide))),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}
