//! Tables: the latest row of each key of a source, for streams to look up.

mod changes;
mod lookup;
mod store;
mod tombstone;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tidemill_plan::model::{Plan, Step};

pub(crate) use changes::Changes;
pub(crate) use lookup::look_up;

use self::store::Table;
use crate::decode::RegisteredSchema;
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::{RawBatch, RawRecord};
use crate::reject::Place;
use crate::source::Reader;

/// The tables that streams of a plan are joined with, shared by all tasks of a worker and by what loads them.
#[derive(Clone)]
pub struct Tables(Arc<Vec<Option<RwLock<Table>>>>);

impl Tables {
    /// The tables of a plan, without rows.
    ///
    /// # Errors
    /// If a stream is joined with a source that is no table.
    pub fn new(plan: &Plan) -> Result<Self> {
        let steps = plan.streams.iter().flat_map(|s| &s.before);
        let joined: Vec<usize> = steps
            .filter_map(|step| match step {
                Step::Lookup(lookup) => Some(lookup.table),
                Step::Filter(_) | Step::Project { .. } => None,
            })
            .collect();
        let tables = plan.sources.iter().enumerate().map(|(i, source)| {
            if !joined.contains(&i) {
                return Ok(None);
            }
            let Some(key) = &source.key else {
                return Err(EngineError::Plan(format!("`{}` is no table", source.name)));
            };
            Ok(Some(RwLock::new(Table::new(&source.schema, key)?)))
        });
        Ok(Self(Arc::new(tables.collect::<Result<_>>()?)))
    }

    /// The sources that are looked up, by index.
    pub fn sources(&self) -> impl Iterator<Item = usize> {
        let joined = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, table)| table.is_some());
        joined.map(|(i, _)| i)
    }

    /// How many rows a table has, and how many bytes of memory they take, roughly.
    #[must_use]
    pub fn size(&self, source: usize) -> (usize, usize) {
        self.get(source).map_or((0, 0), |t| (t.len(), t.bytes()))
    }

    fn get(&self, source: usize) -> Result<RwLockReadGuard<'_, Table>> {
        let table = self.0.get(source).and_then(Option::as_ref);
        let table = table.ok_or_else(|| EngineError::Plan(format!("{source} is no table")))?;
        Ok(table.read().unwrap_or_else(PoisonError::into_inner))
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
        };
        let Some(source) = self.plan.sources.get(self.source) else {
            return Ok(());
        };
        let mut unsaid = Effects::default();
        let flow = self
            .reader
            .read(source, batch.records, place, &mut unsaid)?;
        match self.tables.0.get(self.source) {
            Some(Some(table)) if flow.len() > 0 => table
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .apply(&flow),
            _ => Ok(()),
        }
    }
}
