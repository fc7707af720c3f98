//! Tests against a real Kafka broker: `TIDEMILL_TEST_KAFKA=host:port` says where it is. They make topics and groups of
//! their own, under names that no other run uses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

#[path = "kafka/committing.rs"]
mod committing;
#[path = "kafka/group.rs"]
mod group;
#[path = "kafka/reading.rs"]
mod reading;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemill_engine::record::Headers;
use tidemill_worker::log::kafka::{KafkaAdmin, KafkaCommitter, KafkaConfig, KafkaReader};
use tidemill_worker::log::{
    Admin, Committer, GroupEvent, LogError, Packed, Position, Produced, Reader, Start,
    TopicPartition, TopicSpec,
};

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    partition: i32,
    offset: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
}

/// One test's corner of the broker.
struct World {
    servers: String,
    run: String,
}

impl World {
    fn new() -> Self {
        let servers = std::env::var("TIDEMILL_TEST_KAFKA")
            .expect("these tests need a Kafka broker: set TIDEMILL_TEST_KAFKA=host:port");
        let run = format!("{:x}", RandomState::new().build_hasher().finish());
        println!("names of this test end in {run}");
        Self { servers, run }
    }

    fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.run)
    }

    /// Sessions are long, so that nothing that a test waits for happens by a timeout.
    fn config(&self, identity: &str) -> KafkaConfig {
        let mut config = KafkaConfig::new(&self.servers, &self.name("group"), identity);
        config.session_timeout = Duration::from_secs(300);
        config.heartbeat_interval = Duration::from_millis(100);
        config
    }

    fn admin(&self) -> KafkaAdmin {
        KafkaAdmin::open(&self.config("admin")).unwrap()
    }

    /// Makes a topic.
    fn topic(&self, what: &str, partitions: u32, config: &[(&str, &str)]) -> Arc<str> {
        let name = self.name(what);
        let config = config
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        self.admin()
            .ensure(&[TopicSpec {
                name: name.clone(),
                partitions,
                compacted: false,
                config,
            }])
            .unwrap();
        name.into()
    }

    /// A worker that has joined and reads all that it has been given from the beginning.
    fn worker(
        &self,
        identity: &str,
        topic: &str,
    ) -> (KafkaReader, KafkaCommitter, Vec<TopicPartition>) {
        let config = self.config(identity);
        let mut reader = KafkaReader::open(&config).unwrap();
        reader.subscribe(&[topic.to_owned()]).unwrap();
        let ours = wait_for_assignment(&mut reader);
        let mut committer = KafkaCommitter::open(&config, reader.membership()).unwrap();
        committer.init().unwrap();
        (reader, committer, ours)
    }

    /// What readers of committed data see once there are this many records: a commit is true some moments before they
    /// see it.
    fn read(&self, topic: &str, count: usize) -> Vec<Seen> {
        let mut admin = self.admin();
        until("committed records", || {
            let mut seen = Vec::new();
            admin
                .read(topic, false, &mut |batch| {
                    seen.extend(copy(batch));
                    true
                })
                .unwrap();
            (seen.len() >= count).then_some(seen)
        })
    }
}

fn copy(batch: &tidemill_engine::record::RawBatch<'_>) -> Vec<Seen> {
    let seen = |(index, record): (usize, &tidemill_engine::record::RawRecord<'_>)| Seen {
        partition: batch.partition,
        offset: record.offset,
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: (batch.headers)(index),
    };
    batch.records.iter().enumerate().map(seen).collect()
}

fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: topic.into(),
        partition,
    }
}

fn position(offset: i64, clock: &str) -> Position {
    Position {
        offset,
        clock: clock.to_owned(),
    }
}

fn produced(key: &str, value: &str) -> Produced {
    Produced {
        key: Some(key.into()),
        value: Some(value.into()),
        ..Produced::default()
    }
}

fn packed(rows: &[(Option<&str>, Option<&str>)]) -> Packed {
    let mut packed = Packed::default();
    let mut add = |part: &Option<&str>| {
        part.map(|text| {
            let start = u32::try_from(packed.arena.len()).unwrap();
            packed.arena.extend_from_slice(text.as_bytes());
            start..u32::try_from(packed.arena.len()).unwrap()
        })
    };
    let records = rows
        .iter()
        .map(|(key, value)| (add(key), add(value)))
        .collect();
    packed.records = records;
    packed
}

/// Calls until there is an answer; a minute without one is a failure.
fn until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = poll() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited a minute for {what}");
    }
}

/// Answers the group until there are partitions, and starts reading them from the beginning.
fn wait_for_assignment(reader: &mut KafkaReader) -> Vec<TopicPartition> {
    until("an assignment", || {
        step(reader).filter(|ours| !ours.is_empty())
    })
}

/// Serves the group once, as a worker without state does; an assignment if there was one.
fn step(reader: &mut KafkaReader) -> Option<Vec<TopicPartition>> {
    try_step(reader).unwrap()
}

/// The same; an error if this worker is not to go on.
fn try_step(reader: &mut KafkaReader) -> Result<Option<Vec<TopicPartition>>, LogError> {
    let mut given = None;
    for event in reader.events(Duration::from_millis(50))? {
        match event {
            GroupEvent::Assigned(ours) => {
                let starts: Vec<_> = ours
                    .iter()
                    .map(|at| (at.clone(), Start::Earliest))
                    .collect();
                reader.assign(&starts).unwrap();
                given = Some(ours);
            }
            GroupEvent::Revoked | GroupEvent::Lost => reader.unassign().unwrap(),
        }
    }
    Ok(given)
}

/// Waits until readers of committed data see a partition up to this offset.
fn wait_for_end(reader: &mut KafkaReader, partition: &TopicPartition, offset: i64) {
    until("the end to move", || {
        let end = reader.end_offsets(std::slice::from_ref(partition)).unwrap();
        (end == [offset]).then_some(())
    });
}

/// Takes from a partition until its end has been seen; the records and the next offset.
fn take_to_end(reader: &mut KafkaReader, partition: &TopicPartition) -> (Vec<Seen>, i64) {
    let mut seen = Vec::new();
    until("the end of a partition", || {
        reader.events(Duration::from_millis(20)).unwrap();
        let taken = reader
            .take(partition, 10_000, &mut |batch| seen.extend(copy(batch)))
            .unwrap();
        taken.at_end.then_some(taken.next_offset)
    });
    let end = reader.end_offsets(std::slice::from_ref(partition)).unwrap()[0];
    let next = until("the last end", || {
        reader.events(Duration::from_millis(20)).unwrap();
        let taken = reader
            .take(partition, 10_000, &mut |batch| seen.extend(copy(batch)))
            .unwrap();
        (taken.next_offset >= end).then_some(taken.next_offset)
    });
    (seen, next)
}
