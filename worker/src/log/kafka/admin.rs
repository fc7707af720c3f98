//! Topics seen from outside a pipeline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Offset};
use tidemill_engine::record::RawBatch;

use super::config::{Isolation, KafkaConfig};
use super::errors::{explain, from_code};
use super::facts::wait;
use super::ffi::Fetched;
use super::reminder::Reminder;
use super::tail::{self, Next, PATIENCE, Tail};
use crate::log::{Admin, LogError, OnProgress, Produced, TopicPartition, TopicSpec, told_to_stop};

/// How long records may take to be written.
const WRITE: Duration = Duration::from_secs(60);

/// How long reading up to an end that is known may stand still.
const STANDSTILL: Duration = Duration::from_secs(30);

/// How long it is waited for topics to be gone that have been deleted.
const GONE: Duration = Duration::from_secs(30);

/// A Kafka cluster's topics.
pub struct KafkaAdmin {
    config: KafkaConfig,
    tail: Tail,
    admin: AdminClient<DefaultClientContext>,
    reminder: Reminder,
    producer: Option<BaseProducer<Deliveries>>,
}

impl KafkaAdmin {
    /// Prepares the clients; they talk to the brokers from the first call on.
    ///
    /// # Errors
    /// A setting that cannot work.
    pub fn open(config: &KafkaConfig) -> Result<Self, LogError> {
        config.check()?;
        let failed =
            |e: KafkaError| explain(&config.bootstrap_servers, "opening a client", &e, None);
        let admin = config.producer().create().map_err(failed)?;
        Ok(Self {
            config: config.clone(),
            tail: Tail::open(config, Isolation::Committed)?,
            admin,
            reminder: Reminder::default(),
            producer: None,
        })
    }

    fn failed(&self, doing: &str, error: &KafkaError) -> LogError {
        let servers = &self.config.bootstrap_servers;
        self.reminder.after_failure(self.admin.inner(), servers);
        tail::failed(self.tail.consumer(), servers, doing, error)
    }

    fn create(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let doing = || {
            format!(
                "creating {}",
                topics
                    .iter()
                    .map(|t| t.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        };
        let new: Vec<_> = topics.iter().map(new_topic).collect();
        let made = wait(self.admin.create_topics(&new, &options()));
        let made = made.map_err(|e| LogError::Unavailable(format!("{}: {e}", doing())))?;
        for topic in made.map_err(|e| self.failed(&doing(), &e))? {
            match topic {
                Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                Err((name, code)) => {
                    return Err(self.refused(&format!("creating topic {name}"), code));
                }
            }
        }
        Ok(())
    }

    /// Deletes topics. Those that are not there are no matter.
    ///
    /// # Errors
    /// If one of them cannot be deleted.
    pub fn delete_topics(&self, topics: &[String]) -> Result<(), LogError> {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(());
        }
        let doing = format!("deleting {}", names.join(", "));
        let deleted = wait(self.admin.delete_topics(&names, &options()));
        let deleted = deleted.map_err(|e| LogError::Unavailable(format!("{doing}: {e}")))?;
        for topic in deleted.map_err(|e| self.failed(&doing, &e))? {
            match topic {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition | Code::UnknownTopic)) => {}
                Err((name, code)) => {
                    return Err(self.refused(&format!("deleting topic {name}"), code));
                }
            }
        }
        Ok(())
    }

    /// Deletes a consumer group with its offsets. One that is not there is no matter.
    ///
    /// # Errors
    /// If it cannot be deleted, such as while it has members.
    pub fn delete_group(&self, group: &str) -> Result<(), LogError> {
        let doing = format!("deleting group {group}");
        let deleted = wait(self.admin.delete_groups(&[group], &options()));
        let deleted = deleted.map_err(|e| LogError::Unavailable(format!("{doing}: {e}")))?;
        for group in deleted.map_err(|e| self.failed(&doing, &e))? {
            match group {
                Ok(_) | Err((_, Code::GroupIdNotFound)) => {}
                Err((_, code)) => return Err(self.refused(&doing, code)),
            }
        }
        Ok(())
    }

    /// Asks for more partitions. That they are there already, since another worker was quicker, is no matter.
    fn add_partitions(&self, topic: &str, partitions: u32) -> Result<(), LogError> {
        let doing = format!("giving topic {topic} {partitions} partitions");
        let wanted = NewPartitions::new(topic, partitions as usize);
        let grown = wait(self.admin.create_partitions(&[wanted], &options()));
        let grown = grown.map_err(|e| LogError::Unavailable(format!("{doing}: {e}")))?;
        for topic in grown.map_err(|e| self.failed(&doing, &e))? {
            match topic {
                Ok(_) | Err((_, Code::InvalidPartitions)) => {}
                Err((_, code)) => return Err(self.refused(&doing, code)),
            }
        }
        Ok(())
    }

    fn refused(&self, doing: &str, code: Code) -> LogError {
        from_code(
            &self.config.bootstrap_servers,
            doing,
            code,
            &code.to_string(),
        )
    }

    /// A topic that has not got what it needs within the time there was.
    fn short(&self, topic: &TopicSpec, count: Option<u32>) -> LogError {
        let (servers, name) = (&self.config.bootstrap_servers, &topic.name);
        match count {
            Some(count) => LogError::Refused(format!(
                "Kafka at {servers}: topic {name} has {count} partitions, {} are needed; add partitions, or delete it to have it made",
                topic.partitions
            )),
            None => LogError::Unavailable(format!(
                "Kafka at {servers}: topic {name} has been created but does not appear"
            )),
        }
    }

    fn edges(&self, topic: &str) -> Result<Vec<(TopicPartition, i64, i64)>, LogError> {
        let count = self.counts(&[topic.to_owned()])?.pop().flatten();
        let count = count.ok_or_else(|| {
            from_code(
                &self.config.bootstrap_servers,
                &format!("reading topic {topic}"),
                Code::UnknownTopicOrPartition,
                "it is not there",
            )
        })?;
        let at = |partition| TopicPartition {
            topic: topic.into(),
            partition,
        };
        let all: Vec<_> = (0..i32::try_from(count).unwrap_or(i32::MAX))
            .map(at)
            .collect();
        let ask = |offset| {
            self.tail.offsets(
                &all.iter()
                    .map(|at| (at.clone(), offset))
                    .collect::<Vec<_>>(),
            )
        };
        let (first, end) = (ask(Offset::Beginning)?, ask(Offset::End)?);
        Ok(all
            .into_iter()
            .zip(first)
            .zip(end)
            .map(|((at, first), end)| (at, first, end))
            .collect())
    }

    fn counts(&self, topics: &[String]) -> Result<Vec<Option<u32>>, LogError> {
        let all = self.topics()?;
        Ok(topics
            .iter()
            .map(|name| {
                all.iter()
                    .find(|(each, _)| each == name)
                    .map(|(_, count)| *count)
            })
            .collect())
    }

    fn topics(&self) -> Result<Vec<(String, u32)>, LogError> {
        let metadata = self
            .tail
            .consumer()
            .fetch_metadata(None, PATIENCE)
            .map_err(|e| self.failed("listing the topics", &e))?;
        let mut topics: Vec<_> = metadata
            .topics()
            .iter()
            .filter(|topic| !topic.partitions().is_empty())
            .map(|topic| {
                (
                    topic.name().to_owned(),
                    u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX),
                )
            })
            .collect();
        topics.sort_unstable();
        Ok(topics)
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE))
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
    // -1: as many replicas as the cluster makes by default.
    let mut topic = NewTopic::new(&spec.name, partitions, TopicReplication::Fixed(-1));
    if spec.compacted {
        topic = topic.set("cleanup.policy", "compact");
    }
    spec.config
        .iter()
        .fold(topic, |topic, (name, value)| topic.set(name, value))
}

