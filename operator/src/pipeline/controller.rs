//! What is done about a Pipeline: find what it names, check it, build it, apply it, say how it is.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::Action;
use kube::runtime::reflector::Store;
use kube::{Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidemill_crds::pipeline::Autoscale;
use tidemill_crds::{Pipeline, PipelineStatus, reasons};
use tracing::Instrument as _;

use super::build::{Resources, build};
use super::cleanup;
use super::dereference::dereference;
use super::nudge::{self, Before};
use super::observe::{Figures, PodSeen};
use super::poll;
use super::scale::{self, Decision, Observed};
use super::status::{self, Change, Facts, is_rolling, status};
use super::validate::{Found, Refused, Valid, Workers};
use crate::apply::{ApplyError, apply};
use crate::condition::stamp;
use crate::controller::{AT_LEAST, Context, StatusError, now, reference};
use crate::events::News;
use crate::kafka::Seen;
use crate::kafka::clusters::{Access, Key};
use crate::malformed;
use crate::names;
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
    let checked = context.checked.validate(&found);
    let checked = checked.as_ref().as_ref();
    let mut seen = Observation::of(context, &found);
    let decision = checked
        .ok()
        .map(|valid| decide(valid, &found.pipeline, &seen));
    let applied = match (checked, &decision) {
        (Ok(valid), Some(decision)) if may_apply(&found, &seen.kafka) => {
            let resources = build(
                valid,
                decision.replicas,
                &context.defaults,
                seen.deployment.as_deref(),
            );
            apply_all(context, resources, &seen).await.map(Some)
        }
        _ => Ok(None),
    };
    if seen.pods.is_empty() && is_to_become_suspended(checked, &found.pipeline) {
        let of = key(&found.pipeline);
        seen.pods = poll::pods_now(&context.world.client, &of)
            .await
            .map_err(|error| Error::Pods(Box::new(error)))?;
    }
    let is_auto = checked.is_ok_and(|valid| matches!(valid.workers, Workers::Auto(_)));
    // Where nothing was applied, what runs is left as it is.
    let deployment = applied
        .as_ref()
        .ok()
        .and_then(Option::as_ref)
        .or(seen.deployment.as_deref());
    if let (true, Some(decision), Ok(Some(applied))) = (is_auto, &decision, &applied) {
        tell_of_scaling(
            object,
            context,
            decision,
            seen.deployment.as_deref(),
            applied,
        )
        .await;
    }
    let trouble = applied.as_ref().err().map(ToString::to_string);
    let facts = Facts {
        pipeline: &found.pipeline,
        checked,
        missing: &found.missing,
        trouble: trouble.as_deref(),
        deployment,
        decision: decision.as_ref().filter(|_| is_auto),
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
fn is_to_become_suspended(checked: Result<&Valid, &Refused>, pipeline: &Pipeline) -> bool {
    let is_suspended = checked.is_ok_and(|valid| valid.workers == Workers::Suspended);
    let conditions = pipeline.status.iter().flat_map(|status| &status.conditions);
    let mut said = conditions.filter(|condition| condition.type_ == reasons::condition::READY);
    is_suspended && !said.any(|condition| condition.reason == reasons::SUSPENDED)
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

/// What is seen of a Pipeline at work.
struct Observation {
    deployment: Option<Arc<Deployment>>,
    pods: Vec<PodSeen>,
    figures: Figures,
    kafka: Seen,
}

impl Observation {
    fn of(context: &Context, found: &Found) -> Self {
        let world = &context.world;
        let of = key(&found.pipeline);
        let uid = found.pipeline.metadata.uid.as_ref();
        let ours = |deployment: &Arc<Deployment>| {
            deployment
                .owner_references()
                .iter()
                .any(|owner| Some(&owner.uid) == uid)
        };
        Self {
            deployment: find(&world.made.deployments, &worker(&of)).filter(ours),
            pods: poll::pods(world, &of),
            figures: world.workers(&of, |workers| workers.figures.clone()),
            kafka: kafka(context, found, &of),
        }
    }
}

fn kafka(context: &Context, found: &Found, of: &Key) -> Seen {
    let Some(kafka) = &found.pipeline.spec.kafka else {
        return Seen::Unknown;
    };
    if kafka.auth.is_some() && found.secret.is_none() {
        return Seen::Unknown;
    }
    let access = Access::new(kafka, &of.0, found.secret.clone());
    context.world.clusters.seen(of, &access)
}

fn worker((namespace, name): &Key) -> Key {
    (namespace.clone(), names::worker(name))
}

/// How many workers there are to be.
fn decide(valid: &Valid, pipeline: &Pipeline, seen: &Observation) -> Decision {
    let partitions = most_partitions(valid, &seen.kafka);
    match &valid.workers {
        Workers::Suspended => plain(0),
        Workers::Fixed(workers) => plain(scale::fixed(*workers, partitions)),
        Workers::Auto(bounds) => by_lag(bounds, pipeline, partitions, seen),
    }
}

fn plain(replicas: u32) -> Decision {
    Decision {
        replicas,
        reason: reasons::BOUNDS,
        message: String::new(),
    }
}

fn by_lag(
    bounds: &Autoscale,
    pipeline: &Pipeline,
    partitions: Option<u32>,
    seen: &Observation,
) -> Decision {
    let scaled = pipeline
        .status
        .as_ref()
        .and_then(|status| status.autoscale.as_ref()?.last_scaled.clone());
    let spec = seen
        .deployment
        .as_ref()
        .and_then(|deployment| deployment.spec.as_ref());
    let observed = Observed {
        current: spec.and_then(|spec| u32::try_from(spec.replicas?).ok()),
        partitions,
        lag: seen.figures.lag,
        rate: seen.figures.rate,
        arriving: seen.figures.arriving,
        capacity: seen.figures.capacity,
        rolling: is_rolling(seen.deployment.as_deref()),
        since_change: scaled.map(|at| since(&at)),
    };
    scale::decide(bounds, &observed)
}

fn since(at: &Time) -> Duration {
    let seconds = now().0.as_second().saturating_sub(at.0.as_second());
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// The most workers that have a partition: same-numbered partitions of all topics go to one of them.
fn most_partitions(valid: &Valid, kafka: &Seen) -> Option<u32> {
    let counts = valid
        .reads
        .iter()
        .map(|read| read.partitions.or_else(|| kafka.partitions(&read.topic)));
    let known: Option<Vec<u32>> = counts.collect();
    known.and_then(|counts| counts.into_iter().max())
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
