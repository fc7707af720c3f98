//! The checked plan of one pipeline: what the planner promises and the engine runs.
//!
//! A [`Plan`] is built from manifests whose references have been resolved. It holds no I/O and no clock, and building
//! it twice from the same manifests gives the same plan, so the operator can hand a worker the manifests alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::AggregateFunctionExpr;
use tidemill_crds::SinkSpec;
pub use tidemill_crds::pipeline::Distribution;
use tidemill_crds::sink::Timestamps;

/// A physical expression bound to the columns of the batch it is evaluated over.
pub type ExprRef = Arc<dyn PhysicalExpr>;

/// Microseconds: of event time since the epoch in UTC, or of a span of it.
pub type Micros = i64;

/// One pipeline, checked: sources, the streams over them in an order in which each comes after its input, outputs.
#[derive(Debug)]
pub struct Plan {
    /// `namespace.name`, or only the name where there is no namespace: the prefix of all that belongs to the pipeline.
    pub name: String,
    /// What is read.
    pub sources: Vec<Source>,
    /// What is computed, inputs before their readers.
    pub streams: Vec<Stream>,
    /// What is written.
    pub outputs: Vec<Output>,
}

/// Where a stream's rows, or an output's, come from: an index into [`Plan::sources`] or [`Plan::streams`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// The rows of a source, decoded and checked.
    Source(usize),
    /// The rows of another stream.
    Stream(usize),
}

/// Something that is read, once, whoever needs it.
#[derive(Debug)]
pub struct Source {
    /// Its name in the manifest and in SQL.
    pub name: String,
    /// Where its records come from.
    pub origin: Origin,
    /// How they are written; of no meaning where they are generated.
    pub format: Format,
    /// The columns to decode, in the order of `schema`: those that are needed by something.
    pub columns: Vec<Column>,
    /// The schema of the decoded batch.
    pub schema: SchemaRef,
    /// A row for which this is not true is invalid.
    pub check: Option<Check>,
    /// Event time; absent where nothing needs it.
    pub event_time: Option<EventTime>,
    /// The columns by which the topic is promised to be partitioned; empty where nothing is promised.
    pub partitioned_by: Vec<String>,
    /// Of a table, the columns (indices into the schema) that identify a row: a record replaces the row before it with
    /// the same values there, and a record without a value takes it away.
    pub key: Option<Vec<usize>>,
    /// Of a table, which rows of it a worker has for streams that are joined with it.
    pub distribution: Distribution,
}

/// Where a source's records come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A topic of the pipeline's log.
    Topic {
        /// The topic's name.
        topic: String,
        /// Where reading starts if nothing is committed.
        start_from: StartFrom,
    },
    /// Records made by the worker itself.
    Generator(Generator),
}

/// Where reading starts if nothing is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// The first record there is.
    Earliest,
    /// Only records that come from now on.
    Latest,
    /// The first record whose log timestamp is at or after this many milliseconds since the epoch.
    Timestamp(i64),
}

/// How the records of a source are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// JSON objects.
    Json,
    /// Lines of fields.
    Csv {
        /// How fields are told apart.
        dialect: Csv,
        /// For each of the source's columns the index of its field in the line.
        fields: Vec<usize>,
    },
    /// The whole record is the only column.
    Raw,
    /// Changes of a table's rows as Debezium writes them, in JSON, with or without their schema around them.
    Debezium,
    /// Avro's binary encoding.
    Avro {
        /// Where the schemas are known.
        schemas: Schemas,
        /// Whether the records are changes of a table's rows, as Debezium writes them.
        changes: bool,
    },
    /// Protobuf's binary encoding.
    Protobuf {
        /// Where the schemas are known.
        schemas: Schemas,
        /// The message that records are, of a schema given as text with several.
        message: Option<String>,
    },
}

impl Format {
    /// The registry that knows the schemas of the records, if there is one.
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        match self {
            Self::Avro {
                schemas: Schemas::Registry(registry),
                ..
            }
            | Self::Protobuf {
                schemas: Schemas::Registry(registry),
                ..
            } => Some(registry),
            _ => None,
        }
    }
}

/// Where the schemas of records are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schemas {
    /// Each record has the number of its schema in a registry.
    Registry(Registry),
    /// All records are of this one.
    Text(String),
}

