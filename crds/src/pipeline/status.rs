//! How a pipeline is doing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Duration;
use crate::status::{Condition, Time};

/// How a pipeline is doing.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStatus {
    /// The `metadata.generation` of the manifest that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Accepted, ResolvedRefs, Ready, Progressing, SourceReachable, SinksReachable, Flowing and Degraded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,

    /// How many workers run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,

    /// The label selector of the workers' pods, for autoscalers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// The partitions of all sources together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,

    /// Records in the sources that are not read yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,

    /// Records read per second, lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_per_second: Option<u64>,

    /// The lowest watermark: windows that end before it are closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Time>,

    /// How far the watermark is behind the clock, while records come through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_delay: Option<Duration>,

    /// How many records went to the dead letters since the workers that run now were started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<u64>,

    /// What was decided about the number of workers, and why. Only with `autoscale`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<AutoscaleStatus>,

    /// How many alerts were raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<u64>,
}

/// What was decided about the number of workers.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct AutoscaleStatus {
    /// How many workers are wanted.
    pub workers: u32,

    /// Why, as one word: `FallingBehind`, `SpareCapacity`, `Bounds` or `OnTarget`; or why the number is held:
    /// `LagUnknown`, `RollingOut` or `CoolDown`.
    pub reason: String,

    /// Why, for people.
    pub message: String,

    /// When the number was last changed by lag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scaled: Option<Time>,
}
