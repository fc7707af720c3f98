//! Looks after the Kafka clusters that Pipelines name: each is asked for its topics from time to time, once for all
//! Pipelines on it. A cluster that does not answer holds up nobody but those that are on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use tidemill_crds::pipeline::KafkaCluster;
use tidemill_worker::log::kafka::{KafkaAdmin, KafkaConfig, credentials};
use tidemill_worker::log::{Admin as _, LogError};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::Seen;
use crate::backoff;
use crate::pipeline::validate::SecretVersion;
use crate::steady::steady;

/// How often a cluster that answers is asked.
const INTERVAL: Duration = Duration::from_secs(30);
/// How many clusters are asked at once.
const AT_ONCE: usize = 16;

/// Where a cluster is, and as whom to talk to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Access {
    /// The brokers to ask first.
    pub bootstrap_servers: String,
    /// The credentials, and the namespace that they are in.
    pub secret: Option<(String, SecretVersion)>,
}

impl Access {
    /// To the cluster that a Pipeline of a namespace names. A host without a dot is a Service of that namespace to the
    /// Pipeline's workers; the operator is elsewhere, and gives it the name that is good everywhere.
    #[must_use]
    pub fn new(kafka: &KafkaCluster, namespace: &str, secret: Option<SecretVersion>) -> Self {
        let brokers = kafka.bootstrap_servers.split(',').map(str::trim);
        let brokers: Vec<String> = brokers.map(|b| everywhere(b, namespace)).collect();
        Self {
            bootstrap_servers: brokers.join(","),
            secret: secret.map(|secret| (namespace.to_owned(), secret)),
        }
    }
}

/// A namespace and a name.
pub type Key = (String, String);

/// The clusters that are looked after.
pub struct Clusters {
    client: Client,
    /// Called for a Pipeline when what is known of its cluster has changed.
    tell: Arc<dyn Fn(&Key) + Send + Sync>,
    at_once: Arc<Semaphore>,
    all: Arc<Mutex<HashMap<Access, Cluster>>>,
}

struct Cluster {
    seen: Seen,
    users: BTreeSet<Key>,
    task: AbortHandle,
}

impl Clusters {
    /// None yet; `tell` is called for each Pipeline on a cluster that has changed.
    pub fn new(client: Client, tell: impl Fn(&Key) + Send + Sync + 'static) -> Self {
        Self {
            client,
            tell: Arc::new(tell),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            all: Arc::default(),
        }
    }

    /// What is known of a Pipeline's cluster, which is looked after from now on.
    #[must_use]
    pub fn seen(&self, user: &Key, access: &Access) -> Seen {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let others = |(other, cluster): (&Access, &mut Cluster)| {
            if other != access {
                cluster.users.remove(user);
            }
        };
        all.iter_mut().for_each(others);
        let cluster = all.entry(access.clone()).or_insert_with(|| Cluster {
            seen: Seen::Unknown,
            users: BTreeSet::new(),
            task: tokio::spawn(self.watch(access.clone())).abort_handle(),
        });
        cluster.users.insert(user.clone());
        let seen = cluster.seen.clone();
        sweep(&mut all);
        seen
    }

