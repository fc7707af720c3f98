//! From what was found to what can be built: everything that may be wrong is said here, so that building cannot fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use tidemill_crds::pipeline::{Autoscale, OnIncompatibleChange, PipelineSpec, WorkerTemplate};
use tidemill_crds::sink::SinkKind;
use tidemill_crds::{Pipeline, Sink, reasons};
use tidemill_plan::compat::{self, Lost, States};
use tidemill_plan::live;
use tidemill_plan::model::Plan;
use tidemill_plan::resets::{self, Epochs};
use tidemill_worker::runtime::Topology;

use super::manifests;
use crate::names;

/// A Pipeline with what it names.
#[derive(Debug, Clone)]
pub struct Found {
    /// The Pipeline.
    pub pipeline: Pipeline,
    /// The Sinks that it names and that are there, by name.
    pub sinks: BTreeMap<String, Sink>,
    /// What it names and is not there.
    pub missing: Vec<Missing>,
    /// The Secret with the credentials for Kafka.
    pub secret: Option<SecretVersion>,
    /// The Secrets with the credentials for schema registries, each once.
    pub registry_secrets: BTreeSet<SecretVersion>,
    /// The streams' state as it was last accepted.
    pub states: States,
}

/// A Secret as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretVersion {
    /// Its name.
    pub name: String,
    /// Something that changes with it.
    pub version: String,
}

/// Something that is named and not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// One of [`reasons`].
    pub reason: &'static str,
    /// What is named, where, and what is wrong.
    pub message: String,
}

/// A Pipeline that can be built.
#[derive(Debug, Clone)]
pub struct Valid {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Makes what is built its own.
    pub owner: OwnerReference,
    /// The consumer group, and the prefix of internal topics.
    pub group: String,
    /// What the workers read.
    pub manifests: String,
    /// The same without what takes effect live: a change of the rest needs new workers.
    pub lasting: String,
    /// The streams that were reset, and how often: workers that differ in it do not run side by side.
    pub epochs: Epochs,
    /// The streams' state after this is applied.
    pub states: States,
    /// Where Kafka is.
    pub bootstrap_servers: String,
    /// The credentials for it.
    pub secret: Option<SecretVersion>,
    /// The credentials for schema registries.
    pub registry_secrets: BTreeSet<SecretVersion>,
    /// The topics that are read.
    pub reads: Vec<Read>,
    /// The topics of other people's that are written, and whether each is made where it is not there.
    pub writes: BTreeMap<String, bool>,
    /// What the pods get besides.
    pub template: WorkerTemplate,
    /// How many workers there are to be.
    pub workers: Workers,
}

/// A topic that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its name.
    pub topic: String,
    /// Its partitions where the workers make it; `None` where it is other people's.
    pub partitions: Option<u32>,
    /// Whether it is a source, and not a shuffle.
    pub is_source: bool,
}

/// How many workers there are to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Workers {
    /// None, until it is resumed.
    Suspended,
    /// So many; 1 if not given.
    Fixed(Option<u32>),
    /// By lag.
    Auto(Autoscale),
}

/// Why a Pipeline cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The manifest is wrong.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
    /// Nothing is wrong but that this version does nothing with a field yet.
    #[error("{}", .0.join("\n"))]
    Unsupported(Vec<String>),
    /// The edit would lose state.
    #[error("{}", held(.0))]
    Incompatible(Vec<Lost>),
}

impl Refused {
    /// The reason of the condition `Accepted`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => reasons::INVALID,
            Self::Unsupported(_) => reasons::UNSUPPORTED,
            Self::Incompatible(_) => reasons::INCOMPATIBLE_CHANGE,
        }
    }
}

fn held(lost: &[Lost]) -> String {
    let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
    format!(
        "{}\nwhat runs goes on as it was; take the edit back, give the stream another name, or set onIncompatibleChange: Reset to start it again without state",
        lost.join("\n")
    )
}

/// Checks a Pipeline.
///
/// # Errors
/// Everything that is wrong with it. Sinks that are not there are not: they are in [`Found::missing`].
pub fn validate(found: &Found) -> Result<Valid, Refused> {
    let pipeline = &found.pipeline;
    let mut problems: Vec<String> = Vec::new();
    let name = pipeline.metadata.name.clone().unwrap_or_default();
    problems.extend(names::objection(&name).map(|text| format!("metadata.name: {text}")));
    problems.extend(local_only(found));
    problems.extend(own_variables(found));
    if pipeline.spec.kafka.is_none() {
        problems.push(
            "spec.kafka: is missing (in a cluster workers need one: write kafka: {bootstrapServers: \"kafka:9092\"})"
                .to_owned(),
        );
    }
    let sound = problems.is_empty();
    let plan = tidemill_plan::plan(pipeline, &with_stand_ins(found), &[]);
    let only_not_yet = match &plan {
        Err(found) => sound && found.iter().all(|problem| problem.not_yet),
        Ok(_) => false,
    };
    let plan = plan.map_err(|found| problems.extend(found.iter().map(ToString::to_string)));
    match (
        plan,
        &pipeline.spec.kafka,
        pipeline.controller_owner_ref(&()),
    ) {
        (Ok(plan), Some(kafka), Some(owner)) if problems.is_empty() => {
            valid(found, &plan, name, kafka.bootstrap_servers.clone(), owner)
        }
        _ if only_not_yet => Err(Refused::Unsupported(problems)),
        _ => Err(Refused::Invalid(problems)),
    }
}

