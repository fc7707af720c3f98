//! From a scenario that fails to the smallest one found that fails, too.

use std::fmt::Write as _;

use crate::Trial;
use crate::broken::Broken;
use crate::grammar::{Body, Over, source_name, stream_name};
use crate::run::{Report, run};
use crate::scenario::Scenario;

/// How many runs shrinking may take.
const RUNS: usize = 400;

/// Why a seed fails, in the smallest scenario found, for a person; `None` if it does not.
#[must_use]
pub fn explain(seed: u64, trial: Trial) -> Option<String> {
    let (scenario, broken) = (trial.scenario(seed), trial.broken);
    let first = run(&scenario, broken, false).failure?;
    let small = shrink(scenario, broken);
    let report = run(&small, broken, true);
    Some(describe(seed, &first, &small, &report))
}

fn shrink(mut best: Scenario, broken: Option<Broken>) -> Scenario {
    let mut left = RUNS;
    loop {
        let before = best.clone();
        let mut offer = |best: &mut Scenario, candidate: Scenario| {
            if left > 0 && candidate != *best {
                left -= 1;
                if run(&candidate, broken, false).failure.is_some() {
                    *best = candidate;
                    return true;
                }
            }
            false
        };
        fewer(&mut best, &mut offer, |s| &mut s.mishaps);
        fewer(&mut best, &mut offer, |s| &mut s.incidents);
        fewer(&mut best, &mut offer, |s| &mut s.records);
        fewer(&mut best, &mut offer, |s| &mut s.changes);
        simpler(&mut best, &mut offer);
        if best == before || left == 0 {
            return best;
        }
    }
}

type Offer<'a> = &'a mut dyn FnMut(&mut Scenario, Scenario) -> bool;

/// Leaves out ever smaller parts of a list.
fn fewer<T: Clone>(best: &mut Scenario, offer: Offer<'_>, list: fn(&mut Scenario) -> &mut Vec<T>) {
    let mut size = list(best).len();
    while size > 0 {
        let mut start = 0;
        while start < list(best).len() {
            let mut candidate = best.clone();
            let from = list(&mut candidate);
            let end = (start + size).min(from.len());
            from.drain(start..end);
            if !offer(best, candidate) {
                start += size;
            }
        }
        size /= 2;
    }
}

fn simpler(best: &mut Scenario, offer: Offer<'_>) {
    let mut change = |edit: &dyn Fn(&mut Scenario)| {
        let mut candidate = best.clone();
        edit(&mut candidate);
        offer(best, candidate);
    };
    change(&|s| s.workers.truncate(1));
    change(&|s| s.workers.iter_mut().for_each(|w| w.stops = None));
    change(&|s| s.closers = 1);
    change(&|s| s.bounded = false);
    change(&|s| s.grows = None);
    change(&|s| s.shape.letters = false);
    change(&|s| s.shape.shards = 1);
    change(&|s| s.shape.streams.iter_mut().for_each(|s| s.outside = false));
    for _ in 0..4 {
        change(&|s| {
            if s.shape.streams.len() > 1 {
                s.shape.streams.pop();
            }
        });
    }
    change(&|s| without_first_stream(s));
}

/// Leaves the first stream out, if nothing reads it.
fn without_first_stream(scenario: &mut Scenario) {
    let streams = &mut scenario.shape.streams;
    let is_read = streams.iter().any(|s| s.over == Over::Stream(0));
    if streams.len() > 1 && !is_read {
        streams.remove(0);
        for stream in streams {
            if let Over::Stream(input) = &mut stream.over {
                *input -= 1;
            }
        }
    }
}

fn describe(seed: u64, first: &str, small: &Scenario, report: &Report) -> String {
    let mut text = format!("seed {seed} fails: {first}\n");
    let _ = writeln!(
        text,
        "\nShrunk: {}",
        report.failure.as_deref().unwrap_or(first)
    );
    let outside = small
        .shape
        .streams
        .iter()
        .enumerate()
        .filter(|(_, s)| s.outside);
    let outside: Vec<String> = outside.map(|(index, _)| stream_name(index)).collect();
    let _ = writeln!(text, "\nPipeline: {:#}", small.shape.manifest());
    let _ = writeln!(
        text,
        "Shards: {}; to tables outside the log: {outside:?}",
        small.shape.shards
    );
    let partitions: Vec<u32> = small.shape.sources.iter().map(|s| s.partitions).collect();
    let _ = writeln!(text, "Partitions of the sources: {partitions:?}");
    let _ = writeln!(text, "The table that rests: {:?}", small.shape.table);
    let _ = writeln!(text, "\nRecords:");
    for (index, record) in small.records.iter().enumerate() {
        let body = match &record.body {
            Body::Row { .. } => record.body.text(index),
            other => format!("{other:?}"),
        };
        let at = record.at as f64 / 1000.0;
        let place = format!("{}/{}", source_name(record.source), record.partition);
        let _ = writeln!(text, "{at:>9.3} ms  {place}  {body}");
    }
    let _ = writeln!(
        text,
        "\nWorkers: {:?}, commits every {} ms",
        small.workers,
        small.commit_interval / 1000
    );
    let _ = writeln!(text, "Mishaps: {:?}", small.mishaps);
    if let Some(growth) = small.grows {
        let _ = writeln!(text, "It grows: {growth:?}");
    }
    if small.bounded {
        let _ = writeln!(
            text,
            "All records are there from the start; the workers run to the input's end."
        );
    }
    let _ = writeln!(text, "\nWhat happened:\n{}", report.story.join("\n"));
    text
}
