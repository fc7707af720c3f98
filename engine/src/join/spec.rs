//! What a join needs to know of its rows, as the operator needs it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Schema, SchemaRef};
use tidemill_plan::model::{ExprRef, Join, JoinSide, Late, Micros, Stream};

use super::row::{Both, Row, Rows};
use crate::aggregate::rowbytes::{Encoded, RowCodec};
use crate::aggregate::{times, with_one_zero};
use crate::error::{EngineError, Result};
use crate::rows::batch_of;
use crate::rowwise::Owner;

/// A join.
pub(super) struct Spec {
    pub(super) owner: Owner,
    pub(super) late: Late,
    /// So far may a row be behind the watermark.
    pub(super) behind: Micros,
    /// So far are the rows that go on behind it.
    pub(super) holds_back: Micros,
    pub(super) condition: Option<ExprRef>,
    /// So long after its time a row goes.
    pub(super) lasts: Both<Micros>,
    pub(super) sides: Both<Side>,
    earliest: Micros,
    latest: Micros,
    side: usize,
    time: usize,
    keys: Vec<usize>,
    key_codec: RowCodec,
    schema: SchemaRef,
}

/// The rows of a side.
pub(super) struct Side {
    pub(super) goes_on_alone: bool,
    /// What its time is called.
    pub(super) time: String,
    /// Its columns among those of the rows that come in.
    columns: Vec<usize>,
    pub(super) schema: SchemaRef,
    codec: RowCodec,
}

impl Side {
    fn new(side: &JoinSide, schema: &Schema, from: usize) -> Result<Self> {
        let fields = schema.fields().iter().skip(from).take(side.columns.len());
        let schema = Schema::new(fields.cloned().collect::<Vec<_>>());
        let types = schema.fields().iter().map(|f| f.data_type().clone());
        Ok(Self {
            goes_on_alone: side.goes_on_alone,
            time: side.time.clone(),
            columns: side.columns.clone(),
            codec: RowCodec::new(types.collect())?,
            schema: Arc::new(schema),
        })
    }

    /// The side's columns of rows that come in.
    pub(super) fn batch(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.columns.iter();
        let columns = columns.filter_map(|&c| rows.columns().get(c).cloned());
        batch_of(&self.schema, columns.collect(), rows.num_rows())
    }

    /// A row of its bytes.
    pub(super) fn decode(&self, row: &Row<'_>) -> Result<RecordBatch> {
        let columns = self.codec.decode(std::iter::once(row.row))?;
        batch_of(&self.schema, columns, 1)
    }

    /// The columns of some rows, each as often as it is named; or nulls.
    fn columns(&self, rows: &[&[u8]], named: &[Option<u32>]) -> Result<Vec<ArrayRef>> {
        let columns = self.codec.decode(rows.iter().copied())?;
        let in_order = || (0..).zip(named).all(|(place, named)| *named == Some(place));
        if rows.len() == named.len() && in_order() {
            return Ok(columns);
        }
        let named = UInt32Array::from(named.to_vec());
        let columns = columns.iter();
        columns.map(|c| Ok(take(c, &named, None)?)).collect()
    }
}

impl Spec {
    pub(super) fn new(stream: &Stream, join: &Join) -> Result<Self> {
        let fields = join.schema.fields();
        if join.earliest > join.latest {
            let message = format!("stream `{}` joins no rows", stream.name);
            return Err(EngineError::Plan(message));
        }
        let identity = format!(
            "join;{:?};{:?};{};{};{:?};{:?}",
            join.left.columns,
            fields.iter().map(|f| f.data_type()).collect::<Vec<_>>(),
            join.earliest,
            join.latest,
            (join.left.goes_on_alone, join.right.goes_on_alone),
            join.key_types,
        );
        Ok(Self {
            owner: Owner::new(stream, &identity),
            late: join.late,
            behind: join.behind,
            holds_back: join.holds_back(),
            condition: join.condition.clone(),
            lasts: Both {
                left: join.kept_for(false),
                right: join.kept_for(true),
            },
            sides: Both {
                left: Side::new(&join.left, &join.schema, 0)?,
                right: Side::new(&join.right, &join.schema, join.left.columns.len())?,
            },
            earliest: join.earliest,
            latest: join.latest,
            side: join.side,
            time: join.time,
            keys: join.keys.clone(),
            key_codec: RowCodec::new(join.key_types.clone())?,
            schema: Arc::clone(&join.schema),
        })
    }