fn valid(
    found: &Found,
    plan: &Plan,
    name: String,
    bootstrap_servers: String,
    owner: OwnerReference,
) -> Result<Valid, Refused> {
    let spec = &found.pipeline.spec;
    let signatures = compat::signatures(plan);
    let lost = compat::compare(&found.states, &signatures);
    if !lost.is_empty() && spec.on_incompatible_change == OnIncompatibleChange::Block {
        return Err(Refused::Incompatible(lost));
    }
    // Planning has read it already.
    let told = resets::read(&found.pipeline).unwrap_or_default();
    let states = compat::accept(&found.states, signatures, &told);
    let epochs = compat::epochs(&states);
    let render = |spec: &PipelineSpec| {
        let metadata = &found.pipeline.metadata;
        manifests::render(metadata, spec, found.sinks.values(), &epochs).map_err(|error| {
            Refused::Invalid(vec![format!("it cannot be written as YAML: {error}")])
        })
    };
    let manifests = render(spec)?;
    let (_, rest) = live::split(spec);
    let lasting = render(&rest)?;
    let topology = Topology::new(plan);
    Ok(Valid {
        name,
        namespace: found
            .pipeline
            .metadata
            .namespace
            .clone()
            .unwrap_or_default(),
        owner,
        manifests,
        lasting,
        epochs,
        states,
        bootstrap_servers,
        secret: found.secret.clone(),
        registry_secrets: found.registry_secrets.clone(),
        reads: reads(&topology),
        writes: writes(plan),
        group: topology.group,
        template: spec.worker.clone().unwrap_or_default(),
        workers: match &spec.autoscale {
            _ if spec.suspend => Workers::Suspended,
            Some(bounds) => Workers::Auto(bounds.clone()),
            None => Workers::Fixed(spec.workers),
        },
    })
}

/// A Sink that is not there stands for one that takes everything: its absence is said elsewhere.
fn with_stand_ins(found: &Found) -> Vec<Sink> {
    let namespace = found.pipeline.metadata.namespace.as_deref();
    let named = |output: &tidemill_crds::pipeline::Output| {
        let found = found.sinks.get(&output.sink).cloned();
        found.unwrap_or_else(|| Sink::stand_in(&output.sink, namespace))
    };
    found.pipeline.spec.outputs.iter().map(named).collect()
}

/// Outputs that would be lost with a pod.
fn local_only(found: &Found) -> Vec<String> {
    let outputs = found.pipeline.spec.outputs.iter().enumerate();
    let refused = outputs.filter_map(|(i, output)| {
        let what = match found.sinks.get(&output.sink)?.spec.kind()? {
            SinkKind::Postgres(_) => {
                "is a PostgreSQL table, which is not supported in a cluster yet"
            }
            SinkKind::Sqlite(_) => "is a SQLite file, which would be lost with the worker's pod",
            _ => return None,
        };
        let hint = "write to a topic of the pipeline's Kafka, or to standard output";
        Some(format!(
            "spec.outputs[{i}].sink: the Sink `{}` {what} ({hint})",
            output.sink
        ))
    });
    refused.collect()
}

/// Environment variables that the workers get from the operator.
fn own_variables(found: &Found) -> Vec<String> {
    let template = found.pipeline.spec.worker.iter();
    let named = template.flat_map(|template| template.env.iter().enumerate());
    let ours = named.filter(|(_, variable)| variable.name == names::POD_NAME);
    ours.map(|(i, variable)| {
        format!(
            "spec.worker.env[{i}].name: `{}` is set by the operator (leave it out)",
            variable.name
        )
    })
    .collect()
}

fn reads(topology: &Topology) -> Vec<Read> {
    let read = |subscription: &tidemill_worker::runtime::Subscription| Read {
        topic: subscription.topic.clone(),
        partitions: subscription.partitions,
        is_source: matches!(
            subscription.stage,
            tidemill_worker::runtime::Stage::Source(_)
        ),
    };
    topology.subscriptions.iter().map(read).collect()
}

fn writes(plan: &Plan) -> BTreeMap<String, bool> {
    let topic = |output: &tidemill_plan::model::Output| match output.to.kind() {
        Some(SinkKind::Kafka(kafka)) => Some((kafka.topic.clone(), kafka.create)),
        _ => None,
    };
    plan.outputs.iter().filter_map(topic).collect()
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
