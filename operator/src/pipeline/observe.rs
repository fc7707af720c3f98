//! What workers say of themselves, gathered: pure, from the pages that were fetched.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use tidemill_worker::status::{Phase, Status};

use super::raised::{Raised, RuleFigures};
use crate::steady::steady;

/// Rates are taken over this span.
const SPAN: Duration = Duration::from_secs(30);
/// No rate is given before so long has been seen.
const LEAST: Duration = Duration::from_secs(4);
/// What one worker was seen to do counts less after some time, as nodes and queries change.
const FADING: f64 = 0.999;
/// A worker has enough to read when so many seconds of it lie there.
const BUSY: f64 = 1.0;

/// A pod of the pipeline, as Kubernetes sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodSeen {
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: Option<String>,
    /// Whether its readiness probe succeeds.
    pub ready: bool,
    /// Whether it is about to go.
    pub leaving: bool,
    /// Why its container does not run.
    pub trouble: Option<String>,
}

/// The workers of one pipeline, over time.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    seen: VecDeque<(Instant, Sum)>,
    counted: BTreeMap<String, u64>,
    read: u64,
    capacity: Option<f64>,
    raised: Raised,
    /// The newest figures.
    pub figures: Figures,
}

/// What all had read, and what lay there, at a moment.
#[derive(Debug, Clone, Copy)]
struct Sum {
    read: u64,
    lag: Option<u64>,
}

/// A pipeline's workers together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// The workers that answered, with what they do.
    pub phases: BTreeMap<String, Phase>,
    /// What workers complain of, each once.
    pub troubles: Vec<String>,
    /// Records not read yet; `None` while some worker does not answer or does not know.
    pub lag: Option<u64>,
    /// Records read per second.
    pub rate: Option<f64>,
    /// Records that come in per second.
    pub arriving: Option<f64>,
    /// The most that one worker was seen to read per second while there was enough to read.
    pub capacity: Option<f64>,
    /// The lowest watermark, in microseconds since the epoch.
    pub watermark: Option<i64>,
    /// Records that went to the dead letters.
    pub dead_letters: u64,
    /// How long there has been something to read and nothing was read.
    pub stalled: Option<Duration>,
    /// What the rules do that watch it, by name.
    pub rules: BTreeMap<String, RuleFigures>,
}

impl Workers {
    /// Takes in what the workers say now: the page of each pod, `None` where it did not answer.
    pub fn take(&mut self, pages: &[(String, Option<Status>)], now: Instant) {
        let answered = || {
            pages
                .iter()
                .filter_map(|(pod, page)| Some((pod, page.as_ref()?)))
        };
        for (pod, status) in answered() {
            self.count(pod, status);
        }
        self.counted
            .retain(|pod, _| pages.iter().any(|(there, _)| there == pod));
        let all = !pages.is_empty() && answered().count() == pages.len();
        let lag = all
            .then(|| answered().map(|(_, status)| lag(status)).sum())
            .flatten();
        self.seen.push_back((
            now,
            Sum {
                read: self.read,
                lag,
            },
        ));
        while self.seen.len() > 2
            && self
                .seen
                .get(1)
                .is_some_and(|(at, _)| now.duration_since(*at) >= SPAN)
        {
            self.seen.pop_front();
        }
        let (rate, arriving) = self.rates(now);
        self.measure(rate, lag, pages.len());
        let earlier = &self.figures.troubles;
        let mut troubles: Vec<String> = answered()
            .filter_map(|(_, status)| Some(steady(status.trouble.clone()?, earlier)))
            .collect();
        troubles.sort_unstable();
        troubles.dedup();
        self.figures = Figures {
            phases: answered()
                .map(|(pod, status)| (pod.clone(), status.phase))
                .collect(),
            troubles,
            lag,
            rate,
            arriving,
            capacity: self.capacity,
            watermark: answered().filter_map(|(_, status)| watermark(status)).min(),
            dead_letters: answered()
                .map(|(_, s)| s.dead_letters.values().sum::<u64>())
                .sum(),
            stalled: self.stalled(now),
            rules: self.raised.take(pages),
        };
    }

    /// A worker that was started anew counts from zero.
    fn count(&mut self, pod: &str, status: &Status) {
        let now: u64 = status.sources.iter().map(|source| source.records).sum();
        let new = match self.counted.insert(pod.to_owned(), now) {
            Some(before) if before <= now => now - before,
            Some(_) => now,
            // What it had read before it was first seen is of no known time.
            None => 0,
        };
        self.read = self.read.saturating_add(new);
    }

    fn rates(&self, now: Instant) -> (Option<f64>, Option<f64>) {
        let (Some((since, first)), Some((_, last))) = (self.seen.front(), self.seen.back()) else {
            return (None, None);
        };
        let span = now.duration_since(*since);
        if span < LEAST {
            return (None, None);
        }
        let rate = as_f64(last.read.saturating_sub(first.read)) / span.as_secs_f64();
        let growth = first
            .lag
            .zip(last.lag)
            .map(|(from, to)| (as_f64(to) - as_f64(from)) / span.as_secs_f64());
        (Some(rate), growth.map(|growth| (rate + growth).max(0.0)))
    }

    /// What one worker can do shows only while there is enough to read.
    fn measure(&mut self, rate: Option<f64>, lag: Option<u64>, workers: usize) {
        self.capacity = self.capacity.map(|known| known * FADING);
        let (Some(rate), Some(lag), Ok(workers)) = (rate, lag, u32::try_from(workers)) else {
            return;
        };
        if workers > 0 && rate > 0.0 && as_f64(lag) > rate * BUSY {
            let each = rate / f64::from(workers);
            self.capacity = Some(self.capacity.map_or(each, |known| known.max(each)));
        }
    }

    fn stalled(&self, now: Instant) -> Option<Duration> {
        let (_, last) = self.seen.back()?;
        let waiting = |(_, sum): &&(Instant, Sum)| {
            sum.read == last.read && sum.lag.is_some_and(|lag| lag > 0)
        };
        let (since, _) = self.seen.iter().rev().take_while(waiting).last()?;
        Some(now.duration_since(*since))
    }
}

/// The lag of all partitions that a worker has; `None` if that of one is not known.
fn lag(status: &Status) -> Option<u64> {
    if matches!(status.phase, Phase::Joining | Phase::Restoring) {
        return None;
    }
    let lags = status.sources.iter().map(|source| source.lag);
    let sum: Option<i64> = lags.sum();
    sum.map(|lag| u64::try_from(lag).unwrap_or_default())
}

fn watermark(status: &Status) -> Option<i64> {
    status
        .sources
        .iter()
        .filter_map(|source| source.watermark)
        .min()
}

#[allow(clippy::cast_precision_loss)] // an estimate
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
