//! The checked plan of one pipeline: what the planner promises and the engine runs.
//!
//! A [`Plan`] is built from manifests whose references have been resolved. It holds no I/O and no clock, and building
//! it twice from the same manifests gives the same plan, so the operator can hand a worker the manifests alone.

mod aggregate;
mod format;
mod join;
mod over;
mod rule;
mod source;
mod step;
mod stream;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion_physical_expr::PhysicalExpr;
use tidemill_crds::SinkSpec;
use tidemill_crds::alert_rule::Severity;
pub use tidemill_crds::pipeline::Distribution;

pub use self::aggregate::{Aggregate, Emit, Function, ResultColumn, Window, WindowKind};
pub use self::format::{Csv, Format, Registry, Schemas, Written};
pub use self::join::{Join, JoinSide};
pub use self::over::{Frame, Over, OverCall, OverFunction, RankBy};
pub use self::rule::{
    ALERTS, Comparison, EDITION, EVIDENCE, Editions, MessagePart, RECORD, Raise, RowsOf, Rule,
    SHOWN, is_json,
};
pub use self::source::{
    Check, Column, EventTime, Generator, GeneratorKind, Origin, Source, StartFrom,
};
pub use self::step::{Await, Find, Lookup, Missing, Step};
pub use self::stream::{Behind, Changes, Exchange, Late, Misfit, Operator, Stream};

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
    /// What raises alerts.
    pub rules: Vec<Rule>,
    /// Which of them are compared.
    pub comparisons: Vec<Comparison>,
    /// What of the streams that are made for rules must stay as it is, for those that run to go on with other rules.
    pub made: Vec<String>,
}

/// Where a stream's rows, or an output's, come from: an index into [`Plan::sources`] or [`Plan::streams`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// The rows of a source, decoded and checked.
    Source(usize),
    /// The rows of another stream.
    Stream(usize),
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
    /// Of alerts, the severities that are written; all if there are none.
    pub severities: Vec<Severity>,
}

impl Output {
    /// Whether it writes the alerts of a rule.
    #[must_use]
    pub fn takes(&self, rule: &Rule) -> bool {
        let is_named = rule.sinks.is_empty() || rule.sinks.contains(&self.sink);
        let is_wanted = self.severities.is_empty() || self.severities.contains(&rule.severity);
        self.from == OutputOf::Alerts && rule.sent && is_named && is_wanted
    }
}

/// What an output writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputOf {
    /// The rows of a source or a stream.
    Rows(Input),
    /// The records that could not be read.
    DeadLetter,
    /// What rules raise.
    Alerts,
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
            OutputOf::Alerts => return "alerts",
        };
        name.map_or("", String::as_str)
    }

    /// The name of a source or a stream.
    #[must_use]
    pub fn name_of_input(&self, input: Input) -> &str {
        self.name_of(OutputOf::Rows(input))
    }

    /// The topic whose records the rows of an input are, each made of one.
    #[must_use]
    pub fn topic_of(&self, input: Input) -> Option<&str> {
        match input {
            Input::Source(i) => match &self.sources.get(i)?.origin {
                Origin::Topic { topic, .. } => Some(topic),
                Origin::Generator(_) => None,
            },
            Input::Stream(i) => {
                let stream = self.streams.get(i)?;
                match (stream.operator.is_none(), stream.inputs.as_slice()) {
                    (true, [input]) => self.topic_of(*input),
                    _ => None,
                }
            }
        }
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