impl Schemas {
    /// The one schema, if there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Registry(_) => None,
        }
    }
}

/// A schema registry with Confluent's API.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Registry {
    /// Its address.
    pub url: String,
    /// The name of the Secret with the credentials for it.
    pub secret: Option<String>,
    /// The subject under which schemas are asked for or registered; `None` asks by their number alone.
    pub subject: Option<String>,
}

/// How the fields of a line are told apart. All characters are of ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    /// Stands between fields.
    pub delimiter: u8,
    /// Stands around a field; `None` where none is quoted.
    pub quote: Option<u8>,
    /// The text that means null where it is not quoted.
    pub null: String,
}

/// How the rows of an output are written to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// JSON objects.
    Json {
        /// How times are written.
        timestamps: Timestamps,
    },
    /// Lines of fields; the dialect has a quote.
    Csv {
        /// How fields are told apart.
        dialect: Csv,
        /// How times are written.
        timestamps: Timestamps,
    },
    /// The only column as text.
    Raw {
        /// How times are written.
        timestamps: Timestamps,
    },
    /// Avro's binary encoding, after the number of its schema.
    Avro {
        /// Where the schema is registered.
        registry: Registry,
        /// The name of the records.
        name: String,
    },
    /// Protobuf's binary encoding, after the number of its schema.
    Protobuf {
        /// Where the schema is registered.
        registry: Registry,
        /// The name of the message.
        name: String,
    },
}

impl Written {
    /// The registry in which the schema of the rows is registered, if there is one.
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        match self {
            Self::Avro { registry, .. } | Self::Protobuf { registry, .. } => Some(registry),
            Self::Json { .. } | Self::Csv { .. } | Self::Raw { .. } => None,
        }
    }
}

/// What a generated source makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// Which kind of record.
    pub kind: GeneratorKind,
    /// Records per second over all partitions; 0 means as fast as possible.
    pub rate: u64,
    /// The share of transactions that belong to a planted fraud, 0 to 1.
    pub fraud_ratio: f64,
    /// How many people (accounts) records are drawn from.
    pub accounts: u64,
    /// Same seed, same records.
    pub seed: u64,
    /// How many records to make in all; without it there is no end.
    pub records: Option<u64>,
    /// Over how many partitions the records are spread.
    pub partitions: u32,
}

/// Which records a generator makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratorKind {
    /// Payments between accounts, some of them planted fraud, labelled so.
    Transactions,
    /// The people whom those accounts belong to.
    Customers,
    /// Of the events of Nexmark, those who sell and bid.
    NexmarkPeople,
    /// Of the events of Nexmark, what is for sale.
    NexmarkAuctions,
    /// Of the events of Nexmark, what is bid.
    NexmarkBids,
}

/// A column to decode from a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in SQL.
    pub name: String,
    /// The path of field names in the record: `a.b` is two.
    pub path: Vec<String>,
    /// Whether a record without it, or with null there, is invalid.
    pub required: bool,
}

/// A source's `check`.
#[derive(Debug)]
pub struct Check {
    /// As written.
    pub text: String,
    /// Bound to the source's schema.
    pub expr: ExprRef,
}

/// The event time of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    /// Index of the `Timestamp` column in the source's schema.
    pub column: usize,
    /// How far behind the highest time seen in its partition a record may come and still be on time.
    pub out_of_orderness: Micros,
    /// After this long without a record (by the worker's clock) a partition holds no window back.
    pub idle_timeout: Option<Micros>,
}

/// One stream: a query, broken into what is done before grouping, the grouping, and what is done to its results.
#[derive(Debug)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// What it reads, one after the other in no order: all give rows of the same columns.
    pub inputs: Vec<Input>,
    /// Row by row, on the input's rows.
    pub before: Vec<Step>,
    /// What brings rows of a key together, if there is anything of the kind.
    pub operator: Option<Operator>,
    /// Row by row, on the operator's rows; empty without an operator.
    pub after: Vec<Step>,
    /// The schema of its rows.
    pub schema: SchemaRef,
    /// Whether its rows are added or replace each other.
    pub changes: Changes,
    /// How often it was reset: what is stored of fewer resets is not its own.
    pub epoch: u32,
    /// What becomes of other stored state that it cannot go on from.
    pub misfit: Misfit,
}

