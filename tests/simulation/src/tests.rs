//! What every run of the tests tries.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use crate::broken::Broken;
use crate::grammar::{BEGIN, Body, Kind, Over, Record, Shape, SourceShape, StreamShape, What};
use crate::log::{MS, Time};
use crate::run::run;
use crate::scenario::{Growth, Scenario, Worker};
use crate::world::{Fault, Mishap, Site};
use crate::{Trial, check, explain};

const SEEDS: u64 = 1_000;

#[test]
fn a_seed_runs_the_same_way_every_time() {
    for seed in 0..20 {
        let scenario = Scenario::of(seed);
        let (first, second) = (run(&scenario, None, true), run(&scenario, None, true));
        assert_eq!(first.story, second.story, "seed {seed}");
        assert!(first.story.len() > 3, "seed {seed}");
    }
}

#[test]
fn a_thousand_seeds_write_what_a_batch_computation_gives() {
    for seed in 0..SEEDS {
        if check(seed, Trial::default()).is_some() {
            panic!("{}", explain(seed, Trial::default()).unwrap_or_default());
        }
    }
}

#[test]
fn joins_of_all_kinds_are_drawn_where_rows_are_and_in_shards() {
    let kinds = |seed: u64| {
        let shape = Shape::of(seed);
        let kind = |stream: &StreamShape| match stream.what {
            What::Pairs { key, alone, .. } => Some((alone, shape.is_local(stream.over, Some(key)))),
            _ => None,
        };
        shape.streams.iter().filter_map(kind).collect::<Vec<_>>()
    };
    let drawn: BTreeSet<(bool, bool)> = (0..SEEDS).flat_map(kinds).collect();
    assert_eq!(drawn.len(), 4, "alone or not, local or not: {drawn:?}");
}

#[test]
fn tables_that_change_are_joined_in_all_ways() {
    let mut drawn = BTreeSet::new();
    for stream in (0..SEEDS).flat_map(|seed| Shape::of(seed).streams) {
        match stream.what {
            What::Live { inner, missing } => drawn.insert((inner, format!("{missing:?}"))),
            What::Merged { inner } => drawn.insert((inner, format!("merged, {}", stream.outside))),
            _ => false,
        };
    }
    assert_eq!(drawn.len(), 12, "{drawn:?}");
}

fn record(at: Time, partition: i32, seconds: i64) -> Record {
    Record {
        source: 0,
        partition,
        at,
        body: Body::Row {
            k: format!("a{partition}"),
            g: "x".to_owned(),
            v: 1,
            ts: BEGIN + seconds * 1_000,
        },
    }
}

/// One stream of windows into a table outside the log, one worker, nothing that goes wrong.
fn quiet(records: &[(Time, i64)], idle: Option<u64>) -> Scenario {
    let window = What::Window {
        key: "k",
        kind: Kind::Tumble(10),
        on_update: false,
        lateness: 0,
        drops: false,
    };
    Scenario {
        seed: 1,
        shape: Shape {
            sources: vec![SourceShape {
                partitions: 1,
                disorder: 0,
                by_key: true,
                idle,
                latest: false,
            }],
            streams: vec![StreamShape {
                over: Over::Source(0),
                what: window,
                outside: true,
            }],
            table: Vec::new(),
            shards: 1,
            rules: false,
            letters: false,
        },
        records: records
            .iter()
            .map(|&(at, seconds)| record(at, 0, seconds))
            .collect(),
        changes: Vec::new(),
        workers: vec![Worker {
            starts: 0,
            stops: None,
        }],
        mishaps: Vec::new(),
        incidents: Vec::new(),
        commit_interval: 20 * MS,
        closers: 1,
        bounded: false,
        grows: None,
    }
}

#[test]
fn a_table_gets_windows_that_the_inputs_end_closes_after_a_restart() {
    let report = run(&quiet(&[(30 * MS, 3), (60 * MS, 7)], None), None, true);
    assert_eq!(report.failure, None, "{:#?}", report.story);
}

/// Records of two partitions, each of which has keys of its own: when each comes, in which, and its second.
fn spread(scenario: &mut Scenario, records: &[(Time, i32, i64)]) {
    scenario.shape.sources[0].partitions = 2;
    let records = records.iter();
    scenario.records = records
        .map(|&(at, partition, seconds)| record(at, partition, seconds))
        .collect();
    scenario.records.sort_by_key(|record| record.at);
}

/// Dies between a table outside the log and the log, in each of its commits, one run after the other.
fn dies_in_each_commit(scenario: &Scenario) {
    for (nth, seed) in (2..20).flat_map(|nth| (1..4).map(move |seed| (nth, seed))) {
        let mut scenario = scenario.clone();
        scenario.seed = seed;
        scenario.mishaps.push(Mishap {
            worker: 0,
            site: Site::Commit,
            nth,
            fault: Fault::CrashBefore,
        });
        let report = run(&scenario, None, true);
        assert_eq!(
            report.failure, None,
            "in commit {nth}, seed {seed}: {:#?}",
            report.story
        );
    }
}

