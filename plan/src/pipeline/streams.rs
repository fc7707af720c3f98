//! Streams: in an order in which each comes after what it reads, each with what it needs and what its rows are.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use tidemill_crds::PipelineSpec;
use tidemill_crds::pipeline::{self as manifest, Distribution, EmitWhen, LateRecords, OnMissing};

use super::problem::Problems;
use super::sources::SourceDraft;
use crate::model::{
    Aggregate, Changes, Emit, Exchange, Find, Input, Late, Lookup, Micros, Misfit, Missing,
    Operator, Over, Plan, Step, Stream, Window,
};
use crate::sql::{BoundGrouping, BoundOver, Parsed, Query, Relation, SqlError};

/// The partitions of a shuffle's internal topic.
pub(super) const SHARDS: u32 = 8;

/// The streams that could be planned, and where each stream of the manifest is among them.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) drafts: Vec<StreamDraft>,
    names: BTreeMap<String, usize>,
}

/// A stream over all the columns of what it reads.
#[derive(Debug)]
pub(super) struct StreamDraft {
    /// As its readers see it.
    pub(super) relation: Relation,
    path: String,
    pub(super) input: Input,
    pub(super) query: Query,
    changes: Changes,
    results: Results,
    missing: Missing,
    exchange: Exchange,
    /// For each column, the column of the root source that it is unchanged, as long as the row is where that was read.
    roots: Vec<Option<usize>>,
    /// The source whose event time it opens windows over.
    pub(super) needs_time_of: Option<usize>,
}

/// When and how results are handed on.
#[derive(Debug, Clone, Copy)]
struct Results {
    emit: Emit,
    allowed_lateness: Micros,
    late: Late,
}

impl Streams {
    /// The stream of this name, if it could be planned.
    pub(super) fn get(&self, name: &str) -> Option<(usize, &StreamDraft)> {
        let i = *self.names.get(name)?;
        Some((i, self.drafts.get(i)?))
    }
}

impl StreamDraft {
    /// The columns that identify a row, where rows replace each other.
    pub(super) fn key(&self) -> Option<&[usize]> {
        match &self.changes {
            Changes::Upsert { key } => Some(key),
            Changes::Append => None,
        }
    }

    /// Whether it is a table kept up to date, in no window.
    pub(super) fn is_table(&self) -> bool {
        self.key().is_some() && self.query.window().is_none()
    }
}

/// A stream whose SQL could be read.
struct Readable<'a> {
    manifest: &'a manifest::Stream,
    path: String,
    parsed: Parsed,
}

/// Plans all streams.
pub(super) fn draft(
    spec: &PipelineSpec,
    sources: &[Option<SourceDraft>],
    problems: &mut Problems,
) -> Streams {
    let names: Vec<&str> = spec
        .sources
        .iter()
        .map(|s| s.name.as_str())
        .chain(spec.streams.iter().map(|s| s.name.as_str()))
        .collect();
    let mut waiting = readable(spec, &names, problems);
    let mut streams = Streams::default();
    // What cannot be planned, so that nothing is said of those that read it.
    let mut failed: Vec<String> = failed_names(spec, sources, &waiting);
    loop {
        let ready = waiting.iter().position(|s| {
            s.parsed
                .reads()
                .all(|name| is_settled(name, sources, &streams, &failed))
        });
        let Some(ready) = ready else {
            break;
        };
        let stream = waiting.remove(ready);
        let name = stream.manifest.name.clone();
        let skip = stream
            .parsed
            .reads()
            .any(|read| failed.iter().any(|f| f == read));
        let planned = if skip {
            None
        } else {
            plan_one(&stream, sources, &streams, problems)
        };
        match planned {
            Some(draft) => {
                streams.names.insert(name, streams.drafts.len());
                streams.drafts.push(draft);
            }
            None => failed.push(name),
        }
    }
    report_cycle(&waiting, problems);
    streams
}

fn readable<'a>(
    spec: &'a PipelineSpec,
    names: &[&str],
    problems: &mut Problems,
) -> Vec<Readable<'a>> {
    let mut readable = Vec::with_capacity(spec.streams.len());
    for (i, stream) in spec.streams.iter().enumerate() {
        let path = format!("spec.streams[{i}]");
        let sql = format!("{path}.sql");
        match Parsed::parse(&stream.sql) {
            Ok(parsed) => {
                let unknown = parsed.unknown_tables(names);
                if unknown.is_empty() {
                    readable.push(Readable {
                        manifest: stream,
                        path,
                        parsed,
                    });
                } else {
                    problems.add_sql(&sql, unknown);
                }
            }
            Err(errors) => problems.add_sql(&sql, errors),
        }
    }
    readable
}

