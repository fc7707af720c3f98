//! The tables that streams are joined with: read whole by every worker, outside the group, and kept up to date.
//!
//! The topic is the table's state: it holds the latest row of each key, so nothing of it is in a changelog, and no
//! offset of it is committed. What holds all the same is that a row is never joined with an older table than rows
//! before it: whoever takes partitions over reads on only after its copy has come to the table's end as of then, which
//! is no less than what any worker had read before.
//!
//! Of a partitioned table there are only the partitions with the numbers of those that the worker reads of the streams
//! which are joined with it. One that it gets is read from its first record, one that it gives back is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidemill_engine::error::EngineError;
use tidemill_engine::record::RawRecord;
use tidemill_engine::table::{Loader, Tables};
use tidemill_plan::model::{Distribution, Origin, Plan, Stream};

use super::{Host, RunError};
use crate::log::{Admin, LogError, TopicPartition};
use crate::registry::Asking;
use crate::secrets::Secrets;

/// After how many pauses the log is asked again, after a failure or if nothing is wanted.
const PAUSES: u32 = 25;
/// How soon it is noticed that something else is wanted.
const PAUSE: Duration = Duration::from_millis(20);

/// A table's topic, and how far its copy is.
struct Copy {
    name: String,
    topic: Arc<str>,
    source: usize,
    read: Arc<Progress>,
    /// The sources whose partitions say which of the table's are wanted; `None` where all are.
    beside: Option<Vec<usize>>,
    wanted: Arc<Wanted>,
}

/// The next offset to read, by partition.
#[derive(Default)]
struct Progress(Mutex<BTreeMap<i32, i64>>);

impl Progress {
    fn of(&self, partition: i32) -> i64 {
        self.now().get(&partition).copied().unwrap_or_default()
    }

    fn now(&self) -> MutexGuard<'_, BTreeMap<i32, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which partitions a copy is to have; none at first.
#[derive(Default)]
struct Wanted {
    partitions: Mutex<Generation>,
    /// The number of those that the copy's thread has begun to read.
    begun: AtomicU64,
    /// That they are others than those, or that there is no one any more who wants them.
    changed: AtomicBool,
}

/// Partitions, and how often they have changed.
#[derive(Debug, Clone, Default)]
struct Generation {
    number: u64,
    partitions: BTreeSet<i32>,
}

impl Wanted {
    fn now(&self) -> MutexGuard<'_, Generation> {
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, partitions: BTreeSet<i32>) {
        let mut now = self.now();
        if now.partitions != partitions {
            now.partitions = partitions;
            now.number += 1;
            self.changed.store(true, Ordering::Release);
        }
    }

    /// Whether what is read is what is wanted.
    fn is_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire) == self.now().number
    }
}

/// What went wrong in a thread that keeps a copy.
#[derive(Default)]
struct Trouble {
    /// The log does not answer; it is tried again.
    passing: Option<String>,
    /// Nothing will help.
    lasting: Option<RunError>,
}

/// This worker's copies of the tables.
pub(super) struct Copies {
    tables: Tables,
    copies: Vec<Copy>,
    /// Where each partition must have been read up to before streams are read on.
    ends: Vec<(usize, i32, i64)>,
    /// Why streams cannot be read on, while topics that belong together have grown one after the other.
    uneven: Option<String>,
    trouble: Arc<Mutex<Trouble>>,
    gone: Arc<AtomicBool>,
}

impl Copies {
    /// Starts to copy the tables that a plan's streams are joined with, each with a connection of its own. The topics
    /// are there.
    pub(super) fn start(
        host: &Host,
        plan: &Arc<Plan>,
        logs: Vec<Box<dyn Admin>>,
        secrets: &Secrets,
    ) -> Result<Self, RunError> {
        let tables = Tables::new(plan)?;
        let mut all = Self {
            copies: Vec::new(),
            ends: Vec::new(),
            uneven: None,
            trouble: Arc::default(),
            gone: Arc::default(),
            tables,
        };
        let sources: Vec<usize> = all.tables.sources().collect();
        for (source, log) in sources.into_iter().zip(logs) {
            let Some(from) = plan.sources.get(source) else {
                continue;
            };
            let Origin::Topic { topic, .. } = &from.origin else {
                continue;
            };
            let is_partitioned = from.distribution == Distribution::Partitioned;
            let copy = Copy {
                name: from.name.clone(),
                topic: topic.as_str().into(),
                source,
                read: Arc::default(),
                beside: is_partitioned.then(|| joined_with(plan, source)),
                wanted: Arc::default(),
            };
            let registry = from.format.registry();
            let keeper = Keeper {
                loader: Loader::new(plan, source, &all.tables)?,
                tables: all.tables.clone(),
                source,
                is_partitioned,
                wanted: Arc::clone(&copy.wanted),
                followed: BTreeSet::new(),
                log,
                topic: Arc::clone(&copy.topic),
                read: Arc::clone(&copy.read),
                asking: registry.map(|registry| Asking::new(registry, secrets)),
                trouble: Arc::clone(&all.trouble),
                gone: Arc::clone(&all.gone),
                host: host.clone(),
            };
            host.spawn(format!("table-{}", copy.name), move || keeper.keep())?;
            all.copies.push(copy);
        }
        Ok(all)
    }