impl Stream {
    /// The grouping, if that is what it does.
    #[must_use]
    pub fn aggregate(&self) -> Option<&Aggregate> {
        match self.operator.as_ref()? {
            Operator::Aggregate(aggregate) => Some(aggregate),
            Operator::Over(_) | Operator::Join(_) | Operator::Await(_) => None,
        }
    }

    /// The joins with tables.
    pub fn lookups(&self) -> impl Iterator<Item = &Lookup> {
        let waiting = match &self.operator {
            Some(Operator::Await(wait)) => wait.steps.as_slice(),
            _ => &[],
        };
        let steps = self.before.iter().chain(waiting);
        steps.filter_map(|step| match step {
            Step::Lookup(lookup) => Some(lookup),
            _ => None,
        })
    }

    /// Where rows with the same key meet, if they must.
    #[must_use]
    pub fn exchange(&self) -> Option<&Exchange> {
        self.operator.as_ref().map(Operator::exchange)
    }
}

/// What brings rows of a key together, and has state for that.
#[derive(Debug)]
pub enum Operator {
    /// One row of the results for each group.
    Aggregate(Aggregate),
    /// Each row, with what functions give of the rows up to it.
    Over(Over),
    /// Rows of two streams, each with those of the other that belong to it.
    Join(Join),
    /// Joins of which rows wait for what they find nothing of.
    Await(Await),
}

impl Operator {
    /// Where rows with the same key meet.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        match self {
            Self::Aggregate(aggregate) => &aggregate.exchange,
            Self::Over(over) => &over.exchange,
            Self::Join(join) => &join.exchange,
            Self::Await(_) => &Exchange::Local,
        }
    }

    /// The same, to be set; none where they need not meet.
    pub fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        match self {
            Self::Aggregate(aggregate) => Some(&mut aggregate.exchange),
            Self::Over(over) => Some(&mut over.exchange),
            Self::Join(join) => Some(&mut join.exchange),
            Self::Await(_) => None,
        }
    }
}

/// Functions `OVER (PARTITION BY … ORDER BY the event time …)`: each row is handed on once no earlier one can come, with
/// what they give of the rows of its key up to it. Rows of one time are in the order of their partition and offset.
#[derive(Debug)]
pub struct Over {
    /// Index of the event time in the rows that `before` hands on (`Timestamp(Microsecond, None)`); where rows are ranked,
    /// of the end of their window.
    pub time: usize,
    /// The columns of those rows that make their key.
    pub keys: Vec<usize>,
    /// The functions.
    pub calls: Vec<OverCall>,
    /// Where rows of a window are numbered by something else than their time: by what. Their window is part of the key,
    /// and a row number is the only function.
    pub rank: Vec<RankBy>,
    /// Of ranked rows of a key, how many of the first are wanted at all; `None` if all are.
    pub first: Option<u64>,
    /// Those rows, and after them a column for each function.
    pub schema: SchemaRef,
    /// What becomes of a row that comes when later ones have been handed on.
    pub late: Late,
    /// Where rows with the same key meet.
    pub exchange: Exchange,
}

/// `a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - … AND a.ts + …`: two rows belong together if their keys are equal, if the
/// time of the right one is so far after that of the left one, and if a condition is true. The rows of both sides come in
/// together, and have the columns of both; those of the other side are null. A row waits for others until the watermark says
/// that none can come.
#[derive(Debug)]
pub struct Join {
    /// Index of the column that is true for rows of the right side (`Boolean`).
    pub side: usize,
    /// Index of the time by which rows belong together (`Timestamp(Microsecond, None)`).
    pub time: usize,
    /// The columns that make the key. A row in which one of them is null belongs to none.
    pub keys: Vec<usize>,
    /// Their types.
    pub key_types: Vec<DataType>,
    /// The rows before JOIN.
    pub left: JoinSide,
    /// The rows after it.
    pub right: JoinSide,
    /// So long after the time of a left row is that of a right one at the least; negative is before it.
    pub earliest: Micros,
    /// So long after it at the most; no less than `earliest`.
    pub latest: Micros,
    /// What else must be true of two rows, over the columns of `schema`.
    pub condition: Option<ExprRef>,
    /// So far may the time of a row be behind the watermark, and be on time.
    pub behind: Micros,
    /// The rows that go on: the columns of the left side, and after them those of the right.
    pub schema: SchemaRef,
    /// What becomes of a row that comes when rows which it may belong to are gone.
    pub late: Late,
    /// Where rows with the same key meet.
    pub exchange: Exchange,
}

