//! Whether an edit keeps the streams' state: what a stream's stored state depends on, and what another would lose.
//!
//! A worker checks types when it restores state. Here expressions count too: `sum(a)` in place of `sum(b)` would go on
//! from a wrong number, and nobody would see it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode as _};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Column;
use serde::{Deserialize, Serialize};
use tidemill_crds::Pipeline;
use tidemill_crds::pipeline::OnIncompatibleChange;

use crate::model::{
    Aggregate, Await, Exchange, ExprRef, Find, Input, Join, JoinSide, Operator, Origin, Over, Plan,
    ResultColumn, Source, Step, Stream, WindowKind,
};
use crate::resets::{self, Epochs};
use crate::sql::{is_of_rules, stream_of, types_as_written};

/// The annotation under which the accepted [`States`] are kept, as JSON, on what is made of a Pipeline in a cluster.
pub const ANNOTATION: &str = "tidemill.io/state";

/// What the stored state of one stream depends on, in words that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The topic at the root of the stream.
    pub reads: String,
    /// The window; `None` for a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// What it groups by.
    pub keys: Vec<String>,
    /// The aggregate functions with their arguments.
    pub functions: Vec<String>,
    /// Where its rows meet, and with that where the state lies.
    pub meets: String,
}

/// A stream's state as it was last accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamState {
    /// What it depends on.
    #[serde(flatten)]
    pub signature: Signature,
    /// How often it was reset.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde wants it so
fn is_zero(epoch: &u32) -> bool {
    *epoch == 0
}

/// The states of all streams, and parts of streams, that have one, by name. Those that were taken away stay: their stored state does too.
pub type States = BTreeMap<String, StreamState>;

/// State that an edit would lose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The stream.
    pub stream: String,
    /// What differs; nothing where it is lost all the same.
    pub differences: Vec<String>,
    /// What is lost.
    pub what: &'static str,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stream,
            differences,
            what,
        } = self;
        write!(f, "stream `{stream}`: ")?;
        if !differences.is_empty() {
            write!(f, "{}; ", differences.join(", "))?;
        }
        write!(f, "{what} would be lost")
    }
}

/// What the state of a plan's streams depends on.
#[must_use]
pub fn signatures(plan: &Plan) -> BTreeMap<String, Signature> {
    let mut naming = Naming::default();
    let signed = |stream: &Stream| {
        let columns = naming.columns_of(plan, stream);
        let signature = stream.operator.as_ref().map(|operator| match operator {
            Operator::Aggregate(it) => sign(plan, stream, it, &columns),
            Operator::Over(it) => sign_over(plan, stream, it, &columns),
            Operator::Join(it) => sign_join(plan, stream, it, &columns),
            Operator::Await(it) => sign_await(plan, stream, it, &columns),
        });
        signature.map(|signature| (stream.name.clone(), signature))
    };
    // What is kept for rules begins anew where they ask for something else.
    let streams = plan.streams.iter().filter(|it| !is_of_rules(&it.name));
    streams.filter_map(signed).collect()
}

/// What an edit makes of stored state, where it does not go on from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edited {
    /// What would be lost though the manifest does not say that it may be: such an edit is held.
    pub held: Vec<Lost>,
    /// What is lost as `onIncompatibleChange: Reset` has it.
    pub reset: Vec<Lost>,
    /// What is lost as the annotation [`resets::ANNOTATION`] has it, whether it would fit or not.
    pub told: Vec<Lost>,
}

/// What an edit of a Pipeline, with these signatures, makes of its accepted states. An annotation that cannot be read counts
/// as none: planning has refused it.
#[must_use]
pub fn judge(pipeline: &Pipeline, old: &States, new: &BTreeMap<String, Signature>) -> Edited {
    let told = resets::read(pipeline).unwrap_or_default();
    let mut edited = Edited::default();
    for (stream, now) in new {
        let Some(before) = old.get(stream) else {
            continue;
        };
        let shown = stream_of(stream);
        let lost = Lost {
            stream: shown.to_owned(),
            differences: differences(&before.signature, now),
            what: resets::lost(before.signature.window.is_some()),
        };
        if told.get(shown).is_some_and(|epoch| *epoch > before.epoch) {
            edited.told.push(lost);
        } else if before.signature != *now {
            match pipeline.spec.on_incompatible_change {
                OnIncompatibleChange::Block => edited.held.push(lost),
                OnIncompatibleChange::Reset => edited.reset.push(lost),
            }
        }
    }
    edited
}

