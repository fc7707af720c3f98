//! Telling clients again where the brokers are.
//!
//! A broker that is starting may name no broker at all in its metadata, itself included. librdkafka (2.10 and later)
//! then forgets every broker it knew, the bootstrap servers too, and looks for none before something happens to a
//! broker: with none left, nothing does. Such a client stays cut off while all others are well.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::consumer::Consumer as _;

use super::context::Consumer;
use super::ffi;

/// librdkafka keeps what it is told, so it is not told at every failure.
const PAUSE: Duration = Duration::from_secs(5);

/// How long a client that may be cut off has to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// When a client was last told.
#[derive(Debug)]
pub(super) struct Reminder(Mutex<Instant>);

impl Default for Reminder {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Reminder {
    /// After a call has failed: tells the client its bootstrap servers, unless it was told a moment ago.
    pub(super) fn after_failure<C: ClientContext>(&self, client: &Client<C>, servers: &str) {
        if self.is_due() {
            ffi::add_brokers(client, servers);
        }
    }

    /// While nothing is heard: finds out whether the client reaches anybody, by asking for the metadata of a topic, and
    /// tells it the bootstrap servers if it does not.
    pub(super) fn in_silence(&self, consumer: &Consumer, servers: &str, topic: &str) {
        if self.is_due() && consumer.fetch_metadata(Some(topic), ANSWER).is_err() {
            ffi::add_brokers(consumer.client(), servers);
        }
    }

    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.elapsed() > PAUSE;
        if due {
            *last = Instant::now();
        }
        due
    }
}
