//! The writing side: rows, changelog, dead letters and positions in one Kafka transaction.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::config::KafkaConfig;
use super::errors::{explain, from_code};
use super::facts::{Fact, Facts};
use super::fence::insist;
use super::ffi::{GroupMetadata, Lent, Producer, TxnError, lend};
use super::layout::{Layout, Misfit};
use super::membership::GroupMembership;
use super::position::frame;
use crate::log::{Commit, Committer, LogError, Membership, Outcome};

/// The largest batch that brokers take by default, in bytes, with some room.
pub(super) const BATCH: usize = 1_000_000;

/// How long getting ready may take before it is begun again with a new client: this one may be cut off.
const INIT: Duration = Duration::from_secs(10);

/// Commits for one worker. Used from one thread, which may be another than the reader's.
pub struct KafkaCommitter {
    config: KafkaConfig,
    membership: Arc<dyn Membership>,
    /// Gone when its fate is not known or sealed: `init` makes a new one.
    producer: Option<Producer>,
    /// Whether the producer has aborted a transaction. librdkafka gives the sequence numbers of records that were on their
    /// way then to those of the next transaction; should the former have arrived after all, the broker takes the latter for
    /// them, and drops them. With a new epoch, numbers begin anew.
    has_aborted: bool,
    facts: Facts,
    batch: usize,
}

impl KafkaCommitter {
    /// A committer for the worker that `membership` is of; call [`Committer::init`] before the first commit.
    ///
    /// # Errors
    /// A setting that cannot work.
    pub fn open(config: &KafkaConfig, membership: Arc<dyn Membership>) -> Result<Self, LogError> {
        config.check()?;
        Ok(Self {
            config: config.clone(),
            membership,
            producer: None,
            has_aborted: false,
            facts: Facts::default(),
            batch: BATCH,
        })
    }

    /// Lays the commit out, with a producer that suits its topics.
    fn lay_out<'e>(&mut self, commit: &'e Commit) -> Result<Layout<'e>, Outcome> {
        let mut layout = Layout::new(commit, &self.facts_of(commit)?);
        if let Err(Misfit::Partition(_)) = layout {
            // The topic may have got more since it was looked at.
            self.facts.forget();
            layout = Layout::new(commit, &self.facts_of(commit)?);
        }
        layout.map_err(|misfit| match misfit {
            // Brokers hear of new partitions one after the other.
            Misfit::Partition(text) => Outcome::Aborted(text),
            Misfit::Record(text) => Outcome::Fatal(text),
        })
    }

    /// The topics of a commit. A broker refuses a batch that is larger than its topic takes, however small the records are:
    /// no batch is larger than the smallest that one of them takes.
    fn facts_of<'e>(&mut self, commit: &'e Commit) -> Result<BTreeMap<&'e str, Fact>, Outcome> {
        let packed = commit.packed.iter().map(|(topic, _)| topic);
        let topics = packed.chain(commit.produced.iter().map(|(topic, _)| topic));
        let mut facts = BTreeMap::new();
        for topic in topics {
            if let Entry::Vacant(entry) = facts.entry(&**topic) {
                entry.insert(self.fact(topic)?);
            }
        }
        let smallest = facts.values().map(|fact| fact.limit).min();
        if let Some(smallest) = smallest.filter(|it| *it < self.batch) {
            self.batch = smallest;
            self.init().map_err(outcome)?;
        }
        Ok(facts)
    }

    fn fact(&mut self, topic: &Arc<str>) -> Result<Fact, Outcome> {
        match &self.producer {
            Some(producer) => self
                .facts
                .of(&self.config, producer.client(), topic)
                .map_err(outcome),
            None => Err(Outcome::Fenced(
                "the committer is not ready: init comes first".into(),
            )),
        }
    }

    /// Has a producer whose sequence numbers are its own alone.
    fn renew(&mut self) -> Result<(), Outcome> {
        match self.has_aborted {
            true => self.init().map_err(outcome),
            false => Ok(()),
        }
    }

    /// Takes note of how a transaction has ended.
    fn ended(&mut self, end: Outcome) -> Outcome {
        match end {
            Outcome::Committed => {}
            Outcome::Aborted(_) => self.has_aborted = true,
            Outcome::Fenced(_) | Outcome::Unknown(_) | Outcome::Fatal(_) => self.producer = None,
        }
        end
    }

    /// The positions as Kafka takes them.
    fn offsets(&self, commit: &Commit) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::with_capacity(commit.positions.len());
        for (at, position) in &commit.positions {
            let mut element = list.add_partition(&at.topic, at.partition);
            element.set_offset(Offset::Offset(position.offset))?;
            element.set_metadata(frame(&self.config.identity, &position.clock));
        }
        Ok(list)
    }
}

