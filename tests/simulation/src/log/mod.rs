//! The simulated log: what a Kafka cluster holds and answers, without clients, threads or time of its own.

mod group;
mod partition;
mod transactions;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use tidemill_worker::log::{Produced, TopicPartition};

pub(crate) use self::group::{Group, Standing};
pub(crate) use self::partition::{Partition, Seen};
pub(crate) use self::transactions::{Refusal, Transaction, TransactionId};
use crate::random::Random;

/// Simulated time, in microseconds since the start of a run.
pub(crate) type Time = u64;

/// One millisecond.
pub(crate) const MS: Time = 1_000;

/// How long a member may be silent.
pub(crate) const SESSION: Time = 400 * MS;
/// How long a rebalance waits for those that hold partitions.
pub(crate) const REBALANCE: Time = 1_500 * MS;
/// How long a transaction may stay open.
pub(crate) const TRANSACTION: Time = 600 * MS;
/// How long compaction leaves a tombstone: longer than anybody needs to read a changelog back.
pub(crate) const TOMBSTONES: Time = 8_000 * MS;

/// A topic.
#[derive(Debug, Default)]
pub(crate) struct Topic {
    pub(crate) compacted: bool,
    pub(crate) partitions: Vec<Partition>,
}

/// An offset that is committed, with its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

/// What happened to a partition that is read.
#[derive(Debug)]
pub(crate) enum Turn {
    /// A process began to read it, when the partitions of a table ended there.
    Began { process: usize, ends: Vec<i64> },
    /// A process committed it up to there.
    Committed { process: usize, offset: i64 },
}

/// A producer's transactional id.
#[derive(Debug, Default)]
pub(crate) struct Producer {
    /// Who has a lower one is fenced.
    pub(crate) epoch: u32,
    pub(crate) transaction: Option<TransactionId>,
}

/// The cluster.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) now: Time,
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) producers: BTreeMap<String, Producer>,
    pub(crate) offsets: BTreeMap<TopicPartition, Stored>,
    pub(crate) group: Group,
    /// Transactions that have not come to their end.
    unsettled: BTreeSet<TransactionId>,
    /// Offsets as they are once all markers have come, for checks: a commit counts from its decision on.
    pub(crate) decided: BTreeMap<TopicPartition, i64>,
    /// When the first offset of each partition was committed.
    pub(crate) begun: BTreeMap<TopicPartition, Time>,
    /// Where members began to read partitions of which nothing was committed.
    pub(crate) starts: BTreeMap<TopicPartition, i64>,
    /// When a member was first given a partition.
    pub(crate) given: BTreeMap<TopicPartition, Time>,
    /// By partition, who began to read it and who committed it, in that order.
    pub(crate) course: BTreeMap<TopicPartition, Vec<Turn>>,
    random: Random,
    /// What has happened, if anybody wants to read it.
    pub(crate) story: Option<Vec<String>>,
}