/// The states after an edit is taken: a stream that lost its state begins a new epoch. No epoch is before that in
/// `told`, with which a person resets a stream, or goes on from topics that an earlier Pipeline has left.
#[must_use]
pub fn accept(old: &States, new: BTreeMap<String, Signature>, told: &Epochs) -> States {
    let before = all_epochs(old);
    let differs = |(name, now): (&String, &Signature)| {
        let was = old.get(name).map(|state| &state.signature);
        was.is_some_and(|was| was != now)
            .then(|| stream_of(name).to_owned())
    };
    let reset: BTreeSet<String> = new.iter().filter_map(differs).collect();
    let mut states = old.clone();
    for (name, signature) in new {
        // A stream is reset with all its parts.
        let stream = stream_of(&name);
        let epoch = before.get(stream).copied().unwrap_or_default();
        let epoch = epoch.saturating_add(u32::from(reset.contains(stream)));
        let epoch = epoch.max(told.get(stream).copied().unwrap_or_default());
        states.insert(name, StreamState { signature, epoch });
    }
    states
}

/// The streams that were reset, and how often.
#[must_use]
pub fn epochs(states: &States) -> Epochs {
    let mut epochs = all_epochs(states);
    epochs.retain(|_, epoch| *epoch > 0);
    epochs
}

/// How often each stream was reset, with all its parts.
fn all_epochs(states: &States) -> Epochs {
    let mut epochs = Epochs::new();
    for (name, state) in states {
        let epoch = epochs.entry(stream_of(name).to_owned()).or_default();
        *epoch = state.epoch.max(*epoch);
    }
    epochs
}

fn differences(before: &Signature, now: &Signature) -> Vec<String> {
    let window = |signature: &Signature| signature.window.clone().unwrap_or_else(|| "none".into());
    let all = [
        ("it reads", before.reads.clone(), now.reads.clone()),
        ("its window", window(before), window(now)),
        ("its keys", before.keys.join(", "), now.keys.join(", ")),
        (
            "its aggregates",
            before.functions.join(", "),
            now.functions.join(", "),
        ),
        ("its rows meet", before.meets.clone(), now.meets.clone()),
    ];
    let differ = all.into_iter().filter(|(_, before, now)| before != now);
    differ
        .map(|(what, before, now)| types_as_written(&format!("{what}: `{now}`, was `{before}`")))
        .collect()
}

fn sign(plan: &Plan, stream: &Stream, aggregate: &Aggregate, columns: &[String]) -> Signature {
    let types = aggregate.key_schema.fields().iter().map(|f| f.data_type());
    let keys = aggregate.keys.iter().zip(types);
    let functions = aggregate.functions.iter().map(|function| {
        let args: Vec<String> = function
            .expr
            .expressions()
            .iter()
            .map(|e| text(e, columns))
            .collect();
        let distinct = if function.expr.is_distinct() {
            "distinct "
        } else {
            ""
        };
        let filter = function
            .filter
            .as_ref()
            .map(|e| format!(" where {}", text(e, columns)));
        let result = function.expr.field();
        format!(
            "{}({distinct}{}){} {}",
            function.expr.fun().name(),
            args.join(", "),
            filter.unwrap_or_default(),
            result.data_type(),
        )
    });
    Signature {
        reads: reads(plan, stream),
        window: aggregate.window.map(|window| {
            let time = columns.get(window.time).map_or("", String::as_str);
            format!("{} over {time}", window_in_words(window.kind))
        }),
        keys: keys
            .map(|(expr, of)| format!("{} {of}", text(expr, columns)))
            .collect(),
        functions: functions.collect(),
        meets: meets(&aggregate.exchange),
    }
}

/// What the state of functions over rows depends on: the rows themselves are part of it.
fn sign_over(plan: &Plan, stream: &Stream, over: &Over, columns: &[String]) -> Signature {
    let named = |column: usize| columns.get(column).map_or("", String::as_str);
    let functions = over.calls.iter().map(|call| {
        let of = call.argument.map(named).unwrap_or_default();
        format!("{:?}({of}) over {:?}", call.function, call.frame)
    });
    let rank = over.rank.iter().map(|by| {
        let order = if by.descending { "last" } else { "first" };
        format!("ranked by {}, {order} first", named(by.column))
    });
    let first = over.first.map(|first| format!("the first {first} alone"));
    let types = over.schema.fields().iter().map(|f| f.data_type());
    let rows = columns.iter().zip(types).map(|(c, t)| format!("{c} {t}"));
    let rows = format!("rows of {}", rows.collect::<Vec<_>>().join(", "));
    Signature {
        reads: reads(plan, stream),
        window: Some(format!("each row in the order of {}", named(over.time))),
        keys: over.keys.iter().map(|&k| named(k).to_owned()).collect(),
        functions: functions.chain(rank).chain(first).chain([rows]).collect(),
        meets: meets(&over.exchange),
    }
}