impl Join {
    /// So long after its time a row of the left side is kept, or of the right side: until the watermark has passed it, rows
    /// of the other side may come that belong to it.
    #[must_use]
    pub fn kept_for(&self, is_right: bool) -> Micros {
        if is_right {
            self.earliest.saturating_neg()
        } else {
            self.latest
        }
    }

    /// How far rows that go on may be behind the watermark: those that have waited for others in vain.
    #[must_use]
    pub fn holds_back(&self) -> Micros {
        let of = |side: &JoinSide, kept_for: Micros| match side.goes_on_alone {
            true => kept_for.max(0),
            false => 0,
        };
        of(&self.left, self.kept_for(false)).max(of(&self.right, self.kept_for(true)))
    }
}

/// One side of a join.
#[derive(Debug, Clone)]
pub struct JoinSide {
    /// Its columns among those of the rows that come in.
    pub columns: Vec<usize>,
    /// What its time is called.
    pub time: String,
    /// Whether a row that belongs to none goes on all the same, with nulls for the other side.
    pub goes_on_alone: bool,
}

/// A function over the rows of a key up to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverCall {
    /// What it gives.
    pub function: OverFunction,
    /// The column that it is of; without one, it is of rows.
    pub argument: Option<usize>,
    /// Of which rows; of no meaning for a row number, a lag, and what is fresh.
    pub frame: Frame,
}

/// A column by which rows are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankBy {
    /// Its index in the rows.
    pub column: usize,
    /// The greatest comes first.
    pub descending: bool,
    /// Null comes first.
    pub nulls_first: bool,
}

/// What a function gives of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OverFunction {
    /// How many values there are that are not null, or how many rows.
    Count,
    /// The sum of the values.
    Sum,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The value of the first row, null or not.
    First,
    /// The value of the last row, null or not.
    Last,
    /// The value of the row so many before.
    Lag(u32),
    /// The row's number, from one.
    RowNumber,
    /// Whether no row up to so long before was one for which this was true.
    Fresh(Micros),
}

/// The rows up to a row that a function is of. Absent lengths go back to the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frame {
    /// Those whose time is no longer than this before the row's, and not after it: rows of the same time count.
    Range(Option<Micros>),
    /// So many rows before it, and the row.
    Rows(Option<u32>),
    /// The rows of a key fall into blocks of so many: for the last row of each, all of it. Other rows have no value.
    Block(u32),
}

/// What becomes of stored state that a stream cannot go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// The stream does not start.
    Refuse,
    /// It starts without that state.
    Drop,
}

/// Whether a stream's rows are added or replace each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Every row is new and final.
    Append,
    /// A row replaces the one before with the same values in these columns (indices into the stream's schema); a
    /// deletion takes it away.
    Upsert {
        /// The columns that identify a row.
        key: Vec<usize>,
    },
}

/// Something done row by row. Expressions are bound to the batch that the step before hands on.
#[derive(Debug, Clone)]
pub enum Step {
    /// Keeps the rows for which the expression is true.
    Filter(ExprRef),
    /// Computes new columns.
    Project {
        /// One expression a column.
        exprs: Vec<ExprRef>,
        /// The schema of what comes out.
        schema: SchemaRef,
    },
    /// Puts rows of a table beside the rows.
    Lookup(Lookup),
    /// Makes rows of their own of changes that replace each other, with a last column that says whether there is a row
    /// after the change.
    Changes {
        /// The schema of what comes out.
        schema: SchemaRef,
    },
}

/// A join of each row with the rows of a table that have its key, as the table is when the row is processed.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// Index of the table among the sources.
    pub table: usize,
    /// What the table's rows are found by.
    pub find: Find,
    /// The values of those columns, in their order.
    pub key: Vec<ExprRef>,
    /// The columns of the table (indices into its schema) that are put after those of the row.
    pub columns: Vec<usize>,
    /// What else must be true of a row with those columns for the two to belong together.
    pub condition: Option<ExprRef>,
    /// Whether a row that finds nothing is left out, rather than handed on with nulls.
    pub inner: bool,
    /// What becomes of a row whose key is not in the table.
    pub missing: Missing,
    /// Of the first join of those for which rows wait, the column of the row's time.
    pub time: Option<usize>,
    /// The schema of what comes out.
    pub schema: SchemaRef,
}

