//! The partitions of an outbox that are this worker's, side by side: of each at most one row is being posted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidemill_engine::record::{DeadLetter, Headers, RawBatch, Reason};

use super::Outbox;
use super::answer::Attempt;
use super::backoff::chance;
use super::lane::{Lane, Row};
use super::message::{Message, Place};
use super::posting::{Of, Posting};
use super::report::Report;
use crate::log::{LogError, Reader, TopicPartition};

/// The longest that it is waited for an attempt before it is looked at the group again.
const NAP: Duration = Duration::from_millis(20);

/// The partitions of an outbox that are this worker's.
pub(super) struct Lanes {
    /// What is delivered.
    pub(super) outbox: Outbox,
    /// How that is going.
    pub(super) report: Report,
    posting: Posting,
    lanes: BTreeMap<i32, Lane>,
    /// How often partitions have been assigned: what is under way for earlier ones says nothing of these.
    assigned: u64,
    /// The receiver wants to be left alone until then.
    quiet_until: Option<Instant>,
}

impl Lanes {
    /// No partitions yet.
    pub(super) fn new(outbox: Outbox, posting: Posting, report: Report) -> Self {
        Self {
            outbox,
            report,
            posting,
            lanes: BTreeMap::new(),
            assigned: 0,
            quiet_until: None,
        }
    }

    /// These partitions are this worker's, and no others. Each begins where it is committed, if it is.
    pub(super) fn hold(&mut self, partitions: impl Iterator<Item = (i32, i64, Option<i64>)>) {
        self.assigned += 1;
        let lane = |(partition, next, committed)| (partition, Lane::new(next, committed));
        self.lanes = partitions.map(lane).collect();
    }

    /// No partitions are this worker's any more.
    pub(super) fn clear(&mut self) {
        self.hold(std::iter::empty());
    }

    /// The partitions that are.
    pub(super) fn held(&self) -> Vec<TopicPartition> {
        let held = self.lanes.keys();
        held.map(|partition| self.outbox.partition(*partition))
            .collect()
    }