fn failed_names(
    spec: &PipelineSpec,
    drafts: &[Option<SourceDraft>],
    readable: &[Readable<'_>],
) -> Vec<String> {
    let sources = spec.sources.iter().zip(drafts);
    let sources = sources
        .filter(|(_, draft)| draft.is_none())
        .map(|(source, _)| source.name.clone());
    let unread = spec
        .streams
        .iter()
        .filter(|s| readable.iter().all(|r| r.manifest.name != s.name));
    let names = sources.chain(unread.map(|s| s.name.clone()));
    let is_source = |name: &String| drafts.iter().flatten().any(|s| s.relation.name == *name);
    names.filter(|name| !is_source(name)).collect()
}

fn is_settled(
    name: &str,
    sources: &[Option<SourceDraft>],
    streams: &Streams,
    failed: &[String],
) -> bool {
    sources.iter().flatten().any(|s| s.relation.name == name)
        || streams.names.contains_key(name)
        || failed.iter().any(|f| f == name)
}

/// Of those that wait for each other, names one cycle.
fn report_cycle(waiting: &[Readable<'_>], problems: &mut Problems) {
    let next = |stream: &Readable<'_>| {
        let waited = |name: &str| waiting.iter().position(|s| s.manifest.name == name);
        stream.parsed.reads().find_map(waited)
    };
    let mut path: Vec<usize> = Vec::new();
    let mut at = (!waiting.is_empty()).then_some(0);
    while let Some(i) = at {
        if let Some(start) = path.iter().position(|&p| p == i) {
            let cycle: Vec<&Readable<'_>> = path
                .iter()
                .skip(start)
                .chain([&i])
                .filter_map(|&p| waiting.get(p))
                .collect();
            let names: Vec<&str> = cycle.iter().map(|s| s.manifest.name.as_str()).collect();
            let message = format!(
                "streams read each other in a circle: {}",
                names.join(" reads ")
            );
            let path = cycle
                .first()
                .map_or_else(String::new, |s| format!("{}.sql", s.path));
            problems.add(path, message, Some("let one of them read a source".into()));
            return;
        }
        path.push(i);
        at = waiting.get(i).and_then(next);
    }
}

fn plan_one(
    stream: &Readable<'_>,
    sources: &[Option<SourceDraft>],
    streams: &Streams,
    problems: &mut Problems,
) -> Option<StreamDraft> {
    let sql = format!("{}.sql", stream.path);
    let relations: Vec<Relation> = stream
        .parsed
        .reads()
        .filter_map(|name| find(name, sources, streams))
        .map(|found| found.relation.clone())
        .collect();
    let planned = stream.parsed.plan(&relations);
    let query = planned
        .map_err(|errors| problems.add_sql(&sql, errors))
        .ok()?;
    let found = find(query.reads(), sources, streams)?;
    if let Some(error) = misplaced(&query, &found, sources) {
        problems.add_sql(&sql, [error]);
        return None;
    }
    let results = results(stream, &query, problems)?;
    let missing = missing(stream, &query, problems)?;
    let changes = changes(&query, &found, results);
    let changes = changes
        .map_err(|error| problems.add_sql(&sql, [error]))
        .ok()?;
    let exchange = exchange(&query, &found);
    let located = !query.gathers() || exchange == Exchange::Local;
    let width = query.schema().fields().len();
    let column = |c: usize| query.input_column(c);
    let event_time = found.relation.event_time.filter(|_| query.keeps_time());
    Some(StreamDraft {
        relation: Relation {
            name: stream.manifest.name.clone(),
            schema: query.schema().clone(),
            event_time: event_time.and_then(|time| (0..width).find(|&c| column(c) == Some(time))),
            window_end: match &changes {
                Changes::Append if query.is_grouped() => query.window_end(),
                _ => query_window_end(&query, &found),
            },
            key: match &changes {
                Changes::Upsert { key } => Some(key.clone()),
                Changes::Append => None,
            },
            is_table: false,
        },
        path: stream.path.clone(),
        input: found.input,
        roots: (0..width)
            .map(|c| column(c).filter(|_| located).and_then(|i| found.root_of(i)))
            .collect(),
        needs_time_of: (query.window().is_some() || query.is_over()).then_some(found.root),
        query,
        changes,
        results,
        missing,
        exchange,
    })
}

/// The column that is the end of a row's window, where it was that of the rows that were read.
fn query_window_end(query: &Query, found: &Found<'_>) -> Option<usize> {
    let end = found.relation.window_end.filter(|_| !query.gathers())?;
    (0..query.schema().fields().len()).find(|&c| query.input_column(c) == Some(end))
}

/// A join with a table of which a worker has only the rows of some partitions, for rows that may be in others.
fn misplaced(
    query: &Query,
    found: &Found<'_>,
    sources: &[Option<SourceDraft>],
) -> Option<SqlError> {
    let is_spread = |name: &str| {
        let table = sources.iter().flatten().find(|s| s.relation.name == name);
        table.is_some_and(|table| table.distribution == Distribution::Partitioned)
    };
    let lies_there = |by: Option<&[usize]>| {
        let roots = by.map(|by| by.iter().map(|&column| found.root_of(column)));
        let roots: Option<Vec<usize>> = roots.and_then(Iterator::collect);
        roots.is_some_and(|roots| roots == found.partitioned_by)
    };
    let mut joins = query.joins();
    let (name, _) = joins.find(|(name, by)| is_spread(name) && !lies_there(*by))?;
    let message = format!(
        "a worker has only the rows of `{name}` that are in the partitions it reads, and these may be elsewhere"
    );
    let hint = "join by the primary key with the columns that the stream's source is `partitionedBy`, in that order, \
                or leave the table's `distribution` out";
    Some(query.join_error(message, hint.to_owned()))
}

/// What a stream reads.
struct Found<'a> {
    input: Input,
    relation: &'a Relation,
    /// The source at the root.
    root: usize,
    /// The columns by which the root is partitioned.
    partitioned_by: &'a [usize],
    /// As in a draft; absent for a source itself.
    roots: Option<&'a [Option<usize>]>,
}

