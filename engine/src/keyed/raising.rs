//! Rows that make some rule fire go on with the records that show why; others do not go on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{filter_record_batch, or};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion_common::DataFusionError;
use tidemill_plan::model::{ExprRef, Frame, Raise, SHOWN};

use super::held::Row;
use super::shelves::Shelves;
use super::spec::Spec;
use crate::alerts::{Shown, Texts, json};
use crate::error::Result;
use crate::rows::{Flow, batch_of};
use crate::steps::{failing, truth};

/// What rules want of rows that go on.
pub(super) struct Raising {
    wanted: Vec<ExprRef>,
    /// The columns that are shown.
    shown: Vec<usize>,
    schema: SchemaRef,
    count: usize,
    topic: Option<String>,
    frame: Frame,
}

impl Raising {
    /// Of rows of this schema; all calls have one frame.
    pub(super) fn new(raise: &Raise, rows: &Schema, frame: Frame) -> Result<Self> {
        Ok(Self {
            wanted: raise.wanted.clone(),
            shown: raise.shown.clone(),
            schema: Arc::new(rows.project(&raise.shown)?),
            count: raise.count,
            topic: raise.topic.clone(),
            frame,
        })
    }

    /// A row as it is shown.
    pub(super) fn shown(row: &Row<'_>) -> Shown {
        Shown {
            time: row.time,
            partition: row.partition,
            offset: row.offset,
            row: row.row.into(),
        }
    }

    /// The rows of a flow that some rule wants, with their evidence. `flow` is numbered by the rows of `due`, which are in
    /// the order of `order`, key by key.
    pub(super) fn raise(
        &self,
        spec: &Spec,
        shelves: &mut Shelves,
        due: &[Row<'_>],
        order: &[usize],
        flow: &Flow,
    ) -> Result<Flow> {
        let flow = flow.filter(&self.wanted(&flow.batch)?)?;
        let numbers = flow.number.as_ref().map(|n| n.values().to_vec());
        let numbers: Vec<usize> = numbers
            .unwrap_or_default()
            .iter()
            .map(|&n| n as usize)
            .collect();
        let mut records = self.records(
            spec,
            shelves,
            due,
            order,
            &numbers.iter().copied().collect(),
        );
        let found: Vec<Vec<Shown>> = numbers
            .iter()
            .map(|number| records.remove(number).unwrap_or_default())
            .collect();
        let evidence = self.evidence(spec, &flow.batch, &found)?;
        Ok(Flow {
            evidence: Some(evidence),
            number: None,
            ..flow
        })
    }

    fn wanted(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let mut wanted = BooleanArray::from(vec![false; batch.num_rows()]);
        for expr in &self.wanted {
            wanted = or(&wanted, &fires(expr, batch)?)?;
        }
        Ok(wanted)
    }

    /// Goes through the rows, key by key, and keeps the last records of each: those before and up to the rows that are
    /// asked for.
    fn records(
        &self,
        spec: &Spec,
        shelves: &mut Shelves,
        due: &[Row<'_>],
        order: &[usize],
        asked: &HashSet<usize>,
    ) -> HashMap<usize, Vec<Shown>> {
        let mut records = HashMap::with_capacity(asked.len());
        let at = |row: &usize| due.get(*row);
        let key = |row: &usize| at(row).map(|row| row.key);
        for of_key in order.chunk_by(|a, b| key(a) == key(b)) {
            let Some(first) = of_key.first().and_then(at) else {
                continue;
            };
            shelves.change(&spec.keeping, first.key, |series| {
                // Of rows of one time, a frame of a time has all, and one of a number those up to the row.
                let together = |a: &usize, b: &usize| match self.frame {
                    Frame::Range(_) => at(a).map(|row| row.time) == at(b).map(|row| row.time),
                    Frame::Rows(_) | Frame::Block(_) => false,
                };
                for peers in of_key.chunk_by(|a, b| together(a, b)) {
                    for row in peers.iter().filter_map(at) {
                        series.recent.push(Self::shown(row));
                    }
                    for number in peers.iter().filter(|number| asked.contains(number)) {
                        let time = at(number).map_or(first.time, |row| row.time);
                        let found: Vec<Shown> = match self.frame {
                            Frame::Range(span) => {
                                let since = span.map_or(i64::MIN, |span| time.saturating_sub(span));
                                series.recent.since(since).cloned().collect()
                            }
                            Frame::Rows(Some(before)) => {
                                let rows = (before as usize).saturating_add(1).min(SHOWN);
                                series.recent.last(rows).cloned().collect()
                            }
                            Frame::Rows(None) | Frame::Block(_) => {
                                series.recent.last(SHOWN).cloned().collect()
                            }
                        };
                        records.insert(*number, found);
                    }
                }
            });
        }
        records
    }

    fn evidence(
        &self,
        spec: &Spec,
        batch: &RecordBatch,
        found: &[Vec<Shown>],
    ) -> Result<StringArray> {
        let rows = found.iter().flatten();
        let columns = spec.decode(rows.clone().map(|record| &*record.row))?;
        let columns: Vec<ArrayRef> = self
            .shown
            .iter()
            .filter_map(|&column| columns.get(column).cloned())
            .collect();
        let shown = batch_of(&self.schema, columns, rows.count())?;
        let texts = Texts::of(&shown)?;
        let counts = batch.columns().get(self.count);
        let counts = counts.and_then(|c| c.as_any().downcast_ref::<Int64Array>());
        let mut texts = texts.rows();
        let evidence = found.iter().enumerate().map(|(row, records)| {
            let count = counts.filter(|c| row < c.len()).map_or(0, |c| c.value(row));
            let records = records.iter().zip(texts.by_ref());
            let records = records.map(|(record, row)| (record.partition, Some(record.offset), row));
            let text = json(count.max(0).cast_unsigned(), self.topic.as_deref(), records);
            Some(String::from_utf8_lossy(&text).into_owned())
        });
        Ok(evidence.collect())
    }
}

/// For which rows a condition holds. Those for which it fails are among them: whoever judges them says so.
pub(crate) fn fires(expr: &ExprRef, batch: &RecordBatch) -> Result<BooleanArray, DataFusionError> {
    if let Ok(mask) = truth(expr, batch) {
        return Ok(mask);
    }
    let mut faults = Vec::new();
    let attempt =
        |rows: std::ops::Range<usize>| truth(expr, &batch.slice(rows.start, rows.len())).map(drop);
    failing(0..batch.num_rows(), &attempt, &mut faults);
    let failed: HashSet<usize> = faults.into_iter().map(|(row, _)| row).collect();
    let good: BooleanArray = (0..batch.num_rows())
        .map(|row| Some(!failed.contains(&row)))
        .collect();
    let mask = truth(expr, &filter_record_batch(batch, &good)?)?;
    let mut mask = mask.iter();
    let fires = (0..batch.num_rows()).map(|row| match failed.contains(&row) {
        true => Some(true),
        false => mask.next().flatten().or(Some(false)),
    });
    Ok(fires.collect())
}
