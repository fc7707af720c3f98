#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout)] // Seeds.

use std::sync::Arc;

use apache_avro::types::Value;
use apache_avro::{Decimal, Schema as Library, from_avro_datum, to_avro_datum};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{self, Column, Format, Registry, Written};

use crate::decode::tests::shown;
use crate::decode::{Decoded, Decoder, Limits, RegisteredSchema};
use crate::encode::{RowEncoder, avro_schema};
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
    let (column, data_type) = column(path, data_type);
    let column = Column {
        required: true,
        ..column
    };
    (column, data_type)
}

fn registry() -> Registry {
    Registry {
        url: "http://registry".to_owned(),
        secret: None,
        subject: None,
    }
}

/// A decoder with this schema, or of records that name theirs.
fn decoder(schema: Option<&str>, columns: &[(Column, DataType)], changes: bool) -> Decoder {
    let schemas = match schema {
        Some(text) => model::Schemas::Text(text.to_owned()),
        None => model::Schemas::Registry(registry()),
    };
    let fields = columns
        .iter()
        .map(|(column, data_type)| Field::new(&column.name, data_type.clone(), true));
    let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns: Vec<Column> = columns.iter().map(|(column, _)| column.clone()).collect();
    let format = Format::Avro { schemas, changes };
    Decoder::new(&format, &columns, arrow, Limits::default()).unwrap()
}

fn registered(text: &str) -> RegisteredSchema {
    RegisteredSchema {
        kind: "AVRO".to_owned(),
        text: text.to_owned(),
        references: Vec::new(),
    }
}

fn raw(value: Option<&[u8]>) -> RawRecord<'_> {
    RawRecord {
        offset: 0,
        timestamp: -1,
        key: None,
        value,
    }
}

fn decode<T: AsRef<[u8]>>(decoder: &mut Decoder, values: &[T]) -> (Decoded, Vec<Rejection>) {
    let records: Vec<_> = values
        .iter()
        .map(|value| raw(Some(value.as_ref())))
        .collect();
    let mut rejected = Vec::new();
    let decoded = decoder.decode(&records, &mut rejected).unwrap();
    (decoded, rejected)
}

/// What the library writes for a record of these fields.
fn written(schema: &str, fields: Vec<(&str, Value)>) -> Vec<u8> {
    let schema = Library::parse_str(schema).unwrap();
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    to_avro_datum(&schema, Value::Record(fields.collect())).unwrap()
}

fn named(id: u32, record: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), record].concat()
}

/// What a column of this type makes of the only field of a record, or the reason and message of its rejection.
fn read(field: &str, value: Value, data_type: DataType) -> Result<String, (String, String)> {
    let schema =
        format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{field}}}]}}"#);
    let bytes = written(&schema, vec![("f", value)]);
    let mut decoder = decoder(Some(&schema), &[column("f", data_type)], false);
    let (decoded, rejected) = decode(&mut decoder, &[bytes]);
    match rejected.into_iter().next() {
        Some(rejection) => Err((rejection.reason.as_str().to_owned(), rejection.message)),
        None => Ok(shown(&decoded.batch).remove(0)),
    }
}

fn decimal(unscaled: i64) -> Value {
    Value::Decimal(Decimal::from(unscaled.to_be_bytes()))
}

const DECIMAL: &str = r#"{"type":"bytes","logicalType":"decimal","precision":20,"scale":2}"#;

