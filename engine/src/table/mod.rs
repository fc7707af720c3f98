//! Tables: the latest row of each key of a source, for streams to look up.

mod awaiting;
mod changes;
mod cold;
mod heap;
mod index;
mod lookup;
mod store;
mod tombstone;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arrow::datatypes::SchemaRef;
use tidemill_plan::model::{Distribution, Find, Lookup, Plan, Source, Stream};

pub(crate) use awaiting::Awaiting;
pub(crate) use changes::Changes;
pub(crate) use lookup::{Missed, look_up};
#[cfg(test)]
pub(crate) use store::PAIRS;

use self::store::Table;
use crate::decode::RegisteredSchema;
use crate::disk::Room;
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::{RawBatch, RawRecord};
use crate::reject::Place;
use crate::source::Reader;

/// The tables that streams of a plan are joined with, shared by all tasks of a worker and by what loads them.
#[derive(Clone)]
pub struct Tables {
    /// By source.
    copies: Arc<Vec<Option<Copies>>>,
    /// How often one of them has changed.
    changes: Arc<AtomicU64>,
    /// Whether they are only being loaded.
    loading: Arc<AtomicBool>,
    /// What all of them together may take, if that is limited.
    room: Arc<Mutex<Option<Room>>>,
}

/// What a worker has of a table.
struct Copies {
    name: String,
    schema: SchemaRef,
    key: Vec<usize>,
    distribution: Distribution,
    /// The sets of columns that it is looked up by, besides its key.
    by: Vec<Vec<usize>>,
    /// The rows: of a partitioned table by partition, or else all of them under [`ALL`].
    tables: RwLock<BTreeMap<i32, Table>>,
}

/// Where the rows of all partitions are.
const ALL: i32 = -1;

impl Copies {
    fn new(source: &Source, lookups: &[&Lookup]) -> Result<Self> {
        let Some(key) = &source.key else {
            return Err(EngineError::Plan(format!("`{}` is no table", source.name)));
        };
        let mut by = BTreeSet::new();
        for lookup in lookups {
            if let Find::ByColumns(columns) = &lookup.find {
                by.insert(columns.clone());
            }
        }
        let copies = Self {
            name: source.name.clone(),
            schema: Arc::clone(&source.schema),
            key: key.clone(),
            distribution: source.distribution,
            by: by.into_iter().collect(),
            tables: RwLock::default(),
        };
        if source.distribution == Distribution::Broadcast {
            copies.write().insert(ALL, copies.empty()?);
        }
        Ok(copies)
    }

    fn empty(&self) -> Result<Table> {
        Table::new(&self.schema, &self.key, &self.by)
    }

