//! `validate --against cluster`: what only the cluster knows of manifests. Nothing is changed there.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::{DynamicObject, GroupVersionKind, Status};
use kube::discovery::{ApiResource, Scope, pinned_kind};
use kube::error::DiscoveryError;
use kube::{Api, ResourceExt as _};
use serde_json::Value;
use tidemill_crds::{AlertRule, Pipeline, Sink, names};
use tidemill_plan::compat::{self, States};
use tidemill_plan::manifest::{FieldPath, Problem, Resource, ResourceKind};

use super::connection::Cluster;
use super::references::{self, Key, There};
use super::{MANAGER, Target};
use crate::failure::Failure;
use crate::manifests::Manifests;

/// Checks manifests by themselves and against the cluster.
pub(crate) fn validate(manifests: Manifests, target: &Target) -> Result<(), Failure> {
    super::block_on(async {
        let cluster = Cluster::connect(target).await?;
        against(&cluster, manifests).await
    })
}

async fn against(cluster: &Cluster, mut manifests: Manifests) -> Result<(), Failure> {
    manifests.settle(&cluster.namespace);
    let there = ask(cluster, &manifests).await?;
    let mut problems = manifests.take_problems();
    let mut notes = there.unknown.clone();
    let mut pipelines = 0;
    for (resource, pipeline, planned) in manifests.plans_in_cluster(&there.sinks) {
        pipelines += 1;
        match planned {
            Ok(plan) => {
                let lost = references::lost(resource, pipeline, &plan, &there);
                problems.extend(lost.held);
                notes.extend(lost.wanted);
            }
            Err(found) => problems.extend(found),
        }
    }
    problems.extend(references::missing(manifests.resources(), &there));
    let (refused, untried) = try_all(cluster, manifests.resources()).await?;
    problems.extend(refused);
    notes.extend(untried);
    for note in notes {
        crate::say(&format!("note: {note}"));
    }
    if !problems.is_empty() {
        problems.sort();
        return Err(Failure::problems(problems));
    }
    crate::say(&format!(
        "{} resources, {pipelines} of them pipelines: nothing wrong, and the cluster would take them",
        manifests.count()
    ));
    Ok(())
}

/// What is in the namespaces of the manifests.
async fn ask(cluster: &Cluster, manifests: &Manifests) -> Result<There, Failure> {
    let mut there = There::default();
    let all = ListParams::default();
    for namespace in namespaces(manifests.resources()) {
        let failed = |error| cluster.failure("listing what is in the cluster", error);
        let sinks: Api<Sink> = Api::namespaced(cluster.client.clone(), &namespace);
        there
            .sinks
            .extend(sinks.list(&all).await.map_err(failed)?.items);
        let pipelines: Api<Pipeline> = Api::namespaced(cluster.client.clone(), &namespace);
        there
            .pipelines
            .extend(pipelines.list(&all).await.map_err(failed)?.items);
        match states(cluster, &namespace).await {
            Ok(states) => there.states.extend(states),
            Err(kube::Error::Api(status)) if status.code == 403 => there.unknown.push(format!(
                "whether what runs keeps its state is not checked: {}",
                status.message
            )),
            Err(error) => return Err(failed(error)),
        }
    }
    for (namespace, name) in references::secrets_named(manifests.resources()) {
        let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &namespace);
        match secrets.get_metadata_opt(&name).await {
            Ok(Some(_)) => {}
            Ok(None) => drop(there.no_secrets.insert((namespace, name))),
            Err(kube::Error::Api(status)) if status.code == 403 => {
                there.unknown.push(format!(
                    "the Secret `{name}` is not looked for: {}",
                    status.message
                ));
            }
            Err(error) => return Err(cluster.failure("looking for a Secret", error)),
        }
    }
    Ok(there)
}

fn namespaces(resources: &[Resource]) -> BTreeSet<String> {
    let of = |resource: &Resource| references::key(resource).map(|(namespace, _)| namespace);
    resources.iter().filter_map(of).collect()
}

/// What the state of the Pipelines that run depends on.
async fn states(cluster: &Cluster, namespace: &str) -> Result<BTreeMap<Key, States>, kube::Error> {
    let api: Api<Deployment> = Api::namespaced(cluster.client.clone(), namespace);
    let made = api
        .list_metadata(&ListParams::default().labels(names::MANAGED))
        .await?;
    let state = |it: &kube::core::PartialObjectMeta<Deployment>| {
        let pipeline = it.labels().get(names::INSTANCE)?.clone();
        let text = it.annotations().get(compat::ANNOTATION)?;
        Some((
            (namespace.to_owned(), pipeline),
            serde_json::from_str(text).ok()?,
        ))
    };
    Ok(made.items.iter().filter_map(state).collect())
}

/// Has the API server say of each resource what it would say if it were applied; and what could not be tried.
async fn try_all(
    cluster: &Cluster,
    resources: &[Resource],
) -> Result<(Vec<Problem>, Vec<String>), Failure> {
    let made_first: BTreeSet<&str> = resources
        .iter()
        .filter(|it| it.kind_name() == "Namespace")
        .map(Resource::name)
        .collect();
    let (mut refused, mut untried) = (Vec::new(), Vec::new());
    for resource in resources {
        match try_one(cluster, resource).await {
            Ok(()) => {}
            Err(kube::Error::Api(status)) if is_about_namespace(&status) => {
                let namespace = status.details.map(|it| it.name).unwrap_or_default();
                if made_first.contains(namespace.as_str()) {
                    untried.push(format!(
                        "{} {} is not tried: the namespace {namespace} has to be made first",
                        resource.kind_name(),
                        resource.name()
                    ));
                } else {
                    refused.push(no_namespace(resource, &namespace));
                }
            }
            Err(kube::Error::Api(status)) => refused.extend(refusals(resource, &status)),
            Err(kube::Error::Discovery(_)) => refused.push(unknown_kind(resource)),
            Err(error) => return Err(cluster.failure("trying a manifest", error)),
        }
    }
    Ok((refused, untried))
}

