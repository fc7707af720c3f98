//! What manifests name in a cluster, and what of that is not there: pure.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_crds::pipeline::SecretRef;
use tidemill_crds::{AlertRule, Pipeline, Sink};
use tidemill_plan::compat::{self, States};
use tidemill_plan::manifest::{FieldPath, Problem, Resource, ResourceKind};
use tidemill_plan::model::Plan;
use tidemill_plan::{names, resets};

/// Namespace and name.
pub(super) type Key = (String, String);

/// What is in the cluster, as far as manifests may name it.
#[derive(Debug, Default)]
pub(super) struct There {
    pub(super) sinks: Vec<Sink>,
    pub(super) pipelines: Vec<Pipeline>,
    /// What the state of the Pipelines that run depends on.
    pub(super) states: BTreeMap<Key, States>,
    /// Secrets that were looked for and are not there.
    pub(super) no_secrets: BTreeSet<Key>,
    /// What could not be asked.
    pub(super) unknown: Vec<String>,
}

/// Namespace and name of one of our own resources.
pub(super) fn key(resource: &Resource) -> Option<Key> {
    let metadata = match &resource.kind {
        ResourceKind::Pipeline(it) => &it.metadata,
        ResourceKind::AlertRule(it) => &it.metadata,
        ResourceKind::Sink(it) => &it.metadata,
        ResourceKind::Other(_) => return None,
    };
    Some((metadata.namespace.clone()?, metadata.name.clone()?))
}

/// The Secrets that a resource names, with the fields that do.
fn secrets(resource: &Resource) -> Vec<(String, String)> {
    let named: Vec<(String, &SecretRef)> = match &resource.kind {
        ResourceKind::Pipeline(pipeline) => {
            let spec = &pipeline.spec;
            let auth = spec.kafka.as_ref().and_then(|kafka| kafka.auth.as_ref());
            let kafka = auth.map(|it| ("spec.kafka.auth.secretRef".to_owned(), &it.secret_ref));
            let sources = spec.sources.iter().enumerate().filter_map(|(i, source)| {
                let field = format!("spec.sources[{i}].format.schemaRegistry.auth.secretRef");
                Some((field, source.registry_secret()?))
            });
            kafka.into_iter().chain(sources).collect()
        }
        ResourceKind::Sink(sink) => {
            let named = sink.spec.secrets().into_iter();
            named.map(|(field, it)| (field.to_owned(), it)).collect()
        }
        ResourceKind::AlertRule(_) | ResourceKind::Other(_) => Vec::new(),
    };
    named
        .into_iter()
        .map(|(field, secret)| (field, secret.name.clone()))
        .collect()
}

/// The Secrets that are named and not in the manifests.
pub(super) fn secrets_named(resources: &[Resource]) -> BTreeSet<Key> {
    let of = |resource: &Resource| {
        let namespace = key(resource)
            .map(|(namespace, _)| namespace)
            .unwrap_or_default();
        let named = secrets(resource).into_iter();
        named
            .map(|(_, name)| (namespace.clone(), name))
            .collect::<Vec<_>>()
    };
    let in_files = |(namespace, name): &Key| {
        resources.iter().any(|it| {
            let here = it.namespace().is_none_or(|of| of == namespace);
            it.kind_name() == "Secret" && it.name() == name && here
        })
    };
    resources
        .iter()
        .flat_map(of)
        .filter(|secret| !in_files(secret))
        .collect()
}

/// What is named and neither in the manifests nor in the cluster. Sinks are the planner's business.
pub(super) fn missing(resources: &[Resource], there: &There) -> Vec<Problem> {
    let of = |resource: &Resource| match &resource.kind {
        ResourceKind::AlertRule(rule) => rule_problem(resource, rule, resources, there)
            .into_iter()
            .collect(),
        _ => missing_secrets(resource, there),
    };
    resources.iter().flat_map(of).collect()
}

