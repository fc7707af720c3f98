//! What a task wants done to the world: all of it belongs to one commit.

use arrow::array::{BooleanArray, RecordBatch};
use tidemill_crds::alert_rule::Agreement;
use tidemill_plan::model::Input;

use crate::record::DeadLetter;

/// Rows of a source or a stream that something outside wants.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Whose rows they are.
    pub from: Input,
    /// The rows, in the input's schema.
    pub batch: RecordBatch,
    /// True where the row is a deletion (only its key columns count); `None` where none is.
    pub deleted: Option<BooleanArray>,
}

/// A record for a shard of a stream's internal shuffle topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShuffleRecord {
    /// Index of the stream in the plan.
    pub stream: usize,
    /// The topic's partition.
    pub shard: u32,
    /// Partial aggregates and the sender's watermark.
    pub value: Vec<u8>,
}

/// A record for the task's partition of its changelog topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangelogRecord {
    /// What it replaces.
    pub key: Vec<u8>,
    /// The state; `None` forgets it.
    pub value: Option<Vec<u8>>,
}

/// Alerts of a rule.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// Index of the rule in the plan.
    pub rule: usize,
    /// The alerts.
    pub batch: RecordBatch,
}

/// How often a rule has fired for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Index of the rule in the plan.
    pub rule: usize,
    /// How many alerts it has raised.
    pub fired: u64,
    /// How many more were held back.
    pub suppressed: u64,
}

/// How far two rules that are compared agreed about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Index of the comparison in the plan.
    pub comparison: usize,
    /// How often which of them fired.
    pub agreement: Agreement,
}

/// All that a task wants done since its last commit.
#[derive(Debug, Default)]
pub struct Effects {
    /// Rows for outputs, in order.
    pub rows: Vec<Rows>,
    /// Alerts for outputs, in order.
    pub alerts: Vec<Alerts>,
    /// How often rules have fired, those counted that are not sent.
    pub judged: Vec<Judged>,
    /// How far rules that are compared agreed.
    pub compared: Vec<Compared>,
    /// Partial aggregates on their way.
    pub shuffle: Vec<ShuffleRecord>,
    /// Records that could not be used.
    pub dead_letters: Vec<DeadLetter>,
    /// State.
    pub changelog: Vec<ChangelogRecord>,
    /// Late records that their stream drops, only counted.
    pub late_dropped: u64,
    /// Rows that were there before, and are dropped.
    pub duplicates: u64,
}