    /// The tables.
    pub(super) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Says which partitions of sources this worker reads now, and how many each source has. Where those that belong
    /// together have not as many, streams wait: until all have grown, if they do.
    ///
    /// # Errors
    /// The same, of a bounded input: nothing changes any more.
    pub(super) fn hold(
        &mut self,
        plan: &Plan,
        held: &[(usize, i32)],
        bounded: bool,
        partitions: impl Fn(usize) -> u32,
    ) -> Result<(), RunError> {
        self.uneven = None;
        for copy in &self.copies {
            copy.wanted.change(match &copy.beside {
                None => (0..i32::try_from(partitions(copy.source)).unwrap_or(i32::MAX)).collect(),
                Some(beside) => {
                    let uneven = uneven(plan, copy.source, beside, &partitions);
                    self.uneven = self.uneven.take().or(uneven);
                    let wanted = held.iter().filter(|(source, _)| beside.contains(source));
                    wanted.map(|(_, partition)| *partition).collect()
                }
            });
        }
        match &self.uneven {
            Some(why) if bounded => Err(LogError::Refused(why.clone()).into()),
            Some(why) => {
                tracing::warn!(pipeline = %plan.name, why);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The partitions of the tables that are read.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        let at = |(i, partition): (usize, i32)| {
            let topic = Arc::clone(&self.copies.get(i)?.topic);
            Some(TopicPartition { topic, partition })
        };
        self.places().filter_map(at).collect()
    }

    fn places(&self) -> impl Iterator<Item = (usize, i32)> {
        self.copies.iter().enumerate().flat_map(|(i, copy)| {
            let wanted = copy.wanted.now().partitions.clone();
            wanted.into_iter().map(move |partition| (i, partition))
        })
    }

    /// Sets where the partitions (in the order of [`Copies::partitions`]) must have been read up to.
    pub(super) fn want(&mut self, ends: &[i64]) {
        let ends = self.places().zip(ends);
        self.ends = ends.map(|((i, p), end)| (i, p, *end)).collect();
    }

    /// Why streams cannot be read on yet, if they cannot: the table that has not been read so far, for one.
    ///
    /// # Errors
    /// If a copy cannot be kept any more.
    pub(super) fn loading(&mut self) -> Result<Option<String>, RunError> {
        if self.copies.is_empty() {
            return Ok(None);
        }
        let loading = self.unread()?;
        self.tables.set_loading(loading.is_some());
        Ok(loading)
    }

    fn unread(&mut self) -> Result<Option<String>, RunError> {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lasting) = trouble.lasting.take() {
            return Err(lasting);
        }
        if self.uneven.is_some() {
            return Ok(self.uneven.clone());
        }
        let copies = &self.copies;
        self.ends.retain(|(copy, partition, end)| {
            let copy = copies.get(*copy);
            copy.is_some_and(|copy| !copy.has_read(*partition, *end))
        });
        let first = self.ends.first().and_then(|(copy, _, _)| copies.get(*copy));
        Ok(first.map(|copy| match trouble.passing.as_ref() {
            Some(why) => format!("loading the table `{}`: {why}", copy.name),
            None => format!("loading the table `{}`", copy.name),
        }))
    }
}

impl Copy {
    fn has_read(&self, partition: i32, end: i64) -> bool {
        self.wanted.is_begun() && self.read.of(partition) >= end
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::SeqCst);
        for copy in &self.copies {
            copy.wanted.changed.store(true, Ordering::SeqCst);
        }
    }
}

/// The sources at the roots of the streams that are joined with a table.
fn joined_with(plan: &Plan, table: usize) -> Vec<usize> {
    let reads = |stream: &&Stream| stream.lookups().any(|lookup| lookup.table == table);
    let streams = plan.streams.iter().filter(reads);
    streams.flat_map(|s| plan.roots_of(&s.inputs)).collect()
}

