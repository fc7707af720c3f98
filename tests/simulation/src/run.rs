//! Runs a scenario: the product's own runtime in simulated processes, from the first record to the input's end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidemill_crds::sink::SinkKind;
use tidemill_engine::disk::{Heap, Room};
use tidemill_plan::model::{OutputOf, Plan};
use tidemill_worker::log::{Admin, LogError, Produced, TopicPartition, partitioner};
use tidemill_worker::rulebook::Rulebook;
use tidemill_worker::runtime::{self, Host, Parts, Settings, Topology, dead_letters};
use tidemill_worker::secrets::Secrets;
use tidemill_worker::sink::ExternalSink;
use tidemill_worker::status::Shared;

use crate::broken::Broken;
use crate::check::Check;
use crate::client::{SimulatedAdmin, SimulatedCommitter, SimulatedMembership, SimulatedReader};
use crate::grammar::{Change, MOVING, TABLE, TABLE_PARTITIONS, source_name};
use crate::log::{Log, MS, Time};
use crate::scenario::{Growth, Incident, Scenario};
use crate::sink::TableSink;
use crate::world::{self, Process, World, own};

/// When a run that has not come to its end is given up.
const LIMIT: Time = 60_000 * MS;
/// How often the run is looked at from outside.
const LOOK: Time = 10 * MS;
/// How long everything must be at rest before it counts as such.
const REST: Time = 200 * MS;
/// The same where a commit leaves sessions to the next, or rows wait for a table: whoever was to go on with them may have
/// died, and begins again first.
const LONG_REST: Time = 2_000 * MS;

/// How a run ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// What was wrong, if anything.
    pub(crate) failure: Option<String>,
    /// What happened, line by line, if it was asked for.
    pub(crate) story: Vec<String>,
}

/// Runs a scenario.
pub(crate) fn run(scenario: &Scenario, broken: Option<Broken>, story: bool) -> Report {
    tidemill_engine::faults::let_windows_reopen(broken == Some(Broken::ReopenWindows));
    let plan = match scenario.shape.plan() {
        Ok(plan) => plan,
        Err(problem) => {
            return Report {
                failure: Some(format!("it cannot be planned: {problem}")),
                ..Report::default()
            };
        }
    };
    let world = Arc::new(World::new(scenario.seed, &scenario.mishaps, broken));
    if story {
        world.log().story = Some(Vec::new());
    }
    let mut run = Run::new(scenario, &plan, &world);
    let failure = run.whole().err();
    run.end_all();
    tidemill_engine::faults::let_windows_reopen(false);
    let mut log = world.log();
    Report {
        failure,
        story: log.story.take().unwrap_or_default(),
    }
}

/// Something that is to happen.
#[derive(Debug, Clone, Copy)]
enum Event {
    Append(usize),
    /// A table changes.
    Change(Change),
    Start(usize),
    Stop(usize),
    Incident(Incident),
    Grow(Growth),
    /// The group notices that a topic has grown.
    Notice,
}

/// A worker's place: the process that runs in it, if any.
struct Place {
    process: Option<Arc<Process>>,
    /// Whether one is to run there.
    wanted: bool,
    /// When it is to be started again after a crash.
    again: Option<Time>,
}

