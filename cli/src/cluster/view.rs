//! What there is to say about a Pipeline, from what the cluster has told: pure. It is also what programs get, as JSON.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use serde::Serialize;
use tidemill_crds::pipeline::Output;
use tidemill_crds::reasons::{self, condition};
use tidemill_crds::sink::{SinkKind, SinkSpec};
use tidemill_crds::status::Condition;
use tidemill_crds::{Pipeline, Sink};
use tidemill_plan::model::{Origin, Plan};
use tidemill_worker::runtime::Topology;
use tidemill_worker::status::{Phase, Status};

use super::graph::{self, Line};
use super::pages::{Pages, Worker};

/// All that the cluster has told.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) pipeline: Pipeline,
    /// What is behind Sinks, as far as they can be read.
    pub(super) sinks: BTreeMap<String, SinkSpec>,
    /// How many workers there are to be, if that can be read.
    pub(super) wanted: Option<u32>,
    pub(super) workers: Vec<Worker>,
    /// What could not be asked.
    pub(super) unknown: Vec<String>,
    pub(super) now: Timestamp,
}

/// A Pipeline, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) age_seconds: Option<u64>,
    pub(super) conditions: Vec<Shown>,
    pub(super) workers: Workers,
    pub(super) lag: Option<u64>,
    pub(super) records_per_second: Option<u64>,
    pub(super) watermark_delay_ms: Option<u64>,
    pub(super) dead_letters: Option<u64>,
    pub(super) dead_letters_by_reason: BTreeMap<String, u64>,
    pub(super) alerts: Option<u64>,
    pub(super) sources: Vec<Source>,
    pub(super) outputs: Vec<Written>,
    #[serde(skip)]
    pub(super) graph: Vec<Line>,
    /// What a person should know before reading on.
    pub(super) notes: Vec<String>,
}

/// A condition.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub(super) r#type: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) for_seconds: u64,
    pub(super) as_wished: bool,
}

/// The workers together, and each.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Workers {
    pub(super) ready: usize,
    pub(super) wanted: Option<u32>,
    pub(super) autoscale: Option<Scaling>,
    pub(super) pods: Vec<Pod>,
}

/// What was decided about the number of workers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scaling {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) target_lag: tidemill_crds::Duration,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) last_scaled_seconds_ago: Option<u64>,
}

/// A worker.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) ready: bool,
    pub(super) phase: Option<Phase>,
    pub(super) leaving: bool,
    pub(super) trouble: Option<String>,
}

/// A source.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) from: String,
    pub(super) partitions: Option<usize>,
    pub(super) lag: Option<u64>,
    pub(super) records_per_second: Option<u64>,
    pub(super) watermark_delay_ms: Option<u64>,
}

/// An output.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    pub(super) from: String,
    pub(super) sink: String,
    pub(super) to: Option<String>,
    /// Since the workers that run now were started.
    pub(super) rows: Option<u64>,
    pub(super) rows_per_second: Option<u64>,
}

impl View {
    /// Judges what the cluster has told.
    pub(super) fn of(facts: &Facts) -> Self {
        let pipeline = &facts.pipeline;
        let status = pipeline.status.clone().unwrap_or_default();
        let plan = plan(pipeline);
        let pages = Pages::of(&facts.workers);
        let sources = sources(facts, plan.as_ref(), &pages);
        let sum = |of: fn(&Source) -> Option<u64>| sources.iter().map(of).sum::<Option<u64>>();
        let inputs = plan.as_ref().map(graph::inputs).unwrap_or_default();
        let place = |sink: &str| facts.sinks.get(sink).map(place);
        let later = |delay: Option<u64>| delay.or(status.watermark_delay.map(|d| d.as_millis()));
        let dead_letters = pages.sum(|page| Some(page.dead_letters.values().sum()));
        Self {
            name: pipeline.name_any(),
            namespace: pipeline.namespace().unwrap_or_default(),
            age_seconds: pipeline
                .creation_timestamp()
                .map(|at| since(facts.now, at.0)),
            conditions: status
                .conditions
                .iter()
                .map(|it| shown(facts, it))
                .collect(),
            workers: workers(facts),
            lag: sum(|source| source.lag).or(status.lag),
            records_per_second: sum(|source| source.records_per_second)
                .or(status.records_per_second),
            watermark_delay_ms: later(
                sources
                    .iter()
                    .filter_map(|source| source.watermark_delay_ms)
                    .max(),
            ),
            dead_letters: dead_letters.or(status.dead_letters),
            dead_letters_by_reason: pages.dead_letters(),
            alerts: status.alerts,
            outputs: pipeline
                .spec
                .outputs
                .iter()
                .map(|output| written(output, facts, &pages))
                .collect(),
            graph: graph::lines(&pipeline.spec, &inputs, place),
            notes: notes(facts),
            sources,
        }
    }

