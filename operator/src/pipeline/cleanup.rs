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
use tidemill_plan::names::deliverers_of;
use tidemill_worker::log::{Admin as _, LogError};

use super::dereference::dereference;
use super::poll;
use crate::controller::{Context, reference};
use crate::events::News;
use crate::kafka::Seen;
use crate::kafka::clusters::{Access, Key, on_admin, properties};
use crate::names;
use crate::world::{Guarded, World, find, key, secret_of};

/// So long after its deletion a Pipeline waits for Kafka.
const PATIENCE: Duration = Duration::from_secs(120);
/// So long it waits for a Secret that is not there: one is seldom made for what is deleted, and one that was made a moment
/// ago is known by then.
const FOR_SECRET: Duration = Duration::from_secs(10);
/// How soon workers that stop, or a Kafka that does not answer, are looked at again.
const AGAIN: Duration = Duration::from_secs(3);

/// Why something may be left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Obstacle {
    /// Kafka does not do it, which may pass.
    Kafka(String),
    /// The credentials are gone, as in a namespace that is deleted.
    NoSecret(String),
    /// Nobody can tell what there is to clean up.
    Unreadable(String),
}

impl Obstacle {
    /// Whether to wait longer, so long after the deletion.
    fn may_pass(&self, waited: Duration) -> bool {
        match self {
            Self::Kafka(_) => waited < PATIENCE,
            Self::NoSecret(_) => waited < FOR_SECRET,
            Self::Unreadable(_) => false,
        }
    }

    fn why(&self) -> &str {
        let (Self::Kafka(why) | Self::NoSecret(why) | Self::Unreadable(why)) = self;
        why
    }
}

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
        Err(error) => Err(Obstacle::Unreadable(format!(
            "the Pipeline cannot be read: {error}"
        ))),
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
        Err(obstacle) if obstacle.may_pass(waited(object)) => {
            let why = obstacle.why();
            tracing::warn!(group, why, "internal topics cannot be deleted yet");
            return Ok(Action::requeue(AGAIN));
        }
        Err(obstacle) => {
            let note = format!(
                "internal topics that begin with {group}. and the group {group} may be left in Kafka, delete them by hand: {}",
                obstacle.why()
            );
            // A namespace that is being deleted takes no events.
            tracing::warn!("{note}");
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

async fn delete_internal(world: &World, pipeline: &Pipeline, group: &str) -> Result<(), Obstacle> {
    let Some(kafka) = &pipeline.spec.kafka else {
        return Ok(());
    };
    let found = dereference(world, pipeline.clone());
    if let Some(secret) = secret_of(pipeline).filter(|_| found.secret.is_none()) {
        let why = format!("the Secret `{secret}` with the credentials for Kafka is gone");
        return Err(Obstacle::NoSecret(why));
    }
    let namespace = pipeline.namespace().unwrap_or_default();
    let access = Access::new(kafka, &namespace, found.secret);
    let properties = properties(&world.client, &access)
        .await
        .map_err(|seen| match seen {
            Seen::BadSecret(why) | Seen::Refused(why) | Seen::Unreachable(why) => {
                Obstacle::Kafka(why)
            }
            Seen::Unknown | Seen::Topics(_) => Obstacle::Kafka(String::new()),
        })?;
    let (group, kept) = (group.to_owned(), topics_of_others(world));
    let done = on_admin(access.bootstrap_servers, properties, move |admin| {
        let topics = admin.list()?.into_iter().map(|(topic, _)| topic);
        let internal: Vec<String> = topics
            .filter(|topic| is_internal(topic, &group) && !kept.contains(topic))
            .collect();
        // Before the topics that tell of them.
        for deliverers in internal.iter().filter_map(|topic| deliverers_of(topic)) {
            admin.delete_group(&deliverers)?;
        }
        admin.delete_topics(&internal)?;
        admin.delete_group(&group)
    });
    done.await
        .map_err(|error: LogError| Obstacle::Kafka(error.to_string()))
}

/// Whether workers have made a topic for themselves.
fn is_internal(topic: &str, group: &str) -> bool {
    let rest = topic
        .strip_prefix(group)
        .and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| {
        ["dead-letter", "shadow-alerts", "rules"].contains(&rest)
            || rest.rsplit_once('.').is_some_and(|(of, kind)| match kind {
                "shuffle" | "changelog" | "generator" => !of.contains('.'),
                // The name of a Sink may have dots in it.
                "outbox" => !of.is_empty(),
                _ => false,
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
    use tidemill_plan::names::{deliverers, outbox};

    use super::*;

    #[test]
    fn what_cannot_come_back_is_not_waited_for_as_long_as_kafka() {
        let (soon, later) = (Duration::from_secs(3), Duration::from_secs(30));
        let kafka = Obstacle::Kafka("no route".to_owned());
        assert!(kafka.may_pass(soon) && kafka.may_pass(later));
        assert!(!kafka.may_pass(Duration::from_secs(121)));
        let no_secret = Obstacle::NoSecret("gone".to_owned());
        assert!(no_secret.may_pass(soon) && !no_secret.may_pass(later));
        assert!(!Obstacle::Unreadable("x".to_owned()).may_pass(Duration::ZERO));
    }

    #[test]
    fn outboxes_go_with_the_offsets_of_those_that_post_them() {
        let topic = outbox("bank.payments", "team.hook");
        assert!(is_internal(&topic, "bank.payments"));
        let group = deliverers("bank.payments", "team.hook");
        assert_eq!(deliverers_of(&topic), Some(group));
        assert_eq!(deliverers_of("bank.payments.spend.shuffle"), None);
    }

    #[test]
    fn only_topics_that_workers_make_for_themselves_are_internal() {
        for topic in [
            "spend.shuffle",
            "spend.changelog",
            "tx.generator",
            "dead-letter",
            "shadow-alerts",
            "rules",
            "hook.outbox",
            "team.hook.outbox",
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
            "bank.payments.outbox",
            "bank.payments..outbox",
            "bank.payments2.spend.shuffle",
            "bank.payments.a.b.shuffle",
            "other.payments.spend.shuffle",
        ] {
            assert!(!is_internal(topic, "bank.payments"), "{topic}");
        }
    }
}
