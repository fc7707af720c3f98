//! What the tasks have done since the last commit, made ready for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use tidemill_crds::alert_rule::Agreement;
use tidemill_engine::effects::Effects;
use tidemill_engine::record::DeadLetter;
use tidemill_plan::model::{OutputOf, Plan, Rule};

use super::RunError;
use super::committing::{ForSink, Named, Work};
use super::dead_letters;
use super::editions::Entry;
use super::packing::Packing;
use super::tasks::Held;
use super::topology::{Stage, Topology};
use crate::log::{Commit, Packed, Position, Produced, TopicPartition};
use crate::sink::{self, ExternalSink};
use crate::telemetry;

/// When this much waits, it is committed although the interval has not passed: a worker that catches up stays small.
const DUE: usize = 2 << 20;
/// Reading pauses when this much waits for the commit in flight to end.
const FULL: usize = 4 * DUE;

/// Where an output goes.
enum Target {
    /// A topic of the log.
    Topic(Packing),
    /// A sink outside the log, by its place among them.
    External(usize),
}

/// An output with what it has got since the last commit.
struct Route {
    of: OutputOf,
    /// Of which rules it takes alerts.
    takes: Vec<bool>,
    target: Target,
    packed: Packed,
    rows: u64,
    /// Rows of the commit in flight.
    sent: u64,
}

impl Route {
    fn new(of: OutputOf, target: Target) -> Self {
        Self {
            of,
            takes: Vec::new(),
            target,
            packed: Packed::default(),
            rows: 0,
            sent: 0,
        }
    }
}

/// What a rule has done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fired {
    /// Alerts that it has raised.
    pub(super) raised: u64,
    /// Alerts that were held back.
    pub(super) suppressed: u64,
}

/// What a commit has written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Rows, by output.
    pub(super) rows: Vec<u64>,
    /// What each rule has done.
    pub(super) fired: Vec<Fired>,
    /// How far rules in Shadow mode agreed with those that they are tried beside.
    pub(super) agreed: BTreeMap<String, Agreement>,
}

/// Work that is not committed yet.
pub(super) struct Pending {
    routes: Vec<Route>,
    external: Vec<ForSink>,
    /// What shows that the partitions are this worker's, to go before the next rows for a sink outside the log.
    proof: Vec<(TopicPartition, Position)>,
    commit: Commit,
    /// What each rule has done since the last commit.
    fired: Vec<Fired>,
    /// The same in the commit in flight.
    sent: Vec<Fired>,
    /// The names of the rules that are compared.
    compared: Vec<String>,
    /// How far they agreed since the last commit.
    agreed: BTreeMap<String, Agreement>,
    /// The same in the commit in flight.
    agreed_sent: BTreeMap<String, Agreement>,
    effects: Effects,
    bytes: usize,
    shuffles: HashMap<usize, Arc<str>>,
    changelogs: HashMap<Stage, Arc<str>>,
    /// The internal topic for dead letters; absent where an output takes them.
    dead_letter: Option<Arc<str>>,
    /// The topic of which rules were in force where; absent where there can be none.
    rules: Option<Arc<str>>,
    /// The span of the first batch since the last commit: the commit goes on with its trace.
    first_batch: Option<tracing::Span>,
    /// Counted since the start; work that is done again counts again.
    pub(super) counted: Counted,
}

/// Figures for the status.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) late_dropped: u64,
    pub(super) duplicates: u64,
    pub(super) dead_letters: std::collections::BTreeMap<String, u64>,
}

