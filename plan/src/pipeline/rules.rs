//! Alert rules that watch a pipeline: whether each makes sense. What is wrong with one is no matter to another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use tidemill_crds::alert_rule::Mode;
use tidemill_crds::pipeline::Output;
use tidemill_crds::{AlertRule, Pipeline};

use super::problem::Problems;
use super::sources::SourceDraft;
use super::streams::{Behind, Streams};
use crate::model::{Input, RowsOf, Rule};
use crate::names;
use crate::sql::rule::{Asked, FRESH, Group, Part, RuleDraft, Wrong};
use crate::sql::{Relation, SqlError};

/// A rule that makes sense, before its rows are there.
struct Sensible<'a> {
    manifest: &'a AlertRule,
    draft: RuleDraft,
    /// What it watches.
    input: Input,
    of: Relation,
}

/// Plans the rules that watch a pipeline, those that are at work, and adds the streams of the rows that they judge together.
pub(super) fn plan(
    pipeline: &Pipeline,
    rules: &[AlertRule],
    sources: &[Option<SourceDraft>],
    streams: &mut Streams,
    problems: &mut Problems,
) -> Vec<Rule> {
    // One that is switched off keeps its rows together, so that it may be switched on while they come.
    let mut ignored = Problems::default();
    let own = rules.iter().filter(|rule| is_about(rule, pipeline));
    let sensible = own.filter_map(|rule| {
        let problems = match is_off(rule) {
            true => &mut ignored,
            false => &mut *problems,
        };
        read(rule, pipeline, sources, streams, problems)
    });
    let sensible: Vec<Sensible<'_>> = sensible.collect();
    let mut made = Made {
        sources,
        streams,
        problems,
    };
    let judged = made.streams_of(&sensible);
    let at_work = sensible.iter().zip(judged);
    let at_work = at_work.filter(|(rule, _)| !is_off(rule.manifest));
    let planned = at_work.filter_map(|(rule, judged)| {
        let (watches, rows) = match (&rule.draft.group, judged) {
            (None, _) => (rule.input, &rule.of),
            (Some(_), Some(stream)) => {
                let draft = streams.drafts.get(stream)?;
                (Input::Stream(stream), &draft.relation)
            }
            (Some(_), None) => return None,
        };
        let path = |field: &str| format!("AlertRule {}: spec{field}", name(rule.manifest));
        match rule.planned(watches, rows) {
            Ok(planned) => planned,
            Err(wrong) => {
                add_all(wrong, &path, problems);
                None
            }
        }
    });
    planned.collect()
}

fn name(rule: &AlertRule) -> &str {
    rule.metadata.name.as_deref().unwrap_or_default()
}

/// Reads a rule, and says what is wrong with it.
fn read<'a>(
    rule: &'a AlertRule,
    pipeline: &Pipeline,
    sources: &[Option<SourceDraft>],
    streams: &Streams,
    problems: &mut Problems,
) -> Option<Sensible<'a>> {
    let path = |field: &str| format!("AlertRule {}: spec{field}", name(rule));
    let stream = rule.spec.stream.as_str();
    let Some((input, of)) = streams.input(stream, sources) else {
        if !is_declared(stream, pipeline) {
            let message = format!("there is no source or stream `{stream}`");
            let hint = names::hint(stream, declared(pipeline));
            problems.add(path(".stream"), message, hint);
        }
        return None;
    };
    let draft = match checked(rule, of) {
        Ok(draft) => draft,
        Err(wrong) => {
            add_all(wrong, &path, problems);
            return None;
        }
    };
    if !has_alerts(pipeline) {
        let message = "no output of the pipeline takes alerts";
        let hint = "add {from: alerts, sink: …} to its outputs, or set the rule's mode to Disabled";
        problems.add(path(".pipelineRef"), message, Some(hint.to_owned()));
        return None;
    }
    if !check_sinks(rule, pipeline, &path, problems) {
        return None;
    }
    Some(Sensible {
        manifest: rule,
        draft,
        input,
        of: of.clone(),
    })
}

/// Reads a rule, and plans it by itself to see whether that can be done.
fn checked(rule: &AlertRule, of: &Relation) -> Result<RuleDraft, Wrong> {
    let draft = RuleDraft::read(name(rule), &rule.spec, of)?;
    let query = draft.query(of)?;
    let judged = query.as_ref().and_then(|parts| parts.last());
    let schema = judged.map_or(&of.schema, |query| query.schema());
    draft.asked(schema, of)?;
    Ok(draft)
}

/// Adds the streams that are made for rules.
struct Made<'a> {
    sources: &'a [Option<SourceDraft>],
    streams: &'a mut Streams,
    problems: &'a mut Problems,
}

