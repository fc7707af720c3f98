//! What is done about a Pipeline: find what it names, check it, build it, apply it, say how it is.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::Action;
use kube::runtime::reflector::Store;
use kube::{Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidemill_crds::{Pipeline, PipelineStatus, reasons};
use tracing::Instrument as _;

use super::build::{Resources, build};
use super::cleanup;
use super::decide::decide;
use super::dereference::dereference;
use super::nudge::{self, Before};
use super::observation::Observation;
use super::poll;
use super::resize::resize;
use super::scale::{Decision, Workers};
use super::status::{self, Change, Facts, status};
use super::validate::{Found, Valid};
use crate::apply::{ApplyError, apply};
use crate::condition::stamp;
use crate::controller::{AT_LEAST, Context, StatusError, now, reference};
use crate::events::News;
use crate::kafka::Seen;
use crate::malformed;
use crate::world::{Guarded, find, key};

/// Figures that move all the time are written no more often than this.
const FIGURES: Duration = Duration::from_secs(30);
/// How often the number of workers is decided on.
const SCALING: Duration = Duration::from_secs(10);

/// What may go wrong; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object cannot be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The status cannot be written.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The pods cannot be listed.
    #[error("listing the workers' pods: {0}")]
    Pods(Box<kube::Error>),
    /// The finalizer, or what it is for.
    #[error("cleaning up: {0}")]
    Cleanup(Box<kube::Error>),
}

/// Looks at a Pipeline.
///
/// # Errors
/// What is tried again.
pub async fn reconcile(
    object: Arc<Guarded<Pipeline>>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let (namespace, name) = key(&*object);
    let span = tracing::info_span!("reconcile", kind = "Pipeline", namespace, name);
    look_at(&object, &context).instrument(span).await
}

async fn look_at(object: &Guarded<Pipeline>, context: &Context) -> Result<Action, Error> {
    let failed = |error| Error::Cleanup(Box::new(error));
    if object.meta().deletion_timestamp.is_some() {
        return cleanup::clean_up(context, object).await.map_err(failed);
    }
    match &object.0 {
        Err(error) => say_malformed(object, &error.error, context).await,
        Ok(pipeline) => {
            let held = cleanup::is_wanted(pipeline);
            cleanup::hold(context, object, held).await.map_err(failed)?;
            let mut pipeline = pipeline.clone();
            pipeline.status = context.pipelines.latest(object, pipeline.status.as_ref());
            run(object, pipeline, context).await
        }
    }
}

/// Dereference, validate, build, apply, status.
async fn run(
    object: &Guarded<Pipeline>,
    pipeline: Pipeline,
    context: &Context,
) -> Result<Action, Error> {
    let found = dereference(&context.world, pipeline);
    let checked = context.checked.check(&found);
    let workers = Workers::of(&found.pipeline.spec);
    let mut seen = Observation::of(context, &found);
    let decision = decide(&workers, checked.reads(), &found.pipeline, &seen);
    let valid = checked.outcome.as_ref().ok();
    let new = valid.filter(|_| may_apply(&found, &seen.kafka));
    let applied = bring_about(context, new, decision.replicas, &seen).await;
    if seen.pods.is_empty() && is_to_become_suspended(&workers, &found.pipeline) {
        let of = key(&found.pipeline);
        seen.pods = poll::pods_now(&context.world.client, &of)
            .await
            .map_err(|error| Error::Pods(Box::new(error)))?;
    }
    // Where nothing could be applied, what runs is as it was.
    let deployment = applied
        .as_ref()
        .ok()
        .and_then(Option::as_ref)
        .or(seen.deployment.as_deref());
    let is_auto = deployment.is_some() && matches!(workers, Workers::Auto(_));
    if let (true, Ok(Some(applied))) = (is_auto, &applied) {
        tell_of_scaling(
            object,
            context,
            &decision,
            seen.deployment.as_deref(),
            applied,
        )
        .await;
    }
    let trouble = applied.as_ref().err().map(ToString::to_string);
    let facts = Facts {
        pipeline: &found.pipeline,
        checked: checked.outcome.as_ref(),
        missing: &found.missing,
        trouble: trouble.as_deref(),
        deployment,
        decision: is_auto.then_some(&decision),
        pods: &seen.pods,
        figures: &seen.figures,
        kafka: &seen.kafka,
    };
    let next = status(&facts, &now());
    let again = say(object, found.pipeline.status.as_ref(), &next, context).await?;
    applied?;
    Ok(Action::requeue(if is_auto {
        again.min(SCALING)
    } else {
        again
    }))
}

