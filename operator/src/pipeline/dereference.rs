//! From a Pipeline to all that it names: from what is known of the cluster, without asking anybody.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use tidemill_crds::{AlertRule, Pipeline, Sink, reasons};
use tidemill_plan::compat::States;

use super::build::{given, read_state};
use super::validate::{Found, Missing, SecretVersion};
use crate::kafka::clusters::Key;
use crate::names;
use crate::world::{World, find, key, secret_of, watches};

/// Looks for all that a Pipeline names.
#[must_use]
pub fn dereference(world: &World, pipeline: Pipeline) -> Found {
    let mut missing = Vec::new();
    let sinks = sinks(world, &pipeline, &mut missing);
    let secret = secret_of(&pipeline).and_then(|name| {
        secret(
            world,
            &pipeline,
            name,
            "spec.kafka.auth.secretRef",
            &mut missing,
        )
    });
    let other_secrets = other_secrets(world, &pipeline, &sinks, &mut missing);
    Found {
        sinks,
        rules: rules(world, &pipeline),
        secret,
        other_secrets,
        missing,
        states: states(world, &pipeline),
        given: find(&world.made.configs, &made(&pipeline))
            .filter(|config| is_of(&pipeline, &config.metadata))
            .and_then(|config| given(&config).cloned()),
        pipeline,
    }
}

fn sinks(world: &World, pipeline: &Pipeline, missing: &mut Vec<Missing>) -> BTreeMap<String, Sink> {
    let namespace = pipeline.namespace().unwrap_or_default();
    let mut sinks = BTreeMap::new();
    for (i, output) in pipeline.spec.outputs.iter().enumerate() {
        let name = &output.sink;
        let found = find(&world.sinks, &(namespace.clone(), name.clone()));
        let gone = |why: &str| Missing {
            reason: reasons::SINK_NOT_FOUND,
            message: format!("spec.outputs[{i}].sink: {why}"),
        };
        match found.as_ref().map(|sink| &sink.0) {
            Some(Ok(sink)) => {
                sinks.insert(name.clone(), sink.clone());
            }
            Some(Err(error)) => {
                missing.push(gone(&format!("the Sink `{name}` cannot be read (its status says why): {error}")))
            }
            None => missing.push(gone(&format!(
                "there is no Sink `{name}` in the namespace {namespace} (create it, or correct the name)"
            ))),
        }
    }
    sinks
}

/// The rules that watch a Pipeline, and those of its namespace of which nobody can tell.
fn rules(world: &World, pipeline: &Pipeline) -> BTreeMap<String, Option<AlertRule>> {
    let of = key(pipeline);
    let found = world.rules.state_filter(|rule| {
        rule.namespace().as_ref() == Some(&of.0) && (rule.0.is_err() || watches(rule, &of))
    });
    let named = found
        .iter()
        .map(|rule| (rule.name_any(), rule.0.as_ref().ok().cloned()));
    named.collect()
}

/// The Secrets for the schema registries of sources, and for the registries and webhooks of the sinks that are written to.
fn other_secrets(
    world: &World,
    pipeline: &Pipeline,
    sinks: &BTreeMap<String, Sink>,
    missing: &mut Vec<Missing>,
) -> BTreeSet<SecretVersion> {
    let of_sources = pipeline
        .spec
        .sources
        .iter()
        .enumerate()
        .filter_map(|(i, source)| {
            let field = format!("spec.sources[{i}].format.schemaRegistry.auth.secretRef");
            Some((field, source.registry_secret()?))
        });
    let of_sinks = sinks.iter().filter_map(|(name, sink)| {
        let (field, secret) = sink.spec.mounted_secret()?;
        Some((format!("Sink {name}: {field}"), secret))
    });
    let named = of_sources.chain(of_sinks);
    named
        .filter_map(|(field, named)| secret(world, pipeline, &named.name, &field, missing))
        .collect()
}

fn secret(
    world: &World,
    pipeline: &Pipeline,
    name: &String,
    field: &str,
    missing: &mut Vec<Missing>,
) -> Option<SecretVersion> {
    let namespace = pipeline.namespace().unwrap_or_default();
    let Some(secret) = find(&world.secrets, &(namespace.clone(), name.clone())) else {
        missing.push(Missing {
            reason: reasons::SECRET_NOT_FOUND,
            message: format!("{field}: there is no Secret `{name}` in the namespace {namespace} (create it, or correct the name)"),
        });
        return None;
    };
    let part = |part: Option<String>| part.unwrap_or_default();
    Some(SecretVersion {
        name: name.clone(),
        version: format!("{}/{}", part(secret.uid()), part(secret.resource_version())),
    })
}

/// The streams' state as it was last accepted, from where it was kept twice.
fn states(world: &World, pipeline: &Pipeline) -> States {
    let at = made(pipeline);
    let config = find(&world.made.configs, &at).map(|config| config.metadata.clone());
    let deployment =
        find(&world.made.deployments, &at).map(|deployment| deployment.metadata.clone());
    let kept = [config, deployment]
        .into_iter()
        .flatten()
        .find_map(|metadata| {
            let text = metadata.annotations.as_ref()?.get(names::STATE);
            read_state(text.filter(|_| is_of(pipeline, &metadata))?)
        });
    kept.unwrap_or_default()
}

/// Where that is which was made for a Pipeline.
fn made(pipeline: &Pipeline) -> Key {
    (
        pipeline.namespace().unwrap_or_default(),
        names::worker(&pipeline.name_any()),
    )
}

/// Whether something was made for this very Pipeline, and not for an earlier one of its name.
fn is_of(pipeline: &Pipeline, made: &ObjectMeta) -> bool {
    let mut owners = made.owner_references.iter().flatten();
    owners.any(|owner| Some(&owner.uid) == pipeline.metadata.uid.as_ref())
}