/// A record comes behind what has closed while its partition was idle: whether it is late is told by the table, too.
#[test]
fn what_has_closed_in_an_idle_partition_stays_closed_for_a_table_outside_the_log() {
    let busy = (0..30).map(|n| (30 * MS + n * 15 * MS, 1, n as i64 * 2));
    for again in [150, 250] {
        let mut records: Vec<(Time, i32, i64)> = busy.clone().collect();
        records.extend([(30 * MS, 0, 3), (again * MS, 0, 4), (900 * MS, 0, 90)]);
        let mut scenario = quiet(&[], Some(60));
        spread(&mut scenario, &records);
        dies_in_each_commit(&scenario);
    }
}

/// A shard that hears of new partitions when it is read again has windows closed that it would hold open now.
#[test]
fn a_table_outside_the_log_gets_windows_once_though_the_topic_grows_before_they_are_committed() {
    let mut scenario = quiet(&[], None);
    let records = [(30, 0, 3), (40, 1, 4), (120, 0, 17), (150, 1, 18)];
    spread(
        &mut scenario,
        &records.map(|(at, partition, seconds)| (at * MS, partition, seconds)),
    );
    scenario.shape.sources[0].partitions = 4;
    if let What::Window { key, .. } = &mut scenario.shape.streams[0].what {
        *key = "g";
    }
    for at in [160, 300] {
        scenario.grows = Some(Growth {
            source: 0,
            from: 2,
            at: at * MS,
            noticed: 250 * MS,
        });
        dies_in_each_commit(&scenario);
    }
}

#[test]
fn a_table_gets_rows_once_though_its_answer_is_lost_and_they_are_read_again() {
    for nth in 1..4 {
        let lost = Mishap {
            worker: 0,
            site: Site::Write,
            nth,
            fault: Fault::AnswerLost,
        };
        let mut scenario = quiet(
            &[(30 * MS, 3), (60 * MS, 17), (90 * MS, 30), (95 * MS, 31)],
            None,
        );
        scenario.mishaps.push(lost);
        let report = run(&scenario, None, true);
        assert_eq!(report.failure, None, "{:#?}", report.story);
    }
}

/// It takes a table over after another has, and does not know yet that its partitions are that one's.
#[test]
fn a_worker_that_stood_still_as_it_claimed_a_table_does_not_write_it() {
    let records: Vec<(Time, i64)> = (0..60)
        .map(|n| (30 * MS + n * 40 * MS, n as i64 * 4))
        .collect();
    for seed in 0..60 {
        let mut scenario = quiet(&records, None);
        scenario.seed = seed;
        scenario.workers.push(Worker {
            starts: 20 * MS,
            stops: None,
        });
        let mut mishap = |site, nth, fault| {
            scenario.mishaps.push(Mishap {
                worker: 0,
                site,
                nth,
                fault,
            });
        };
        mishap(Site::Claim, 1, Fault::Pause((800 + 10 * seed) * MS));
        // What the group says reaches it late.
        for nth in 1..60 {
            mishap(Site::Poll, nth + 2, Fault::Slow(seed % 4 * 20 * MS));
        }
        let report = run(&scenario, None, true);
        assert_eq!(report.failure, None, "seed {seed}: {:#?}", report.story);
    }
}

/// It wakes without its partitions, with a commit on its way, and is given partitions anew before that has ended.
#[test]
fn a_worker_that_is_told_to_stop_while_it_stands_still_in_a_commit_stops() {
    for seed in 0..60 {
        let mut scenario = quiet(&[(30 * MS, 3), (60 * MS, 17), (90 * MS, 30)], None);
        scenario.seed = seed;
        scenario.workers[0].stops = Some(500 * MS);
        for (nth, span) in [(2, 900), (3, 300)] {
            scenario.mishaps.push(Mishap {
                worker: 0,
                site: Site::Produce,
                nth,
                fault: if nth == 2 {
                    Fault::Pause(span * MS)
                } else {
                    Fault::Slow(span * MS)
                },
            });
            scenario.mishaps.push(Mishap {
                worker: 0,
                site: Site::SendOffsets,
                nth: nth - 1,
                fault: Fault::Slow(span / 3 * MS),
            });
        }
        let report = run(&scenario, None, true);
        assert_eq!(report.failure, None, "seed {seed}: {:#?}", report.story);
    }
}

fn is_found(broken: Broken) {
    let trial = Trial {
        broken: Some(broken),
        ..Trial::default()
    };
    let found = (0..SEEDS).find(|&seed| check(seed, trial).is_some());
    assert!(found.is_some(), "{broken:?} is not found by {SEEDS} seeds");
}

#[test]
fn an_abort_that_is_skipped_is_found() {
    is_found(Broken::SkipAbort);
}

#[test]
fn a_restore_that_stops_at_the_stable_offset_is_found() {
    is_found(Broken::RestoreToStable);
}

#[test]
fn a_commit_of_the_revoked_partitions_alone_is_found() {
    is_found(Broken::CommitOnlyRevoked);
}

#[test]
fn tombstones_that_are_forgotten_are_found() {
    is_found(Broken::ForgetTombstones);
}

#[test]
fn windows_that_reopen_are_found() {
    is_found(Broken::ReopenWindows);
}

#[test]
fn partition_time_that_is_lost_on_restart_is_found() {
    is_found(Broken::LosePartitionTime);
}
