//! Reading partitions outside the group: for restoring state, and for tools.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::config::{Isolation, KafkaConfig};
use super::context::{Consumer, Context};
use super::errors::{explain, from_code};
use super::ffi::{Fetched, Note, PartitionQueue};
use super::wake::Wake;
use crate::log::{LogError, TopicPartition};

/// How many entries are taken from a queue at a time.
pub(super) const CHUNK: usize = 2048;

/// How long one question to the cluster may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// A consumer that is not a member of any group.
pub(super) struct Tail {
    consumer: Arc<Consumer>,
    wake: Arc<Wake>,
    servers: String,
}

/// What to do after a look at what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Go on.
    On,
    /// It is enough.
    Stop,
}

impl Tail {
    /// Connects when it is first used.
    pub(super) fn open(config: &KafkaConfig, isolation: Isolation) -> Result<Self, LogError> {
        let servers = config.bootstrap_servers.clone();
        let consumer = config
            .consumer(isolation)
            .create_with_context(Context::default());
        let consumer: Consumer =
            consumer.map_err(|e| explain(&servers, "opening a consumer", &e, None))?;
        Ok(Self {
            consumer: Arc::new(consumer),
            wake: Arc::default(),
            servers,
        })
    }

    /// The consumer, for questions.
    pub(super) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Resolves an offset that is given by meaning for each partition, in one question to each broker.
    pub(super) fn offsets(
        &self,
        wanted: &[(TopicPartition, Offset)],
    ) -> Result<Vec<i64>, LogError> {
        offsets(&self.consumer, &self.servers, wanted)
    }

