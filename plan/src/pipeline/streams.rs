//! Streams: in an order in which each comes after what it reads, each with what it needs and what its rows are.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::SchemaRef;
use tidemill_crds::PipelineSpec;
use tidemill_crds::pipeline::{self as manifest, Distribution, EmitWhen, LateRecords, OnMissing};

use super::problem::Problems;
use super::sources::SourceDraft;
use crate::model::{
    Aggregate, Await, Changes, Emit, Exchange, Find, Input, Join, Late, Lookup, Micros, Misfit,
    Missing, Operator, Over, Plan, Step, Stream, Window,
};
use crate::sql::{
    BoundGrouping, BoundJoin, BoundOver, Parsed, Query, Relation, SqlError, is_part, part_name,
    schema_after,
};

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
    pub(super) inputs: Vec<Input>,
    /// The sources at the root.
    roots: BTreeSet<usize>,
    pub(super) query: Query,
    changes: Changes,
    results: Results,
    missing: Missing,
    /// How long rows wait for what they are joined with.
    wait: Option<Micros>,
    exchange: Exchange,
    spread: Spread,
}

/// When and how results are handed on.
#[derive(Debug, Clone, Copy)]
struct Results {
    emit: Emit,
    lateness: Micros,
    late: Late,
}

impl Streams {
    fn add(&mut self, draft: StreamDraft) {
        self.names
            .insert(draft.relation.name.clone(), self.drafts.len());
        self.drafts.push(draft);
    }

    /// The sources at the root of inputs.
    fn roots_of(&self, inputs: &[Input]) -> BTreeSet<usize> {
        let roots = inputs.iter().map(|input| match *input {
            Input::Source(i) => BTreeSet::from([i]),
            Input::Stream(i) => self
                .drafts
                .get(i)
                .map(|s| s.roots.clone())
                .unwrap_or_default(),
        });
        roots.flatten().collect()
    }

    /// A stream for which rows of an input have waited, if there is one.
    pub(super) fn waiting(&self, input: Input) -> Option<&str> {
        let Input::Stream(i) = input else {
            return None;
        };
        let stream = self.drafts.get(i)?;
        match stream.wait {
            Some(_) => Some(&stream.relation.name),
            None => stream.inputs.iter().find_map(|input| self.waiting(*input)),
        }
    }

    /// The stream of this name, if it could be planned.
    pub(super) fn get(&self, name: &str) -> Option<(usize, &StreamDraft)> {
        let i = *self.names.get(name)?;
        Some((i, self.drafts.get(i)?))
    }
}