impl Admin for KafkaAdmin {
    fn partitions(&mut self, topics: &[String]) -> Result<Vec<Option<u32>>, LogError> {
        self.counts(topics)
    }

    fn ensure(&mut self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
        let there = self.counts(&names)?;
        let missing: Vec<_> = topics
            .iter()
            .zip(&there)
            .filter(|(_, count)| count.is_none())
            .map(|(t, _)| t.clone())
            .collect();
        if !missing.is_empty() {
            self.create(&missing)?;
        }
        // Brokers hear of a new topic, and of new partitions, one after the other.
        let until = Instant::now() + PATIENCE;
        loop {
            let counts = self.counts(&names)?;
            let mut each = topics.iter().zip(&counts);
            let short = each.find(|(topic, count)| count.is_none_or(|it| it < topic.partitions));
            let Some((topic, count)) = short else {
                return Ok(());
            };
            if Instant::now() > until {
                return Err(self.short(topic, *count));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn grow(&mut self, topic: &str, partitions: u32) -> Result<(), LogError> {
        self.add_partitions(topic, partitions)?;
        // Brokers hear of new partitions one after the other.
        let until = Instant::now() + PATIENCE;
        while self.counts(&[topic.to_owned()])?.pop().flatten() < Some(partitions) {
            if Instant::now() > until {
                return Err(LogError::Unavailable(format!(
                    "Kafka at {}: topic {topic} has been given {partitions} partitions, which do not appear",
                    self.config.bootstrap_servers
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn forget(&mut self, group: &str, topics: &[String]) -> Result<(), LogError> {
        self.delete_group(group)?;
        self.delete_topics(topics)?;
        // Brokers delete by and by, and none of them can be made anew before.
        let until = Instant::now() + GONE;
        while self.counts(topics)?.iter().any(Option::is_some) {
            if Instant::now() > until {
                let text = format!(
                    "topics of group {group} are being deleted, and are still there; try again"
                );
                return Err(LogError::Unavailable(text));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<(String, u32)>, LogError> {
        self.topics()
    }

    fn write(&mut self, topic: &str, records: &[Produced]) -> Result<(), LogError> {
        let doing = format!("writing topic {topic}");
        let servers = &self.config.bootstrap_servers;
        let producer = match &self.producer {
            Some(open) => open,
            None => {
                let mut config = self.config.producer();
                config.set("message.timeout.ms", WRITE.as_millis().to_string());
                let opened = config.create_with_context(Deliveries::default());
                self.producer
                    .insert(opened.map_err(|e| explain(servers, &doing, &e, None))?)
            }
        };
        for record in records {
            send(producer, topic, record).map_err(|e| explain(servers, &doing, &e, None))?;
        }
        producer
            .flush(WRITE + PATIENCE)
            .map_err(|e| explain(servers, &doing, &e, None))?;
        match producer.context().take() {
            None => Ok(()),
            Some(error) => Err(explain(servers, &doing, &error, None)),
        }
    }

    fn read(
        &mut self,
        topic: &str,
        follow: bool,
        each: &mut dyn FnMut(&RawBatch<'_>) -> bool,
    ) -> Result<(), LogError> {
        let mut stopped = false;
        let mut positions = Vec::new();
        let mut hand = |at: &TopicPartition, fetched: &Fetched<'_>| {
            let records = fetched.records();
            let headers = |index| fetched.headers(index);
            let batch = RawBatch {
                topic: &at.topic,
                partition: at.partition,
                records: &records,
                headers: &headers,
            };
            records.is_empty() || each(&batch)
        };
        for (at, first, end) in self.edges(topic)? {
            let mut reached = first;
            if first < end {
                let mut look = |at: &TopicPartition, fetched: &Fetched<'_>, next: i64, _: bool| {
                    reached = next;
                    stopped = !hand(at, fetched);
                    if stopped || next >= end {
                        Next::Stop
                    } else {
                        Next::On
                    }
                };
                self.tail.read(
                    &[(at.clone(), first)],
                    Some(STANDSTILL),
                    &mut || Ok(()),
                    &mut look,
                )?;
            }
            if stopped {
                return Ok(());
            }
            positions.push((at.partition, reached));
        }
        if !follow {
            return Ok(());
        }
        let never = AtomicBool::new(false);
        self.follow(topic, &positions, &never, &mut |_, batch, _| {
            batch.is_none_or(&mut *each)
        })
    }

    fn follow(
        &mut self,
        topic: &str,
        from: &[(i32, i64)],
        stop: &AtomicBool,
        each: OnProgress<'_>,
    ) -> Result<(), LogError> {
        let edges = self.edges(topic)?.into_iter();
        let position = |(at, first, _): (TopicPartition, i64, i64)| {
            let (_, from) = from.iter().find(|(p, _)| *p == at.partition)?;
            Some((at, first.max(*from)))
        };
        let positions: Vec<_> = edges.filter_map(position).collect();
        for (at, first) in &positions {
            if !each(at.partition, None, *first) {
                return Ok(());
            }
        }
        let mut look = |at: &TopicPartition, fetched: &Fetched<'_>, next: i64, _: bool| {
            let records = fetched.records();
            let headers = |index| fetched.headers(index);
            let batch = RawBatch {
                topic: &at.topic,
                partition: at.partition,
                records: &records,
                headers: &headers,
            };
            match each(at.partition, (!records.is_empty()).then_some(&batch), next) {
                true => Next::On,
                false => Next::Stop,
            }
        };
        let mut idle = || match stop.load(Ordering::Relaxed) {
            true => Err(told_to_stop()),
            false => Ok(()),
        };
        self.tail.read(&positions, None, &mut idle, &mut look)
    }
}

/// Hands a record to the producer; makes room where it is full.
fn send(
    producer: &BaseProducer<Deliveries>,
    topic: &str,
    record: &Produced,
) -> Result<(), KafkaError> {
    let mut next: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
    next.partition = record.partition;
    next.key = record.key.as_deref();
    next.payload = record.value.as_deref();
    if !record.headers.is_empty() {
        let add = |headers: OwnedHeaders, (name, value): &(String, Option<Vec<u8>>)| {
            headers.insert(Header {
                key: name,
                value: value.as_ref(),
            })
        };
        next.headers = Some(
            record
                .headers
                .iter()
                .fold(OwnedHeaders::new_with_capacity(record.headers.len()), add),
        );
    }
    let until = Instant::now() + WRITE;
    loop {
        match producer.send(next) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(Code::QueueFull), back))
                if Instant::now() < until =>
            {
                next = back;
                producer.poll(Duration::from_millis(10));
            }
            Err((error, _)) => return Err(error),
        }
    }
}

/// Remembers the first record that was not delivered.
#[derive(Default)]
struct Deliveries(Mutex<Option<KafkaError>>);

impl Deliveries {
    fn take(&self) -> Option<KafkaError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| error.clone());
        }
    }
}