/// What the state of a join depends on: the rows of both sides, and how long they are kept.
fn sign_join(plan: &Plan, stream: &Stream, join: &Join, columns: &[String]) -> Signature {
    let named = |column: usize| columns.get(column).map_or("", String::as_str);
    let types = join.schema.fields().iter().map(|f| f.data_type());
    let both = join.left.columns.iter().chain(&join.right.columns);
    let rows = both.zip(types).map(|(&c, t)| format!("{} {t}", named(c)));
    let rows: Vec<String> = rows.collect();
    let condition = join.condition.as_ref().map(|it| {
        let names = joined(join, columns);
        format!("where {}", text(it, &names))
    });
    let alone = |side: &JoinSide, name: &str| {
        side.goes_on_alone
            .then(|| format!("all rows of the {name} side"))
    };
    let rows = format!("rows of {}", rows.join(", "));
    let functions = [
        Some(rows),
        alone(&join.left, "left"),
        alone(&join.right, "right"),
    ];
    Signature {
        reads: reads(plan, stream),
        window: Some(format!(
            "rows whose {} is {} to {} us later",
            named(join.time),
            join.earliest,
            join.latest
        )),
        keys: join.keys.iter().map(|&k| named(k).to_owned()).collect(),
        functions: functions.into_iter().flatten().chain(condition).collect(),
        meets: meets(&join.exchange),
    }
}

/// The columns of the rows that a join hands on.
fn joined(join: &Join, columns: &[String]) -> Vec<String> {
    let both = join.left.columns.iter().chain(&join.right.columns);
    let named = |&column: &usize| columns.get(column).cloned().unwrap_or_default();
    both.map(named).collect()
}

fn meets(exchange: &Exchange) -> String {
    match exchange {
        Exchange::Local => "where they are read".to_owned(),
        Exchange::Shuffle { shards } => format!("in {shards} shards"),
    }
}

/// What the state of rows that wait depends on: the rows.
fn sign_await(plan: &Plan, stream: &Stream, wait: &Await, columns: &[String]) -> Signature {
    let types = wait.schema.fields().iter().map(|f| f.data_type());
    let rows = columns.iter().zip(types).map(|(c, t)| format!("{c} {t}"));
    Signature {
        reads: reads(plan, stream),
        window: Some("each row while it waits".to_owned()),
        keys: Vec::new(),
        functions: rows.collect(),
        meets: "where they are read".to_owned(),
    }
}

/// What windows these are.
pub(crate) fn window_in_words(kind: WindowKind) -> String {
    let span = |micros: i64| tidemill_crds::Duration::from_millis(micros.unsigned_abs() / 1_000);
    let size = span(kind.size());
    match kind {
        // What rows carry has no size that is known: its last microsecond stands for it.
        WindowKind::Tumble { size: 1 } => "those of the rows".to_owned(),
        WindowKind::Tumble { .. } => format!("tumbling {size}"),
        WindowKind::Hop { slide, .. } => format!("hopping {size} every {}", span(slide)),
        WindowKind::Cumulate { step, .. } => format!("cumulating {size} by {}", span(step)),
        WindowKind::Session { .. } => format!("sessions with gaps of {size}"),
    }
}

/// The sources at the root of a stream. Their order is no matter.
fn reads(plan: &Plan, stream: &Stream) -> String {
    let roots = plan.roots_of(&stream.inputs).into_iter();
    let mut roots: Vec<String> = roots
        .filter_map(|i| plan.sources.get(i))
        .map(origin)
        .collect();
    roots.sort_unstable();
    roots.join(" and ")
}

fn origin(source: &Source) -> String {
    match &source.origin {
        Origin::Topic { topic, .. } => format!("{} from topic {topic}", source.name),
        Origin::Generator(generator) => {
            format!("{} generated as {:?}", source.name, generator.kind)
        }
    }
}