#[test]
fn values_are_read_as_the_columns_type_where_nothing_is_lost() {
    let date = r#"{"type":"int","logicalType":"date"}"#;
    let millis = r#"{"type":"long","logicalType":"timestamp-millis"}"#;
    let micros = r#"{"type":"long","logicalType":"timestamp-micros"}"#;
    let local = r#"{"type":"long","logicalType":"local-timestamp-micros"}"#;
    let symbols = r#"{"type":"enum","name":"E","symbols":["red","green"]}"#;
    let optional = r#"["null","string"]"#;
    let cases = [
        ("\"int\"", Value::Int(-5), DataType::Int32, "-5"),
        ("\"int\"", Value::Int(7), DataType::Int64, "7"),
        ("\"int\"", Value::Int(7), DataType::Utf8, "7"),
        ("\"int\"", Value::Int(7), MONEY, "7.00"),
        ("\"int\"", Value::Int(7), DataType::Float64, "7.0"),
        (
            "\"long\"",
            Value::Long(i64::MIN),
            DataType::Int64,
            "-9223372036854775808",
        ),
        (
            "\"long\"",
            Value::Long(1_769_860_800),
            TIMESTAMP,
            "2026-01-31T12:00:00",
        ),
        ("\"float\"", Value::Float(0.1), MONEY, "0.10"),
        ("\"float\"", Value::Float(0.5), DataType::Float64, "0.5"),
        ("\"double\"", Value::Double(2.5), DataType::Float64, "2.5"),
        ("\"double\"", Value::Double(3.0), DataType::Int32, "3"),
        (
            "\"boolean\"",
            Value::Boolean(true),
            DataType::Boolean,
            "true",
        ),
        (
            "\"boolean\"",
            Value::Boolean(false),
            DataType::Utf8,
            "false",
        ),
        ("\"string\"", Value::String("é".into()), DataType::Utf8, "é"),
        ("\"string\"", Value::String("12.5".into()), MONEY, "12.50"),
        (
            "\"string\"",
            Value::String("2026-01-31".into()),
            DataType::Date32,
            "2026-01-31",
        ),
        (
            "\"bytes\"",
            Value::Bytes(b"abc".to_vec()),
            DataType::Utf8,
            "abc",
        ),
        (DECIMAL, decimal(-1250), MONEY, "-12.50"),
        (
            DECIMAL,
            decimal(1250),
            DataType::Decimal128(12, 4),
            "12.5000",
        ),
        (DECIMAL, decimal(1200), DataType::Int64, "12"),
        (DECIMAL, decimal(1250), DataType::Utf8, "12.50"),
        (date, Value::Date(20_484), DataType::Date32, "2026-01-31"),
        (date, Value::Date(20_484), TIMESTAMP, "2026-01-31T00:00:00"),
        (date, Value::Date(20_484), DataType::Utf8, "2026-01-31"),
        (
            millis,
            Value::TimestampMillis(1_769_860_800_123),
            TIMESTAMP,
            "2026-01-31T12:00:00.123",
        ),
        (
            micros,
            Value::TimestampMicros(-1),
            TIMESTAMP,
            "1969-12-31T23:59:59.999999",
        ),
        (
            micros,
            Value::TimestampMicros(0),
            DataType::Utf8,
            "1970-01-01T00:00:00Z",
        ),
        (millis, Value::TimestampMillis(5), DataType::Int64, "5"),
        (
            local,
            Value::LocalTimestampMicros(7),
            TIMESTAMP,
            "1970-01-01T00:00:00.000007",
        ),
        (
            symbols,
            Value::Enum(1, "green".into()),
            DataType::Utf8,
            "green",
        ),
        (
            optional,
            Value::Union(0, Box::new(Value::Null)),
            DataType::Utf8,
            "-",
        ),
        (
            optional,
            Value::Union(1, Box::new(Value::String("x".into()))),
            DataType::Utf8,
            "x",
        ),
    ];
    for (field, value, data_type, expected) in cases {
        let said = format!("{value:?} as {data_type}");
        assert_eq!(
            read(field, value, data_type).as_deref(),
            Ok(expected),
            "{said}"
        );
    }
}

