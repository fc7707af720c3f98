//! The records of a table's source as rows that replace each other: each key once in a batch, as it is at its end.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, UInt32Array, new_null_array};
use arrow::compute::{concat, filter_record_batch, not, sort_to_indices, take};
use arrow::datatypes::SchemaRef;
use tidemill_plan::model::{Format, Source};

use super::tombstone::{Deleted, Keys};
use crate::aggregate::rowbytes::RowCodec;
use crate::error::Result;
use crate::record::{RawRecord, Reason, Rejection};
use crate::rows::{Flow, Replaces, batch_of};
use crate::window::NEVER;

/// Makes changes of the records of a table's source.
pub(crate) struct Changes {
    schema: SchemaRef,
    key: Arc<[usize]>,
    /// Reads the keys of records without a value; absent where the decoder does, as of Debezium's.
    keys: Option<Keys>,
    codec: RowCodec,
    /// Records of the batch in hand that have no value.
    deletions: Vec<u32>,
}

impl Changes {
    /// For a source that is a table; `None` for any other.
    pub(crate) fn of(source: &Source) -> Result<Option<Self>> {
        let Some(key) = &source.key else {
            return Ok(None);
        };
        let types = source.schema.project(key)?;
        let types = types.fields().iter().map(|f| f.data_type().clone());
        Ok(Some(Self {
            schema: Arc::clone(&source.schema),
            key: key.as_slice().into(),
            keys: (!reads_deletions(&source.format))
                .then(|| Keys::new(source, key))
                .transpose()?,
            codec: RowCodec::new(types.collect())?,
            deletions: Vec::new(),
        }))
    }

    /// Takes the records without a value, which are no fault here, out of those that were rejected.
    pub(crate) fn claim(&mut self, records: &[RawRecord<'_>], rejected: &mut Vec<Rejection>) {
        if self.keys.is_none() {
            return;
        }
        rejected.retain(|rejection| {
            let deletes = records
                .get(rejection.record)
                .is_some_and(|record| record.value.is_none());
            if deletes {
                self.deletions.push(rejection.record as u32);
            }
            !deletes
        });
    }

    /// Parts the rows that were decoded from the deletions between them.
    pub(crate) fn split(
        &mut self,
        flow: Flow,
        records: &[RawRecord<'_>],
        rejected: &mut Vec<Rejection>,
    ) -> Result<(Flow, Deleted)> {
        let mask = flow.replaces.as_ref().and_then(|r| r.deleted.clone());
        let rows = match &mask {
            Some(mask) => flow.filter(&not(mask)?)?,
            None => flow.clone(),
        };
        let rows = Flow {
            replaces: None,
            ..rows
        };
        let deletions = std::mem::take(&mut self.deletions);
        let deleted = match (&mut self.keys, mask) {
            (_, Some(mask)) => self.decoded(&flow.filter(&mask)?, rejected)?,
            (Some(keys), None) if !deletions.is_empty() => {
                keys.read(records, deletions, rejected)?
            }
            _ => Deleted::none(&self.schema, &self.key)?,
        };
        Ok((rows, deleted))
    }

    /// The deletions that the decoder found. One without a whole key is about no row.
    fn decoded(&self, flow: &Flow, rejected: &mut Vec<Rejection>) -> Result<Deleted> {
        let keys = flow.batch.project(&self.key)?;
        let records = flow.origin.as_ref().map_or(&[][..], |o| o.values());
        let whole = |row: usize| keys.columns().iter().all(|column| column.is_valid(row));
        let mut keep = Vec::with_capacity(keys.num_rows());
        for (row, &record) in records.iter().enumerate() {
            keep.push(whole(row));
            if whole(row) {
                continue;
            }
            let column = (0..keys.num_columns()).find(|&i| !keys.column(i).is_valid(row));
            rejected.push(Rejection {
                record: record as usize,
                reason: Reason::MissingRequired,
                column: column.map(|i| keys.schema().field(i).name().clone()),
                message: "the deletion does not say which row it deletes: the primary key is missing or null".to_owned(),
            });
        }
        let kept = keep.iter().zip(records).filter(|(keep, _)| **keep);
        let records = kept.map(|(_, &record)| record).collect();
        let keys = filter_record_batch(&keys, &BooleanArray::from(keep))?;
        Ok(Deleted { keys, records })
    }

    /// Rows, and deletions between them, as changes in the order of their records, the last one of each row.
    pub(crate) fn merge(&self, rows: Flow, deleted: &Deleted) -> Result<Flow> {
        let flow = if deleted.records.is_empty() {
            self.changes(rows, None)
        } else {
            self.with_deletions(rows, deleted)?
        };
        self.latest(flow)
    }

    fn changes(&self, flow: Flow, deleted: Option<BooleanArray>) -> Flow {
        Flow {
            replaces: Some(Replaces {
                key: Some(Arc::clone(&self.key)),
                deleted,
            }),
            ..flow
        }
    }

    /// Rows and deletions in the order of their records.
    fn with_deletions(&self, flow: Flow, deleted: &Deleted) -> Result<Flow> {
        let (kept, gone) = (flow.len(), deleted.records.len());
        let origin = match &flow.origin {
            Some(origin) => origin.values().to_vec(),
            None => (0..kept as u32).collect(),
        };
        let origin: UInt32Array = origin.iter().chain(&deleted.records).copied().collect();
        let order = sort_to_indices(&origin, None, None)?;
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for (i, field) in self.schema.fields().iter().enumerate() {
            let place = self.key.iter().position(|&key| key == i);
            let key = place.and_then(|place| deleted.keys.columns().get(place));
            let below: ArrayRef = match key {
                Some(key) => Arc::clone(key),
                None => new_null_array(field.data_type(), gone),
            };
            let column = match flow.batch.columns().get(i).filter(|_| kept > 0) {
                Some(above) => concat(&[above.as_ref(), below.as_ref()])?,
                None => below,
            };
            columns.push(take(&column, &order, None)?);
        }
        let is_gone = order.values().iter().map(|&row| row as usize >= kept);
        let origins = order
            .values()
            .iter()
            .filter_map(|&row| origin.values().get(row as usize).copied());
        let rows = kept + gone;
        let flow = Flow {
            evidence: None,
            batch: batch_of(&self.schema, columns, rows)?,
            origin: Some(origins.collect()),
            before: Int64Array::from_value(NEVER, rows),
            replaces: None,
            number: None,
        };
        Ok(self.changes(flow, Some(is_gone.map(Some).collect())))
    }

    /// Of several changes of a row, the last.
    fn latest(&self, flow: Flow) -> Result<Flow> {
        if flow.len() < 2 {
            return Ok(flow);
        }
        let columns = self
            .key
            .iter()
            .filter_map(|&i| flow.batch.columns().get(i).cloned());
        let keys = self.codec.encode(columns.collect())?;
        let mut seen = HashSet::with_capacity(flow.len());
        let mut last: Vec<bool> = (0..flow.len())
            .rev()
            .map(|row| seen.insert(keys.row(row)))
            .collect();
        if seen.len() == flow.len() {
            return Ok(flow);
        }
        last.reverse();
        flow.filter(&BooleanArray::from(last))
    }
}

/// Whether records of this format say themselves that a row is gone.
fn reads_deletions(format: &Format) -> bool {
    matches!(
        format,
        Format::Debezium | Format::Avro { changes: true, .. }
    )
}
