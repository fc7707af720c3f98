//! Transactions: fenced by epochs, decided once, ended in each partition by a marker that comes in its own time.

use std::collections::BTreeMap;

use tidemill_worker::log::{Produced, TopicPartition};

use super::{Log, MS, Stored, TRANSACTION, Time, Turn};

/// Which transaction, in the order in which they began.
pub(crate) type TransactionId = usize;

/// A transaction of a producer.
#[derive(Debug)]
pub(crate) struct Transaction {
    producer: String,
    begun: Time,
    /// Partitions written, with the time at which their marker comes once it is decided.
    partitions: BTreeMap<TopicPartition, Time>,
    offsets: BTreeMap<TopicPartition, Stored>,
    /// The process that has added them.
    process: Option<usize>,
    /// When the marker for the offsets comes.
    offsets_due: Option<Time>,
    decision: Option<bool>,
}

impl Transaction {
    pub(crate) fn is_committed(&self) -> bool {
        self.decision == Some(true)
    }
}

/// What a broker says no with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A producer with the same id and a higher epoch has come.
    Fenced,
    /// The transaction before has not come to its end; trying again helps.
    Busy,
    /// The member is not known, or not of this generation.
    Disowned,
    /// The transaction has been decided otherwise.
    Decided,
}

impl Log {
    /// Makes a producer the only one of its id; whatever it has open is aborted. Gives its epoch.
    pub(crate) fn init_producer(&mut self, id: &str) -> Result<u32, Refusal> {
        let producer = self.producers.entry(id.to_owned()).or_default();
        if let Some(open) = producer.transaction {
            if self
                .transactions
                .get(open)
                .is_some_and(|t| t.decision.is_none())
            {
                producer.epoch += 1;
                self.decide(open, false, "its id was initialized");
            }
            return Err(Refusal::Busy);
        }
        producer.epoch += 1;
        Ok(producer.epoch)
    }

    fn current(&self, id: &str, epoch: u32) -> Result<Option<TransactionId>, Refusal> {
        let producer = self.producers.get(id).ok_or(Refusal::Fenced)?;
        if producer.epoch != epoch {
            return Err(Refusal::Fenced);
        }
        Ok(producer.transaction)
    }

    /// The open transaction of a producer; a new one if there is none.
    fn open(&mut self, id: &str, epoch: u32) -> Result<TransactionId, Refusal> {
        match self.current(id, epoch)? {
            Some(open)
                if self
                    .transactions
                    .get(open)
                    .is_some_and(|t| t.decision.is_none()) =>
            {
                Ok(open)
            }
            Some(_) => Err(Refusal::Busy),
            None => {
                let new = self.transactions.len();
                self.transactions.push(Transaction {
                    producer: id.to_owned(),
                    begun: self.now,
                    partitions: BTreeMap::new(),
                    offsets: BTreeMap::new(),
                    process: None,
                    offsets_due: None,
                    decision: None,
                });
                self.unsettled.insert(new);
                if let Some(producer) = self.producers.get_mut(id) {
                    producer.transaction = Some(new);
                }
                Ok(new)
            }
        }
    }

    /// Writes records of one partition in the producer's transaction.
    pub(crate) fn produce(
        &mut self,
        id: &str,
        epoch: u32,
        at: &TopicPartition,
        records: Vec<Produced>,
    ) -> Result<(), Refusal> {
        let open = self.open(id, epoch)?;
        let now = self.now;
        if let Some(partition) = self.partition_mut(at) {
            for record in records {
                partition.append(now, Some(open), record);
            }
        }
        if let Some(transaction) = self.transactions.get_mut(open) {
            transaction.partitions.insert(at.clone(), Time::MAX);
        }
        Ok(())
    }

    /// Adds offsets to the producer's transaction, as a member of the group.
    pub(crate) fn send_offsets(
        &mut self,
        id: &str,
        epoch: u32,
        member: (&str, usize, i32),
        offsets: Vec<(TopicPartition, Stored)>,
    ) -> Result<(), Refusal> {
        let open = self.open(id, epoch)?;
        let (instance, process, generation) = member;
        if !self.group.is_current(instance, process, generation) {
            return Err(Refusal::Disowned);
        }
        if let Some(transaction) = self.transactions.get_mut(open) {
            transaction.offsets.extend(offsets);
            transaction.process = Some(process);
        }
        Ok(())
    }

