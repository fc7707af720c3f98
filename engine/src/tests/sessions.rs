//! Sessions: what rows are in one, when it closes, and what is left of it.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{Exchange, Input, Late, WindowKind};

use super::oracle::Rejected;
use super::plans::{BEGIN, SECOND, Shape, plan};
use super::world::{Id, World};
use super::{against_the_oracle_with, appended, kept, record, records, seeds};
use crate::aggregate::ChunkKey;
use crate::record::Reason;

/// Sessions with gaps of 10 s.
fn shape(every: i64) -> Shape {
    Shape {
        exchange: Exchange::Local,
        kind: WindowKind::Session { gap: 10 * SECOND },
        allowed_lateness: 0,
        late: Late::DeadLetter,
        every: every * SECOND,
    }
}

fn random_shape(rng: &mut StdRng, exchange: Exchange) -> Shape {
    Shape {
        exchange,
        kind: WindowKind::Session {
            gap: [1, 3, 8, 25][rng.random_range(0..4)] * SECOND,
        },
        allowed_lateness: [0, 3, 15][rng.random_range(0..3)] * SECOND,
        late: if rng.random_bool(0.5) {
            Late::DeadLetter
        } else {
            Late::Drop
        },
        every: [0, 0, 5, 40][rng.random_range(0..4)] * SECOND,
    }
}

fn shuffle(rng: &mut StdRng) -> Exchange {
    Exchange::Shuffle {
        shards: rng.random_range(1..4),
    }
}

/// Rows that are late in a shard are told by their own values, not by the record that they came with.
pub(super) fn compare_rejected(world: &World, wanted: Vec<Rejected>, seed: &str) {
    let text = |value: &serde_json::Value, field: &str| value[field].to_string();
    let mut wanted: Vec<_> = wanted
        .into_iter()
        .map(|(stream, reason, partition, offset)| {
            let value = &world.sources[partition as usize][offset as usize];
            let row: serde_json::Value = serde_json::from_slice(value).unwrap_or_default();
            (stream, reason, text(&row, "k"), text(&row, "v"))
        })
        .collect();
    let mut found: Vec<_> = world
        .dead
        .iter()
        .map(|d| {
            let value = d.value.as_deref().unwrap_or_default();
            let row: serde_json::Value = serde_json::from_slice(value).unwrap_or_default();
            let v = if d.reason == Reason::Late {
                "total"
            } else {
                "v"
            };
            let stream = d.stream.clone().unwrap_or_default();
            (
                stream,
                d.reason.as_str().to_owned(),
                text(&row, "k"),
                text(&row, v),
            )
        })
        .collect();
    wanted.sort();
    found.sort();
    assert_eq!(found, wanted, "dead letters, seed {seed}");
}

/// The chunks of a stream that a slot's changelog still has.
fn chunks(world: &World, slot: usize, stream: &str) -> usize {
    let mut live = BTreeSet::new();
    for (key, value) in &world.slots[slot].changelog {
        match value {
            Some(_) => live.insert(key),
            None => live.remove(key),
        };
    }
    let of_stream = live
        .iter()
        .filter(|key| ChunkKey::decode(key).unwrap().stream == stream);
    of_stream.count()
}

fn nothing_is_left(world: &World, seed: u64) {
    for slot in 0..world.slots.len() {
        for stream in ["sums", "live"] {
            assert_eq!(chunks(world, slot, stream), 0, "{stream}, seed {seed}");
        }
    }
    // Of rows that replace each other, two of the same key have never the same end at the same time.
    let mut by_end: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (row, deleted) in world.rows_of(Input::Stream(4)) {
        let key = (row[0].clone(), row[2].clone());
        if deleted {
            by_end.remove(&key);
        } else {
            by_end.insert(key, row);
        }
    }
    let all = kept(world, 4, 3);
    assert_eq!(by_end.len(), all.len(), "seed {seed}");
}

#[test]
fn they_are_those_of_the_rows_in_one_partition() {
    for seed in seeds(80) {
        let mut rng = StdRng::seed_from_u64(seed);
        let shape = random_shape(&mut rng, Exchange::Local);
        let sources = records(&mut rng, false, true);
        let world = against_the_oracle_with(&shape, sources, &mut rng, seed);
        nothing_is_left(&world, seed);
    }
}

