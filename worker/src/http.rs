//! Health, status and metrics of a worker over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;

use crate::status::{Phase, Shared, Status};
use crate::telemetry::metrics;

/// What the pages show.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// The pipelines that run in this process.
    pub pipelines: Arc<[Shared]>,
    /// Set when a pipeline has ended with an error: the process is then of no use any more.
    pub failed: Arc<AtomicBool>,
}

/// `GET /status`.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct StatusPage {
    /// One for each pipeline that runs in this process.
    pub pipelines: Vec<Status>,
}

/// Serves `/livez`, `/readyz`, `/status` and `/metrics` until the process ends.
///
/// # Errors
/// Fails where the address cannot be had.
pub async fn serve(address: SocketAddr, served: Served) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router(served)).await
}

/// The pages, for a server that has more of them.
pub fn router(served: Served) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(prometheus))
        .with_state(served)
}

async fn livez(State(served): State<Served>) -> Response {
    if served.failed.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "a pipeline has failed\n").into_response()
    } else {
        "ok\n".into_response()
    }
}

/// Ready is: every pipeline reads and writes (or has finished). A worker that waits for partitions is ready too, once
/// it has joined; one that restores state is not.
async fn readyz(State(served): State<Served>) -> Response {
    let waiting: Vec<String> = served
        .pipelines
        .iter()
        .map(Shared::get)
        .filter(|s| matches!(s.phase, Phase::Joining | Phase::Restoring))
        .map(|s| {
            format!(
                "{}: {:?}{}\n",
                s.pipeline,
                s.phase,
                s.trouble.map_or(String::new(), |t| format!(": {t}"))
            )
        })
        .collect();
    if waiting.is_empty() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, waiting.concat()).into_response()
    }
}

async fn status(State(served): State<Served>) -> Json<StatusPage> {
    Json(StatusPage {
        pipelines: served.pipelines.iter().map(Shared::get).collect(),
    })
}

async fn prometheus(State(served): State<Served>) -> Response {
    match metrics::render(&served.pipelines) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