/// What rows of a table are found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Find {
    /// By the primary key: one row at most.
    ByKey,
    /// By these columns (indices into the table's schema): any number of rows. That they are equal is a part of the
    /// condition, too.
    ByColumns(Vec<usize>),
}

impl Lookup {
    /// How many columns the rows have before.
    #[must_use]
    pub fn width(&self) -> usize {
        self.schema
            .fields()
            .len()
            .saturating_sub(self.columns.len())
    }
}

/// Joins for which rows wait: one whose key is not in a table waits until it is there in all of them, or time is up.
/// Then it goes on with what there is, as if it had not waited.
///
/// The rows' time goes on as much later as they may wait.
#[derive(Debug)]
pub struct Await {
    /// The joins, and what is between them.
    pub steps: Vec<Step>,
    /// The column of a row's time.
    pub time: usize,
    /// How far behind the watermark that is when time is up.
    pub span: Micros,
    /// The schema of the rows that wait.
    pub schema: SchemaRef,
}

/// What becomes of a row whose key is not in the table that it is joined with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The join goes on without it.
    Emit,
    /// It goes to the dead letters.
    DeadLetter,
}

/// A `GROUP BY`, in a window or without one (a table kept up to date).
#[derive(Debug)]
pub struct Aggregate {
    /// The window; absent for a table.
    pub window: Option<Window>,
    /// The grouping expressions other than the window's bounds, over the rows that `before` hands on.
    pub keys: Vec<ExprRef>,
    /// Names and types of the keys, in the same order.
    pub key_schema: SchemaRef,
    /// The aggregate functions, over the same rows.
    pub functions: Vec<Function>,
    /// How a result row is laid out.
    pub layout: Vec<ResultColumn>,
    /// Its schema.
    pub schema: SchemaRef,
    /// When results are handed on.
    pub emit: Emit,
    /// How long after the watermark has passed a window's end records for it are still taken.
    pub allowed_lateness: Micros,
    /// What becomes of a record that is later than that.
    pub late: Late,
    /// Where rows with the same key meet.
    pub exchange: Exchange,
}

/// One aggregate function with its arguments.
#[derive(Debug)]
pub struct Function {
    /// The function and its arguments.
    pub expr: Arc<AggregateFunctionExpr>,
    /// `FILTER (WHERE …)`.
    pub filter: Option<ExprRef>,
}

/// A column of an aggregate's result row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultColumn {
    /// The value of key `i`.
    Key(usize),
    /// The window's first microsecond.
    WindowStart,
    /// The first microsecond after the window.
    WindowEnd,
    /// The value of function `i`.
    Function(usize),
}

/// A window over event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Index of the time column in the rows that `before` hands on (`Timestamp(Microsecond, None)`).
    pub time: usize,
    /// Which windows a time falls into.
    pub kind: WindowKind,
}

/// Which windows a time falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// One window of this size, aligned to the epoch.
    Tumble {
        /// The window's length.
        size: Micros,
    },
    /// Windows of this size of which one ends every `slide`, aligned to the epoch.
    Hop {
        /// The time from one window's end to the next's; the size is a multiple of it.
        slide: Micros,
        /// The windows' length.
        size: Micros,
    },
    /// Windows that start together every `size`, aligned to the epoch, each a `step` longer than the one before.
    Cumulate {
        /// The length of the shortest; the size is a multiple of it.
        step: Micros,
        /// The length of the longest.
        size: Micros,
    },
    /// From the first of a key's rows to the last, as long as none is further than this from the one before, and so
    /// much longer.
    Session {
        /// After this long without a row, the session is over.
        gap: Micros,
    },
}

impl WindowKind {
    /// The length of the longest window; of a session, that of one row.
    #[must_use]
    pub fn size(self) -> Micros {
        match self {
            Self::Tumble { size } | Self::Hop { size, .. } | Self::Cumulate { size, .. } => size,
            Self::Session { gap } => gap,
        }
    }