    /// Takes rows from the log where there is room for them. A partition that cannot be read holds no other up.
    pub(super) fn take(&mut self, reader: &mut dyn Reader) -> Result<(), LogError> {
        let mut outcome = Ok(());
        for (partition, lane) in &mut self.lanes {
            let room = lane.room();
            if room == 0 {
                continue;
            }
            let at = self.outbox.partition(*partition);
            match reader.take(&at, room, &mut |batch: &RawBatch<'_>| push(lane, batch)) {
                Ok(taken) => lane.reached(taken.next_offset, taken.end),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Has all rows posted that it is time for. Of those that nothing can be posted none is kept.
    pub(super) fn post(&mut self) {
        let now = Instant::now();
        if self.quiet_until.is_some_and(|until| now < until) {
            return;
        }
        for (partition, lane) in &mut self.lanes {
            while let Some(row) = lane.due(now) {
                match self.outbox.message(*partition, row) {
                    Ok(message) => {
                        self.posting.post((self.assigned, *partition), message);
                        lane.post();
                    }
                    Err(why) => self.report.count(lane.give_up(why)),
                }
            }
        }
    }

    /// Hears what attempts have come to; it waits a little for the first while some are under way.
    pub(super) fn hear(&mut self) {
        let wait = if self.is_posting() {
            NAP
        } else {
            Duration::ZERO
        };
        let first = self.posting.attempts.recv_timeout(wait).ok();
        let rest = self.posting.attempts.try_iter();
        let heard: Vec<(Of, Attempt)> = first.into_iter().chain(rest).collect();
        for ((assigned, partition), attempt) in heard {
            if assigned == self.assigned {
                self.attempted(partition, attempt);
            }
        }
    }

    fn attempted(&mut self, partition: i32, attempt: Attempt) {
        let Some(lane) = self.lanes.get_mut(&partition) else {
            return;
        };
        let left = lane.first().map(|row| self.outbox.left(row.timestamp));
        let wants_rest =
            matches!(&attempt, Attempt::Failed { retry_after, .. } if retry_after.is_some());
        let done = lane.attempted(attempt, left.unwrap_or_default(), Instant::now(), chance());
        if wants_rest {
            self.quiet_until = lane.rests_until();
        }
        self.report.count(done);
    }

    /// Waits, for so long at most, until nothing is under way; nothing new is begun.
    pub(super) fn settle(&mut self, limit: Duration) {
        let begin = Instant::now();
        while self.is_posting() && begin.elapsed() < limit {
            self.hear();
        }
    }

    /// Whether rows are being posted.
    pub(super) fn is_posting(&self) -> bool {
        self.lanes.values().any(Lane::is_posting)
    }

    /// How long there is nothing to do unless rows come, at most so long.
    pub(super) fn rest(&self, most: Duration) -> Duration {
        let now = Instant::now();
        let until = self.lanes.values().filter_map(Lane::rests_until).min();
        let until = until.max(self.quiet_until.filter(|quiet| *quiet > now));
        until.map_or(most, |until| until.saturating_duration_since(now).min(most))
    }

    /// How far partitions have come of which that is not committed yet.
    pub(super) fn uncommitted(&self) -> Vec<(i32, i64)> {
        let dirty = self.lanes.iter().filter(|(_, lane)| lane.is_dirty());
        dirty
            .map(|(partition, lane)| (*partition, lane.position()))
            .collect()
    }

    /// The rows that were given up since the last commit.
    pub(super) fn letters(&self) -> Vec<DeadLetter> {
        let given_up = self.lanes.iter().flat_map(|(partition, lane)| {
            let rows = lane.given_up().iter();
            rows.map(|(row, why)| self.outbox.letter(*partition, row, why))
        });
        given_up.collect()
    }

    /// Notes that these positions are committed.
    pub(super) fn committed(&mut self, positions: &[(i32, i64)]) {
        for (partition, position) in positions {
            if let Some(lane) = self.lanes.get_mut(partition) {
                lane.committed(*position);
            }
        }
    }

    /// Says how it is going.
    pub(super) fn say(&mut self) {
        self.report.say(self.lanes.values());
    }

    /// Says how it went.
    pub(super) fn say_last(&mut self) {
        self.report.say_last(self.lanes.values());
    }
}

impl Outbox {
    /// One of its partitions.
    pub(super) fn partition(&self, partition: i32) -> TopicPartition {
        TopicPartition {
            topic: self.topic.clone(),
            partition,
        }
    }

    fn message(&self, partition: i32, row: &Row) -> Result<Message, String> {
        let at = Place {
            topic: &self.topic,
            partition,
            offset: row.offset,
        };
        let value = row
            .value
            .as_deref()
            .ok_or("it is no row, as it has no value")?;
        self.shape.message(at, value)
    }

    /// How long a row that was written then is still tried. What the log does not know the time of is tried for ever.
    fn left(&self, written: i64) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let written = u64::try_from(written).ok().map(Duration::from_millis);
        let age = written.and_then(|written| now.ok()?.checked_sub(written));
        self.retry_for.saturating_sub(age.unwrap_or_default())
    }

    fn letter(&self, partition: i32, row: &Row, why: &str) -> DeadLetter {
        DeadLetter {
            topic: self.topic.to_string(),
            partition,
            offset: row.offset,
            timestamp: row.timestamp,
            key: row.key.clone(),
            value: row.value.clone(),
            headers: Headers::new(),
            stream: None,
            reason: Reason::Undelivered,
            column: None,
            message: format!("webhook `{}`: {why}", self.sink),
        }
    }
}

fn push(lane: &mut Lane, batch: &RawBatch<'_>) {
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    for record in batch.records {
        lane.push(Row {
            offset: record.offset,
            timestamp: record.timestamp,
            key: owned(record.key),
            value: owned(record.value),
        });
    }
}
