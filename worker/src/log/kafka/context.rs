//! What clients tell us besides answers: rebalances, errors, logs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::Timeout;
use rdkafka::{ClientContext, TopicPartitionList};

use super::reminder::Reminder;
use crate::log::{GroupEvent, TopicPartition};

/// A consumer whose rebalances wait for an answer.
pub(super) type Consumer = BaseConsumer<Context>;

/// Keeps what a client has told until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Context {
    notes: Mutex<Notes>,
    closing: AtomicBool,
    reminder: Reminder,
}

#[derive(Debug, Default)]
struct Notes {
    events: VecDeque<GroupEvent>,
    complaint: Option<String>,
}

impl Context {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events since the last call.
    pub(super) fn take_events(&self) -> Vec<GroupEvent> {
        self.notes().events.drain(..).collect()
    }

    /// The next event, if there is one and it is wanted now.
    pub(super) fn take_event(&self, is_wanted: impl Fn(&GroupEvent) -> bool) -> Option<GroupEvent> {
        self.notes().events.pop_front_if(|event| is_wanted(event))
    }

    /// Whether there is an event that nobody has taken.
    pub(super) fn has_events(&self) -> bool {
        !self.notes().events.is_empty()
    }

    /// Adds an event that librdkafka does not send.
    pub(super) fn tell(&self, event: GroupEvent) {
        self.notes().events.push_back(event);
    }

    /// What the client has last complained of, once.
    pub(super) fn complaint(&self) -> Option<String> {
        self.notes().complaint.take()
    }

    /// When this client was last told where the brokers are.
    pub(super) fn reminder(&self) -> &Reminder {
        &self.reminder
    }

    /// From now on partitions are given back without asking anybody.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client");
        // The end of a partition is none.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            self.notes().complaint = Some(reason.to_owned());
        }
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::warn!(facility, "librdkafka: {message}");
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
                tracing::info!(facility, "librdkafka: {message}")
            }
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, "librdkafka: {message}")
            }
        }
    }
}

impl ConsumerContext for Context {
    /// Notes the event and returns without answering. librdkafka then waits: until `assign` is called it neither joins
    /// nor fetches, until `unassign` is called it does not rejoin, so the group cannot move on before a commit.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        if self.closing.load(Ordering::Acquire) {
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "giving partitions back while closing");
            }
            return;
        }
        let event = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                GroupEvent::Assigned(partitions(list))
            }
            _ if consumer.assignment_lost() => GroupEvent::Lost,
            _ => GroupEvent::Revoked,
        };
        tracing::debug!(?event, "rebalance");
        self.tell(event);
    }

    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(Duration::from_millis(100))
    }
}

/// The partitions of a list, in order.
fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let mut partitions: Vec<_> = list
        .elements()
        .iter()
        .map(|each| TopicPartition {
            topic: each.topic().into(),
            partition: each.partition(),
        })
        .collect();
    partitions.sort_unstable();
    partitions
}
