//! Tasks against a plain oracle: whatever the batches, the commits and the crashes, the same rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod awaiting;
mod joins;
mod oracle;
mod over;
mod passing;
mod plans;
mod resets;
mod sessions;
mod spilling;
mod tables;
mod top;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion_expr::Operator as Op;
use datafusion_physical_expr::expressions::{binary, col, lit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{Exchange, Input, Late, Operator, Step, WindowKind};

use self::oracle::wanted;
use self::plans::{BEGIN, SECOND, Shape, plan, schema_of, source_schema};
use self::world::{Id, World, give};
use crate::aggregate::ChunkKey;
use crate::disk::{Heap, Room};
use crate::effects::Effects;
use crate::error::EngineError;
use crate::record::Reason;
use crate::task::Task;

fn shape(exchange: Exchange) -> Shape {
    Shape {
        exchange,
        kind: WindowKind::Tumble { size: 10 * SECOND },
        allowed_lateness: 0,
        late: Late::DeadLetter,
        every: 0,
    }
}

fn room(bytes: usize) -> Room {
    Room {
        bytes,
        at_once: if bytes == usize::MAX { bytes } else { 16 },
        disk: Arc::new(Heap),
    }
}

/// Bytes that hardly any state fits into, or some of it.
fn little(seed: u64) -> usize {
    if seed.is_multiple_of(2) { 0 } else { 6_000 }
}

fn record(k: &str, v: i64, seconds: i64) -> Vec<u8> {
    serde_json::json!({"k": k, "v": v, "ts": BEGIN + seconds * SECOND})
        .to_string()
        .into_bytes()
}

/// Partitions of records whose times go on with gaps and jitter, some of them late if any may be, some of them bad.
fn records(rng: &mut StdRng, shared_keys: bool, late: bool) -> Vec<Vec<Vec<u8>>> {
    let partitions = rng.random_range(1..4);
    let keys = rng.random_range(1..12);
    let mut logs = vec![];
    for p in 0..partitions {
        let mut now = BEGIN + rng.random_range(0..60 * SECOND);
        let owner = if shared_keys { 0 } else { p };
        let log = (0..rng.random_range(0..400)).map(|_| {
            now += rng.random_range(0..SECOND);
            let back = match late {
                true if rng.random_bool(0.1) => 30,
                true => 5,
                false => 4,
            } * SECOND;
            let ts = now - rng.random_range(0..back);
            let k = format!("{owner}-{}", rng.random_range(0..keys));
            match rng.random_range(0..60) {
                0 => b"{\"k\":".to_vec(),
                1 => serde_json::json!({"k": k, "v": -1, "ts": ts + 1000 * SECOND})
                    .to_string()
                    .into_bytes(),
                2 => serde_json::json!({"k": k, "v": 1}).to_string().into_bytes(),
                _ => serde_json::json!({"k": k, "v": rng.random_range(0..20), "ts": ts})
                    .to_string()
                    .into_bytes(),
            }
        });
        logs.push(log.collect());
    }
    logs
}

/// Runs a world by chance: takes, commits and crashes as they come, then everything to its end.
fn run(world: &mut World, rng: &mut StdRng) {
    let (take, commit, crash) = (
        rng.random_range(1..80),
        rng.random_range(0.05..0.8),
        rng.random_range(0.0..0.15),
    );
    for _ in 0..rng.random_range(0..300) {
        let slot = rng.random_range(0..world.slots.len());
        world.process(slot, rng.random_range(0..take));
        if rng.random_bool(commit) {
            world.commit(slot);
        }
        if rng.random_bool(crash) {
            world.crash(slot, rng);
        }
    }
    world.drain();
    world.finish_sources();
    world.drain();
}

fn appended(world: &World, stream: usize) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = world
        .rows_of(Input::Stream(stream))
        .into_iter()
        .map(|(row, deleted)| {
            assert!(!deleted);
            row
        })
        .collect();
    rows.sort();
    rows
}

