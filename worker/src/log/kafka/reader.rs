//! The reading side: membership in the group, and the partitions that come with it.

mod astray;
mod offsets;
mod restoring;

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tidemill_engine::record::RawBatch;

use self::astray::Astray;
use super::config::{Isolation, KafkaConfig};
use super::context::{Consumer, Context};
use super::errors::{explain, from_code};
use super::fence::Fences;
use super::ffi::{self, Fetched, GroupMetadata, PartitionQueue};
use super::membership::{GroupMembership, Held, lock};
use super::tail::{self, CHUNK, PATIENCE, Tail};
use super::wake::Wake;
use crate::log::{
    GroupEvent, LogError, Membership, OnEntry, Position, Reader, Start, Taken, TopicPartition,
};

/// How long leaving the group may take before it is left to the session timeout.
const LEAVE: Duration = Duration::from_secs(1);

/// What the group does not say for this long it may never say to this client.
const STUCK: Duration = Duration::from_secs(15);

/// How often a worker that another with its name has put out of the group joins again, within [`SETTLED`]. That other may
/// be a client of its own or of a process that is dead, whose request to join came late. If it is alive it does the
/// same, and whoever was put out first is the first to give up.
const REJOINS: usize = 5;

/// After this time it is forgotten that a worker was put out of the group.
const SETTLED: Duration = Duration::from_secs(60);

/// A worker's membership in its pipeline's group. Dropped without [`Reader::leave`] it looks like a crash to the others:
/// the partitions are kept for this identity until the session times out.
pub struct KafkaReader {
    config: KafkaConfig,
    subscribed: Vec<String>,
    partitions: HashMap<TopicPartition, Assigned>,
    /// Gone after leaving.
    consumer: Option<Arc<Consumer>>,
    wake: Arc<Wake>,
    held: Arc<Mutex<Held>>,
    /// What the group's last unanswered event asks for.
    asked: Asked,
    /// When another with our name has put us out of the group, lately.
    put_out: Vec<Instant>,
    /// Since when the group has not said what is committed.
    unanswered: Option<Instant>,
    fatal: Option<String>,
    /// What the client has last complained of. It complains again and again while brokers are away, and much of that is
    /// heard when they are back.
    trouble: Option<LogError>,
    fences: Fences,
    /// Reads changelogs.
    changelogs: Option<Tail>,
    /// Sees what is not committed: the very end of a partition, and offsets behind an open transaction.
    all: Option<Tail>,
}

/// A partition that is being read.
struct Assigned {
    queue: PartitionQueue,
    next: i64,
    at_end: bool,
    failed: Option<LogError>,
    astray: Option<Astray>,
}

/// What the group waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Nothing,
    Assign(Vec<TopicPartition>),
    Unassign,
}

impl KafkaReader {
    /// Prepares the client; it talks to the brokers from the first call on.
    ///
    /// # Errors
    /// A setting that cannot work.
    pub fn open(config: &KafkaConfig) -> Result<Self, LogError> {
        config.check()?;
        let wake = Arc::<Wake>::default();
        let consumer = Arc::new(member(config, &wake)?);
        let held = Arc::new(Mutex::new(Held::of(&consumer)));
        Ok(Self {
            config: config.clone(),
            subscribed: Vec::new(),
            partitions: HashMap::new(),
            consumer: Some(consumer),
            wake,
            held,
            asked: Asked::Nothing,
            put_out: Vec::new(),
            unanswered: None,
            fatal: None,
            trouble: None,
            fences: Fences::default(),
            changelogs: None,
            all: None,
        })
    }

    /// Begins anew with another client, which joins the group in the place of this one: a client that is asked for the
    /// coordinator while its brokers come and go may wait for an answer for ever. What it held is lost.
    fn reopen(&mut self) -> Result<(), LogError> {
        let fresh = Arc::new(member(&self.config, &self.wake)?);
        self.partitions.clear();
        self.trouble = None;
        let held = std::mem::replace(&mut *self.held(), Held::of(&fresh));
        if !held.partitions.is_empty() || self.asked != Asked::Nothing {
            fresh.context().tell(GroupEvent::Lost);
        }
        if let Some(old) = self.consumer.replace(fresh) {
            old.context().close();
            self.answer(&old);
            close(old);
        }
        self.asked = Asked::Nothing;
        let topics = self.subscribed.clone();
        self.subscribe(&topics)
    }