#[test]
fn what_would_lose_something_is_refused_with_its_reason() {
    let date = r#"{"type":"int","logicalType":"date"}"#;
    let micros = r#"{"type":"long","logicalType":"timestamp-micros"}"#;
    let array = r#"{"type":"array","items":"int"}"#;
    let cases = [
        (
            "\"long\"",
            Value::Long(1 << 40),
            DataType::Int32,
            "OutOfRange",
            "found the number 1099511627776, which is out of its range",
        ),
        (
            "\"double\"",
            Value::Double(0.5),
            DataType::Int64,
            "OutOfRange",
            "found the number 0.5, which is not a whole number",
        ),
        (
            "\"double\"",
            Value::Double(f64::NAN),
            MONEY,
            "WrongType",
            "found the number NaN",
        ),
        (
            "\"boolean\"",
            Value::Boolean(true),
            DataType::Int64,
            "WrongType",
            "found true",
        ),
        (
            "\"bytes\"",
            Value::Bytes(vec![0xff]),
            DataType::Utf8,
            "InvalidUtf8",
            "found 1 bytes, which is not UTF-8",
        ),
        (
            "\"bytes\"",
            Value::Bytes(b"12".to_vec()),
            DataType::Int64,
            "WrongType",
            "found 2 bytes",
        ),
        (
            "\"int\"",
            Value::Int(3),
            DataType::Date32,
            "WrongType",
            "found the number 3",
        ),
        (
            DECIMAL,
            decimal(1255),
            DataType::Decimal128(12, 1),
            "OutOfRange",
            "found the number 12.55, which has more fractional digits",
        ),
        (
            DECIMAL,
            decimal(1 << 50),
            MONEY,
            "OutOfRange",
            "which is out of its range",
        ),
        (
            micros,
            Value::TimestampMicros(5),
            DataType::Date32,
            "OutOfRange",
            "found the time 1970-01-01T00:00:00.000005Z, which has a time of day",
        ),
        (
            date,
            Value::Date(1),
            DataType::Boolean,
            "WrongType",
            "found the date 1970-01-02",
        ),
        (
            array,
            Value::Array(vec![Value::Int(1)]),
            DataType::Utf8,
            "WrongType",
            "found an array",
        ),
    ];
    for (field, value, data_type, reason, message) in cases {
        let (found, said) = read(field, value, data_type).unwrap_err();
        assert_eq!(found, reason, "{said}");
        assert!(said.starts_with("column `f`: expected "), "{said}");
        assert!(said.contains(message), "{said}");
    }
}

const NESTED: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"skipped","type":{"type":"map","values":{"type":"array","items":"string"}}},
    {"name":"id","type":"long"},
    {"name":"buyer","type":["null",{"type":"record","name":"Person","fields":[
        {"name":"name","type":"string"},{"name":"friend","type":["null","Person"]}]}]},
    {"name":"seller","type":"Person"}]}"#;

fn person(name: &str, friend: Option<Value>) -> Value {
    let friend = match friend {
        None => Value::Union(0, Box::new(Value::Null)),
        Some(friend) => Value::Union(1, Box::new(friend)),
    };
    Value::Record(vec![
        ("name".to_owned(), Value::String(name.to_owned())),
        ("friend".to_owned(), friend),
    ])
}

#[test]
fn fields_within_fields_are_found_and_others_stepped_over() {
    let order = |id, buyer: Value| {
        let tags = Value::Array(vec![Value::String("a".into()), Value::String("b".into())]);
        let skipped = Value::Map([("tags".to_owned(), tags)].into());
        written(
            NESTED,
            vec![
                ("skipped", skipped),
                ("id", Value::Long(id)),
                ("buyer", buyer),
                ("seller", person("Sam", None)),
            ],
        )
    };
    let friend = person("Ann", Some(person("Bob", None)));
    let records = [
        order(1, Value::Union(1, Box::new(friend))),
        order(2, Value::Union(0, Box::new(Value::Null))),
    ];
    let columns = [
        column("seller.name", DataType::Utf8),
        column("buyer.friend.name", DataType::Utf8),
        required("id", DataType::Int64),
        column("buyer.name", DataType::Utf8),
        column("nothing", DataType::Utf8),
    ];
    let mut decoder = decoder(Some(NESTED), &columns, false);
    let (decoded, rejected) = decode(&mut decoder, &records);
    assert_eq!(rejected, []);
    assert_eq!(shown(&decoded.batch), ["Sam|Bob|1|Ann|-", "Sam|-|2|-|-"]);
}

