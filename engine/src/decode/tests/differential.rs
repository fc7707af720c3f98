//! Random documents, whole, mutated and truncated, beside serde_json: the same are taken, with the same values.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::{column, decode, decoder};
use crate::decode::JsonDecoder;
use crate::record::Reason;

const NAMES: [&str; 9] = [
    "a",
    "b",
    "o",
    "x",
    "ab",
    "\\u0061",
    "\\n",
    "ü",
    "a_name_longer_than_16_bytes",
];

/// Writes random JSON text. Numbers stay where a double holds them: serde_json refuses the others.
struct Writer {
    random: StdRng,
    text: String,
}

impl Writer {
    fn one_of(&mut self, choices: &[&str]) {
        let choice = choices[self.random.random_range(0..choices.len())];
        self.text.push_str(choice);
    }

    fn space(&mut self) {
        if self.random.random_ratio(1, 8) {
            self.one_of(&[" ", "\n", "\t", "\r", "  "]);
        }
    }

    fn separated(&mut self, open: char, close: char, mut item: impl FnMut(&mut Self)) {
        self.text.push(open);
        self.space();
        for i in 0..self.random.random_range(0..6) {
            if i > 0 {
                self.text.push(',');
                self.space();
            }
            item(self);
            self.space();
        }
        self.text.push(close);
    }

    fn object(&mut self, depth: usize) {
        self.separated('{', '}', |writer| {
            writer.text.push('"');
            writer.one_of(&NAMES);
            writer.text.push('"');
            writer.space();
            writer.text.push(':');
            writer.space();
            writer.value(depth + 1);
        });
    }

    fn value(&mut self, depth: usize) {
        let kinds = if depth > 4 { 6 } else { 8 };
        match self.random.random_range(0..kinds) {
            0 => self.one_of(&["null", "true", "false"]),
            1 => self
                .text
                .push_str(&(self.random.random::<i64>() >> 8).to_string()),
            2 => self.one_of(&[
                "0",
                "-0",
                "1",
                "12.5",
                "-3.25e2",
                "1E-2",
                "7e+1",
                "18446744073709551615",
            ]),
            3..6 => self.string(),
            6 => self.object(depth),
            _ => self.separated('[', ']', |writer| writer.value(depth + 1)),
        }
    }

    fn string(&mut self) {
        self.text.push('"');
        for _ in 0..self.random.random_range(0..5) {
            self.one_of(&[
                "x",
                "plain text of some length",
                "\\n",
                "\\\"",
                "\\\\",
                "\\/",
                "\\u00e9",
                "\\ud83e\\udd80",
                "é",
                "東京",
                "🦀",
                "{",
                "]",
                ":",
                ",",
                "\u{7f}",
                "12345678",
            ]);
        }
        self.text.push('"');
    }

    /// A document, and one in three broken somewhere, perhaps.
    fn document(&mut self) -> Vec<u8> {
        self.text.clear();
        self.space();
        if self.random.random_ratio(1, 20) {
            self.value(0);
        } else {
            self.object(0);
        }
        self.space();
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        match self.random.random_range(0..6) {
            0 => bytes.truncate(self.random.random_range(0..=bytes.len())),
            1 => {
                for _ in 0..self.random.random_range(1..3) {
                    self.mutate(&mut bytes);
                }
            }
            _ => {}
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.random.random_range(0..=bytes.len());
        let likely = b"\"\\{}[]:,0123456789.eE+-ulntrf \n\0\x1f\x80\xc3\xff";
        let byte = likely[self.random.random_range(0..likely.len())];
        match self.random.random_range(0..3) {
            0 => bytes.insert(at, byte),
            1 if at < bytes.len() => bytes[at] = byte,
            _ if at < bytes.len() => _ = bytes.remove(at),
            _ => {}
        }
    }
}

/// What must become of a document, by serde_json. `None` where a number is out of a double's range: only serde_json
/// refuses that.
fn verdict(document: &[u8]) -> Option<Result<Value, Reason>> {
    match serde_json::from_slice::<Value>(document) {
        Ok(value) if value.is_object() => Some(Ok(value)),
        Ok(_) => Some(Err(Reason::NotAnObject)),
        Err(error) if error.to_string().contains("number out of range") => None,
        Err(_) if document.is_empty() => Some(Err(Reason::Empty)),
        Err(_) if std::str::from_utf8(document).is_err() => Some(Err(Reason::InvalidUtf8)),
        Err(_) => Some(Err(Reason::MalformedJson)),
    }
}

/// What a `String` column reads of a value.
fn as_text(value: Option<&Value>) -> Result<Option<String>, Reason> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Bool(value)) => Ok(Some(value.to_string())),
        Some(Value::Number(value)) => Ok(Some(value.to_string())),
        Some(Value::Array(_) | Value::Object(_)) => Err(Reason::WrongType),
    }
}