fn missing_secrets(resource: &Resource, there: &There) -> Vec<Problem> {
    let Some((namespace, _)) = key(resource) else {
        return Vec::new();
    };
    let gone = |name: &String| {
        there
            .no_secrets
            .contains(&(namespace.clone(), name.clone()))
    };
    let named = secrets(resource).into_iter().filter(|(_, name)| gone(name));
    named
        .map(|(field, name)| {
            let message = format!("there is no Secret `{name}` in the namespace {namespace}");
            resource
                .problem(&FieldPath::parse(&field), message)
                .hint("create it before this is applied")
        })
        .collect()
}

fn rule_problem(
    resource: &Resource,
    rule: &AlertRule,
    resources: &[Resource],
    there: &There,
) -> Option<Problem> {
    let namespace = rule.metadata.namespace.as_deref().unwrap_or_default();
    let in_files = resources.iter().filter_map(|it| match &it.kind {
        ResourceKind::Pipeline(pipeline) => Some(&**pipeline),
        _ => None,
    });
    // What is in the files is what will be there.
    let pipelines: Vec<&Pipeline> = in_files
        .chain(&there.pipelines)
        .filter(|it| it.metadata.namespace.as_deref() == Some(namespace))
        .collect();
    let wanted = rule.spec.pipeline_ref.name.as_str();
    let named = |it: &&&Pipeline| it.metadata.name.as_deref() == Some(wanted);
    let Some(pipeline) = pipelines.iter().find(named) else {
        let path = FieldPath::parse("spec.pipelineRef.name");
        let known = pipelines
            .iter()
            .filter_map(|it| it.metadata.name.as_deref());
        let message = format!("there is no Pipeline `{wanted}` in the namespace {namespace}");
        return Some(hinted(
            resource.problem(&path, message),
            names::hint(wanted, known),
        ));
    };
    let streams = pipeline.spec.streams.iter().map(|it| it.name.as_str());
    let known: Vec<&str> = pipeline
        .spec
        .sources
        .iter()
        .map(|it| it.name.as_str())
        .chain(streams)
        .collect();
    let stream = rule.spec.stream.as_str();
    if known.contains(&stream) {
        return None;
    }
    let message = format!("the Pipeline `{wanted}` has no source or stream `{stream}`");
    let problem = resource.problem(&FieldPath::parse("spec.stream"), message);
    Some(hinted(problem, names::hint(stream, known)))
}

fn hinted(problem: Problem, hint: Option<String>) -> Problem {
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// What a manifest does to the state of what runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// State that it would lose, for which it is refused.
    pub(super) held: Vec<Problem>,
    /// State that it loses as it is meant to.
    pub(super) wanted: Vec<String>,
}

/// State of what runs that the manifest would lose.
pub(super) fn lost(resource: &Resource, pipeline: &Pipeline, plan: &Plan, there: &There) -> Lost {
    let Some(before) = key(resource).and_then(|key| there.states.get(&key)) else {
        return Lost::default();
    };
    let edited = compat::judge(pipeline, before, &compat::signatures(plan));
    let by_policy = edited
        .reset
        .iter()
        .map(|it| ("onIncompatibleChange: Reset", it));
    let by_hand = edited.told.iter().map(|it| (resets::ANNOTATION, it));
    let wanted = by_policy
        .chain(by_hand)
        .map(|(by, it)| format!("{}, as {by} has it: {it}", resource.name()));
    Lost {
        wanted: wanted.collect(),
        held: edited
            .held
            .iter()
            .map(|it| held(resource, pipeline, it))
            .collect(),
    }
}

fn held(resource: &Resource, pipeline: &Pipeline, lost: &compat::Lost) -> Problem {
    let mut streams = pipeline.spec.streams.iter();
    let place = streams.position(|stream| stream.name == lost.stream);
    let path = FieldPath::root()
        .field("spec")
        .field("streams")
        .index(place.unwrap_or_default())
        .field("sql");
    resource
        .problem(&path, format!("it cannot go on from the state of what runs: {lost}"))
        .hint("give the stream another name, or set onIncompatibleChange: Reset to start it again without state")
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