    /// The times between which rows of the other side belong to a row of a side and a time.
    pub(super) fn span(&self, is_right: bool, time: Micros) -> (Micros, Micros) {
        let (from, to) = match is_right {
            false => (self.earliest, self.latest),
            true => (self.latest.saturating_neg(), self.earliest.saturating_neg()),
        };
        (time.saturating_add(from), time.saturating_add(to))
    }

    /// Of which sides rows go on that belong to none.
    pub(super) fn go_on_alone(&self) -> Both<bool> {
        Both {
            left: self.sides.left.goes_on_alone,
            right: self.sides.right.goes_on_alone,
        }
    }

    /// Whether there is such a side.
    pub(super) fn any_goes_on_alone(&self) -> bool {
        let go_on = self.go_on_alone();
        go_on.left || go_on.right
    }

    /// The times of rows that come in, and whether they are of the right side.
    pub(super) fn times_and_sides<'b>(
        &self,
        batch: &'b RecordBatch,
    ) -> Result<(
        &'b arrow::array::TimestampMicrosecondArray,
        &'b BooleanArray,
    )> {
        let side = batch.columns().get(self.side);
        let side = side.and_then(|c| c.as_boolean_opt()).ok_or_else(|| {
            EngineError::Plan(format!(
                "stream `{}` does not tell its sides",
                self.owner.stream
            ))
        })?;
        Ok((times(batch, self.time)?, side))
    }

    /// Adds rows that come in to others. Those that belong to none, and do not go on, are left out.
    pub(super) fn add(&self, batch: &RecordBatch, to: &mut Rows) -> Result<()> {
        let (times, sides) = self.times_and_sides(batch)?;
        let columns = self.keys.iter();
        let keys = columns.filter_map(|&k| batch.columns().get(k).cloned());
        let keys: Vec<ArrayRef> = keys.map(with_one_zero).collect();
        let single = |row: usize| keys.iter().any(|key| key.is_null(row));
        let encoded = self.key_codec.encode(keys.clone())?;
        // Most batches are of one side.
        let of = |side: &Side, any: bool| match any {
            true => side.codec.encode(side.batch(batch)?.columns().to_vec()),
            false => Ok(Encoded::Empty),
        };
        let left = of(&self.sides.left, sides.false_count() > 0)?;
        let right = of(&self.sides.right, sides.true_count() > 0)?;
        for (row, (&time, is_right)) in times.values().iter().zip(sides.values()).enumerate() {
            let bytes = if is_right { &right } else { &left };
            let is_single = single(row);
            if is_single && !self.sides.of(is_right).goes_on_alone {
                continue;
            }
            to.add(&Row {
                time,
                is_right,
                is_single,
                is_matched: false,
                number: 0,
                key: encoded.row(row),
                row: bytes.row(row),
            });
        }
        Ok(())
    }

    /// Rows of both sides beside each other: the rows of each, and which of them are wanted in which order.
    pub(super) fn pairs(
        &self,
        rows: Both<&[&[u8]]>,
        named: Both<&[Option<u32>]>,
    ) -> Result<RecordBatch> {
        let mut columns = self.sides.left.columns(rows.left, named.left)?;
        columns.extend(self.sides.right.columns(rows.right, named.right)?);
        batch_of(&self.schema, columns, named.left.len())
    }
}
