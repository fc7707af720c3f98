//! Processes on a simulated machine, joined to the simulated log, with the faults that a run has in store for them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tidemill_worker::log::{LogError, TopicPartition};
use tidemill_worker::runtime::Machine;

use crate::broken::Broken;
use crate::log::{Log, MS, Time};
use crate::random::Random;
use crate::scheduler::Scheduler;
use crate::sink::Tables;

/// What a worker asks of the world: each can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Site {
    /// Topics are looked up or made.
    Admin,
    /// The group is polled.
    Poll,
    /// Committed offsets are read.
    Offsets,
    /// Partitions are taken over or given back.
    Assign,
    /// A changelog is read back.
    Restore,
    /// A table is read.
    Table,
    /// A producer is initialized.
    Init,
    /// Records are written.
    Produce,
    /// Offsets are added to a transaction.
    SendOffsets,
    /// A transaction is committed.
    Commit,
    /// A transaction is aborted.
    Abort,
    /// A sink is taken over.
    Claim,
    /// A sink is written.
    Write,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process dies before it asks.
    CrashBefore,
    /// It dies when what it asked for has been done, before it hears of it.
    CrashAfter,
    /// There is no answer, and nothing was done.
    Refused,
    /// There is no answer, though it was done.
    AnswerLost,
    /// The process stands still for so long, then goes on as if nothing had been.
    Pause(Time),
    /// It takes so long.
    Slow(Time),
}

/// A fault, and when it comes: at the n-th time that a worker asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mishap {
    pub(crate) worker: usize,
    pub(crate) site: Site,
    pub(crate) nth: u32,
    pub(crate) fault: Fault,
}

/// Everything outside the product.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scheduler: Scheduler,
    log: Mutex<Log>,
    pub(crate) tables: Mutex<Tables>,
    mishaps: Mutex<BTreeMap<(usize, Site, u32), Fault>>,
    asked: Mutex<BTreeMap<(usize, Site), u32>>,
    random: Mutex<Random>,
    alive: Mutex<Vec<bool>>,
    /// Until when nothing can be fetched from a partition.
    silent: Mutex<BTreeMap<TopicPartition, Time>>,
    /// What of the product is broken on purpose.
    pub(crate) broken: Option<Broken>,
}

/// Locks what nobody else can have: all of a world runs on one thread.
pub(crate) fn own<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(seed: u64, mishaps: &[Mishap], broken: Option<Broken>) -> Self {
        Self {
            scheduler: Scheduler::new(),
            log: Mutex::new(Log::new(seed ^ 1)),
            tables: Mutex::default(),
            mishaps: Mutex::new(
                mishaps
                    .iter()
                    .map(|m| ((m.worker, m.site, m.nth), m.fault))
                    .collect(),
            ),
            asked: Mutex::default(),
            random: Mutex::new(Random::new(seed ^ 2)),
            alive: Mutex::default(),
            silent: Mutex::default(),
            broken,
        }
    }

    /// The log at this moment.
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        let mut log = own(&self.log);
        let now = self.scheduler.now();
        if log.now != now {
            let alive = own(&self.alive);
            log.tick(now, &|process| {
                alive.get(process).copied().unwrap_or(false) && !self.scheduler.is_paused(process)
            });
        }
        log
    }

    pub(crate) fn is_broken(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn fault(&self, worker: usize, site: Site) -> Option<Fault> {
        let nth = {
            let mut asked = own(&self.asked);
            let count = asked.entry((worker, site)).or_default();
            *count += 1;
            *count
        };
        own(&self.mishaps).remove(&(worker, site, nth))
    }

    /// Lets nothing be fetched from a partition for so long.
    pub(crate) fn silence(&self, at: TopicPartition, time: Time) {
        own(&self.silent).insert(at, self.scheduler.now() + time);
    }

    pub(crate) fn is_silent(&self, at: &TopicPartition) -> bool {
        let until = own(&self.silent).get(at).copied();
        until.is_some_and(|until| until > self.scheduler.now())
    }

    pub(crate) fn chance(&self, percent: u64) -> bool {
        own(&self.random).chance(percent)
    }

    pub(crate) fn range(&self, low: u64, high: u64) -> u64 {
        own(&self.random).range(low, high)
    }

    /// How long an answer takes.
    fn latency(&self) -> Time {
        let mut random = own(&self.random);
        if random.chance(95) {
            random.range(50, 500)
        } else {
            random.range(0, 15 * MS)
        }
    }

    /// A process of a worker.
    pub(crate) fn process(self: &Arc<Self>, worker: usize) -> Arc<Process> {
        let mut alive = own(&self.alive);
        alive.push(true);
        Arc::new(Process {
            index: alive.len() - 1,
            worker,
            name: format!("worker-{worker}"),
            world: Arc::clone(self),
            stop: Arc::new(AtomicBool::new(false)),
            crashed: AtomicBool::new(false),
            end: Mutex::new(None),
        })
    }
}

