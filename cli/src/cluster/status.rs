//! `status`: asks the cluster and the workers how a Pipeline is.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use kube::core::Request;
use kube::{Resource as _, ResourceExt as _};
use tidemill_crds::{Pipeline, Sink, SinkSpec, names};
use tidemill_worker::http::StatusPage;
use tidemill_worker::status::Status;

use super::connection::Cluster;
use super::pages::Worker;
use super::render::render;
use super::view::{Facts, View};
use crate::failure::Failure;

/// Rates are measured over this span.
const SPAN: Duration = Duration::from_secs(1);
/// How often it is shown again.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What workers said, by pod.
type Pages = HashMap<String, Status>;

/// Prints the screen, once or again and again.
pub(super) async fn print(cluster: &Cluster, name: &str, watch: bool) -> Result<(), Failure> {
    let mut earlier = Pages::new();
    loop {
        let (facts, pages) = ask(cluster, name, earlier).await?;
        let screen = render(&View::of(&facts));
        if !watch {
            return crate::print(&screen);
        }
        crate::print(&format!("{}{screen}", above()))?;
        earlier = pages;
        tokio::time::sleep(AGAIN).await;
    }
}

/// What goes before a screen that is shown again: on a terminal it is wiped, elsewhere a line is left free.
fn above() -> &'static str {
    if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        "\x1b[H\x1b[2J"
    } else {
        "\n"
    }
}

/// Prints what the screen is made of.
pub(super) async fn print_json(cluster: &Cluster, name: &str) -> Result<(), Failure> {
    let (facts, _) = ask(cluster, name, Pages::new()).await?;
    let json = serde_json::to_string_pretty(&View::of(&facts))
        .map_err(|e| Failure::new(format!("it cannot be written as JSON: {e}")))?;
    crate::print(&format!("{json}\n"))
}

/// Asks everybody, and the workers twice where they were not asked before, for the sake of rates.
async fn ask(cluster: &Cluster, name: &str, mut earlier: Pages) -> Result<(Facts, Pages), Failure> {
    let pipeline = cluster.pipeline(name).await?;
    let selector = selector(&pipeline);
    let (sinks, wanted, pods) = tokio::join!(
        sinks(cluster),
        wanted(cluster, &selector),
        pods(cluster, &selector)
    );
    let mut unknown = Vec::new();
    let pods = pods.unwrap_or_else(|error| {
        unknown.push(format!("workers are not shown: {error}"));
        Vec::new()
    });
    if earlier.is_empty() {
        earlier = pages(cluster, &pods).await.0;
        if !earlier.is_empty() {
            tokio::time::sleep(SPAN).await;
        }
    }
    let (pages, silent) = pages(cluster, &pods).await;
    unknown.extend(silent.map(|why| format!("what workers say of themselves is not shown: {why}")));
    let worker = |pod: &Pod| {
        let name = pod.name_any();
        Worker {
            page: pages.get(&name).cloned(),
            earlier: earlier.remove(&name),
            ..seen(pod)
        }
    };
    let facts = Facts {
        workers: pods.iter().map(worker).collect(),
        now: Timestamp::now(),
        pipeline,
        sinks,
        wanted,
        unknown,
    };
    Ok((facts, pages))
}

/// Selects what is made for a Pipeline.
pub(super) fn selector(pipeline: &Pipeline) -> ListParams {
    let given = pipeline
        .status
        .as_ref()
        .and_then(|status| status.selector.clone());
    let usual = || names::selector_text(&pipeline.name_any());
    ListParams::default().labels(&given.unwrap_or_else(usual))
}

/// What is behind Sinks; who may not see them sees their names.
async fn sinks(cluster: &Cluster) -> BTreeMap<String, SinkSpec> {
    let sinks = cluster.api::<Sink>().list(&ListParams::default()).await;
    let sinks = sinks.map(|list| list.items).unwrap_or_default();
    sinks
        .into_iter()
        .map(|sink| (sink.name_any(), sink.spec))
        .collect()
}

async fn wanted(cluster: &Cluster, selector: &ListParams) -> Option<u32> {
    let deployments = cluster.api::<Deployment>().list(selector).await.ok()?;
    let spec = deployments.items.into_iter().next()?.spec?;
    u32::try_from(spec.replicas?).ok()
}

/// The pods of workers that have not ended.
pub(super) async fn pods(cluster: &Cluster, selector: &ListParams) -> Result<Vec<Pod>, String> {
    let pods = cluster.api::<Pod>().list(selector).await;
    let mut pods = pods.map_err(|error| said(&error))?.items;
    let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
    pods.retain(|pod| !matches!(phase(pod).as_deref(), Some("Failed" | "Succeeded")));
    pods.sort_by_key(Pod::name_any);
    Ok(pods)
}

fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.trim().to_owned(),
        other => other.to_string(),
    }
}

/// What the workers say, and why one of them said nothing.
async fn pages(cluster: &Cluster, pods: &[Pod]) -> (Pages, Option<String>) {
    let asked = pods.iter().filter(|pod| has_started(pod)).map(async |pod| {
        let answer = tokio::time::timeout(PATIENCE, page(cluster, pod)).await;
        let late = Err(format!("{} does not answer", pod.name_any()));
        (pod.name_any(), answer.unwrap_or(late))
    });
    let (mut pages, mut silent) = (Pages::new(), None);
    for (pod, answer) in join_all(asked).await {
        match answer {
            Ok(page) => drop(pages.insert(pod, page)),
            Err(why) => silent = Some(why),
        }
    }
    (pages, silent)
}

fn has_started(pod: &Pod) -> bool {
    let containers = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    let running = |it: &k8s_openapi::api::core::v1::ContainerStatus| {
        it.state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
    };
    pod.metadata.deletion_timestamp.is_none() && containers.into_iter().any(running)
}

/// A worker's own page, by way of the API server.
async fn page(cluster: &Cluster, pod: &Pod) -> Result<Status, String> {
    let name = pod.name_any();
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let port = containers
        .flat_map(|it| it.ports.iter().flatten())
        .map(|port| port.container_port)
        .next();
    let Some(port) = port else {
        return Err(format!("{name} has no port"));
    };
    let pods = Request::new(Pod::url_path(&(), Some(&cluster.namespace)));
    let request = pods.get_subresource("proxy/status", &format!("{name}:{port}"));
    let request = request.map_err(|e| e.to_string())?;
    let text = cluster
        .client
        .request_text(request)
        .await
        .map_err(|e| said(&e))?;
    let page: StatusPage =
        serde_json::from_str(&text).map_err(|e| format!("{name} is of another version: {e}"))?;
    page.pipelines
        .into_iter()
        .next()
        .ok_or_else(|| format!("{name} runs no pipeline"))
}

/// A pod as Kubernetes sees it.
fn seen(pod: &Pod) -> Worker {
    let status = pod.status.clone().unwrap_or_default();
    let conditions = || status.conditions.iter().flatten();
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .find_map(|container| {
            let waiting = container.state.as_ref()?.waiting.as_ref()?;
            let why = [waiting.reason.clone(), waiting.message.clone()];
            Some(why.into_iter().flatten().collect::<Vec<_>>().join(": "))
        });
    let unscheduled = conditions().find(|it| it.type_ == "PodScheduled" && it.status == "False");
    Worker {
        pod: pod.name_any(),
        ready: conditions().any(|it| it.type_ == "Ready" && it.status == "True"),
        leaving: pod.metadata.deletion_timestamp.is_some(),
        trouble: waiting.or_else(|| unscheduled.and_then(|it| it.message.clone())),
        page: None,
        earlier: None,
    }
}
