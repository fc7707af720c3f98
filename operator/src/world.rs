//! What is known of the cluster, or of one namespace of it: copies of all that matters, and who is told of a change.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tidemill_crds::pipeline::Source;
use tidemill_crds::{AlertRule, Pipeline, Sink};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::kafka::clusters::{Clusters, Key};
use crate::names;
use crate::pipeline::observe::Workers;
use crate::watch::keep;

/// An object that may not be readable; it is known all the same.
pub type Guarded<K> = DeserializeGuard<K>;
/// Objects to look at.
pub type Queue<K> = UnboundedReceiver<ObjectRef<Guarded<K>>>;

/// What is known of the cluster, or of one namespace of it.
pub struct World {
    /// The API server.
    pub client: Client,
    /// Pipelines.
    pub pipelines: Store<Guarded<Pipeline>>,
    /// Sinks.
    pub sinks: Store<Guarded<Sink>>,
    /// AlertRules.
    pub rules: Store<Guarded<AlertRule>>,
    /// Secrets, without what they hold.
    pub secrets: Store<PartialObjectMeta<Secret>>,
    /// Workers' pods.
    pub pods: Store<Pod>,
    /// What was made for Pipelines.
    pub made: Made,
    /// The Kafka clusters that Pipelines name.
    pub clusters: Clusters,
    /// What the workers of each Pipeline say.
    pub workers: Mutex<HashMap<Key, Workers>>,
    tell: Tell,
}

/// What was made for Pipelines.
pub struct Made {
    /// Workers' manifests.
    pub configs: Store<ConfigMap>,
    /// Workers' identities.
    pub accounts: Store<ServiceAccount>,
    /// Workers.
    pub deployments: Store<Deployment>,
    /// Workers' metrics.
    pub services: Store<Service>,
    /// What limits drains.
    pub budgets: Store<PodDisruptionBudget>,
    /// What limits access.
    pub policies: Store<NetworkPolicy>,
}

/// The objects that are to be looked at.
pub struct Queues {
    /// Pipelines.
    pub pipelines: Queue<Pipeline>,
    /// Sinks.
    pub sinks: Queue<Sink>,
    /// AlertRules.
    pub rules: Queue<AlertRule>,
}

/// Where to say that objects are to be looked at.
#[derive(Clone)]
struct Tell {
    pipelines: UnboundedSender<ObjectRef<Guarded<Pipeline>>>,
    sinks: UnboundedSender<ObjectRef<Guarded<Sink>>>,
    rules: UnboundedSender<ObjectRef<Guarded<AlertRule>>>,
}

impl Tell {
    fn pipeline(&self, (namespace, name): &Key) {
        // Nobody listens only when all ends.
        let _ = self.pipelines.send(ObjectRef::new(name).within(namespace));
    }

    fn rules_of(&self, rules: &Store<Guarded<AlertRule>>, pipeline: &Key) {
        for rule in rules.state_filter(|rule| watches(rule, pipeline)) {
            let _ = self.rules.send(ObjectRef::from_obj(&*rule));
        }
    }
}

