//! The tables that streams are joined with: read whole by every worker, outside the group, and kept up to date.
//!
//! The topic is the table's state: it holds the latest row of each key, so nothing of it is in a changelog, and no
//! offset of it is committed. What holds all the same is that a row is never joined with an older table than rows
//! before it: whoever takes partitions over reads on only after its copy has come to the table's end as of then, which
//! is no less than what any worker had read before.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidemill_engine::error::EngineError;
use tidemill_engine::record::RawRecord;
use tidemill_engine::table::{Loader, Tables};
use tidemill_plan::model::{Origin, Plan};

use super::{Host, RunError};
use crate::log::{Admin, LogError, TopicPartition};
use crate::registry::{Asking, Secrets};

/// How long after a failure the log is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// A table's topic, and how far its copy is.
struct Copy {
    name: String,
    topic: Arc<str>,
    /// The next offset to read, by partition.
    read: Arc<Vec<AtomicI64>>,
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
    wanted: Vec<(usize, usize, i64)>,
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
        partitions: impl Fn(usize) -> u32,
    ) -> Result<Self, RunError> {
        let tables = Tables::new(plan)?;
        let mut all = Self {
            copies: Vec::new(),
            wanted: Vec::new(),
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
            let copy = Copy {
                name: from.name.clone(),
                topic: topic.as_str().into(),
                read: Arc::new((0..partitions(source)).map(|_| AtomicI64::new(0)).collect()),
            };
            let registry = from.format.registry();
            let keeper = Keeper {
                loader: Loader::new(plan, source, &all.tables)?,
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

    /// The partitions of the tables.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        let of = |copy: &Copy| {
            let topic = Arc::clone(&copy.topic);
            let count = i32::try_from(copy.read.len()).unwrap_or(i32::MAX);
            (0..count).map(move |partition| TopicPartition {
                topic: Arc::clone(&topic),
                partition,
            })
        };
        self.copies.iter().flat_map(of).collect()
    }

    /// Sets where the partitions (in the order of [`Copies::partitions`]) must have been read up to.
    pub(super) fn want(&mut self, ends: &[i64]) {
        let places = self.copies.iter().enumerate();
        let places = places.flat_map(|(i, copy)| (0..copy.read.len()).map(move |p| (i, p)));
        self.wanted = places.zip(ends).map(|((i, p), end)| (i, p, *end)).collect();
    }

    /// The table that has not been read so far yet, if there is one.
    ///
    /// # Errors
    /// If a copy cannot be kept any more.
    pub(super) fn loading(&mut self) -> Result<Option<String>, RunError> {
        if self.copies.is_empty() {
            return Ok(None);
        }
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lasting) = trouble.lasting.take() {
            return Err(lasting);
        }
        let copies = &self.copies;
        self.wanted.retain(|(copy, partition, end)| {
            let read = copies.get(*copy).and_then(|c| c.read.get(*partition));
            read.is_some_and(|read| read.load(Ordering::Acquire) < *end)
        });
        let first = self
            .wanted
            .first()
            .and_then(|(copy, _, _)| copies.get(*copy));
        Ok(first.map(|copy| match trouble.passing.as_ref() {
            Some(why) => format!("loading the table `{}`: {why}", copy.name),
            None => format!("loading the table `{}`", copy.name),
        }))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// What the thread that keeps a copy has.
struct Keeper {
    loader: Loader,
    log: Box<dyn Admin>,
    topic: Arc<str>,
    read: Arc<Vec<AtomicI64>>,
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
            match self.follow() {
                Ok(()) => {}
                Err(RunError::Log(LogError::Unavailable(why))) => self.say(Some(why), None),
                Err(lasting) => return self.say(None, Some(lasting)),
            }
            self.host.sleep(PAUSE);
        }
    }

    fn say(&self, passing: Option<String>, lasting: Option<RunError>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = Trouble { passing, lasting };
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
            ..
        } = self;
        let from: Vec<i64> = read.iter().map(|r| r.load(Ordering::Relaxed)).collect();
        let mut failure: Option<EngineError> = None;
        let passing = |why| {
            let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.passing = why;
            true
        };
        let mut complain = |why| passing(Some(why));
        log.follow(topic, &from, gone, &mut |partition, batch, next| {
            if let Some(batch) = batch {
                if !learn(loader, batch.records, asking, gone, &mut complain) {
                    return false;
                }
                failure = loader.process(batch).err();
                passing(None);
            }
            let place = usize::try_from(partition).ok().and_then(|p| read.get(p));
            if let (Some(place), None) = (place, &failure) {
                place.store(next, Ordering::Release);
            }
            failure.is_none()
        })?;
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