impl Committer for KafkaCommitter {
    fn init(&mut self) -> Result<(), LogError> {
        // The old one must be gone before the new one takes its id.
        self.producer = None;
        let id = self.config.transactional_id(&self.config.identity);
        let doing = format!("initializing transactions as {id}");
        let servers = &self.config.bootstrap_servers;
        let producer = Producer::open(&self.config.transactions(&id, self.batch));
        let producer = producer.map_err(|e| explain(servers, &doing, &e, None))?;
        insist(Instant::now() + INIT, |limit| {
            producer.init_transactions(limit)
        })
        .map_err(|e| from_code(servers, &doing, e.code, &e.text))?;
        self.producer = Some(producer);
        self.has_aborted = false;
        Ok(())
    }

    fn commit(&mut self, commit: &Commit) -> Outcome {
        if commit.positions.is_empty()
            && commit.produced.is_empty()
            && commit.packed.iter().all(|(_, p)| p.records.is_empty())
        {
            return Outcome::Committed;
        }
        if let Err(outcome) = self.renew() {
            return outcome;
        }
        let layout = match self.lay_out(commit) {
            Ok(layout) => layout,
            Err(outcome) => return outcome,
        };
        let offsets = match self.offsets(commit) {
            Ok(offsets) => offsets,
            Err(error) => {
                return Outcome::Fatal(format!("a position cannot be committed: {error}"));
            }
        };
        let membership = Arc::clone(&self.membership);
        let prove = || prove(&*membership, commit);
        let limit = self.config.transaction_timeout;
        let end = lend(&mut self.producer, |lent| {
            match transact(lent, layout, &offsets, &prove, limit) {
                Ok(()) => Outcome::Committed,
                Err(failure) => give_up(lent, failure, limit),
            }
        });
        self.ended(end.unwrap_or_else(not_ready))
    }
}

fn not_ready() -> Outcome {
    Outcome::Fenced("the committer is not ready: init comes first".into())
}

/// An error before anything was written.
fn outcome(error: LogError) -> Outcome {
    match error {
        LogError::Unavailable(text) => Outcome::Aborted(text),
        LogError::Refused(text) => Outcome::Fatal(text),
    }
}

/// What a transaction has failed with.
#[derive(Debug)]
enum Failure {
    /// The partitions are not ours.
    Disowned(String),
    /// A call before the commit.
    Before(TxnError),
    /// The commit itself.
    Commit(TxnError),
}

fn prove(membership: &dyn Membership, commit: &Commit) -> Result<GroupMetadata, Failure> {
    let ours = membership.as_any().downcast_ref::<GroupMembership>();
    let ours = ours.ok_or_else(|| Failure::Disowned("the membership is not Kafka's".into()))?;
    ours.prove(commit.positions.iter().map(|(at, _)| at))
        .map_err(Failure::Disowned)
}

fn transact<'e>(
    lent: &mut Lent<'_, 'e>,
    layout: Layout<'e>,
    offsets: &TopicPartitionList,
    prove: &dyn Fn() -> Result<GroupMetadata, Failure>,
    limit: Duration,
) -> Result<(), Failure> {
    let deadline = Instant::now() + limit;
    insist(deadline, |_| lent.begin()).map_err(Failure::Before)?;
    layout.write(lent).map_err(Failure::Before)?;
    if offsets.count() > 0 {
        // While records are on their way; the proof as late as can be.
        let member = prove()?;
        insist(deadline, |left| lent.send_offsets(offsets, &member, left))
            .map_err(Failure::Before)?;
    }
    lent.flush(deadline.saturating_duration_since(Instant::now()))
        .map_err(Failure::Before)?;
    insist(deadline, |left| lent.commit(left)).map_err(Failure::Commit)
}

/// What to do about a failure.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Abort,
    Fenced,
    Unknown,
}

fn verdict(failure: &Failure) -> Verdict {
    match failure {
        Failure::Disowned(_) => Verdict::Abort,
        Failure::Before(error) if error.fatal => Verdict::Fenced,
        Failure::Before(_) => Verdict::Abort,
        Failure::Commit(error) if error.abort => Verdict::Abort,
        // Even where we were fenced: an earlier try of the same commit may have been heard.
        Failure::Commit(_) => Verdict::Unknown,
    }
}

fn give_up(lent: &Lent<'_, '_>, failure: Failure, limit: Duration) -> Outcome {
    let verdict = verdict(&failure);
    let (text, disowned, out_of_time) = match failure {
        Failure::Disowned(text) => (text, true, false),
        Failure::Before(error) | Failure::Commit(error) => {
            (error.text, is_membership(error.code), error.retriable)
        }
    };
    match verdict {
        Verdict::Fenced => Outcome::Fenced(text),
        Verdict::Unknown => Outcome::Unknown(format!("committing: {text}")),
        Verdict::Abort => match insist(Instant::now() + limit, |left| lent.abort(left)) {
            Ok(()) if disowned => Outcome::Fenced(text),
            // Out of time: a client that is cut off from its brokers fails so for ever, a new one does not.
            Ok(()) if out_of_time => Outcome::Unknown(text),
            Ok(()) => Outcome::Aborted(text),
            Err(error) if error.fatal => Outcome::Fenced(error.text),
            Err(error) => Outcome::Unknown(format!("{text}; aborting: {}", error.text)),
        },
    }
}