impl World {
    /// Begins to watch all namespaces, or one. The work goes on in `tasks`.
    pub fn watch(
        client: Client,
        namespace: Option<&str>,
        tasks: &mut JoinSet<()>,
    ) -> (Arc<Self>, Queues) {
        let ((to_pipelines, pipelines), (to_sinks, sinks), (to_rules, rules)) = (
            unbounded_channel(),
            unbounded_channel(),
            unbounded_channel(),
        );
        let queues = Queues {
            pipelines,
            sinks,
            rules,
        };
        let tell = Tell {
            pipelines: to_pipelines,
            sinks: to_sinks,
            rules: to_rules,
        };
        let mut from = From {
            client: client.clone(),
            namespace,
            tasks,
        };

        let to = tell.clone();
        let rules = from.manifests::<AlertRule>(move |rule| {
            let _ = to.rules.send(ObjectRef::from_obj(rule));
            if let Ok(rule) = &rule.0 {
                let namespace = rule.namespace().unwrap_or_default();
                to.pipeline(&(namespace, rule.spec.pipeline_ref.name.clone()));
            }
        });
        let (to, of) = (tell.clone(), rules.clone());
        let pipelines = from.manifests::<Pipeline>(move |pipeline| {
            let key = key(pipeline);
            to.pipeline(&key);
            to.rules_of(&of, &key);
        });
        let (to, of) = (tell.clone(), pipelines.clone());
        let sinks = from.manifests::<Sink>(move |sink| {
            let _ = to.sinks.send(ObjectRef::from_obj(sink));
            let (namespace, name) = key(sink);
            let names = |pipeline: &Pipeline| {
                pipeline
                    .spec
                    .outputs
                    .iter()
                    .any(|output| output.sink == name)
            };
            those(&of, &namespace, names)
                .iter()
                .for_each(|key| to.pipeline(key));
        });
        let (to, of, at) = (tell.clone(), pipelines.clone(), sinks.clone());
        let secrets = from.secrets(move |secret| {
            let (namespace, name) = key(secret);
            let its_sinks: Vec<String> = at
                .state_filter(|sink| {
                    let named = sink.0.as_ref().ok().and_then(|it| it.spec.mounted_secret());
                    sink.namespace().as_deref() == Some(&namespace)
                        && named.is_some_and(|(_, secret)| secret.name == name)
                })
                .iter()
                .map(|sink| sink.name_any())
                .collect();
            let names = |pipeline: &Pipeline| {
                let spec = &pipeline.spec;
                let of_source =
                    |source: &Source| source.registry_secret().is_some_and(|it| it.name == name);
                secret_of(pipeline) == Some(&name)
                    || spec.sources.iter().any(of_source)
                    || spec
                        .outputs
                        .iter()
                        .any(|output| its_sinks.contains(&output.sink))
            };
            those(&of, &namespace, names)
                .iter()
                .for_each(|key| to.pipeline(key));
            for sink in at.state_filter(|sink| sink.namespace().as_deref() == Some(&namespace)) {
                let _ = to.sinks.send(ObjectRef::from_obj(&*sink));
            }
        });
        let made = Made {
            configs: from.made(&tell),
            accounts: from.made(&tell),
            deployments: from.made(&tell),
            services: from.made(&tell),
            budgets: from.made(&tell),
            policies: from.made(&tell),
        };
        let pods = from.pods(&tell);
        let to = tell.clone();
        let clusters = Clusters::new(client.clone(), move |key| to.pipeline(key));
        let world = Self {
            client,
            pipelines,
            sinks,
            rules,
            secrets,
            pods,
            made,
            clusters,
            workers: Mutex::default(),
            tell,
        };
        (Arc::new(world), queues)
    }

    /// Returns when all copies are complete.
    pub async fn ready(&self) {
        let Made {
            configs,
            accounts,
            deployments,
            services,
            budgets,
            policies,
        } = &self.made;
        let _ = tokio::join!(
            self.pipelines.wait_until_ready(),
            self.sinks.wait_until_ready(),
            self.rules.wait_until_ready(),
            self.secrets.wait_until_ready(),
            self.pods.wait_until_ready(),
            configs.wait_until_ready(),
            accounts.wait_until_ready(),
            deployments.wait_until_ready(),
            services.wait_until_ready(),
            budgets.wait_until_ready(),
            policies.wait_until_ready(),
        );
    }

    /// A Pipeline is to be looked at.
    pub fn look_at(&self, pipeline: &Key) {
        self.tell.pipeline(pipeline);
    }

    /// The rules that watch a Pipeline are to be looked at.
    pub fn look_at_rules(&self, pipeline: &Key) {
        self.tell.rules_of(&self.rules, pipeline);
    }

    /// Does something with what the workers of a Pipeline say.
    pub fn workers<T>(&self, pipeline: &Key, with: impl FnOnce(&mut Workers) -> T) -> T {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        with(workers.entry(pipeline.clone()).or_default())
    }
}

/// The Secret with a Pipeline's credentials for Kafka.
#[must_use]
pub fn secret_of(pipeline: &Pipeline) -> Option<&String> {
    let auth = pipeline.spec.kafka.as_ref()?.auth.as_ref()?;
    Some(&auth.secret_ref.name)
}