/// What upserts leave.
fn kept(world: &World, stream: usize, key: usize) -> BTreeMap<Vec<String>, Vec<String>> {
    let mut rows = BTreeMap::new();
    for (row, deleted) in world.rows_of(Input::Stream(stream)) {
        if deleted {
            rows.remove(&row[..key]);
        } else {
            rows.insert(row[..key].to_vec(), row);
        }
    }
    rows
}

fn compare(world: &World, shape: &Shape, seed: &str) {
    let wanted = wanted(&world.sources, shape, shape.exchange == Exchange::Local);
    assert_eq!(appended(world, 0), wanted.clean, "clean, seed {seed}");
    assert_eq!(appended(world, 1), wanted.sums, "sums, seed {seed}");
    assert_eq!(appended(world, 2), wanted.totals, "totals, seed {seed}");
    let table: Vec<_> = kept(world, 3, 1).into_values().collect();
    assert_eq!(
        table,
        wanted.table.into_values().collect::<Vec<_>>(),
        "table, seed {seed}"
    );
    let live: Vec<_> = kept(world, 4, 3).into_values().collect();
    assert_eq!(live, wanted.live, "live, seed {seed}");
    assert_eq!(world.dropped, wanted.dropped, "dropped, seed {seed}");
    let session = matches!(shape.kind, WindowKind::Session { .. });
    if session && shape.exchange != Exchange::Local {
        return sessions::compare_rejected(world, wanted.dead, seed);
    }
    let mut dead: Vec<_> = world
        .dead
        .iter()
        .map(|d| {
            let value = d.value.as_deref().unwrap_or_default();
            assert_eq!(
                value, world.sources[d.partition as usize][d.offset as usize],
                "as it was, seed {seed}"
            );
            assert_eq!(
                (d.key.as_deref(), d.timestamp, d.headers.len()),
                (Some(&b"key"[..]), 5, 1)
            );
            (
                d.stream.clone().unwrap_or_default(),
                d.reason.as_str().to_owned(),
                d.partition,
                d.offset,
            )
        })
        .collect();
    dead.sort();
    assert_eq!(dead, wanted.dead, "dead letters, seed {seed}");
}

/// How many random worlds a test runs through; `TIDEMILL_TEST_SEED` chooses a single one.
fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("TIDEMILL_TEST_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
    {
        Some(seed) => vec![seed],
        None => (0..count).collect(),
    }
}

fn windows(rng: &mut StdRng) -> WindowKind {
    let size = [5, 10, 15, 60][rng.random_range(0..4)] * SECOND;
    match rng.random_range(0..3) {
        0 => WindowKind::Tumble { size },
        1 => WindowKind::Hop {
            slide: 5 * SECOND,
            size,
        },
        _ => WindowKind::Cumulate {
            step: 5 * SECOND,
            size,
        },
    }
}

fn against_the_oracle(seed: u64, shuffled: bool) {
    let mut rng = StdRng::seed_from_u64(seed);
    let shape = Shape {
        exchange: if shuffled {
            Exchange::Shuffle {
                shards: rng.random_range(1..4),
            }
        } else {
            Exchange::Local
        },
        kind: windows(&mut rng),
        allowed_lateness: [0, 3, 15][rng.random_range(0..3)] * SECOND,
        late: if rng.random_bool(0.5) {
            Late::DeadLetter
        } else {
            Late::Drop
        },
        every: [0, 0, 5, 40][rng.random_range(0..4)] * SECOND,
    };
    let sources = records(&mut rng, shuffled, true);
    against_the_oracle_with(&shape, sources, &mut rng, seed);
}

fn against_the_oracle_with(
    shape: &Shape,
    sources: Vec<Vec<Vec<u8>>>,
    rng: &mut StdRng,
    seed: u64,
) -> World {
    // The same with all state in memory, and with some or hardly any.
    let worlds = [usize::MAX, little(seed)].map(|bytes| {
        let (room, rng) = (room(bytes), &mut rng.clone());
        let mut world = World::in_room(plan(shape), sources.clone(), room);
        run(&mut world, rng);
        let which = format!("{seed}, in {bytes} bytes");
        compare(&world, shape, &which);
        for slot in &world.slots {
            assert_eq!(
                slot.task.state().map(|s| s.windows).sum::<usize>(),
                0,
                "all closed, seed {which}"
            );
            assert!(slot.task.finished(), "finished, seed {which}");
        }
        world
    });
    let [world, _] = worlds;
    world
}

