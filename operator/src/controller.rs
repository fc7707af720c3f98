//! What all controllers share: objects are looked at as they change, one failing object delays no other, and what
//! failed is tried again, later each time.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::Patch;
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tidemill_crds::{AlertRuleStatus, PipelineStatus, SinkStatus};

use crate::apply::{is_about_object, merge_params, params};
use crate::backoff::Failures;
use crate::events::{Events, news};
use crate::kafka::clusters::Key;
use crate::metrics::Metrics;
use crate::pipeline::build::Defaults;
use crate::pipeline::memo::Memo;
use crate::said::Said;
use crate::world::{Guarded, Queue, World, key};

/// How many objects of a kind are looked at at once.
const AT_ONCE: u16 = 16;
/// Changes that come together are looked at together.
const TOGETHER: Duration = Duration::from_millis(200);
/// An object is looked at so often even if nothing happens, should a change have been missed.
pub const AT_LEAST: Duration = Duration::from_secs(300);

/// What controllers work with.
pub struct Context {
    /// What is known of the cluster.
    pub world: Arc<World>,
    /// What is the same for all Pipelines.
    pub defaults: Defaults,
    /// News for people.
    pub events: Events,
    /// Figures for Prometheus.
    pub metrics: Arc<Metrics>,
    /// What came of checking each Pipeline.
    pub checked: Memo,
    /// The statuses of Pipelines as they were last written.
    pub pipelines: Said<PipelineStatus>,
    /// The statuses of Sinks.
    pub sinks: Said<SinkStatus>,
    /// The statuses of AlertRules.
    pub rules: Said<AlertRuleStatus>,
}

/// Runs a controller until the queue ends.
pub async fn run<K, F, E>(
    kind: &'static str,
    context: Arc<Context>,
    store: Store<Guarded<K>>,
    queue: Queue<K>,
    reconcile: fn(Arc<Guarded<K>>, Arc<Context>) -> F,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    F: Future<Output = Result<Action, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let failures: Arc<Failures<Key>> = Arc::default();
    let (of, metrics) = (Arc::clone(&failures), Arc::clone(&context.metrics));
    let timed = move |object: Arc<Guarded<K>>, context: Arc<Context>| {
        let (of, metrics, began) = (Arc::clone(&of), Arc::clone(&metrics), Instant::now());
        let key = key(&*object);
        reconcile(object, context)
            .map(move |done| {
                metrics.reconciled(kind, done.is_ok(), began.elapsed());
                if done.is_ok() {
                    of.clear(&key);
                }
                done
            })
            .boxed()
    };
    let later = move |object: Arc<Guarded<K>>, error: &E, _: Arc<Context>| {
        let (key, pause) = (key(&*object), failures.again(key(&*object)));
        tracing::warn!(kind, namespace = key.0, name = key.1, %error, ?pause, "tried again later");
        Action::requeue(pause)
    };
    let queue =
        futures::stream::unfold(queue, async |mut queue| Some((queue.recv().await?, queue)));
    let config = controller::Config::default()
        .concurrency(AT_ONCE)
        .debounce(TOGETHER);
    controller::applier(
        timed,
        later,
        context,
        store,
        queue.map(Ok::<_, Infallible>),
        config,
    )
    // Failures were logged above; objects that are gone are no failures.
    .for_each(|_| std::future::ready(()))
    .await;
}

/// Now, as conditions have it.
#[must_use]
pub fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// A status is refused by the API server.
#[derive(Debug, thiserror::Error)]
#[error("the status of {kind} {name}: {error}")]
pub struct StatusError {
    kind: String,
    name: String,
    #[source]
    error: Box<kube::Error>,
}

impl Context {
    /// Writes a status, and tells what is new in its conditions.
    ///
    /// # Errors
    /// The API server's. An object that is gone needs no status.
    pub async fn write_status<K, S>(
        &self,
        object: &Guarded<K>,
        said: &Said<S>,
        status: &S,
        (before, now): (&[Condition], &[Condition]),
    ) -> Result<(), StatusError>
    where
        S: Serialize + Clone + Sync,
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let (namespace, name) = key(object);
        let written = write::<K>(&self.world.client, object, &namespace, &name, status).await;
        match written {
            Ok(()) => self.metrics.status_written(kind_name::<K>()),
            Err(kube::Error::Api(refusal)) if refusal.code == 404 || refusal.code == 409 => {
                return Ok(());
            }
            // It is said by events alone then, and not again: it counts as written.
            Err(error) if takes_no_status(object, &error) => {
                tracing::warn!(%error, "the object takes no status");
            }
            Err(error) => {
                return Err(StatusError {
                    kind: K::kind(&()).into_owned(),
                    name,
                    error: Box::new(error),
                });
            }
        }
        said.note(object, status.clone());
        let about = reference(object);
        for news in news(before, now) {
            self.events.publish(&about, news).await;
        }
        Ok(())
    }
}

/// Whether an object is so malformed that the API server refuses any status for it.
fn takes_no_status<K>(object: &Guarded<K>, error: &kube::Error) -> bool {
    let kube::Error::Api(refusal) = error else {
        return false;
    };
    object.0.is_err() && is_about_object(refusal)
}

async fn write<K>(
    client: &Client,
    object: &Guarded<K>,
    namespace: &str,
    name: &str,
    status: &(impl Serialize + Sync),
) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<Guarded<K>> = Api::namespaced(client.clone(), namespace);
    // With the uid, one that was made anew under the same name does not get the status of the old one.
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": name, "namespace": namespace, "uid": object.uid()},
        "status": status,
    });
    // The API server applies nothing to an object whose fields are of other types than it knows; merging does not ask.
    let (params, patch) = match object.0 {
        Ok(_) => (params(), Patch::Apply(patch)),
        Err(_) => (merge_params(), Patch::Merge(patch)),
    };
    api.patch_status(name, &params, &patch).await.map(|_| ())
}

fn kind_name<K: Resource<DynamicType = ()>>() -> &'static str {
    match K::kind(&()) {
        std::borrow::Cow::Borrowed(kind) => kind,
        std::borrow::Cow::Owned(_) => "other",
    }
}

/// An object as events name it.
#[must_use]
pub fn reference<K>(object: &Guarded<K>) -> ObjectReference
where
    K: Resource<DynamicType = ()> + Clone + Debug,
{
    object.object_ref(&())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use tidemill_crds::Sink;

    use super::*;

    #[test]
    fn only_what_cannot_be_read_and_is_refused_for_it_goes_without_status() {
        let object = |spec: &str| -> Guarded<Sink> {
            let text = format!(r#"{{"metadata": {{"name": "a"}}, "spec": {spec}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let refused = |code| {
            kube::Error::Api(
                kube::core::Status::failure("no", "Invalid")
                    .with_code(code)
                    .boxed(),
            )
        };
        let (malformed, good) = (object("5"), object(r#"{"stdout": {}}"#));
        assert!(takes_no_status(&malformed, &refused(422)));
        assert!(!takes_no_status(&good, &refused(422)));
        for code in [401, 403, 429, 503] {
            assert!(!takes_no_status(&malformed, &refused(code)), "{code}");
        }
    }
}
