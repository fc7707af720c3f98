//! How a webhook is doing, for the status of its pipeline.

use std::time::{Duration, Instant};

use super::lane::{Done, Lane};
use crate::status::{Shared, WebhookStatus};

/// How often it is said.
const EVERY: Duration = Duration::from_millis(200);

/// How a webhook is doing.
pub(super) struct Report {
    status: Shared,
    /// Its place among the webhooks of the pipeline.
    index: usize,
    /// Whom it posts to, as troubles name it.
    receiver: String,
    now: WebhookStatus,
    /// Why the log cannot be read or written.
    log: Option<String>,
    said: Option<Instant>,
}

impl Report {
    /// Of the webhook at this place.
    pub(super) fn new(status: &Shared, index: usize, sink: &str, receiver: &str) -> Self {
        Self {
            status: status.clone(),
            index,
            receiver: format!("sink `{sink}`: {receiver}"),
            now: WebhookStatus {
                sink: sink.to_owned(),
                ..WebhookStatus::default()
            },
            log: None,
            said: None,
        }
    }

    /// Notes what posting a row has come to.
    pub(super) fn count(&mut self, done: Done) {
        match done {
            Done::Delivered => self.now.delivered += 1,
            Done::Delayed(why) => {
                self.now.retries += 1;
                self.now.last_error = Some(why);
            }
            Done::GivenUp(why) => {
                tracing::warn!(sink = self.now.sink, why, "a row is given up");
                self.now.given_up += 1;
                self.now.last_error = Some(why);
            }
        }
    }

    /// Notes whether the log is at hand, or why not.
    pub(super) fn log(&mut self, trouble: Option<String>) {
        if let Some(why) = &trouble
            && self.log != trouble
        {
            tracing::warn!(sink = self.now.sink, why, "rows wait to be posted");
        }
        self.log = trouble;
    }

    /// Says how it is, if it is time to.
    pub(super) fn say<'l>(&mut self, lanes: impl Iterator<Item = &'l Lane> + Clone) {
        if self.said.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.said = Some(Instant::now());
        self.now.waiting = lanes.clone().map(Lane::waiting).sum();
        let mut stuck = lanes.filter_map(Lane::trouble);
        let receiver = stuck.next().map(|why| format!("{}: {why}", self.receiver));
        self.now.trouble = self.log.clone().or(receiver);
        let (index, now) = (self.index, self.now.clone());
        self.status
            .update(|status| status.tell_of_webhook(index, now));
    }

    /// Says how it is at its end.
    pub(super) fn say_last<'l>(&mut self, lanes: impl Iterator<Item = &'l Lane> + Clone) {
        self.said = None;
        self.say(lanes);
    }
}