    /// The time from one window's end to the next's, and the length of the panes that windows are made of.
    #[must_use]
    pub fn pane(self) -> Micros {
        match self {
            Self::Tumble { size } => size,
            Self::Hop { slide, .. } => slide,
            Self::Cumulate { step, .. } => step,
            Self::Session { gap } => gap,
        }
    }
}

/// When results are handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    /// Once, when the window closes.
    OnClose,
    /// Whenever they have changed, but at most once in `every` per group.
    OnUpdate {
        /// 0 means with each commit.
        every: Micros,
    },
}

/// What becomes of a late record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It goes to the dead letters.
    DeadLetter,
    /// It is counted, and dropped.
    Drop,
}

/// Where rows with the same key meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// They are in one source partition already.
    Local,
    /// Partial aggregates of every source partition travel through an internal topic with this many shards.
    Shuffle {
        /// The internal topic's partitions.
        shards: u32,
    },
}

/// Something that is written.
#[derive(Debug)]
pub struct Output {
    /// What is written.
    pub from: OutputOf,
    /// The name of the Sink.
    pub sink: String,
    /// What the Sink is.
    pub to: SinkSpec,
    /// How rows are written, where the Sink is a topic.
    pub written: Written,
    /// Columns of the record key (indices into the rows' schema); empty means no key.
    pub key: Vec<usize>,
    /// The schema of what is written; empty for dead letters, which are written as they came.
    pub schema: SchemaRef,
}

/// What an output writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputOf {
    /// The rows of a source or a stream.
    Rows(Input),
    /// The records that could not be read.
    DeadLetter,
}

impl Plan {
    /// The schema of an input's rows.
    #[must_use]
    pub fn schema_of(&self, input: Input) -> Option<&SchemaRef> {
        match input {
            Input::Source(i) => self.sources.get(i).map(|s| &s.schema),
            Input::Stream(i) => self.streams.get(i).map(|s| &s.schema),
        }
    }

    /// What an output writes, as manifests name it.
    #[must_use]
    pub fn name_of(&self, from: OutputOf) -> &str {
        let name = match from {
            OutputOf::Rows(Input::Source(i)) => self.sources.get(i).map(|s| &s.name),
            OutputOf::Rows(Input::Stream(i)) => self.streams.get(i).map(|s| &s.name),
            OutputOf::DeadLetter => return "deadLetter",
        };
        name.map_or("", String::as_str)
    }

    /// The name of a source or a stream.
    #[must_use]
    pub fn name_of_input(&self, input: Input) -> &str {
        self.name_of(OutputOf::Rows(input))
    }

    /// The sources at the root of inputs.
    #[must_use]
    pub fn roots_of(&self, inputs: &[Input]) -> BTreeSet<usize> {
        let behind = self.behind(inputs, |_| false).into_iter();
        let source = |input| match input {
            Input::Source(i) => Some(i),
            Input::Stream(_) => None,
        };
        behind.filter_map(source).collect()
    }

    /// Where the rows of inputs come to be: in partitions of these sources, and in shards of these streams.
    #[must_use]
    pub fn places_of(&self, inputs: &[Input]) -> BTreeSet<Input> {
        self.behind(inputs, |stream| self.is_shuffled(stream))
    }

    /// The sources behind inputs, and the streams beyond which it is not looked.
    fn behind(&self, inputs: &[Input], ends: impl Fn(usize) -> bool) -> BTreeSet<Input> {
        let (mut found, mut seen, mut left) = (BTreeSet::new(), BTreeSet::new(), inputs.to_vec());
        while let Some(input) = left.pop() {
            if !seen.insert(input) {
                continue;
            }
            match input {
                Input::Stream(i) if !ends(i) => {
                    left.extend(self.streams.get(i).iter().flat_map(|s| &s.inputs));
                }
                end => found.extend([end]),
            }
        }
        found
    }

    /// Whether a stream's rows come together in shards.
    #[must_use]
    pub fn is_shuffled(&self, stream: usize) -> bool {
        let exchange = self.streams.get(stream).and_then(Stream::exchange);
        matches!(exchange, Some(Exchange::Shuffle { .. }))
    }
}

/// An empty schema, for rows without columns.
#[must_use]
pub fn empty_schema() -> SchemaRef {
    Arc::new(Schema::empty())
}
