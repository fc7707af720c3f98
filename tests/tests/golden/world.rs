//! A world for a case's tasks: logs, shuffles, commits that take everything or nothing, restarts.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidemill_engine::effects::{Effects, Rows};
use tidemill_engine::record::{DeadLetter, RawBatch, RawRecord};
use tidemill_engine::table::{Loader, Tables};
use tidemill_engine::task::Task;
use tidemill_plan::model::{Exchange, Input, Micros, Plan};

/// A record in a log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    pub(crate) key: Option<String>,
    pub(crate) value: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Id {
    /// A source's partition.
    Source(usize, usize),
    /// A stream's shard.
    Shard(usize, usize),
}

/// A task, what it has committed, and what it has not.
struct Slot {
    id: Id,
    task: Task,
    offset: usize,
    fx: Effects,
    committed: usize,
    clock: Option<String>,
    changelog: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

pub(crate) struct World {
    plan: Arc<Plan>,
    /// How many partitions each source has.
    partitions: Vec<usize>,
    logs: BTreeMap<Id, Vec<Message>>,
    slots: Vec<Slot>,
    tables: Tables,
    /// What brings changes of a table into the copy that rows are joined with, by source.
    loaders: BTreeMap<usize, Loader>,
    /// Rows, dead letters and counts of what has been committed.
    pub(crate) rows: Vec<Rows>,
    pub(crate) dead: Vec<DeadLetter>,
    pub(crate) dropped: u64,
}

impl World {
    pub(crate) fn new(plan: &Arc<Plan>, partitions: Vec<usize>) -> Self {
        let mut ids = Vec::new();
        for (source, &count) in partitions.iter().enumerate() {
            ids.extend((0..count).map(|p| Id::Source(source, p)));
        }
        for (stream, planned) in plan.streams.iter().enumerate() {
            if let Some(Exchange::Shuffle { shards }) = planned.exchange() {
                ids.extend((0..*shards as usize).map(|s| Id::Shard(stream, s)));
            }
        }
        let tables = Tables::new(plan).unwrap();
        let loader = |source| (source, Loader::new(plan, source, &tables).unwrap());
        let mut world = Self {
            loaders: tables.sources().map(loader).collect(),
            tables: tables.clone(),
            plan: Arc::clone(plan),
            partitions,
            logs: BTreeMap::new(),
            slots: Vec::new(),
            rows: Vec::new(),
            dead: Vec::new(),
            dropped: 0,
        };
        for id in ids {
            let (task, fx) = world.start(id, None, &[]);
            world.slots.push(Slot {
                id,
                task,
                offset: 0,
                fx,
                committed: 0,
                clock: None,
                changelog: Vec::new(),
            });
        }
        world
    }

