//! A grouping as the operator needs it: expressions to evaluate, and the types of keys and states.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray, UInt32Array,
    new_null_array,
};
use arrow::compute::take;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Float64Type, SchemaRef};
use datafusion_common::DataFusionError;
use datafusion_expr::GroupsAccumulator;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::GroupsAccumulatorAdapter;
use datafusion_physical_expr::aggregate::AggregateFunctionExpr;
use tidemill_plan::model::{
    Aggregate, Emit, ExprRef, Late, Micros, Misfit, ResultColumn, Step, Stream, Window,
};
use tidemill_plan::{resets, stream_of};

use crate::aggregate::chunk::ChunkKey;
use crate::aggregate::passing::Passing;
use crate::aggregate::rowbytes::RowCodec;
use crate::aggregate::whole::WholeSum;
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::rows::{batch_of, conform};
use crate::stamp::Stamp;
use crate::steps::{arrays, nullable_where_null, truth};
use crate::window::{self, NEVER, Pane, Span};
use crate::wire;

/// One aggregate function.
pub(crate) struct FunctionSpec {
    expr: Arc<AggregateFunctionExpr>,
    args: Vec<ExprRef>,
    filter: Option<ExprRef>,
    /// Which of the state columns are its own.
    pub(crate) states: Range<usize>,
}

impl FunctionSpec {
    /// An accumulator without groups.
    pub(crate) fn accumulator(&self) -> Result<Box<dyn GroupsAccumulator>> {
        if WholeSum::is(&self.expr) {
            return Ok(Box::new(WholeSum::new()));
        }
        if self.expr.groups_accumulator_supported() {
            return Ok(self.expr.create_groups_accumulator()?);
        }
        let expr = Arc::clone(&self.expr);
        Ok(Box::new(GroupsAccumulatorAdapter::new(move || {
            expr.create_accumulator()
        })))
    }

    /// Whether its result can never fail, whatever was aggregated.
    fn infallible(&self) -> bool {
        match self.expr.fun().name() {
            _ if WholeSum::is(&self.expr) => false,
            "count" | "min" | "max" | "latest" => true,
            // A sum of decimals may have more digits than there are.
            "sum" => !matches!(
                self.expr.field().data_type(),
                DataType::Decimal128(DECIMAL128_MAX_PRECISION, _)
            ),
            "avg" => self.expr.field().data_type() == &DataType::Float64,
            _ => false,
        }
    }
}

/// What is fed to accumulators: rows of records, or rows of states.
pub(crate) struct Columns {
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) functions: Vec<FunctionColumns>,
    pub(crate) rows: usize,
}

/// What one function is fed.
pub(crate) struct FunctionColumns {
    pub(crate) values: Vec<ArrayRef>,
    pub(crate) filter: Option<BooleanArray>,
}

impl Columns {
    /// The rows at some indices.
    pub(crate) fn take(&self, rows: &UInt32Array) -> Result<Self> {
        let pick = |columns: &[ArrayRef]| {
            columns
                .iter()
                .map(|c| take(c, rows, None))
                .collect::<Result<Vec<_>, _>>()
        };
        let functions = self.functions.iter().map(|f| {
            let filter = f
                .filter
                .as_ref()
                .map(|mask| take(mask, rows, None))
                .transpose()?;
            Ok(FunctionColumns {
                values: pick(&f.values)?,
                filter: filter.map(|mask| BooleanArray::from(mask.to_data())),
            })
        });
        Ok(Self {
            keys: pick(&self.keys)?,
            functions: functions.collect::<Result<_>>()?,
            rows: rows.len(),
        })
    }
}

/// Groups with their states, taken out of accumulators.
pub(crate) struct Groups {
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) states: Vec<ArrayRef>,
    pub(crate) len: usize,
}

/// The windows of result rows.
pub(crate) enum Bounds {
    /// One for all.
    All(Span),
    /// One each.
    Each(Vec<Span>),
}