#[test]
fn a_column_inside_something_without_fields_is_refused() {
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","long"]}]}"#;
    let mut decoder = decoder(Some(schema), &[column("a.b", DataType::Int64)], false);
    let null = Value::Union(0, Box::new(Value::Null));
    let long = Value::Union(1, Box::new(Value::Long(1)));
    let records = [
        written(schema, vec![("a", null)]),
        written(schema, vec![("a", long)]),
    ];
    let (decoded, rejected) = decode(&mut decoder, &records);
    assert_eq!(shown(&decoded.batch), ["-"]);
    assert_eq!(
        rejected[0].message,
        "column `a_b`: expected a record around the field `a.b`, found another value"
    );
}

const V1: &str = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"int"}]}"#;
const V2: &str = r#"{"type":"record","name":"R","fields":[
    {"name":"note","type":"string"},{"name":"id","type":"long"}]}"#;

#[test]
fn records_of_several_schemas_are_read_each_by_its_own() {
    let columns = [
        required("id", DataType::Int64),
        column("note", DataType::Utf8),
    ];
    let mut decoder = decoder(None, &columns, false);
    let records = [
        named(7, &written(V1, vec![("id", Value::Int(1))])),
        named(
            300,
            &written(
                V2,
                vec![("note", Value::String("n".into())), ("id", Value::Long(2))],
            ),
        ),
        named(7, &written(V1, vec![("id", Value::Int(3))])),
    ];
    let raws: Vec<_> = records.iter().map(|record| raw(Some(record))).collect();
    assert_eq!(decoder.missing_schema(&raws), Some((0, 7)));
    decoder.learn(7, Ok(&registered(V1)));
    assert_eq!(decoder.missing_schema(&raws), Some((1, 300)));
    decoder.learn(300, Ok(&registered(V2)));
    assert_eq!(decoder.missing_schema(&raws), None);
    let (decoded, rejected) = decode(&mut decoder, &records);
    assert_eq!(rejected, []);
    assert_eq!(shown(&decoded.batch), ["1|-", "2|n", "3|-"]);
}

#[test]
fn a_record_whose_schema_cannot_be_used_fails_alone() {
    let mut decoder = decoder(None, &[required("note", DataType::Utf8)], false);
    decoder.learn(1, Ok(&registered(V1)));
    decoder.learn(2, Ok(&registered(V2)));
    decoder.learn(3, Err("the registry does not know it"));
    let protobuf = RegisteredSchema {
        kind: "PROTOBUF".to_owned(),
        ..registered("syntax = \"proto3\";")
    };
    decoder.learn(4, Ok(&protobuf));
    decoder.learn(5, Ok(&registered("\"string\"")));
    decoder.learn(
        6,
        Ok(&registered(
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"B"}]}"#,
        )),
    );
    let good = written(
        V2,
        vec![("note", Value::String("n".into())), ("id", Value::Long(2))],
    );
    let old = written(V1, vec![("id", Value::Int(1))]);
    let records = [
        named(2, &good),
        named(1, &old),
        named(3, &good),
        named(4, &good),
        named(5, &good),
        named(6, &good),
        named(9, &good),
        b"{\"note\": 1}".to_vec(),
        b"\0\0".to_vec(),
    ];
    let (decoded, rejected) = decode(&mut decoder, &records);
    assert_eq!(shown(&decoded.batch), ["n"]);
    let said: Vec<_> = rejected
        .iter()
        .map(|r| (r.reason.as_str(), &*r.message))
        .collect();
    let unusable =
        |id: u32, why: &str| format!("the record's schema, number {id}, cannot be used: {why}");
    let headless = "the record does not begin with a zero byte and the number of its schema, as those written with a schema registry do: found ";
    assert_eq!(
        said,
        [
            (
                "MissingRequired",
                "column `note`: required, but the record has no field `note`"
            ),
            (
                "UnknownSchema",
                &*unusable(3, "the registry does not know it")
            ),
            (
                "UnknownSchema",
                &*unusable(4, "it is of type PROTOBUF, not AVRO")
            ),
            (
                "UnknownSchema",
                &*unusable(5, "it is not the schema of a record")
            ),
            (
                "UnknownSchema",
                &*unusable(6, "it names the type `B`, which is not defined")
            ),
            ("UnknownSchema", &*unusable(9, "it has not been asked for")),
            ("Malformed", &*format!("{headless}the byte 123")),
            ("Malformed", &*format!("{headless}a record of 2 bytes")),
        ]
    );
}