    /// Begins anew where the group has not said for long what is committed: longer than a transaction may be open, or the
    /// coordinator take to move.
    fn reopen_if_stuck(&mut self) -> Result<(), LogError> {
        let since = *self.unanswered.get_or_insert_with(Instant::now);
        if since.elapsed() < STUCK {
            return Ok(());
        }
        self.unanswered = None;
        self.reopen()
    }

    /// Whether the client has been put out of the group by another with its name, and not so often that the other must be alive.
    fn may_rejoin(&mut self, consumer: &Consumer) -> bool {
        let fatal = consumer.client().fatal_error();
        if fatal.is_none_or(|(code, _)| code != RDKafkaErrorCode::FencedInstanceId) {
            return false;
        }
        self.put_out.retain(|at| at.elapsed() < SETTLED);
        self.put_out.push(Instant::now());
        self.put_out.len() <= REJOINS
    }

    fn consumer(&self) -> Result<&Arc<Consumer>, LogError> {
        self.consumer
            .as_ref()
            .ok_or_else(|| LogError::Refused("this worker has left its group".into()))
    }

    fn failed(&self, doing: &str, error: &KafkaError) -> LogError {
        let servers = &self.config.bootstrap_servers;
        match &self.consumer {
            Some(consumer) => tail::failed(consumer, servers, doing, error),
            None => explain(servers, doing, error, None),
        }
    }

    /// Serves what has come from the group; its events and complaints are kept until they are asked for. It polls also where
    /// nothing has come: a member that does not for `max.poll.interval.ms`, because its topic is quiet, is thrown out.
    fn serve(&mut self) -> Result<(), LogError> {
        let consumer = Arc::clone(self.consumer()?);
        loop {
            match consumer.poll(Duration::ZERO) {
                Some(Err(KafkaError::MessageConsumptionFatal(_)))
                    if self.fatal.is_none() && self.may_rejoin(&consumer) =>
                {
                    tracing::warn!(
                        group = self.config.group,
                        member = self.config.identity,
                        "put out of the group by another with this name; it joins again"
                    );
                    return self.reopen();
                }
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => self.died(&consumer, code),
                Some(Err(error)) if is_worth_saying(&error) => {
                    self.trouble =
                        Some(self.failed(&format!("group {}", self.config.group), &error));
                }
                // Records never come this way: each partition has a queue of its own before it is assigned.
                Some(_) | None => {}
            }
            if ffi::events_waiting(&consumer) == 0 {
                return Ok(());
            }
        }
    }

    /// The client has been thrown out for good; librdkafka does not revoke in that case.
    fn died(&mut self, consumer: &Consumer, code: RDKafkaErrorCode) {
        if self.fatal.is_none() {
            let doing = format!(
                "group {}, member {}",
                self.config.group, self.config.identity
            );
            let text = consumer
                .context()
                .complaint()
                .unwrap_or_else(|| code.to_string());
            self.fatal =
                Some(from_code(&self.config.bootstrap_servers, &doing, code, &text).to_string());
            if self.held().partitions.is_empty() {
                return;
            }
            consumer.context().tell(GroupEvent::Lost);
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }

    /// What the group has said, or why it says nothing any more.
    fn heard(&mut self) -> Result<Vec<GroupEvent>, LogError> {
        self.serve()?;
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        let event = self.take_event()?;
        self.look_for_brokers()?;
        match &self.fatal {
            Some(reason) if event.is_none() => Err(LogError::Refused(reason.clone())),
            _ => Ok(event.into_iter().collect()),
        }
    }

    /// Without partitions it may be that there are none for us, or that this client is cut off.
    fn look_for_brokers(&self) -> Result<(), LogError> {
        if self.asked == Asked::Nothing && self.held().partitions.is_empty() {
            let consumer = self.consumer()?;
            for topic in self.subscribed.iter().take(1) {
                let reminder = consumer.context().reminder();
                reminder.in_silence(consumer, &self.config.bootstrap_servers, topic);
            }
        }
        Ok(())
    }

    /// The next event, with its effect on what may be committed. The group may go on before partitions that it wants back
    /// have been given back. What it gives then is heard of after that: giving back the old would be taken for giving back the
    /// new.
    fn take_event(&mut self) -> Result<Option<GroupEvent>, LogError> {
        let gives_back = self.asked == Asked::Unassign;
        let event = self
            .consumer()?
            .context()
            .take_event(|event| !(gives_back && matches!(event, GroupEvent::Assigned(_))));
        match &event {
            Some(GroupEvent::Assigned(partitions)) => {
                self.asked = Asked::Assign(partitions.clone())
            }
            Some(GroupEvent::Revoked) => self.asked = Asked::Unassign,
            Some(GroupEvent::Lost) => {
                self.asked = Asked::Unassign;
                self.held().give_up();
            }
            None => {}
        }
        Ok(event)
    }

    /// Whether the group has said more than has been heard. An answer would be taken for one to that.
    fn is_overtaken(&mut self) -> Result<bool, LogError> {
        self.serve()?;
        let is_overtaken = self.consumer()?.context().has_events();
        if is_overtaken {
            tracing::debug!(
                group = self.config.group,
                "the group asks for something else by now"
            );
        }
        Ok(is_overtaken)
    }

    /// Answers what the group has asked and will not ask again, so that closing need not wait for it.
    fn answer(&mut self, consumer: &Consumer) {
        let last = consumer.context().take_events().pop();
        let answered = match (last, &self.asked) {
            (Some(GroupEvent::Assigned(_)), _) | (None, Asked::Assign(_)) => {
                consumer.assign(&TopicPartitionList::new())
            }
            (Some(GroupEvent::Revoked | GroupEvent::Lost), _) | (None, Asked::Unassign) => {
                consumer.unassign()
            }
            (None, Asked::Nothing) => return,
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "answering the group while closing");
        }
    }

