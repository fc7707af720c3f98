//! What a worker says of itself: the JSON of `/status`, and what `tidemill run` shows.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tidemill_plan::model::Plan;

/// A pipeline as one worker sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The pipeline's name.
    pub pipeline: String,
    /// What it is doing.
    pub phase: Phase,
    /// Since the start of the worker, in milliseconds.
    pub uptime_ms: u64,
    /// Commits that are in the log.
    pub commits: u64,
    /// Times that work had to be thrown away and done again, with the reason of the last.
    pub rewinds: u64,
    /// Why the last rewind was needed, or what cannot be reached now.
    pub trouble: Option<String>,
    /// Late records that were dropped, as their streams want it.
    pub late_dropped: u64,
    /// Records that had been there before, as a source's `deduplicate` has it.
    #[serde(default)]
    pub duplicates: u64,
    /// Records that went to the dead letters, by reason.
    pub dead_letters: std::collections::BTreeMap<String, u64>,
    /// The sources.
    pub sources: Vec<SourceStatus>,
    /// The outputs.
    pub outputs: Vec<OutputStatus>,
    /// The alert rules at work.
    #[serde(default)]
    pub rules: Vec<RuleStatus>,
    /// What it keeps of windows and tables.
    #[serde(default)]
    pub state: StateStatus,
    /// The partitions held, of sources and of shuffles.
    pub partitions: Vec<PartitionStatus>,
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// It has not got partitions yet.
    #[default]
    Joining,
    /// It reads its state back.
    Restoring,
    /// It reads and writes.
    Running,
    /// It has come to the end of what it was to do.
    Finished,
    /// It ended with an error.
    Failed,
}

impl Phase {
    /// Whether it ended with an error.
    #[must_use]
    pub fn is_failed(self) -> bool {
        self == Self::Failed
    }
}

/// The state of a worker's streams.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StateStatus {
    /// Groups that are held, in memory or on disk: keys of tables, keys of windows.
    pub groups: u64,
    /// Bytes of memory that they take, roughly, and the tables that streams are joined with.
    pub memory_bytes: u64,
    /// Bytes of memory that they may take; what is more goes to local disk.
    pub memory_limit_bytes: u64,
    /// Bytes of local disk that they take. Pipelines of one process share it.
    pub disk_bytes: u64,
}

/// A source as one worker sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Records read since the start.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Records not read yet in the partitions held; `None` while unknown.
    pub lag: Option<i64>,
    /// The lowest watermark of the partitions held, in microseconds since the epoch.
    pub watermark: Option<i64>,
}

/// An output as one worker sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputStatus {
    /// The stream or source written.
    pub from: String,
    /// The sink.
    pub sink: String,
    /// Rows committed since the start.
    pub rows: u64,
}

/// An alert rule as one worker sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleStatus {
    /// Its name.
    pub name: String,
    /// The version that is in force.
    pub version: i64,
    /// Alerts committed since the start.
    pub fired: u64,
    /// Alerts counted since the start, of a rule in Shadow mode.
    pub shadow_fired: u64,
    /// Alerts held back since the start, as one of their key had been raised shortly before.
    pub suppressed: u64,
    /// When it last raised one, in milliseconds since the epoch.
    pub last_fired: Option<i64>,
}

impl RuleStatus {
    /// The rules of a plan, those that were there before with what they have raised.
    pub(crate) fn of(plan: &Plan, before: &[Self]) -> Vec<Self> {
        let rules = plan.rules.iter().map(|rule| {
            let known = before.iter().find(|it| it.name == rule.name);
            Self {
                name: rule.name.clone(),
                version: rule.version,
                ..known.cloned().unwrap_or_default()
            }
        });
        rules.collect()
    }
}

/// A partition as the worker that holds it sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionStatus {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next offset to read.
    pub offset: i64,
    /// The committed offset.
    pub committed: i64,
    /// Its watermark, in microseconds since the epoch.
    pub watermark: Option<i64>,
    /// Whether it holds no window back because nothing has come for its `idleTimeout`.
    pub idle: bool,
}

/// The newest status, shared with whoever shows it.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Status>>);

impl Shared {
    /// A copy of the newest status.
    #[must_use]
    pub fn get(&self) -> Status {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes the status in place.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