impl Pending {
    /// Nothing yet, for the outputs of a plan. The sinks outside the log come back in the order in which they are
    /// written. `schemas` has the registered number of each output's schema.
    pub(super) fn new(
        plan: &Plan,
        topology: &Topology,
        sinks: Vec<Option<Box<dyn ExternalSink>>>,
        schemas: &HashMap<usize, u32>,
    ) -> Result<(Self, Vec<Named>), RunError> {
        let mut external = Vec::new();
        let mut routes = Vec::new();
        for (index, (output, sink)) in plan.outputs.iter().zip(sinks).enumerate() {
            let target = match sink {
                Some(sink) => {
                    external.push(Named {
                        name: output.sink.clone(),
                        sink,
                    });
                    Target::External(external.len() - 1)
                }
                None => {
                    let schema = schemas.get(&index).copied();
                    Target::Topic(Packing::of(plan, output, schema)?)
                }
            };
            routes.push(Route::new(output.from, target));
        }
        if let Some(topic) = &topology.shadow {
            routes.push(shadow_route(topic)?);
        }
        let takes_dead_letters = routes.iter().any(|r| r.of == OutputOf::DeadLetter);
        let name = |name: &String| Arc::from(name.as_str());
        let mut pending = Self {
            routes,
            external: external.iter().map(|_| ForSink::default()).collect(),
            proof: Vec::new(),
            commit: Commit::default(),
            fired: vec![Fired::default(); plan.rules.len()],
            sent: Vec::new(),
            compared: Vec::new(),
            agreed: BTreeMap::new(),
            agreed_sent: BTreeMap::new(),
            effects: Effects::default(),
            bytes: 0,
            shuffles: topology
                .shuffles
                .iter()
                .map(|(stream, topic)| (*stream, name(topic)))
                .collect(),
            changelogs: topology
                .subscriptions
                .iter()
                .filter_map(|s| Some((s.stage, name(s.changelog.as_ref()?))))
                .collect(),
            dead_letter: (!takes_dead_letters).then(|| name(&topology.dead_letter)),
            rules: topology.rules.as_ref().map(name),
            first_batch: None,
            counted: Counted::default(),
        };
        pending.allot(plan);
        Ok((pending, external))
    }

    /// Goes on with other rules, for the same outputs. What rules of the same names and versions have done since the last commit
    /// is theirs.
    pub(super) fn set_rules(&mut self, before: &Plan, plan: &Plan) {
        let place = |rule: &Rule| {
            let mut rules = before.rules.iter();
            rules.position(|it| (&it.name, it.version) == (&rule.name, rule.version))
        };
        let places: Vec<Option<usize>> = plan.rules.iter().map(place).collect();
        let moved = |counts: &[Fired]| -> Vec<Fired> {
            let count = |place: &Option<usize>| counts.get((*place)?).copied();
            places
                .iter()
                .map(|it| count(it).unwrap_or_default())
                .collect()
        };
        (self.fired, self.sent) = (moved(&self.fired), moved(&self.sent));
        self.allot(plan);
    }

    /// Says of each way of alerts which rules' it takes. The last, behind those of the outputs, is for what is not sent.
    fn allot(&mut self, plan: &Plan) {
        let compared = plan.comparisons.iter().map(|it| it.shadow.clone());
        self.compared = compared.collect();
        let outputs = plan.outputs.len().min(self.routes.len());
        let (outputs, shadow) = self.routes.split_at_mut(outputs);
        for (route, output) in outputs.iter_mut().zip(&plan.outputs) {
            route.takes = plan.rules.iter().map(|rule| output.takes(rule)).collect();
        }
        for route in shadow {
            route.takes = plan.rules.iter().map(|rule| !rule.sent).collect();
        }
    }

    /// Runs a step of a task and takes over what it wants done.
    pub(super) fn gather(
        &mut self,
        held: &mut Held,
        step: impl FnOnce(&mut Held, &mut Effects) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let mut effects = std::mem::take(&mut self.effects);
        let done = step(held, &mut effects).and_then(|()| self.absorb(held, &mut effects));
        self.effects = effects;
        done
    }

    /// Notes the span under which a batch is worked on.
    pub(super) fn trace(&mut self, batch: &tracing::Span) {
        if self.first_batch.is_none() && !batch.is_disabled() {
            self.first_batch = Some(batch.clone());
        }
    }