/// Namespace and name.
#[must_use]
pub fn key(object: &impl kube::ResourceExt) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// The readable Pipelines of a namespace for which something is true.
fn those(
    pipelines: &Store<Guarded<Pipeline>>,
    namespace: &str,
    is: impl Fn(&Pipeline) -> bool,
) -> Vec<Key> {
    let found = pipelines.state_filter(|pipeline| {
        pipeline.namespace().as_deref() == Some(namespace) && pipeline.0.as_ref().is_ok_and(&is)
    });
    found.iter().map(|pipeline| key(&**pipeline)).collect()
}

/// Whether a rule is about a Pipeline.
#[must_use]
pub fn watches(rule: &Guarded<AlertRule>, (namespace, name): &Key) -> bool {
    rule.namespace().as_ref() == Some(namespace)
        && rule
            .0
            .as_ref()
            .is_ok_and(|rule| rule.spec.pipeline_ref.name == *name)
}

/// Where copies are made from.
struct From<'a> {
    client: Client,
    namespace: Option<&'a str>,
    tasks: &'a mut JoinSet<()>,
}

impl From<'_> {
    fn api<K: Resource<Scope = kube::core::NamespaceResourceScope>>(&self) -> Api<K>
    where
        K::DynamicType: Default,
    {
        match self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    fn manifests<K>(&mut self, touched: impl Fn(&Guarded<K>) + Send + 'static) -> Store<Guarded<K>>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let events = watcher(self.api::<Guarded<K>>(), watcher::Config::default());
        let (store, work) = keep(events, |_| (), touched);
        self.tasks.spawn(work);
        store
    }

    /// Which Secrets there are, and of which version: no more.
    fn secrets(
        &mut self,
        touched: impl Fn(&PartialObjectMeta<Secret>) + Send + 'static,
    ) -> Store<PartialObjectMeta<Secret>> {
        // Those of Helm are many, and none of them is for Kafka.
        let config = watcher::Config::default().fields("type!=helm.sh/release.v1");
        let prune = |secret: &mut PartialObjectMeta<Secret>| {
            secret.metadata.annotations = None;
            secret.metadata.labels = None;
            secret.metadata.owner_references = None;
        };
        let (store, work) = keep(
            watcher(self.api::<PartialObjectMeta<Secret>>(), config),
            prune,
            touched,
        );
        self.tasks.spawn(work);
        store
    }

    /// What was made here; a change by somebody else is put right.
    fn made<K>(&mut self, tell: &Tell) -> Store<K>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
        K::DynamicType: Default + Eq + Hash + Clone + Send + Sync,
    {
        let tell = tell.clone();
        let config = watcher::Config::default().labels(names::MANAGED);
        let (store, work) = keep(
            watcher(self.api::<K>(), config),
            |_| (),
            move |made| tell_owner(&tell, made),
        );
        self.tasks.spawn(work);
        store
    }

    /// Of pods only how they are is kept.
    fn pods(&mut self, tell: &Tell) -> Store<Pod> {
        let tell = tell.clone();
        let config = watcher::Config::default().labels(names::MANAGED);
        let prune = |pod: &mut Pod| {
            pod.spec = None;
            pod.metadata.annotations = None;
        };
        let (store, work) = keep(watcher(self.api::<Pod>(), config), prune, move |pod| {
            if let Some(name) = pod.labels().get(names::INSTANCE) {
                tell.pipeline(&(pod.namespace().unwrap_or_default(), name.clone()));
            }
        });
        self.tasks.spawn(work);
        store
    }
}

fn tell_owner(tell: &Tell, made: &impl kube::ResourceExt) {
    let owner = made
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true));
    if let Some(owner) = owner.filter(|owner| owner.kind == "Pipeline") {
        tell.pipeline(&(made.namespace().unwrap_or_default(), owner.name.clone()));
    }
}

/// An object of a store.
#[must_use]
pub fn find<K>(store: &Store<K>, (namespace, name): &Key) -> Option<Arc<K>>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    store.get(&ObjectRef::new(name).within(namespace))
}