#[test]
fn a_schema_may_refer_to_others() {
    let text = r#"{"type":"record","name":"R","fields":[{"name":"who","type":"shop.Person"}]}"#;
    let person = r#"{"type":"record","name":"Person","namespace":"shop","fields":[{"name":"name","type":"string"}]}"#;
    let mut decoder = decoder(None, &[column("who.name", DataType::Utf8)], false);
    let schema = RegisteredSchema {
        references: vec![("shop.Person".to_owned(), person.to_owned())],
        ..registered(text)
    };
    decoder.learn(1, Ok(&schema));
    let (decoded, rejected) = decode(&mut decoder, &[named(1, b"\x06Ann")]);
    assert_eq!(rejected, []);
    assert_eq!(shown(&decoded.batch), ["Ann"]);
}

#[test]
fn a_record_that_is_not_of_its_schema_fails_alone() {
    let mut decoder = decoder(Some(V2), &[column("id", DataType::Int64)], false);
    let good = written(
        V2,
        vec![("note", Value::String("n".into())), ("id", Value::Long(2))],
    );
    let cut = good[..good.len() - 1].to_vec();
    let longer = [&good[..], b"x"].concat();
    let (decoded, rejected) = decode(&mut decoder, &[cut, longer, vec![0x01], good, vec![]]);
    assert_eq!(shown(&decoded.batch), ["2"]);
    let said: Vec<_> = rejected
        .iter()
        .map(|r| (r.reason.as_str(), &*r.message))
        .collect();
    let wrong = "the record is not of its schema: expected";
    assert_eq!(
        said,
        [
            (
                "Malformed",
                &*format!("{wrong} a number of at most ten bytes at byte 2")
            ),
            (
                "Malformed",
                &*format!("{wrong} nothing after the record at byte 3")
            ),
            (
                "Malformed",
                &*format!("{wrong} a number of bytes at byte 0")
            ),
            ("Empty", "the value has no bytes"),
        ]
    );
}

#[test]
fn any_bytes_become_a_row_or_a_rejection() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let columns = [
        column("buyer.friend.name", DataType::Utf8),
        column("id", DataType::Int32),
    ];
    let mut decoder = decoder(Some(NESTED), &columns, false);
    let records: Vec<Vec<u8>> = (0..5_000)
        .map(|_| {
            let length = random.random_range(0..40);
            let highest = if random.random_bool(0.7) { 8 } else { 255 };
            let byte = |_| random.random_range(0..=highest);
            (0..length).map(byte).collect()
        })
        .collect();
    let (decoded, rejected) = decode(&mut decoder, &records);
    assert_eq!(decoded.batch.num_rows() + rejected.len(), records.len());
}

