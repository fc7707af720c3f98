//! A world for tasks: logs, commits that take everything or nothing, crashes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use rand::Rng;
use rand::rngs::StdRng;
use tidemill_plan::model::{Exchange, Input, Plan};

use crate::disk::{Heap, Room};
use crate::effects::{Effects, Rows};
use crate::error::Result;
use crate::record::{DeadLetter, RawBatch, RawRecord};
use crate::task::Task;

/// Gives some records to a task.
pub(super) fn give(
    task: &mut Task,
    topic: &str,
    partition: i32,
    from: usize,
    log: &[Vec<u8>],
    fx: &mut Effects,
) {
    try_give(task, topic, partition, from, log, fx).unwrap();
}

pub(super) fn try_give(
    task: &mut Task,
    topic: &str,
    partition: i32,
    from: usize,
    log: &[Vec<u8>],
    fx: &mut Effects,
) -> Result<()> {
    let records: Vec<RawRecord<'_>> = log
        .iter()
        .enumerate()
        .map(|(i, value)| RawRecord {
            offset: (from + i) as i64,
            timestamp: 5,
            key: Some(b"key"),
            value: Some(value),
        })
        .collect();
    let headers = |i: usize| vec![("n".to_owned(), Some(vec![i as u8]))];
    task.process(
        &RawBatch {
            topic,
            partition,
            records: &records,
            headers: &headers,
        },
        fx,
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Id {
    Source(i32),
    Shard(usize, u32),
}

/// A task, what it has committed, and what it has not.
pub(super) struct Slot {
    pub(super) id: Id,
    pub(super) task: Task,
    offset: usize,
    fx: Effects,
    committed: usize,
    clock: Option<String>,
    pub(super) changelog: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

pub(super) struct World {
    plan: Arc<Plan>,
    pub(super) sources: Vec<Vec<Vec<u8>>>,
    shuffles: BTreeMap<(usize, u32), Vec<Vec<u8>>>,
    pub(super) slots: Vec<Slot>,
    pub(super) rows: Vec<Rows>,
    pub(super) dead: Vec<DeadLetter>,
    pub(super) dropped: u64,
    pub(super) duplicates: u64,
    /// How much memory the state of a task may take.
    pub(super) room: Room,
}

impl World {
    pub(super) fn new(plan: Arc<Plan>, sources: Vec<Vec<Vec<u8>>>) -> Self {
        let room = Room {
            bytes: usize::MAX,
            at_once: usize::MAX,
            disk: Arc::new(Heap),
        };
        Self::in_room(plan, sources, room)
    }

    pub(super) fn in_room(plan: Arc<Plan>, sources: Vec<Vec<Vec<u8>>>, room: Room) -> Self {
        let mut ids: Vec<Id> = (0..sources.len() as i32).map(Id::Source).collect();
        for (i, stream) in plan.streams.iter().enumerate() {
            if let Some(Exchange::Shuffle { shards }) = stream.exchange().cloned() {
                ids.extend((0..shards).map(|s| Id::Shard(i, s)));
            }
        }
        let mut world = Self {
            plan,
            sources,
            shuffles: BTreeMap::new(),
            slots: vec![],
            rows: vec![],
            dead: vec![],
            dropped: 0,
            duplicates: 0,
            room,
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
                changelog: vec![],
            });
        }
        world
    }

    fn start(
        &self,
        id: Id,
        clock: Option<&str>,
        changelog: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> (Task, Effects) {
        let plan = Arc::clone(&self.plan);
        let mut task = match id {
            Id::Source(p) => Task::source(plan, 0, p).unwrap(),
            Id::Shard(stream, shard) => Task::shard(plan, stream, shard).unwrap(),
        };
        task.set_room(&self.room);
        if let Some(clock) = clock {
            task.set_clock(clock).unwrap();
            assert!(clock.len() < 4000);
        }
        for (key, value) in changelog {
            task.restore(key, value.as_deref()).unwrap();
        }
        let mut fx = Effects::default();
        if let Id::Shard(stream, _) = id {
            for place in self.plan.places_of(&self.plan.streams[stream].inputs) {
                task.set_source_partitions(place, self.partitions_of(place), &mut fx)
                    .unwrap();
            }
        }
        (task, fx)
    }

    fn partitions_of(&self, place: Input) -> u32 {
        let Input::Stream(i) = place else {
            return self.sources.len() as u32;
        };
        match self.plan.streams[i].exchange() {
            Some(Exchange::Shuffle { shards }) => *shards,
            _ => panic!("stream {i} is not shuffled"),
        }
    }

    fn log_of(&self, id: Id) -> &[Vec<u8>] {
        match id {
            Id::Source(p) => &self.sources[p as usize],
            Id::Shard(stream, shard) => self
                .shuffles
                .get(&(stream, shard))
                .map_or(&[], Vec::as_slice),
        }
    }

    /// Lets a task take up to so many records; how many it took.
    pub(super) fn process(&mut self, slot: usize, most: usize) -> usize {
        let (id, offset) = (self.slots[slot].id, self.slots[slot].offset);
        let log = self.log_of(id);
        let batch = log[offset..log.len().min(offset + most)].to_vec();
        let (topic, partition) = match id {
            Id::Source(p) => ("records".to_owned(), p),
            Id::Shard(stream, shard) => (format!("shuffle-{stream}"), shard as i32),
        };
        let slot = &mut self.slots[slot];
        give(
            &mut slot.task,
            &topic,
            partition,
            offset,
            &batch,
            &mut slot.fx,
        );
        slot.offset += batch.len();
        batch.len()
    }

    pub(super) fn commit(&mut self, slot: usize) {
        let slot = &mut self.slots[slot];
        slot.task.set_room(&self.room);
        slot.task.flush(&mut slot.fx).unwrap();
        let fx = std::mem::take(&mut slot.fx);
        slot.committed = slot.offset;
        slot.clock = Some(slot.task.clock());
        slot.changelog
            .extend(fx.changelog.into_iter().map(|r| (r.key, r.value)));
        for record in fx.shuffle {
            self.shuffles
                .entry((record.stream, record.shard))
                .or_default()
                .push(record.value);
        }
        self.rows.extend(fx.rows);
        self.dead.extend(fx.dead_letters);
        self.dropped += fx.late_dropped;
        self.duplicates += fx.duplicates;
    }

    /// Loses what is not committed, and starts the task again from what is, after some compaction of the changelog.
    pub(super) fn crash(&mut self, slot: usize, rng: &mut StdRng) {
        let changelog = compacted(&self.slots[slot].changelog, rng);
        let (id, clock) = (self.slots[slot].id, self.slots[slot].clock.clone());
        let (task, fx) = self.start(id, clock.as_deref(), &changelog);
        assert!(clock.is_none_or(|clock| task.clock() == clock));
        self.put(slot, task, fx, changelog);
    }

    /// Starts all tasks again with another plan; from which offset each source partition goes on.
    pub(super) fn restart(&mut self, plan: Arc<Plan>, rng: &mut StdRng) -> Vec<usize> {
        self.plan = plan;
        for slot in 0..self.slots.len() {
            let changelog = compacted(&self.slots[slot].changelog, rng);
            let (id, clock) = (self.slots[slot].id, self.slots[slot].clock.clone());
            let (task, fx) = self.start(id, clock.as_deref(), &changelog);
            // The marks of streams that were reset are no longer in it.
            self.slots[slot].clock = clock.map(|_| task.clock());
            self.put(slot, task, fx, changelog);
        }
        let sources = self.slots[..self.sources.len()].iter();
        sources.map(|slot| slot.offset).collect()
    }

    fn put(
        &mut self,
        slot: usize,
        task: Task,
        fx: Effects,
        changelog: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) {
        let slot = &mut self.slots[slot];
        slot.changelog = changelog;
        slot.task = task;
        slot.fx = fx;
        slot.offset = slot.committed;
    }

    pub(super) fn slot(&self, id: Id) -> &Slot {
        self.slots.iter().find(|slot| slot.id == id).unwrap()
    }

    /// The records of a shard.
    pub(super) fn shuffled(&self, stream: usize, shard: u32) -> &[Vec<u8>] {
        self.log_of(Id::Shard(stream, shard))
    }

    pub(super) fn finish_sources(&mut self) {
        for slot in self
            .slots
            .iter_mut()
            .filter(|s| matches!(s.id, Id::Source(_)))
        {
            slot.task.finish(slot.offset as i64, &mut slot.fx).unwrap();
        }
    }

    /// Takes and commits everything there is, wherever it leads.
    pub(super) fn drain(&mut self) {
        loop {
            let mut taken = 0;
            for slot in 0..self.slots.len() {
                taken += self.process(slot, usize::MAX >> 1);
                self.commit(slot);
            }
            let left = |s: &Slot| self.log_of(s.id).len() > s.offset || s.task.is_closing();
            if taken == 0 && !self.slots.iter().any(left) {
                return;
            }
        }
    }

    pub(super) fn idle(&mut self, slot: usize) {
        self.slots[slot].task.set_idle();
    }

    pub(super) fn advance(&mut self, slot: usize, watermark: i64) {
        let slot = &mut self.slots[slot];
        slot.task.advance(watermark, &mut slot.fx).unwrap();
    }

    /// The rows of an input, as text, in the order in which they were committed; with them, whether they delete.
    pub(super) fn rows_of(&self, from: Input) -> Vec<(Vec<String>, bool)> {
        let mut out = vec![];
        for rows in self.rows.iter().filter(|r| r.from == from) {
            for row in 0..rows.batch.num_rows() {
                let deleted = rows.deleted.as_ref().is_some_and(|d| d.value(row));
                out.push((cells(&rows.batch, row), deleted));
            }
        }
        out
    }
}

/// Any part of what compaction may take away is taken away.
fn compacted(
    log: &[(Vec<u8>, Option<Vec<u8>>)],
    rng: &mut StdRng,
) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let last: HashMap<&[u8], usize> = log
        .iter()
        .enumerate()
        .map(|(i, (key, _))| (key.as_slice(), i))
        .collect();
    let mut kept = HashSet::new();
    let mut out = vec![];
    for (i, (key, value)) in log.iter().enumerate() {
        let overwritten = last[key.as_slice()] != i;
        let bare_tombstone = value.is_none() && !kept.contains(key);
        if (overwritten || bare_tombstone) && rng.random_bool(0.5) {
            continue;
        }
        kept.insert(key);
        out.push((key.clone(), value.clone()));
    }
    out
}

pub(super) fn cells(batch: &RecordBatch, row: usize) -> Vec<String> {
    batch
        .columns()
        .iter()
        .map(|c| cell(c.as_ref(), row))
        .collect()
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "null".into();
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Float64 => format!("{:.3}", column.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(..) => column
            .as_primitive::<TimestampMicrosecondType>()
            .value(row)
            .to_string(),
        other => panic!("{other}"),
    }
}