struct Run<'a> {
    scenario: &'a Scenario,
    plan: &'a Arc<Plan>,
    world: &'a Arc<World>,
    /// Soonest last.
    events: Vec<(Time, Event)>,
    places: Vec<Place>,
    bounded: bool,
    check: Check<'a>,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, plan: &'a Arc<Plan>, world: &'a Arc<World>) -> Self {
        let mut events: Vec<(Time, Event)> = Vec::new();
        let records = scenario.records.iter().enumerate();
        events.extend(records.map(|(index, record)| (record.at, Event::Append(index))));
        let (before, changes): (Vec<_>, Vec<_>) =
            scenario.changes.iter().partition(|(at, _)| *at == 0);
        events.extend(
            changes
                .into_iter()
                .map(|&(at, change)| (at, Event::Change(change))),
        );
        for (index, worker) in scenario.workers.iter().enumerate() {
            events.push((worker.starts, Event::Start(index)));
            events.extend(worker.stops.map(|stops| (stops, Event::Stop(index))));
        }
        let incidents = scenario.incidents.iter();
        events.extend(incidents.map(|&(at, incident)| (at, Event::Incident(incident))));
        let grows = scenario.grows.into_iter();
        events.extend(grows.flat_map(|growth| {
            [
                (growth.at, Event::Grow(growth)),
                (growth.noticed, Event::Notice),
            ]
        }));
        // Stable, and only then turned round: what comes at the same time comes in its order.
        events.sort_by_key(|(at, _)| *at);
        events.reverse();
        let place = || Place {
            process: None,
            wanted: false,
            again: None,
        };
        {
            let mut log = world.log();
            for (index, source) in scenario.shape.sources.iter().enumerate() {
                let grows = scenario.grows.filter(|growth| growth.source == index);
                let partitions = grows.map_or(source.partitions, |growth| growth.from);
                log.create(&source_name(index), partitions, false);
            }
            for table in [TABLE, MOVING] {
                log.create(table, TABLE_PARTITIONS, true);
            }
            for change in &scenario.shape.table {
                change_table(&mut log, TABLE, change);
            }
            for (_, change) in before {
                change_table(&mut log, MOVING, change);
            }
        }
        Self {
            places: (0..scenario.workers.len() + scenario.closers)
                .map(|_| place())
                .collect(),
            check: Check::new(scenario, plan),
            scenario,
            plan,
            world,
            events,
            bounded: scenario.bounded,
        }
    }

    fn whole(&mut self) -> Result<(), String> {
        if self.bounded {
            return self.end_of_input();
        }
        self.until("all has been read", Self::is_at_rest)?;
        self.check.at_rest(self.world)?;
        self.until("tables outside the log have what is committed", |run| {
            Ok(run.check.tables(run.world, &run.world.log()).is_ok())
        })?;
        self.stop_all();
        self.until("the workers have stopped", |run| Ok(run.is_empty()))?;
        self.bounded = true;
        for closer in 0..self.scenario.closers {
            self.start(self.scenario.workers.len() + closer);
        }
        self.end_of_input()
    }

    fn end_of_input(&mut self) -> Result<(), String> {
        self.until("the input has ended", |run| {
            Ok(run.events.is_empty() && run.is_empty() && run.world.log().is_at_rest())
        })?;
        self.check.at_end(self.world)
    }

    /// Lets time pass until something is so.
    fn until(
        &mut self,
        what: &str,
        is_so: impl Fn(&mut Self) -> Result<bool, String>,
    ) -> Result<(), String> {
        let mut since: Option<Time> = None;
        let mut look = self.world.scheduler.now();
        loop {
            let now = self.world.scheduler.now();
            if now > LIMIT {
                return Err(format!("it hangs: it never comes about that {what}"));
            }
            if now >= look {
                look = now + LOOK;
                self.supervise()?;
                if !self.bounded {
                    self.check.look(self.world)?;
                }
                let rest = match self.scenario.at_once() {
                    _ if self.bounded => 0,
                    usize::MAX if !self.scenario.shape.has_waiting() => REST,
                    _ => LONG_REST,
                };
                match (is_so(self)?, since) {
                    (false, _) => since = None,
                    (true, None) => since = Some(now),
                    (true, Some(_)) => {}
                }
                if since.is_some_and(|since| now - since >= rest) {
                    return Ok(());
                }
            }
            let next = self.events.last().map_or(Time::MAX, |(at, _)| *at);
            let limit = next.min(look);
            if !self.world.scheduler.step(limit)
                && next <= limit
                && let Some((_, event)) = self.events.pop()
            {
                self.happen(event);
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Append(index) => {
                if let Some(record) = self.scenario.records.get(index) {
                    let at = TopicPartition {
                        topic: source_name(record.source).into(),
                        partition: record.partition,
                    };
                    let value = Some(record.body.text(index).into_bytes());
                    self.world.log().append(
                        &at,
                        Produced {
                            value,
                            ..Produced::default()
                        },
                    );
                }
            }
            Event::Change(change) => {
                let mut log = self.world.log();
                log.tell(|| format!("{MOVING} changes: {change:?}"));
                change_table(&mut log, MOVING, &change);
            }
            Event::Start(worker) => self.start(worker),
            Event::Stop(worker) => self.stop(worker),
            Event::Incident(incident) => self.befall(incident),
            Event::Grow(growth) => {
                let source = self.scenario.shape.sources.get(growth.source);
                let partitions = source.map_or(0, |source| source.partitions);
                let name = source_name(growth.source);
                self.world.log().grow(&name, partitions);
            }
            Event::Notice => self.rebalance(),
        }
    }

    fn befall(&self, incident: Incident) {
        self.world.log().tell(|| format!("{incident:?}"));
        let process = |worker: usize| self.places.get(worker).and_then(|p| p.process.as_ref());
        match incident {
            Incident::Kill(worker) => {
                if let Some(process) = process(worker) {
                    process.crash();
                }
            }
            Incident::Freeze(worker, time) => {
                if let Some(process) = process(worker) {
                    self.world.scheduler.pause(process.index, time);
                }
            }
            Incident::Rebalance => self.rebalance(),
            Incident::Compact => self.world.log().compact(),
            Incident::Silence(source, partition, time) => {
                let at = TopicPartition {
                    topic: source_name(source).into(),
                    partition,
                };
                self.world.silence(at, time);
            }
        }
    }

    /// The group's members are told to join again.
    fn rebalance(&self) {
        let mut log = self.world.log();
        let now = log.now;
        log.group.rebalance(now);
    }

    fn start(&mut self, worker: usize) {
        let Some(place) = self.places.get_mut(worker) else {
            return;
        };
        (place.wanted, place.again) = (true, None);
        if place.process.is_some() {
            return;
        }
        let process = self.world.process(worker);
        place.process = Some(Arc::clone(&process));
        self.world.log().tell(|| format!("{} starts", process.name));
        let (plan, settings, room) = (Arc::clone(self.plan), self.settings(), self.room());
        let Ok(rulebook) = self.scenario.shape.rulebook() else {
            // It is planned already.
            return;
        };
        let its = Arc::clone(&process);
        self.world.scheduler.spawn(
            process.index,
            Box::new(move || work(&its, &plan, rulebook, settings, room)),
        );
    }

    fn settings(&self) -> Settings {
        Settings {
            commit_interval: Duration::from_micros(self.scenario.commit_interval),
            bounded: self.bounded,
            default_partitions: 2,
            secrets: Secrets::default(),
            create_sources: false,
        }
    }

    fn room(&self) -> Room {
        let is_tight = self.scenario.is_tight();
        Room {
            bytes: if is_tight { 500 } else { usize::MAX },
            at_once: self.scenario.at_once(),
            disk: Arc::new(Heap),
        }
    }

    fn stop(&mut self, worker: usize) {
        if let Some(place) = self.places.get_mut(worker) {
            (place.wanted, place.again) = (false, None);
            if let Some(process) = &place.process {
                self.world
                    .log()
                    .tell(|| format!("{} is told to stop", process.name));
                process
                    .stop
                    .store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    fn stop_all(&mut self) {
        for worker in 0..self.places.len() {
            self.stop(worker);
        }
    }

    /// Sees to processes that have ended: those that died are started again after a while.
    fn supervise(&mut self) -> Result<(), String> {
        let now = self.world.scheduler.now();
        let mut due = Vec::new();
        for (worker, place) in self.places.iter_mut().enumerate() {
            if place.again.is_some_and(|at| at <= now) {
                due.push(worker);
            }
            let Some(process) = place.process.clone() else {
                continue;
            };
            if process.is_dead() {
                // What is left of it runs on unseen.
                place.process = None;
                place.again = place.wanted.then(|| now + self.world.range(5, 300) * MS);
            } else if let Some(end) = own(&process.end).take() {
                process.gone();
                place.process = None;
                match end {
                    Ok(()) => place.wanted = false,
                    Err(why) if why.contains("same identity") => {
                        place.again = place.wanted.then(|| now + self.world.range(5, 300) * MS);
                    }
                    Err(why) => return Err(format!("{} failed: {why}", process.name)),
                }
            }
        }
        for worker in due {
            self.start(worker);
        }
        Ok(())
    }

    /// Whether no process runs and none is to be started.
    fn is_empty(&self) -> bool {
        self.places
            .iter()
            .all(|p| p.process.is_none() && p.again.is_none())
    }

    /// Whether everything that has been written has been read and committed.
    fn is_at_rest(&mut self) -> Result<bool, String> {
        if !self.events.is_empty() {
            return Ok(false);
        }
        if self.is_empty() {
            self.start(0);
            return Ok(false);
        }
        let log = self.world.log();
        if !log.is_at_rest() {
            return Ok(false);
        }
        let topology = Topology::new(self.plan);
        Ok(topology.subscriptions.iter().all(|subscription| {
            let count = log.count(&subscription.topic).unwrap_or(0).cast_signed();
            (0..count).all(|partition| {
                let at = TopicPartition {
                    topic: subscription.topic.as_str().into(),
                    partition,
                };
                let stored = log.offsets.get(&at).map_or(0, |stored| stored.offset);
                log.read_committed(&at, stored, 1).records.is_empty()
            })
        }))
    }

    /// Kills what still runs, and lets it end.
    fn end_all(&mut self) {
        for place in &self.places {
            if let Some(process) = &place.process {
                process.crash();
            }
        }
        while self.world.scheduler.next_wake().is_some() {
            self.world.scheduler.step(Time::MAX);
        }
    }
}

/// Changes a table's row.
fn change_table(log: &mut Log, table: &str, (key, value): &Change) {
    let at = TopicPartition {
        topic: table.into(),
        partition: partitioner::partition_of(key.as_bytes(), TABLE_PARTITIONS).cast_signed(),
    };
    let value = value.map(|w| json!({"g": key, "w": w}).to_string().into_bytes());
    let key = Some(key.as_bytes().to_vec());
    let record = Produced {
        key,
        value,
        ..Produced::default()
    };
    log.append(&at, record);
}

/// What a process does, from its start to its end.
fn work(
    process: &Arc<Process>,
    plan: &Arc<Plan>,
    rulebook: Rulebook,
    settings: Settings,
    room: Room,
) {
    let membership = SimulatedMembership::default();
    let sinks = plan
        .outputs
        .iter()
        .map(|output| {
            let SinkKind::Stdout(_) = output.to.kind()? else {
                return None;
            };
            let schema = match output.from {
                OutputOf::Rows(_) | OutputOf::Alerts => &output.schema,
                OutputOf::DeadLetter => &*dead_letters::SCHEMA,
            };
            let sink = TableSink::open(process, &membership, &output.sink, schema)?;
            Some(Box::new(sink) as Box<dyn ExternalSink>)
        })
        .collect();
    let tables = plan.sources.iter().filter(|source| source.key.is_some());
    let tables = tables.map(|_| Box::new(SimulatedAdmin(Arc::clone(process))) as Box<dyn Admin>);
    let tables = tables.collect();
    let (_edits, no_edits) = crossbeam_channel::unbounded();
    let parts = Parts {
        reader: Box::new(SimulatedReader::open(process, membership.clone())),
        committer: Box::new(SimulatedCommitter::open(process, membership)),
        admin: Box::new(SimulatedAdmin(Arc::clone(process))),
        groups: Arc::new(|_| Err(LogError::Refused("no pipeline has webhooks".to_owned()))),
        tables,
        sinks,
        rulebook,
        edits: no_edits,
        room,
        host: Host::Simulated(Arc::new(world::Host(Arc::clone(process)))),
    };
    let status = Shared::default();
    let end = runtime::run(plan, settings, parts, status, &process.stop);
    *own(&process.end) = Some(end.map_err(|error| error.to_string()));
}
