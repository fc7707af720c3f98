//! The status of a Pipeline: pure, from what was applied and what was seen.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tidemill_crds::pipeline::AutoscaleStatus;
use tidemill_crds::reasons::{self, condition};
use tidemill_crds::{Duration, Pipeline, PipelineStatus};
use tidemill_worker::status::Phase;

use super::observe::{Figures, PodSeen};
use super::scale::{Decision, Workers};
use super::validate::{Missing, Refused, Valid};
use crate::condition::{Verdict, stamp};
use crate::kafka::Seen;
use crate::names;
use crate::steady::{rounded_seconds, two_figures};

/// Nothing is read though there is something to read: for so long it may be a pause.
const STALLED: std::time::Duration = std::time::Duration::from_secs(30);

/// All that a status is made from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The manifest.
    pub pipeline: &'a Pipeline,
    /// What came of checking it.
    pub checked: Result<&'a Valid, &'a Refused>,
    /// What it names and is not there.
    pub missing: &'a [Missing],
    /// Why something could not be applied.
    pub trouble: Option<&'a str>,
    /// The workers as they were applied, or as they are left alone.
    pub deployment: Option<&'a Deployment>,
    /// What was decided about their number.
    pub decision: Option<&'a Decision>,
    /// Their pods.
    pub pods: &'a [PodSeen],
    /// What they say.
    pub figures: &'a Figures,
    /// The Kafka cluster.
    pub kafka: &'a Seen,
}

/// The status that there is to be.
#[must_use]
pub fn status(facts: &Facts<'_>, now: &Time) -> PipelineStatus {
    let none = PipelineStatus::default();
    let previous = facts.pipeline.status.as_ref().unwrap_or(&none);
    let generation = facts.pipeline.metadata.generation;
    let name = facts.pipeline.metadata.name.as_deref().unwrap_or_default();
    let rollout = Rollout::of(facts.deployment);
    let verdicts = verdicts(facts, &rollout, previous);
    PipelineStatus {
        observed_generation: generation,
        conditions: stamp(verdicts, &previous.conditions, generation, now),
        replicas: Some(rollout.there),
        selector: Some(names::selector_text(name)),
        partitions: partitions(facts).or(previous.partitions),
        autoscale: autoscale(facts, previous, now),
        ..figures(facts, previous, now)
    }
}

/// The part of a status that workers tell. While they have not been asked yet, it is as it was.
fn figures(facts: &Facts<'_>, previous: &PipelineStatus, now: &Time) -> PipelineStatus {
    let figures = facts.figures;
    if facts.pods.is_empty() {
        return PipelineStatus::default();
    }
    if figures.phases.is_empty() {
        return previous.clone();
    }
    let rate = figures.rate.map(|rate| two_figures(whole(rate)));
    let delay = figures.watermark.map(|watermark| delay(watermark, now));
    PipelineStatus {
        lag: figures.lag.map(two_figures),
        records_per_second: rate,
        watermark: figures.watermark.and_then(second),
        watermark_delay: delay.filter(|_| rate.is_some_and(|rate| rate > 0)),
        dead_letters: Some(figures.dead_letters),
        ..PipelineStatus::default()
    }
}

/// What differs between two statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// Only figures that move all the time.
    Figures,
    /// Something that somebody may wait for.
    Meaning,
}

/// What differs between two statuses.
#[must_use]
pub fn change(previous: Option<&PipelineStatus>, next: &PipelineStatus) -> Change {
    let Some(previous) = previous else {
        return Change::Meaning;
    };
    let meaning = |status: &PipelineStatus| PipelineStatus {
        lag: None,
        records_per_second: None,
        watermark: None,
        watermark_delay: None,
        dead_letters: None,
        ..status.clone()
    };
    if previous == next {
        Change::None
    } else if meaning(previous) == meaning(next) {
        Change::Figures
    } else {
        Change::Meaning
    }
}

/// How far the workers are from what was applied.
#[derive(Debug, Default)]
struct Rollout {
    exists: bool,
    wanted: u32,
    there: u32,
    updated: u32,
    ready: u32,
    /// Whether Kubernetes has looked at what was applied.
    seen: bool,
}