    /// Pipelines that are not there any more need nobody to look.
    pub fn keep(&self, is_there: impl Fn(&Key) -> bool) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for cluster in all.values_mut() {
            cluster.users.retain(&is_there);
        }
        sweep(&mut all);
    }

    fn watch(&self, access: Access) -> impl Future<Output = ()> + use<> {
        let (client, at_once) = (self.client.clone(), Arc::clone(&self.at_once));
        let (all, tell) = (Arc::clone(&self.all), Arc::clone(&self.tell));
        async move {
            let mut failures = 0_u32;
            loop {
                let seen = look(&client, &access, &at_once).await;
                failures = if matches!(seen, Seen::Topics(_)) {
                    0
                } else {
                    failures.saturating_add(1)
                };
                for user in note(&all, &access, seen) {
                    tell(&user);
                }
                let pause = if failures == 0 {
                    INTERVAL
                } else {
                    backoff::pause(failures.saturating_add(2), rand::random())
                };
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Takes clusters away that nobody is on.
fn sweep(all: &mut HashMap<Access, Cluster>) {
    all.retain(|_, cluster| {
        let used = !cluster.users.is_empty();
        if !used {
            cluster.task.abort();
        }
        used
    });
}

/// Takes down what was seen; those for whom it is new.
fn note(all: &Mutex<HashMap<Access, Cluster>>, access: &Access, seen: Seen) -> Vec<Key> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(cluster) = all.get_mut(access) else {
        return Vec::new();
    };
    let seen = match (seen, &cluster.seen) {
        (Seen::Unreachable(now), Seen::Unreachable(before)) => {
            Seen::Unreachable(steady(now, [before]))
        }
        (Seen::Refused(now), Seen::Refused(before)) => Seen::Refused(steady(now, [before])),
        (seen, _) => seen,
    };
    if seen == cluster.seen {
        return Vec::new();
    }
    cluster.seen = seen;
    cluster.users.iter().cloned().collect()
}

async fn look(client: &Client, access: &Access, at_once: &Semaphore) -> Seen {
    let properties = match properties(client, access).await {
        Ok(properties) => properties,
        Err(seen) => return seen,
    };
    // Nobody closes it.
    let _permit = at_once.acquire().await;
    let asked = on_admin(access.bootstrap_servers.clone(), properties, |admin| {
        Ok(admin.list()?.into_iter().collect::<BTreeMap<_, _>>())
    });
    match asked.await {
        Ok(topics) => Seen::Topics(topics),
        Err(LogError::Unavailable(why)) => Seen::Unreachable(why),
        Err(LogError::Refused(why)) => Seen::Refused(why),
    }
}

/// The properties of a client with these credentials.
///
/// # Errors
/// What a Pipeline's status says of it.
pub async fn properties(client: &Client, access: &Access) -> Result<Vec<(String, String)>, Seen> {
    let Some((namespace, version)) = &access.secret else {
        return Ok(Vec::new());
    };
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = match api.get_opt(&version.name).await {
        Ok(Some(secret)) => secret,
        Ok(None) => {
            return Err(Seen::BadSecret(format!(
                "there is no Secret `{}`",
                version.name
            )));
        }
        Err(error) => {
            return Err(Seen::BadSecret(format!(
                "the Secret `{}` cannot be read: {error}",
                version.name
            )));
        }
    };
    let keys = secret.data.unwrap_or_default();
    let keys = keys
        .into_iter()
        .map(|(key, value)| (key, value.0))
        .collect();
    credentials::properties(&keys).map_err(|error| {
        let name = &version.name;
        Seen::BadSecret(format!(
            "spec.kafka.auth.secretRef: {error} (correct the Secret `{name}`)"
        ))
    })
}

/// Does something with a Kafka cluster, on a thread of its own, as its client blocks.
///
/// # Errors
/// Kafka's.
pub async fn on_admin<T: Send + 'static>(
    bootstrap_servers: String,
    properties: Vec<(String, String)>,
    work: impl FnOnce(&mut KafkaAdmin) -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let done = tokio::task::spawn_blocking(move || {
        let mut config = KafkaConfig::new(&bootstrap_servers, "tidemill", "tidemill-operator");
        config.properties = properties;
        work(&mut KafkaAdmin::open(&config)?)
    });
    let lost = |error| {
        Err(LogError::Unavailable(format!(
            "asking Kafka was given up: {error}"
        )))
    };
    done.await.unwrap_or_else(lost)
}

/// The name by which a broker is found from any namespace.
fn everywhere(broker: &str, namespace: &str) -> String {
    let host = broker.split(':').next().unwrap_or_default();
    let is_service = !host.is_empty() && !host.contains(['.', '[']) && host != "localhost";
    match broker.strip_prefix(host) {
        Some(port) if is_service => format!("{host}.{namespace}.svc{port}"),
        _ => broker.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_the_pipelines_namespace_is_found_from_elsewhere() {
        let of = |servers: &str| {
            let kafka = KafkaCluster {
                bootstrap_servers: servers.to_owned(),
                auth: None,
            };
            Access::new(&kafka, "bank", None).bootstrap_servers
        };
        assert_eq!(of("kafka:9092"), "kafka.bank.svc:9092");
        assert_eq!(of("kafka"), "kafka.bank.svc");
        assert_eq!(
            of("kafka-0:9092, kafka.streams:9092,10.0.0.1:9092"),
            "kafka-0.bank.svc:9092,kafka.streams:9092,10.0.0.1:9092"
        );
        assert_eq!(of("[::1]:9092,localhost:9092"), "[::1]:9092,localhost:9092");
    }
}
