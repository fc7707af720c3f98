//! The reading side: membership, partitions, committed positions, changelogs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidemill_engine::record::{RawBatch, RawRecord};
use tidemill_worker::log::{
    GroupEvent, LogError, Membership, OnEntry, Position, Reader, Start, Taken, TopicPartition,
};

use super::{SimulatedMembership, unframe};
use crate::broken::Broken;
use crate::grammar::MOVING;
use crate::log::{MS, Standing, Time};
use crate::world::{Process, Site, own};

/// How long a read of committed offsets, or of a changelog, waits for a transaction to end.
const PATIENCE: Time = 3_000 * MS;

/// What the member has last been told, and has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// It holds nothing.
    Idle,
    /// It is to take these over, in this generation.
    Assigning(i32, Vec<TopicPartition>),
    /// It holds its share of a generation.
    Holding(i32),
    /// It is to give back what it holds.
    Releasing,
    /// Another process has its name: there is no way back.
    Fenced,
    /// It has left.
    Left,
}

/// A worker's consumer.
pub(crate) struct SimulatedReader {
    process: Arc<Process>,
    membership: SimulatedMembership,
    topics: Vec<String>,
    phase: Phase,
    /// The next offset of each partition that is read.
    positions: BTreeMap<TopicPartition, i64>,
    /// Workers that were members when we last looked, and those that have been fenced since.
    seen: BTreeSet<String>,
    fenced: BTreeSet<String>,
}

impl SimulatedReader {
    pub(crate) fn open(process: &Arc<Process>, membership: SimulatedMembership) -> Self {
        Self {
            process: Arc::clone(process),
            membership,
            topics: Vec::new(),
            phase: Phase::Idle,
            positions: BTreeMap::new(),
            seen: BTreeSet::new(),
            fenced: BTreeSet::new(),
        }
    }

    fn heard(&mut self) -> Result<Vec<GroupEvent>, LogError> {
        if self.phase == Phase::Fenced {
            return Err(LogError::Refused(FENCED.to_owned()));
        }
        let process = Arc::clone(&self.process);
        let standing = process.ask(Site::Poll, || {
            process
                .world
                .log()
                .group
                .standing(&process.name, process.index)
        })?;
        Ok(match (standing, &self.phase) {
            (Standing::Fenced, Phase::Holding(_)) => {
                self.phase = Phase::Fenced;
                self.lose();
                vec![GroupEvent::Lost]
            }
            (Standing::Fenced, Phase::Idle) => {
                return Err(LogError::Refused(FENCED.to_owned()));
            }
            (Standing::Out | Standing::Outdated, Phase::Idle) => {
                self.join();
                Vec::new()
            }
            (Standing::Out, Phase::Holding(_)) => {
                self.phase = Phase::Releasing;
                self.lose();
                vec![GroupEvent::Lost]
            }
            (Standing::Outdated, Phase::Holding(_)) => {
                self.phase = Phase::Releasing;
                own(&self.membership.0).revoking = true;
                vec![GroupEvent::Revoked]
            }
            (Standing::Settled(generation, share), Phase::Idle) => {
                self.phase = Phase::Assigning(generation, share.clone());
                own(&self.membership.0).told = generation;
                vec![GroupEvent::Assigned(share)]
            }
            _ => Vec::new(),
        })
    }

    fn join(&self) {
        let mut log = self.process.world.log();
        let now = log.now;
        log.group
            .join(now, &self.process.name, self.process.index, &self.topics);
    }

    /// Notes where it begins what nobody has begun, for those who check, unless it has lost its partitions already.
    fn note_starts(&self) {
        let mut log = self.process.world.log();
        let standing = log.group.standing(&self.process.name, self.process.index);
        if !matches!(standing, Standing::Settled(..) | Standing::Outdated) {
            return;
        }
        for (at, offset) in &self.positions {
            if !log.decided.contains_key(at) {
                log.starts.insert(at.clone(), *offset);
            }
        }
    }

    /// Nothing may be committed from now on.
    fn lose(&self) {
        let mut client = own(&self.membership.0);
        client.held.clear();
        client.generation = -1;
        client.revoking = false;
    }

