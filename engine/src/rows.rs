//! Rows on their way through a task, and what a stream must know of each.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    UInt32Array,
};
use arrow::compute::{FilterBuilder, cast, take, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use tidemill_plan::model::Micros;

use crate::error::Result;

/// Rows on their way from one stream to the next.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    /// The rows.
    pub(crate) batch: RecordBatch,
    /// Index of the record in the raw batch that each row was made of; `None` where there is none, as after a grouping.
    pub(crate) origin: Option<UInt32Array>,
    /// The watermark as it was before each row: what decides whether the row is late.
    pub(crate) before: Int64Array,
    /// For rows that replace earlier ones.
    pub(crate) replaces: Option<Replaces>,
    /// Which of the rows that came in together each row is made of; `None` where nobody asks.
    pub(crate) number: Option<UInt32Array>,
    /// The records that each row was made of, as alerts show them; `None` where no rule asks.
    pub(crate) evidence: Option<StringArray>,
}

/// What is known of rows that replace earlier ones.
#[derive(Debug, Clone)]
pub(crate) struct Replaces {
    /// The columns that identify a row; unknown between the steps of a stream.
    pub(crate) key: Option<Arc<[usize]>>,
    /// True where the row takes the one before away.
    pub(crate) deleted: Option<BooleanArray>,
}

impl Flow {
    /// Rows without a source record, all after the same watermark.
    pub(crate) fn derived(batch: RecordBatch, before: Micros, replaces: Option<Replaces>) -> Self {
        let before = Int64Array::from_value(before, batch.num_rows());
        Self {
            batch,
            origin: None,
            before,
            replaces,
            number: None,
            evidence: None,
        }
    }

    /// The same rows, numbered.
    pub(crate) fn numbered(self) -> Self {
        let number = Some((0..self.len() as u32).collect());
        Self { number, ..self }
    }

    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Keeps the rows where the mask is true.
    pub(crate) fn filter(&self, mask: &BooleanArray) -> Result<Self> {
        let predicate = FilterBuilder::new(mask).optimize().build();
        let origin = self
            .origin
            .as_ref()
            .map(|o| predicate.filter(o))
            .transpose()?;
        let number = self.number.as_ref().map(|n| predicate.filter(n));
        let number = number.transpose()?;
        let evidence = self.evidence.as_ref().map(|e| predicate.filter(e));
        let evidence = evidence.transpose()?;
        let before = predicate.filter(&self.before)?;
        let replaces = match &self.replaces {
            None => None,
            Some(replaces) => {
                let deleted = replaces
                    .deleted
                    .as_ref()
                    .map(|d| predicate.filter(d))
                    .transpose()?;
                Some(Replaces {
                    key: replaces.key.clone(),
                    deleted: deleted.map(|d| BooleanArray::from(d.to_data())),
                })
            }
        };
        Ok(Self {
            batch: predicate.filter_record_batch(&self.batch)?,
            origin: origin.map(|o| UInt32Array::from(o.to_data())),
            before: Int64Array::from(before.to_data()),
            replaces,
            number: number.map(|n| UInt32Array::from(n.to_data())),
            evidence: evidence.map(|e| StringArray::from(e.to_data())),
        })
    }

    /// These rows, in this order, each as often as it is named.
    pub(crate) fn take(&self, rows: &UInt32Array) -> Result<Self> {
        let origin = self.origin.as_ref().map(|o| take(o, rows, None));
        let number = self.number.as_ref().map(|n| take(n, rows, None));
        let evidence = self.evidence.as_ref().map(|e| take(e, rows, None));
        let before = take(&self.before, rows, None)?;
        let replaces = match &self.replaces {
            None => None,
            Some(replaces) => {
                let deleted = replaces.deleted.as_ref().map(|d| take(d, rows, None));
                Some(Replaces {
                    key: replaces.key.clone(),
                    deleted: deleted
                        .transpose()?
                        .map(|d| BooleanArray::from(d.to_data())),
                })
            }
        };
        Ok(Self {
            batch: take_record_batch(&self.batch, rows)?,
            origin: origin.transpose()?.map(|o| UInt32Array::from(o.to_data())),
            before: Int64Array::from(before.to_data()),
            replaces,
            number: number.transpose()?.map(|n| UInt32Array::from(n.to_data())),
            evidence: evidence
                .transpose()?
                .map(|e| StringArray::from(e.to_data())),
        })
    }

    /// The rows with their evidence as a last column, if they have any.
    pub(crate) fn with_evidence(mut self, schema: &SchemaRef) -> Result<Self> {
        let Some(evidence) = self.evidence.take() else {
            return Ok(self);
        };
        self.with_column(Arc::new(evidence), schema)
    }

    /// The rows with one more column behind theirs.
    pub(crate) fn with_column(self, column: ArrayRef, schema: &SchemaRef) -> Result<Self> {
        let columns = self.batch.columns().iter().cloned();
        let columns = columns.chain([column]).collect();
        let batch = batch_of(schema, columns, self.len())?;
        Ok(self.with_batch(batch))
    }

    /// The same rows with other columns.
    pub(crate) fn with_batch(self, batch: RecordBatch) -> Self {
        Self { batch, ..self }
    }
}

/// Columns as a batch of a number of rows; columns may be none.
pub(crate) fn batch_of(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

/// A column in the type that it was declared with: functions may choose another for the same values.
pub(crate) fn conform(column: ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if column.data_type() == to {
        Ok(column)
    } else {
        Ok(cast(&column, to)?)
    }
}