    /// Reads partitions from these offsets on, until `look` says stop; it sees each partition's position (the next
    /// offset) and whether that is its end. `idle` is called about every 100 ms. Standing still for longer than
    /// `standstill`, if given, is an error.
    pub(super) fn read(
        &self,
        from: &[(TopicPartition, i64)],
        standstill: Option<Duration>,
        idle: &mut dyn FnMut() -> Result<(), LogError>,
        look: &mut dyn FnMut(&TopicPartition, &Fetched<'_>, i64, bool) -> Next,
    ) -> Result<(), LogError> {
        let mut list = TopicPartitionList::with_capacity(from.len());
        let mut queues = Vec::with_capacity(from.len());
        for (at, offset) in from {
            let queue = PartitionQueue::open(&self.consumer, &at.topic, at.partition, &self.wake)
                .ok_or_else(|| {
                LogError::Refused(format!(
                    "topic {:?} cannot be read: the name is invalid",
                    at.topic
                ))
            })?;
            queues.push((at, queue, *offset));
            let added = list.add_partition_offset(&at.topic, at.partition, Offset::Offset(*offset));
            added.map_err(|e| self.failed(at, &e))?;
        }
        self.consumer
            .assign(&list)
            .map_err(|e| explain(&self.servers, "assigning partitions", &e, None))?;
        let read = self.pump(&mut queues, standstill, idle, look);
        drop(queues);
        self.consumer
            .unassign()
            .map_err(|e| explain(&self.servers, "giving partitions back", &e, None))?;
        read
    }

    fn pump(
        &self,
        queues: &mut [(&TopicPartition, PartitionQueue, i64)],
        standstill: Option<Duration>,
        idle: &mut dyn FnMut() -> Result<(), LogError>,
        look: &mut dyn FnMut(&TopicPartition, &Fetched<'_>, i64, bool) -> Next,
    ) -> Result<(), LogError> {
        let mut moved = Instant::now();
        let mut served = Instant::now();
        loop {
            let mut some = false;
            for (at, queue, position) in queues.iter_mut() {
                let fetched = queue.fetch(CHUNK);
                if fetched.entries == 0 {
                    continue;
                }
                some = true;
                let (next, end) = progress(&fetched, *position);
                moved = if next == *position {
                    moved
                } else {
                    Instant::now()
                };
                *position = next;
                if look(at, &fetched, next, end) == Next::Stop {
                    return Ok(());
                }
                if let Some((code, text)) = failure(&fetched) {
                    return Err(from_code(
                        &self.servers,
                        &format!("reading topic {} partition {}", at.topic, at.partition),
                        code,
                        text,
                    ));
                }
            }
            if !some || served.elapsed() > Duration::from_millis(100) {
                served = Instant::now();
                // Serves its logs and errors.
                self.consumer.poll(Duration::ZERO);
                idle()?;
            }
            if some {
                continue;
            }
            if let Some((at, ..)) = queues.first() {
                let reminder = self.consumer.context().reminder();
                reminder.in_silence(&self.consumer, &self.servers, &at.topic);
            }
            if standstill.is_some_and(|limit| moved.elapsed() > limit) {
                return Err(self.stuck(queues));
            }
            self.wake.wait(Duration::from_millis(100));
        }
    }

    fn stuck(&self, queues: &[(&TopicPartition, PartitionQueue, i64)]) -> LogError {
        let name = |(at, _, position): &(&TopicPartition, _, i64)| {
            format!("{}/{} at offset {position}", at.topic, at.partition)
        };
        let names: Vec<_> = queues.iter().map(name).collect();
        LogError::Unavailable(format!(
            "Kafka at {}: reading stands still: {}; look for a hanging transaction, or a broker that does not answer",
            self.servers,
            names.join(", ")
        ))
    }

    fn failed(&self, at: &TopicPartition, error: &KafkaError) -> LogError {
        let doing = format!("reading topic {} partition {}", at.topic, at.partition);
        failed(&self.consumer, &self.servers, &doing, error)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.consumer.context().close();
    }
}

/// What a consumer's call has failed with, after which it is told where the brokers are.
pub(super) fn failed(
    consumer: &Consumer,
    servers: &str,
    doing: &str,
    error: &KafkaError,
) -> LogError {
    let context = consumer.context();
    context.reminder().after_failure(consumer.client(), servers);
    explain(servers, doing, error, context.complaint())
}

/// The next offset after what was fetched, from the one before, and whether it is the end.
pub(super) fn progress(fetched: &Fetched<'_>, before: i64) -> (i64, bool) {
    let read = fetched.last_offset().map_or(before, |last| last + 1);
    let count = fetched.count();
    let end = fetched
        .notes
        .iter()
        .rev()
        .find_map(|(after, note)| match note {
            Note::End(offset) if *after == count => Some(*offset),
            _ => None,
        });
    end.map_or((read, false), |end| (read.max(end), true))
}

/// What reading failed with, if it did.
pub(super) fn failure<'f>(
    fetched: &'f Fetched<'_>,
) -> Option<(rdkafka::error::RDKafkaErrorCode, &'f str)> {
    fetched.notes.iter().find_map(|(_, note)| match note {
        Note::Failed(code, text) => Some((*code, text.as_str())),
        Note::End(_) => None,
    })
}

/// See [`Tail::offsets`]. `Offset::Beginning`, `Offset::End` (as the consumer's isolation sees it), or `Offset::Offset`
/// with a timestamp in milliseconds, whose answer is -1 where no record is as late.
pub(super) fn offsets(
    consumer: &Consumer,
    servers: &str,
    wanted: &[(TopicPartition, Offset)],
) -> Result<Vec<i64>, LogError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let topics = || {
        let mut topics: Vec<&str> = wanted.iter().map(|(at, _)| &*at.topic).collect();
        topics.dedup();
        format!("asking for the offsets of {}", topics.join(", "))
    };
    let failed = |e| failed(consumer, servers, &topics(), &e);
    let mut list = TopicPartitionList::with_capacity(wanted.len());
    for (at, offset) in wanted {
        list.add_partition_offset(&at.topic, at.partition, *offset)
            .map_err(failed)?;
    }
    let answer = consumer.offsets_for_times(list, PATIENCE).map_err(failed)?;
    let mut found = HashMap::with_capacity(wanted.len());
    for each in answer.elements() {
        each.error().map_err(failed)?;
        let offset = match each.offset() {
            Offset::Offset(offset) => offset,
            _ => -1,
        };
        found.insert((each.topic().to_owned(), each.partition()), offset);
    }
    let lookup = |(at, _): &(TopicPartition, Offset)| {
        found.get(&(at.topic.to_string(), at.partition)).copied()
    };
    wanted
        .iter()
        .map(|each| {
            lookup(each).ok_or_else(|| {
                LogError::Unavailable(format!("Kafka at {servers}: {}: no answer", topics()))
            })
        })
        .collect()
}
