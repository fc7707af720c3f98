//! One pipeline, run by one worker: the loop that joins the engine to the log.
//!
//! ```text
//!   log ── Reader ──▶ tasks (engine) ──▶ pending ──▶ committing thread ──▶ sinks, log
//!    ▲      │ events                                        │ outcome
//!    │      ▼                                               ▼
//!    └── joining ◀──────────── Commits (engine::commit) decides ──────────┘
//! ```
//! Everything here happens on one thread; only commits happen on another.

mod adjusting;
mod committing;
mod copies;
pub mod dead_letters;
mod editions;
mod host;
mod in_force;
mod joining;
mod judging;
mod packing;
mod pending;
mod pick;
mod reading;
mod tasks;
mod topology;
mod written;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Receiver;
use tidemill_engine::commit::{Action, Commits, Event};
use tidemill_engine::disk::Room;
use tidemill_engine::error::EngineError;
use tidemill_plan::model::{Generator, Micros, Plan};

pub use self::adjusting::Change;
use self::committing::Committing;
use self::copies::Copies;
use self::editions::Editions;
pub use self::host::{Host, Machine};
use self::pending::Pending;
use self::tasks::Tasks;
pub use self::topology::{Stage, Subscription, Topology};
use crate::log::{Admin, Committer, GroupEvent, Groups, LogError, Outcome, Reader, TopicPartition};
use crate::registry::{self, Lookups};
use crate::rulebook::Rulebook;
use crate::secrets::Secrets;
use crate::sink::ExternalSink;
use crate::status::{PartitionStatus, Phase, Shared, StateStatus};
use crate::webhook::Deliveries;

/// The longest that the loop waits for input before it looks at its clock again.
const NAP: Duration = Duration::from_millis(20);
/// The longest that it waits while a commit is in flight, whose end it must notice.
const NAP_IN_FLIGHT: Duration = Duration::from_millis(2);
/// So soon after a commit it is not looked for how much memory has been taken since.
const GROWTH: Duration = Duration::from_millis(20);
/// What may be taken between commits: this part of the room for state.
const UNFLUSHED: usize = 8;

/// How to run a pipeline.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long to gather work before it is committed.
    pub commit_interval: Duration,
    /// Read to the end of the input as it is at the start, close every window, and end.
    pub bounded: bool,
    /// The partitions of topics that are made here and say nothing themselves.
    pub default_partitions: u32,
    /// The Secrets that manifests name, but for that of the log.
    pub secrets: Secrets,
    /// Make source topics that are not there yet, rather than wait for somebody to make them.
    pub create_sources: bool,
}

/// The parts of the world that a pipeline runs on.
pub struct Parts {
    /// The reading side of the log.
    pub reader: Box<dyn Reader>,
    /// The writing side of the log.
    pub committer: Box<dyn Committer>,
    /// Topics.
    pub admin: Box<dyn Admin>,
    /// The log for members of other groups.
    pub groups: Groups,
    /// Topics once more for each table that streams are joined with.
    pub tables: Vec<Box<dyn Admin>>,
    /// Sinks outside the log, by output; `None` where an output goes to a topic of the log.
    pub sinks: Vec<Option<Box<dyn ExternalSink>>>,
    /// The rules that watch it.
    pub rulebook: Rulebook,
    /// Edits that take effect while it runs.
    pub edits: Receiver<Change>,
    /// For the state of all tasks together.
    pub room: Room,
    /// The machine.
    pub host: Host,
}

/// Why a pipeline stopped running.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log refuses what is needed.
    #[error("{0}")]
    Log(#[from] LogError),
    /// A task failed: a defect, or state that cannot be read.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The system refuses a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The committer is beyond repair; the process should start anew.
    #[error("{0}")]
    Commit(String),
    /// A source's records cannot be generated.
    #[error("source `{0}`: {1}")]
    Generator(String, tidemill_engine::generator::GeneratorError),
    /// A sink cannot take the rows of its output.
    #[error("{0}")]
    Sink(String),
}