    /// Makes a task ready for a commit, and notes the position that the commit reaches. Where a sink outside the log has
    /// been written there, it goes on to the same time first.
    pub(super) fn flush(&mut self, held: &mut Held) -> Result<(), RunError> {
        for then in held.written.take_reached(held.offset) {
            self.gather(held, |held, effects| {
                Ok(held.task.catch_up(&then.clock, effects)?)
            })?;
        }
        self.gather(held, |held, effects| Ok(held.task.flush(effects)?))?;
        held.closing = held.task.is_closing();
        held.dirty = held.closing;
        held.waits_for_flush = false;
        let position = held.position();
        for (place, its) in self.external.iter_mut().enumerate() {
            if !held.is_written(place)? {
                its.positions
                    .push((held.partition.clone(), position.clone()));
            }
        }
        self.commit
            .positions
            .push((held.partition.clone(), position.clone()));
        held.committing = Some(position);
        Ok(())
    }

    /// Has it committed where which rules began to be in force.
    pub(super) fn say_of_rules(&mut self, entries: &[Entry]) {
        if let Some(topic) = &self.rules {
            let records = entries.iter().map(Entry::to_record);
            let records = records.map(|record| (Arc::clone(topic), record));
            self.commit.produced.extend(records);
        }
    }

    /// All of it, to be committed; `None` if there is nothing.
    pub(super) fn take(&mut self) -> Option<Work> {
        let mut commit = std::mem::take(&mut self.commit);
        self.sent.clone_from(&self.fired);
        self.fired.fill(Fired::default());
        self.agreed_sent = std::mem::take(&mut self.agreed);
        for route in &mut self.routes {
            route.sent = std::mem::take(&mut route.rows);
            if let Target::Topic(Packing { topic, .. }) = &route.target
                && !route.packed.records.is_empty()
            {
                commit
                    .packed
                    .push((Arc::clone(topic), std::mem::take(&mut route.packed)));
            }
        }
        self.bytes = 0;
        if commit.positions.is_empty() && commit.produced.is_empty() && commit.packed.is_empty() {
            return None;
        }
        let span = tracing::info_span!("commit", otel.kind = "producer");
        if let Some(batch) = self.first_batch.take() {
            telemetry::continues(&span, &batch);
        }
        commit.traceparent = telemetry::traceparent(&span);
        let external = self.external.iter_mut().map(std::mem::take).collect();
        Some(Work {
            span,
            commit,
            external,
            proof: std::mem::take(&mut self.proof),
        })
    }