/// Whether two texts are the same, or write the same number (serde_json may miss the nearest double by a little).
fn are_same(one: &str, other: &str) -> bool {
    let are_near = |one: f64, other: f64| (one - other).abs() <= one.abs() * 1e-14;
    let mut numbers = one.parse().into_iter().zip(other.parse());
    one == other || numbers.any(|(one, other)| are_near(one, other))
}

/// A path under test, with a decoder that reads it as text and one that reads it as a number.
struct Path {
    pointer: &'static str,
    texts: JsonDecoder,
    numbers: JsonDecoder,
}

impl Path {
    fn new(path: &str, pointer: &'static str) -> Self {
        Self {
            pointer,
            texts: decoder(&[column("c", path, DataType::Utf8)]),
            numbers: decoder(&[column("c", path, DataType::Int64)]),
        }
    }

    fn text(&mut self, document: &[u8]) -> Result<Option<String>, Reason> {
        let (decoded, rejected) = decode(&mut self.texts, &[document]);
        match rejected.first() {
            Some(rejection) => Err(rejection.reason),
            None => Ok(decoded.batch.column(0).as_string::<i32>().iter().next())
                .map(|row| row.unwrap().map(str::to_owned)),
        }
    }

    fn number(&mut self, document: &[u8]) -> Option<i64> {
        let (decoded, _) = decode(&mut self.numbers, &[document]);
        let column = decoded.batch.column(0).as_primitive::<Int64Type>();
        column.iter().next().flatten()
    }

    /// What must become of an object.
    fn expected(&self, object: &Value) -> Result<Option<String>, Reason> {
        let around = self.pointer.rsplit_once('/').unwrap().0;
        match object.pointer(around) {
            None | Some(Value::Object(_) | Value::Null) => as_text(object.pointer(self.pointer)),
            Some(_) => Err(Reason::WrongType),
        }
    }

    fn check(&mut self, document: &[u8], verdict: &Result<Value, Reason>) {
        let context = format!("{} of {}", self.pointer, document.escape_ascii());
        let expected = match verdict {
            Ok(object) => self.expected(object),
            Err(reason) => Err(*reason),
        };
        match (self.text(document), expected) {
            (Ok(Some(read)), Ok(Some(expected))) => {
                assert!(are_same(&read, &expected), "{context}: {read}, {expected}");
            }
            (read, expected) => assert_eq!(read, expected, "{context}"),
        }
        let value = verdict.as_ref().ok();
        if let Some(expected) = value.and_then(|value| value.pointer(self.pointer)?.as_i64()) {
            assert_eq!(self.number(document), Some(expected), "{context}");
        }
    }
}

#[test]
fn what_is_taken_and_read_is_what_serde_json_takes_and_reads() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut writer = Writer {
        random: StdRng::seed_from_u64(seed),
        text: String::new(),
    };
    let mut paths = [
        Path::new("a", "/a"),
        Path::new("o.x", "/o/x"),
        Path::new("ü", "/ü"),
        Path::new("\n", "/\n"),
        Path::new(
            "a_name_longer_than_16_bytes",
            "/a_name_longer_than_16_bytes",
        ),
    ];
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..10_000 {
        let document = writer.document();
        let Some(verdict) = verdict(&document) else {
            continue;
        };
        match verdict {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
        for path in &mut paths {
            path.check(&document, &verdict);
        }
    }
    assert!(
        taken > 5_000 && refused > 1_500,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn every_prefix_of_a_record_is_malformed() {
    let record =
        r#"{"a":"té\u00e9\ud83e\udd80x","o":{"x":[1,-2.5e3,true,null,{"y":"z"}]},"b":false}"#;
    let mut decoder = decoder(&[
        column("c", "a", DataType::Utf8),
        column("d", "o.z", DataType::Utf8),
    ]);
    let (decoded, rejected) = decode(&mut decoder, &[record]);
    assert_eq!((decoded.batch.num_rows(), rejected), (1, vec![]));
    for end in 1..record.len() {
        let prefix = &record.as_bytes()[..end];
        let (_, rejected) = decode(&mut decoder, &[prefix]);
        let expected = match std::str::from_utf8(prefix) {
            Ok(_) => Reason::MalformedJson,
            Err(_) => Reason::InvalidUtf8,
        };
        assert_eq!(rejected[0].reason, expected, "{end}");
    }
}
