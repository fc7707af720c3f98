//! `suspend` and `resume`: one field of the manifest, and then what becomes of it.

use std::time::{Duration, Instant};

use clap::{ArgAction, Args};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tidemill_crds::Pipeline;
use tidemill_crds::reasons::{self, condition};
use tidemill_crds::status::Condition;

use super::MANAGER;
use super::connection::Cluster;
use crate::failure::Failure;

/// How often it is looked at.
const AGAIN: Duration = Duration::from_millis(300);

/// For how long to wait.
#[derive(Debug, Args)]
pub(crate) struct Patience {
    /// Waits until it is so. --wait=false returns at once.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    wait: bool,
    /// How long to wait, such as 30s or 5m.
    #[arg(long, default_value = "2m", value_name = "DURATION", value_parser = super::duration)]
    timeout: Duration,
}

/// Suspends a Pipeline or has it go on.
pub(super) async fn set(
    cluster: &Cluster,
    name: &str,
    suspend: bool,
    patience: &Patience,
) -> Result<(), Failure> {
    let before = cluster.pipeline(name).await?;
    let pipeline = if before.spec.suspend == suspend {
        before
    } else {
        let change = Patch::Merge(json!({"spec": {"suspend": suspend}}));
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patched = cluster
            .api::<Pipeline>()
            .patch(name, &params, &change)
            .await;
        patched.map_err(|error| cluster.failure("changing spec.suspend", error))?
    };
    let goal = Goal { suspend };
    if patience.wait {
        wait(cluster, name, pipeline, &goal, patience.timeout).await
    } else {
        crate::say(&format!("pipeline {name}: spec.suspend is {suspend}"));
        Ok(())
    }
}

async fn wait(
    cluster: &Cluster,
    name: &str,
    mut pipeline: Pipeline,
    goal: &Goal,
    timeout: Duration,
) -> Result<(), Failure> {
    let start = Instant::now();
    let mut told = String::new();
    loop {
        let progress = goal.judge(&pipeline);
        match &progress {
            Progress::There(message) => {
                crate::say(&format!("pipeline {name}: {message}"));
                return Ok(());
            }
            Progress::Never(why) => return Err(Failure::new(format!("pipeline {name}: {why}"))),
            Progress::Not(message) if *message != told => {
                crate::say(&format!("pipeline {name}: {message}"));
                told.clone_from(message);
            }
            Progress::Not(_) => {}
        }
        if start.elapsed() >= timeout {
            let timeout = tidemill_crds::Duration::from_millis(
                u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            );
            return Err(Failure::new(format!(
                "pipeline {name}: not {} within {timeout}: {told}",
                goal.word()
            ))
            .hint("it goes on without this command; --timeout waits longer, `status` says more"));
        }
        tokio::time::sleep(AGAIN).await;
        pipeline = cluster.pipeline(name).await?;
    }
}

/// What there is to be.
struct Goal {
    suspend: bool,
}

/// How far a Pipeline is from it.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// It is so.
    There(String),
    /// It is not so yet.
    Not(String),
    /// It will not be so by waiting.
    Never(String),
}

impl Goal {
    fn word(&self) -> &'static str {
        if self.suspend { "suspended" } else { "ready" }
    }

    fn judge(&self, pipeline: &Pipeline) -> Progress {
        if pipeline.spec.suspend != self.suspend {
            return Progress::Never("somebody else has changed spec.suspend meanwhile".to_owned());
        }
        let conditions = pipeline.status.iter().flat_map(|status| &status.conditions);
        let current = |it: &&Condition| it.observed_generation >= pipeline.metadata.generation;
        let find = |kind: &str| {
            conditions
                .clone()
                .find(|it| it.type_ == kind)
                .filter(current)
        };
        let Some(ready) = find(condition::READY) else {
            return Progress::Not("waiting for the operator to look at it".to_owned());
        };
        let wanted = if self.suspend {
            reasons::SUSPENDED
        } else {
            reasons::READY
        };
        let message = ready.message.clone();
        match (ready.status.as_str(), ready.reason.as_str()) {
            ("True", reason) if reason == wanted => Progress::There(message),
            (_, reasons::NOT_ACCEPTED) => {
                let why = find(condition::ACCEPTED).map_or(message, |it| it.message.clone());
                Progress::Never(format!("its manifest is not accepted: {why}"))
            }
            _ => Progress::Not(message),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn pipeline(suspend: bool, observed: i64, ready: &str) -> Pipeline {
        serde_json::from_value(json!({
            "apiVersion": "tidemill.io/v1alpha1",
            "kind": "Pipeline",
            "metadata": {"name": "p", "generation": 4},
            "spec": {"sources": [{"name": "s", "generator": {"kind": "Transactions"}}], "suspend": suspend},
            "status": {"conditions": ready.split(';').map(|it| {
                let parts: Vec<&str> = it.split(' ').collect();
                json!({
                    "type": parts[0], "status": parts[1], "reason": parts[2], "message": format!("says {}", parts[2]),
                    "observedGeneration": observed, "lastTransitionTime": "2026-01-01T00:00:00Z",
                })
            }).collect::<Vec<_>>()},
        }))
        .unwrap()
    }

    #[test]
    fn only_what_is_said_of_the_manifest_as_it_is_now_counts() {
        let goal = Goal { suspend: true };
        let before = pipeline(true, 3, "Ready True Suspended");
        assert!(matches!(goal.judge(&before), Progress::Not(_)));
        let stopping = pipeline(true, 4, "Ready False WorkersNotReady");
        assert_eq!(
            goal.judge(&stopping),
            Progress::Not("says WorkersNotReady".to_owned())
        );
        let there = pipeline(true, 4, "Ready True Suspended");
        assert_eq!(
            goal.judge(&there),
            Progress::There("says Suspended".to_owned())
        );
    }

    #[test]
    fn to_be_ready_is_not_to_be_suspended() {
        let goal = Goal { suspend: false };
        let resting = pipeline(false, 4, "Ready True Suspended");
        assert!(matches!(goal.judge(&resting), Progress::Not(_)));
        let runs = pipeline(false, 4, "Ready True Ready");
        assert!(matches!(goal.judge(&runs), Progress::There(_)));
    }

    #[test]
    fn what_no_waiting_helps_is_said_at_once() {
        let goal = Goal { suspend: false };
        let broken = pipeline(false, 4, "Ready False NotAccepted;Accepted False Invalid");
        let Progress::Never(why) = goal.judge(&broken) else {
            panic!("it would be waited for");
        };
        assert_eq!(why, "its manifest is not accepted: says Invalid");
        assert!(matches!(
            goal.judge(&pipeline(true, 4, "Ready True Suspended")),
            Progress::Never(_)
        ));
    }
}