/// Runs a pipeline until it is done (if bounded) or `stop` is set, then leaves in good order.
///
/// # Errors
/// Only what a new start of the process might mend; whatever can be mended here is retried, and said in the status.
pub fn run(
    plan: &Arc<Plan>,
    settings: Settings,
    parts: Parts,
    status: Shared,
    stop: &Arc<AtomicBool>,
) -> Result<(), RunError> {
    let Some(mut runner) = Runner::new(plan, settings, parts, status, stop)? else {
        return Ok(());
    };
    while !runner.ended {
        runner.turn()?;
    }
    if runner.settings.bounded && !runner.stopping {
        runner.deliver_rest();
    }
    runner.publish(Phase::Finished);
    Ok(())
}

/// What has been read of a source since the start; work that is done again counts again.
#[derive(Debug, Clone, Copy, Default)]
struct Read {
    records: u64,
    bytes: u64,
}

struct Runner {
    plan: Arc<Plan>,
    topology: Topology,
    settings: Settings,
    host: Host,
    reader: Box<dyn Reader>,
    admin: Box<dyn Admin>,
    committing: Committing,
    commits: Commits,
    tasks: Tasks,
    pending: Pending,
    /// Schemas that sources ask for.
    lookups: Lookups,
    /// The tables that streams are joined with.
    copies: Copies,
    /// Whether they are not read far enough yet for streams to be read on.
    loading: bool,
    /// What generated sources make now, by their index in the plan.
    generators: HashMap<usize, Generator>,
    edits: Receiver<Change>,
    rulebook: Rulebook,
    /// Whether its rules have been edited, and these are not in force yet.
    has_new_rules: bool,
    /// Which rules were in force where.
    editions: Editions,
    /// How many partitions each stage's input has.
    partitions: HashMap<Stage, u32>,
    /// The partitions that the group has given us.
    assignment: Vec<TopicPartition>,
    /// Where the input of each partition ends, when it is bounded.
    ends: HashMap<TopicPartition, i64>,
    /// Records and bytes read, by source.
    read: Vec<Read>,
    /// What posts the rows of webhooks.
    deliveries: Deliveries,
    /// For the state of all tasks.
    room: Room,
    /// How far a partition is read ahead of the lowest watermark.
    ahead: Micros,
    /// For each source those whose partitions are read in step with its own.
    in_step: Vec<BTreeSet<usize>>,
    last_commit: Instant,
    last_publish: Instant,
    started: Instant,
    status: Shared,
    stop: Arc<AtomicBool>,
    stopping: bool,
    ended: bool,
}

impl Runner {
    /// Makes what is missing in the log and joins the group; `None` if it was told to stop before that was done.
    fn new(
        plan: &Arc<Plan>,
        settings: Settings,
        mut parts: Parts,
        status: Shared,
        stop: &Arc<AtomicBool>,
    ) -> Result<Option<Self>, RunError> {
        let topology = Topology::new(plan);
        let Some(partitions) = joining::prepare_topics(
            plan,
            &topology,
            &settings,
            parts.admin.as_mut(),
            &parts.host,
            &status,
            stop,
        )?
        else {
            return Ok(None);
        };
        let ids = registry::register(plan, &settings.secrets, &status, stop);
        let Some(ids) = ids.map_err(RunError::Sink)? else {
            return Ok(None);
        };
        let (pending, sinks) = Pending::new(plan, &topology, parts.sinks, &ids)?;
        let mut room = parts.room;
        if !sinks.is_empty() {
            // They tell by a position what they have, and all rows of a position must be in one commit.
            room.at_once = usize::MAX;
        }
        let lookups = Lookups::new(plan, &settings.secrets, stop)?;
        let (groups, secrets) = (&parts.groups, &settings.secrets);
        let deliveries = Deliveries::start(plan, &topology, groups, secrets, &status)?;
        let committing = Committing::start(&parts.host, &plan.name, parts.committer, sinks)?;
        let copies = Copies::start(&parts.host, plan, parts.tables, &settings.secrets)?;
        copies.tables().set_room(&room)?;
        let now = parts.host.now();
        let mut runner = Self {
            copies,
            loading: false,
            ahead: reading::ahead(plan),
            in_step: pick::in_step(plan),
            generators: adjusting::generators(plan),
            edits: parts.edits,
            rulebook: parts.rulebook,
            has_new_rules: false,
            editions: Editions::default(),
            deliveries,
            room,
            plan: Arc::clone(plan),
            topology,
            settings,
            host: parts.host,
            reader: parts.reader,
            admin: parts.admin,
            committing,
            commits: Commits::default(),
            tasks: Tasks::default(),
            pending,
            lookups,
            partitions,
            assignment: Vec::new(),
            ends: HashMap::new(),
            read: plan.sources.iter().map(|_| Read::default()).collect(),
            last_commit: now,
            last_publish: now,
            started: now,
            status,
            stop: Arc::clone(stop),
            stopping: false,
            ended: false,
        };
        runner.reinit();
        if !runner.take_up_rules()? {
            return Ok(None);
        }
        let topics: Vec<String> = runner
            .topology
            .subscriptions
            .iter()
            .map(|s| s.topic.clone())
            .collect();
        runner.reader.subscribe(&topics)?;
        Ok(Some(runner))
    }