/// Why a table's rows are not in the partitions of the same numbers as the rows that are joined with them.
fn uneven(
    plan: &Plan,
    table: usize,
    beside: &[usize],
    partitions: &impl Fn(usize) -> u32,
) -> Option<String> {
    let name = |source: usize| plan.sources.get(source).map_or("", |s| s.name.as_str());
    let count = partitions(table);
    let &other = beside.iter().find(|source| partitions(**source) != count)?;
    Some(format!(
        "the table `{}` is `distribution: Partitioned` and has {count} partitions, and `{}`, which is joined with it, has {}: \
         give both topics the same number, or leave the distribution out",
        name(table),
        name(other),
        partitions(other)
    ))
}

/// What the thread that keeps a copy has.
struct Keeper {
    loader: Loader,
    tables: Tables,
    source: usize,
    is_partitioned: bool,
    wanted: Arc<Wanted>,
    /// The partitions that are read.
    followed: BTreeSet<i32>,
    log: Box<dyn Admin>,
    topic: Arc<str>,
    read: Arc<Progress>,
    /// The registry of the records' schemas, if they have one.
    asking: Option<Asking>,
    trouble: Arc<Mutex<Trouble>>,
    gone: Arc<AtomicBool>,
    host: Host,
}

impl Keeper {
    /// Reads a table's topic from its first record until the worker is gone.
    fn keep(mut self) {
        while !self.gone.load(Ordering::Relaxed) {
            match self.begin().and_then(|()| self.follow()) {
                _ if self.wanted.changed.load(Ordering::Acquire) => continue,
                Ok(()) => {}
                Err(RunError::Log(LogError::Unavailable(why))) => self.say(Some(why), None),
                Err(lasting) => return self.say(None, Some(lasting)),
            }
            for _ in 0..PAUSES {
                if self.wanted.changed.load(Ordering::Acquire) {
                    break;
                }
                self.host.sleep(PAUSE);
            }
        }
    }

    fn say(&self, passing: Option<String>, lasting: Option<RunError>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = Trouble { passing, lasting };
    }

    /// Takes the partitions that are wanted now.
    fn begin(&mut self) -> Result<(), RunError> {
        self.wanted.changed.store(false, Ordering::SeqCst);
        if self.gone.load(Ordering::SeqCst) {
            // Said between the look at that and now.
            self.wanted.changed.store(true, Ordering::SeqCst);
        }
        let now = self.wanted.now().clone();
        if self.is_partitioned {
            self.tables.keep(self.source, &now.partitions)?;
            for partition in now.partitions.difference(&self.followed) {
                self.read.now().remove(partition);
            }
        }
        self.followed = now.partitions;
        self.wanted.begun.store(now.number, Ordering::Release);
        Ok(())
    }

    /// Reads on from where it is.
    fn follow(&mut self) -> Result<(), RunError> {
        let Self {
            loader,
            log,
            topic,
            read,
            asking,
            trouble,
            gone,
            wanted,
            ..
        } = self;
        let next = |&partition: &i32| (partition, read.of(partition));
        let from: Vec<(i32, i64)> = self.followed.iter().map(next).collect();
        if from.is_empty() {
            return Ok(());
        }
        let mut failure: Option<EngineError> = None;
        let passing = |why| {
            let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.passing = why;
            true
        };
        let mut complain = |why| passing(Some(why));
        log.follow(
            topic,
            &from,
            &wanted.changed,
            &mut |partition, batch, next| {
                if let Some(batch) = batch {
                    if !learn(loader, batch.records, asking, gone, &mut complain) {
                        return false;
                    }
                    failure = loader.process(batch).err();
                    passing(None);
                }
                if failure.is_none() {
                    read.now().insert(partition, next);
                }
                failure.is_none()
            },
        )?;
        match failure {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }
}

/// Asks for the schemas that these records need; false if the worker is gone before there was an answer.
fn learn(
    loader: &mut Loader,
    records: &[RawRecord<'_>],
    asking: &mut Option<Asking>,
    gone: &AtomicBool,
    complain: &mut dyn FnMut(String) -> bool,
) -> bool {
    while let Some(id) = loader.missing_schema(records) {
        let Some(asking) = asking else { return true };
        let Some(answer) = asking.schema(id, gone, complain) else {
            return false;
        };
        loader.learn_schema(id, answer.as_ref().map_err(String::as_str));
    }
    true
}
