//! Dead letters as records and as rows.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use tidemill_engine::record::{DeadLetter, Headers};

use crate::log::Produced;

/// The columns of dead letters in a sink that has columns. Bytes are shown as text; what is not UTF-8 is replaced.
pub static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("reason"),
        text("column"),
        text("message"),
        text("stream"),
        text("topic"),
        Field::new("partition", DataType::Int32, true),
        Field::new("offset", DataType::Int64, true),
        Field::new(
            "timestamp",
            DataType::Timestamp(TimeUnit::Microsecond, None),
            true,
        ),
        text("key"),
        text("value"),
        text("headers"),
    ]))
});

/// The record as it was, with why it is here in headers.
pub(crate) fn to_record(letter: DeadLetter) -> Produced {
    let mut headers = letter.headers;
    let mut say = |name: &str, value: String| {
        headers.push((format!("tidemill.{name}"), Some(value.into_bytes())))
    };
    say("reason", letter.reason.as_str().to_owned());
    if let Some(column) = letter.column {
        say("column", column);
    }
    say("message", letter.message);
    if let Some(stream) = letter.stream {
        say("stream", stream);
    }
    say("source.topic", letter.topic);
    say("source.partition", letter.partition.to_string());
    say("source.offset", letter.offset.to_string());
    say("source.timestamp", letter.timestamp.to_string());
    Produced {
        partition: None,
        key: letter.key,
        value: letter.value,
        headers,
    }
}

/// The records as rows of [`SCHEMA`].
pub(super) fn to_rows(letters: &[DeadLetter]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&DeadLetter) -> Option<String>| -> ArrayRef {
        Arc::new(letters.iter().map(of).collect::<StringArray>())
    };
    let micros = |l: &DeadLetter| (l.timestamp >= 0).then(|| l.timestamp.saturating_mul(1000));
    let columns: Vec<ArrayRef> = vec![
        text(|l| Some(l.reason.as_str().to_owned())),
        text(|l| l.column.clone()),
        text(|l| Some(l.message.clone())),
        text(|l| l.stream.clone()),
        text(|l| Some(l.topic.clone())),
        Arc::new(
            letters
                .iter()
                .map(|l| Some(l.partition))
                .collect::<Int32Array>(),
        ),
        Arc::new(
            letters
                .iter()
                .map(|l| Some(l.offset))
                .collect::<Int64Array>(),
        ),
        Arc::new(
            letters
                .iter()
                .map(micros)
                .collect::<TimestampMicrosecondArray>(),
        ),
        text(|l| l.key.as_deref().map(lossy)),
        text(|l| l.value.as_deref().map(lossy)),
        text(|l| (!l.headers.is_empty()).then(|| headers_text(&l.headers))),
    ];
    RecordBatch::try_new(Arc::clone(&SCHEMA), columns)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn headers_text(headers: &Headers) -> String {
    let pairs = headers
        .iter()
        .map(|(name, value)| serde_json::json!([name, value.as_deref().map(lossy)]));
    serde_json::Value::from_iter(pairs).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tidemill_engine::record::Reason;

    use super::*;

    fn letter() -> DeadLetter {
        DeadLetter {
            topic: "tx".to_owned(),
            partition: 3,
            offset: 42,
            timestamp: 1_704_110_400_000,
            key: Some(b"k".to_vec()),
            value: Some(vec![0xff, b'x']),
            headers: vec![("trace".to_owned(), None)],
            stream: None,
            reason: Reason::WrongType,
            column: Some("amount".to_owned()),
            message: "column `amount`: expected Int64, found true".to_owned(),
        }
    }

    #[test]
    fn a_record_keeps_its_bytes_and_gains_headers() {
        let record = to_record(letter());
        assert_eq!(record.value, Some(vec![0xff, b'x']));
        let headers: Vec<String> = record
            .headers
            .iter()
            .map(|(name, value)| {
                format!("{name}={}", value.as_deref().map_or("null".into(), lossy))
            })
            .collect();
        assert_eq!(
            headers,
            [
                "trace=null",
                "tidemill.reason=WrongType",
                "tidemill.column=amount",
                "tidemill.message=column `amount`: expected Int64, found true",
                "tidemill.source.topic=tx",
                "tidemill.source.partition=3",
                "tidemill.source.offset=42",
                "tidemill.source.timestamp=1704110400000",
            ]
        );
    }

    #[test]
    fn rows_have_the_promised_columns() {
        let rows = to_rows(&[letter(), letter()]).unwrap();
        assert_eq!((rows.num_rows(), rows.schema()), (2, Arc::clone(&SCHEMA)));
    }
}