#[test]
fn what_is_written_is_read_by_the_library_and_by_us() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..50 {
        let rows_wanted = random.random_range(1..20);
        let schema = Arc::new(Schema::new(vec![
            Field::new("text", DataType::Utf8, true),
            Field::new("whole", DataType::Int64, false),
            Field::new("small", DataType::Int32, true),
            Field::new("ratio", DataType::Float64, true),
            Field::new("flag", DataType::Boolean, true),
            Field::new("money", DataType::Decimal128(38, 3), true),
            Field::new("day", DataType::Date32, true),
            Field::new("at", TIMESTAMP, true),
        ]));
        let batch = random_batch(&schema, rows_wanted, &mut random);
        let text = avro_schema("sales", &schema).unwrap();
        let written = Written::Avro {
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

        let library = Library::parse_str(&text).unwrap();
        for record in &records {
            let (header, mut body) = record.split_at(5);
            assert_eq!(header, [0, 0, 1, 1, 208]);
            let value = from_avro_datum(&library, &mut body, None).unwrap();
            assert!(body.is_empty());
            assert_eq!(to_avro_datum(&library, value).unwrap(), record[5..]);
        }

        let columns: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| column(field.name(), field.data_type().clone()))
            .collect();
        let mut decoder = decoder(None, &columns, false);
        decoder.learn(66_000, Ok(&registered(&text)));
        let (decoded, rejected) = decode(&mut decoder, &records);
        assert_eq!(rejected, []);
        assert_eq!(decoded.batch.columns(), batch.columns());
    }
}

fn random_batch(schema: &Arc<Schema>, rows: usize, random: &mut StdRng) -> RecordBatch {
    use arrow::array::*;
    fn some<T>(
        rows: usize,
        nullable: bool,
        random: &mut StdRng,
        value: impl Fn(&mut StdRng) -> T,
    ) -> Vec<Option<T>> {
        (0..rows)
            .map(|_| (!nullable || random.random_bool(0.8)).then(|| value(random)))
            .collect()
    }
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in schema.fields() {
        let nullable = field.is_nullable();
        let wide = |random: &mut StdRng| random.random::<i64>() >> random.random_range(0..64);
        columns.push(match field.data_type() {
            DataType::Utf8 => {
                let text = |random: &mut StdRng| "é".repeat(random.random_range(0..80));
                Arc::new(StringArray::from(some(rows, nullable, random, text)))
            }
            DataType::Int64 => Arc::new(Int64Array::from(some(rows, nullable, random, wide))),
            DataType::Int32 => {
                let small = |random: &mut StdRng| random.random::<i32>();
                Arc::new(Int32Array::from(some(rows, nullable, random, small)))
            }
            DataType::Float64 => {
                let ratio = |random: &mut StdRng| random.random::<f64>();
                Arc::new(Float64Array::from(some(rows, nullable, random, ratio)))
            }
            DataType::Boolean => {
                let flag = |random: &mut StdRng| random.random::<bool>();
                Arc::new(BooleanArray::from(some(rows, nullable, random, flag)))
            }
            DataType::Decimal128(precision, scale) => {
                let money = |random: &mut StdRng| {
                    (random.random::<i128>() >> random.random_range(2..127))
                        .clamp(-10_i128.pow(38) + 1, 10_i128.pow(38) - 1)
                };
                let array = Decimal128Array::from(some(rows, nullable, random, money));
                Arc::new(array.with_precision_and_scale(*precision, *scale).unwrap())
            }
            DataType::Date32 => {
                let day = |random: &mut StdRng| random.random_range(-100_000..100_000);
                Arc::new(Date32Array::from(some(rows, nullable, random, day)))
            }
            DataType::Timestamp(..) => Arc::new(TimestampMicrosecondArray::from(some(
                rows, nullable, random, wide,
            ))),
            other => panic!("{other}"),
        });
    }
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

const ENVELOPE: &str = r#"{"type":"record","name":"Envelope","fields":[
    {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
        {"name":"id","type":"int"},{"name":"name","type":["null","string"]},
        {"name":"born","type":["null",{"type":"int","connect.name":"io.debezium.time.Date"}]},
        {"name":"seen","type":["null",{"type":"long","connect.name":"io.debezium.time.MicroTimestamp"}]}]}]},
    {"name":"after","type":["null","Value"]},
    {"name":"source","type":{"type":"record","name":"Source","fields":[{"name":"db","type":"string"}]}},
    {"name":"op","type":"string"}]}"#;