#[test]
fn rows_are_those_of_the_batch_query_in_one_partition() {
    for seed in seeds(60) {
        against_the_oracle(seed, false);
    }
}

#[test]
fn rows_are_those_of_the_batch_query_through_shuffles() {
    for seed in seeds(60) {
        against_the_oracle(seed, true);
    }
}

#[test]
fn a_window_within_one_commit_is_never_in_the_changelog() {
    let log = vec![record("a", 1, 0), record("a", 2, 3), record("b", 3, 60)];
    let mut world = World::new(plan(&shape(Exchange::Local)), vec![log]);
    world.process(0, 10);
    world.commit(0);
    assert_eq!(appended(&world, 1).len(), 1, "a's window has closed");
    let mut streams: Vec<_> = world.slots[0]
        .changelog
        .iter()
        .map(|(key, value)| {
            assert!(value.is_some(), "there is nothing to forget");
            ChunkKey::decode(key).unwrap().stream.to_owned()
        })
        .collect();
    streams.sort();
    // What is still open: b's window, and each key of the table in a bucket of its own.
    assert_eq!(streams, ["live", "sums", "table", "table"]);
}

#[test]
fn the_changelog_of_a_window_is_forgotten_when_it_closes() {
    let log = vec![record("a", 1, 0), record("a", 2, 3), record("b", 3, 4000)];
    let mut world = World::new(plan(&shape(Exchange::Local)), vec![log]);
    for _ in 0..3 {
        world.process(0, 1);
        world.commit(0);
    }
    let mut live = BTreeMap::new();
    for (key, value) in &world.slots[0].changelog {
        let key = ChunkKey::decode(key).unwrap();
        match value {
            Some(_) => live.insert((key.stream.to_owned(), key.segment, key.sequence), ()),
            None => live.remove(&(key.stream.to_owned(), key.segment, key.sequence)),
        };
    }
    let windows: Vec<_> = live
        .keys()
        .filter(|(stream, ..)| stream != "table")
        .collect();
    assert!(
        windows.iter().all(|(_, start, _)| start.start > BEGIN),
        "only b's are left: {windows:?}"
    );
}

#[test]
fn a_pane_that_should_have_gone_goes_with_its_last_window() {
    let shape = Shape {
        kind: WindowKind::Hop {
            slide: 5 * SECOND,
            size: 10 * SECOND,
        },
        ..shape(Exchange::Local)
    };
    let log = vec![record("a", 1, 0), record("b", 3, 4000)];
    let mut world = World::new(plan(&shape), vec![log]);
    world.process(0, 1);
    world.commit(0);
    let of_a = world.slots[0].changelog.clone();
    world.process(0, 1);
    world.commit(0);

    // Its tombstone is lost.
    let mut task = Task::source(plan(&shape), 0, 0).unwrap();
    task.set_clock(&world.slots[0].task.clock()).unwrap();
    for (key, value) in &of_a {
        task.restore(key, value.as_deref()).unwrap();
    }
    let mut fx = Effects::default();
    give(
        &mut task,
        "records",
        0,
        2,
        &[record("b", 3, 900_000)],
        &mut fx,
    );
    let open = task.state().map(|s| s.windows);
    assert_eq!(open.max(), Some(1), "only b's last");
}

#[test]
fn outdated_chunks_are_written_anew_and_forgotten() {
    let log: Vec<_> = (0..3000).map(|i| record("a", 1, i / 1000)).collect();
    let mut world = World::new(plan(&shape(Exchange::Local)), vec![log]);
    while world.process(0, 1) > 0 {
        world.commit(0);
    }
    let mut live = BTreeMap::new();
    for (key, value) in world.slots[0].changelog.iter() {
        match value {
            Some(value) => live.insert(key.clone(), value.clone()),
            None => live.remove(key),
        };
    }
    let count = live.len();
    assert!(
        count < 3 * 1100,
        "{count} chunks for three groups after 3000 commits"
    );
    let mut rng = StdRng::seed_from_u64(1);
    world.crash(0, &mut rng);
    world.finish_sources();
    world.drain();
    compare(&world, &shape(Exchange::Local), "1");
}

