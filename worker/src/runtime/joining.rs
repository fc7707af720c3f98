//! Before reading: topics made, partitions taken over, state read back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidemill_crds::sink::SinkKind;
use tidemill_engine::commit::Event;
use tidemill_engine::disk::Room;
use tidemill_engine::effects::Effects;
use tidemill_engine::task::Task;
use tidemill_plan::model::{Input, Plan, StartFrom};
use tidemill_plan::stream_of;

use super::tasks::{Generated, Held};
use super::topology::{Stage, Subscription, Topology, stages_of};
use super::written::Written;
use super::{Host, RunError, Runner, Settings};
use crate::log::{Admin, LogError, Position, Start, TopicPartition, TopicSpec};
use crate::sink::SinkError;
use crate::status::{OutputStatus, Phase, RuleStatus, Shared, SourceStatus, WebhookStatus};
use crate::webhook;

/// Dead letters, and rows for webhooks, may be as long as the longest record that can be read.
const MAX_BYTES: &str = "12582912";

/// Makes the pipeline's topics where they are not there and waits for those that others make; how many partitions
/// each stage reads, or `None` if it was told to stop before all were there.
pub(super) fn prepare_topics(
    plan: &Plan,
    topology: &Topology,
    settings: &Settings,
    admin: &mut dyn Admin,
    host: &Host,
    status: &Shared,
    stop: &AtomicBool,
) -> Result<Option<HashMap<Stage, u32>>, RunError> {
    describe(plan, status);
    let mut pause = Duration::from_millis(100);
    loop {
        match try_topics(plan, topology, settings, admin) {
            Ok(Found::All(partitions)) => {
                status.update(|s| s.trouble = None);
                return Ok(Some(partitions));
            }
            Ok(Found::Missing(topic)) => status.update(|s| {
                s.trouble = Some(format!(
                    "topic `{topic}` is not there yet; waiting for it to be made"
                ));
            }),
            Err(LogError::Unavailable(why)) => status.update(|s| s.trouble = Some(why)),
            Err(refused) => return Err(refused.into()),
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        host.sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

fn describe(plan: &Plan, status: &Shared) {
    let sources = plan.sources.iter().map(|s| SourceStatus {
        name: s.name.clone(),
        ..SourceStatus::default()
    });
    let outputs = plan.outputs.iter().map(|output| OutputStatus {
        from: plan.name_of(output.from).to_owned(),
        sink: output.sink.clone(),
        rows: 0,
    });
    let webhooks = webhook::of_plan(plan).map(|(output, _)| WebhookStatus {
        sink: output.sink.clone(),
        ..WebhookStatus::default()
    });
    status.update(|s| {
        s.sources = sources.collect();
        s.outputs = outputs.collect();
        s.webhooks = webhooks.collect();
        s.rules = RuleStatus::of(plan, &[]);
    });
}

fn is_source(stage: Stage) -> bool {
    matches!(stage, Stage::Source(_))
}

enum Found {
    All(HashMap<Stage, u32>),
    Missing(String),
}

fn try_topics(
    plan: &Plan,
    topology: &Topology,
    settings: &Settings,
    admin: &mut dyn Admin,
) -> Result<Found, LogError> {
    let made = topology.subscriptions.iter().filter_map(|s| {
        let partitions = s.partitions.or(settings
            .create_sources
            .then_some(settings.default_partitions))?;
        Some(plain(&s.topic, partitions))
    });
    let sinks = plan
        .outputs
        .iter()
        .filter_map(|output| match output.to.kind()? {
            SinkKind::Kafka(kafka) if kafka.create => Some(TopicSpec {
                config: kafka
                    .config
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
                ..plain(
                    &kafka.topic,
                    kafka.partitions.unwrap_or(settings.default_partitions),
                )
            }),
            _ => None,
        });
    // Sinks first: another pipeline's sink is often this one's source, and says how many partitions it wants.
    let specs: Vec<TopicSpec> = sinks.chain(made).collect();
    let names: Vec<String> = specs.iter().map(|s| s.name.clone()).collect();
    let there = admin.partitions(&names)?;
    let missing: Vec<TopicSpec> = specs
        .into_iter()
        .zip(there)
        .filter(|(_, there)| there.is_none())
        .map(|(spec, _)| spec)
        .collect();
    admin.ensure(&missing)?;

    let topics: Vec<String> = topology
        .subscriptions
        .iter()
        .map(|s| s.topic.clone())
        .collect();
    let mut partitions = HashMap::new();
    for (subscription, found) in topology
        .subscriptions
        .iter()
        .zip(admin.partitions(&topics)?)
    {
        match found {
            Some(found) => partitions.insert(subscription.stage, found),
            None => return Ok(Found::Missing(subscription.topic.clone())),
        };
    }
    make_internal_topics(plan, topology, &partitions, admin)?;
    Ok(Found::All(partitions))
}

/// Makes the topics of the pipeline's own that are not there, and gives changelogs as many partitions as what they are of.
fn make_internal_topics(
    plan: &Plan,
    topology: &Topology,
    partitions: &HashMap<Stage, u32>,
    admin: &mut dyn Admin,
) -> Result<(), LogError> {
    let topics = internal_topics(plan, topology, partitions);
    let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    for (topic, found) in topics.iter().zip(admin.partitions(&names)?) {
        if found.is_some_and(|found| found < topic.partitions) {
            admin.grow(&topic.name, topic.partitions)?;
        }
    }
    admin.ensure(&topics)
}

fn plain(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        compacted: false,
        config: Vec::new(),
    }
}

fn internal_topics(
    plan: &Plan,
    topology: &Topology,
    partitions: &HashMap<Stage, u32>,
) -> Vec<TopicSpec> {
    let changelogs = topology.subscriptions.iter().filter_map(|s| {
        let partitions = partitions.get(&s.stage).copied()?;
        Some(TopicSpec {
            compacted: true,
            ..plain(s.changelog.as_ref()?, partitions)
        })
    });
    let outboxes = webhook::of_plan(plan);
    let outboxes = outboxes.map(|(output, webhook)| webhook::topic(plan, output, webhook));
    let long = |spec: TopicSpec| TopicSpec {
        config: [("max.message.bytes".to_owned(), MAX_BYTES.to_owned())]
            .into_iter()
            .chain(spec.config)
            .collect(),
        ..spec
    };
    let dead_letter = plain(&topology.dead_letter, 1);
    let shadow = topology.shadow.as_ref().map(|topic| plain(topic, 1));
    let for_ever = [("retention.ms", "-1"), ("retention.bytes", "-1")];
    let rules = topology.rules.as_ref().map(|topic| TopicSpec {
        config: for_ever.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..plain(topic, 1)
    });
    let long = outboxes.chain([dead_letter]).chain(rules).map(long);
    changelogs.chain(long).chain(shadow).collect()
}

/// The room for a partition that is restored: a part of what those before have left.
fn room_left(room: &Room, restored: &[Held], all: &[TopicPartition]) -> Room {
    let taken: usize = restored.iter().map(|held| held.task.bytes()).sum();
    let still = all.len().saturating_sub(restored.len()).max(1);
    Room {
        bytes: room.bytes.saturating_sub(taken) / still,
        ..room.clone()
    }
}

impl Runner {
    /// Takes over the partitions that the group has assigned.
    pub(super) fn join(&mut self, partitions: &[TopicPartition]) -> Result<(), RunError> {
        // A commit that nobody waits for must have ended before committed positions mean anything.
        while self.commits.in_flight() && !self.stop.load(Ordering::Relaxed) {
            self.hear_commit(Duration::from_millis(100))?;
        }
        if self.commits.in_flight() {
            // Told to stop: nothing new is begun. What is asked of the committing thread now would take the answer away
            // that the stop waits for.
            return Ok(());
        }
        if self.look_for_growth(partitions)? && self.take_over(partitions)? {
            self.on(Event::Assigned)?;
        }
        Ok(())
    }

    /// Takes note of the partitions that topics have got since. The group shares anew when there are some, so this is when
    /// to look. False if it was told to stop first.
    fn look_for_growth(&mut self, ours: &[TopicPartition]) -> Result<bool, RunError> {
        let counted = self.retry("looking for new partitions", |r| r.count_partitions(ours))?;
        let Some(partitions) = counted else {
            return Ok(false);
        };
        for (stage, now) in &partitions {
            let before = self.partitions.insert(*stage, *now);
            if let Some(subscription) = self.topology.of_stage(*stage)
                && before.is_some_and(|before| before < *now)
            {
                tracing::info!(
                    pipeline = %self.plan.name, topic = subscription.topic, before, now,
                    "the topic has got more partitions: they are read from their first records"
                );
                if self.is_promised(*stage) {
                    tracing::warn!(
                        pipeline = %self.plan.name, topic = subscription.topic,
                        "its source says `partitionedBy`: a group whose records go to another partition than before begins \
                         anew there. Where keys have moved, take `partitionedBy` away"
                    );
                }
            }
        }
        Ok(true)
    }

    /// Whether rows are expected in certain partitions of what a stage reads.
    fn is_promised(&self, stage: Stage) -> bool {
        let Stage::Source(source) = stage else {
            return false;
        };
        let source = self.plan.sources.get(source);
        source.is_some_and(|source| !source.partitioned_by.is_empty())
    }

    /// How many partitions the topics of sources have, which others may have grown, and changelogs with them.
    fn count_partitions(
        &mut self,
        ours: &[TopicPartition],
    ) -> Result<HashMap<Stage, u32>, LogError> {
        let grow = self.topology.subscriptions.iter();
        let grow: Vec<&Subscription> = grow.filter(|s| s.partitions.is_none()).collect();
        let topics: Vec<String> = grow.iter().map(|s| s.topic.clone()).collect();
        let mut partitions = self.partitions.clone();
        for (subscription, found) in grow.into_iter().zip(self.admin.partitions(&topics)?) {
            // A broker may hear of new partitions after the group has.
            let ours = ours.iter().filter(|p| *p.topic == subscription.topic);
            let ours = ours.filter_map(|p| u32::try_from(p.partition + 1).ok());
            let most = ours.chain(found).max().unwrap_or(0);
            let count = partitions.entry(subscription.stage).or_default();
            *count = most.max(*count);
        }
        if partitions != self.partitions {
            make_internal_topics(&self.plan, &self.topology, &partitions, self.admin.as_mut())?;
        }
        Ok(partitions)
    }

    /// Starts over from the committed positions of the partitions that are held.
    pub(super) fn rewind(&mut self) -> Result<(), RunError> {
        let partitions = self.assignment.clone();
        self.take_over(&partitions)?;
        Ok(())
    }

    /// False if it was told to stop first.
    fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<bool, RunError> {
        self.assignment = partitions.to_vec();
        self.publish(Phase::Restoring);
        let Some(committed) = self.retry("reading committed offsets", |r| {
            r.reader.committed(partitions)
        })?
        else {
            return Ok(false);
        };
        if !self.learn_editions()? {
            return Ok(false);
        }
        let Some(began_among) = self.began_among(partitions, &committed)? else {
            return Ok(false);
        };
        let Some(written_until) = self.claim(partitions)? else {
            return Ok(false);
        };
        let room = self.room_beside(self.copies.tables().bytes());
        let mut held = Vec::with_capacity(partitions.len());
        let known = committed.into_iter().zip(written_until);
        for (partition, (committed, written_until)) in partitions.iter().zip(known) {
            let written = Written::new(written_until, committed.as_ref());
            // The end of a bounded input must be said again to shards that have moved, so all begins afresh. So it does where
            // another has begun what is to be done again.
            let is_afresh = self.settings.bounded || written.next().is_some();
            let parked = self.tasks.unpark(partition, committed.as_ref());
            match parked.filter(|_| !is_afresh) {
                Some(mut parked) => {
                    self.tell_of_sources(&mut parked.task, parked.stage, None)?;
                    held.push(Held { written, ..parked });
                }
                None => match self.restore(
                    partition,
                    committed,
                    written,
                    &room_left(&room, &held, partitions),
                )? {
                    Some(restored) => held.push(restored),
                    None => return Ok(false),
                },
            }
        }
        for held in &mut held {
            if let Some(among) = began_among.get(&held.stage) {
                held.task.begin_among(*among);
            }
        }
        let starts: Vec<_> = held
            .iter()
            .filter(|h| h.generator.is_none())
            .map(|h| (h.partition.clone(), self.start_of(h, &began_among)))
            .collect();
        let Some(offsets) = self.retry("taking partitions over", |r| r.reader.assign(&starts))?
        else {
            return Ok(false);
        };
        let from_log = held.iter_mut().filter(|h| h.generator.is_none());
        for (held, offset) in from_log.zip(offsets) {
            held.offset = offset;
            // Where a source begins is committed at once: what comes after that is read, even if nobody is there to read it.
            held.dirty |= held.committed.is_none() && is_source(held.stage);
        }
        self.put_in_force(&mut held)?;
        for held in &mut held {
            held.dirty |= held.written.is_reached(held.offset);
        }
        self.pending.claimed(held.iter());
        if self.settings.bounded && !self.set_ends(&mut held)? {
            return Ok(false);
        }
        let of_source = |h: &Held| match h.stage {
            Stage::Source(source) => Some((source, h.partition.partition)),
            Stage::Shard(_) => None,
        };
        let ours: Vec<(usize, i32)> = held.iter().filter_map(of_source).collect();
        let (plan, bounded) = (&self.plan, self.settings.bounded);
        self.copies.hold(plan, &ours, bounded, |source| {
            let count = self.partitions.get(&Stage::Source(source));
            count.copied().unwrap_or_default()
        })?;
        let tables = self.copies.partitions();
        let Some(ends) = self.retry("looking for the end of tables", |r| {
            r.reader.end_offsets(&tables)
        })?
        else {
            return Ok(false);
        };
        self.copies.want(&ends);
        self.tasks.hold(held);
        self.publish(Phase::Running);
        Ok(true)
    }

    /// How many partitions each source that is new to one of ours had when it was first read. Its first partition knows.
    fn began_among(
        &mut self,
        partitions: &[TopicPartition],
        committed: &[Option<Position>],
    ) -> Result<Option<HashMap<Stage, u32>>, RunError> {
        let mut among = HashMap::new();
        for (partition, committed) in partitions.iter().zip(committed) {
            let subscription = self.topology.of_topic(&partition.topic);
            let Some(stage) = subscription.map(|s| s.stage) else {
                continue;
            };
            if committed.is_some() || among.contains_key(&stage) || !is_source(stage) {
                continue;
            }
            let first = TopicPartition {
                partition: 0,
                ..partition.clone()
            };
            let first = [first];
            let Some(found) =
                self.retry("reading committed offsets", |r| r.reader.committed(&first))?
            else {
                return Ok(None);
            };
            let clock = found.into_iter().flatten().next().map(|first| first.clock);
            let began = clock
                .as_deref()
                .map(Task::began_among)
                .transpose()?
                .flatten();
            let now = self.partitions.get(&stage).copied().unwrap_or_default();
            among.insert(stage, began.unwrap_or(now));
        }
        Ok(Some(among))
    }

    /// What is committed counts; and a partition that a topic has got since it was first read is read from its beginning,
    /// as nothing in it was there before.
    fn start_of(&self, held: &Held, began_among: &HashMap<Stage, u32>) -> Start {
        let among = began_among.get(&held.stage).copied();
        let is_new = among.is_some_and(|among| i64::from(held.partition.partition) >= among.into());
        let start_from = self.topology.of_stage(held.stage).map(|s| s.start_from);
        let start_from = start_from
            .filter(|_| !is_new)
            .unwrap_or(StartFrom::Earliest);
        match (&held.committed, start_from) {
            (Some(position), _) => Start::At(position.offset),
            (None, StartFrom::Earliest) => Start::Earliest,
            (None, StartFrom::Latest) => Start::Latest,
            (None, StartFrom::Timestamp(at)) => Start::Timestamp(at),
        }
    }

    /// Where the input of sources ends now. Shards have no end of their own: they finish when all source partitions
    /// have said that they have.
    fn set_ends(&mut self, held: &mut [Held]) -> Result<bool, RunError> {
        let ours: Vec<usize> = held
            .iter()
            .enumerate()
            .filter(|(_, h)| matches!(h.stage, Stage::Source(_)) && h.generator.is_none())
            .map(|(index, _)| index)
            .collect();
        let fresh: Vec<TopicPartition> = ours
            .iter()
            .filter_map(|&index| held.get(index).map(|h| h.partition.clone()))
            .filter(|partition| !self.ends.contains_key(partition))
            .collect();
        let Some(ends) = self.retry("looking for the end of the input", |r| {
            r.reader.end_offsets(&fresh)
        })?
        else {
            return Ok(false);
        };
        self.ends.extend(fresh.into_iter().zip(ends));
        for index in ours {
            if let Some(held) = held.get_mut(index) {
                held.end = self.ends.get(&held.partition).copied();
            }
        }
        Ok(true)
    }

    /// A partition's task as its committed position and its changelog have it.
    fn restore(
        &mut self,
        partition: &TopicPartition,
        committed: Option<Position>,
        written: Written,
        room: &Room,
    ) -> Result<Option<Held>, RunError> {
        let Some(subscription) = self.topology.of_topic(&partition.topic).cloned() else {
            let why = format!(
                "the group assigned `{}`, which this plan does not read",
                partition.topic
            );
            return Err(LogError::Refused(why).into());
        };
        let task = self.retry_restore(&subscription, partition, committed.as_ref(), room)?;
        let Some(mut task) = task else {
            return Ok(None);
        };
        // Otherwise the end that an earlier bounded run came to would be taken for the end of this one.
        task.reopen();
        self.tell_of_sources(&mut task, subscription.stage, written.next())?;
        let offset = committed.as_ref().map_or(0, |p| p.offset);
        let generator = self.generator_of(subscription.stage, partition.partition, offset)?;
        let end = generator
            .as_ref()
            .and_then(|g| g.generator.records())
            .and_then(|n| i64::try_from(n).ok());
        let skipped = self.settings.bounded && generator.is_some() && end.is_none();
        let closing = committed.is_some() && task.is_closing();
        Ok(Some(Held {
            partition: partition.clone(),
            stage: subscription.stage,
            task,
            generator,
            offset,
            committed,
            committing: None,
            dirty: closing,
            closing,
            at_end: false,
            log_end: None,
            last_record: self.host.now(),
            idle: false,
            again_from: None,
            wants_schema: None,
            // An endless generator adds nothing to an input that is to end.
            end: if skipped { Some(offset) } else { end },
            finished: false,
            written,
            waits_for_flush: false,
            rules: None,
            wants_edition: false,
        }))
    }

    /// Tells a shard how many partitions feed it: as many as there are, or, where a sink outside the log is ahead, as many
    /// as there were for what it has.
    fn tell_of_sources(
        &self,
        task: &mut Task,
        stage: Stage,
        ahead: Option<&Position>,
    ) -> Result<(), RunError> {
        for (place, now) in self.senders_to(stage) {
            let then = ahead.map(|ahead| task.told_of(place, &ahead.clock));
            let partitions = then.transpose()?.flatten().unwrap_or(now);
            // More partitions only hold windows open, and before anything has been read none can close: nothing is emitted.
            task.set_source_partitions(place, partitions, &mut Effects::default())?;
        }
        Ok(())
    }

    /// Tells a shard that has come to where all sinks outside the log are, and is made ready for a commit there, how many
    /// partitions feed it now.
    pub(super) fn tell_of_growth(&mut self, index: usize) -> Result<(), RunError> {
        let stage = self.tasks.get_mut(index).map(|held| held.stage);
        let senders = stage.map(|stage| self.senders_to(stage));
        let Some(held) = self.tasks.get_mut(index) else {
            return Ok(());
        };
        for (place, partitions) in senders.unwrap_or_default() {
            self.pending.gather(held, |held, effects| {
                Ok(held
                    .task
                    .set_source_partitions(place, partitions, effects)?)
            })?;
        }
        Ok(())
    }

    fn retry_restore(
        &mut self,
        subscription: &Subscription,
        partition: &TopicPartition,
        committed: Option<&Position>,
        room: &Room,
    ) -> Result<Option<Task>, RunError> {
        let changelog = subscription.changelog.as_ref().map(|topic| TopicPartition {
            topic: Arc::from(topic.as_str()),
            partition: partition.partition,
        });
        let mut pause = Duration::from_millis(100);
        loop {
            let mut task = self.new_task(subscription.stage, partition.partition)?;
            task.set_room(room);
            if let Some(position) = committed {
                task.set_clock(&position.clock)?;
            }
            let Some(changelog) = &changelog else {
                return Ok(Some(task));
            };
            let mut failure = None;
            let read = self
                .reader
                .restore(changelog, &self.stop, &mut |key, value| {
                    if failure.is_none() {
                        failure = task.restore(key, value).err();
                    }
                });
            match (read, failure) {
                (Ok(()), None) => {
                    self.tell_of_resets(&task, partition);
                    return Ok(Some(task));
                }
                (Ok(()), Some(failure)) => return Err(failure.into()),
                (Err(LogError::Unavailable(why)), _) => {
                    self.trouble(&format!("reading state back: {why}"))
                }
                (Err(refused), _) => return Err(refused.into()),
            }
            if !self.pause(&mut pause) {
                return Ok(None);
            }
        }
    }

    /// State that is dropped is a loss that somebody has agreed to: it is said all the same.
    fn tell_of_resets(&self, task: &Task, partition: &TopicPartition) {
        for state in task.state().filter(|state| state.stale > 0) {
            let stream = self.plan.streams.get(state.stream).map(|s| &s.name);
            tracing::warn!(
                pipeline = %self.plan.name,
                stream = stream.map_or("", |name| stream_of(name)),
                topic = %partition.topic,
                partition = partition.partition,
                "the stream was reset: it starts again without what it held before"
            );
        }
    }

    fn new_task(&mut self, stage: Stage, partition: i32) -> Result<Task, RunError> {
        let plan = Arc::clone(&self.plan);
        let mut task = match stage {
            Stage::Shard(stream) => {
                Task::shard(plan, stream, u32::try_from(partition).unwrap_or_default())?
            }
            Stage::Source(source) => {
                let mut task = Task::source(plan, source, partition)?;
                self.lookups.teach_all(&mut task, source);
                task
            }
        };
        task.set_tables(self.copies.tables());
        Ok(task)
    }

    /// What sends to a shard, each with how many partitions it has.
    fn senders_to(&self, stage: Stage) -> Vec<(Input, u32)> {
        let stream = match stage {
            Stage::Shard(stream) => self.plan.streams.get(stream),
            Stage::Source(_) => None,
        };
        let inputs = stream.map(|s| s.inputs.as_slice()).unwrap_or_default();
        let sender = |stage: Stage| Some((stage.place(), *self.partitions.get(&stage)?));
        stages_of(&self.plan, inputs).filter_map(sender).collect()
    }

    fn generator_of(
        &self,
        stage: Stage,
        partition: i32,
        from: i64,
    ) -> Result<Option<Generated>, RunError> {
        let Stage::Source(index) = stage else {
            return Ok(None);
        };
        let spec = self.generators.get(&index);
        let Some((spec, source)) = spec.zip(self.plan.sources.get(index)) else {
            return Ok(None);
        };
        Generated::new(spec, source, partition, from).map(Some)
    }

    /// Takes the partitions over in the sinks outside the log: up to where each has its rows already, by partition, then
    /// by sink.
    fn claim(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Option<Vec<Vec<Option<Position>>>>, RunError> {
        let claimed = self.retry("taking over in the sinks", |runner| {
            runner
                .committing
                .claim(partitions)
                .map_err(|error| match error {
                    SinkError::Unavailable(why) | SinkError::Fenced(why) => {
                        LogError::Unavailable(why)
                    }
                    other => LogError::Refused(other.to_string()),
                })
        })?;
        Ok(claimed.map(|by_sink| {
            let of_partition = |index: usize| {
                by_sink
                    .iter()
                    .map(|sink| sink.get(index).cloned().flatten())
                    .collect()
            };
            (0..partitions.len()).map(of_partition).collect()
        }))
    }
}