#[test]
fn debezium_changes_are_rows_and_deletions() {
    let columns = [
        required("id", DataType::Int64),
        column("name", DataType::Utf8),
        column("born", DataType::Date32),
        required("seen", TIMESTAMP),
    ];
    let mut decoder = decoder(None, &columns, true);
    decoder.learn(1, Ok(&registered(ENVELOPE)));
    decoder.learn(2, Ok(&registered(V1)));
    let null = || Value::Union(0, Box::new(Value::Null));
    let row = |id, name: &str| {
        let some = |value| Value::Union(1, Box::new(value));
        some(Value::Record(vec![
            ("id".to_owned(), Value::Int(id)),
            ("name".to_owned(), some(Value::String(name.to_owned()))),
            ("born".to_owned(), some(Value::Int(20_484))),
            ("seen".to_owned(), some(Value::Long(5))),
        ]))
    };
    let change = |before: Value, after: Value, op: &str| {
        let source = Value::Record(vec![("db".to_owned(), Value::String("x".into()))]);
        let op = Value::String(op.to_owned());
        let fields = vec![
            ("before", before),
            ("after", after),
            ("source", source),
            ("op", op),
        ];
        named(1, &written(ENVELOPE, fields))
    };
    let values = [
        Some(change(null(), row(1, "Ann"), "c")),
        Some(change(row(1, "Ann"), row(1, "Anna"), "u")),
        Some(change(row(1, "Anna"), null(), "d")),
        None,
        Some(change(null(), null(), "u")),
        Some(change(null(), null(), "t")),
        Some(change(null(), null(), "m")),
    ];
    let key = named(2, &written(V1, vec![("id", Value::Int(1))]));
    let records: Vec<RawRecord<'_>> = values
        .iter()
        .map(|value| RawRecord {
            key: Some(&key),
            ..raw(value.as_deref())
        })
        .collect();
    let mut rejected = Vec::new();
    let decoded = decoder.decode(&records, &mut rejected).unwrap();
    let seen = "2026-01-31|1970-01-01T00:00:00.000005";
    assert_eq!(
        shown(&decoded.batch),
        [
            format!("1|Ann|{seen}"),
            format!("1|Anna|{seen}"),
            format!("1|Anna|{seen}"),
            "1|-|-|-".to_owned()
        ]
    );
    let deleted: Vec<bool> = decoded.deleted.unwrap().values().iter().collect();
    assert_eq!(deleted, [false, false, true, true]);
    assert_eq!(decoded.record, Some(vec![0, 1, 2, 3]));
    let said: Vec<_> = rejected.iter().map(|r| (r.record, &*r.message)).collect();
    assert_eq!(
        said,
        [
            (4, "the change has no row: `after` is null or not there"),
            (
                5,
                "the change is `t`; those that are read are c, r, u (a row) and d (a deletion)"
            )
        ]
    );
}

#[test]
fn items_without_bytes_take_no_time_however_many_they_are() {
    let schema = r#"{"type":"record","name":"R","fields":[
        {"name":"nothings","type":{"type":"array","items":"null"}},{"name":"id","type":"long"}]}"#;
    let mut decoder = decoder(Some(schema), &[column("id", DataType::Int64)], false);
    let many = [
        &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..],
        &[0, 6],
    ]
    .concat();
    let (decoded, rejected) = decode(&mut decoder, &[many]);
    assert_eq!(rejected, []);
    assert_eq!(shown(&decoded.batch), ["3"]);
}

#[test]
fn a_block_that_says_its_size_is_stepped_over() {
    let schema = r#"{"type":"record","name":"R","fields":[
        {"name":"tags","type":{"type":"array","items":"string"}},{"name":"id","type":"long"}]}"#;
    let mut decoder = decoder(Some(schema), &[column("id", DataType::Int64)], false);
    // One item in a block of two bytes, and then one without its size.
    let record = [1, 4, 2, b'a', 2, 2, b'b', 0, 6];
    let (decoded, rejected) = decode(&mut decoder, &[record]);
    assert_eq!(rejected, []);
    assert_eq!(shown(&decoded.batch), ["3"]);
}