#[test]
fn what_a_finish_has_closed_stays_closed_after_a_restart() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut world = World::new(plan(&shape(Exchange::Local)), vec![vec![record("a", 1, 5)]]);
    world.process(0, 1);
    world.finish_sources();
    world.commit(0);
    assert_eq!(appended(&world, 1).len(), 1);
    world.crash(0, &mut rng);
    assert!(world.slots[0].task.finished());
    world.sources[0].push(record("a", 2, 6));
    world.process(0, 1);
    world.commit(0);
    assert!(!world.slots[0].task.finished(), "it was not the end");
    world.finish_sources();
    world.commit(0);
    assert_eq!(
        appended(&world, 1).len(),
        1,
        "a closed window does not come back"
    );
    let late = world
        .dead
        .iter()
        .find(|d| d.stream.as_deref() == Some("sums"))
        .unwrap();
    assert_eq!((late.reason, late.offset), (Reason::Late, 1));
    assert!(
        late.message.contains("had been closed already"),
        "{}",
        late.message
    );
}

#[test]
fn a_late_record_says_how_late_it_is() {
    let log = vec![record("a", 1, 5), record("a", 2, 17), record("a", 3, 9)];
    let mut world = World::new(plan(&shape(Exchange::Local)), vec![log]);
    world.process(0, 3);
    world.commit(0);
    let late = world
        .dead
        .iter()
        .find(|d| d.stream.as_deref() == Some("sums"))
        .unwrap();
    assert_eq!(
        late.message,
        "its window from 2023-11-14T22:13:00Z to 2023-11-14T22:13:10Z closed 3.000 s before it: the watermark was 2023-11-14T22:13:13Z"
    );
}

#[test]
fn an_idle_partition_holds_no_shard_back() {
    let logs = vec![
        vec![record("a", 1, 5), record("a", 2, 100)],
        vec![record("a", 4, 6)],
    ];
    let mut world = World::new(plan(&shape(Exchange::Shuffle { shards: 1 })), logs);
    let shard = world
        .slots
        .iter()
        .position(|s| s.id == Id::Shard(1, 0))
        .unwrap();
    world.process(0, 2);
    world.commit(0);
    world.process(shard, 10);
    world.commit(shard);
    assert!(appended(&world, 1).is_empty());
    assert_eq!(
        world.slots[shard].task.held_back_by(),
        Some((Input::Source(0), 1)),
        "nothing is known of it"
    );
    world.idle(1);
    world.commit(1);
    world.process(shard, 10);
    world.commit(shard);
    assert_eq!(
        appended(&world, 1).len(),
        1,
        "the first window closes without it"
    );
    // When it comes back, its rows of that window are late there.
    world.process(1, 1);
    world.commit(1);
    let before = world.dead.len();
    world.process(shard, 10);
    world.commit(shard);
    assert_eq!(appended(&world, 1).len(), 1);
    let late = &world.dead[before];
    assert_eq!(
        (late.reason, late.stream.as_deref(), late.topic.as_str()),
        (Reason::Late, Some("sums"), "shuffle-1")
    );
    let row: serde_json::Value = serde_json::from_slice(late.value.as_deref().unwrap()).unwrap();
    assert_eq!(
        (row["k"].as_str(), row["total"].as_i64()),
        (Some("a"), Some(4))
    );
}

#[test]
fn a_source_remembers_how_many_partitions_it_had_when_it_was_first_read() {
    let of = |clock: Option<&str>, partitions| {
        let mut task = Task::source(plan(&shape(Exchange::Local)), 0, 0).unwrap();
        if let Some(clock) = clock {
            task.set_clock(clock).unwrap();
        }
        task.begin_among(partitions);
        task.clock()
    };
    let first = of(None, 2);
    assert_eq!(Task::began_among(&first).unwrap(), Some(2));
    assert_eq!(of(Some(&first), 5), first);
    assert_eq!(Task::began_among("2").unwrap(), None);
    assert!(Task::began_among("?").is_err());
}

