//! Alert rules that watch a pipeline: whether each makes sense. What is wrong with one is no matter to another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{BinaryExpr, CaseExpr, Column, lit};
use tidemill_crds::alert_rule::Mode;
use tidemill_crds::pipeline::Output;
use tidemill_crds::{AlertRule, Pipeline};

use super::Version;
use super::problem::Problems;
use super::sources::SourceDraft;
use super::streams::{Behind, Streams};
use crate::model::{Comparison, EDITION, Editions, ExprRef, Input, RowsOf, Rule};
use crate::names;
use crate::sql::rule::{Asked, FRESH, Group, Part, RuleDraft, Suppressed, Together, Wrong, either};
use crate::sql::{Relation, SqlError};

/// A version of a rule that makes sense, before its rows are there.
struct Sensible<'a> {
    manifest: &'a AlertRule,
    editions: Editions,
    draft: RuleDraft,
    /// What it watches.
    input: Input,
    of: Relation,
}

/// What rules ask of a pipeline.
pub(super) struct Judging {
    /// Those that are at work.
    pub(super) rules: Vec<Rule>,
    /// Which of them are compared.
    pub(super) comparisons: Vec<Comparison>,
}

/// Plans the rules that watch a pipeline, those that are at work, and adds the streams of the rows that they judge together.
/// Those of former editions judge what there is for the present one, as far as they can.
pub(super) fn plan(
    pipeline: &Pipeline,
    rules: &[Version],
    sources: &[Option<SourceDraft>],
    streams: &mut Streams,
    problems: &mut Problems,
) -> Judging {
    // One that is switched off keeps its rows together, so that it may be switched on while they come.
    let mut ignored = Problems::default();
    let own = rules
        .iter()
        .filter(|version| is_about(&version.rule, pipeline));
    let sensible = own.filter_map(|version| {
        let problems = match is_off(&version.rule) || version.editions.are_former() {
            true => &mut ignored,
            false => &mut *problems,
        };
        read(version, pipeline, sources, streams, problems)
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
            Err(_) if rule.editions.are_former() => None,
            Err(wrong) => {
                add_all(wrong, &path, problems);
                None
            }
        }
    });
    Judging {
        rules: planned.collect(),
        comparisons: comparisons(&sensible, streams),
    }
}

