//! Health, status and metrics of a worker over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::status::{Phase, Shared, Status};
use crate::telemetry::metrics;

/// The pipelines that run in this process.
pub type Pipelines = Arc<[Shared]>;

/// `GET /status`.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct StatusPage {
    /// One for each pipeline that runs in this process.
    pub pipelines: Vec<Status>,
}

/// Serves `/livez`, `/readyz`, `/status` and `/metrics` until the process ends.
pub async fn serve(listener: TcpListener, pipelines: Pipelines) {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(prometheus))
        .with_state(pipelines);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the status pages are not served any more");
    }
}

/// A pipeline that has ended with an error is of no use any more: the process should start anew.
async fn livez(State(pipelines): State<Pipelines>) -> Response {
    if pipelines.iter().any(|p| p.get().phase.is_failed()) {
        (StatusCode::SERVICE_UNAVAILABLE, "a pipeline has failed\n").into_response()
    } else {
        "ok\n".into_response()
    }
}

/// Ready is: every pipeline reads and writes (or has finished). A worker that waits for partitions is ready too, once
/// it has joined; one that restores state is not.
async fn readyz(State(pipelines): State<Pipelines>) -> Response {
    let waiting: Vec<String> = pipelines
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

async fn status(State(pipelines): State<Pipelines>) -> Json<StatusPage> {
    Json(StatusPage {
        pipelines: pipelines.iter().map(Shared::get).collect(),
    })
}

async fn prometheus(State(pipelines): State<Pipelines>) -> Response {
    match metrics::render(&pipelines) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