    /// Commits or aborts the producer's transaction. Asked twice it gives the same answer.
    pub(crate) fn end_transaction(
        &mut self,
        id: &str,
        epoch: u32,
        commit: bool,
    ) -> Result<(), Refusal> {
        let Some(current) = self.current(id, epoch)? else {
            return Ok(());
        };
        match self.transactions.get(current).and_then(|t| t.decision) {
            None => {
                self.decide(current, commit, id);
                Ok(())
            }
            Some(decision) if decision == commit => Ok(()),
            Some(_) => Err(Refusal::Decided),
        }
    }

    fn decide(&mut self, id: TransactionId, commit: bool, why: &str) {
        let now = self.now;
        let mut random = self.random.clone();
        let mut due = || {
            now + if random.chance(80) {
                random.range(0, 3 * MS)
            } else {
                random.range(0, 250 * MS)
            }
        };
        let Some(transaction) = self.transactions.get_mut(id) else {
            return;
        };
        transaction.decision = Some(commit);
        for marker in transaction.partitions.values_mut() {
            *marker = due();
        }
        transaction.offsets_due = Some(due());
        if commit {
            for (at, stored) in &transaction.offsets {
                self.decided.insert(at.clone(), stored.offset);
                self.begun.entry(at.clone()).or_insert(now);
                let turn = transaction.process.map(|process| Turn::Committed {
                    process,
                    offset: stored.offset,
                });
                self.course.entry(at.clone()).or_default().extend(turn);
            }
        }
        self.random = random;
        self.tell(|| {
            let end = if commit { "committed" } else { "aborted" };
            format!("transaction {id} is {end}: {why}")
        });
    }

    /// Writes the markers that are due.
    pub(super) fn settle(&mut self) {
        let now = self.now;
        for id in self.unsettled.clone() {
            let Some(transaction) = self.transactions.get_mut(id) else {
                continue;
            };
            if transaction.decision.is_none() {
                continue;
            }
            let due: Vec<TopicPartition> = transaction
                .partitions
                .iter()
                .filter(|(_, at)| **at <= now)
                .map(|(at, _)| at.clone())
                .collect();
            for at in &due {
                transaction.partitions.remove(at);
            }
            let committed = transaction.is_committed();
            if transaction.offsets_due.is_some_and(|at| at <= now) {
                transaction.offsets_due = None;
                let offsets = std::mem::take(&mut transaction.offsets);
                if committed {
                    self.offsets.extend(offsets);
                }
            }
            let ended = transaction.partitions.is_empty() && transaction.offsets_due.is_none();
            let producer = transaction.producer.clone();
            for at in due {
                if let Some(partition) = self.partition_mut(&at) {
                    partition.mark(now, id);
                }
            }
            if ended {
                self.unsettled.remove(&id);
                if let Some(producer) = self.producers.get_mut(&producer) {
                    producer.transaction = None;
                }
            }
        }
    }

    /// Aborts transactions that have been open for too long, and fences their producers.
    pub(super) fn time_out(&mut self) {
        let late: Vec<TransactionId> = self
            .unsettled
            .iter()
            .copied()
            .filter(|&id| {
                self.transactions.get(id).is_some_and(|t| {
                    t.decision.is_none() && self.now.saturating_sub(t.begun) > TRANSACTION
                })
            })
            .collect();
        for id in late {
            if let Some(producer) = self
                .transactions
                .get(id)
                .and_then(|t| self.producers.get_mut(&t.producer))
            {
                producer.epoch += 1;
            }
            self.decide(id, false, "it has been open for too long");
        }
    }

    /// Whether an offset may yet be moved by a transaction whose end has not been written.
    pub(crate) fn is_unstable(&self, at: &TopicPartition) -> bool {
        self.unsettled
            .iter()
            .filter_map(|&id| self.transactions.get(id))
            .any(|t| t.offsets.contains_key(at))
    }
}