    /// Ends what dead workers may have left open, as whoever takes their partitions over does.
    fn fence(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        let process = Arc::clone(&self.process);
        let (writers, members) = process.ask(Site::Offsets, || {
            let log = process.world.log();
            let writers = partitions.iter().filter_map(|at| log.offsets.get(at));
            let writers: BTreeSet<String> = writers
                .map(|stored| unframe(&stored.metadata).0.to_owned())
                .collect();
            (writers, log.group.members())
        })?;
        self.fenced.retain(|id| !members.contains(id));
        let dead: Vec<String> = writers
            .union(&self.seen)
            .filter(|id| **id != process.name && !members.contains(*id))
            .filter(|id| !self.fenced.contains(*id))
            .cloned()
            .collect();
        self.seen = members;
        for id in dead {
            self.fenced.insert(id.clone());
            // What fails here is settled when the transaction times out.
            let _ = process.ask(Site::Init, || process.world.log().init_producer(&id));
        }
        Ok(())
    }
}

const FENCED: &str = "another worker runs with the same identity";

impl Reader for SimulatedReader {
    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError> {
        self.topics = topics.to_vec();
        Ok(())
    }

    fn events(&mut self, wait: Duration) -> Result<Vec<GroupEvent>, LogError> {
        let events = self.heard()?;
        let wait = u64::try_from(wait.as_micros()).unwrap_or(Time::MAX);
        if !events.is_empty() || wait == 0 {
            return Ok(events);
        }
        // Something to read may end the wait at any time.
        let time = self.process.world.range(wait / 2, wait);
        self.process.nap(time)?;
        self.heard()
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<Position>>, LogError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        self.fence(partitions)?;
        let process = Arc::clone(&self.process);
        let begin = process.world.scheduler.now();
        let forget = process.world.is_broken(Broken::LosePartitionTime);
        loop {
            let found = process.ask(Site::Offsets, || {
                let log = process.world.log();
                if partitions.iter().any(|at| log.is_unstable(at)) {
                    return None;
                }
                let position = |at| {
                    let stored = log.offsets.get(at)?;
                    let clock = unframe(&stored.metadata).1;
                    Some(Position {
                        offset: stored.offset,
                        clock: if forget { "1" } else { clock }.to_owned(),
                    })
                };
                Some(partitions.iter().map(position).collect())
            })?;
            if let Some(found) = found {
                return Ok(found);
            }
            if process.world.scheduler.now() - begin > PATIENCE {
                return Err(LogError::Unavailable("offsets are not stable".to_owned()));
            }
            process.nap(5 * MS)?;
        }
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<Vec<i64>, LogError> {
        let process = Arc::clone(&self.process);
        let offsets: Vec<i64> = process.ask(Site::Assign, || {
            let log = process.world.log();
            let start = |(at, start): &(TopicPartition, Start)| {
                let partition = log.partition(at);
                match start {
                    Start::At(offset) => *offset,
                    Start::Earliest => partition.map_or(0, |p| p.first()),
                    Start::Latest | Start::Timestamp(_) => partition.map_or(0, |p| p.stable_end()),
                }
            };
            partitions.iter().map(start).collect()
        })?;
        let starts = partitions.iter().map(|(at, _)| at.clone());
        self.positions = starts.zip(offsets.iter().copied()).collect();
        self.note_starts();
        let mut log = self.process.world.log();
        log.note_takeover(self.process.index, self.positions.keys(), MOVING);
        drop(log);
        if let Phase::Assigning(generation, share) = &self.phase {
            let mut client = own(&self.membership.0);
            client.generation = *generation;
            client.held = share.iter().cloned().collect();
            client.revoking = false;
            let generation = *generation;
            drop(client);
            self.phase = Phase::Holding(generation);
        }
        Ok(offsets)
    }

    fn unassign(&mut self) -> Result<(), LogError> {
        let process = Arc::clone(&self.process);
        process.ask(Site::Assign, || ())?;
        self.positions.clear();
        self.lose();
        if matches!(
            self.phase,
            Phase::Releasing | Phase::Holding(_) | Phase::Assigning(..)
        ) {
            self.phase = Phase::Idle;
        }
        Ok(())
    }

    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError> {
        self.positions.insert(partition.clone(), offset);
        Ok(())
    }

    fn take(
        &mut self,
        partition: &TopicPartition,
        max: usize,
        each: &mut dyn FnMut(&RawBatch<'_>),
    ) -> Result<Taken, LogError> {
        let world = Arc::clone(&self.process.world);
        let Some(position) = self.positions.get_mut(partition) else {
            return Err(LogError::Refused(format!(
                "{partition:?} is not being read"
            )));
        };
        let nothing = Taken {
            next_offset: *position,
            ..Taken::default()
        };
        // What has been fetched so far may be nothing, or less than there is.
        if self.process.is_dead() || world.chance(20) || world.is_silent(partition) {
            return Ok(nothing);
        }
        let most = max.min(world.range(1, 40) as usize);
        let log = world.log();
        let seen = log.read_committed(partition, *position, most);
        let records: Vec<RawRecord<'_>> = seen
            .records
            .iter()
            .map(|(offset, record)| RawRecord {
                offset: *offset,
                timestamp: 0,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
            })
            .collect();
        let cut = world.range(0, records.len() as u64 + 1) as usize;
        let (first, rest) = records.split_at(cut.min(records.len()));
        for part in [first, rest] {
            if !part.is_empty() {
                each(&RawBatch {
                    topic: &partition.topic,
                    partition: partition.partition,
                    records: part,
                    headers: &|_| Vec::new(),
                });
            }
        }
        *position = seen.next;
        Ok(Taken {
            records: records.len(),
            next_offset: seen.next,
            at_end: seen.at_end,
            end: log.partition(partition).map(|p| p.stable_end()),
        })
    }

    fn end_offsets(&mut self, partitions: &[TopicPartition]) -> Result<Vec<i64>, LogError> {
        let process = Arc::clone(&self.process);
        Ok(process.ask(Site::Offsets, || {
            let log = process.world.log();
            let end = |at| log.partition(at).map_or(0, |p| p.stable_end());
            partitions.iter().map(end).collect()
        })?)
    }

    fn restore(
        &mut self,
        partition: &TopicPartition,
        stop: &AtomicBool,
        each: OnEntry<'_>,
    ) -> Result<(), LogError> {
        let process = Arc::clone(&self.process);
        let stable = process.world.is_broken(Broken::RestoreToStable);
        let (mut next, end) = process.ask(Site::Restore, || {
            let log = process.world.log();
            let partition = log.partition(partition);
            let end = |p: &crate::log::Partition| if stable { p.stable_end() } else { p.end() };
            (partition.map_or(0, |p| p.first()), partition.map_or(0, end))
        })?;
        let begin = process.world.scheduler.now();
        while next < end {
            let log = process.world.log();
            let seen = log.read_committed(partition, next, 50);
            for (offset, record) in &seen.records {
                if *offset < end
                    && let Some(key) = &record.key
                {
                    each(key, record.value.as_deref());
                }
            }
            next = seen.next;
            drop(seen);
            drop(log);
            if next < end {
                if stop.load(Ordering::Relaxed) {
                    return Err(LogError::Unavailable("told to stop".to_owned()));
                }
                if process.world.scheduler.now() - begin > PATIENCE {
                    return Err(LogError::Unavailable("a transaction hangs".to_owned()));
                }
                process.ask(Site::Restore, || ())?;
            }
        }
        Ok(())
    }

    fn membership(&self) -> Arc<dyn Membership> {
        Arc::new(self.membership.clone())
    }

    fn leave(&mut self) -> Result<(), LogError> {
        self.lose();
        self.positions.clear();
        self.phase = Phase::Left;
        let process = Arc::clone(&self.process);
        Ok(process.ask(Site::Poll, || {
            let mut log = process.world.log();
            let now = log.now;
            log.group.leave(now, &process.name, process.index);
        })?)
    }
}
