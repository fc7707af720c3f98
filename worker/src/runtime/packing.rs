//! Rows as records of a topic, packed for a commit.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use tidemill_crds::sink::{SinkKind, Timestamps};
use tidemill_engine::encode::{self, JsonOptions, KeyEncoder, RowEncoder};
use tidemill_plan::model::{ALERTS, Output, Plan, Written};
use tidemill_plan::names::outbox;

use super::RunError;
use crate::log::Packed;
use crate::sink;

/// Packs the rows of an output for its topic.
pub(super) struct Packing {
    /// The topic.
    pub(super) topic: Arc<str>,
    rows: RowEncoder,
    key: KeyEncoder,
    gone: Gone,
}

/// How a topic says that a row is gone.
#[derive(Debug, Clone, Copy)]
enum Gone {
    /// By a tombstone under its key.
    Tombstone,
    /// In the row itself, which is JSON.
    Marked,
}

impl Packing {
    /// For an output to a topic, or to a webhook, whose rows wait in one. `schema` is the registered number of the rows' schema.
    pub(super) fn of(plan: &Plan, output: &Output, schema: Option<u32>) -> Result<Self, RunError> {
        let refuse =
            |error: encode::EncodeError| RunError::Sink(format!("sink `{}`: {error}", output.sink));
        let (topic, gone) = match output.to.kind() {
            Some(SinkKind::Kafka(kafka)) => (kafka.topic.clone(), Gone::Tombstone),
            Some(SinkKind::Webhook(_)) => (outbox(&plan.name, &output.sink), Gone::Marked),
            _ => {
                return Err(RunError::Sink(format!(
                    "sink `{}` is not a topic, and no other sink was opened for it",
                    output.sink
                )));
            }
        };
        let options = JsonOptions::of(&output.written);
        Ok(Self {
            topic: Arc::from(topic),
            rows: RowEncoder::new(&output.written, &output.schema, schema).map_err(refuse)?,
            key: KeyEncoder::new(&output.schema, &output.key, options).map_err(refuse)?,
            gone,
        })
    }

    /// For alerts that are kept in a topic of the pipeline's own.
    pub(super) fn of_alerts(topic: &str) -> Result<Self, RunError> {
        let written = Written::Json {
            timestamps: Timestamps::default(),
        };
        let options = JsonOptions::of(&written);
        Ok(Self {
            topic: Arc::from(topic),
            rows: RowEncoder::new(&written, &ALERTS, None).map_err(encode_error)?,
            key: KeyEncoder::new(&ALERTS, &[], options).map_err(encode_error)?,
            gone: Gone::Tombstone,
        })
    }

    /// Appends rows to the packed records; how many bytes that took.
    pub(super) fn pack(
        &self,
        packed: &mut Packed,
        batch: &RecordBatch,
        deleted: Option<&BooleanArray>,
    ) -> Result<usize, RunError> {
        let before = packed.arena.len();
        match deleted {
            None => self.pack_kept(packed, batch)?,
            Some(deleted) => {
                let kept = arrow::compute::not(deleted).map_err(engine_error)?;
                self.pack_kept(packed, &select(batch, &kept)?)?;
                let batch = select(batch, deleted)?;
                match self.gone {
                    Gone::Tombstone => self.pack_tombstones(packed, &batch)?,
                    Gone::Marked => self.pack_marked(packed, &batch)?,
                }
            }
        }
        Ok(packed.arena.len() - before)
    }

    fn pack_kept(&self, packed: &mut Packed, batch: &RecordBatch) -> Result<(), RunError> {
        let rows = batch.num_rows();
        let (mut keys, mut values) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        self.key
            .encode(batch, &mut packed.arena, &mut keys)
            .map_err(encode_error)?;
        self.rows
            .encode(batch, &mut packed.arena, &mut values)
            .map_err(encode_error)?;
        let records = keys.into_iter().zip(values.into_iter().map(Some));
        packed.records.extend(records);
        Ok(())
    }

    fn pack_tombstones(&self, packed: &mut Packed, batch: &RecordBatch) -> Result<(), RunError> {
        let mut keys = Vec::new();
        self.key
            .encode(batch, &mut packed.arena, &mut keys)
            .map_err(encode_error)?;
        let records = keys.into_iter().map(|key| (key, None));
        packed.records.extend(records);
        Ok(())
    }

    fn pack_marked(&self, packed: &mut Packed, batch: &RecordBatch) -> Result<(), RunError> {
        let (mut keys, mut rows, mut places) = (Vec::new(), Vec::new(), Vec::new());
        self.key
            .encode(batch, &mut packed.arena, &mut keys)
            .map_err(encode_error)?;
        self.rows
            .encode(batch, &mut rows, &mut places)
            .map_err(encode_error)?;
        for (key, place) in keys.into_iter().zip(places) {
            let row = rows.get(place.start as usize..place.end as usize);
            let start = packed.arena.len();
            sink::push_deleted(row.unwrap_or_default(), &mut packed.arena);
            let (start, end) = (u32::try_from(start), u32::try_from(packed.arena.len()));
            let full = |_| RunError::Sink("more than 4 GiB of rows in one commit".to_owned());
            let value = start.map_err(full)?..end.map_err(full)?;
            packed.records.push((key, Some(value)));
        }
        Ok(())
    }
}

fn select(batch: &RecordBatch, mask: &BooleanArray) -> Result<RecordBatch, RunError> {
    if mask.null_count() == 0 && mask.true_count() == batch.num_rows() {
        return Ok(batch.clone());
    }
    filter_record_batch(batch, mask).map_err(engine_error)
}

fn encode_error(error: encode::EncodeError) -> RunError {
    RunError::Sink(error.to_string())
}

fn engine_error(error: arrow::error::ArrowError) -> RunError {
    RunError::Engine(error.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn packed(gone: Gone) -> Vec<(Option<String>, Option<String>)> {
        let (keys, values) = (Int64Array::from(vec![1, 2]), Int64Array::from(vec![5, 6]));
        let columns = [("k", Arc::new(keys) as ArrayRef), ("v", Arc::new(values))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let (schema, timestamps) = (batch.schema(), Timestamps::Rfc3339);
        let packing = Packing {
            topic: "t".into(),
            rows: RowEncoder::new(&Written::Json { timestamps }, &schema, None).unwrap(),
            key: KeyEncoder::new(&schema, &[0], JsonOptions::default()).unwrap(),
            gone,
        };
        let mut packed = Packed::default();
        let deleted = BooleanArray::from(vec![true, false]);
        packing.pack(&mut packed, &batch, Some(&deleted)).unwrap();
        let text = |span: &crate::log::Span| {
            let span = span.clone()?;
            let bytes = packed.arena[span.start as usize..span.end as usize].to_vec();
            Some(String::from_utf8(bytes).unwrap())
        };
        let records = packed.records.iter();
        records
            .map(|(key, value)| (text(key), text(value)))
            .collect()
    }

    #[test]
    fn what_is_gone_is_a_tombstone_or_says_so() {
        let text = |text: &str| Some(text.to_owned());
        let kept = (text("2"), text(r#"{"k":2,"v":6}"#));
        let tombstone = (text("1"), None);
        assert_eq!(packed(Gone::Tombstone), [kept.clone(), tombstone]);
        let marked = (text("1"), text(r#"{"_deleted":true,"k":1,"v":5}"#));
        assert_eq!(packed(Gone::Marked), [kept, marked]);
    }
}
