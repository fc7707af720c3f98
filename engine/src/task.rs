//! A task: one partition of a stage, with all the streams that run there.

use std::sync::Arc;

use arrow::array::RecordBatch;
use tidemill_plan::model::{EventTime, Input, Micros, Origin, Plan};

use crate::aggregate::ChunkKey;
use crate::clock::{self, ShardClock};
use crate::decode::RegisteredSchema;
use crate::disk::Room;
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::{RawBatch, RawRecord};
use crate::reject::Place;
use crate::shuffle::{self, Arrived, Word};
use crate::source::Reader;
use crate::stage::Stage;
pub use crate::streams::StreamState;
use crate::streams::{Round, Streams, Turn};
use crate::table::Tables;
use crate::window::NEVER;

/// What a task reads.
enum Feeder {
    Source(Box<Reader>),
    Shard(ShardClock),
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
    streams: Streams,
    /// The offset after the last record that brought rows.
    rows_until: i64,
    /// The edition of the rules that rows are read under.
    edition: i64,
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
        let topic = match &from.origin {
            Origin::Topic { topic, .. } => topic.clone(),
            Origin::Generator(_) => from.name.clone(),
        };
        let reader = Reader::new(from)?;
        Self::new(
            plan,
            Stage::Source(source),
            topic,
            partition,
            Feeder::Source(Box::new(reader)),
        )
    }

    /// A task that reads a partition of a stream's shuffle topic.
    ///
    /// # Errors
    /// If the plan has no such stream, or it is not shuffled.
    pub fn shard(plan: Arc<Plan>, stream: usize, shard: u32) -> Result<Self> {
        let partition = i32::try_from(shard)
            .map_err(|_| EngineError::Plan(format!("there is no shard {shard}")))?;
        if !plan.is_shuffled(stream) {
            return Err(EngineError::Plan(format!(
                "stream {stream} is not shuffled"
            )));
        }
        let found = plan.streams.get(stream);
        let topic = found.map(|s| s.name.clone()).unwrap_or_default();
        let inputs = found.map(|s| s.inputs.as_slice()).unwrap_or_default();
        let places = plan.places_of(inputs);
        let senders: Vec<u64> = places.iter().map(|it| origin(&plan, *it)).collect();
        Self::new(
            plan,
            Stage::Shard(stream),
            topic,
            partition,
            Feeder::Shard(ShardClock::new(senders)),
        )
    }

    fn new(
        plan: Arc<Plan>,
        stage: Stage,
        topic: String,
        partition: i32,
        feeder: Feeder,
    ) -> Result<Self> {
        Ok(Self {
            streams: Streams::new(&plan, stage)?,
            plan,
            stage,
            topic,
            partition,
            feeder,
            rows_until: i64::MIN,
            edition: 0,
        })
    }

    /// Has it judge by the rules of another plan, whose streams are the same.
    ///
    /// # Errors
    /// If these ask for what cannot be run.
    pub fn set_rules(&mut self, plan: &Arc<Plan>) -> Result<()> {
        self.plan = Arc::clone(plan);
        self.streams.set_rules(plan)
    }

    /// Sets the edition of the rules that is in force for the rows that come next. That of a source is kept with its clock.
    pub fn set_edition(&mut self, edition: i64) {
        self.edition = edition;
        if let Feeder::Source(reader) = &mut self.feeder {
            reader.clock.edition = Some(edition);
        }
    }

    /// The edition of the rules under which a source's rows were read when [`Task::clock`] gave this text, if there were any.
    ///
    /// # Errors
    /// If the text is not one that [`Task::clock`] gave for a source.
    pub fn edition_then(clock: &str) -> Result<Option<i64>> {
        Ok(clock::read_source(clock)?.0.edition)
    }

    /// The newest edition that rows among these records of a shard were read under.
    #[must_use]
    pub fn newest_edition(&self, records: &[RawRecord<'_>]) -> Option<i64> {
        match &self.feeder {
            Feeder::Source(_) => None,
            Feeder::Shard(_) => {
                let values = records.iter().filter_map(|record| record.value);
                values.filter_map(shuffle::edition).max()
            }
        }
    }

    /// Sets the tables that its streams are joined with. A row is joined with them as they are when it is processed.
    pub fn set_tables(&mut self, tables: &Tables) {
        self.streams.set_tables(tables.clone());
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
                self.edition = reader.clock.edition.unwrap_or_default();
                marks
            }
            Feeder::Shard(mine) => {
                let (clock, marks) = clock::read_shard(text)?;
                mine.take_over(clock);
                marks
            }
        };
        self.streams
            .resume(self.watermark().unwrap_or(NEVER), &marks);
        Ok(())
    }

    /// What of event time must be stored with the committed offsets: a line of less than 4,000 bytes.
    #[must_use]
    pub fn clock(&self) -> String {
        let marks = self.streams.marks();
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
        self.streams.restore(key, value)
    }

    /// Tells a shard how many partitions one of the [places](Plan::places_of) has that its stream's rows come from: a
    /// source, or the shards of a stream. Before that is known of all its watermark does not move.
    ///
    /// # Errors
    /// None of the records' making; see [`EngineError`].
    pub fn set_source_partitions(
        &mut self,
        place: Input,
        partitions: u32,
        fx: &mut Effects,
    ) -> Result<()> {
        if let Feeder::Shard(clock) = &mut self.feeder {
            clock.expect(origin(&self.plan, place), partitions);
            return self.round(Round::Advance, None, fx);
        }
        Ok(())
    }

    /// How many partitions of a place a shard had been told of when [`Task::clock`] gave this text; none if it had not been
    /// told, or is no shard.
    ///
    /// # Errors
    /// If the text is not one that [`Task::clock`] gave.
    pub fn told_of(&self, place: Input, clock: &str) -> Result<Option<u32>> {
        match &self.feeder {
            Feeder::Source(_) => Ok(None),
            Feeder::Shard(_) => {
                let (then, _) = clock::read_shard(clock)?;
                Ok(then.told(origin(&self.plan, place)))
            }
        }
    }

    /// Tells a task of a source how many partitions that has now. What it is told first, it keeps with its clock.
    pub fn begin_among(&mut self, partitions: u32) {
        if let Feeder::Source(reader) = &mut self.feeder {
            reader.clock.among.get_or_insert(partitions);
        }
    }

    /// How many partitions a source had when it was first read, as the clock of one of its tasks has it: a partition of
    /// a higher number is new.
    ///
    /// # Errors
    /// If the text is not one that [`Task::clock`] gave.
    pub fn began_among(clock: &str) -> Result<Option<u32>> {
        Ok(clock::read_source(clock)?.0.among)
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
        let Some(last) = batch.records.last() else {
            return Ok(());
        };
        let place = Place {
            topic: batch.topic,
            partition: self.partition,
            raw: Some(batch),
            edition: self.edition,
        };
        match &mut self.feeder {
            Feeder::Source(reader) => {
                self.rows_until = last.offset + 1;
                if let Some(source) = self.stage.source(&self.plan) {
                    let flow = reader.read(source, batch.records, place, fx)?;
                    self.streams.take(flow, place, fx)?;
                }
                self.round(Round::Advance, Some(batch), fx)
            }
            Feeder::Shard(_) => self.receive(batch, fx),
        }
    }

    /// The first of these records of a source whose schema must be asked for before it can be taken: its index, and the
    /// schema's number in the source's registry.
    #[must_use]
    pub fn missing_schema(&self, records: &[RawRecord<'_>]) -> Option<(usize, u32)> {
        match &self.feeder {
            Feeder::Source(reader) => reader.missing_schema(records),
            Feeder::Shard(_) => None,
        }
    }

    /// Learns the schema of this number, or why there is none: its records become dead letters then.
    pub fn learn_schema(&mut self, id: u32, schema: Result<&RegisteredSchema, &str>) {
        if let Feeder::Source(reader) = &mut self.feeder {
            reader.learn_schema(id, schema);
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
            edition: self.edition,
        };
        let taken = match (&mut self.feeder, self.stage.source(&self.plan)) {
            (Feeder::Source(reader), Some(source)) => {
                reader.admit(Reader::fresh(rows, None), source, place, fx)
            }
            _ => Err(EngineError::Plan("a shard takes no rows".to_owned())),
        };
        let taken = taken.and_then(|flow| self.streams.take(flow, place, fx));
        self.topic = topic;
        taken?;
        self.round(Round::Advance, None, fx)
    }

    /// Takes records of a shuffle topic. Whether a partial aggregate is late is decided record by record, however they
    /// are batched; merging is done for all of them at once.
    fn receive(&mut self, batch: &RawBatch<'_>, fx: &mut Effects) -> Result<()> {
        let place = Place {
            topic: batch.topic,
            partition: self.partition,
            raw: Some(batch),
            edition: self.edition,
        };
        let mut arrived = Vec::new();
        for (index, record) in batch.records.iter().enumerate() {
            let Some(value) = record.value else { continue };
            let before = arrived.len();
            let ended = self.receive_one(index, value, &mut arrived)?;
            if arrived.len() > before {
                self.rows_until = record.offset + 1;
            }
            if ended {
                self.merge(&mut arrived, place, fx)?;
                self.round(Round::Finish, Some(batch), fx)?;
            }
        }
        self.merge(&mut arrived, place, fx)?;
        self.round(Round::Advance, Some(batch), fx)
    }

    /// Gathers the partials of a record; whether all input has ended with it.
    fn receive_one<'b>(
        &mut self,
        record: usize,
        value: &'b [u8],
        arrived: &mut Vec<Arrived<'b>>,
    ) -> Result<bool> {
        let received = shuffle::read(value).map_err(|problem| self.unreadable(problem))?;
        let before = self.watermark().unwrap_or(NEVER);
        let Some(grouping) = self.streams.shuffled() else {
            return Ok(false);
        };
        // How far a source partition is holds across a reset; that its input has ended is said anew.
        let word = if grouping.owns(received.stamp)? {
            arrived.extend(received.partials.into_iter().map(|partial| Arrived {
                partial,
                record,
                before,
            }));
            received.word
        } else {
            Word {
                last: false,
                ..received.word
            }
        };
        match &mut self.feeder {
            Feeder::Shard(clock) => {
                clock.hear(word);
                Ok(clock.finished())
            }
            Feeder::Source(_) => Ok(false),
        }
    }

    fn unreadable(&self, problem: &str) -> EngineError {
        let stream = match self.stage {
            Stage::Shard(i) => self.plan.streams.get(i).map(|s| s.name.clone()),
            Stage::Source(_) => None,
        };
        EngineError::Stored {
            stream: stream.unwrap_or_default(),
            problem: problem.to_owned(),
        }
    }

    fn merge(
        &mut self,
        arrived: &mut Vec<Arrived<'_>>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        match self.streams.shuffled() {
            Some(grouping) => grouping.receive(std::mem::take(arrived), place, fx),
            None => Ok(()),
        }
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

    /// Goes on in event time as far as it was when [`Task::clock`] gave this text, having read the same records: others had
    /// gone on while its partition was idle, or the input had ended. What came of an end counts; that it was one does not.
    ///
    /// # Errors
    /// If the text is not one that [`Task::clock`] gave.
    pub fn catch_up(&mut self, clock: &str, fx: &mut Effects) -> Result<()> {
        let had_ended = match &mut self.feeder {
            Feeder::Source(reader) => {
                let (then, _) = clock::read_source(clock)?;
                reader.clock.advanced = reader.clock.advanced.max(then.advanced);
                then.finished.is_some()
            }
            Feeder::Shard(now) => now.at(clock::read_shard(clock)?.0).finished(),
        };
        self.round(Round::Advance, None, fx)?;
        if had_ended {
            self.round(Round::Finish, None, fx)?;
        }
        Ok(())
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

    /// Forgets that the input had ended: it may have grown since, and its end counts only when it is said anew.
    pub fn reopen(&mut self) {
        match &mut self.feeder {
            Feeder::Source(reader) => reader.clock.finished = None,
            Feeder::Shard(clock) => clock.reopen(),
        }
    }

    /// Makes ready for a commit: partial aggregates go to their shards, updates to outputs, state to the changelog.
    ///
    /// # Errors
    /// None of the records' making; see [`EngineError`].
    pub fn flush(&mut self, fx: &mut Effects) -> Result<()> {
        self.round(Round::Flush, None, fx)
    }

    /// The offset after the last record that brought rows since the task was made: behind it, only time has gone on.
    #[must_use]
    pub fn rows_until(&self) -> i64 {
        self.rows_until
    }

    /// The watermark; none before the first record with an event time.
    #[must_use]
    pub fn watermark(&self) -> Option<Micros> {
        match &self.feeder {
            Feeder::Source(reader) => reader.watermark(self.event_time()),
            Feeder::Shard(clock) => clock.watermark,
        }
    }

    /// Whether it has gone on in event time since [`Task::clock`] gave this text: its watermark has moved, or its input
    /// has ended.
    ///
    /// # Errors
    /// If the text is not one that [`Task::clock`] gave.
    pub fn has_passed(&self, clock: &str) -> Result<bool> {
        let (watermark, finished) = match &self.feeder {
            Feeder::Source(_) => {
                let (then, _) = clock::read_source(clock)?;
                let late = self.event_time().map_or(0, |t| t.out_of_orderness);
                (then.watermark(late), then.finished.is_some())
            }
            Feeder::Shard(now) => {
                let (then, _) = clock::read_shard(clock)?;
                let then = now.at(then);
                (then.watermark, then.finished())
            }
        };
        Ok(self.watermark() > watermark || (self.finished() && !finished))
    }

    fn event_time(&self) -> Option<EventTime> {
        self.stage.source(&self.plan)?.event_time
    }

    /// Whether the input has ended: of a shard, in all source partitions.
    #[must_use]
    pub fn finished(&self) -> bool {
        match &self.feeder {
            Feeder::Source(reader) => reader.clock.finished.is_some(),
            Feeder::Shard(clock) => clock.finished(),
        }
    }

    /// In a shard, the partition that holds the watermark back, and of what it is one: one that has not been heard of,
    /// or else the one furthest behind.
    #[must_use]
    pub fn held_back_by(&self) -> Option<(Input, i32)> {
        let Feeder::Shard(clock) = &self.feeder else {
            return None;
        };
        let (behind, partition) = clock.held_back_by()?;
        let inputs = match self.stage {
            Stage::Shard(i) => self.plan.streams.get(i)?.inputs.as_slice(),
            Stage::Source(_) => return None,
        };
        let mut places = self.plan.places_of(inputs).into_iter();
        let place = places.find(|place| origin(&self.plan, *place) == behind)?;
        Some((place, partition))
    }

    /// The state of each stream that has any.
    pub fn state(&self) -> impl Iterator<Item = StreamState> {
        self.streams.state()
    }

    /// Sets how much memory the state may take. Until it is called, all of it stays in memory. What is more than that goes
    /// to the disk with the next flush, or while the task is restored.
    pub fn set_room(&mut self, room: &Room) {
        self.streams.set_room(room);
    }

    /// Roughly how many bytes of memory hold what has come since the last flush.
    #[must_use]
    pub fn unflushed_bytes(&self) -> usize {
        self.streams.delta_bytes()
    }

    /// Roughly how many bytes of memory the state takes, with what has come since the last flush.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state().map(|state| state.bytes).sum()
    }

    /// Whether the last flush has left something to be closed for the next one, which need not wait for records then.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.streams.is_closing()
    }

    /// Whether something may come of a flush although no records have come: rows that wait for others, which may be there
    /// now.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.streams.has_news()
    }

    fn round(&mut self, round: Round, raw: Option<&RawBatch<'_>>, fx: &mut Effects) -> Result<()> {
        let turn = Turn {
            round,
            watermark: self.watermark().unwrap_or(NEVER),
            word: self.word(),
        };
        let place = Place {
            topic: &self.topic,
            partition: self.partition,
            raw,
            edition: self.edition,
        };
        self.streams.round(turn, place, fx)
    }

    /// What the task says of itself to shards.
    fn word(&self) -> Word {
        let idle = match &self.feeder {
            Feeder::Source(reader) => reader.clock.idle,
            Feeder::Shard(_) => false,
        };
        Word {
            origin: origin(&self.plan, self.stage.root()),
            partition: self.partition,
            watermark: None,
            idle,
            last: self.finished(),
            edition: self.edition,
        }
    }
}

/// What a place goes by among those that send to a shard.
fn origin(plan: &Plan, place: Input) -> u64 {
    shuffle::origin(plan.name_of_input(place))
}