impl Bounds {
    pub(crate) fn slice(&self, rows: Range<usize>) -> Self {
        match self {
            Self::All(span) => Self::All(*span),
            Self::Each(spans) => Self::Each(spans.get(rows).unwrap_or_default().to_vec()),
        }
    }

    /// A column of one of the bounds, for so many rows.
    fn column(&self, bound: impl Fn(&Span) -> Micros, rows: usize) -> ArrayRef {
        Arc::new(match self {
            Self::All(span) => TimestampMicrosecondArray::from_value(bound(span), rows),
            Self::Each(spans) => spans.iter().map(bound).collect::<Vec<_>>().into(),
        })
    }
}

/// Expressions, and the schema of what they give.
type Projection = (Vec<ExprRef>, SchemaRef);

/// A grouping.
pub(crate) struct Spec {
    /// The stream's name.
    pub(crate) stream: String,
    pub(crate) window: Option<Window>,
    /// Whether windows overlap, so that each is put together from several panes.
    pub(crate) shares_panes: bool,
    pub(crate) emit: Emit,
    pub(crate) allowed_lateness: Micros,
    pub(crate) late: Late,
    pub(crate) key_schema: SchemaRef,
    pub(crate) functions: Vec<FunctionSpec>,
    pub(crate) key_codec: RowCodec,
    pub(crate) state_codec: RowCodec,
    /// Whose stored rows are its own. The fingerprint covers the window, the types of the keys, and the functions with
    /// the types of their states.
    pub(crate) stamp: Stamp,
    /// Rows of the same epoch with another fingerprint are dropped rather than refused.
    pub(crate) drops_misfits: bool,
    /// What the marks that are kept with the clock go by.
    pub(crate) mark: u64,
    /// Whether no function can fail to give its result.
    pub(crate) infallible: bool,
    /// The columns of a result row that identify it.
    pub(crate) result_key: Arc<[usize]>,
    /// How groups come to be forgotten, where they do.
    pub(crate) passing: Option<Passing>,
    keys: Vec<ExprRef>,
    layout: Vec<ResultColumn>,
    schema: SchemaRef,
    /// The projections that make the stream's rows of result rows.
    projections: Vec<Projection>,
}

impl Spec {
    pub(crate) fn new(stream: &Stream, aggregate: &Aggregate) -> Result<Self> {
        if let Some(w) = aggregate.window {
            window::validate(w.kind)?;
        }
        let mut functions = Vec::with_capacity(aggregate.functions.len());
        let mut state_types = Vec::new();
        let mut identity = String::new();
        for function in &aggregate.functions {
            let before = state_types.len();
            state_types.extend(state_types_of(&function.expr)?);
            let mut args = function.expr.expressions();
            args.extend(
                function
                    .expr
                    .order_bys()
                    .iter()
                    .map(|o| Arc::clone(&o.expr)),
            );
            identity.push_str(&format!(
                "{}:{};",
                function.expr.fun().name(),
                function.expr.is_distinct()
            ));
            functions.push(FunctionSpec {
                expr: Arc::clone(&function.expr),
                args,
                filter: function.filter.clone(),
                states: before..state_types.len(),
            });
        }
        let key_types: Vec<DataType> = aggregate
            .key_schema
            .fields()
            .iter()
            .map(|f| f.data_type().clone())
            .collect();
        identity.push_str(&format!(
            "{key_types:?};{state_types:?};{:?}",
            aggregate.window.map(|w| w.kind)
        ));
        let identifies = |c: &ResultColumn| !matches!(c, ResultColumn::Function(_));
        let result_key = aggregate
            .layout
            .iter()
            .enumerate()
            .filter(|(_, c)| identifies(c))
            .map(|(i, _)| i)
            .collect();
        let state_codec = RowCodec::new(state_types)?;
        Ok(Self {
            stream: stream.name.clone(),
            window: aggregate.window,
            shares_panes: aggregate
                .window
                .is_some_and(|w| w.kind.pane() != w.kind.size()),
            // Without a window nothing ever closes, so a table is handed on as it changes.
            emit: match (aggregate.window, aggregate.emit) {
                (None, Emit::OnClose) => Emit::OnUpdate { every: 0 },
                (_, emit) => emit,
            },
            allowed_lateness: aggregate.allowed_lateness.max(0),
            late: aggregate.late,
            key_schema: Arc::clone(&aggregate.key_schema),
            infallible: functions.iter().all(FunctionSpec::infallible),
            key_codec: RowCodec::new(key_types)?,
            passing: Passing::of(aggregate, &functions, &state_codec)?,
            state_codec,
            functions,
            stamp: Stamp {
                epoch: stream.epoch,
                fingerprint: wire::hash(identity.as_bytes()),
            },
            drops_misfits: stream.misfit == Misfit::Drop,
            mark: mark(stream),
            result_key,
            keys: aggregate.keys.clone(),
            layout: aggregate.layout.clone(),
            schema: Arc::clone(&aggregate.schema),
            projections: stream.after.iter().filter_map(projection).collect(),
        })
    }

