//! What is computed over rows, as the operator needs it.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};
use tidemill_plan::model::{Frame, Late, Micros, Over, Raise, RankBy, Stream};

use super::frame::Call;
use super::raising::Raising;
use super::shelves::Keeping;
use super::value::{self, Value};
use crate::aggregate::rowbytes::{Encoded, RowCodec};
use crate::aggregate::with_one_zero;
use crate::error::{EngineError, Result};
use crate::rowwise::Owner;

/// Functions over rows.
pub(super) struct Spec {
    pub(super) owner: Owner,
    pub(super) time: usize,
    pub(super) late: Late,
    pub(super) keeping: Keeping,
    /// For so long after its time a row is needed.
    pub(super) span: Micros,
    /// The rows that come in.
    pub(super) rows: SchemaRef,
    /// The rows that go on.
    schema: SchemaRef,
    keys: Vec<usize>,
    key_codec: RowCodec,
    row_codec: RowCodec,
    rank: Vec<RankBy>,
    /// So many of the first of ranked rows are wanted.
    pub(super) first: Option<u64>,
    /// The columns that functions are of.
    arguments: Vec<usize>,
    /// The frame of its calls; where rules judge the rows, they all have one.
    frame: Frame,
    /// What rules want, if they judge the rows.
    pub(super) raising: Option<Raising>,
}

impl Spec {
    pub(super) fn new(stream: &Stream, over: &Over) -> Result<Self> {
        let fields = over.schema.fields();
        let width = fields.len().saturating_sub(over.calls.len());
        let rows = Schema::new(fields.iter().take(width).cloned().collect::<Vec<_>>());
        let type_of = |column: usize| {
            let field = rows.fields().get(column);
            field.map(|f| f.data_type().clone()).ok_or_else(|| {
                EngineError::Plan(format!("stream `{}` has no column {column}", stream.name))
            })
        };
        let mut arguments: Vec<usize> = over.calls.iter().filter_map(|c| c.argument).collect();
        arguments.sort_unstable();
        arguments.dedup();
        let mut calls = Vec::with_capacity(over.calls.len());
        for (call, gives) in over.calls.iter().zip(fields.iter().skip(width)) {
            let argument = match call.argument {
                Some(column) => {
                    let place = arguments.binary_search(&column).unwrap_or_default();
                    Some((place, type_of(column)?))
                }
                None => None,
            };
            let argument = argument.as_ref().map(|(place, of)| (*place, of));
            calls.push(Call::new(call, argument, gives.data_type())?);
        }
        let key_types = over.keys.iter().map(|&k| type_of(k));
        let key_types = key_types.collect::<Result<Vec<_>>>()?;
        let row_types: Vec<DataType> = rows
            .fields()
            .iter()
            .map(|f| f.data_type().clone())
            .collect();
        let identity = format!(
            "over;{key_types:?};{row_types:?};{};{:?};{:?};{:?};{:?}",
            over.time, over.keys, over.calls, over.rank, over.first
        );
        let mut spec = Self {
            owner: Owner::new(stream, &identity),
            time: over.time,
            late: over.late,
            span: calls.iter().filter_map(Call::span).max().unwrap_or(0),
            keeping: Keeping {
                width: arguments.len(),
                rows_back: calls.iter().map(Call::rows_back).max().unwrap_or(0),
                lasts: calls.iter().any(Call::lasts),
                memory: calls
                    .iter()
                    .map(Call::memory)
                    .max_by_key(|m| m.unwrap_or(Micros::MAX))
                    .flatten(),
                calls,
            },
            rows: Arc::new(rows),
            schema: Arc::clone(&over.schema),
            keys: over.keys.clone(),
            key_codec: RowCodec::new(key_types)?,
            row_codec: RowCodec::new(row_types)?,
            rank: over.rank.clone(),
            first: over.first,
            arguments,
            frame: over.calls.first().map_or(Frame::Rows(None), |c| c.frame),
            raising: None,
        };
        spec.set_raise(over.raise.as_ref())?;
        Ok(spec)
    }

    /// Sets what rules want of the rows.
    pub(super) fn set_raise(&mut self, raise: Option<&Raise>) -> Result<()> {
        let raising = raise.map(|raise| Raising::new(raise, &self.rows, self.frame));
        self.raising = raising.transpose()?;
        Ok(())
    }

    /// The keys and the rows of a batch as bytes.
    pub(super) fn encode(&self, batch: &RecordBatch) -> Result<(Encoded, Encoded)> {
        let columns = batch.columns();
        let keys = self.keys.iter().filter_map(|&k| columns.get(k).cloned());
        let keys = self.key_codec.encode(keys.map(with_one_zero).collect())?;
        Ok((keys, self.row_codec.encode(columns.to_vec())?))
    }

    /// Rows of their bytes.
    pub(super) fn decode<'r>(&self, rows: impl Iterator<Item = &'r [u8]>) -> Result<Vec<ArrayRef>> {
        self.row_codec.decode(rows)
    }

    /// What the functions are of, column by column.
    pub(super) fn arguments(&self, columns: &[ArrayRef]) -> Result<Vec<Vec<Value>>> {
        let columns = self.arguments.iter().filter_map(|&a| columns.get(a));
        columns.map(value::values).collect()
    }

    /// Whether rows are ranked.
    pub(super) fn is_ranked(&self) -> bool {
        !self.rank.is_empty()
    }

    /// The ranks of rows, as bytes in their order, where rows are ranked.
    pub(super) fn ranks(&self, columns: &[ArrayRef]) -> Result<Option<Rows>> {
        if self.rank.is_empty() {
            return Ok(None);
        }
        let by = self
            .rank
            .iter()
            .filter_map(|by| Some((by, columns.get(by.column)?)));
        let (fields, columns): (Vec<_>, Vec<_>) = by
            .map(|(by, column)| {
                let options = SortOptions {
                    descending: by.descending,
                    nulls_first: by.nulls_first,
                };
                let data_type = column.data_type().clone();
                (
                    SortField::new_with_options(data_type, options),
                    Arc::clone(column),
                )
            })
            .unzip();
        Ok(Some(RowConverter::new(fields)?.convert_columns(&columns)?))
    }

    /// The rows that go on: those that came, and what the functions give for them.
    pub(super) fn results(
        &self,
        mut columns: Vec<ArrayRef>,
        results: &[Vec<Value>],
    ) -> Result<RecordBatch> {
        for (call, values) in self.keeping.calls.iter().zip(results) {
            columns.push(value::column(values.iter(), &call.gives)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// What the time of rows is called.
    pub(super) fn time_name(&self) -> Option<&str> {
        let field = self.rows.fields().get(self.time);
        field.map(|f| f.name().as_str())
    }
}