/// The rules in Shadow mode that are tried beside others, where both judge the same rows.
fn comparisons(rules: &[Sensible<'_>], streams: &Streams) -> Vec<Comparison> {
    let present = || {
        rules
            .iter()
            .filter(|rule| !rule.editions.are_former() && !is_off(rule.manifest))
    };
    let compared = present().filter_map(|shadow| {
        let original = shadow.manifest.spec.shadow_of.as_deref()?;
        let other = present().find(|rule| name(rule.manifest) == original)?;
        if shadow.judges() != other.judges() {
            return None;
        }
        let (watches, schema) = match shadow.judges() {
            Judges::Rows(input) => (input, &shadow.of.schema),
            Judges::Group(stream, _) => {
                let (index, draft) = streams.get(&stream)?;
                (Input::Stream(index), &draft.relation.schema)
            }
        };
        let fires = |rule: &Sensible<'_>| rule.draft.condition(schema).ok();
        Some(Comparison {
            shadow: name(shadow.manifest).to_owned(),
            watches,
            fires: [fires(shadow)?, fires(other)?],
        })
    });
    compared.collect()
}

/// Which rows a rule judges, whatever becomes of its alerts.
#[derive(PartialEq)]
enum Judges {
    /// Each by itself.
    Rows(Input),
    /// Those of a stream that is made for it, with what is kept together there.
    Group(String, String),
}

fn name(rule: &AlertRule) -> &str {
    rule.metadata.name.as_deref().unwrap_or_default()
}

/// Reads a rule, and says what is wrong with it.
fn read<'a>(
    version: &'a Version,
    pipeline: &Pipeline,
    sources: &[Option<SourceDraft>],
    streams: &Streams,
    problems: &mut Problems,
) -> Option<Sensible<'a>> {
    let rule = &version.rule;
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
        editions: version.editions,
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
        let mut groups: BTreeMap<String, (Group, BTreeSet<&str>)> = BTreeMap::new();
        for rule in rules.iter().filter(|rule| !rule.editions.are_former()) {
            if let Some(group) = &rule.draft.group {
                let (_, calls) = groups
                    .entry(group.name())
                    .or_insert_with(|| (rule.group_of_all(group, rules), BTreeSet::new()));
                calls.extend(rule.draft.calls());
            }
        }
        // By the name, and by all that is to last: what was kept together otherwise is no more.
        let mut made: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (group, calls) in groups.into_values() {
            if let Some(stream) = self.group(&group, &calls) {
                made.insert(group.place(), stream);
            }
        }
        // By name, in whatever order the rules are: streams are to be the same.
        let mut suppressed = BTreeMap::new();
        for rule in rules.iter().filter(|rule| !rule.editions.are_former()) {
            if let Some((group, by)) = rule.suppressed()
                && made.contains_key(&group.place())
            {
                let of_all = Suppressed {
                    when: rule.condition_of_all(rules),
                    span: by.span,
                };
                let name = group.suppressed_name(name(rule.manifest));
                let lasting = group.suppressed_lasting(by);
                suppressed.insert((name, lasting), group.suppressed(&of_all));
            }
        }
        for ((name, lasting), sql) in suppressed {
            if let Some(stream) = self.add(name.clone(), sql, lasting.clone(), None) {
                made.insert((name, lasting), stream);
            }
        }
        let judged = rules.iter().map(|rule| {
            let place = match rule.suppressed() {
                Some((group, by)) => {
                    let name = group.suppressed_name(name(rule.manifest));
                    (name, group.suppressed_lasting(by))
                }
                None => rule.draft.group.as_ref()?.place(),
            };
            made.get(&place).copied()
        });
        judged.collect()
    }

    fn group(&mut self, group: &Group, calls: &BTreeSet<&str>) -> Option<usize> {
        let editions = group.editions();
        self.all_of(&group.stream, editions.clone(), Behind::Edition)?;
        let (sql, lasting) = (group.sql(calls), group.lasting(calls));
        if group.is_at_rows() {
            return self.add(group.name(), sql, lasting, Some(Behind::Evidence));
        }
        self.all_of(&editions, group.reads(), Behind::Record)?;
        self.add(group.name(), sql, lasting, None)
    }

    /// Adds a stream of all of another, unless it is there.
    fn all_of(&mut self, stream: &str, name: String, behind: Behind) -> Option<usize> {
        if let Some((there, _)) = self.streams.get(&name) {
            return Some(there);
        }
        let all = Group::all_of(stream);
        self.add(name, all.clone(), all, Some(behind))
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
    /// Which rows it judges.
    fn judges(&self) -> Judges {
        let group = self.draft.group.as_ref();
        match group.filter(|group| !matches!(group.of, Together::Alone { .. })) {
            None => Judges::Rows(self.input),
            Some(group) => {
                let (stream, lasting) = group.place();
                Judges::Group(stream, lasting)
            }
        }
    }

    /// The rows that it judges, and how it holds alerts back, if it does.
    fn suppressed(&self) -> Option<(&Group, &Suppressed)> {
        Some((self.draft.group.as_ref()?, self.draft.suppressed.as_ref()?))
    }

    /// The conditions of all versions of this rule that judge what it judges, each for its editions.
    fn condition_of_all(&self, rules: &[Self]) -> String {
        let lasting = |rule: &Self| {
            let (group, by) = rule.suppressed()?;
            Some((group.place(), group.suppressed_lasting(by)))
        };
        let own = rules
            .iter()
            .filter(|rule| name(rule.manifest) == name(self.manifest) && !is_off(rule.manifest))
            .filter(|rule| lasting(rule) == lasting(self));
        let conditions = own.filter_map(|rule| {
            let by = rule.draft.suppressed.as_ref()?;
            Some((rule.editions, by.when.as_str()))
        });
        let conditions: Vec<(Editions, &str)> = conditions.collect();
        match (conditions.is_empty(), &self.draft.suppressed) {
            // All are switched off: no rule asks for these rows, whichever they are.
            (true, Some(own)) => own.when.clone(),
            _ => either(&conditions),
        }
    }

    /// Its group, whose rows are those for which any version of it fires, where it has them alone.
    fn group_of_all(&self, group: &Group, rules: &[Self]) -> Group {
        let mut all = group.clone();
        if let Together::Alone { when, .. } = &mut all.of {
            *when = self.condition_of_all(rules);
        }
        all
    }

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
        let edition = rows.schema.index_of(EDITION).ok();
        let when = match edition {
            Some(edition) => within(self.editions, edition, when),
            None => when,
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
            editions: self.editions,
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

/// A condition for the rows of these editions alone, whose edition is in a column.
fn within(editions: Editions, column: usize, when: ExprRef) -> ExprRef {
    if editions == Editions::ALL {
        return when;
    }
    let edition: ExprRef = Arc::new(Column::new(EDITION, column));
    let bound = |operator, bound: i64| -> ExprRef {
        Arc::new(BinaryExpr::new(Arc::clone(&edition), operator, lit(bound)))
    };
    let from = bound(Operator::GtEq, editions.from);
    let of_these: ExprRef = match editions.to {
        None => from,
        Some(to) => Arc::new(BinaryExpr::new(
            from,
            Operator::And,
            bound(Operator::Lt, to),
        )),
    };
    let chosen = CaseExpr::try_new(None, vec![(of_these, Arc::clone(&when))], Some(lit(false)));
    // Branches of one type make no wrong case.
    chosen.map_or(when, |case| Arc::new(case))
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