#[test]
fn a_watermark_from_outside_closes_windows_and_is_kept() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut world = World::new(
        plan(&shape(Exchange::Local)),
        vec![vec![record("a", 1, 5), record("a", 2, 6)]],
    );
    world.process(0, 1);
    world.advance(0, BEGIN + 10 * SECOND);
    world.commit(0);
    assert_eq!(appended(&world, 1).len(), 1);
    world.crash(0, &mut rng);
    assert_eq!(world.slots[0].task.watermark(), Some(BEGIN + 10 * SECOND));
    world.process(0, 1);
    world.commit(0);
    assert!(
        world
            .dead
            .iter()
            .any(|d| d.reason == Reason::Late && d.offset == 1)
    );
}

#[test]
fn a_task_has_passed_a_clock_when_its_watermark_moved_or_its_input_ended() {
    let log = vec![record("a", 1, 5), record("a", 2, 3), record("a", 3, 6)];
    let mut world = World::new(plan(&shape(Exchange::Local)), vec![log]);
    world.process(0, 1);
    let clock = world.slots[0].task.clock();
    let has_passed = |world: &World| world.slots[0].task.has_passed(&clock).unwrap();
    assert!(!has_passed(&world));
    world.process(0, 1);
    assert!(!has_passed(&world), "a record from before moves nothing");
    world.finish_sources();
    assert!(has_passed(&world));
    world.process(0, 1);
    assert!(
        !world.slots[0].task.finished() && has_passed(&world),
        "a second later"
    );
}

#[test]
fn a_task_that_is_read_again_catches_up_with_what_others_had_moved() {
    let log = vec![record("a", 1, 5)];
    let mut world = World::new(plan(&shape(Exchange::Local)), vec![log.clone()]);
    let mut again = World::new(plan(&shape(Exchange::Local)), vec![log]);
    world.process(0, 1);
    again.process(0, 1);
    let task = &mut world.slots[0].task;
    let moved = BEGIN + 30 * SECOND;
    task.advance(moved, &mut Effects::default()).unwrap();
    let clock = task.clock();
    let task = &mut again.slots[0].task;
    assert!(task.watermark() < Some(moved));
    task.catch_up(&clock, &mut Effects::default()).unwrap();
    assert_eq!(task.watermark(), Some(moved));
    assert!(!task.has_passed(&clock).unwrap());
}

#[test]
fn what_came_of_an_end_comes_again_when_a_task_is_read_again() {
    let read = || {
        let mut world = World::new(plan(&shape(Exchange::Local)), vec![vec![record("a", 1, 5)]]);
        world.process(0, 1);
        world
    };
    let rows = |fx: &Effects| fx.rows.iter().map(|r| r.batch.num_rows()).sum::<usize>();
    let (mut world, mut again) = (read(), read());
    let (task, mut fx) = (&mut world.slots[0].task, Effects::default());
    task.finish(1, &mut fx).unwrap();
    task.flush(&mut fx).unwrap();
    assert!(rows(&fx) > 0);
    let (clock, came) = (task.clock(), rows(&fx));
    let (task, mut fx) = (&mut again.slots[0].task, Effects::default());
    task.catch_up(&clock, &mut fx).unwrap();
    task.flush(&mut fx).unwrap();
    assert_eq!(rows(&fx), came);
    assert!(!task.finished() && !task.has_passed(&clock).unwrap());
}