impl Rollout {
    fn of(deployment: Option<&Deployment>) -> Self {
        let Some(deployment) = deployment else {
            return Self::default();
        };
        let count = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
        let status = deployment.status.clone().unwrap_or_default();
        Self {
            exists: true,
            wanted: count(deployment.spec.as_ref().and_then(|spec| spec.replicas)),
            there: count(status.replicas),
            updated: count(status.updated_replicas),
            ready: count(status.ready_replicas),
            seen: status.observed_generation.unwrap_or_default()
                >= deployment.metadata.generation.unwrap_or_default(),
        }
    }

    fn is_scaling(&self) -> bool {
        self.exists && (!self.seen || self.there != self.wanted)
    }

    fn is_rolling(&self) -> bool {
        self.exists && (!self.seen || self.updated != self.there)
    }

    fn is_done(&self) -> bool {
        self.exists && !self.is_scaling() && !self.is_rolling() && self.ready == self.wanted
    }
}

impl Verdict {
    /// What has not been looked at yet is as it was, so that a new operator does not say that nothing is known.
    fn or_before(self, previous: &PipelineStatus) -> Self {
        let pending = self.holds.is_none() && self.reason == reasons::PENDING;
        let before = previous
            .conditions
            .iter()
            .find(|before| before.type_ == self.about);
        let Some(before) = before.filter(|before| pending && before.status == "True") else {
            return self;
        };
        let known = reasons::ALL.iter().find(|(word, _)| *word == before.reason);
        known.map_or(self.clone(), |(reason, _)| {
            Self::yes(self.about, reason, before.message.clone())
        })
    }
}

/// Whether workers are being started, stopped or replaced.
#[must_use]
pub fn is_rolling(deployment: Option<&Deployment>) -> bool {
    !Rollout::of(deployment).is_done()
}

fn verdicts(facts: &Facts<'_>, rollout: &Rollout, previous: &PipelineStatus) -> Vec<Verdict> {
    vec![
        accepted(facts),
        resolved(facts),
        ready(facts, rollout),
        progressing(facts, rollout),
        source_reachable(facts).or_before(previous),
        sinks_reachable(facts).or_before(previous),
        flowing(facts, previous),
        degraded(facts, rollout),
    ]
}

fn accepted(facts: &Facts<'_>) -> Verdict {
    match facts.checked {
        Ok(_) => Verdict::accepted(),
        Err(refused) => Verdict::no(condition::ACCEPTED, refused.reason(), refused.to_string()),
    }
}

fn resolved(facts: &Facts<'_>) -> Verdict {
    let about = condition::RESOLVED_REFS;
    if let Some(first) = facts.missing.first() {
        let all: Vec<&str> = facts
            .missing
            .iter()
            .map(|missing| missing.message.as_str())
            .collect();
        return Verdict::no(about, first.reason, all.join("\n"));
    }
    if let Seen::BadSecret(message) = facts.kafka {
        return Verdict::no(about, reasons::SECRET_INVALID, message);
    }
    Verdict::resolved()
}

fn ready(facts: &Facts<'_>, rollout: &Rollout) -> Verdict {
    let about = condition::READY;
    if let Some(trouble) = facts.trouble {
        return Verdict::no(about, reasons::NOT_APPLIED, trouble);
    }
    if is_suspended(facts) {
        return suspended(facts, rollout);
    }
    if let Err(refused) = facts.checked {
        let what = if rollout.exists {
            "; what ran before goes on"
        } else {
            ""
        };
        let message = format!("the manifest is not accepted ({}){what}", refused.reason());
        return Verdict::no(about, reasons::NOT_ACCEPTED, message);
    }
    if let Some(missing) = facts.missing.first() {
        return Verdict::no(about, missing.reason, missing.message.clone());
    }
    if let Seen::BadSecret(why) = facts.kafka {
        return Verdict::no(about, reasons::SECRET_INVALID, why);
    }
    let failed = facts.figures.phases.values().any(|phase| phase.is_failed());
    if rollout.is_done() && !failed {
        return Verdict::yes(
            about,
            reasons::READY,
            counted(rollout.wanted, "runs", "run"),
        );
    }
    let message = match obstacle(facts) {
        Some(why) => format!(
            "{} of {} workers are ready: {why}",
            rollout.ready, rollout.wanted
        ),
        None => format!("{} of {} workers are ready", rollout.ready, rollout.wanted),
    };
    Verdict::no(about, reasons::WORKERS_NOT_READY, message)
}