    /// Waits until all that is written for webhooks is delivered or given up; only a stop ends it.
    fn deliver_rest(&mut self) {
        if self.deliveries.are_none() {
            return;
        }
        // Readers see the last transaction once it is over, which is when its producer can begin anew.
        self.reinit();
        self.deliveries.drain();
        while !self.deliveries.have_ended() && !self.stop.load(Ordering::Relaxed) {
            self.publish(Phase::Running);
            self.host.sleep(NAP);
        }
    }

    /// One turn of the loop.
    fn turn(&mut self) -> Result<(), RunError> {
        if self.stop.load(Ordering::Relaxed) && !self.stopping {
            self.stopping = true;
            self.on(Event::Stop)?;
        }
        self.hear_edits()?;
        self.hear_commit(Duration::ZERO)?;
        self.hear_schemas();
        let loading = self.copies.loading()?;
        let read = match &loading {
            None if self.commits.may_read() && !self.pending.is_full() => self.read_some()?,
            _ => 0,
        };
        if loading.is_some() || self.loading {
            self.loading = loading.is_some();
            self.status.update(|s| s.trouble = loading);
        }
        self.commit_if_due()?;
        if !self.ended {
            self.hear_group(if read > 0 { Duration::ZERO } else { self.nap() })?;
        }
        if self.host.since(self.last_publish) >= Duration::from_millis(200) {
            self.publish(if self.commits.may_read() {
                Phase::Running
            } else {
                Phase::Joining
            });
        }
        Ok(())
    }

    fn nap(&self) -> Duration {
        if self.commits.in_flight() {
            NAP_IN_FLIGHT
        } else {
            NAP.min(self.settings.commit_interval)
        }
    }

    fn hear_group(&mut self, wait: Duration) -> Result<(), RunError> {
        let events = match self.reader.events(wait) {
            Ok(events) => events,
            Err(LogError::Unavailable(why)) => {
                self.trouble(&why);
                return Ok(());
            }
            Err(refused) => return Err(refused.into()),
        };
        for event in events {
            match event {
                GroupEvent::Assigned(partitions) => self.join(&partitions)?,
                GroupEvent::Revoked => self.on(Event::Revoked)?,
                GroupEvent::Lost => self.on(Event::Lost)?,
            }
        }
        Ok(())
    }