    /// The condition `Ready`.
    pub(super) fn ready(&self) -> Option<&Shown> {
        self.conditions
            .iter()
            .find(|it| it.r#type == condition::READY)
    }
}

/// The plan, for the sake of who reads what: whatever the Sinks are.
fn plan(pipeline: &Pipeline) -> Option<Plan> {
    let namespace = pipeline.metadata.namespace.as_deref();
    let anything = |output: &Output| Sink::stand_in(&output.sink, namespace);
    let sinks: Vec<Sink> = pipeline.spec.outputs.iter().map(anything).collect();
    tidemill_plan::plan(pipeline, &sinks, &[]).ok()
}

fn sources(facts: &Facts, plan: Option<&Plan>, pages: &Pages<'_>) -> Vec<Source> {
    let topology = plan.map(Topology::new);
    let shown = |source: &tidemill_crds::pipeline::Source| {
        let mine = |page: &Status| {
            page.sources
                .iter()
                .find(|it| it.name == source.name)
                .cloned()
        };
        let origin =
            plan.and_then(|plan| plan.sources.iter().position(|it| it.name == source.name));
        let topic = topology
            .as_ref()
            .and_then(|it| it.subscriptions.get(origin?))
            .map(|it| it.topic.clone());
        let held = |page: &Status| {
            page.partitions
                .iter()
                .filter(|it| Some(&it.topic) == topic.as_ref())
                .count()
        };
        let watermarks = pages
            .all
            .iter()
            .filter_map(|(page, _)| mine(page)?.watermark);
        Source {
            name: source.name.clone(),
            from: from(
                source,
                plan.and_then(|plan| plan.sources.get(origin?))
                    .map(|it| &it.origin),
            ),
            partitions: topic
                .as_ref()
                .filter(|_| pages.complete)
                .map(|_| pages.all.iter().map(|(page, _)| held(page)).sum()),
            lag: pages.sum(|page| {
                mine(page)?
                    .lag
                    .map(|lag| u64::try_from(lag).unwrap_or_default())
            }),
            records_per_second: pages.rate(|page| mine(page).map(|it| it.records)),
            watermark_delay_ms: watermarks.min().map(|micros| behind(facts.now, micros)),
        }
    };
    facts.pipeline.spec.sources.iter().map(shown).collect()
}

fn from(source: &tidemill_crds::pipeline::Source, origin: Option<&Origin>) -> String {
    match (&source.kafka, origin) {
        (Some(kafka), _) => format!("topic {}", kafka.topic),
        (None, Some(Origin::Generator(generator))) if generator.rate > 0 => {
            format!("generator, {}/s", crate::human::grouped(generator.rate))
        }
        _ => "generator".to_owned(),
    }
}

fn written(output: &Output, facts: &Facts, pages: &Pages<'_>) -> Written {
    let rows = |page: &Status| {
        let mut outputs = page.outputs.iter();
        outputs
            .find(|it| it.from == output.from && it.sink == output.sink)
            .map(|it| it.rows)
    };
    Written {
        from: output.from.clone(),
        sink: output.sink.clone(),
        to: facts.sinks.get(&output.sink).map(place),
        rows: pages.sum(rows),
        rows_per_second: pages.rate(rows),
    }
}

/// What is behind a Sink.
fn place(sink: &SinkSpec) -> String {
    match sink.kind() {
        Some(SinkKind::Kafka(kafka)) => format!("topic {}", kafka.topic),
        Some(SinkKind::Webhook(webhook)) => format!("webhook {}", webhook.address()),
        Some(SinkKind::Postgres(postgres)) => format!("PostgreSQL table {}", postgres.table),
        Some(SinkKind::Iceberg(iceberg)) => format!("Iceberg table {}", iceberg.table),
        Some(SinkKind::Sqlite(sqlite)) => format!("SQLite table {}", sqlite.table),
        Some(SinkKind::Stdout(_)) => "the workers' logs".to_owned(),
        None => "not one place".to_owned(),
    }
}

fn workers(facts: &Facts) -> Workers {
    let spec = &facts.pipeline.spec;
    let status = facts
        .pipeline
        .status
        .as_ref()
        .and_then(|status| status.autoscale.clone());
    let autoscale = spec.autoscale.as_ref().map(|bounds| Scaling {
        min: bounds.min,
        max: bounds.max,
        target_lag: bounds.target_lag,
        reason: status.as_ref().map(|it| it.reason.clone()),
        message: status.as_ref().map(|it| it.message.clone()),
        last_scaled_seconds_ago: status
            .as_ref()
            .and_then(|it| it.last_scaled.as_ref())
            .map(|at| since(facts.now, at.0)),
    });
    let wanted = match (spec.suspend, &status) {
        (true, _) => Some(0),
        (false, Some(decided)) if spec.autoscale.is_some() => Some(decided.workers),
        _ => spec.workers,
    };
    let pod = |worker: &Worker| Pod {
        name: worker.pod.clone(),
        ready: worker.ready,
        phase: worker.page.as_ref().map(|page| page.phase),
        leaving: worker.leaving,
        trouble: worker
            .trouble
            .clone()
            .or_else(|| worker.page.as_ref()?.trouble.clone()),
    };
    Workers {
        ready: facts
            .workers
            .iter()
            .filter(|worker| worker.ready && !worker.leaving)
            .count(),
        wanted: facts.wanted.or(wanted),
        autoscale,
        pods: facts.workers.iter().map(pod).collect(),
    }
}

fn shown(facts: &Facts, condition: &Condition) -> Shown {
    let wished = match condition.type_.as_str() {
        condition::PROGRESSING | condition::DEGRADED => "False",
        _ => "True",
    };
    let rests = facts.pipeline.spec.suspend && condition.reason == reasons::SUSPENDED;
    Shown {
        r#type: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        for_seconds: since(facts.now, condition.last_transition_time.0),
        as_wished: condition.status == wished || rests,
    }
}

fn notes(facts: &Facts) -> Vec<String> {
    let pipeline = &facts.pipeline;
    let mut notes = Vec::new();
    let seen = pipeline
        .status
        .as_ref()
        .and_then(|status| status.observed_generation);
    if pipeline.metadata.deletion_timestamp.is_some() {
        notes.push("it is being deleted".to_owned());
    } else if seen.is_none() {
        notes.push(
            "no operator has looked at it yet: does one run, and does it watch this namespace?"
                .to_owned(),
        );
    } else if seen < pipeline.metadata.generation {
        notes.push("the operator has not looked at the newest manifest yet: what follows is about the one before".to_owned());
    }
    notes.extend(facts.unknown.iter().cloned());
    notes
}

/// In whole seconds.
fn since(now: Timestamp, then: Timestamp) -> u64 {
    let seconds = now.as_second().saturating_sub(then.as_second());
    u64::try_from(seconds).unwrap_or_default()
}

/// In milliseconds.
fn behind(now: Timestamp, micros: i64) -> u64 {
    let millis = now
        .as_millisecond()
        .saturating_sub(micros.div_euclid(1_000));
    u64::try_from(millis).unwrap_or_default()
}
