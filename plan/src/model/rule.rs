//! Alert rules: what they ask of rows, and what their alerts are.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tidemill_crds::alert_rule::Severity;

use super::{ExprRef, Input, Micros};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its version: the generation of its manifest.
    pub version: i64,
    /// Which rows it judges. Of those that are kept together it is a part of `when`.
    pub editions: Editions,
    /// How bad it is when it fires.
    pub severity: Severity,
    /// Whether its alerts are sent, or counted and kept only.
    pub sent: bool,
    /// The Sinks that they are sent to; all that take alerts if there are none.
    pub sinks: Vec<String>,
    /// The rows that it judges. With a window they are those of a stream that is made for it, which has a column for each
    /// aggregate that it asks for.
    pub watches: Input,
    /// What these rows are.
    pub of: RowsOf,
    /// The columns by which rows belong together.
    pub keys: Vec<usize>,
    /// Whether a row makes it fire.
    pub when: ExprRef,
    /// The column that says whether an alert is not held back, if any are.
    pub fresh: Option<usize>,
    /// What its alerts say.
    pub message: Vec<MessagePart>,
    /// The columns that its alerts have besides.
    pub details: Vec<ExprRef>,
    /// What these are.
    pub details_schema: SchemaRef,
}

/// The rules of a pipeline change while it runs: each set of them is an edition, and these are numbered in the order in which
/// they came. A row is of the edition that was in force where it was read. This says of which editions something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Editions {
    /// The first.
    pub from: i64,
    /// The first after the last, if there is one.
    pub to: Option<i64>,
}

impl Editions {
    /// All of them.
    pub const ALL: Self = Self {
        from: i64::MIN,
        to: None,
    };

    /// Whether they have come to an end.
    #[must_use]
    pub fn are_former(self) -> bool {
        self.to.is_some()
    }

    /// Whether an edition is among them.
    #[must_use]
    pub fn has(self, edition: i64) -> bool {
        self.from <= edition && self.to.is_none_or(|to| edition < to)
    }
}

/// A rule in Shadow mode that is tried beside another, which judges the same rows.
#[derive(Debug)]
pub struct Comparison {
    /// The name of the one in Shadow mode.
    pub shadow: String,
    /// The rows.
    pub watches: Input,
    /// Whether that one fires for a row, and whether the other does.
    pub fires: [ExprRef; 2],
}

/// What rules want of the rows that they judge together.
#[derive(Debug)]
pub struct Raise {
    /// Whether each of them fires, over the operator's rows: those that none wants do not go on.
    pub wanted: Vec<ExprRef>,
    /// The columns of the rows that come in which an alert shows.
    pub shown: Vec<usize>,
    /// The column of the operator's rows that counts the records.
    pub count: usize,
    /// The topic that the records are of, if they are of one.
    pub topic: Option<String>,
}

/// What the rows are that a rule judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsOf {
    /// Rows as they come. Of each, the index of its event time, if it has one.
    Stream(Option<usize>),
    /// Each row with what holds of it and those before it.
    Frames {
        /// The index of its event time.
        time: usize,
        /// How far back they go, if that is told by time.
        span: Option<Micros>,
        /// The index of [`EVIDENCE`].
        evidence: usize,
    },
    /// Windows that have closed.
    Windows {
        /// The index of their first microsecond.
        start: usize,
        /// The index of the first microsecond after them.
        end: usize,
        /// The index of [`EVIDENCE`].
        evidence: usize,
    },
}

/// So many of the records that made a rule fire are shown, the last.
pub const SHOWN: usize = 20;

/// The column of the records that a row was made of, as alerts show them.
pub const EVIDENCE: &str = "$evidence";

/// The column of the record that a row is, as [`record`](crate::sql::record) has it.
pub const RECORD: &str = "$record";

/// The column of the edition of the rules that was in force where a row was read.
pub const EDITION: &str = "$edition";

/// A part of what an alert says.
#[derive(Debug, Clone)]
pub enum MessagePart {
    /// Text as it is.
    Text(String),
    /// The value of an expression over the row that fires.
    Value(ExprRef),
}

/// The columns of alerts. Those that differ from rule to rule are JSON.
pub static ALERTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = || DataType::Timestamp(TimeUnit::Microsecond, None);
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let fields = vec![
        text("alert_id"),
        text("rule"),
        Field::new("rule_version", DataType::Int64, false),
        text("severity"),
        json("key"),
        Field::new("event_time", time(), true),
        Field::new("window_start", time(), true),
        Field::new("window_end", time(), true),
        text("message"),
        json("details"),
        json("evidence"),
    ];
    Arc::new(Schema::new(fields))
});

/// Says of a field, as Arrow does, that its texts are JSON.
const EXTENSION: (&str, &str) = ("ARROW:extension:name", "arrow.json");

/// A column of JSON.
fn json(name: &str) -> Field {
    let (key, value) = EXTENSION;
    let metadata = HashMap::from([(key.to_owned(), value.to_owned())]);
    Field::new(name, DataType::Utf8, false).with_metadata(metadata)
}

/// Whether the texts of a column are JSON.
#[must_use]
pub fn is_json(field: &Field) -> bool {
    let (key, value) = EXTENSION;
    field.metadata().get(key).is_some_and(|it| it == value)
}
