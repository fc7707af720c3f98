//! The operator put together: one set of controllers for the whole cluster, or one for each namespace that is named.

use std::net::SocketAddr;
use std::sync::Arc;

use kube::Client;
use tokio::task::JoinSet;

use crate::alert_rule;
use crate::controller::{self, Context};
use crate::events::Events;
use crate::lease::Candidate;
use crate::metrics::Metrics;
use crate::pipeline::build::Defaults;
use crate::pipeline::memo::Memo;
use crate::pipeline::{self, poll};
use crate::said::Said;
use crate::sink;
use crate::world::{Queues, World};
use crate::{http, world};

/// How the operator is to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where health and metrics are served.
    pub listen: SocketAddr,
    /// The namespaces that are looked after; none means all.
    pub namespaces: Vec<String>,
    /// What is the same for all Pipelines.
    pub defaults: Defaults,
    /// This pod's name: the candidate for the Lease.
    pub pod: String,
    /// This pod's namespace: where the Lease is.
    pub namespace: String,
}

/// Why the operator ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no cluster to be found.
    #[error("the cluster cannot be reached: {0}")]
    Client(Box<kube::Error>),
    /// Nobody could ask it to end.
    #[error("signals cannot be listened for: {0}")]
    Signals(std::io::Error),
    /// Health and metrics cannot be served.
    #[error("{0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// A client for the workers cannot be made.
    #[error("a client for the workers cannot be made: {0}")]
    Http(#[from] reqwest::Error),
    /// Another operator leads now.
    #[error("the Lease is lost: another operator has it, or it could not be renewed")]
    LeaseLost,
    /// A part has ended that should not.
    #[error("a part of the operator has ended")]
    Ended,
}

/// Runs the operator until `stop`.
///
/// # Errors
/// What it cannot go on with; a new start may help.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), Error> {
    let metrics: Arc<Metrics> = Arc::default();
    let client = Client::try_default()
        .await
        .map_err(|error| Error::Client(Box::new(error)))?;
    let listen = settings.listen;
    let server = http::serve(listen, Arc::clone(&metrics));
    let mut candidate = Candidate::new(client.clone(), &settings.namespace, settings.pod.clone());
    let outcome = tokio::select! {
        served = server => Err(served.map_or_else(|error| Error::Listen(listen, error), |()| Error::Ended)),
        led = lead(&mut candidate, client, settings, metrics) => Err(led),
        () = stop => Ok(()),
    };
    if outcome.is_ok() {
        candidate.release().await;
    }
    outcome
}

/// Waits for the Lease, then works until it is lost.
async fn lead(
    candidate: &mut Candidate,
    client: Client,
    settings: Settings,
    metrics: Arc<Metrics>,
) -> Error {
    candidate.acquire().await;
    tracing::info!(pod = settings.pod, "leads");
    metrics.leads();
    tokio::select! {
        () = candidate.hold() => Error::LeaseLost,
        error = work(client, settings, metrics) => error,
    }
}

async fn work(client: Client, settings: Settings, metrics: Arc<Metrics>) -> Error {
    let http = match poll::client() {
        Ok(http) => http,
        Err(error) => return error.into(),
    };
    let mut tasks = JoinSet::new();
    let namespaces: Vec<Option<&str>> = match &settings.namespaces[..] {
        [] => vec![None],
        some => some
            .iter()
            .map(|namespace| Some(namespace.as_str()))
            .collect(),
    };
    for namespace in namespaces {
        let (world, queues) = World::watch(client.clone(), namespace, &mut tasks);
        let context = Arc::new(Context {
            events: Events::new(client.clone(), &settings.pod),
            defaults: settings.defaults.clone(),
            metrics: Arc::clone(&metrics),
            checked: Memo::default(),
            pipelines: Said::default(),
            sinks: Said::default(),
            rules: Said::default(),
            world,
        });
        tasks.spawn(control(context, queues, http.clone()));
    }
    // None of them ends by itself.
    tasks.join_next().await;
    Error::Ended
}

/// The controllers of one world.
async fn control(context: Arc<Context>, queues: Queues, http: reqwest::Client) {
    let world = Arc::clone(&context.world);
    world.ready().await;
    let forget = |context: Arc<Context>| async move {
        let mut ticks = tokio::time::interval(controller::AT_LEAST);
        loop {
            ticks.tick().await;
            let world = &context.world;
            context
                .checked
                .keep(|key| world::find(&world.pipelines, key).is_some());
            context
                .pipelines
                .keep(|key| world::find(&world.pipelines, key).is_some());
            context
                .sinks
                .keep(|key| world::find(&world.sinks, key).is_some());
            context
                .rules
                .keep(|key| world::find(&world.rules, key).is_some());
        }
    };
    let of = || Arc::clone(&context);
    tokio::join!(
        controller::run(
            "Pipeline",
            of(),
            world.pipelines.clone(),
            queues.pipelines,
            |object, context| { pipeline::controller::reconcile(object, context) }
        ),
        controller::run(
            "Sink",
            of(),
            world.sinks.clone(),
            queues.sinks,
            |object, context| { sink::controller::reconcile(object, context) }
        ),
        controller::run(
            "AlertRule",
            of(),
            world.rules.clone(),
            queues.rules,
            |object, context| { alert_rule::controller::reconcile(object, context) }
        ),
        poll::poll(Arc::clone(&world), http),
        forget(of()),
    );
}
