//! Asks the workers how they are, all of them, every few seconds. Only what has changed makes a Pipeline be looked at.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use tidemill_worker::http::StatusPage;
use tidemill_worker::registry::tls;
use tidemill_worker::status::Status;

use super::build::PORT;
use super::observe::{Figures, PodSeen};
use crate::kafka::clusters::Key;
use crate::names;
use crate::steady::two_figures;
use crate::world::World;

/// How often workers are asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long one may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many are asked at once.
const AT_ONCE: usize = 64;

/// Asks for ever.
pub async fn poll(world: Arc<World>, http: reqwest::Client) {
    let mut before: HashMap<Key, Coarse> = HashMap::new();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let pages = ask_all(&world, &http).await;
        for (pipeline, pages) in take_all(&world, pages) {
            let (coarse, rules) = world.workers(&pipeline, |workers| {
                let before = std::mem::take(&mut workers.figures.rules);
                workers.take(&pages, Instant::now());
                let figures = &workers.figures;
                (Coarse::of(figures), figures.rules != before)
            });
            if rules {
                world.look_at_rules(&pipeline);
            }
            if before.insert(pipeline.clone(), coarse.clone()) != Some(coarse) {
                world.look_at(&pipeline);
            }
        }
        let is_there = |pipeline: &Key| crate::world::find(&world.pipelines, pipeline).is_some();
        before.retain(|pipeline, _| is_there(pipeline));
        world.clusters.keep(is_there);
    }
}

/// The pods of a Pipeline, as Kubernetes sees them.
#[must_use]
pub fn pods(world: &World, (namespace, name): &Key) -> Vec<PodSeen> {
    let of = |pod: &Pod| {
        pod.namespace().as_ref() == Some(namespace)
            && pod.labels().get(names::INSTANCE) == Some(name)
            && !has_ended(pod)
    };
    world
        .pods
        .state_filter(of)
        .iter()
        .map(|pod| seen(pod))
        .collect()
}

/// The same as the API server has them now. The copy may be behind, for as long as its watch waits out an error.
///
/// # Errors
/// What the API server says, or that it does not answer.
pub async fn pods_now(
    client: &Client,
    (namespace, name): &Key,
) -> Result<Vec<PodSeen>, kube::Error> {
    let of =
        ListParams::default().labels(&format!("{},{}={name}", names::MANAGED, names::INSTANCE));
    let list = Api::<Pod>::namespaced(client.clone(), namespace)
        .list(&of)
        .await?;
    let there = list.items.iter().filter(|pod| !has_ended(pod));
    Ok(there.map(seen).collect())
}

/// Whether a pod, such as one that was evicted, is only kept to be looked at.
fn has_ended(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Failed" | "Succeeded"))
}

fn seen(pod: &Pod) -> PodSeen {
    let status = pod.status.clone().unwrap_or_default();
    let is = |kind: &str| {
        status
            .conditions
            .iter()
            .flatten()
            .any(|condition| condition.type_ == kind && condition.status == "True")
    };
    PodSeen {
        name: pod.name_any(),
        ready: is("Ready"),
        leaving: pod.metadata.deletion_timestamp.is_some(),
        trouble: trouble(pod),
        ip: status.pod_ip,
    }
}

/// Why a pod does not run: it finds no node, or its container does not start, or ends again and again.
fn trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let containers = status.container_statuses.iter().flatten();
    let waiting = containers.filter_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting
            .reason
            .clone()
            .filter(|r| r != "ContainerCreating" && r != "PodInitializing")?;
        let last = container
            .last_state
            .as_ref()
            .and_then(|last| last.terminated.as_ref());
        // What a worker says at its end is worth more than that it is started again later.
        let said = last
            .and_then(|last| last.message.as_ref())
            .filter(|said| !said.is_empty());
        let said = said.or(waiting.message.as_ref());
        let message = said
            .map(|said| format!(": {}", said.trim()))
            .unwrap_or_default();
        let ended = last
            .map(|last| format!(" (it ended with {})", last.exit_code))
            .unwrap_or_default();
        Some(format!("{reason}{message}{ended}"))
    });
    let unscheduled = status.conditions.iter().flatten().filter_map(|condition| {
        let is = condition.type_ == "PodScheduled" && condition.status == "False";
        is.then(|| {
            format!(
                "no node takes it: {}",
                condition.message.clone().unwrap_or_default()
            )
        })
    });
    waiting.chain(unscheduled).next()
}

/// What makes a difference to anybody; the rest moves all the time.
#[derive(Debug, Clone, PartialEq)]
struct Coarse {
    figures: Figures,
}

impl Coarse {
    fn of(figures: &Figures) -> Self {
        let coarse =
            |rate: f64| f64::from(u32::try_from(two_figures(whole(rate))).unwrap_or(u32::MAX));
        Self {
            figures: Figures {
                lag: figures.lag.map(two_figures),
                rate: figures.rate.map(coarse),
                arriving: figures.arriving.map(coarse),
                capacity: None,
                // These have a status of their own.
                rules: BTreeMap::new(),
                watermark: figures.watermark.map(|micros| micros.div_euclid(1_000_000)),
                // Only whether it is one.
                stalled: figures.stalled.map(|since| {
                    if since.as_secs() < 30 {
                        Duration::ZERO
                    } else {
                        Duration::MAX
                    }
                }),
                ..figures.clone()
            },
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // coarse
fn whole(number: f64) -> u64 {
    number.round().max(0.0) as u64
}

type Pages = BTreeMap<Key, Vec<(String, Option<Status>)>>;

async fn ask_all(world: &World, http: &reqwest::Client) -> Pages {
    let running = |pod: &Pod| {
        !has_ended(pod)
            && pod.metadata.deletion_timestamp.is_none()
            && pod.status.as_ref().is_some_and(|s| s.pod_ip.is_some())
    };
    let asked = world
        .pods
        .state_filter(running)
        .into_iter()
        .map(async |pod| {
            let ip = pod
                .status
                .as_ref()
                .and_then(|status| status.pod_ip.clone())
                .unwrap_or_default();
            let page = ask(http, &ip).await;
            (pod, page)
        });
    let answers: Vec<_> = futures::stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut pages = Pages::new();
    for (pod, page) in answers {
        if let Some(name) = pod.labels().get(names::INSTANCE) {
            let of = (pod.namespace().unwrap_or_default(), name.clone());
            pages.entry(of).or_default().push((pod.name_any(), page));
        }
    }
    pages
}

async fn ask(http: &reqwest::Client, ip: &str) -> Option<Status> {
    let host = if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    };
    let answer = http
        .get(format!("http://{host}:{PORT}/status"))
        .timeout(PATIENCE)
        .send()
        .await
        .ok()?;
    let page: StatusPage = answer.json().await.ok()?;
    page.pipelines.into_iter().next()
}

/// Pipelines whose workers are gone have none to say anything.
fn take_all(world: &World, mut pages: Pages) -> Pages {
    let mut workers = world.workers.lock().unwrap_or_else(PoisonError::into_inner);
    workers.retain(|pipeline, _| crate::world::find(&world.pipelines, pipeline).is_some());
    for pipeline in workers.keys() {
        pages.entry(pipeline.clone()).or_default();
    }
    pages
}

/// A client for asking workers, which are near and speak plain HTTP.
///
/// # Errors
/// If it cannot be made.
pub fn client() -> reqwest::Result<reqwest::Client> {
    tls::provide();
    reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .pool_max_idle_per_host(1)
        .connect_timeout(PATIENCE)
        .build()
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
