//! A task: one partition of a stage, with all the streams that run there.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use tidemill_plan::model::{Changes, EventTime, Input, Micros, Origin, OutputOf, Plan};

use crate::aggregate::{ChunkKey, Operator};
use crate::clock::{self, Marks, ShardClock};
use crate::decode::{JsonDecoder, Limits};
use crate::effects::{Effects, Rows};
use crate::error::{EngineError, Result};
use crate::record::RawBatch;
use crate::reject::Place;
use crate::rows::{Flow, Replaces};
use crate::shuffle::{self, Word};
use crate::source::Reader;
use crate::stage::Stage;
use crate::steps;
use crate::window::NEVER;

/// One stream at work in a task.
struct Node {
    stream: usize,
    /// Which node it reads; the first rows of the stage where there is none.
    input: Option<usize>,
    /// The nodes that read it.
    readers: Vec<usize>,
    operator: Option<Operator>,
    /// Rows that wait for it.
    waiting: Vec<Flow>,
    /// The watermark of its rows.
    watermark: Micros,
    /// Whether an output wants its rows.
    wanted: bool,
}

/// What a task reads.
enum Feeder {
    Source(Reader),
    Shard(ShardClock),
}

/// What a round through the streams is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Rows have come, or the watermark has moved.
    Advance,
    /// A commit is due.
    Flush,
    /// The input has ended.
    Finish,
}

/// How much state a stream has in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamState {
    /// Index of the stream in the plan.
    pub stream: usize,
    /// Windows that are open.
    pub windows: usize,
    /// Groups that are held.
    pub groups: usize,
    /// Bytes of memory, roughly.
    pub bytes: usize,
}

/// One partition of a source, or of a stream's shuffle topic, with the streams that run on it.
///
/// A new task is given its clock ([`Task::set_clock`]) and then its changelog ([`Task::restore`]), if there are any.
/// Then it takes records; before each commit it is flushed. All that it wants done is in [`Effects`], which belong
/// into the same commit as the offset after the last record and [`Task::clock`].
pub struct Task {
    plan: Arc<Plan>,
    stage: Stage,
    topic: String,
    partition: i32,
    feeder: Feeder,
    nodes: Vec<Node>,
    /// The nodes that read the stage's first rows.
    readers: Vec<usize>,
    /// Whether an output wants the stage's first rows.
    wanted: bool,
}

impl Task {
    /// A task that reads a partition of a source.
    ///
    /// # Errors
    /// If the plan has no such source, or asks for what cannot be run.
    pub fn source(plan: Arc<Plan>, source: usize, partition: i32) -> Result<Self> {
        let from = plan
            .sources
            .get(source)
            .ok_or_else(|| EngineError::Plan(format!("there is no source {source}")))?;
        let (topic, decoder) = match &from.origin {
            Origin::Topic { topic, .. } => {
                let decoder =
                    JsonDecoder::new(&from.columns, Arc::clone(&from.schema), Limits::default())?;
                (topic.clone(), Some(decoder))
            }
            Origin::Generator(_) => (from.name.clone(), None),
        };
        Self::new(
            plan,
            Stage::Source(source),
            topic,
            partition,
            Feeder::Source(Reader::new(decoder)),
        )
    }

    /// A task that reads a partition of a stream's shuffle topic.
    ///
    /// # Errors
    /// If the plan has no such stream, or it is not shuffled.
    pub fn shard(plan: Arc<Plan>, stream: usize, shard: u32) -> Result<Self> {
        let partition = i32::try_from(shard)
            .map_err(|_| EngineError::Plan(format!("there is no shard {shard}")))?;
        if !crate::stage::is_shuffled(&plan, stream) {
            return Err(EngineError::Plan(format!(
                "stream {stream} is not shuffled"
            )));
        }
        let topic = plan
            .streams
            .get(stream)
            .map(|s| s.name.clone())
            .unwrap_or_default();
        Self::new(
            plan,
            Stage::Shard(stream),
            topic,
            partition,
            Feeder::Shard(ShardClock::default()),
        )
    }