/// What each column is called in terms of the sources, whatever projections it came through and wherever it stands.
#[derive(Default)]
struct Naming {
    streams: Vec<Vec<String>>,
}

impl Naming {
    /// The columns that a stream groups, or hands on if it does not; those that it hands on are kept for its readers.
    fn columns_of(&mut self, plan: &Plan, stream: &Stream) -> Vec<String> {
        let inputs = stream.inputs.iter().map(|input| match *input {
            Input::Source(i) => plan.sources.get(i).map(of_source).unwrap_or_default(),
            Input::Stream(i) => self.streams.get(i).cloned().unwrap_or_default(),
        });
        let columns = through(plan, &stream.before, together(inputs));
        let mut out = columns.clone();
        match &stream.operator {
            Some(Operator::Aggregate(it)) => {
                out = through(plan, &stream.after, results(stream, it));
            }
            Some(Operator::Over(it)) => {
                out.extend((0..it.calls.len()).map(|i| format!("{}.over{i}", stream.name)));
                out = through(plan, &stream.after, out);
            }
            Some(Operator::Join(it)) => {
                out = through(plan, &stream.after, joined(it, &columns));
            }
            Some(Operator::Await(it)) => {
                out = through(plan, &stream.after, through(plan, &it.steps, out));
            }
            None => {}
        }
        self.streams.push(out);
        columns
    }
}

/// The columns of inputs that are read together.
fn together(inputs: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let mut columns: Vec<BTreeSet<String>> = Vec::new();
    for input in inputs {
        columns.resize_with(input.len().max(columns.len()), BTreeSet::new);
        for (column, name) in columns.iter_mut().zip(input) {
            column.insert(name);
        }
    }
    let names = columns
        .into_iter()
        .map(|names| names.into_iter().collect::<Vec<_>>());
    names.map(|names| names.join(" or ")).collect()
}

fn of_source(source: &Source) -> Vec<String> {
    let fields = source.schema.fields().iter();
    fields
        .map(|f| format!("{}:{}", f.name(), f.data_type()))
        .collect()
}

fn results(stream: &Stream, aggregate: &Aggregate) -> Vec<String> {
    let name = |column: &ResultColumn| match column {
        ResultColumn::Key(i) => format!("{}.key{i}", stream.name),
        ResultColumn::WindowStart => format!("{}.window_start", stream.name),
        ResultColumn::WindowEnd => format!("{}.window_end", stream.name),
        ResultColumn::Function(i) => format!("{}.function{i}", stream.name),
    };
    aggregate.layout.iter().map(name).collect()
}

fn through(plan: &Plan, steps: &[Step], mut columns: Vec<String>) -> Vec<String> {
    for step in steps {
        match step {
            Step::Filter(_) => {}
            Step::Changes { .. } => columns.push("there".to_owned()),
            Step::Project { exprs, .. } => {
                columns = exprs.iter().map(|e| text(e, &columns)).collect();
            }
            Step::Lookup(lookup) => {
                let of_table = plan.sources.get(lookup.table).map(of_source);
                let of_table = of_table.unwrap_or_default();
                let mut key: Vec<String> = lookup.key.iter().map(|e| text(e, &columns)).collect();
                if let Find::ByColumns(by) = &lookup.find {
                    let by = by.iter().filter_map(|&i| of_table.get(i));
                    let equal = by
                        .zip(&key)
                        .map(|(column, value)| format!("{column} = {value}"));
                    key = equal.collect();
                }
                let joined = lookup.columns.iter().filter_map(|&i| of_table.get(i));
                let name = |column: &String| format!("{column} of [{}]", key.join(", "));
                columns.extend(joined.map(name));
            }
        }
    }
    columns
}

/// An expression with its columns named as in `columns`.
pub(crate) fn text(expr: &ExprRef, columns: &[String]) -> String {
    let named = Arc::clone(expr).transform_up(|part| {
        let Some(column) = part.as_any().downcast_ref::<Column>() else {
            return Ok(Transformed::no(part));
        };
        let name = columns
            .get(column.index())
            .map_or(column.name(), String::as_str);
        let named: Arc<dyn PhysicalExpr> = Arc::new(Column::new(name, 0));
        Ok(Transformed::yes(named))
    });
    // Where a column stands is no matter.
    named
        .map_or_else(|_| expr.to_string(), |it| it.data.to_string())
        .replace("@0", "")
}

#[cfg(test)]
#[path = "compat_tests.rs"]
mod tests;