#[test]
fn state_that_is_damaged_or_of_other_windows_is_refused() {
    let mut world = World::new(plan(&shape(Exchange::Local)), vec![vec![record("a", 1, 5)]]);
    world.process(0, 1);
    world.commit(0);
    let of_sums = |key: &[u8]| ChunkKey::decode(key).unwrap().stream == "sums";
    let (key, value) = world.slots[0]
        .changelog
        .iter()
        .find(|(k, _)| of_sums(k))
        .cloned()
        .unwrap();
    let value = value.unwrap();

    let mut other = plan(&shape(Exchange::Local));
    let sums = &mut Arc::get_mut(&mut other).unwrap().streams[1];
    let Some(Operator::Aggregate(aggregate)) = &mut sums.operator else {
        panic!("sums are grouped");
    };
    aggregate.window.as_mut().unwrap().kind = WindowKind::Tumble { size: 20 * SECOND };
    let mut task = Task::source(other, 0, 0).unwrap();
    assert!(
        matches!(task.restore(&key, Some(&value)), Err(EngineError::Incompatible { stream, .. }) if stream == "sums")
    );

    let mut task = Task::source(plan(&shape(Exchange::Local)), 0, 0).unwrap();
    for i in 0..value.len() {
        let mut damaged = value.clone();
        damaged[i] ^= 1;
        assert!(
            matches!(
                task.restore(&key, Some(&damaged)),
                Err(EngineError::Stored { .. })
            ),
            "byte {i}"
        );
    }
    task.restore(&key, Some(&value)).unwrap();
}

#[test]
fn a_group_on_which_an_expression_fails_goes_to_the_dead_letters_alone() {
    let mut plan = plan(&shape(Exchange::Local));
    let stream = &mut Arc::get_mut(&mut plan).unwrap().streams[1];
    // 60 / (n - 2)
    let schema = &stream.schema;
    let less = binary(col("n", schema).unwrap(), Op::Minus, lit(2i64), schema).unwrap();
    let quotient = binary(lit(60i64), Op::Divide, less, schema).unwrap();
    let out = schema_of(&[("k", DataType::Utf8), ("q", DataType::Int64)]);
    stream.after = vec![Step::Project {
        exprs: vec![col("k", schema).unwrap(), quotient],
        schema: Arc::clone(&out),
    }];
    stream.schema = out;
    let stream_of_totals = 2;
    Arc::get_mut(&mut plan)
        .unwrap()
        .streams
        .remove(stream_of_totals);
    let log = vec![
        record("a", 1, 0),
        record("b", 1, 1),
        record("b", 1, 2),
        record("c", 1, 3),
        record("a", 1, 70),
    ];
    let mut world = World::new(plan, vec![log]);
    world.process(0, 5);
    world.commit(0);
    let pair = |k: &str| vec![k.to_owned(), "-60".to_owned()];
    assert_eq!(appended(&world, 1), [pair("a"), pair("c")]);
    let dead = &world.dead[0];
    assert_eq!(
        (world.dead.len(), dead.reason, dead.stream.as_deref()),
        (1, Reason::ExpressionFailed, Some("sums"))
    );
    assert_eq!(
        (dead.topic.as_str(), dead.partition, dead.offset),
        ("records", 0, -1)
    );
    assert!(dead.message.contains("Divide by zero"), "{}", dead.message);
    let row: serde_json::Value = serde_json::from_slice(dead.value.as_deref().unwrap()).unwrap();
    assert_eq!((row["k"].as_str(), row["n"].as_i64()), (Some("b"), Some(2)));
}

#[test]
fn generated_rows_go_the_same_way() {
    let batch = RecordBatch::try_new(
        source_schema(),
        vec![
            Arc::new(StringArray::from(vec!["a", "a", "b"])),
            Arc::new(Int64Array::from(vec![1, 2, -3])),
            Arc::new(TimestampMicrosecondArray::from(vec![
                BEGIN,
                BEGIN + 20 * SECOND,
                BEGIN,
            ])),
        ],
    );
    let mut task = Task::source(plan(&shape(Exchange::Local)), 0, 2).unwrap();
    let mut fx = Effects::default();
    task.process_rows(batch.unwrap(), &mut fx).unwrap();
    let rows = fx.rows.iter().find(|r| r.from == Input::Stream(1)).unwrap();
    assert_eq!(
        world::cells(&rows.batch, 0)[..2],
        ["a".to_owned(), BEGIN.to_string()]
    );
    let dead = &fx.dead_letters[0];
    assert_eq!(
        (dead.reason, dead.partition, dead.offset),
        (Reason::CheckFailed, 2, -1)
    );
    assert!(String::from_utf8_lossy(dead.value.as_deref().unwrap()).contains(r#""k":"b","v":-3"#));
}