    /// Sinks outside the log have been claimed for these partitions: before they are written, the log is asked whether
    /// the partitions are still this worker's.
    pub(super) fn claimed<'h>(&mut self, held: impl Iterator<Item = &'h Held>) {
        if !self.external.is_empty() {
            let position = |held: &Held| held.committed.clone().unwrap_or_else(|| held.position());
            self.proof = held.map(|h| (h.partition.clone(), position(h))).collect();
        }
    }

    /// The commit in flight is done.
    pub(super) fn confirm(&mut self) -> Written {
        let rows = self
            .routes
            .iter_mut()
            .map(|it| std::mem::take(&mut it.sent));
        Written {
            rows: rows.collect(),
            fired: std::mem::take(&mut self.sent),
            agreed: std::mem::take(&mut self.agreed_sent),
        }
    }

    /// Throws everything away.
    pub(super) fn clear(&mut self) {
        self.commit = Commit::default();
        self.first_batch = None;
        self.bytes = 0;
        self.external.fill_with(ForSink::default);
        self.proof.clear();
        self.fired.fill(Fired::default());
        self.sent.clear();
        for route in &mut self.routes {
            route.packed = Packed::default();
            route.rows = 0;
            route.sent = 0;
        }
    }

    /// Whether so much waits that it should be committed.
    pub(super) fn is_due(&self) -> bool {
        self.bytes > DUE
    }

    /// Whether reading should wait for the commit in flight.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > FULL
    }

    fn absorb(&mut self, held: &Held, effects: &mut Effects) -> Result<(), RunError> {
        for rows in effects.rows.drain(..) {
            let takes = |route: &Route| route.of == OutputOf::Rows(rows.from);
            self.rows(held, takes, &rows.batch, rows.deleted.as_ref())?;
        }
        for alerts in effects.alerts.drain(..) {
            let takes = |route: &Route| route.takes.get(alerts.rule) == Some(&true);
            self.rows(held, takes, &alerts.batch, None)?;
        }
        for judged in effects.judged.drain(..) {
            if let Some(fired) = self.fired.get_mut(judged.rule) {
                fired.raised += judged.fired;
                fired.suppressed += judged.suppressed;
            }
        }
        for it in effects.compared.drain(..) {
            if let Some(shadow) = self.compared.get(it.comparison) {
                self.agreed
                    .entry(shadow.clone())
                    .or_default()
                    .add(it.agreement);
            }
        }
        for record in effects.shuffle.drain(..) {
            if let Some(topic) = self.shuffles.get(&record.stream) {
                self.bytes += record.value.len();
                let produced = Produced {
                    partition: i32::try_from(record.shard).ok(),
                    value: Some(record.value),
                    ..Produced::default()
                };
                self.commit.produced.push((Arc::clone(topic), produced));
            }
        }
        if let Some(topic) = self.changelogs.get(&held.stage) {
            for record in effects.changelog.drain(..) {
                self.bytes += record.value.as_ref().map_or(0, Vec::len);
                let produced = Produced {
                    partition: Some(held.partition.partition),
                    key: Some(record.key),
                    value: record.value,
                    ..Produced::default()
                };
                self.commit.produced.push((Arc::clone(topic), produced));
            }
        }
        self.counted.late_dropped += std::mem::take(&mut effects.late_dropped);
        self.counted.duplicates += std::mem::take(&mut effects.duplicates);
        let letters = std::mem::take(&mut effects.dead_letters);
        self.dead_letters(held, letters)
    }

    fn rows(
        &mut self,
        held: &Held,
        takes: impl Fn(&Route) -> bool,
        batch: &RecordBatch,
        deleted: Option<&BooleanArray>,
    ) -> Result<(), RunError> {
        for route in self.routes.iter_mut().filter(|route| takes(route)) {
            let count = batch.num_rows() as u64;
            match &route.target {
                Target::Topic(packing) => {
                    self.bytes += packing.pack(&mut route.packed, batch, deleted)?;
                }
                Target::External(place) if held.is_written(*place)? => continue,
                Target::External(place) => {
                    self.bytes += batch.get_array_memory_size();
                    if let Some(its) = self.external.get_mut(*place) {
                        its.rows.push(sink::Rows {
                            batch: batch.clone(),
                            deleted: deleted.cloned(),
                        });
                    }
                }
            }
            route.rows += count;
        }
        Ok(())
    }

    fn dead_letters(&mut self, held: &Held, letters: Vec<DeadLetter>) -> Result<(), RunError> {
        if letters.is_empty() {
            return Ok(());
        }
        for letter in &letters {
            *self
                .counted
                .dead_letters
                .entry(letter.reason.as_str().to_owned())
                .or_default() += 1;
            self.bytes += letter.value.as_ref().map_or(0, Vec::len);
        }
        for route in self
            .routes
            .iter_mut()
            .filter(|r| r.of == OutputOf::DeadLetter)
        {
            match &route.target {
                Target::Topic(Packing { topic, .. }) => {
                    let records = letters.iter().cloned().map(dead_letters::to_record);
                    self.commit
                        .produced
                        .extend(records.map(|record| (Arc::clone(topic), record)));
                }
                Target::External(place) if held.is_written(*place)? => continue,
                Target::External(place) => {
                    let batch = dead_letters::to_rows(&letters)
                        .map_err(|e| RunError::Sink(e.to_string()))?;
                    if let Some(its) = self.external.get_mut(*place) {
                        its.rows.push(sink::Rows {
                            batch,
                            deleted: None,
                        });
                    }
                }
            }
            route.rows += letters.len() as u64;
        }
        if let Some(topic) = &self.dead_letter {
            let records = letters.into_iter().map(dead_letters::to_record);
            self.commit
                .produced
                .extend(records.map(|record| (Arc::clone(topic), record)));
        }
        Ok(())
    }
}

/// The way of alerts that are not sent: they are kept in a topic of the pipeline's own.
fn shadow_route(topic: &str) -> Result<Route, RunError> {
    let target = Target::Topic(Packing::of_alerts(topic)?);
    Ok(Route::new(OutputOf::Alerts, target))
}