fn is_suspended(facts: &Facts<'_>) -> bool {
    Workers::of(&facts.pipeline.spec) == Workers::Suspended
}

/// Whether nothing runs any more, whatever else is wrong: people wait for that before they touch anything.
fn suspended(facts: &Facts<'_>, rollout: &Rollout) -> Verdict {
    let about = condition::READY;
    let stopped = !rollout.exists || rollout.is_done();
    if !stopped || !facts.pods.is_empty() {
        return Verdict::no(about, reasons::WORKERS_NOT_READY, "workers commit and stop");
    }
    let message = match facts.checked {
        Ok(_) => "suspended; set spec.suspend: false to go on".to_owned(),
        Err(refused) => format!(
            "suspended; the manifest is not accepted ({}), correct it before you set spec.suspend: false",
            refused.reason()
        ),
    };
    Verdict::yes(about, reasons::SUSPENDED, message)
}

fn counted(workers: u32, one: &str, many: &str) -> String {
    match workers {
        0 => "no worker is wanted".to_owned(),
        1 => format!("1 worker {one}"),
        n => format!("{n} workers {many}"),
    }
}

/// What keeps workers from being ready, as far as somebody says it.
fn obstacle(facts: &Facts<'_>) -> Option<String> {
    let unready = facts.pods.iter().filter(|pod| !pod.ready && !pod.leaving);
    let said = unready.filter_map(|pod| pod.trouble.as_ref());
    let source = source_reachable(facts);
    let unreachable = (source.holds == Some(false)).then_some(&source.message);
    said.chain(&facts.figures.troubles)
        .chain(unreachable)
        .next()
        .cloned()
}

fn progressing(facts: &Facts<'_>, rollout: &Rollout) -> Verdict {
    let about = condition::PROGRESSING;
    let restores = facts
        .figures
        .phases
        .values()
        .any(|phase| *phase == Phase::Restoring);
    if rollout.is_rolling() {
        Verdict::yes(about, reasons::ROLLING_OUT, "workers are being replaced")
    } else if rollout.is_scaling() {
        let message = format!("from {} to {} workers", rollout.there, rollout.wanted);
        Verdict::yes(about, reasons::SCALING, message)
    } else if restores {
        Verdict::yes(
            about,
            reasons::RESTORING,
            "workers load the state of their partitions",
        )
    } else {
        Verdict::no(
            about,
            reasons::STABLE,
            "no worker is being started, stopped or replaced",
        )
    }
}

fn source_reachable(facts: &Facts<'_>) -> Verdict {
    let topics = facts.checked.ok().map(|valid| {
        let read = valid.reads.iter().filter(|read| read.partitions.is_none());
        read.map(|read| read.topic.as_str()).collect()
    });
    let fix = "create it, or correct the source's kafka.topic";
    reachable(condition::SOURCE_REACHABLE, facts.kafka, topics, fix)
}

fn sinks_reachable(facts: &Facts<'_>) -> Verdict {
    let topics = facts.checked.ok().map(|valid| {
        let kept = valid.writes.iter().filter(|(_, created)| !**created);
        kept.map(|(topic, _)| topic.as_str()).collect()
    });
    let fix = "create it, or set create: true in the Sink";
    reachable(condition::SINKS_REACHABLE, facts.kafka, topics, fix)
}

