//! What a worker says of itself: the JSON of `/status`, and what `tidemill run` shows.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tidemill_crds::alert_rule::Agreement;
use tidemill_engine::record::Reason;
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
    /// The outputs that are webhooks.
    #[serde(default)]
    pub webhooks: Vec<WebhookStatus>,
    /// The alert rules at work.
    #[serde(default)]
    pub rules: Vec<RuleStatus>,
    /// What it keeps of windows and tables.
    #[serde(default)]
    pub state: StateStatus,
    /// The partitions held, of sources and of shuffles.
    pub partitions: Vec<PartitionStatus>,
}

impl Status {
    /// Takes note of how a webhook is doing. Its trouble is the pipeline's while that has no other.
    pub(crate) fn tell_of_webhook(&mut self, index: usize, now: WebhookStatus) {
        let Some(webhook) = self.webhooks.get_mut(index) else {
            return;
        };
        let before = std::mem::replace(webhook, now).trouble;
        if self.trouble.is_none() || self.trouble == before {
            self.trouble = self.trouble_of_webhooks();
        }
    }

    /// Why rows cannot be delivered, if there are some.
    pub(crate) fn trouble_of_webhooks(&self) -> Option<String> {
        let mut webhooks = self.webhooks.iter();
        webhooks.find_map(|webhook| webhook.trouble.clone())
    }

    /// Counts the rows that webhooks have given up among the dead letters.
    pub(crate) fn count_undelivered(&mut self) {
        let given_up: u64 = self.webhooks.iter().map(|webhook| webhook.given_up).sum();
        if given_up > 0 {
            let reason = Reason::Undelivered.as_str().to_owned();
            self.dead_letters.insert(reason, given_up);
        }
    }
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

/// A webhook as one worker sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookStatus {
    /// The sink.
    pub sink: String,
    /// Rows that the receiver has taken since the start.
    pub delivered: u64,
    /// Rows not delivered yet in the partitions held, as far as is known. Those that are far from being posted are counted by
    /// their offsets, of which every commit takes one more.
    pub waiting: u64,
    /// Times since the start that a row was not taken, and is posted again.
    pub retries: u64,
    /// Rows since the start that were given up, and are dead letters.
    pub given_up: u64,
    /// Why rows wait now.
    pub trouble: Option<String>,
    /// Why a row was not taken the last time that one was not.
    pub last_error: Option<String>,
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
    /// How far it agreed since the start with the rule that it is tried beside, if it is.
    #[serde(default)]
    pub agreement: Option<Agreement>,
}

impl RuleStatus {
    /// The rules of a plan, those that were there before with what they have raised.
    pub(crate) fn of(plan: &Plan, before: &[Self]) -> Vec<Self> {
        let in_force = plan.rules.iter().filter(|rule| !rule.editions.are_former());
        let rules = in_force.map(|rule| {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(trouble: Option<&str>, given_up: u64) -> WebhookStatus {
        WebhookStatus {
            trouble: trouble.map(str::to_owned),
            given_up,
            ..WebhookStatus::default()
        }
    }

    #[test]
    fn the_trouble_of_a_webhook_is_told_while_there_is_no_other() {
        let mut status = Status {
            webhooks: vec![webhook(None, 0), webhook(None, 0)],
            ..Status::default()
        };
        status.tell_of_webhook(1, webhook(Some("503"), 0));
        assert_eq!(status.trouble.as_deref(), Some("503"));
        status.tell_of_webhook(1, webhook(Some("504"), 0));
        assert_eq!(status.trouble.as_deref(), Some("504"));
        status.tell_of_webhook(1, webhook(None, 0));
        assert_eq!(status.trouble, None);
        status.trouble = Some("no broker".to_owned());
        status.tell_of_webhook(0, webhook(Some("503"), 0));
        status.tell_of_webhook(0, webhook(None, 0));
        assert_eq!(status.trouble.as_deref(), Some("no broker"));
        status.tell_of_webhook(7, webhook(Some("there is none"), 0));
    }

    #[test]
    fn rows_that_are_given_up_are_dead_letters() {
        let mut status = Status {
            webhooks: vec![webhook(None, 0), webhook(None, 0)],
            ..Status::default()
        };
        status.count_undelivered();
        assert!(status.dead_letters.is_empty());
        status.tell_of_webhook(0, webhook(None, 2));
        status.tell_of_webhook(1, webhook(None, 3));
        status.count_undelivered();
        assert_eq!(status.dead_letters["Undelivered"], 5);
    }
}