impl Found<'_> {
    fn root_of(&self, column: usize) -> Option<usize> {
        match self.roots {
            Some(roots) => roots.get(column).copied().flatten(),
            None => Some(column),
        }
    }
}

fn find<'a>(
    name: &str,
    sources: &'a [Option<SourceDraft>],
    streams: &'a Streams,
) -> Option<Found<'a>> {
    let source = |i: usize| sources.get(i).and_then(Option::as_ref);
    let is_named = |s: &Option<SourceDraft>| s.as_ref().is_some_and(|s| s.relation.name == name);
    if let Some(i) = sources.iter().position(is_named) {
        let source = source(i)?;
        return Some(Found {
            input: Input::Source(i),
            relation: &source.relation,
            root: i,
            partitioned_by: &source.partitioned_by,
            roots: None,
        });
    }
    let (i, stream) = streams.get(name)?;
    let mut root = stream.input;
    while let Input::Stream(i) = root {
        root = streams.drafts.get(i)?.input;
    }
    let Input::Source(root) = root else {
        return None;
    };
    Some(Found {
        input: Input::Stream(i),
        relation: &stream.relation,
        root,
        partitioned_by: &source(root)?.partitioned_by,
        roots: Some(&stream.roots),
    })
}

/// Rows with the same key are in one partition if the key includes all that the source is partitioned by.
fn exchange(query: &Query, found: &Found<'_>) -> Exchange {
    let keys = query.key_columns().iter().flatten();
    let roots: Vec<usize> = keys.filter_map(|&i| found.root_of(i)).collect();
    let together = found
        .partitioned_by
        .iter()
        .all(|column| roots.contains(column));
    if together && !found.partitioned_by.is_empty() {
        Exchange::Local
    } else {
        Exchange::Shuffle { shards: SHARDS }
    }
}

fn changes(query: &Query, found: &Found<'_>, results: Results) -> Result<Changes, SqlError> {
    if query.is_grouped() {
        let final_rows = query.window().is_some()
            && results.emit == Emit::OnClose
            && results.allowed_lateness == 0;
        return if final_rows {
            Ok(Changes::Append)
        } else {
            Ok(Changes::Upsert {
                key: query.identity()?,
            })
        };
    }
    match &found.relation.key {
        Some(key) => Ok(Changes::Upsert {
            key: query.kept(key, found.relation)?,
        }),
        None => Ok(Changes::Append),
    }
}