/// Applies a resource server-side without keeping it.
async fn try_one(cluster: &Cluster, resource: &Resource) -> Result<(), kube::Error> {
    let (kind, body) = match &resource.kind {
        ResourceKind::Pipeline(it) => (
            ApiResource::erase::<Pipeline>(&()),
            serde_json::to_value(it),
        ),
        ResourceKind::AlertRule(it) => (
            ApiResource::erase::<AlertRule>(&()),
            serde_json::to_value(it),
        ),
        ResourceKind::Sink(it) => (ApiResource::erase::<Sink>(&()), serde_json::to_value(it)),
        ResourceKind::Other(value) => return try_other(cluster, resource, value).await,
    };
    let body = body.map_err(kube::Error::SerdeError)?;
    let namespace = references::key(resource).map(|(namespace, _)| namespace);
    let namespace = namespace.as_deref().unwrap_or(&cluster.namespace);
    try_in(
        Api::namespaced_with(cluster.client.clone(), namespace, &kind),
        resource.name(),
        &body,
    )
    .await
}

async fn try_other(
    cluster: &Cluster,
    resource: &Resource,
    value: &Value,
) -> Result<(), kube::Error> {
    let version = value
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = GroupVersionKind::gvk(group, version, resource.kind_name());
    let found = pinned_kind(&cluster.client, &kind).await;
    let (kind, capabilities) = found.map_err(|error| match error {
        kube::Error::Api(status) if status.code == 404 => {
            kube::Error::Discovery(DiscoveryError::MissingApiGroup(kind.api_version()))
        }
        other => other,
    })?;
    let client = cluster.client.clone();
    let namespace = resource.namespace().unwrap_or(&cluster.namespace);
    let api = match capabilities.scope {
        Scope::Cluster => Api::all_with(client, &kind),
        Scope::Namespaced => Api::namespaced_with(client, namespace, &kind),
    };
    try_in(api, resource.name(), value).await
}

async fn try_in(api: Api<DynamicObject>, name: &str, body: &Value) -> Result<(), kube::Error> {
    let params = PatchParams::apply(MANAGER).force().dry_run();
    api.patch(name, &params, &Patch::Apply(body))
        .await
        .map(drop)
}

fn is_about_namespace(status: &Status) -> bool {
    let details = status.details.as_ref();
    status.code == 404 && details.is_some_and(|it| it.kind == "namespaces")
}

fn no_namespace(resource: &Resource, namespace: &str) -> Problem {
    let path = FieldPath::parse("metadata.namespace");
    resource
        .problem(
            &path,
            format!("there is no namespace `{namespace}` in the cluster"),
        )
        .hint(format!(
            "make it first: kubectl create namespace {namespace}"
        ))
}

fn unknown_kind(resource: &Resource) -> Problem {
    let version = match &resource.kind {
        ResourceKind::Other(value) => value.get("apiVersion").and_then(Value::as_str),
        _ => None,
    };
    let version = version.unwrap_or(tidemill_crds::API_VERSION);
    let message = format!("the cluster knows no {} of {version}", resource.kind_name());
    let path = FieldPath::root().field("kind");
    resource
        .problem(&path, message)
        .hint("is it written so, and is its definition installed?")
}

/// What the API server has to object, field by field where it says so.
fn refusals(resource: &Resource, status: &Status) -> Vec<Problem> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let causes = causes.filter(|cause| !cause.field.is_empty());
    let placed: Vec<Problem> = causes
        .map(|cause| {
            let message = format!("the cluster refuses it: {}", cause.message);
            resource.problem(&FieldPath::parse(&cause.field), message)
        })
        .collect();
    if placed.is_empty() {
        let message = format!("the cluster refuses it: {}", status.message);
        return vec![resource.problem(&FieldPath::root(), message)];
    }
    placed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use tidemill_plan::manifest::load;

    use super::*;

    #[test]
    fn what_the_api_server_refuses_is_said_at_the_field() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n";
        let resources = load("a.yaml", text).resources;
        let status = |details: &str| -> Status {
            serde_json::from_str(&format!(
                r#"{{"code": 422, "message": "all of it", "details": {details}}}"#
            ))
            .unwrap()
        };
        let said = |details: &str| -> Vec<String> {
            let found = refusals(&resources[0], &status(details));
            found.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            said(
                r#"{"causes": [{"field": "data.k", "message": "too long"}, {"field": "metadata.name", "message": "bad"}]}"#
            ),
            [
                "a.yaml:6:6: data.k: the cluster refuses it: too long",
                "a.yaml:4:9: metadata.name: the cluster refuses it: bad"
            ]
        );
        assert_eq!(
            said("{}"),
            ["a.yaml:1:1: the cluster refuses it: all of it"]
        );
    }
}