impl Log {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: 0,
            topics: BTreeMap::new(),
            transactions: Vec::new(),
            producers: BTreeMap::new(),
            offsets: BTreeMap::new(),
            group: Group::default(),
            unsettled: BTreeSet::new(),
            decided: BTreeMap::new(),
            begun: BTreeMap::new(),
            starts: BTreeMap::new(),
            given: BTreeMap::new(),
            course: BTreeMap::new(),
            random: Random::new(seed),
            story: None,
        }
    }

    /// Notes that a process begins to read partitions: it must have read tables as far as they go now.
    pub(crate) fn note_takeover<'p>(
        &mut self,
        process: usize,
        partitions: impl Iterator<Item = &'p TopicPartition>,
        table: &str,
    ) {
        let table = self.topics.get(table);
        let ends = table.map(|table| table.partitions.iter().map(Partition::end).collect());
        let ends: Vec<i64> = ends.unwrap_or_default();
        for at in partitions {
            let turn = Turn::Began {
                process,
                ends: ends.clone(),
            };
            self.course.entry(at.clone()).or_default().push(turn);
        }
    }

    /// Adds a line to the story.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(story) = &mut self.story {
            story.push(format!("{:>9.3} ms  {}", now as f64 / 1000.0, line()));
        }
    }

    pub(crate) fn create(&mut self, name: &str, partitions: u32, compacted: bool) {
        self.topics.entry(name.to_owned()).or_insert_with(|| Topic {
            compacted,
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
        });
    }

    /// Gives a topic more partitions. Its readers notice in their own time.
    pub(crate) fn grow(&mut self, name: &str, partitions: u32) {
        if let Some(topic) = self.topics.get_mut(name)
            && topic.partitions.len() < partitions as usize
        {
            topic
                .partitions
                .resize_with(partitions as usize, Partition::default);
            self.tell(|| format!("{name} has {partitions} partitions now"));
        }
    }

    pub(crate) fn count(&self, topic: &str) -> Option<u32> {
        Some(self.topics.get(topic)?.partitions.len() as u32)
    }

    pub(crate) fn partition(&self, at: &TopicPartition) -> Option<&Partition> {
        let number = usize::try_from(at.partition).ok()?;
        self.topics.get(&*at.topic)?.partitions.get(number)
    }

    pub(crate) fn partition_mut(&mut self, at: &TopicPartition) -> Option<&mut Partition> {
        let number = usize::try_from(at.partition).ok()?;
        self.topics.get_mut(&*at.topic)?.partitions.get_mut(number)
    }

    /// Appends a record outside any transaction.
    pub(crate) fn append(&mut self, at: &TopicPartition, record: Produced) {
        let now = self.now;
        if let Some(partition) = self.partition_mut(at) {
            partition.append(now, None, record);
        }
    }

    /// What readers of committed data see of a partition from an offset on, at most `max` records, and how far they are
    /// then. Behind a record whose transaction is open they see nothing.
    pub(crate) fn read_committed(&self, at: &TopicPartition, from: i64, max: usize) -> Seen<'_> {
        match self.partition(at) {
            Some(partition) => partition.read(from, partition.stable_end(), max, &|id| {
                self.is_committed(id)
            }),
            None => Seen::default(),
        }
    }

    fn is_committed(&self, id: TransactionId) -> bool {
        self.transactions
            .get(id)
            .is_some_and(Transaction::is_committed)
    }

    /// Lets time pass: markers arrive, what has been open or silent for too long is ended.
    pub(crate) fn tick(&mut self, now: Time, is_alive: &dyn Fn(usize) -> bool) {
        self.now = now;
        self.settle();
        self.time_out();
        let topics = &self.topics;
        let lines = self.group.tick(now, is_alive, &|| counts(topics));
        if !lines.is_empty() {
            for at in self.group.given() {
                self.given.entry(at.clone()).or_insert(now);
            }
        }
        for line in lines {
            self.tell(|| line);
        }
    }

    /// What a member would have after a rebalance.
    pub(crate) fn next_share(&self, instance: &str) -> Vec<TopicPartition> {
        self.group.next_share(instance, &counts(&self.topics))
    }

    /// Takes away of a compacted partition what compaction may take away.
    pub(crate) fn compact(&mut self) {
        let (now, mut random) = (self.now, self.random.clone());
        let committed: BTreeSet<TransactionId> = (0..self.transactions.len())
            .filter(|&id| self.is_committed(id))
            .collect();
        for topic in self.topics.values_mut().filter(|t| t.compacted) {
            for partition in &mut topic.partitions {
                partition.compact(now, &|id| committed.contains(&id), &mut random);
            }
        }
        self.random = random;
        self.tell(|| "changelogs are compacted".to_owned());
    }

    /// Whether nothing is on its way: no transaction is open, none waits for its markers, the group is at rest.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.unsettled.is_empty() && self.group.is_stable()
    }
}

/// How many partitions each topic has.
fn counts(topics: &BTreeMap<String, Topic>) -> BTreeMap<String, u32> {
    let count = |(name, topic): (&String, &Topic)| (name.clone(), topic.partitions.len() as u32);
    topics.iter().map(count).collect()
}