#[test]
fn they_are_those_of_the_rows_through_shuffles_however_late_these_are() {
    for seed in seeds(80) {
        let mut rng = StdRng::seed_from_u64(seed);
        let exchange = shuffle(&mut rng);
        let shape = random_shape(&mut rng, exchange);
        let sources = records(&mut rng, false, true);
        let world = against_the_oracle_with(&shape, sources, &mut rng, seed);
        nothing_is_left(&world, seed);
    }
}

#[test]
fn rows_of_a_key_in_several_partitions_meet() {
    for seed in seeds(80) {
        let mut rng = StdRng::seed_from_u64(seed);
        let exchange = shuffle(&mut rng);
        let shape = random_shape(&mut rng, exchange);
        // Rows that came behind the watermark would depend on what other partitions had sent by then.
        let sources = records(&mut rng, true, false);
        let world = against_the_oracle_with(&shape, sources, &mut rng, seed);
        nothing_is_left(&world, seed);
    }
}

/// A session of `sums`, as seconds since the beginning: start, end, and the sum.
fn sessions(world: &World) -> Vec<(i64, i64, i64)> {
    let number = |cell: &String| cell.parse::<i64>().unwrap();
    let seconds = |cell: &String| (number(cell) - BEGIN) / SECOND;
    let rows = appended(world, 1).into_iter();
    rows.map(|row| (seconds(&row[1]), seconds(&row[2]), number(&row[3])))
        .collect()
}

/// The end of a session of all rows.
fn log_end(log: &[Vec<u8>]) -> i64 {
    let time = |row: &Vec<u8>| {
        let row: serde_json::Value = serde_json::from_slice(row).unwrap();
        (row["ts"].as_i64().unwrap() - BEGIN) / SECOND
    };
    log.iter().map(time).max().unwrap() + 10
}

fn a(v: i64, seconds: i64) -> Vec<u8> {
    record("a", v, seconds)
}

#[test]
fn a_row_behind_the_watermark_makes_two_sessions_one() {
    // Before the last row, sessions up to 19 have closed.
    one_session(12, vec![a(1, 10), a(2, 27), a(4, 29), a(8, 35), a(16, 18)]);
}

#[test]
fn a_row_that_is_late_by_itself_joins_a_session_that_is_open() {
    // Before the last row, sessions up to 33 have closed: it alone would have been over at 22.
    one_session(0, vec![a(1, 10), a(2, 19), a(4, 28), a(8, 37), a(16, 12)]);
}

fn one_session(lateness: i64, log: Vec<Vec<u8>>) {
    for batch in [1, 2, 5] {
        for exchange in [Exchange::Local, Exchange::Shuffle { shards: 2 }] {
            let shape = Shape {
                allowed_lateness: lateness * SECOND,
                exchange,
                ..shape(0)
            };
            let mut world = World::new(plan(&shape), vec![log.clone()]);
            while world.process(0, batch) > 0 {
                world.commit(0);
            }
            world.finish_sources();
            world.drain();
            let end = log_end(&log);
            assert_eq!(sessions(&world), [(10, end, 31)], "batch {batch}");
            assert!(world.dead.is_empty());
        }
    }
}

#[test]
fn a_late_row_says_so() {
    for exchange in [Exchange::Local, Exchange::Shuffle { shards: 2 }] {
        let shape = Shape {
            exchange,
            ..shape(0)
        };
        let log = vec![a(1, 10), a(2, 40), a(4, 15)];
        let mut world = World::new(plan(&shape), vec![log]);
        world.process(0, 3);
        world.commit(0);
        world.finish_sources();
        world.drain();
        assert_eq!(sessions(&world), [(10, 20, 1), (40, 50, 2)]);
        let of_sums = |d: &&crate::record::DeadLetter| d.stream.as_deref() == Some("sums");
        let late = world.dead.iter().find(of_sums).unwrap();
        assert_eq!(late.reason, Reason::Late);
        assert_eq!(
            late.message,
            "its session from 2023-11-14T22:13:15Z to 2023-11-14T22:13:25Z closed 11.000 s before it: the watermark was 2023-11-14T22:13:36Z"
        );
    }
}

#[test]
fn a_session_goes_on_after_a_restart() {
    let mut rng = StdRng::seed_from_u64(1);
    let log = vec![a(1, 10), a(2, 18), a(4, 26), a(8, 60), a(16, 200)];
    let mut world = World::new(plan(&shape(0)), vec![log]);
    while world.process(0, 1) > 0 {
        world.commit(0);
        world.crash(0, &mut rng);
    }
    assert_eq!(sessions(&world), [(10, 36, 7), (60, 70, 8)]);
}