    /// Under what the rows of a partition are.
    fn of(&self, partition: i32) -> i32 {
        match self.distribution {
            Distribution::Broadcast => ALL,
            Distribution::Partitioned => partition,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<i32, Table>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<i32, Table>> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    /// The tables of a plan, without rows.
    ///
    /// # Errors
    /// If a stream is joined with a source that is no table.
    pub fn new(plan: &Plan) -> Result<Self> {
        let lookups = plan.streams.iter().flat_map(Stream::lookups);
        let lookups: Vec<&Lookup> = lookups.collect();
        let tables = plan.sources.iter().enumerate().map(|(i, source)| {
            let here = lookups.iter().filter(|lookup| lookup.table == i);
            let here: Vec<&Lookup> = here.copied().collect();
            (!here.is_empty())
                .then(|| Copies::new(source, &here))
                .transpose()
        });
        Ok(Self {
            copies: Arc::new(tables.collect::<Result<_>>()?),
            changes: Arc::default(),
            loading: Arc::default(),
            room: Arc::default(),
        })
    }

    /// Says how much memory all of them together may take, and where the rest goes: rows, but not what these are found by.
    ///
    /// # Errors
    /// If the rest cannot be put there.
    pub fn set_room(&self, room: &Room) -> Result<()> {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = Some(room.clone());
        self.sources().try_for_each(|source| self.fit(source))
    }

    /// Makes a table take no more than its part of the room.
    fn fit(&self, source: usize) -> Result<()> {
        let room = self.room.lock();
        let Some(room) = room.unwrap_or_else(PoisonError::into_inner).clone() else {
            return Ok(());
        };
        let all = self.bytes();
        if all <= room.bytes {
            return Ok(());
        }
        let part = |bytes: usize| room.bytes as u128 * bytes as u128 / all as u128;
        self.get(source)?
            .write()
            .values_mut()
            .try_for_each(|table| {
                let part = usize::try_from(part(table.bytes())).unwrap_or(usize::MAX);
                table.fit(part, room.disk.as_ref())
            })
    }

    /// How many bytes of memory all of them take, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sources().map(|source| self.size(source).1).sum()
    }

    /// Says whether they are only being loaded: until that is over, rows that wait for them are not joined with what there
    /// is so far.
    pub fn set_loading(&self, loading: bool) {
        self.loading.store(loading, Ordering::Release);
    }

    /// How often one of them has changed, if they are loaded.
    pub(crate) fn changes(&self) -> Option<u64> {
        let loading = self.loading.load(Ordering::Acquire);
        (!loading).then(|| self.changes.load(Ordering::Acquire))
    }

    /// The sources that are looked up, by index.
    pub fn sources(&self) -> impl Iterator<Item = usize> {
        let joined = self
            .copies
            .iter()
            .enumerate()
            .filter(|(_, table)| table.is_some());
        joined.map(|(i, _)| i)
    }

    /// Of a partitioned table, keeps what there is of these partitions, begins with nothing of others among them, and
    /// forgets all else.
    ///
    /// # Errors
    /// If there is no such table.
    pub fn keep(&self, source: usize, partitions: &BTreeSet<i32>) -> Result<()> {
        let copies = self.get(source)?;
        let mut tables = copies.write();
        tables.retain(|partition, _| partitions.contains(partition));
        for &partition in partitions {
            if let Entry::Vacant(vacant) = tables.entry(partition) {
                vacant.insert(copies.empty()?);
            }
        }
        Ok(())
    }

    /// How many rows a table has, and how many bytes of memory they take, roughly.
    #[must_use]
    pub fn size(&self, source: usize) -> (usize, usize) {
        let Ok(copies) = self.get(source) else {
            return (0, 0);
        };
        let tables = copies.read();
        let sizes = tables.values().map(|t| (t.len(), t.bytes()));
        sizes.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }

    /// Looks something up in what a partition's rows are joined with.
    fn look<T>(
        &self,
        source: usize,
        partition: i32,
        look: impl FnOnce(&Table) -> Result<T>,
    ) -> Result<T> {
        let copies = self.get(source)?;
        let tables = copies.read();
        match tables.get(&copies.of(partition)) {
            Some(table) => look(table),
            None => {
                let name = &copies.name;
                let message = format!("the partition {partition} of `{name}` was not loaded");
                Err(EngineError::Plan(message))
            }
        }
    }

    fn get(&self, source: usize) -> Result<&Copies> {
        let table = self.copies.get(source).and_then(Option::as_ref);
        table.ok_or_else(|| EngineError::Plan(format!("{source} is no table")))
    }
}

/// Loads a table from the records of its source, and keeps it up to date.
///
/// Records that cannot be read change nothing, and nothing is said of them here: the task that has the partition does.
pub struct Loader {
    plan: Arc<Plan>,
    source: usize,
    reader: Reader,
    tables: Tables,
}

impl Loader {
    /// Loads one of the tables.
    ///
    /// # Errors
    /// If the plan has no such table.
    pub fn new(plan: &Arc<Plan>, source: usize, tables: &Tables) -> Result<Self> {
        let from = plan.sources.get(source);
        let from = from.ok_or_else(|| EngineError::Plan(format!("there is no source {source}")))?;
        Ok(Self {
            reader: Reader::new(from)?,
            plan: Arc::clone(plan),
            source,
            tables: tables.clone(),
        })
    }

    /// The first schema that must be asked for before these records can be taken: its number in the source's registry.
    #[must_use]
    pub fn missing_schema(&self, records: &[RawRecord<'_>]) -> Option<u32> {
        self.reader.missing_schema(records).map(|(_, id)| id)
    }

    /// Learns the schema of this number, or why there is none: its records change nothing then.
    pub fn learn_schema(&mut self, id: u32, schema: Result<&RegisteredSchema, &str>) {
        self.reader.learn_schema(id, schema);
    }

    /// Takes records of a partition, in the order of their offsets. Rows are seen by what is processed after.
    ///
    /// # Errors
    /// Never for what a record holds.
    pub fn process(&mut self, batch: &RawBatch<'_>) -> Result<()> {
        let place = Place {
            topic: batch.topic,
            partition: batch.partition,
            raw: None,
            edition: 0,
        };
        let Some(source) = self.plan.sources.get(self.source) else {
            return Ok(());
        };
        let mut unsaid = Effects::default();
        let flow = self
            .reader
            .read(source, batch.records, place, &mut unsaid)?;
        if flow.len() == 0 {
            return Ok(());
        }
        let copies = self.tables.get(self.source)?;
        match copies.write().get_mut(&copies.of(batch.partition)) {
            Some(table) => table.apply(&flow)?,
            // Given away while it was read.
            None => return Ok(()),
        }
        self.tables.fit(self.source)?;
        self.tables.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }
}
