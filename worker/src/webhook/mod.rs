//! Webhooks: rows that are posted to somebody, at least once.
//!
//! The pipeline writes such rows into a topic of its own, the outbox, in the commit that makes them true. They are
//! delivered from there, in a consumer group beside the pipeline's: a receiver that is slow or away holds up its own rows
//! and nothing else, and what is in the outbox is not lost.
//!
//! ```text
//!   outbox ── Reader ──▶ lanes (a partition each) ──▶ posting thread ──▶ receiver
//!     ▲                    │ done with, given up  ◀── attempts ◀──────── answers
//!     └── Committer ◀──────┘
//! ```

mod answer;
mod backoff;
mod client;
mod deliverer;
mod lane;
mod lanes;
mod message;
mod posting;
mod report;
mod signature;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use tidemill_crds::sink::SinkKind;
use tidemill_crds::webhook::WebhookSink;
use tidemill_plan::model::{Output, OutputOf, Plan};
use tidemill_plan::names;

use self::client::Client;
use self::deliverer::Deliverer;
use self::lanes::Lanes;
use self::message::Shape;
use self::posting::Posting;
use self::report::Report;
use crate::log::{Groups, LogError, TopicSpec};
use crate::runtime::{RunError, Topology};
use crate::secrets::Secrets;
use crate::status::Shared;

/// The partitions of an outbox: so many rows are posted at once.
pub const OUTBOX_PARTITIONS: i32 = 8;
/// How much longer rows are kept than they are tried, in milliseconds: a week, as topics are by default.
const KEPT: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The longest pause before the log is opened anew.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long it is waited for deliveries to end in good order.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is delivered to one receiver.
#[derive(Debug, Clone)]
struct Outbox {
    /// The Sink's name.
    sink: String,
    /// Where the rows are.
    topic: Arc<str>,
    /// The consumer group that delivers them.
    group: String,
    /// The topics for those that are given up.
    dead_letters: Vec<Arc<str>>,
    /// What is posted of them.
    shape: Shape,
    /// How long after it was written one is tried.
    retry_for: Duration,
}

impl Outbox {
    fn new(plan: &Plan, topology: &Topology, output: &Output, webhook: &WebhookSink) -> Self {
        Self {
            sink: output.sink.clone(),
            topic: names::outbox(&plan.name, &output.sink).into(),
            group: names::deliverers(&plan.name, &output.sink),
            dead_letters: dead_letter_topics(plan, topology),
            shape: Shape {
                format: webhook.format,
                are_alerts: output.from == OutputOf::Alerts,
                source: format!("{}/{}", plan.name, plan.name_of(output.from)),
            },
            retry_for: webhook.retry_for.into(),
        }
    }
}

/// The topics that dead letters go to. Where they all go to other sinks, it is the pipeline's own: only what is in the log can
/// be committed together with what is done with.
fn dead_letter_topics(plan: &Plan, topology: &Topology) -> Vec<Arc<str>> {
    let outputs = plan.outputs.iter();
    let topics = outputs
        .filter(|output| output.from == OutputOf::DeadLetter)
        .filter_map(|output| Some(Arc::from(output.to.kafka.as_ref()?.topic.as_str())));
    let topics: Vec<Arc<str>> = topics.collect();
    match topics.is_empty() {
        true => vec![Arc::from(topology.dead_letter.as_str())],
        false => topics,
    }
}

/// The outputs of a plan that are webhooks.
pub(crate) fn of_plan(plan: &Plan) -> impl Iterator<Item = (&Output, &WebhookSink)> {
    plan.outputs
        .iter()
        .filter_map(|output| match output.to.kind()? {
            SinkKind::Webhook(webhook) => Some((output, webhook)),
            _ => None,
        })
}

/// The topic in which the rows of an output wait for its webhook.
pub(crate) fn topic(plan: &Plan, output: &Output, webhook: &WebhookSink) -> TopicSpec {
    let kept = webhook.retry_for.as_millis().saturating_add(KEPT);
    TopicSpec {
        name: names::outbox(&plan.name, &output.sink),
        partitions: OUTBOX_PARTITIONS.unsigned_abs(),
        compacted: false,
        config: vec![("retention.ms".to_owned(), kept.to_string())],
    }
}

/// How deliveries are to end.
#[derive(Debug, Default)]
struct Ending {
    /// When all that is there is delivered.
    drain: AtomicBool,
    /// Now.
    stop: AtomicBool,
}

impl Ending {
    fn is_draining(&self) -> bool {
        self.drain.load(Ordering::Relaxed)
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The deliveries of a pipeline's webhooks, each on threads of its own. Dropped, they end in good order.
pub(crate) struct Deliveries {
    ending: Arc<Ending>,
    /// Of each, what is disconnected when it has ended.
    ended: Vec<Receiver<()>>,
}

impl Deliveries {
    /// Starts them. The outboxes are there.
    ///
    /// # Errors
    /// If a webhook, or its Secret, is of no use, or the system refuses a thread.
    pub(crate) fn start(
        plan: &Plan,
        topology: &Topology,
        groups: &Groups,
        secrets: &Secrets,
        status: &Shared,
    ) -> Result<Self, RunError> {
        let mut all = Self {
            ending: Arc::default(),
            ended: Vec::new(),
        };
        for (index, (output, webhook)) in of_plan(plan).enumerate() {
            let sink = &output.sink;
            let client = Client::open(webhook, secrets);
            let client = client.map_err(|why| RunError::Sink(format!("sink `{sink}`: {why}")))?;
            let lanes = Lanes::new(
                Outbox::new(plan, topology, output, webhook),
                Posting::start(sink, client)?,
                Report::new(status, index, sink, webhook.address()),
            );
            let (groups, ending) = (Arc::clone(groups), Arc::clone(&all.ending));
            let (alive, ended) = bounded::<()>(0);
            std::thread::Builder::new()
                .name(format!("deliver-{sink}"))
                .spawn(move || {
                    let _alive = alive;
                    deliver(lanes, &groups, &ending);
                })?;
            all.ended.push(ended);
        }
        Ok(all)
    }

    /// Whether there are none.
    pub(crate) fn are_none(&self) -> bool {
        self.ended.is_empty()
    }

    /// Has them end when all that is in the outboxes now is delivered or given up.
    pub(crate) fn drain(&self) {
        self.ending.drain.store(true, Ordering::Relaxed);
    }

    /// Whether they have ended.
    pub(crate) fn have_ended(&self) -> bool {
        let has_ended = |it: &Receiver<()>| it.try_recv() == Err(TryRecvError::Disconnected);
        self.ended.iter().all(has_ended)
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.ending.stop.store(true, Ordering::Relaxed);
        let until = Instant::now() + PATIENCE;
        for ended in &self.ended {
            // Nothing is ever sent. What a log that is away keeps from ending ends with the process.
            let _ = ended.recv_deadline(until);
        }
    }
}

/// Delivers until it is told to end, with new clients of the log where one is of no use any more.
fn deliver(mut lanes: Lanes, groups: &Groups, ending: &Ending) {
    let mut pause = Duration::from_millis(100);
    loop {
        let log = groups(&lanes.outbox.group);
        let delivered = log.and_then(|log| Deliverer::new(log, &mut lanes, ending).run());
        let Err(LogError::Unavailable(why) | LogError::Refused(why)) = delivered else {
            return;
        };
        lanes.report.log(Some(why));
        lanes.say();
        if ending.is_stopping() {
            return;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