impl Made<'_> {
    /// Adds a stream for each set of rows that rules judge together, with a column for each of their calls. The stream whose
    /// rows each rule judges, if one was made for it.
    fn streams_of(&mut self, rules: &[Sensible<'_>]) -> Vec<Option<usize>> {
        let mut groups: BTreeMap<String, (&Group, BTreeSet<&str>)> = BTreeMap::new();
        for rule in rules {
            if let Some(group) = &rule.draft.group {
                let (_, calls) = groups
                    .entry(group.identity())
                    .or_insert_with(|| (group, BTreeSet::new()));
                calls.extend(rule.draft.calls());
            }
        }
        let groups = groups.into_iter();
        let groups = groups
            .filter_map(|(identity, (group, calls))| Some((identity, self.group(group, &calls)?)));
        let groups: BTreeMap<String, usize> = groups.collect();
        let judged = rules.iter().map(|rule| {
            let group = rule.draft.group.as_ref()?;
            let rows = *groups.get(&group.identity())?;
            match &rule.draft.suppressed {
                None => Some(rows),
                Some(by) => {
                    let made = group.suppressed_name(name(rule.manifest));
                    let lasting = group.suppressed_lasting(by);
                    self.add(made, group.suppressed(by), lasting, None)
                }
            }
        });
        judged.collect()
    }

    fn group(&mut self, group: &Group, calls: &BTreeSet<&str>) -> Option<usize> {
        let (sql, lasting) = (group.sql(calls), group.lasting(calls));
        if group.is_at_rows() {
            return self.add(group.name(), sql, lasting, Some(Behind::Evidence));
        }
        let records = group.reads();
        if self.streams.get(&records).is_none() {
            let all = format!("SELECT * FROM \"{}\"", group.stream.replace('"', "\"\""));
            self.add(records, all.clone(), all, Some(Behind::Record))?;
        }
        self.add(group.name(), sql, lasting, None)
    }

    fn add(
        &mut self,
        name: String,
        sql: String,
        lasting: String,
        behind: Option<Behind>,
    ) -> Option<usize> {
        let Self {
            sources,
            streams,
            problems,
        } = self;
        streams.made.push(format!("{name}: {lasting}"));
        streams.add_made(name, sql, behind, sources, problems)
    }
}

impl Sensible<'_> {
    /// The rule over the rows that it judges. None where they have not what they must have, which is a mistake of ours.
    fn planned(&self, watches: Input, rows: &Relation) -> Result<Option<Rule>, Wrong> {
        let Asked {
            when,
            message,
            details,
        } = self.draft.asked(&rows.schema, &self.of)?;
        let index = |key: &String| rows.schema.index_of(key).ok();
        let keys = self.manifest.spec.partition_by.iter().map(index);
        let of = match &self.draft.group {
            Some(group) => group.rows(&rows.schema),
            None => Some(RowsOf::Stream(rows.event_time)),
        };
        let (Some(keys), Some(of)) = (keys.collect(), of) else {
            return Ok(None);
        };
        let fields = details.iter().map(|(name, expr)| {
            let data_type = expr.data_type(&rows.schema).unwrap_or(DataType::Null);
            Field::new(name, data_type, true)
        });
        let details_schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let manifest = self.manifest;
        Ok(Some(Rule {
            name: name(manifest).to_owned(),
            version: manifest.metadata.generation.unwrap_or(1),
            severity: manifest.spec.severity,
            sent: manifest.spec.mode == Mode::Enforce,
            sinks: manifest
                .spec
                .sink_refs
                .iter()
                .map(|it| it.name.clone())
                .collect(),
            watches,
            of,
            keys,
            when,
            fresh: rows.schema.index_of(FRESH).ok(),
            message,
            details: details.into_iter().map(|(_, expr)| expr).collect(),
            details_schema,
        }))
    }
}

fn has_alerts(pipeline: &Pipeline) -> bool {
    let mut outputs = pipeline.spec.outputs.iter();
    outputs.any(|output| output.from == Output::ALERTS)
}

/// Whether the Sinks that a rule names take alerts.
fn check_sinks(
    rule: &AlertRule,
    pipeline: &Pipeline,
    path: &impl Fn(&str) -> String,
    problems: &mut Problems,
) -> bool {
    let outputs = pipeline.spec.outputs.iter();
    let outputs = outputs.filter(|output| output.from == Output::ALERTS);
    let known = outputs.map(|output| output.sink.as_str());
    let mut right = true;
    for (i, named) in rule.spec.sink_refs.iter().enumerate() {
        if !known.clone().any(|sink| sink == named.name) {
            let message = format!(
                "no output of the pipeline writes alerts to `{}`",
                named.name
            );
            let hint = names::hint(&named.name, known.clone());
            problems.add(path(&format!(".sinkRefs[{i}].name")), message, hint);
            right = false;
        }
    }
    right
}

fn add_all(wrong: Wrong, path: &impl Fn(&str) -> String, problems: &mut Problems) {
    for (part, error) in wrong {
        add(&part, error, path, problems);
    }
}

fn add(part: &Part, error: SqlError, path: &impl Fn(&str) -> String, problems: &mut Problems) {
    let field = match part {
        Part::When => ".when".to_owned(),
        Part::Message => ".message".to_owned(),
        Part::Select(column) => format!(".select.{column}"),
        Part::PartitionBy(i) => format!(".partitionBy[{i}]"),
        Part::Window => ".window".to_owned(),
        Part::SuppressFor => ".suppressFor".to_owned(),
        Part::Parameter(name) => format!(".parameters.{name}"),
    };
    match part {
        Part::When | Part::Message | Part::Select(_) => problems.add_sql(&path(&field), [error]),
        // These are no SQL.
        Part::PartitionBy(_) | Part::Window | Part::SuppressFor | Part::Parameter(_) => {
            problems.add(path(&field), error.message, error.hint);
        }
    }
}

fn declared(pipeline: &Pipeline) -> impl Iterator<Item = &str> {
    let streams = pipeline.spec.streams.iter().map(|s| s.name.as_str());
    let sources = pipeline.spec.sources.iter().map(|s| s.name.as_str());
    streams.chain(sources)
}

fn is_declared(stream: &str, pipeline: &Pipeline) -> bool {
    declared(pipeline).any(|name| name == stream)
}

/// Whether a rule is about this pipeline.
fn is_about(rule: &AlertRule, pipeline: &Pipeline) -> bool {
    Some(&rule.spec.pipeline_ref.name) == pipeline.metadata.name.as_ref()
        && rule.metadata.namespace == pipeline.metadata.namespace
}

fn is_off(rule: &AlertRule) -> bool {
    rule.spec.mode == Mode::Disabled
}
