//! Plans, built by hand.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion_expr::{AggregateUDF, Operator as Op};
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion_functions_aggregate::sum::sum_udaf;
use datafusion_physical_expr::aggregate::AggregateExprBuilder;
use datafusion_physical_expr::expressions::{binary, col, lit};
use tidemill_plan::model::*;

pub(super) const SECOND: Micros = 1_000_000;

/// When the records begin: 2023-11-14T22:13:00Z, the start of a window of any length here.
pub(super) const BEGIN: Micros = 1_699_999_980 * SECOND;

/// What varies.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) exchange: Exchange,
    /// The windows of `sums` and `live`.
    pub(super) kind: WindowKind,
    pub(super) allowed_lateness: Micros,
    pub(super) late: Late,
    pub(super) every: Micros,
}

pub(super) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

pub(super) fn schema_of(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns
        .iter()
        .map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(super) fn source_schema() -> SchemaRef {
    schema_of(&[
        ("k", DataType::Utf8),
        ("v", DataType::Int64),
        ("ts", time_type()),
    ])
}

pub(super) fn function(
    udaf: Arc<AggregateUDF>,
    arg: ExprRef,
    schema: &SchemaRef,
    name: &str,
    distinct: bool,
) -> Function {
    let expr = AggregateExprBuilder::new(udaf, vec![arg])
        .schema(Arc::clone(schema))
        .alias(name);
    let expr = expr.with_distinct(distinct).build().unwrap();
    Function {
        expr: Arc::new(expr),
        filter: None,
        holds: false,
    }
}

pub(super) fn source() -> Source {
    let schema = source_schema();
    let column = |name: &str| Column {
        name: name.into(),
        path: vec![name.into()],
        required: false,
    };
    Source {
        name: "records".into(),
        origin: Origin::Topic {
            topic: "records".into(),
            start_from: StartFrom::Earliest,
        },
        format: Format::Json,
        columns: vec![column("k"), column("v"), column("ts")],
        check: Some(Check {
            text: "v >= 0".into(),
            expr: binary(col("v", &schema).unwrap(), Op::GtEq, lit(0i64), &schema).unwrap(),
        }),
        event_time: Some(EventTime {
            column: 2,
            out_of_orderness: 4 * SECOND,
            idle_timeout: None,
        }),
        partitioned_by: vec![],
        key: None,
        distribution: Default::default(),
        schema,
    }
}

pub(super) fn nowhere() -> tidemill_crds::SinkSpec {
    serde_json::from_str("{\"stdout\":{}}").unwrap()
}

pub(super) fn json() -> Written {
    Written::Json {
        timestamps: Default::default(),
    }
}

/// `SELECT k, v, ts, 100 / (v - 5) AS q FROM records WHERE v <> 7`.
pub(super) fn clean() -> Stream {
    let input = source_schema();
    let schema = schema_of(&[
        ("k", DataType::Utf8),
        ("v", DataType::Int64),
        ("ts", time_type()),
        ("q", DataType::Int64),
    ]);
    let named = |name: &str| col(name, &input).unwrap();
    let less = binary(named("v"), Op::Minus, lit(5i64), &input).unwrap();
    let quotient = binary(lit(100i64), Op::Divide, less, &input).unwrap();
    Stream {
        name: "clean".into(),
        inputs: vec![Input::Source(0)],
        before: vec![
            Step::Filter(binary(named("v"), Op::NotEq, lit(7i64), &input).unwrap()),
            Step::Project {
                exprs: vec![named("k"), named("v"), named("ts"), quotient],
                schema: Arc::clone(&schema),
            },
        ],
        operator: None,
        after: vec![],
        schema,
        changes: Changes::Append,
        epoch: 0,
        behind: None,
        misfit: Misfit::Refuse,
    }
}

fn functions(schema: &SchemaRef) -> Vec<Function> {
    let named = |name: &str| col(name, schema).unwrap();
    let mut odd = function(count_udaf(), lit(1i64), schema, "odd", false);
    let rest = binary(named("v"), Op::Modulo, lit(2i64), schema).unwrap();
    odd.filter = Some(binary(rest, Op::Eq, lit(1i64), schema).unwrap());
    vec![
        function(sum_udaf(), named("v"), schema, "total", false),
        function(count_udaf(), lit(1i64), schema, "n", false),
        function(min_udaf(), named("k"), schema, "low", false),
        function(max_udaf(), named("ts"), schema, "last", false),
        function(
            avg_udaf(),
            cast_to_float(named("v"), schema),
            schema,
            "mean",
            false,
        ),
        function(count_udaf(), named("v"), schema, "different", true),
        odd,
    ]
}

fn cast_to_float(expr: ExprRef, schema: &SchemaRef) -> ExprRef {
    datafusion_physical_expr::expressions::cast(expr, schema, DataType::Float64).unwrap()
}

pub(super) fn result_columns() -> Vec<(&'static str, DataType)> {
    vec![
        ("total", DataType::Int64),
        ("n", DataType::Int64),
        ("low", DataType::Utf8),
        ("last", time_type()),
        ("mean", DataType::Float64),
        ("different", DataType::Int64),
        ("odd", DataType::Int64),
    ]
}

fn windowed(shape: &Shape, name: &str, emit: Emit) -> Stream {
    let input = clean().schema;
    let mut columns = vec![
        ("k", DataType::Utf8),
        ("window_start", time_type()),
        ("window_end", time_type()),
    ];
    columns.extend(result_columns());
    let schema = schema_of(&columns);
    let mut layout = vec![
        ResultColumn::Key(0),
        ResultColumn::WindowStart,
        ResultColumn::WindowEnd,
    ];
    layout.extend((0..7).map(ResultColumn::Function));
    let changes = match emit {
        Emit::OnClose => Changes::Append,
        Emit::OnUpdate { .. } => Changes::Upsert { key: vec![0, 1, 2] },
    };
    Stream {
        name: name.into(),
        inputs: vec![Input::Stream(0)],
        before: vec![],
        operator: Some(Operator::Aggregate(Aggregate {
            window: Some(Window {
                time: 2,
                kind: shape.kind,
            }),
            keys: vec![col("k", &input).unwrap()],
            key_schema: schema_of(&[("k", DataType::Utf8)]),
            functions: functions(&input),
            layout,
            schema: Arc::clone(&schema),
            emit,
            allowed_lateness: shape.allowed_lateness,
            late: shape.late,
            exchange: shape.exchange.clone(),
        })),
        after: vec![],
        schema,
        changes,
        epoch: 0,
        behind: None,
        misfit: Misfit::Refuse,
    }
}

/// `SELECT window_start, window_end, sum(n) AS n, count(*) AS windows FROM TUMBLE(sums, window_start, 30 s) GROUP BY window_start, window_end`,
/// or, where it cannot be shuffled, `GROUP BY k` too. Over sessions, it is by their end.
fn totals(shape: &Shape, input: &SchemaRef) -> Stream {
    let shuffled = shape.exchange != Exchange::Local;
    let mut columns = vec![
        ("window_start", time_type()),
        ("n", DataType::Int64),
        ("windows", DataType::Int64),
    ];
    let mut layout = vec![
        ResultColumn::WindowStart,
        ResultColumn::Function(0),
        ResultColumn::Function(1),
    ];
    if !shuffled {
        columns.push(("k", DataType::Utf8));
        layout.push(ResultColumn::Key(0));
    }
    let schema = schema_of(&columns);
    Stream {
        name: "totals".into(),
        inputs: vec![Input::Stream(1)],
        before: vec![],
        operator: Some(Operator::Aggregate(Aggregate {
            window: Some(Window {
                time: match shape.kind {
                    WindowKind::Session { .. } => 2,
                    _ => 1,
                },
                kind: WindowKind::Tumble { size: 30 * SECOND },
            }),
            keys: if shuffled {
                vec![]
            } else {
                vec![col("k", input).unwrap()]
            },
            key_schema: if shuffled {
                empty_schema()
            } else {
                schema_of(&[("k", DataType::Utf8)])
            },
            functions: vec![
                function(sum_udaf(), col("n", input).unwrap(), input, "n", false),
                function(count_udaf(), lit(1i64), input, "windows", false),
            ],
            layout,
            schema: Arc::clone(&schema),
            emit: Emit::OnClose,
            // So far the start of a window is behind its last microsecond, of which the watermark is.
            allowed_lateness: match shape.kind {
                WindowKind::Session { .. } => 0,
                kind => kind.size() - 1,
            },
            late: Late::DeadLetter,
            exchange: if shuffled {
                Exchange::Shuffle { shards: 1 }
            } else {
                Exchange::Local
            },
        })),
        after: vec![],
        schema,
        changes: Changes::Append,
        epoch: 0,
        behind: None,
        misfit: Misfit::Refuse,
    }
}

/// `SELECT k, sum(v) AS total, 60 / (n % 3) AS share FROM clean GROUP BY k HAVING n % 3 <> 0`.
fn table(shape: &Shape) -> Stream {
    let input = clean().schema;
    // Counts and sums are never null; rows that delete must go through all the same.
    let fields = [
        ("k", DataType::Utf8),
        ("total", DataType::Int64),
        ("n", DataType::Int64),
    ];
    let fields = fields.map(|(name, data_type)| Field::new(name, data_type, name == "k"));
    let grouped: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
    let fields = [
        ("k", DataType::Utf8),
        ("total", DataType::Int64),
        ("share", DataType::Int64),
    ];
    let fields = fields.map(|(name, data_type)| Field::new(name, data_type, name == "k"));
    let schema: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
    let rest = binary(col("n", &grouped).unwrap(), Op::Modulo, lit(3i64), &grouped).unwrap();
    let share = binary(lit(60i64), Op::Divide, Arc::clone(&rest), &grouped).unwrap();
    Stream {
        name: "table".into(),
        inputs: vec![Input::Stream(0)],
        before: vec![],
        operator: Some(Operator::Aggregate(Aggregate {
            window: None,
            keys: vec![col("k", &input).unwrap()],
            key_schema: schema_of(&[("k", DataType::Utf8)]),
            functions: vec![
                function(
                    sum_udaf(),
                    col("v", &input).unwrap(),
                    &input,
                    "total",
                    false,
                ),
                function(count_udaf(), lit(1i64), &input, "n", false),
            ],
            layout: vec![
                ResultColumn::Key(0),
                ResultColumn::Function(0),
                ResultColumn::Function(1),
            ],
            schema: Arc::clone(&grouped),
            emit: Emit::OnUpdate { every: shape.every },
            allowed_lateness: 0,
            late: Late::DeadLetter,
            exchange: shape.exchange.clone(),
        })),
        after: vec![
            Step::Filter(binary(rest, Op::NotEq, lit(0i64), &grouped).unwrap()),
            Step::Project {
                exprs: vec![
                    col("k", &grouped).unwrap(),
                    col("total", &grouped).unwrap(),
                    share,
                ],
                schema: Arc::clone(&schema),
            },
        ],
        schema,
        changes: Changes::Upsert { key: vec![0] },
        epoch: 0,
        behind: None,
        misfit: Misfit::Refuse,
    }
}

/// `windowed`, on close.
pub(super) fn sums(shape: &Shape) -> Stream {
    windowed(shape, "sums", Emit::OnClose)
}

/// Streams: 0 `clean`, 1 `sums` on close, 2 `totals` over it, 3 `table`, 4 `live` windows on update.
pub(super) fn plan(shape: &Shape) -> Arc<Plan> {
    let sums = windowed(shape, "sums", Emit::OnClose);
    let totals = totals(shape, &sums.schema);
    let streams = vec![
        clean(),
        sums,
        totals,
        table(shape),
        windowed(shape, "live", Emit::OnUpdate { every: shape.every }),
    ];
    plan_of(streams)
}

/// Streams, all of them with an output.
pub(super) fn plan_of(streams: Vec<Stream>) -> Arc<Plan> {
    let inputs = [Input::Source(0)]
        .into_iter()
        .chain((0..streams.len()).map(Input::Stream));
    let mut plan = Plan {
        name: "test".into(),
        sources: vec![source()],
        streams,
        outputs: vec![],
        rules: vec![],
        comparisons: vec![],
        made: vec![],
    };
    plan.outputs = inputs
        .map(|from| Output {
            severities: vec![],
            from: OutputOf::Rows(from),
            sink: "out".into(),
            to: nowhere(),
            written: json(),
            key: vec![],
            schema: Arc::clone(plan.schema_of(from).unwrap()),
        })
        .collect();
    Arc::new(plan)
}
