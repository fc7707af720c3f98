//! What a deleted Pipeline leaves behind: its workers, then its internal topics and its offsets. If Kafka is gone for
//! good, the Pipeline goes all the same, and says what stays.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Api, Resource as _, ResourceExt as _};
use serde_json::json;
use tidemill_crds::pipeline::DeletionPolicy;
use tidemill_crds::{Pipeline, reasons};
use tidemill_worker::log::{Admin as _, LogError};

use super::dereference::dereference;
use super::poll;
use crate::controller::{Context, reference};
use crate::events::News;
use crate::kafka::Seen;
use crate::kafka::clusters::{Access, Key, on_admin, properties};
use crate::names;
use crate::world::{Guarded, World, find, key};

/// So long after its deletion a Pipeline waits for Kafka.
const PATIENCE: Duration = Duration::from_secs(120);
/// How soon workers that stop, or a Kafka that does not answer, are looked at again.
const AGAIN: Duration = Duration::from_secs(3);

/// Whether a Pipeline is to be kept until it is cleaned up.
#[must_use]
pub fn is_wanted(pipeline: &Pipeline) -> bool {
    pipeline.spec.deletion_policy == DeletionPolicy::DeleteInternal && pipeline.spec.kafka.is_some()
}

/// Puts the finalizer on, or takes it off.
///
/// # Errors
/// The API server's.
pub async fn hold(
    context: &Context,
    object: &Guarded<Pipeline>,
    held: bool,
) -> Result<(), kube::Error> {
    let there = object
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == names::FINALIZER);
    if there == held {
        return Ok(());
    }
    let others = object
        .finalizers()
        .iter()
        .filter(|finalizer| *finalizer != names::FINALIZER);
    let mut finalizers: Vec<&str> = others.map(String::as_str).collect();
    if held {
        finalizers.push(names::FINALIZER);
    }
    // With the version, nobody else's finalizer is lost.
    let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": object.resource_version()}});
    let (namespace, name) = key(object);
    let api: Api<Guarded<Pipeline>> = Api::namespaced(context.world.client.clone(), &namespace);
    let params = PatchParams {
        field_manager: Some(names::MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match api.patch(&name, &params, &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        // It is gone; or it has changed, and is looked at again for that.
        Err(kube::Error::Api(refusal)) if [404, 409].contains(&refusal.code) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Cleans up after a Pipeline that is being deleted.
///
/// # Errors
/// The API server's.
pub async fn clean_up(
    context: &Context,
    object: &Guarded<Pipeline>,
) -> Result<Action, kube::Error> {
    if !object
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == names::FINALIZER)
    {
        return Ok(Action::await_change());
    }
    let of = key(object);
    if stop_workers(context, &of).await? {
        return Ok(Action::requeue(AGAIN));
    }
    let group = format!("{}.{}", of.0, of.1);
    let outcome = match &object.0 {
        Ok(pipeline) if is_wanted(pipeline) => {
            delete_internal(&context.world, pipeline, &group).await
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("the Pipeline cannot be read: {error}")),
    };
    match outcome {
        Ok(()) => {
            tracing::info!(group, "internal topics and offsets are deleted");
            let note = format!(
                "the internal topics {group}.* and the offsets of group {group} are deleted"
            );
            let news = News {
                is_warning: false,
                reason: reasons::CLEANED_UP.to_owned(),
                note,
            };
            context.events.publish(&reference(object), news).await;
        }
        Err(why) if object.0.is_ok() && waited(object) < PATIENCE => {
            tracing::warn!(group, why, "internal topics cannot be deleted yet");
            return Ok(Action::requeue(AGAIN));
        }
        Err(why) => {
            let note = format!(
                "internal topics that begin with {group}. and the group {group} may be left in Kafka, delete them by hand: {why}"
            );
            let news = News {
                is_warning: true,
                reason: reasons::LEFT_BEHIND.to_owned(),
                note,
            };
            context.events.publish(&reference(object), news).await;
        }
    }
    hold(context, object, false).await?;
    Ok(Action::await_change())
}

fn waited(object: &Guarded<Pipeline>) -> Duration {
    let deleted = object.meta().deletion_timestamp.as_ref();
    let since = deleted.map(|at| {
        crate::controller::now()
            .0
            .as_second()
            .saturating_sub(at.0.as_second())
    });
    Duration::from_secs(
        since
            .and_then(|s| u64::try_from(s).ok())
            .unwrap_or_default(),
    )
}

/// Deletes the workers; whether there still are some.
async fn stop_workers(context: &Context, (namespace, name): &Key) -> Result<bool, kube::Error> {
    let at = (namespace.clone(), names::worker(name));
    if let Some(deployment) = find(&context.world.made.deployments, &at) {
        let api: Api<Deployment> = Api::namespaced(context.world.client.clone(), namespace);
        if deployment.metadata.deletion_timestamp.is_none() {
            match api.delete(&at.1, &DeleteParams::background()).await {
                Ok(_) => {}
                Err(kube::Error::Api(refusal)) if refusal.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        return Ok(true);
    }
    Ok(!poll::pods(&context.world, &(namespace.clone(), name.clone())).is_empty())
}

async fn delete_internal(world: &World, pipeline: &Pipeline, group: &str) -> Result<(), String> {
    let Some(kafka) = &pipeline.spec.kafka else {
        return Ok(());
    };
    let found = dereference(world, pipeline.clone());
    if kafka.auth.is_some() && found.secret.is_none() {
        return Err(found
            .missing
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "));
    }
    let namespace = pipeline.namespace().unwrap_or_default();
    let access = Access::new(kafka, &namespace, found.secret);
    let properties = properties(&world.client, &access)
        .await
        .map_err(|seen| match seen {
            Seen::BadSecret(why) | Seen::Refused(why) | Seen::Unreachable(why) => why,
            Seen::Unknown | Seen::Topics(_) => String::new(),
        })?;
    let (group, kept) = (group.to_owned(), topics_of_others(world));
    let done = on_admin(access.bootstrap_servers, properties, move |admin| {
        let topics = admin.list()?.into_iter().map(|(topic, _)| topic);
        let internal: Vec<String> = topics
            .filter(|topic| is_internal(topic, &group) && !kept.contains(topic))
            .collect();
        admin.delete_topics(&internal)?;
        admin.delete_group(&group)
    });
    done.await.map_err(|error: LogError| error.to_string())
}

/// Whether workers have made a topic for themselves.
fn is_internal(topic: &str, group: &str) -> bool {
    let rest = topic
        .strip_prefix(group)
        .and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| {
        rest == "dead-letter"
            || rest.rsplit_once('.').is_some_and(|(stream, kind)| {
                !stream.contains('.') && ["shuffle", "changelog", "generator"].contains(&kind)
            })
    })
}

/// Topics that manifests name are never deleted, whatever they are called.
fn topics_of_others(world: &World) -> BTreeSet<String> {
    let pipelines = world.pipelines.state();
    let read = pipelines
        .iter()
        .filter_map(|pipeline| pipeline.0.as_ref().ok())
        .flat_map(|pipeline| {
            pipeline
                .spec
                .sources
                .iter()
                .filter_map(|source| Some(source.kafka.as_ref()?.topic.clone()))
        });
    let sinks = world.sinks.state();
    let written = sinks
        .iter()
        .filter_map(|sink| Some(sink.0.as_ref().ok()?.spec.kafka.as_ref()?.topic.clone()));
    read.chain(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_topics_that_workers_make_for_themselves_are_internal() {
        for topic in [
            "spend.shuffle",
            "spend.changelog",
            "tx.generator",
            "dead-letter",
        ] {
            assert!(
                is_internal(&format!("bank.payments.{topic}"), "bank.payments"),
                "{topic}"
            );
        }
        for topic in [
            "bank.payments",
            "bank.payments.",
            "bank.payments.results",
            "bank.payments.shuffle",
            "bank.payments2.spend.shuffle",
            "bank.payments.a.b.shuffle",
            "other.payments.spend.shuffle",
        ] {
            assert!(!is_internal(topic, "bank.payments"), "{topic}");
        }
    }
}