fn reachable(about: &'static str, kafka: &Seen, topics: Option<Vec<&str>>, fix: &str) -> Verdict {
    let there = match kafka {
        Seen::Unknown => return Verdict::unknown(about, reasons::PENDING, "Kafka is being asked"),
        Seen::Unreachable(why) => return Verdict::no(about, reasons::UNREACHABLE, why),
        Seen::Refused(why) | Seen::BadSecret(why) => {
            return Verdict::no(about, reasons::UNAUTHORIZED, why);
        }
        Seen::Topics(there) => there,
    };
    let Some(topics) = topics else {
        return Verdict::unknown(about, reasons::PENDING, "the manifest is not accepted");
    };
    let gone: Vec<String> = topics
        .into_iter()
        .filter(|topic| !there.contains_key(*topic))
        .map(|topic| format!("there is no topic `{topic}`: {fix}"))
        .collect();
    if gone.is_empty() {
        Verdict::yes(about, reasons::REACHABLE, "all topics are there")
    } else {
        Verdict::no(about, reasons::NOT_FOUND, gone.join("\n"))
    }
}

fn flowing(facts: &Facts<'_>, previous: &PipelineStatus) -> Verdict {
    let about = condition::FLOWING;
    let figures = facts.figures;
    if is_suspended(facts) {
        return Verdict::no(
            about,
            reasons::SUSPENDED,
            "no record is read while it is suspended",
        );
    }
    if let Seen::Unreachable(why) | Seen::Refused(why) = facts.kafka {
        return Verdict::unknown(about, reasons::UNREACHABLE, why);
    }
    if figures.stalled.is_some_and(|since| since >= STALLED) {
        let why = figures
            .troubles
            .first()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        return Verdict::no(
            about,
            reasons::STALLED,
            format!("records wait, and none is read{why}"),
        );
    }
    match (figures.rate, figures.lag) {
        (Some(rate), _) if rate > 0.0 => {
            Verdict::yes(about, reasons::FLOWING, "records come through")
        }
        (Some(_), Some(0)) => Verdict::yes(about, reasons::IDLE, "everything has been read"),
        _ => {
            Verdict::unknown(about, reasons::PENDING, "no worker has said yet").or_before(previous)
        }
    }
}

fn degraded(facts: &Facts<'_>, rollout: &Rollout) -> Verdict {
    let about = condition::DEGRADED;
    let crashing = facts
        .pods
        .iter()
        .find_map(|pod| pod.trouble.clone().filter(|_| !pod.ready && !pod.leaving));
    match crashing {
        Some(why) if rollout.wanted > 0 => Verdict::yes(about, reasons::WORKERS_MISSING, why),
        _ => Verdict::no(about, reasons::HEALTHY, "nothing is known to be wrong"),
    }
}

/// The partitions of all sources, if all are known.
fn partitions(facts: &Facts<'_>) -> Option<u32> {
    let valid = facts.checked.ok()?;
    let sources = valid.reads.iter().filter(|read| read.is_source);
    let counts = sources.map(|read| {
        read.partitions
            .or_else(|| facts.kafka.partitions(&read.topic))
    });
    counts.sum()
}

fn autoscale(facts: &Facts<'_>, previous: &PipelineStatus, now: &Time) -> Option<AutoscaleStatus> {
    let decision = facts.decision?;
    let before = previous.autoscale.as_ref();
    let changed = [reasons::FALLING_BEHIND, reasons::SPARE_CAPACITY].contains(&decision.reason)
        && before.is_none_or(|before| before.workers != decision.replicas);
    Some(AutoscaleStatus {
        workers: decision.replicas,
        reason: decision.reason.to_owned(),
        message: decision.message.clone(),
        last_scaled: if changed {
            Some(now.clone())
        } else {
            before.and_then(|before| before.last_scaled.clone())
        },
    })
}

/// Watermarks are shown to the second.
fn second(micros: i64) -> Option<Time> {
    let second = micros.div_euclid(1_000_000);
    k8s_openapi::jiff::Timestamp::from_second(second)
        .ok()
        .map(Time)
}

fn delay(micros: i64, now: &Time) -> Duration {
    let behind = now
        .0
        .as_second()
        .saturating_sub(micros.div_euclid(1_000_000));
    Duration::from_secs(rounded_seconds(u64::try_from(behind).unwrap_or_default()))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // rounded for people
fn whole(number: f64) -> u64 {
    number.round().max(0.0) as u64
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
