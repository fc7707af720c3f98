//! Streams: in an order in which each comes after what it reads, each with what it needs and what its rows are.

mod bound;
mod order;
mod said;
mod spread;

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, SchemaRef};
use tidemill_crds::pipeline::{self as manifest, LateRecords};

pub(super) use self::order::draft;
use self::said::Said;
use self::spread::{Spread, misplaced};
use super::problem::Problems;
use super::sources::SourceDraft;
use crate::model::{
    Changes, EDITION, EVIDENCE, Emit, Exchange, Input, Late, Micros, Missing, RECORD,
};
use crate::sql::rule::with_field;
use crate::sql::{Parsed, Query, Relation, SqlError, is_part, part_name};

/// The partitions of a shuffle's internal topic.
pub(super) const SHARDS: u32 = 8;

/// The streams that could be planned, and where each stream of the manifest is among them.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) drafts: Vec<StreamDraft>,
    names: BTreeMap<String, usize>,
    /// Those that no manifest has: what of each an edit must leave as it is.
    pub(super) made: Vec<String>,
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
    behind: Option<Behind>,
}

/// What a stream that is made for rules has behind the columns of its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// The record that a row is.
    Record,
    /// The records that a row was made of.
    Evidence,
    /// The edition of the rules.
    Edition,
}

impl Behind {
    /// The columns with this behind them.
    fn put(self, schema: &SchemaRef) -> SchemaRef {
        match self {
            Self::Record => with_field(schema, RECORD, DataType::Utf8),
            Self::Evidence => with_field(schema, EVIDENCE, DataType::Utf8),
            Self::Edition => with_field(schema, EDITION, DataType::Int64),
        }
    }
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

    /// Adds a stream that no manifest has; where it is among them.
    pub(super) fn add_made(
        &mut self,
        name: String,
        sql: String,
        behind: Option<Behind>,
        sources: &[Option<SourceDraft>],
        problems: &mut Problems,
    ) -> Option<usize> {
        let manifest = manifest::Stream {
            name,
            sql,
            emit: None,
            allowed_lateness: None,
            // What becomes of them is said where a manifest has windows of its own.
            late_records: match behind {
                Some(Behind::Record | Behind::Edition) => None,
                Some(Behind::Evidence) | None => Some(LateRecords::Drop),
            },
            on_missing: None,
        };
        let path = format!("stream {}", manifest.name);
        let parsed = Parsed::parse(&manifest.sql);
        let parsed = parsed.map_err(|errors| problems.add_sql(&path, errors));
        let made = Readable {
            manifest: &manifest,
            path,
            parsed: parsed.ok()?,
        };
        let planned = plan_one(&made, sources, self, problems);
        let index = *self.names.get(&manifest.name).filter(|_| planned)?;
        let draft = self.drafts.get_mut(index)?;
        if let Some(behind) = behind {
            let relation = &mut draft.relation;
            relation.schema = behind.put(&relation.schema);
            draft.behind = Some(behind);
        }
        Some(index)
    }

    /// The source or stream of this name as its readers see it, if it could be planned.
    pub(super) fn input<'a>(
        &'a self,
        name: &str,
        sources: &'a [Option<SourceDraft>],
    ) -> Option<(Input, &'a Relation)> {
        find(name, sources, self).map(|found| (found.input, found.relation))
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
        behind: None,
    }))
}

/// What a stream reads.
struct Found<'a> {
    input: Input,
    relation: &'a Relation,
    spread: Spread,
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