/// Whether `Suspended` is to be said for the first time: people take it for leave to touch what the workers wrote to.
fn is_to_become_suspended(workers: &Workers, pipeline: &Pipeline) -> bool {
    let conditions = pipeline.status.iter().flat_map(|status| &status.conditions);
    let mut said = conditions.filter(|condition| condition.type_ == reasons::condition::READY);
    *workers == Workers::Suspended && !said.any(|condition| condition.reason == reasons::SUSPENDED)
}

/// Workers that come or go without anybody having said so are news.
async fn tell_of_scaling(
    object: &Guarded<Pipeline>,
    context: &Context,
    decision: &Decision,
    before: Option<&Deployment>,
    now: &Deployment,
) {
    let replicas =
        |deployment: &Deployment| deployment.spec.as_ref().and_then(|spec| spec.replicas);
    if before.is_some_and(|before| replicas(before) != replicas(now)) {
        let reason = reasons::SCALED.to_owned();
        let news = News {
            is_warning: false,
            reason,
            note: decision.message.clone(),
        };
        context.events.publish(&reference(object), news).await;
    }
}

/// Whether all that is named is there and of use. New credentials are tried before workers are started with them.
fn may_apply(found: &Found, kafka: &Seen) -> bool {
    let tried = found.secret.is_none() || !matches!(kafka, Seen::Unknown | Seen::BadSecret(_));
    found.missing.is_empty() && tried
}

/// Applies what is new with so many workers; without it, what runs goes on with so many. The workers, if there are any.
async fn bring_about(
    context: &Context,
    new: Option<&Valid>,
    replicas: u32,
    seen: &Observation,
) -> Result<Option<Deployment>, ApplyError> {
    let there = seen.deployment.as_deref();
    let applied = match (new, there) {
        (Some(valid), _) => {
            let resources = build(valid, replicas, &context.defaults, there);
            apply_all(context, resources, seen).await?
        }
        (None, Some(there)) => resize(&context.world.client, there, replicas).await?,
        (None, None) => return Ok(None),
    };
    Ok(Some(applied))
}

/// Applies all, the Deployment last; it is what the status is about.
async fn apply_all(
    context: &Context,
    resources: Resources,
    seen: &Observation,
) -> Result<Deployment, ApplyError> {
    let (client, made) = (&context.world.client, &context.world.made);
    let config = find(&made.configs, &key(&resources.config));
    let there = seen.deployment.as_deref();
    let before = Before {
        config: config.as_deref(),
        deployment: there,
    };
    let patch = nudge::needed(before, &resources);
    let namespace = resources.config.namespace().unwrap_or_default();
    bring(client, &made.accounts, resources.account).await?;
    bring(client, &made.configs, resources.config).await?;
    bring(client, &made.services, resources.service).await?;
    bring(client, &made.budgets, resources.budget).await?;
    bring(client, &made.policies, resources.policy).await?;
    let applied = apply(client, resources.deployment, there).await?;
    if let Some(patch) = patch {
        nudge::nudge(client, &namespace, &seen.pods, patch).await;
    }
    Ok(applied)
}

/// Applies an object beside its copy, if there is one.
async fn bring<K>(client: &Client, there: &Store<K>, desired: K) -> Result<K, ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + 'static,
{
    let there = find(there, &key(&desired));
    apply(client, desired, there.as_deref()).await
}

/// Writes the status if it differs; when to look again.
async fn say(
    object: &Guarded<Pipeline>,
    previous: Option<&PipelineStatus>,
    next: &PipelineStatus,
    context: &Context,
) -> Result<Duration, StatusError> {
    let wait = context
        .pipelines
        .age(object)
        .and_then(|age| FIGURES.checked_sub(age));
    match (status::change(previous, next), wait) {
        (Change::None, _) => return Ok(AT_LEAST),
        (Change::Figures, Some(wait)) => return Ok(wait.max(Duration::from_secs(1))),
        _ => {}
    }
    let before = previous.map_or(&[][..], |previous| &previous.conditions);
    context
        .write_status(object, &context.pipelines, next, (before, &next.conditions))
        .await?;
    Ok(AT_LEAST)
}

async fn say_malformed(
    object: &Guarded<Pipeline>,
    error: &str,
    context: &Context,
) -> Result<Action, Error> {
    let generation = object.meta().generation;
    // The status that is there cannot be read either.
    let previous = context.pipelines.last(object).unwrap_or_default();
    let next = PipelineStatus {
        observed_generation: generation,
        conditions: stamp(
            malformed::verdicts(&context.world.client, object, error).await,
            &previous.conditions,
            generation,
            &now(),
        ),
        ..PipelineStatus::default()
    };
    if next != previous {
        let conditions = (&previous.conditions[..], &next.conditions[..]);
        context
            .write_status(object, &context.pipelines, &next, conditions)
            .await?;
    }
    Ok(Action::requeue(AT_LEAST))
}