    fn seek_to(
        &self,
        consumer: &Consumer,
        at: &TopicPartition,
        offset: i64,
    ) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&at.topic, at.partition, Offset::Offset(offset))?;
        let sought = consumer.seek_partitions(list, PATIENCE)?;
        sought.elements().iter().try_for_each(|each| each.error())
    }

    /// Starts all partitions anew, each where it is.
    fn restart(&self, consumer: &Consumer) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(self.partitions.len());
        for (at, slot) in &self.partitions {
            list.add_partition_offset(&at.topic, at.partition, Offset::Offset(slot.next))?;
        }
        consumer.assign(&list)
    }
}

impl Reader for KafkaReader {
    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError> {
        self.subscribed = topics.to_vec();
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let subscribed = self.consumer()?.subscribe(&names);
        subscribed.map_err(|e| self.failed(&format!("subscribing to {}", names.join(", ")), &e))
    }

    /// Returns early when a partition's empty queue has got something, or when the last [`Reader::take`] left something
    /// behind. What stays in a queue that is not taken from does not end the wait again.
    fn events(&mut self, wait: Duration) -> Result<Vec<GroupEvent>, LogError> {
        let events = self.heard()?;
        if !events.is_empty() || !self.wake.wait(wait) {
            return Ok(events);
        }
        self.heard()
    }

    /// Reads offsets as stable ones only (KIP-447): where a transaction that would move them is open, it waits for that
    /// to end. If the last commit was by a worker that is not a member of the group any more, its transaction is ended
    /// first.
    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<Position>>, LogError> {
        self.stable_committed(partitions)
    }

    /// May be called again while nothing is asked: the new list then takes the place of the old. Where the group has asked
    /// for something else meanwhile, that is heard next, and nothing is read until then.
    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<Vec<i64>, LogError> {
        let consumer = Arc::clone(self.consumer()?);
        let offsets = self.starts(partitions)?;
        self.partitions.clear();
        for ((at, _), &next) in partitions.iter().zip(&offsets) {
            let invalid = || {
                LogError::Refused(format!(
                    "topic {:?} cannot be read: the name is invalid",
                    at.topic
                ))
            };
            let queue = PartitionQueue::open(&consumer, &at.topic, at.partition, &self.wake)
                .ok_or_else(invalid)?;
            self.partitions.insert(
                at.clone(),
                Assigned {
                    queue,
                    next,
                    at_end: false,
                    failed: None,
                    astray: None,
                },
            );
        }
        if self.is_overtaken()? {
            return Ok(offsets);
        }
        let consumer = Arc::clone(self.consumer()?);
        self.restart(&consumer)
            .map_err(|e| self.failed("assigning partitions", &e))?;
        if let Asked::Assign(ours) = std::mem::replace(&mut self.asked, Asked::Nothing) {
            let generation = GroupMetadata::of(&consumer).map_or(-1, |member| member.generation());
            let mut held = self.held();
            held.generation = generation;
            held.partitions = ours.into_iter().collect();
        }
        Ok(offsets)
    }