/// Errors that say that the partitions are somebody else's.
fn is_membership(code: Code) -> bool {
    matches!(
        code,
        Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::FencedInstanceId
            | Code::StaleMemberEpoch
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::super::config::Isolation;
    use super::super::context::{Consumer, Context};
    use super::*;

    fn error(retriable: bool, abort: bool, fatal: bool) -> TxnError {
        TxnError {
            code: Code::Fail,
            text: String::new(),
            retriable,
            abort,
            fatal,
        }
    }

    #[test]
    fn only_a_failed_commit_can_have_an_unknown_end() {
        assert_eq!(
            verdict(&Failure::Before(error(true, false, false))),
            Verdict::Abort
        );
        assert_eq!(
            verdict(&Failure::Before(error(false, true, false))),
            Verdict::Abort
        );
        assert_eq!(
            verdict(&Failure::Before(error(false, false, true))),
            Verdict::Fenced
        );
        assert_eq!(verdict(&Failure::Disowned(String::new())), Verdict::Abort);
        assert_eq!(
            verdict(&Failure::Commit(error(false, true, false))),
            Verdict::Abort
        );
        assert_eq!(
            verdict(&Failure::Commit(error(true, false, false))),
            Verdict::Unknown
        );
        assert_eq!(
            verdict(&Failure::Commit(error(false, false, true))),
            Verdict::Unknown
        );
    }

    #[test]
    fn the_same_call_is_made_again_until_the_deadline_only() {
        let mut calls = 0;
        let end = insist(Instant::now() + Duration::from_secs(60), |_| {
            calls += 1;
            if calls < 3 {
                Err(error(true, false, false))
            } else {
                Ok(())
            }
        });
        assert!(end.is_ok() && calls == 3);
        assert!(insist(Instant::now(), |_| Err(error(true, false, false))).is_err());
        let mut once = 0;
        let end = insist(Instant::now() + Duration::from_secs(60), |_| {
            once += 1;
            Err(error(false, true, false))
        });
        assert!(end.is_err() && once == 1);
    }

    #[test]
    fn a_call_has_time_for_its_first_step_and_one_that_used_its_time_up_is_the_last() {
        let mut calls = 0;
        let end = insist(Instant::now() + Duration::from_millis(5), |limit| {
            calls += 1;
            assert!(limit >= Duration::from_secs(1), "{limit:?}");
            std::thread::sleep(Duration::from_millis(6));
            Err(error(true, false, false))
        });
        assert!(end.is_err() && calls == 1);
    }

    /// Nobody is a member.
    struct Nobody;

    impl Membership for Nobody {
        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
    }

    #[test]
    fn after_an_aborted_transaction_comes_a_new_epoch() {
        let cluster = MockCluster::new(1).unwrap();
        let config = KafkaConfig::new(&cluster.bootstrap_servers(), "group", "worker");
        let mut committer = KafkaCommitter::open(&config, Arc::new(Nobody)).unwrap();
        committer.init().unwrap();
        let at = crate::log::TopicPartition {
            topic: "records".into(),
            partition: 0,
        };
        let position = crate::log::Position {
            offset: 5,
            clock: String::new(),
        };
        let commit = Commit {
            positions: vec![(at, position)],
            ..Commit::default()
        };
        committer.ended(Outcome::Aborted("a record timed out".into()));
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::InitProducerId, &[refused]);
        let end = committer.commit(&commit);
        assert!(
            matches!(&end, Outcome::Fatal(text) if text.contains("initializing transactions")),
            "{end:?}"
        );
        // The next one has it, and goes as far as the proof.
        let end = committer.commit(&commit);
        assert!(
            matches!(&end, Outcome::Fenced(text) if text.contains("membership")),
            "{end:?}"
        );
    }

    #[test]
    fn a_commit_ends_though_the_group_had_no_coordinator_when_it_looked() {
        let cluster = MockCluster::new(3).unwrap();
        cluster.create_topic("records", 1, 1).unwrap();
        let config = KafkaConfig {
            transaction_timeout: Duration::from_millis(2_500),
            ..KafkaConfig::new(&cluster.bootstrap_servers(), "group", "worker")
        };
        let consumer: Consumer = config
            .consumer(Isolation::Committed)
            .create_with_context(Context::default())
            .unwrap();
        let mut slot = Some(Producer::open(&config.transactions("id", BATCH)).unwrap());
        let init = |limit| slot.as_ref().unwrap().init_transactions(limit);
        insist(Instant::now() + INIT, init).unwrap();
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset("records", 0, Offset::Offset(5))
            .unwrap();
        // As often as librdkafka asks before it waits for a connection to come or go.
        let none = RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
        cluster.request_errors(RDKafkaApiKey::FindCoordinator, &[none; 3]);
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let member = GroupMetadata::of(&consumer).unwrap();
            let sent = lend(&mut slot, |lent| {
                lent.begin()?;
                lent.send_offsets(&offsets, &member, Duration::from_secs(2))
            });
            ended.send(sent)
        });
        let sent = end.recv_timeout(Duration::from_secs(60));
        assert!(matches!(sent, Ok(Some(Ok(())))), "{sent:?}");
    }
}
