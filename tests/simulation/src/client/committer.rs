//! The writing side: one transaction a commit. What follows a failure is what the Kafka committer does.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidemill_worker::log::{
    Commit, Committer, LogError, Outcome, Packed, Position, Produced, TopicPartition, partitioner,
};

use super::{SimulatedMembership, frame};
use crate::broken::Broken;
use crate::log::{MS, Refusal, Stored, TRANSACTION, Time};
use crate::world::{NoAnswer, Process, Site, own};

/// How long getting ready may take.
const INIT: Time = 3_000 * MS;

/// A worker's transactional producer.
pub(crate) struct SimulatedCommitter {
    process: Arc<Process>,
    membership: SimulatedMembership,
    /// None before it is initialized, and when it is of no more use.
    epoch: Option<u32>,
}

/// What a transaction has failed with.
#[derive(Debug)]
enum Failure {
    /// The process is dead.
    Dead,
    /// The partitions are not ours.
    Disowned,
    /// Another producer has our id.
    Fenced,
    /// A call before the commit was not answered.
    Before,
    /// The commit itself was not answered, or too late.
    Commit,
}

impl From<NoAnswer> for Failure {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Dead => Self::Dead,
            NoAnswer::Silence => Self::Before,
        }
    }
}

type Offsets = Vec<(TopicPartition, Stored)>;

impl SimulatedCommitter {
    pub(crate) fn open(process: &Arc<Process>, membership: SimulatedMembership) -> Self {
        Self {
            process: Arc::clone(process),
            membership,
            epoch: None,
        }
    }

    /// The records of a commit by partition, in their order.
    fn lay_out(&self, commit: &Commit) -> BTreeMap<TopicPartition, Vec<Produced>> {
        let log = self.process.world.log();
        let forget = self.process.world.is_broken(Broken::ForgetTombstones);
        let mut batches: BTreeMap<TopicPartition, Vec<Produced>> = BTreeMap::new();
        let mut add = |topic: &Arc<str>, record: Produced| {
            let (count, compacted) = log
                .topics
                .get(&**topic)
                .map_or((1, false), |t| (t.partitions.len() as u32, t.compacted));
            if forget && compacted && record.value.is_none() {
                return;
            }
            let by_key = || {
                record
                    .key
                    .as_ref()
                    .map(|key| partitioner::partition_of(key, count))
            };
            let partition = record
                .partition
                .unwrap_or_else(|| by_key().unwrap_or(0).cast_signed());
            let at = TopicPartition {
                topic: Arc::clone(topic),
                partition,
            };
            batches.entry(at).or_default().push(record);
        };
        for (topic, packed) in &commit.packed {
            for record in unpack(packed) {
                add(topic, record);
            }
        }
        for (topic, record) in &commit.produced {
            add(topic, record.clone());
        }
        batches
    }

    fn offsets(&self, commit: &Commit) -> Offsets {
        let stored = |(at, position): &(TopicPartition, Position)| {
            let metadata = frame(&self.process.name, &position.clock);
            (
                at.clone(),
                Stored {
                    offset: position.offset,
                    metadata,
                },
            )
        };
        let mut offsets: Offsets = commit.positions.iter().map(stored).collect();
        let world = &self.process.world;
        if world.is_broken(Broken::CommitOnlyRevoked) && own(&self.membership.0).revoking {
            let kept = world.log().next_share(&self.process.name);
            offsets.retain(|(at, _)| !kept.contains(at));
        }
        offsets
    }

    /// Asks again for as long as the transaction before has not come to its end.
    fn insist<T>(
        &self,
        site: Site,
        mut call: impl FnMut() -> Result<T, Refusal>,
    ) -> Result<T, Failure> {
        let world = &self.process.world;
        let begin = world.scheduler.now();
        loop {
            match self.process.ask(site, &mut call)? {
                Ok(done) => return Ok(done),
                Err(Refusal::Busy) if world.scheduler.now() - begin < TRANSACTION => {
                    self.process.nap(2 * MS)?;
                }
                Err(Refusal::Busy) => return Err(Failure::Before),
                Err(Refusal::Disowned) => return Err(Failure::Disowned),
                Err(Refusal::Fenced | Refusal::Decided) => return Err(Failure::Fenced),
            }
        }
    }