    /// The keys and arguments of a batch's rows.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Result<Columns, DataFusionError> {
        let functions = self.functions.iter().map(|f| {
            let filter = f.filter.as_ref().map(|e| truth(e, batch)).transpose()?;
            Ok(FunctionColumns {
                values: arrays(&f.args, batch)?,
                filter,
            })
        });
        let functions = functions.collect::<Result<_, DataFusionError>>()?;
        let keys = arrays(&self.keys, batch)?;
        Ok(Columns {
            keys: keys.into_iter().map(with_one_zero).collect(),
            functions,
            rows: batch.num_rows(),
        })
    }

    /// States as what accumulators merge.
    pub(crate) fn columns_of(&self, groups: Groups) -> Columns {
        let functions = self.functions.iter().map(|f| FunctionColumns {
            values: groups
                .states
                .get(f.states.clone())
                .unwrap_or_default()
                .to_vec(),
            filter: None,
        });
        Columns {
            functions: functions.collect(),
            keys: groups.keys,
            rows: groups.len,
        }
    }

    /// Keys and states read back from their bytes.
    pub(crate) fn groups_of(&self, rows: &[(&[u8], &[u8])]) -> Result<Groups> {
        Ok(Groups {
            keys: self.key_codec.decode(rows.iter().map(|(key, _)| *key))?,
            states: self
                .state_codec
                .decode(rows.iter().map(|(_, state)| *state))?,
            len: rows.len(),
        })
    }

    /// Up to where windows have closed for a row that came when the watermark was `before`, of those that have closed up
    /// to `closed`.
    pub(crate) fn closed(&self, before: Micros, closed: Micros) -> Micros {
        #[cfg(feature = "faults")]
        if crate::faults::windows_reopen() {
            return NEVER;
        }
        before.saturating_sub(self.allowed_lateness).max(closed)
    }

    /// Whether what has changed is to be handed on: `every` has gone by in event time since that was last done, or the
    /// input is ending. Without event time, each flush hands on.
    pub(crate) fn hands_on(
        &self,
        watermark: Micros,
        emitted_at: Option<Micros>,
        ending: bool,
    ) -> bool {
        let Emit::OnUpdate { every } = self.emit else {
            return false;
        };
        ending
            || every <= 0
            || watermark == NEVER
            || emitted_at.is_none_or(|at| watermark.saturating_sub(at) >= every)
    }

    /// Forgets chunks that are left from before a reset.
    pub(crate) fn forget_stale(&self, stale: &mut BTreeSet<(Pane, u64)>, fx: &mut Effects) {
        let stale = std::mem::take(stale).into_iter();
        fx.changelog.extend(stale.map(|(segment, sequence)| {
            let key = ChunkKey {
                stream: &self.stream,
                segment,
                sequence,
            };
            key.tombstone()
        }));
    }

    /// Whether stored rows are the stream's own, rather than left from before a reset. Those of other keys, functions
    /// or windows are refused, unless the stream is to be reset where they do not fit.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        let lost = resets::lost(self.window.is_some());
        let stream = stream_of(&self.stream);
        self.stamp.owns(stored, stream, self.drops_misfits, lost)
    }

    /// Rows that take away the ones of these windows and keys: they have nothing else.
    pub(crate) fn lay_out_deleted(
        &self,
        bounds: &Bounds,
        keys: &[ArrayRef],
        rows: usize,
    ) -> Result<RecordBatch> {
        let fields = self.schema.fields().iter();
        let columns: Vec<ArrayRef> = fields
            .zip(&self.layout)
            .map(|(field, column)| {
                let value = match column {
                    ResultColumn::WindowStart => Some(bounds.column(|span| span.start, rows)),
                    ResultColumn::WindowEnd => Some(bounds.column(|span| span.end, rows)),
                    ResultColumn::Key(i) => keys.get(*i).cloned(),
                    ResultColumn::Function(_) => None,
                };
                match value {
                    Some(value) => conform(value, field.data_type()),
                    None => Ok(new_null_array(field.data_type(), rows)),
                }
            })
            .collect::<Result<_>>()?;
        batch_of(&nullable_where_null(&self.schema, &columns), columns, rows)
    }

    /// Result rows as those of the stream, for a person who knows its columns and not the planner's names, whether or not
    /// they would pass its filters. Where an expression fails on them, they stay as they are.
    pub(crate) fn as_shown(&self, results: RecordBatch) -> RecordBatch {
        let project = |batch: RecordBatch, (exprs, schema): &Projection| -> Result<_> {
            let columns = arrays(exprs, &batch)?;
            let schema = nullable_where_null(schema, &columns);
            batch_of(&schema, columns, batch.num_rows())
        };
        let shown = self.projections.iter().try_fold(results.clone(), project);
        shown.unwrap_or(results)
    }

    /// Result rows, laid out as the query wants them.
    pub(crate) fn lay_out(
        &self,
        bounds: &Bounds,
        keys: &[ArrayRef],
        values: &[ArrayRef],
        rows: usize,
    ) -> Result<RecordBatch> {
        let missing = || {
            EngineError::Plan(format!(
                "the layout of stream `{}` names a column that is not there",
                self.stream
            ))
        };
        let columns = self
            .layout
            .iter()
            .zip(self.schema.fields())
            .map(|(column, field)| {
                let array = match column {
                    ResultColumn::Key(i) => keys.get(*i).cloned().ok_or_else(missing)?,
                    ResultColumn::Function(i) => values.get(*i).cloned().ok_or_else(missing)?,
                    ResultColumn::WindowStart => bounds.column(|span| span.start, rows),
                    ResultColumn::WindowEnd => bounds.column(|span| span.end, rows),
                };
                conform(array, field.data_type())
            });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        batch_of(&self.schema, columns, rows)
    }
}

fn projection(step: &Step) -> Option<Projection> {
    match step {
        Step::Project { exprs, schema } => Some((exprs.clone(), Arc::clone(schema))),
        Step::Filter(_) | Step::Lookup(_) | Step::Changes { .. } => None,
    }
}

/// The types of a function's state.
fn state_types_of(function: &AggregateFunctionExpr) -> Result<Vec<DataType>> {
    if WholeSum::is(function) {
        return Ok(vec![WholeSum::STATE]);
    }
    let fields = function.state_fields()?;
    Ok(fields.iter().map(|f| f.data_type().clone()).collect())
}

/// Zero and minus zero are one key.
pub(crate) fn with_one_zero(key: ArrayRef) -> ArrayRef {
    match key.as_primitive_opt::<Float64Type>() {
        Some(floats) => Arc::new(floats.unary::<_, Float64Type>(|x| x + 0.0)),
        None => key,
    }
}

/// A reset stream has closed no window and handed nothing on yet, so its marks are others.
pub(crate) fn mark(stream: &Stream) -> u64 {
    let name = stream.name.as_str();
    match stream.epoch {
        0 => wire::hash(name.as_bytes()),
        epoch => wire::hash(format!("{name}#{epoch}").as_bytes()),
    }
}