    /// A task as it was at its last commit.
    fn start(
        &self,
        id: Id,
        clock: Option<&str>,
        changelog: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> (Task, Effects) {
        let plan = Arc::clone(&self.plan);
        let mut task = match id {
            Id::Source(source, partition) => Task::source(plan, source, partition as i32),
            Id::Shard(stream, shard) => Task::shard(plan, stream, shard as u32),
        }
        .unwrap();
        task.set_tables(&self.tables);
        if let Some(clock) = clock {
            task.set_clock(clock).unwrap();
        }
        for (key, value) in changelog {
            task.restore(key, value.as_deref()).unwrap();
        }
        let mut fx = Effects::default();
        if let Id::Shard(stream, _) = id {
            for place in self.plan.places_of(&self.plan.streams[stream].inputs) {
                let partitions = self.partitions_of(place);
                task.set_source_partitions(place, partitions as u32, &mut fx)
                    .unwrap();
            }
        }
        (task, fx)
    }

    fn partitions_of(&self, place: Input) -> usize {
        match place {
            Input::Source(source) => self.partitions[source],
            Input::Stream(stream) => match self.plan.streams[stream].exchange() {
                Some(Exchange::Shuffle { shards }) => *shards as usize,
                _ => panic!("stream {stream} is not shuffled"),
            },
        }
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Adds a record to a partition of a source. The copy of a table has it at once.
    pub(crate) fn append(&mut self, source: usize, partition: usize, message: Message) {
        if let Some(loader) = self.loaders.get_mut(&source) {
            let record = RawRecord {
                offset: 0,
                timestamp: 0,
                key: message.key.as_deref().map(str::as_bytes),
                value: message.value.as_deref(),
            };
            let batch = RawBatch {
                topic: &self.plan.sources[source].name,
                partition: partition as i32,
                records: &[record],
                headers: &|_| Vec::new(),
            };
            loader.process(&batch).unwrap();
        }
        let log = self.logs.entry(Id::Source(source, partition)).or_default();
        log.push(message);
    }

    /// How many records a task has before it.
    pub(crate) fn left(&self, slot: usize) -> usize {
        let slot = &self.slots[slot];
        self.logs.get(&slot.id).map_or(0, Vec::len) - slot.offset
    }

    /// Lets a task take so many records, if there are.
    pub(crate) fn process(&mut self, slot: usize, most: usize) {
        let count = self.left(slot).min(most);
        if count == 0 {
            return;
        }
        let slot = &mut self.slots[slot];
        let messages = &self.logs[&slot.id][slot.offset..slot.offset + count];
        let record = |(i, message): (usize, &Message)| (slot.offset + i, message.clone());
        let messages: Vec<(usize, Message)> = messages.iter().enumerate().map(record).collect();
        let records = messages.iter().map(|(offset, message)| RawRecord {
            offset: *offset as i64,
            timestamp: 0,
            key: message.key.as_deref().map(str::as_bytes),
            value: message.value.as_deref(),
        });
        let records: Vec<RawRecord<'_>> = records.collect();
        let (topic, partition) = match slot.id {
            Id::Source(source, partition) => (self.plan.sources[source].name.clone(), partition),
            Id::Shard(stream, shard) => (
                format!("shuffle of {}", self.plan.streams[stream].name),
                shard,
            ),
        };
        let batch = RawBatch {
            topic: &topic,
            partition: partition as i32,
            records: &records,
            headers: &|_| Vec::new(),
        };
        slot.task.process(&batch, &mut slot.fx).unwrap();
        slot.offset += count;
    }

    pub(crate) fn commit(&mut self, slot: usize) {
        let slot = &mut self.slots[slot];
        slot.task.flush(&mut slot.fx).unwrap();
        let fx = std::mem::take(&mut slot.fx);
        slot.committed = slot.offset;
        slot.clock = Some(slot.task.clock());
        slot.changelog
            .extend(fx.changelog.into_iter().map(|r| (r.key, r.value)));
        for record in fx.shuffle {
            let log = self
                .logs
                .entry(Id::Shard(record.stream, record.shard as usize))
                .or_default();
            log.push(Message {
                key: None,
                value: Some(record.value),
            });
        }
        self.rows.extend(fx.rows);
        self.dead.extend(fx.dead_letters);
        self.dropped += fx.late_dropped + fx.duplicates;
    }

    /// Loses what a task has not committed, and starts it again from what it has.
    pub(crate) fn restart(&mut self, slot: usize) {
        let old = &self.slots[slot];
        let (task, fx) = self.start(old.id, old.clock.as_deref(), &old.changelog);
        let slot = &mut self.slots[slot];
        slot.task = task;
        slot.fx = fx;
        slot.offset = slot.committed;
    }

    /// Takes and commits everything there is, wherever it leads.
    pub(crate) fn settle(&mut self) {
        loop {
            for slot in 0..self.slots.len() {
                self.process(slot, usize::MAX);
                self.commit(slot);
            }
            if (0..self.slots.len()).all(|slot| self.left(slot) == 0) {
                return;
            }
        }
    }

    /// A partition is idle: it holds no shard back, and goes by the watermark of its source's other partitions.
    pub(crate) fn idle(&mut self, source: usize, partition: usize) {
        let others = self.slots.iter().filter(|slot| match slot.id {
            Id::Source(s, p) => s == source && p != partition,
            Id::Shard(..) => false,
        });
        let watermark: Option<Micros> = others.map(|slot| slot.task.watermark()).min().flatten();
        let idle = self
            .slots
            .iter_mut()
            .find(|s| s.id == Id::Source(source, partition));
        let idle = idle.unwrap();
        idle.task.set_idle();
        if let Some(watermark) = watermark {
            idle.task.advance(watermark, &mut idle.fx).unwrap();
        }
    }

    /// All input has come.
    pub(crate) fn finish(&mut self) {
        for slot in &mut self.slots {
            if matches!(slot.id, Id::Source(..)) {
                slot.task.finish(slot.offset as i64, &mut slot.fx).unwrap();
            }
        }
        self.settle();
    }
}