    fn transact(&self, epoch: u32, commit: &Commit) -> Result<(), Failure> {
        let (world, name) = (&self.process.world, &self.process.name);
        for (at, records) in self.lay_out(commit) {
            self.insist(Site::Produce, || {
                world.log().produce(name, epoch, &at, records.clone())
            })?;
        }
        if !commit.positions.is_empty() {
            let generation = self.prove(commit)?;
            let offsets = self.offsets(commit);
            self.again(Site::SendOffsets, || {
                let member = (name.as_str(), self.process.index, generation);
                world
                    .log()
                    .send_offsets(name, epoch, member, offsets.clone())
            })?;
        }
        match self.again(Site::Commit, || {
            world.log().end_transaction(name, epoch, true)
        }) {
            Ok(()) => Ok(()),
            Err(Failure::Dead) => Err(Failure::Dead),
            // Even where we were fenced: an earlier try may have been heard.
            Err(_) => Err(Failure::Commit),
        }
    }

    /// A call that may be made again when it is not answered; the client does so once, by chance.
    fn again<T>(
        &self,
        site: Site,
        mut call: impl FnMut() -> Result<T, Refusal>,
    ) -> Result<T, Failure> {
        match self.insist(site, &mut call) {
            Err(Failure::Before) if self.process.world.chance(50) => self.insist(site, call),
            end => end,
        }
    }

    /// That the partitions are ours, as far as our client knows.
    fn prove(&self, commit: &Commit) -> Result<i32, Failure> {
        let client = own(&self.membership.0);
        let ours = commit
            .positions
            .iter()
            .all(|(at, _)| client.held.contains(at));
        if ours {
            Ok(client.generation)
        } else {
            Err(Failure::Disowned)
        }
    }

    fn give_up(&self, epoch: u32, failure: &Failure) -> Outcome {
        let why = format!("{failure:?}");
        match failure {
            Failure::Dead => Outcome::Fatal("the process is dead".to_owned()),
            Failure::Fenced => Outcome::Fenced(why),
            Failure::Commit => Outcome::Unknown(why),
            Failure::Disowned | Failure::Before => match self.abort(epoch) {
                Ok(()) if matches!(failure, Failure::Disowned) => Outcome::Fenced(why),
                Ok(()) => Outcome::Aborted(why),
                Err(Failure::Dead) => Outcome::Fatal("the process is dead".to_owned()),
                Err(Failure::Fenced) => Outcome::Fenced(why),
                Err(_) => Outcome::Unknown(why),
            },
        }
    }

    fn abort(&self, epoch: u32) -> Result<(), Failure> {
        let (world, name) = (&self.process.world, &self.process.name);
        if world.is_broken(Broken::SkipAbort) {
            return Ok(());
        }
        self.again(Site::Abort, || {
            world.log().end_transaction(name, epoch, false)
        })
    }
}

fn unpack(packed: &Packed) -> impl Iterator<Item = Produced> {
    let bytes = |span: &Option<std::ops::Range<u32>>| {
        let span = span.as_ref()?;
        packed
            .arena
            .get(span.start as usize..span.end as usize)
            .map(<[u8]>::to_vec)
    };
    packed.records.iter().map(move |(key, value)| Produced {
        partition: None,
        key: bytes(key),
        value: bytes(value),
        headers: Vec::new(),
    })
}

impl Committer for SimulatedCommitter {
    fn init(&mut self) -> Result<(), LogError> {
        self.epoch = None;
        let (process, begin) = (
            Arc::clone(&self.process),
            self.process.world.scheduler.now(),
        );
        loop {
            match process.ask(Site::Init, || {
                process.world.log().init_producer(&process.name)
            })? {
                Ok(epoch) => {
                    self.epoch = Some(epoch);
                    return Ok(());
                }
                Err(_) if process.world.scheduler.now() - begin < INIT => process.nap(2 * MS)?,
                Err(refusal) => return Err(LogError::Unavailable(format!("{refusal:?}"))),
            }
        }
    }

    fn commit(&mut self, commit: &Commit) -> Outcome {
        let empty = commit.positions.is_empty()
            && commit.produced.is_empty()
            && commit
                .packed
                .iter()
                .all(|(_, packed)| packed.records.is_empty());
        if empty {
            return Outcome::Committed;
        }
        let Some(epoch) = self.epoch else {
            return Outcome::Fenced("the committer is not ready: init comes first".to_owned());
        };
        let outcome = match self.transact(epoch, commit) {
            Ok(()) => Outcome::Committed,
            Err(failure) => self.give_up(epoch, &failure),
        };
        if matches!(
            outcome,
            Outcome::Fenced(_) | Outcome::Unknown(_) | Outcome::Fatal(_)
        ) {
            self.epoch = None;
        }
        outcome
    }
}