    fn hear_commit(&mut self, wait: Duration) -> Result<(), RunError> {
        if !self.commits.in_flight() {
            return Ok(());
        }
        let Some(outcome) = self.committing.ended(wait) else {
            return Ok(());
        };
        let event = match outcome {
            Outcome::Committed => {
                self.committed();
                return self.on(Event::Committed);
            }
            Outcome::Aborted(why) => self.setback(why, Event::Aborted),
            Outcome::Fenced(why) => self.setback(why, Event::Fenced),
            Outcome::Unknown(why) => self.setback(why, Event::Unknown),
            Outcome::Fatal(why) => {
                self.commits.on(Event::Fatal);
                return Err(RunError::Commit(why));
            }
        };
        self.on(event)
    }

    fn setback(&mut self, why: String, event: Event) -> Event {
        tracing::warn!(pipeline = %self.plan.name, %why, "work since the last commit is done again");
        self.status.update(|s| {
            s.rewinds += 1;
            s.trouble = Some(why);
        });
        event
    }

    fn committed(&mut self) {
        let written = self.pending.confirm();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_millis() as i64);
        for held in self.tasks.iter_mut() {
            if let Some(position) = held.committing.take() {
                held.committed = Some(position);
            }
        }
        self.status.update(|s| {
            s.commits += 1;
            s.trouble = s.trouble_of_webhooks();
            for (output, rows) in s.outputs.iter_mut().zip(written.rows) {
                output.rows += rows;
            }
            for (planned, fired) in self.plan.rules.iter().zip(written.fired) {
                let rule = s.rules.iter_mut().find(|it| it.name == planned.name);
                let Some(rule) = rule else { continue };
                match planned.sent {
                    true => rule.fired += fired.raised,
                    false => rule.shadow_fired += fired.raised,
                }
                rule.suppressed += fired.suppressed;
                if fired.raised > 0 {
                    rule.last_fired = Some(now);
                }
            }
            for (name, agreement) in written.agreed {
                if let Some(rule) = s.rules.iter_mut().find(|it| it.name == name) {
                    rule.agreement.get_or_insert_default().add(agreement);
                }
            }
        });
    }

    fn commit_if_due(&mut self) -> Result<(), RunError> {
        if self.ended || self.commits.in_flight() || !self.is_due() {
            return Ok(());
        }
        self.tasks.hear_news();
        self.look_for_idleness()?;
        if self.tasks.iter().any(|held| held.dirty) {
            self.on(Event::Due)?;
        } else if self.settings.bounded && self.commits.may_read() && self.all_finished() {
            self.on(Event::Stop)?;
        }
        Ok(())
    }

    /// Whether a commit should not be waited for any longer: that is so early, too, if much has come, or there is more to
    /// be closed than one commit has taken.
    fn is_due(&self) -> bool {
        let waited = self.host.since(self.last_commit);
        self.pending.is_due()
            || waited >= self.settings.commit_interval
            || self.tasks.iter().any(|held| held.closing)
            || (waited >= GROWTH && self.tasks.unflushed_bytes() > self.room.bytes / UNFLUSHED)
    }

    fn on(&mut self, event: Event) -> Result<(), RunError> {
        for action in self.commits.on(event) {
            match action {
                Action::Commit => self.commit()?,
                Action::Discard => {
                    self.tasks.clear();
                    self.pending.clear();
                }
                Action::Reinit => self.reinit(),
                Action::Rewind => self.rewind()?,
                Action::Release => {
                    self.tasks.park();
                    self.retry("giving partitions back", |runner| runner.reader.unassign())?;
                }
                Action::Leave => {
                    if let Err(error) = self.reader.leave() {
                        tracing::warn!(%error, "the group was not left in good order");
                    }
                    self.ended = true;
                }
                Action::Fail => self.ended = true,
            }
        }
        Ok(())
    }

    /// The room for the state beside tables of so many bytes, or the other way round: what is left, but half of it all at least.
    fn room_beside(&self, bytes: usize) -> Room {
        Room {
            bytes: self
                .room
                .bytes
                .saturating_sub(bytes)
                .max(self.room.bytes / 2),
            ..self.room.clone()
        }
    }

    fn commit(&mut self) -> Result<(), RunError> {
        self.last_commit = self.host.now();
        self.tasks
            .share(&self.room_beside(self.copies.tables().bytes()));
        let tables = self.room_beside(self.tasks.bytes());
        self.copies.tables().set_room(&tables)?;
        let mut caught_up = Vec::new();
        let dirty = self.tasks.iter_mut().enumerate();
        for (index, held) in dirty.filter(|(_, held)| held.dirty) {
            let was_behind = held.written.next().is_some();
            self.pending.flush(held)?;
            let switches = held.switch_to(self.editions.wanted());
            self.pending.say_of_rules(&switches);
            if was_behind && held.written.next().is_none() {
                caught_up.push(index);
            }
        }
        for index in caught_up {
            self.tell_of_growth(index)?;
        }
        match self.pending.take() {
            Some(work) => {
                self.committing.send(work);
                Ok(())
            }
            None => self.on(Event::Committed),
        }
    }

    /// Tries until it works; only a stop ends it.
    fn reinit(&mut self) {
        let mut pause = Duration::from_millis(100);
        while let Err(why) = self.committing.init() {
            self.trouble(&why);
            if !self.pause(&mut pause) {
                return;
            }
        }
    }

    /// Repeats what fails because the log cannot be reached.
    fn retry<T>(
        &mut self,
        what: &str,
        mut attempt: impl FnMut(&mut Self) -> Result<T, LogError>,
    ) -> Result<Option<T>, RunError> {
        let mut pause = Duration::from_millis(100);
        loop {
            match attempt(self) {
                Ok(done) => return Ok(Some(done)),
                Err(LogError::Unavailable(why)) => self.trouble(&format!("{what}: {why}")),
                Err(refused) => return Err(refused.into()),
            }
            if !self.pause(&mut pause) {
                return Ok(None);
            }
        }
    }

    /// Waits before another attempt, longer each time; false if the process is to stop.
    fn pause(&self, pause: &mut Duration) -> bool {
        self.host.sleep(*pause);
        *pause = (*pause * 2).min(Duration::from_secs(2));
        !self.stop.load(Ordering::Relaxed)
    }

    fn trouble(&self, why: &str) {
        tracing::warn!(pipeline = %self.plan.name, why);
        self.status.update(|s| s.trouble = Some(why.to_owned()));
    }

    /// Brings the status up to date.
    fn publish(&mut self, phase: Phase) {
        self.last_publish = self.host.now();
        let partitions: Vec<PartitionStatus> = self.tasks.iter().map(tasks::Held::status).collect();
        let sources = self.read.iter().enumerate().map(|(index, read)| {
            let held = || {
                self.tasks
                    .iter()
                    .filter(move |held| held.stage == Stage::Source(index))
            };
            (
                *read,
                held().map(|h| h.task.watermark()).min().flatten(),
                held().map(tasks::Held::lag).sum(),
            )
        });
        let sources: Vec<(Read, Option<Micros>, Option<i64>)> = sources.collect();
        let state = StateStatus {
            groups: self.tasks.groups() as u64,
            memory_bytes: (self.tasks.bytes() + self.copies.tables().bytes()) as u64,
            memory_limit_bytes: self.room.bytes as u64,
            disk_bytes: self.room.disk.bytes(),
        };
        let uptime = self.host.since(self.started).as_millis();
        self.status.update(|s| {
            s.phase = phase;
            s.uptime_ms = u64::try_from(uptime).unwrap_or(u64::MAX);
            s.partitions = partitions;
            s.state = state;
            if let Some(why) = self.lookups.trouble() {
                s.trouble = Some(why.to_owned());
            }
            s.late_dropped = self.pending.counted.late_dropped;
            s.duplicates = self.pending.counted.duplicates;
            s.dead_letters
                .clone_from(&self.pending.counted.dead_letters);
            s.count_undelivered();
            for (source, (read, watermark, lag)) in s.sources.iter_mut().zip(sources) {
                source.records = read.records;
                source.bytes = read.bytes;
                source.watermark = watermark;
                source.lag = lag;
            }
        });
    }
}
