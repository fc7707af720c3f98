//! CSV and raw text.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{Column, Csv, Format, Written};

use super::{MONEY, TIMESTAMP, column, record, required, shown};
use crate::decode::{Decoded, Decoder, Limits};
use crate::encode::RowEncoder;
use crate::record::Rejection;

fn dialect(delimiter: u8, quote: Option<u8>, null: &str) -> Csv {
    Csv {
        delimiter,
        quote,
        null: null.to_owned(),
    }
}

fn decoder(format: &Format, columns: &[(Column, DataType)]) -> Decoder {
    let field = |(column, data_type): &(Column, DataType)| {
        Field::new(&column.name, data_type.clone(), !column.required)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns: Vec<_> = columns.iter().map(|(column, _)| column.clone()).collect();
    Decoder::new(format, &columns, Arc::new(schema), Limits::default()).unwrap()
}

fn decode<T: AsRef<[u8]>>(decoder: &mut Decoder, values: &[T]) -> (Decoded, Vec<Rejection>) {
    let records: Vec<_> = values.iter().map(|value| record(value.as_ref())).collect();
    let mut rejected = Vec::new();
    let decoded = decoder.decode(&records, &mut rejected).unwrap();
    (decoded, rejected)
}

/// The columns of a sale: all fields of a line but the third.
fn sales(dialect: Csv) -> Decoder {
    let format = Format::Csv {
        dialect,
        fields: vec![0, 1, 3, 4],
    };
    decoder(
        &format,
        &[
            required("id", "id", DataType::Int64),
            column("amount", "amount", MONEY),
            column("shop", "shop", DataType::Utf8),
            column("ts", "ts", TIMESTAMP),
        ],
    )
}

#[test]
fn fields_are_taken_in_order_and_read_as_strings_of_json_are() {
    let mut decoder = sales(dialect(b',', Some(b'"'), ""));
    let lines = [
        "1,12.50,ignored,Basel,2026-01-31T12:00:00Z",
        "2,7,,\"Zürich, HB\",1769860800\r\n",
        "3,,,\"\",",
        "4,0.5,x,\"say \"\"hi\"\" twice: \"\"\"",
        "5",
        "6,1,x,in \"the\" middle,2026-01-31,more,and more\n",
    ];
    let (decoded, rejected) = decode(&mut decoder, &lines);
    assert_eq!(rejected, []);
    assert_eq!(decoded.record, None);
    assert_eq!(
        shown(&decoded.batch),
        [
            "1|12.50|Basel|2026-01-31T12:00:00",
            "2|7.00|Zürich, HB|2026-01-31T12:00:00",
            "3|-||-",
            "4|0.50|say \"hi\" twice: \"|-",
            "5|-|-|-",
            "6|1.00|in \"the\" middle|2026-01-31T00:00:00",
        ]
    );
}

#[test]
fn a_dialect_has_its_own_delimiter_quote_and_null() {
    let mut decoder = sales(dialect(b'\t', Some(b'\''), "\\N"));
    let lines = ["1\t\\N\t\\N\t'tab\tand it''s'\t\\N", "2\t1\tx\t'\\N'\t\\N"];
    let (decoded, rejected) = decode(&mut decoder, &lines);
    assert_eq!(rejected, []);
    assert_eq!(
        shown(&decoded.batch),
        ["1|-|tab\tand it's|-", "2|1.00|\\N|-"]
    );
}

#[test]
fn without_a_quote_all_text_is_as_it_is() {
    let mut decoder = sales(dialect(b';', None, ""));
    let (decoded, rejected) = decode(&mut decoder, &["1;2;x;\"a\";"]);
    assert_eq!(rejected, []);
    assert_eq!(shown(&decoded.batch), ["1|2.00|\"a\"|-"]);
}

#[test]
fn a_bad_line_fails_alone_and_says_why() {
    let mut decoder = sales(dialect(b',', Some(b'"'), ""));
    let lines: [&[u8]; 9] = [
        b"1,1,,a,",
        b",1,,a,",
        b"x,1,,a,",
        b"2,1.234,,a,",
        b"3,1,,\"a,",
        b"4,1,,\"a\"b,",
        b"5,1,,a,\n6,1,,a,",
        b"7,1,,\xff,",
        b"8,1,,b,",
    ];
    let (decoded, rejected) = decode(&mut decoder, &lines);
    assert_eq!(shown(&decoded.batch), ["1|1.00|a|-", "8|1.00|b|-"]);
    assert_eq!(decoded.record, Some(vec![0, 8]));
    let said: Vec<_> = rejected
        .iter()
        .map(|r| {
            (
                r.record,
                r.reason.as_str(),
                r.column.as_deref(),
                &*r.message,
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (
                1,
                "MissingRequired",
                Some("id"),
                "column `id`: required, but the field `1` is null"
            ),
            (
                2,
                "WrongType",
                Some("id"),
                "column `id`: expected Int64, found the string \"x\""
            ),
            (
                3,
                "OutOfRange",
                Some("amount"),
                "column `amount`: expected Decimal(12,2), found the string \"1.234\", which has more fractional digits"
            ),
            (
                4,
                "Malformed",
                None,
                "malformed CSV at byte 8: expected a quote at the end of the field, found the end of the record"
            ),
            (
                5,
                "Malformed",
                None,
                "malformed CSV at byte 8: expected a delimiter after the quoted field, found `b`"
            ),
            (
                6,
                "Malformed",
                None,
                "malformed CSV at byte 7: expected the end of the record, which is one line, found U+000A"
            ),
            (7, "InvalidUtf8", None, "byte 5 of the value is not UTF-8"),
        ]
    );
}

#[test]
fn what_is_written_as_csv_is_read_back() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let alphabet = [',', ';', '"', '\'', '\n', '\r', 'N', 'a', 'é', ' '];
    for _ in 0..200 {
        let dialect = dialect(
            b",;\t"[random.random_range(0..3)],
            Some(b"\"'"[random.random_range(0..2)]),
            ["", "N", "a"][random.random_range(0..3)],
        );
        let text = |random: &mut StdRng| {
            let length = random.random_range(0..6);
            let letter = |_| alphabet[random.random_range(0..alphabet.len())];
            (0..length).map(letter).collect::<String>()
        };
        let texts: Vec<Option<String>> = (0..20)
            .map(|_| random.random_bool(0.8).then(|| text(&mut random)))
            .collect();
        let columns = [
            column("a", "a", DataType::Utf8),
            column("n", "n", DataType::Int64),
        ];
        let format = Format::Csv {
            dialect: dialect.clone(),
            fields: vec![0, 1],
        };
        let mut decoder = decoder(&format, &columns);
        let numbers: Vec<i64> = (0..20).collect();
        let schema = Schema::new(vec![
            Field::new("a", DataType::Utf8, true),
            Field::new("n", DataType::Int64, true),
        ]);
        let batch = arrow::array::RecordBatch::try_new(
            Arc::new(schema.clone()),
            vec![
                Arc::new(arrow::array::StringArray::from(texts.clone())),
                Arc::new(arrow::array::Int64Array::from(numbers.clone())),
            ],
        )
        .unwrap();
        let written = Written::Csv {
            dialect: dialect.clone(),
            timestamps: Default::default(),
        };
        let (mut arena, mut ranges) = (Vec::new(), Vec::new());
        RowEncoder::new(&written, &schema, None)
            .unwrap()
            .encode(&batch, &mut arena, &mut ranges)
            .unwrap();
        let lines: Vec<&[u8]> = ranges
            .iter()
            .map(|range| &arena[range.start as usize..range.end as usize])
            .collect();
        let (decoded, rejected) = decode(&mut decoder, &lines);
        assert_eq!(rejected, [], "{dialect:?}");
        let read: Vec<Option<String>> = decoded
            .batch
            .column(0)
            .as_string::<i32>()
            .iter()
            .map(|text| text.map(str::to_owned))
            .collect();
        assert_eq!(read, texts, "{dialect:?}");
        let read = decoded.batch.column(1).as_primitive::<Int64Type>();
        assert_eq!(read.values().to_vec(), numbers);
    }
}

#[test]
fn a_raw_record_is_one_column() {
    let mut decoder = decoder(&Format::Raw, &[required("line", "line", DataType::Utf8)]);
    let records = [
        Some(&b"{\"not\": parsed"[..]),
        Some(b""),
        None,
        Some(b"ok \xff"),
    ];
    let records: Vec<_> = records
        .map(|value| crate::record::RawRecord {
            value,
            ..record(b"")
        })
        .to_vec();
    let mut rejected = Vec::new();
    let decoded = decoder.decode(&records, &mut rejected).unwrap();
    assert_eq!(shown(&decoded.batch), ["{\"not\": parsed", ""]);
    let said: Vec<_> = rejected.iter().map(|r| (r.record, &*r.message)).collect();
    assert_eq!(
        said,
        [
            (2, "the value is null"),
            (3, "byte 3 of the value is not UTF-8")
        ]
    );
}
