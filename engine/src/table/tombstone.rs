//! Which row a record without a value deletes: its key says so, as a JSON object of the primary key's columns or, where
//! that is one column, as its plain value.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use tidemill_plan::model::{Column, Source};

use crate::decode::{JsonDecoder, Limits};
use crate::error::Result;
use crate::record::{RawRecord, Rejection};

/// Reads the keys of deletions.
pub(crate) struct Keys {
    columns: Vec<Column>,
    decoder: JsonDecoder,
}

/// Keys that could be read: a batch of the primary key's columns, and the record of each row.
pub(crate) struct Deleted {
    pub(crate) keys: RecordBatch,
    pub(crate) records: Vec<u32>,
}

impl Deleted {
    /// No deletions of a table with this key.
    pub(crate) fn none(schema: &Schema, key: &[usize]) -> Result<Self> {
        Ok(Self {
            keys: RecordBatch::new_empty(Arc::new(schema.project(key)?)),
            records: Vec::new(),
        })
    }
}

impl Keys {
    pub(crate) fn new(source: &Source, key: &[usize]) -> Result<Self> {
        let columns: Vec<Column> = key
            .iter()
            .filter_map(|&i| source.columns.get(i).cloned())
            .collect();
        let schema: Arc<Schema> = Arc::new(source.schema.project(key)?);
        let decoder = JsonDecoder::new(&columns, schema, Limits::default())?;
        Ok(Self { columns, decoder })
    }

    /// Reads the keys of these records (indices into `all`); those that cannot be read are added to `rejected`.
    pub(crate) fn read(
        &mut self,
        all: &[RawRecord<'_>],
        records: Vec<u32>,
        rejected: &mut Vec<Rejection>,
    ) -> Result<Deleted> {
        let key = |&i: &u32| all.get(i as usize).and_then(|record| record.key);
        let texts: Vec<Option<Vec<u8>>> = records
            .iter()
            .map(|i| key(i).map(|key| self.object(key)))
            .collect();
        let objects: Vec<RawRecord<'_>> = texts
            .iter()
            .map(|text| RawRecord {
                offset: 0,
                timestamp: -1,
                key: None,
                value: text.as_deref(),
            })
            .collect();
        let first = rejected.len();
        let decoded = self.decoder.decode(&objects, rejected)?;
        for rejection in rejected.iter_mut().skip(first) {
            let record = records.get(rejection.record).copied();
            rejection.record = record.map_or(rejection.record, |i| i as usize);
            rejection.message = format!(
                "a record without a value deletes the row that its key names: {}",
                rejection.message
            );
        }
        let records = match decoded.record {
            None => records,
            Some(kept) => kept
                .iter()
                .filter_map(|&row| records.get(row as usize).copied())
                .collect(),
        };
        Ok(Deleted {
            keys: decoded.batch,
            records,
        })
    }

    /// The key as an object. A plain value is that of the only column; what is not JSON is a string.
    fn object(&self, key: &[u8]) -> Vec<u8> {
        let ([column], false) = (
            self.columns.as_slice(),
            key.trim_ascii_start().starts_with(b"{"),
        ) else {
            return key.to_vec();
        };
        let text = String::from_utf8_lossy(key);
        let value = match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            Ok(_) => text.into_owned(),
            Err(_) => serde_json::Value::from(text).to_string(),
        };
        let nested = column.path.iter().rev().fold(value, |inner, field| {
            format!("{{{}:{inner}}}", serde_json::Value::from(field.as_str()))
        });
        nested.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use arrow::datatypes::{DataType, Field};
    use tidemill_plan::model::{Format, Origin, StartFrom};

    use super::*;
    use crate::reject::row_json;

    fn source(key: &[(&str, &str, DataType)]) -> Source {
        let column = |name: &str, path: &str| Column {
            name: name.to_owned(),
            path: path.split('.').map(str::to_owned).collect(),
            required: true,
        };
        let fields: Vec<Field> = key
            .iter()
            .map(|(name, _, t)| Field::new(*name, t.clone(), true))
            .collect();
        Source {
            name: "customers".to_owned(),
            origin: Origin::Topic {
                topic: "customers".to_owned(),
                start_from: StartFrom::Earliest,
            },
            columns: key
                .iter()
                .map(|(name, path, _)| column(name, path))
                .collect(),
            schema: Arc::new(Schema::new(fields)),
            format: Format::Json,
            check: None,
            event_time: None,
            partitioned_by: Vec::new(),
            key: Some((0..key.len()).collect()),
            distribution: Default::default(),
        }
    }

    fn read(source: &Source, keys: &[Option<&str>]) -> (Vec<String>, Vec<Rejection>) {
        let records: Vec<RawRecord<'_>> = keys
            .iter()
            .map(|key| RawRecord {
                offset: 0,
                timestamp: -1,
                key: key.map(str::as_bytes),
                value: None,
            })
            .collect();
        let mut rejected = Vec::new();
        let key: Vec<usize> = (0..source.columns.len()).collect();
        let deleted = Keys::new(source, &key)
            .unwrap()
            .read(&records, (0..keys.len() as u32).collect(), &mut rejected)
            .unwrap();
        let rows = (0..deleted.keys.num_rows())
            .map(|row| format!("{}{}", deleted.records[row], row_json(&deleted.keys, row)));
        (rows.collect(), rejected)
    }

    #[test]
    fn one_column_is_named_by_an_object_or_by_its_value() {
        let text = source(&[("id", "id", DataType::Utf8)]);
        let keys = [r#"{"id":"a"}"#, r#""b""#, "c d", "7", "{nonsense", ""];
        let (rows, rejected) = read(&text, &keys.map(Some));
        let wanted = [r#"0{"id":"a"}"#, r#"1{"id":"b"}"#, r#"2{"id":"c d"}"#];
        assert_eq!(rows[..3], wanted);
        assert_eq!(rows[3..], [r#"3{"id":"7"}"#, r#"5{"id":""}"#]);
        assert_eq!(rejected.len(), 1);
        assert_eq!(rejected[0].record, 4);
        let number = source(&[("id", "payload.id", DataType::Int64)]);
        let (rows, rejected) = read(
            &number,
            &[Some("12"), Some(r#"{"payload":{"id":13}}"#), Some("x")],
        );
        assert_eq!(rows, [r#"0{"id":12}"#, r#"1{"id":13}"#]);
        assert!(rejected[0].message.contains("`id`"), "{rejected:?}");
    }

    #[test]
    fn several_columns_need_an_object_and_a_deletion_a_key() {
        let pair = source(&[("a", "a", DataType::Int64), ("b", "b", DataType::Utf8)]);
        let (rows, rejected) = read(
            &pair,
            &[
                Some("5"),
                Some(r#"{"b":"x","a":1}"#),
                Some(r#"{"a":1}"#),
                None,
            ],
        );
        assert_eq!(rows, [r#"1{"a":1,"b":"x"}"#]);
        let records: Vec<usize> = rejected.iter().map(|r| r.record).collect();
        assert_eq!(records, [0, 2, 3]);
    }
}