/// Reads what the manifest says of results, if the query has any to which that applies.
fn results(stream: &Readable<'_>, query: &Query, problems: &mut Problems) -> Option<Results> {
    let manifest = stream.manifest;
    let mut right = true;
    let mut refuse = |field: &str, message: &str, hint: &str| {
        right = false;
        problems.add(
            format!("{}.{field}", stream.path),
            message,
            Some(hint.into()),
        );
    };
    let windowed = query.window().is_some();
    if query.is_over() {
        if manifest.allowed_lateness.is_some() {
            let message = "rows with OVER go on in order, and none goes on twice";
            let hint = "set outOfOrderness of the source's eventTime";
            refuse("allowedLateness", message, hint);
        }
    } else if !windowed {
        let fields = [
            ("allowedLateness", manifest.allowed_lateness.is_some()),
            ("lateRecords", manifest.late_records.is_some()),
        ];
        for (field, _) in fields.iter().filter(|(_, given)| *given) {
            refuse(field, "without a window no record is late", "leave it out");
        }
    }
    let on_close = match &manifest.emit {
        Some(_) if !query.is_grouped() => {
            refuse(
                "emit",
                "without GROUP BY each row is handed on by itself",
                "leave it out",
            );
            true
        }
        Some(emit) if emit.when == EmitWhen::OnClose => {
            if !windowed {
                let hint = "group by a TUMBLE window, or write OnUpdate";
                refuse("emit.when", "without a window nothing closes", hint);
            }
            true
        }
        Some(_) => false,
        None => windowed,
    };
    let every = manifest.emit.as_ref().and_then(|emit| emit.every);
    let late = match manifest.late_records.unwrap_or_default() {
        LateRecords::DeadLetter => Late::DeadLetter,
        LateRecords::Drop => Late::Drop,
    };
    right.then(|| Results {
        emit: if on_close {
            Emit::OnClose
        } else {
            Emit::OnUpdate {
                every: every.map_or(0, |d| d.as_micros()),
            }
        },
        allowed_lateness: manifest.allowed_lateness.map_or(0, |d| d.as_micros()),
        late,
    })
}

/// Reads what the manifest says of rows that find nothing in a table.
fn missing(stream: &Readable<'_>, query: &Query, problems: &mut Problems) -> Option<Missing> {
    let path = format!("{}.onMissing", stream.path);
    match stream.manifest.on_missing {
        None => Some(Missing::Emit),
        Some(_) if query.tables().next().is_none() => {
            let hint = Some("leave it out".into());
            problems.add(path, "the query joins no table", hint);
            None
        }
        Some(OnMissing::Emit) => Some(Missing::Emit),
        Some(OnMissing::DeadLetter) => Some(Missing::DeadLetter),
        // Refused already.
        Some(OnMissing::WaitFor(_)) => None,
    }
}

impl StreamDraft {
    /// Binds a lookup to the table as it is read.
    fn find_table(&self, lookup: &mut Lookup, plan: &Plan, columns: &[Vec<usize>]) -> Option<()> {
        let (name, _) = self.query.tables().nth(lookup.table)?;
        let table = plan.sources.iter().position(|s| s.name == name)?;
        let read = columns.get(table)?;
        let place = |column: &usize| read.iter().position(|c| c == column);
        lookup.table = table;
        lookup.columns = lookup.columns.iter().map(place).collect::<Option<_>>()?;
        if let Find::ByColumns(by) = &mut lookup.find {
            *by = by.iter().map(place).collect::<Option<_>>()?;
        }
        lookup.missing = self.missing;
        Some(())
    }

    /// The stream, bound to the columns of its input that are read.
    pub(super) fn bound(
        &self,
        plan: &Plan,
        columns: &[Vec<usize>],
        problems: &mut Problems,
    ) -> Option<Stream> {
        let input: &SchemaRef = plan.schema_of(self.input)?;
        let all: Vec<usize>;
        let read = match self.input {
            Input::Source(i) => columns.get(i)?,
            Input::Stream(_) => {
                all = (0..input.fields().len()).collect();
                &all
            }
        };
        let bound = self.query.bind(read, input);
        let bound = bound
            .map_err(|e| problems.add_sql(&format!("{}.sql", self.path), [e]))
            .ok()?;
        let mut before = bound.before;
        for step in &mut before {
            if let Step::Lookup(lookup) = step {
                self.find_table(lookup, plan, columns)?;
            }
        }
        Some(Stream {
            name: self.relation.name.clone(),
            input: self.input,
            before,
            operator: self.operator(bound.grouping, bound.window, bound.over),
            after: bound.after,
            schema: self.query.schema().clone(),
            changes: self.changes.clone(),
            epoch: 0,
            misfit: Misfit::Refuse,
        })
    }

    fn operator(
        &self,
        grouping: Option<BoundGrouping>,
        window: Option<Window>,
        over: Option<BoundOver>,
    ) -> Option<Operator> {
        if let Some(over) = over {
            return Some(Operator::Over(Over {
                time: over.time,
                keys: over.keys,
                calls: over.calls,
                rank: over.rank,
                schema: over.schema,
                late: self.results.late,
                exchange: self.exchange.clone(),
            }));
        }
        grouping.map(|grouping| {
            Operator::Aggregate(Aggregate {
                window,
                keys: grouping.keys,
                key_schema: grouping.key_schema,
                functions: grouping.functions,
                layout: grouping.layout,
                schema: grouping.schema,
                emit: self.results.emit,
                allowed_lateness: self.results.allowed_lateness,
                late: self.results.late,
                exchange: self.exchange.clone(),
            })
        })
    }
}