    fn unassign(&mut self) -> Result<(), LogError> {
        self.partitions.clear();
        self.held().give_up();
        self.asked = Asked::Nothing;
        if self.is_overtaken()? {
            return Ok(());
        }
        let given = self.consumer()?.unassign();
        given.map_err(|e| self.failed("giving partitions back", &e))
    }

    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError> {
        let slot = self
            .partitions
            .get_mut(partition)
            .ok_or_else(|| not_assigned(partition))?;
        (slot.next, slot.at_end, slot.failed, slot.astray) = (offset, false, None, None);
        if self.is_overtaken()? {
            return Ok(());
        }
        let consumer = Arc::clone(self.consumer()?);
        let sought = match self.seek_to(&consumer, partition, offset) {
            // It has not started yet, or has stopped at an error.
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::State) => {
                self.restart(&consumer)
            }
            sought => sought,
        };
        let doing = || {
            format!(
                "seeking topic {} partition {}",
                partition.topic, partition.partition
            )
        };
        sought.map_err(|e| self.failed(&doing(), &e))
    }

    fn take(
        &mut self,
        partition: &TopicPartition,
        max: usize,
        each: &mut dyn FnMut(&RawBatch<'_>),
    ) -> Result<Taken, LogError> {
        self.look_again(partition)?;
        let slot = self
            .partitions
            .get_mut(partition)
            .ok_or_else(|| not_assigned(partition))?;
        if let Some(error) = slot.failed.take() {
            return Err(error);
        }
        let mut taken = Taken::default();
        let mut gone = false;
        while taken.records < max {
            let want = CHUNK.min(max - taken.records);
            let fetched = slot.queue.fetch(want);
            if fetched.entries == 0 {
                break;
            }
            taken.records += fetched.count();
            (slot.next, slot.at_end) = tail::progress(&fetched, slot.next);
            hand_over(partition, &fetched, each);
            match tail::failure(&fetched) {
                Some((RDKafkaErrorCode::AutoOffsetReset, _)) => gone = true,
                // The records before it count; it is said at the next call.
                Some((code, text)) => {
                    let doing = format!(
                        "reading topic {} partition {}",
                        partition.topic, partition.partition
                    );
                    slot.failed = Some(from_code(
                        &self.config.bootstrap_servers,
                        &doing,
                        code,
                        text,
                    ));
                }
                None => {}
            }
            if gone || slot.failed.is_some() || fetched.entries < want {
                break;
            }
        }
        if slot.failed.is_some() || (taken.records >= max && slot.queue.len() > 0) {
            slot.queue.remind();
        }
        if gone {
            self.find_way(partition)?;
        }
        if let Some(slot) = self.partitions.get(partition) {
            (taken.next_offset, taken.at_end) = (slot.next, slot.at_end);
            taken.end = slot.queue.end();
        }
        Ok(taken)
    }

    fn end_offsets(&mut self, partitions: &[TopicPartition]) -> Result<Vec<i64>, LogError> {
        let wanted: Vec<_> = partitions
            .iter()
            .map(|at| (at.clone(), Offset::End))
            .collect();
        tail::offsets(self.consumer()?, &self.config.bootstrap_servers, &wanted)
    }

    /// It keeps the membership alive meanwhile; events of the group are kept for [`Reader::events`].
    fn restore(
        &mut self,
        partition: &TopicPartition,
        stop: &AtomicBool,
        each: OnEntry<'_>,
    ) -> Result<(), LogError> {
        self.read_back(partition, stop, each)
    }

    fn membership(&self) -> Arc<dyn Membership> {
        Arc::new(GroupMembership::new(Arc::clone(&self.held)))
    }

    /// A static member says goodbye only when it unsubscribes before it closes, so that comes first. Commit before this.
    fn leave(&mut self) -> Result<(), LogError> {
        let Some(consumer) = self.consumer.take() else {
            return Ok(());
        };
        self.partitions.clear();
        self.held().give_up();
        consumer.context().close();
        self.answer(&consumer);
        consumer.unsubscribe();
        let until = Instant::now() + LEAVE;
        while GroupMetadata::of(&consumer).is_some_and(|member| member.is_member())
            && Instant::now() < until
        {
            // Gives the partitions back.
            consumer.poll(Duration::from_millis(10));
        }
        if !close(consumer) {
            return Err(LogError::Unavailable(format!(
                "Kafka at {}: group {} did not confirm that this worker has left; its partitions are handed on after the session timeout",
                self.config.bootstrap_servers, self.config.group
            )));
        }
        Ok(())
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.context().close();
            self.answer(&consumer);
            self.partitions.clear();
            close(consumer);
        }
    }
}