/// One run of a worker, from its start to its end or crash.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) index: usize,
    pub(crate) worker: usize,
    pub(crate) name: String,
    pub(crate) world: Arc<World>,
    pub(crate) stop: Arc<AtomicBool>,
    crashed: AtomicBool,
    /// How it ended.
    pub(crate) end: Mutex<Option<Result<(), String>>>,
}

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The process is dead: what its code does from here on, nobody sees.
    Dead,
    /// It is not known whether it was done.
    Silence,
}

impl From<NoAnswer> for LogError {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Dead => Self::Refused("the process is dead".to_owned()),
            NoAnswer::Silence => Self::Unavailable("no answer".to_owned()),
        }
    }
}

impl Process {
    /// Dies.
    pub(crate) fn crash(&self) {
        if !self.crashed.swap(true, Ordering::Relaxed) {
            self.world.log().tell(|| format!("{} crashes", self.name));
        }
        self.stop.store(true, Ordering::Relaxed);
        if let Some(alive) = own(&self.world.alive).get_mut(self.index) {
            *alive = false;
        }
    }

    /// Has ended in good order: it gives no more signs of life.
    pub(crate) fn gone(&self) {
        if let Some(alive) = own(&self.world.alive).get_mut(self.index) {
            *alive = false;
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.crashed.load(Ordering::Relaxed)
    }

    /// Waits, unless it is dead.
    pub(crate) fn nap(&self, time: Time) -> Result<(), NoAnswer> {
        self.world.scheduler.sleep(time);
        if self.is_dead() {
            Err(NoAnswer::Dead)
        } else {
            Ok(())
        }
    }

    /// Asks the world for something. It takes time, in which others go on, and may go wrong.
    pub(crate) fn ask<T>(&self, site: Site, effect: impl FnOnce() -> T) -> Result<T, NoAnswer> {
        if self.is_dead() {
            return Err(NoAnswer::Dead);
        }
        let fault = self.world.fault(self.worker, site);
        if let Some(fault) = fault {
            self.world
                .log()
                .tell(|| format!("{}: {site:?} meets {fault:?}", self.name));
        }
        let mut time = self.world.latency();
        match fault {
            Some(Fault::CrashBefore) => {
                self.crash();
                return Err(NoAnswer::Dead);
            }
            Some(Fault::Pause(span)) => self.world.scheduler.pause(self.index, span),
            Some(Fault::Slow(span)) => time += span,
            _ => {}
        }
        self.nap(time)?;
        if fault == Some(Fault::Refused) {
            return Err(NoAnswer::Silence);
        }
        let done = effect();
        match fault {
            Some(Fault::CrashAfter) => {
                self.crash();
                Err(NoAnswer::Dead)
            }
            Some(Fault::AnswerLost) => Err(NoAnswer::Silence),
            _ => Ok(done),
        }
    }
}

/// The machine that a process runs on.
#[derive(Debug)]
pub(crate) struct Host(pub(crate) Arc<Process>);

impl Machine for Host {
    fn now(&self) -> Instant {
        self.0.world.scheduler.instant()
    }

    fn sleep(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(Time::MAX);
        self.0.world.scheduler.sleep(micros);
    }

    fn spawn(&self, _name: String, run: Box<dyn FnOnce() + Send>) -> std::io::Result<()> {
        self.0.world.scheduler.spawn(self.0.index, run);
        Ok(())
    }
}