impl StreamDraft {
    /// Whether it opens windows over the event time of a source, or its rows wait in that.
    pub(super) fn needs_time_of(&self, source: usize) -> bool {
        let query = &self.query;
        let needs_time = query.window().is_some() || query.is_over() || query.is_join();
        (needs_time || self.wait.is_some()) && self.roots.contains(&source)
    }

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
        if skip || !plan_one(&stream, sources, &mut streams, problems) {
            failed.push(name);
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
                let waits = matches!(stream.on_missing, Some(OnMissing::WaitFor(_)));
                let parsed = parsed.waiting(waits);
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

/// Plans a stream: first the parts that its query is cut into, then what it gives. Returns false if that cannot be.
fn plan_one(
    stream: &Readable<'_>,
    sources: &[Option<SourceDraft>],
    streams: &mut Streams,
    problems: &mut Problems,
) -> bool {
    let sql = format!("{}.sql", stream.path);
    let relations: Vec<Relation> = stream
        .parsed
        .reads()
        .filter_map(|name| find(name, sources, streams))
        .map(|found| found.relation.clone())
        .collect();
    let planned = stream.parsed.plan(&relations);
    let Ok(parts) = planned.map_err(|errors| problems.add_sql(&sql, errors)) else {
        return false;
    };
    let Some(manifest) = Said::read(stream, &parts, problems) else {
        return false;
    };
    let last = parts.len().saturating_sub(1);
    for (i, query) in parts.into_iter().enumerate() {
        let drafted = draft_one(stream, query, i == last, manifest, sources, streams);
        match drafted.map_err(|error| problems.add_sql(&sql, [error])) {
            Ok(Some(draft)) => streams.add(draft),
            Ok(None) | Err(()) => return false,
        }
    }
    true
}

/// A stream, or a part of one.
fn draft_one(
    stream: &Readable<'_>,
    query: Query,
    is_last: bool,
    said: Said,
    sources: &[Option<SourceDraft>],
    streams: &Streams,
) -> Result<Option<StreamDraft>, SqlError> {
    let name = stream.manifest.name.as_str();
    let full = |read: &String| match is_part(read) {
        true => part_name(name, read),
        false => read.clone(),
    };
    let reads = query.reads().iter().map(full);
    let found: Option<Vec<Found<'_>>> = reads.map(|read| find(&read, sources, streams)).collect();
    let Some((first, others)) = found.as_ref().and_then(|found| found.split_first()) else {
        return Ok(None);
    };
    let results = said.of(&query, first.relation, is_last);
    let changes = changes(&query, first, results, is_last)?;
    let all = others
        .iter()
        .fold(first.spread.clone(), |all, it| all.and(&it.spread));
    if let Some(error) = misplaced(&query, &all, sources) {
        return Err(error);
    }
    let exchange = all.exchange(&query);
    let spread = match (query.gathers(), &exchange) {
        (true, Exchange::Shuffle { .. }) => Spread::of_shards(streams.drafts.len(), &query),
        _ => all.through(&query),
    };
    let is_joined = query.is_joined();
    let inputs: Vec<Input> = [first]
        .into_iter()
        .chain(others)
        .map(|it| it.input)
        .collect();
    let name = match is_last {
        true => name.to_owned(),
        false => part_name(name, query.name()),
    };
    Ok(Some(StreamDraft {
        relation: Relation {
            key: match &changes {
                Changes::Upsert { key } => Some(key.clone()),
                Changes::Append => None,
            },
            ..query.relation(name, first.relation)
        },
        path: stream.path.clone(),
        roots: streams.roots_of(&inputs),
        inputs,
        spread,
        query,
        changes,
        results,
        missing: said.missing.0,
        wait: said.missing.1.filter(|_| is_joined),
        exchange,
    }))
}

/// A join with a table of which a worker has only the rows of some partitions, for rows that may be in others.
fn misplaced(query: &Query, spread: &Spread, sources: &[Option<SourceDraft>]) -> Option<SqlError> {
    let is_spread = |name: &str| {
        let table = sources.iter().flatten().find(|s| s.relation.name == name);
        table.is_some_and(|table| table.distribution == Distribution::Partitioned)
    };
    let partitioned_by = match spread.place {
        Some(Input::Source(i)) => sources.get(i).and_then(Option::as_ref),
        _ => None,
    };
    let stays = |source: &&SourceDraft| {
        !source
            .deduplication
            .as_ref()
            .is_some_and(|it| it.moves_rows())
    };
    let partitioned_by = partitioned_by.filter(stays);
    let partitioned_by = partitioned_by.map(|source| source.partitioned_by.as_slice());
    let lies_there = |by: Option<&[usize]>| {
        let columns = by.map(|by| by.iter().map(|&column| spread.number(column)));
        let columns: Option<Vec<usize>> = columns.and_then(Iterator::collect);
        columns.is_some() && columns.as_deref() == partitioned_by
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
    spread: Spread,
}

/// How rows are spread over the partitions of the place where they come to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spread {
    /// Where they come to be, where that is one source, or the shards of one stream.
    place: Option<Input>,
    /// The values by which they are spread, each by a number; `None` if that is not known.
    by: Option<Vec<usize>>,
    /// For each column, the number of the value that it is, unchanged.
    columns: Vec<Option<usize>>,
}

impl Spread {
    /// Over the partitions of a source: values are its columns.
    fn of_source(index: usize, source: &SourceDraft) -> Self {
        let by = source.partitioned_by.clone();
        let columns = 0..source.relation.schema.fields().len();
        Self {
            place: Some(Input::Source(index)),
            by: Some(by).filter(|by| !by.is_empty()),
            columns: columns.map(Some).collect(),
        }
    }

    /// Over the shards of a stream: values are its keys.
    fn of_shards(stream: usize, query: &Query) -> Self {
        Self {
            place: Some(Input::Stream(stream)),
            by: Some((0..query.key_columns().len()).collect()),
            columns: (0..query.width()).map(|c| query.key_of(c)).collect(),
        }
    }

    /// What it is after a query that leaves rows where they are.
    fn through(&self, query: &Query) -> Self {
        let column = |c| query.input_column(c).and_then(|i| self.number(i));
        Self {
            columns: (0..query.width()).map(column).collect(),
            ..self.clone()
        }
    }

    fn number(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied().flatten()
    }

    /// What is known of rows of either.
    fn and(self, other: &Self) -> Self {
        let same = self.place == other.place;
        let columns = self.columns.into_iter().zip(&other.columns);
        Self {
            place: self.place.filter(|_| same),
            by: self.by.filter(|_| same),
            columns: columns.map(|(a, b)| a.filter(|_| a == *b)).collect(),
        }
    }

    /// Rows with the same key are in one partition if the key includes all by which they are spread.
    fn exchange(&self, query: &Query) -> Exchange {
        let keys = query.key_columns().iter().flatten();
        let keys: BTreeSet<usize> = keys.filter_map(|&i| self.number(i)).collect();
        match (&self.place, &self.by) {
            (Some(_), Some(by)) if by.iter().all(|value| keys.contains(value)) => Exchange::Local,
            _ => Exchange::Shuffle { shards: SHARDS },
        }
    }
}

fn find<'a>(
    name: &str,
    sources: &'a [Option<SourceDraft>],
    streams: &'a Streams,
) -> Option<Found<'a>> {
    let is_named = |s: &Option<SourceDraft>| s.as_ref().is_some_and(|s| s.relation.name == name);
    if let Some(i) = sources.iter().position(is_named) {
        let source = sources.get(i)?.as_ref()?;
        return Some(Found {
            input: Input::Source(i),
            relation: &source.relation,
            spread: Spread::of_source(i, source),
        });
    }
    let (i, stream) = streams.get(name)?;
    Some(Found {
        input: Input::Stream(i),
        relation: &stream.relation,
        spread: stream.spread.clone(),
    })
}