/// A client that is to be a member of the group.
fn member(config: &KafkaConfig, wake: &Arc<Wake>) -> Result<Consumer, LogError> {
    let failed = |e| explain(&config.bootstrap_servers, "opening the consumer", &e, None);
    let mut consumer: Consumer = config
        .member()
        .create_with_context(Context::default())
        .map_err(failed)?;
    let waker = Arc::clone(wake);
    consumer.set_nonempty_callback(move || waker.notify());
    Ok(consumer)
}

/// Closes a client; false if that has not ended in time. It waits for the coordinator, and a broker that is down must not
/// hold up the end of the process; and librdkafka may leave what it is asked of a group that has just ended without any
/// answer, so that closing never ends.
fn close(consumer: Arc<Consumer>) -> bool {
    let (done, closed) = mpsc::channel();
    std::thread::spawn(move || {
        drop(consumer);
        let _ = done.send(());
    });
    closed.recv_timeout(LEAVE).is_ok()
}

/// The consumer in a slot, opened when it is first wanted.
fn tail_in<'s>(
    slot: &'s mut Option<Tail>,
    config: &KafkaConfig,
    isolation: Isolation,
) -> Result<&'s Tail, LogError> {
    match slot {
        Some(open) => Ok(open),
        None => Ok(slot.insert(Tail::open(config, isolation)?)),
    }
}

fn hand_over(
    partition: &TopicPartition,
    fetched: &Fetched<'_>,
    each: &mut dyn FnMut(&RawBatch<'_>),
) {
    let records = fetched.records();
    if !records.is_empty() {
        let headers = |index| fetched.headers(index);
        each(&RawBatch {
            topic: &partition.topic,
            partition: partition.partition,
            records: &records,
            headers: &headers,
        });
    }
}

fn not_assigned(partition: &TopicPartition) -> LogError {
    LogError::Refused(format!(
        "topic {} partition {} is not being read by this worker",
        partition.topic, partition.partition
    ))
}

/// Errors that somebody must hear of; the others librdkafka gets over by itself.
fn is_worth_saying(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::AllBrokersDown
                | Code::Authentication
                | Code::SaslAuthenticationFailed
                | Code::SSL
                | Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::InvalidTopic
                | Code::InvalidSessionTimeout
                | Code::InconsistentGroupProtocol
        )
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rdkafka::mocking::MockCluster;

    use super::*;

    /// A call fails for what is now, not once for each time that the brokers were found to be away.
    #[test]
    fn complaints_of_a_while_ago_do_not_keep_partitions_from_being_taken() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("records", 1, 1).unwrap();
        let servers = cluster.bootstrap_servers();
        let mut reader = KafkaReader::open(&KafkaConfig::new(&servers, "group", "w-0")).unwrap();
        let at = TopicPartition {
            topic: "records".into(),
            partition: 0,
        };
        let group = Arc::clone(reader.consumer().unwrap());
        cluster.broker_down(1).unwrap();
        group.subscribe(&["records"]).unwrap();
        while ffi::events_waiting(&group) < 12 {
            std::thread::sleep(Duration::from_millis(10));
        }
        group.context().tell(GroupEvent::Assigned(vec![at.clone()]));
        let heard = std::iter::repeat_with(|| reader.heard())
            .take(3)
            .find_map(Result::ok);
        assert_eq!(heard.unwrap(), [GroupEvent::Assigned(vec![at.clone()])]);
        reader.assign(&[(at, Start::At(0))]).unwrap();
    }

    #[test]
    fn partitions_are_given_back_before_those_that_come_after_them_are_heard_of() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("records", 2, 1).unwrap();
        let servers = cluster.bootstrap_servers();
        let mut reader = KafkaReader::open(&KafkaConfig::new(&servers, "group", "w-0")).unwrap();
        let at = TopicPartition {
            topic: "records".into(),
            partition: 1,
        };
        let group = Arc::clone(reader.consumer().unwrap());
        for event in [GroupEvent::Revoked, GroupEvent::Assigned(vec![at.clone()])] {
            group.context().tell(event);
        }
        assert_eq!(reader.heard().unwrap(), [GroupEvent::Revoked]);
        assert_eq!(reader.heard().unwrap(), []);
        reader.unassign().unwrap();
        assert_eq!(
            reader.heard().unwrap(),
            [GroupEvent::Assigned(vec![at.clone()])]
        );
        reader.assign(&[(at.clone(), Start::At(0))]).unwrap();
        assert!(reader.held().partitions.contains(&at));
    }
}