    fn new(
        plan: Arc<Plan>,
        stage: Stage,
        topic: String,
        partition: i32,
        feeder: Feeder,
    ) -> Result<Self> {
        let streams = stage.streams(&plan)?;
        let wanted = |input: Input| plan.outputs.iter().any(|o| o.from == OutputOf::Rows(input));
        let mut nodes: Vec<Node> = Vec::with_capacity(streams.len());
        let mut readers = Vec::new();
        for (place, &index) in streams.iter().enumerate() {
            let stream = plan
                .streams
                .get(index)
                .ok_or_else(|| EngineError::Plan(format!("there is no stream {index}")))?;
            let shuffled_here = stage == Stage::Shard(index);
            let input = match stream.input {
                Input::Stream(j) if !shuffled_here => nodes.iter().position(|n| n.stream == j),
                _ => None,
            };
            match input.and_then(|i| nodes.get_mut(i)) {
                Some(node) => node.readers.push(place),
                None => readers.push(place),
            }
            let operator = match &stream.aggregate {
                None => None,
                Some(aggregate) if shuffled_here => {
                    Some(Operator::over_partials(stream, aggregate)?)
                }
                Some(aggregate) => Some(Operator::over_rows(index, stream, aggregate)?),
            };
            nodes.push(Node {
                stream: index,
                input,
                readers: Vec::new(),
                operator,
                waiting: Vec::new(),
                watermark: NEVER,
                wanted: wanted(Input::Stream(index)),
            });
        }
        let wanted = matches!(stage, Stage::Source(_)) && wanted(stage.root());
        Ok(Self {
            plan,
            stage,
            topic,
            partition,
            feeder,
            nodes,
            readers,
            wanted,
        })
    }

    /// Takes back the clock that was stored with the committed offsets. Comes before [`Task::restore`].
    ///
    /// # Errors
    /// If the text is not one that [`Task::clock`] gave.
    pub fn set_clock(&mut self, text: &str) -> Result<()> {
        let marks = match &mut self.feeder {
            Feeder::Source(reader) => {
                let (clock, marks) = clock::read_source(text)?;
                reader.clock = clock;
                marks
            }
            Feeder::Shard(mine) => {
                let (clock, marks) = clock::read_shard(text)?;
                *mine = clock;
                marks
            }
        };
        let watermark = self.watermark().unwrap_or(NEVER);
        for index in 0..self.nodes.len() {
            let input = self.input_watermark(index, watermark);
            if let Some(node) = self.nodes.get_mut(index) {
                if let Some(operator) = &mut node.operator {
                    operator.set_marks(&marks);
                    operator.resume(input);
                }
                node.watermark = node
                    .operator
                    .as_ref()
                    .map_or(input, Operator::output_watermark);
            }
        }
        Ok(())
    }

    /// What of event time must be stored with the committed offsets: a line of less than 4,000 bytes.
    #[must_use]
    pub fn clock(&self) -> String {
        let marks = self
            .nodes
            .iter()
            .filter_map(|n| n.operator.as_ref())
            .map(Operator::marks);
        let marks: Vec<Marks> = marks
            .filter(|m| m.closed.is_some() || m.emitted.is_some())
            .collect();
        match &self.feeder {
            Feeder::Source(reader) => clock::write_source(&reader.clock, &marks),
            Feeder::Shard(clock) => clock::write_shard(clock, &marks),
        }
    }