fn changes(
    query: &Query,
    found: &Found<'_>,
    results: Results,
    is_last: bool,
) -> Result<Changes, SqlError> {
    if !is_last {
        // Only what adds rows is a part: each result of a window comes once.
        return Ok(Changes::Append);
    }
    if query.is_grouped() {
        let final_rows =
            query.window().is_some() && results.emit == Emit::OnClose && results.lateness == 0;
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

/// What the manifest says of a stream, beside its SQL.
#[derive(Debug, Clone, Copy)]
struct Said {
    emit: Emit,
    lateness: Micros,
    late: Late,
    /// What becomes of rows that find nothing, and how long they wait before.
    missing: (Missing, Option<Micros>),
}

impl Said {
    /// Reads it, if the query has anything to which it applies.
    fn read(stream: &Readable<'_>, parts: &[Query], problems: &mut Problems) -> Option<Self> {
        let (emit, right) = emit(stream, parts.last()?, problems);
        let manifest = stream.manifest;
        let windowed = parts.iter().any(|part| part.window().is_some());
        let in_order = parts.iter().any(|part| part.is_over() || part.is_join());
        let mut right = right;
        let mut refuse = |field: &str, message: &str, hint: &str| {
            right = false;
            let path = format!("{}.{field}", stream.path);
            problems.add(path, message, Some(hint.into()));
        };
        let no_window = ("without a window no record is late", "leave it out");
        if manifest.allowed_lateness.is_some() && !windowed {
            let (message, hint) = match in_order {
                true => (
                    "rows that are counted or joined, or have OVER, go on once, and wait for late ones no longer than the watermark does",
                    "set outOfOrderness of the source's eventTime",
                ),
                false => no_window,
            };
            refuse("allowedLateness", message, hint);
        }
        if manifest.late_records.is_some() && !windowed && !in_order {
            let (message, hint) = no_window;
            refuse("lateRecords", message, hint);
        }
        let missing = missing(stream, parts, problems)?;
        right.then(|| Self {
            emit,
            lateness: manifest.allowed_lateness.map_or(0, |d| d.as_micros()),
            late: match manifest.late_records.unwrap_or_default() {
                LateRecords::DeadLetter => Late::DeadLetter,
                LateRecords::Drop => Late::Drop,
            },
            missing,
        })
    }

    /// What of it holds for a part of the query: records are late for the windows that they come to first, and it is the
    /// last grouping whose results are handed on as they change.
    fn of(self, query: &Query, input: &Relation, is_last: bool) -> Results {
        Results {
            emit: match is_last {
                true => self.emit,
                false => Emit::OnClose,
            },
            lateness: match query.window().is_some() && input.window.is_none() {
                true => self.lateness,
                false => 0,
            },
            late: self.late,
        }
    }
}

/// When results are handed on, and whether what the manifest says of that can be.
fn emit(stream: &Readable<'_>, query: &Query, problems: &mut Problems) -> (Emit, bool) {
    let path = &stream.path;
    let windowed = query.window().is_some();
    let mut right = true;
    let mut refuse = |field: &str, message: &str, hint: &str| {
        right = false;
        problems.add(format!("{path}.{field}"), message, Some(hint.into()));
    };
    let on_close = match &stream.manifest.emit {
        Some(_) if !query.is_grouped() => {
            let message = match query.is_counted() {
                true => "a window by count has one row, when it is full",
                false => "without GROUP BY each row is handed on by itself",
            };
            refuse("emit", message, "leave it out");
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
    let every = stream.manifest.emit.as_ref().and_then(|emit| emit.every);
    let emit = if on_close {
        Emit::OnClose
    } else {
        Emit::OnUpdate {
            every: every.map_or(0, |d| d.as_micros()),
        }
    };
    (emit, right)
}

/// Reads what the manifest says of rows that find nothing in a table, and how long they wait before.
fn missing(
    stream: &Readable<'_>,
    parts: &[Query],
    problems: &mut Problems,
) -> Option<(Missing, Option<Micros>)> {
    let path = format!("{}.onMissing", stream.path);
    match stream.manifest.on_missing {
        None => Some((Missing::Emit, None)),
        Some(_) if parts.iter().all(|part| part.tables().next().is_none()) => {
            let hint = Some("leave it out".into());
            problems.add(path, "the query joins no table", hint);
            None
        }
        Some(OnMissing::Emit) => Some((Missing::Emit, None)),
        Some(OnMissing::DeadLetter) => Some((Missing::DeadLetter, None)),
        Some(OnMissing::WaitFor(span)) if span.is_zero() => {
            let hint = Some("write how long rows wait, such as 5s, or Emit".into());
            problems.add(path, "0s is no time", hint);
            None
        }
        Some(OnMissing::WaitFor(span)) => Some((Missing::Emit, Some(span.as_micros()))),
    }
}

/// Takes the joins for which rows wait out of a stream's steps: what is before them, they, and what is after them.
fn joins_apart(
    steps: Vec<Step>,
    input: &SchemaRef,
    span: Micros,
) -> (Vec<Step>, Option<Await>, Vec<Step>) {
    let is_join = |step: &Step| matches!(step, Step::Lookup(_));
    let (first, last) = (
        steps.iter().position(is_join),
        steps.iter().rposition(is_join),
    );
    let time = steps.iter().find_map(|step| match step {
        Step::Lookup(lookup) => lookup.time,
        _ => None,
    });
    let (Some(first), Some(last), Some(time)) = (first, last, time) else {
        return (steps, None, Vec::new());
    };
    let mut before = steps;
    let after = before.split_off(last + 1);
    let joins = before.split_off(first);
    let joins = Await {
        steps: joins,
        time,
        span,
        schema: schema_after(&before, input),
    };
    (before, Some(joins), after)
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
        let first = *self.inputs.first()?;
        let input: &SchemaRef = plan.schema_of(first)?;
        let all: Vec<usize>;
        let read = match first {
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
        let mut after = bound.after;
        let mut awaited = None;
        if let Some(span) = self.wait {
            (before, awaited, after) = joins_apart(before, input, span);
        }
        Some(Stream {
            name: self.relation.name.clone(),
            inputs: self.inputs.clone(),
            before,
            operator: awaited.map(Operator::Await).or(self.operator(
                bound.grouping,
                bound.window,
                bound.over,
                bound.join,
            )),
            after,
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
        join: Option<BoundJoin>,
    ) -> Option<Operator> {
        if let Some(join) = join {
            return Some(Operator::Join(Join {
                side: join.side,
                time: join.time,
                keys: join.keys,
                key_types: join.key_types,
                left: join.left,
                right: join.right,
                earliest: join.earliest,
                latest: join.latest,
                condition: join.condition,
                behind: join.behind,
                schema: join.schema,
                late: self.results.late,
                exchange: self.exchange.clone(),
            }));
        }
        if let Some(over) = over {
            return Some(Operator::Over(Over {
                time: over.time,
                keys: over.keys,
                calls: over.calls,
                rank: over.rank,
                first: over.first,
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
                allowed_lateness: self.results.lateness.saturating_add(self.query.behind()),
                late: self.results.late,
                exchange: self.exchange.clone(),
            })
        })
    }
}