#[test]
fn rows_of_sessions_that_have_become_others_are_deleted() {
    let mut world = World::new(
        plan(&shape(0)),
        vec![vec![a(1, 10), a(2, 28), a(4, 19), a(8, 100)]],
    );
    let mut seen = 0;
    let mut changes = |world: &mut World| {
        world.process(0, 1);
        world.commit(0);
        let rows = world.rows_of(Input::Stream(4));
        let new = rows[seen..].iter().map(|(row, deleted)| {
            let second = |i: usize| (row[i].parse::<i64>().unwrap() - BEGIN) / SECOND;
            (second(1), second(2), row[3].clone(), *deleted)
        });
        let new: Vec<_> = new.collect();
        seen = rows.len();
        new
    };
    let null = || String::from("null");
    assert_eq!(changes(&mut world), [(10, 20, "1".into(), false)]);
    // The watermark is at 24 only after it, so the first is open still.
    let second = changes(&mut world);
    assert_eq!(
        second,
        [(28, 38, "2".into(), false)],
        "the first has closed as it was"
    );
    assert_eq!(
        changes(&mut world),
        [(28, 38, null(), true), (19, 38, "6".into(), false)]
    );
    assert_eq!(changes(&mut world), [(100, 110, "8".into(), false)]);

    let shape = Shape {
        allowed_lateness: 60 * SECOND,
        ..shape(0)
    };
    let log = vec![a(1, 10), a(2, 28), a(4, 19)];
    let mut world = World::new(plan(&shape), vec![log]);
    while world.process(0, 1) > 0 {
        world.commit(0);
    }
    let rows = world.rows_of(Input::Stream(4));
    let deleted = rows.iter().filter(|(_, deleted)| *deleted).count();
    assert_eq!((rows.len(), deleted), (5, 2), "two have become one");
    assert_eq!(kept(&world, 4, 3).len(), 1);
}

#[test]
fn keys_that_have_no_session_left_are_forgotten() {
    let mut rng = StdRng::seed_from_u64(1);
    let log: Vec<_> = (0..5_000)
        .map(|i| record(&format!("key {i}"), 1, i / 10))
        .collect();
    let mut world = World::new(plan(&shape(0)), vec![log]);
    let mut most = 0;
    while world.process(0, 50) > 0 {
        world.commit(0);
        let state = world.slots[0].task.state().find(|s| s.stream == 1).unwrap();
        most = state.groups.max(most);
    }
    assert!((100..300).contains(&most), "{most}");
    let live = chunks(&world, 0, "sums");
    world.crash(0, &mut rng);
    let groups = |world: &World| {
        let state = world.slots[0].task.state().find(|s| s.stream == 1).unwrap();
        state.groups
    };
    world.commit(0);
    assert!(groups(&world) < 300, "{:?}", groups(&world));
    world.finish_sources();
    world.drain();
    assert_eq!(groups(&world), 0);
    assert!(live > 0 && chunks(&world, 0, "sums") == 0, "{live} chunks");
    assert_eq!(appended(&world, 1).len(), 5_000);
}

#[test]
fn a_session_within_one_commit_is_never_in_the_changelog() {
    let log = vec![a(1, 0), a(2, 3), record("b", 3, 60)];
    let mut world = World::new(plan(&shape(0)), vec![log]);
    world.process(0, 10);
    world.commit(0);
    assert_eq!(sessions(&world), [(0, 13, 3)]);
    assert_eq!(chunks(&world, 0, "sums"), 1, "b's alone");
    assert_eq!(
        world
            .slot(Id::Source(0))
            .changelog
            .iter()
            .filter(|(_, v)| v.is_none())
            .count(),
        0
    );
}

#[test]
fn what_a_finish_has_closed_stays_closed_after_a_restart() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut world = World::new(plan(&shape(0)), vec![vec![a(1, 20)]]);
    world.process(0, 1);
    world.finish_sources();
    world.commit(0);
    world.crash(0, &mut rng);
    world.sources[0].extend([a(2, 20), a(4, 21)]);
    world.process(0, 2);
    world.finish_sources();
    world.commit(0);
    assert_eq!(sessions(&world), [(20, 30, 1), (21, 31, 4)]);
    let late = world
        .dead
        .iter()
        .find(|d| d.stream.as_deref() == Some("sums"));
    let message = &late.unwrap().message;
    assert!(message.contains("had been closed already"), "{message}");
}