    /// Takes back a record of the changelog; they come in the order of the log. What belongs to a stream that the
    /// plan no longer has is passed over.
    ///
    /// # Errors
    /// If the bytes are not what a task wrote, or were written for other keys or functions.
    pub fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        let stored = |problem: &str| EngineError::Stored {
            stream: String::from("?"),
            problem: problem.to_owned(),
        };
        let key = ChunkKey::decode(key).map_err(stored)?;
        let plan = Arc::clone(&self.plan);
        let named = |n: &&mut Node| {
            plan.streams
                .get(n.stream)
                .is_some_and(|s| s.name == key.stream)
        };
        match self
            .nodes
            .iter_mut()
            .find(named)
            .and_then(|n| n.operator.as_mut())
        {
            Some(operator) => operator.restore(key, value),
            None => Ok(()),
        }
    }

    /// Tells a shard how many partitions its source has (or, after a second shuffle, how many shards the stream before
    /// has). Before that is known its watermark does not move.
    ///
    /// # Errors
    /// None of the records' making; see [`EngineError`].
    pub fn set_source_partitions(&mut self, partitions: u32, fx: &mut Effects) -> Result<()> {
        if let Feeder::Shard(clock) = &mut self.feeder {
            clock.expect(partitions);
            return self.round(Round::Advance, None, fx);
        }
        Ok(())
    }

    /// Says that nothing comes for a while: the partition holds no shard back until it has records again.
    pub fn set_idle(&mut self) {
        if let Feeder::Source(reader) = &mut self.feeder {
            reader.clock.idle = true;
        }
    }

    /// Takes records of the task's partition, in the order of their offsets.
    ///
    /// # Errors
    /// Never for what a source's record holds: that becomes a dead letter. In a shard, if a record was not written by a
    /// task of this plan.
    pub fn process(&mut self, batch: &RawBatch<'_>, fx: &mut Effects) -> Result<()> {
        if batch.topic != self.topic {
            self.topic = batch.topic.to_owned();
        }
        if batch.records.is_empty() {
            return Ok(());
        }
        let place = Place {
            topic: batch.topic,
            partition: self.partition,
            raw: Some(batch),
        };
        match &mut self.feeder {
            Feeder::Source(reader) => {
                let flow = reader.read(batch.records, place, fx)?;
                self.take(flow, place, fx)?;
                self.round(Round::Advance, Some(batch), fx)
            }
            Feeder::Shard(_) => self.receive(batch, fx),
        }
    }

    /// Takes rows that were generated, in the source's schema.
    ///
    /// # Errors
    /// See [`Task::process`].
    pub fn process_rows(&mut self, rows: RecordBatch, fx: &mut Effects) -> Result<()> {
        let topic = std::mem::take(&mut self.topic);
        let place = Place {
            topic: &topic,
            partition: self.partition,
            raw: None,
        };
        let taken = self.take(Reader::fresh(rows, None), place, fx);
        self.topic = topic;
        taken?;
        self.round(Round::Advance, None, fx)
    }

    /// Takes a source's rows in.
    fn take(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        let Feeder::Source(reader) = &mut self.feeder else {
            return Err(EngineError::Plan("a shard takes no rows".to_owned()));
        };
        let Some(source) = (match self.stage {
            Stage::Source(i) => self.plan.sources.get(i),
            Stage::Shard(_) => None,
        }) else {
            return Ok(());
        };
        let flow = reader.admit(flow, source.check.as_ref(), source.event_time, place, fx)?;
        if flow.len() == 0 {
            return Ok(());
        }
        if self.wanted {
            fx.rows.push(Rows {
                from: self.stage.root(),
                batch: flow.batch.clone(),
                deleted: None,
            });
        }
        hand_on(&mut self.nodes, &self.readers, flow);
        Ok(())
    }

    /// Takes records of a shuffle topic. Whether a partial aggregate is late is decided record by record, however they
    /// are batched; merging is done for all of them at once.
    fn receive(&mut self, batch: &RawBatch<'_>, fx: &mut Effects) -> Result<()> {
        let mut merging = BTreeMap::new();
        for (index, record) in batch.records.iter().enumerate() {
            let Some(value) = record.value else { continue };
            let ended = self.receive_one(index, value, batch, &mut merging, fx)?;
            if ended {
                self.merge(&mut merging)?;
                self.round(Round::Finish, Some(batch), fx)?;
            }
        }
        self.merge(&mut merging)?;
        self.round(Round::Advance, Some(batch), fx)
    }

    /// Sorts the partials of a record by window; whether all input has ended with it.
    fn receive_one<'b>(
        &mut self,
        index: usize,
        value: &'b [u8],
        batch: &RawBatch<'_>,
        merging: &mut BTreeMap<Micros, Vec<(&'b [u8], &'b [u8])>>,
        fx: &mut Effects,
    ) -> Result<bool> {
        let received = shuffle::read(value).map_err(|problem| self.unreadable(problem))?;
        let before = self.watermark().unwrap_or(NEVER);
        let Some(operator) = self.nodes.first_mut().and_then(|n| n.operator.as_mut()) else {
            return Ok(false);
        };
        operator.check_fingerprint(received.fingerprint)?;
        let mut late: BTreeMap<Micros, Vec<(&[u8], &[u8])>> = BTreeMap::new();
        for (start, key, state) in received.partials {
            let target = if operator.is_late(start, before) {
                &mut late
            } else {
                &mut *merging
            };
            target.entry(start).or_default().push((key, state));
        }
        let place = Place {
            topic: batch.topic,
            partition: self.partition,
            raw: Some(batch),
        };
        for (start, rows) in late {
            operator.reject_partials(start, &rows, index, before, place, fx)?;
        }
        match &mut self.feeder {
            Feeder::Shard(clock) => {
                clock.hear(received.word);
                Ok(clock.finished())
            }
            Feeder::Source(_) => Ok(false),
        }
    }

    fn unreadable(&self, problem: &str) -> EngineError {
        let stream = self
            .nodes
            .first()
            .and_then(|n| self.plan.streams.get(n.stream));
        EngineError::Stored {
            stream: stream.map(|s| s.name.clone()).unwrap_or_default(),
            problem: problem.to_owned(),
        }
    }

    fn merge(&mut self, merging: &mut BTreeMap<Micros, Vec<(&[u8], &[u8])>>) -> Result<()> {
        if let Some(operator) = self.nodes.first_mut().and_then(|n| n.operator.as_mut()) {
            for (start, rows) in std::mem::take(merging) {
                operator.merge(start, &rows)?;
            }
        }
        Ok(())
    }

    /// Moves the task's watermark from outside: when its partition is idle, and others have gone on.
    ///
    /// # Errors
    /// None of the records' making; see [`EngineError`].
    pub fn advance(&mut self, watermark: Micros, fx: &mut Effects) -> Result<()> {
        match &mut self.feeder {
            Feeder::Source(reader) => {
                reader.clock.advanced = reader.clock.advanced.max(Some(watermark))
            }
            Feeder::Shard(clock) => clock.advance(watermark),
        }
        self.round(Round::Advance, None, fx)
    }

    /// Ends the input before an offset: every open window closes, and with the next flush the shards hear of it. A
    /// record that comes all the same takes that back; for the windows that have closed it is late. A shard finishes by
    /// itself when all its source partitions have.
    ///
    /// # Errors
    /// None of the records' making; see [`EngineError`].
    pub fn finish(&mut self, at_offset: i64, fx: &mut Effects) -> Result<()> {
        if let Feeder::Source(reader) = &mut self.feeder {
            reader.clock.finished = Some(at_offset);
        }
        self.round(Round::Finish, None, fx)
    }

    /// Makes ready for a commit: partial aggregates go to their shards, updates to outputs, state to the changelog.
    ///
    /// # Errors
    /// None of the records' making; see [`EngineError`].
    pub fn flush(&mut self, fx: &mut Effects) -> Result<()> {
        self.round(Round::Flush, None, fx)
    }

    /// The watermark; none before the first record with an event time.
    #[must_use]
    pub fn watermark(&self) -> Option<Micros> {
        match &self.feeder {
            Feeder::Source(reader) => reader.watermark(self.event_time()),
            Feeder::Shard(clock) => clock.watermark,
        }
    }

    fn event_time(&self) -> Option<EventTime> {
        match self.stage {
            Stage::Source(i) => self.plan.sources.get(i)?.event_time,
            Stage::Shard(_) => None,
        }
    }

    /// Whether the input has ended: of a shard, in all source partitions.
    #[must_use]
    pub fn finished(&self) -> bool {
        match &self.feeder {
            Feeder::Source(reader) => reader.clock.finished.is_some(),
            Feeder::Shard(clock) => clock.finished(),
        }
    }

    /// In a shard, the source partition that holds the watermark back: one that has not been heard of, or else the one
    /// furthest behind.
    #[must_use]
    pub fn held_back_by(&self) -> Option<i32> {
        match &self.feeder {
            Feeder::Source(_) => None,
            Feeder::Shard(clock) => clock.held_back_by(),
        }
    }

    /// The state of each stream with a grouping.
    pub fn state(&self) -> impl Iterator<Item = StreamState> {
        self.nodes.iter().filter_map(|node| {
            let operator = node.operator.as_ref()?;
            Some(StreamState {
                stream: node.stream,
                windows: operator.open_windows(),
                groups: operator.groups(),
                bytes: operator.bytes(),
            })
        })
    }

    /// Goes once through all streams, inputs before their readers, so that each sees its rows before the watermark
    /// that comes after them.
    fn round(&mut self, round: Round, raw: Option<&RawBatch<'_>>, fx: &mut Effects) -> Result<()> {
        let plan = Arc::clone(&self.plan);
        let watermark = self.watermark().unwrap_or(NEVER);
        let word = self.word();
        let topic = std::mem::take(&mut self.topic);
        let place = Place {
            topic: &topic,
            partition: self.partition,
            raw,
        };
        let result = (0..self.nodes.len())
            .try_for_each(|i| self.visit(&plan, i, round, watermark, word, place, fx));
        self.topic = topic;
        result
    }

    /// What the task says of itself to shards.
    fn word(&self) -> Word {
        let idle = match &self.feeder {
            Feeder::Source(reader) => reader.clock.idle,
            Feeder::Shard(_) => false,
        };
        Word {
            partition: self.partition,
            watermark: None,
            idle,
            last: self.finished(),
        }
    }

    fn input_watermark(&self, index: usize, root: Micros) -> Micros {
        let input = self.nodes.get(index).and_then(|n| n.input);
        input
            .and_then(|i| self.nodes.get(i))
            .map_or(root, |n| n.watermark)
    }

    #[allow(clippy::too_many_arguments)]
    fn visit(
        &mut self,
        plan: &Plan,
        index: usize,
        round: Round,
        root: Micros,
        word: Word,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        let watermark = self.input_watermark(index, root);
        let Some(node) = self.nodes.get_mut(index) else {
            return Ok(());
        };
        let Some(stream) = plan.streams.get(node.stream) else {
            return Ok(());
        };
        let mut results = Vec::new();
        for flow in std::mem::take(&mut node.waiting) {
            let Some(flow) = steps::run(&stream.before, flow, &stream.name, place, fx)? else {
                continue;
            };
            match &mut node.operator {
                Some(operator) => operator.update(flow, place, fx)?,
                None => results.push(flow),
            }
        }
        node.watermark = node.watermark.max(watermark);
        if let Some(operator) = &mut node.operator {
            let mut flows = operator.advance(watermark, place, fx)?;
            match round {
                Round::Advance => {}
                Round::Finish => flows.extend(operator.close_all(place, fx)?),
                Round::Flush => {
                    let watermark = Some(watermark).filter(|&w| w != NEVER);
                    flows.extend(operator.flush(Word { watermark, ..word }, place, fx)?);
                }
            }
            node.watermark = operator.output_watermark();
            for flow in flows {
                results.extend(steps::run(&stream.after, flow, &stream.name, place, fx)?);
            }
        }
        let (from, readers) = (
            Input::Stream(node.stream),
            std::mem::take(&mut node.readers),
        );
        let wanted = node.wanted;
        for flow in results {
            let flow = of_stream(flow, &stream.changes);
            if wanted {
                let deleted = flow.replaces.as_ref().and_then(|r| r.deleted.clone());
                fx.rows.push(Rows {
                    from,
                    batch: flow.batch.clone(),
                    deleted,
                });
            }
            hand_on(&mut self.nodes, &readers, flow);
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.readers = readers;
        }
        Ok(())
    }
}

/// Gives rows to the nodes that read them.
fn hand_on(nodes: &mut [Node], readers: &[usize], flow: Flow) {
    for &reader in readers {
        if let Some(node) = nodes.get_mut(reader) {
            node.waiting.push(flow.clone());
        }
    }
}

/// Rows as those of a stream, which says what identifies them.
fn of_stream(flow: Flow, changes: &Changes) -> Flow {
    let replaces = match (changes, flow.replaces) {
        (Changes::Append, _) => None,
        (Changes::Upsert { key }, replaces) => Some(Replaces {
            key: Some(key.as_slice().into()),
            deleted: replaces.and_then(|r| r.deleted),
        }),
    };
    Flow { replaces, ..flow }
}
