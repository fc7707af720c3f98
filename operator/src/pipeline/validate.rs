//! From what was found to what can be built: everything that may be wrong is said here, so that building cannot fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use tidemill_crds::pipeline::{PipelineSpec, WorkerTemplate};
use tidemill_crds::sink::SinkKind;
use tidemill_crds::{AlertRule, Pipeline, Sink, reasons};
use tidemill_plan::compat::{self, Lost, States};
use tidemill_plan::live;
use tidemill_plan::manifest::{ResourceKind, load};
use tidemill_plan::model::Plan;
use tidemill_plan::resets::{self, Epochs};
use tidemill_plan::{PlanProblem, plan_in_cluster};
use tidemill_worker::runtime::Topology;

use super::manifests;
use super::rules::Rules;

/// A Pipeline with what it names.
#[derive(Debug, Clone)]
pub struct Found {
    /// The Pipeline.
    pub pipeline: Pipeline,
    /// The Sinks that it names and that are there, by name.
    pub sinks: BTreeMap<String, Sink>,
    /// The AlertRules that watch it, by name, and those of its namespace that cannot be read: they may, too.
    pub rules: BTreeMap<String, Option<AlertRule>>,
    /// What it names and is not there.
    pub missing: Vec<Missing>,
    /// The Secret with the credentials for Kafka.
    pub secret: Option<SecretVersion>,
    /// The Secrets with the credentials for schema registries and webhooks, each once.
    pub other_secrets: BTreeSet<SecretVersion>,
    /// The streams' state as it was last accepted.
    pub states: States,
    /// What its workers were given to read, if there are any.
    pub given: Option<String>,
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
    /// The credentials for schema registries and webhooks.
    pub other_secrets: BTreeSet<SecretVersion>,
    /// What came of the rules that watch it.
    pub rules: Rules,
    /// The topics that are read.
    pub reads: Vec<Read>,
    /// The topics of other people's that are written, and whether each is made where it is not there.
    pub writes: BTreeMap<String, bool>,
    /// What the pods get besides.
    pub template: WorkerTemplate,
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

/// What came of checking a Pipeline.
#[derive(Debug)]
pub struct Checked {
    /// What can be built.
    pub outcome: Result<Valid, Refused>,
    /// The topics that are read by what runs, where that goes on as it was.
    kept: Option<Vec<Read>>,
}

impl Checked {
    /// Checks a Pipeline, and looks at what runs if nothing comes of that.
    #[must_use]
    pub fn new(found: &Found) -> Self {
        let outcome = validate(found);
        let is_new = outcome.is_ok() && found.missing.is_empty();
        let given = found.given.as_ref().filter(|_| !is_new);
        Self {
            kept: given.and_then(|given| reads_of(given)),
            outcome,
        }
    }

    /// The topics that the workers read, or will read; `None` if there is no telling.
    #[must_use]
    pub fn reads(&self) -> Option<&[Read]> {
        let new = self.outcome.as_ref().ok().map(|valid| &valid.reads);
        self.kept.as_ref().or(new).map(Vec::as_slice)
    }
}

/// The topics that workers with these manifests read.
fn reads_of(given: &str) -> Option<Vec<Read>> {
    let (mut pipeline, mut sinks, mut rules) = (None, Vec::new(), Vec::new());
    for resource in load("manifests", given).resources {
        match resource.kind {
            ResourceKind::Pipeline(it) => pipeline = Some(it),
            ResourceKind::Sink(it) => sinks.push(*it),
            ResourceKind::AlertRule(it) => rules.push(*it),
            ResourceKind::Other(_) => {}
        }
    }
    let plan = tidemill_plan::plan(&*pipeline?, &sinks, &rules).ok()?;
    Some(reads(&Topology::new(&plan)))
}

/// Checks a Pipeline.
///
/// # Errors
/// Everything that is wrong with it. Sinks that are not there are not: they are in [`Found::missing`].
pub fn validate(found: &Found) -> Result<Valid, Refused> {
    let (pipeline, sinks) = (&found.pipeline, with_stand_ins(found));
    let refused = |problems: Vec<PlanProblem>| {
        let only_not_yet = problems.iter().all(|problem| problem.not_yet);
        let said = problems.iter().map(ToString::to_string).collect();
        if only_not_yet {
            Refused::Unsupported(said)
        } else {
            Refused::Invalid(said)
        }
    };
    plan_in_cluster(pipeline, &sinks, &[]).map_err(refused)?;
    let rules = Rules::of(found, &sinks);
    let plan = plan_in_cluster(pipeline, &sinks, &rules.in_force).map_err(refused)?;
    // Every object of a cluster has a uid, and planning has asked for a Kafka.
    let (Some(kafka), Some(owner)) = (&pipeline.spec.kafka, pipeline.controller_owner_ref(&()))
    else {
        return Err(Refused::Invalid(vec![
            "metadata.uid: is missing".to_owned(),
        ]));
    };
    valid(found, &plan, rules, kafka.bootstrap_servers.clone(), owner)
}

fn valid(
    found: &Found,
    plan: &Plan,
    rules: Rules,
    bootstrap_servers: String,
    owner: OwnerReference,
) -> Result<Valid, Refused> {
    let spec = &found.pipeline.spec;
    let signatures = compat::signatures(plan);
    let edited = compat::judge(&found.pipeline, &found.states, &signatures);
    if !edited.held.is_empty() {
        return Err(Refused::Incompatible(edited.held));
    }
    // Planning has read it already.
    let told = resets::read(&found.pipeline).unwrap_or_default();
    let states = compat::accept(&found.states, signatures, &told);
    let epochs = compat::epochs(&states);
    let render = |spec: &PipelineSpec, rules: &[AlertRule]| {
        let metadata = &found.pipeline.metadata;
        let sinks = found.sinks.values();
        manifests::render(metadata, spec, sinks, rules, &epochs).map_err(|error| {
            Refused::Invalid(vec![format!("it cannot be written as YAML: {error}")])
        })
    };
    let manifests = render(spec, &rules.in_force)?;
    let (_, rest) = live::split(spec);
    // Rules take effect live, as long as they ask for no other streams.
    let lasting = format!("{}{}", render(&rest, &[])?, plan.made.join("\n"));
    let topology = Topology::new(plan);
    let metadata = &found.pipeline.metadata;
    Ok(Valid {
        name: metadata.name.clone().unwrap_or_default(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        owner,
        manifests,
        lasting,
        epochs,
        states,
        bootstrap_servers,
        secret: found.secret.clone(),
        other_secrets: found.other_secrets.clone(),
        rules,
        reads: reads(&topology),
        writes: writes(plan),
        group: topology.group,
        template: spec.worker.clone().unwrap_or_default(),
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
