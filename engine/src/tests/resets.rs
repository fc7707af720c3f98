//! Streams that start again without state, while the others go on.

use super::oracle::wanted;
use super::*;
use crate::aggregate::chunk_epoch;
use tidemill_plan::model::{Misfit, Plan};

/// In order but for less than is on time.
fn punctual(rng: &mut StdRng, shared_keys: bool) -> Vec<Vec<Vec<u8>>> {
    let partitions = rng.random_range(1..4);
    let log = |p: i32| {
        let mut now = BEGIN;
        let owner = if shared_keys { 0 } else { p };
        let mut next = || {
            now += rng.random_range(0..SECOND);
            let ts = now - rng.random_range(0..3 * SECOND);
            let k = format!("{owner}-{}", rng.random_range(0..5));
            serde_json::json!({"k": k, "v": rng.random_range(0..20), "ts": ts})
                .to_string()
                .into_bytes()
        };
        (0..200).map(|_| next()).collect()
    };
    (0..partitions).map(log).collect()
}

/// The plan with `sums` and `table` reset so often.
fn reset(shape: &Shape, epoch: u32) -> Arc<Plan> {
    let mut plan = plan(shape);
    for stream in [1, 3] {
        Arc::get_mut(&mut plan).unwrap().streams[stream].epoch = epoch;
    }
    plan
}

fn a_reset_in_mid_run(seed: u64, exchange: Exchange) {
    let mut rng = StdRng::seed_from_u64(seed);
    let shape = Shape {
        every: [0, 40 * SECOND][rng.random_range(0..2)],
        ..shape(exchange)
    };
    let by_key = shape.exchange == Exchange::Local;
    let sources = punctual(&mut rng, !by_key);
    let mut world = World::new(plan(&shape), sources.clone());
    let mut from = vec![];
    let mut rows = 0;
    for epoch in 1..3 {
        for _ in 0..rng.random_range(0..60) {
            let slot = rng.random_range(0..world.slots.len());
            world.process(slot, rng.random_range(0..20));
            if rng.random_bool(0.5) {
                world.commit(slot);
            }
        }
        from = world.restart(reset(&shape, epoch), &mut rng);
        rows = world.rows.len();
    }
    run(&mut world, &mut rng);

    let whole = wanted(&sources, &shape, by_key);
    assert_eq!(appended(&world, 0), whole.clean, "clean, seed {seed}");
    let live: Vec<_> = kept(&world, 4, 3).into_values().collect();
    assert_eq!(live, whole.live, "live, seed {seed}");

    let after: Vec<Vec<Vec<u8>>> = sources
        .iter()
        .zip(from)
        .map(|(log, from)| log[from..].to_vec())
        .collect();
    let after = wanted(&after, &shape, by_key);
    world.rows.drain(..rows);
    assert_eq!(appended(&world, 1), after.sums, "sums, seed {seed}");
    let table: Vec<_> = kept(&world, 3, 1).into_values().collect();
    let expected: Vec<_> = after.table.into_values().collect();
    assert_eq!(table, expected, "table, seed {seed}");

    for slot in &world.slots {
        let last: BTreeMap<_, _> = slot.changelog.iter().cloned().collect();
        for (key, value) in last {
            let (key, Some(value)) = (ChunkKey::decode(&key).unwrap(), value) else {
                continue;
            };
            let epoch = if key.stream == "table" { 2 } else { 0 };
            assert_eq!(chunk_epoch(&value), epoch, "{}, seed {seed}", key.stream);
        }
    }
}

#[test]
fn a_reset_stream_is_a_fresh_one_from_there_on_and_the_others_go_on() {
    for seed in seeds(30) {
        a_reset_in_mid_run(seed, Exchange::Local);
        a_reset_in_mid_run(seed, Exchange::Shuffle { shards: 3 });
    }
}

#[test]
fn what_a_finish_has_closed_is_open_again_after_a_reset() {
    let shape = shape(Exchange::Local);
    let mut world = World::new(plan(&shape), vec![vec![record("a", 1, 5)]]);
    world.drain();
    world.finish_sources();
    world.drain();
    world.restart(reset(&shape, 1), &mut StdRng::seed_from_u64(0));
    world.rows.clear();
    world.sources[0].push(record("a", 2, 6));
    world.drain();
    world.finish_sources();
    world.drain();
    let sums: Vec<_> = appended(&world, 1).iter().map(|r| r[3].clone()).collect();
    assert_eq!(sums, ["2"]);
    assert_eq!(appended(&world, 4).len(), 0, "the other is late");
}

#[test]
fn state_from_a_later_reset_is_refused() {
    let shape = shape(Exchange::Shuffle { shards: 1 });
    let mut world = World::new(reset(&shape, 3), vec![vec![record("a", 1, 5)]]);
    world.drain();
    let refused = |result: Result<(), EngineError>| {
        let error = result.unwrap_err();
        assert!(matches!(
            &error,
            EngineError::FromLaterReset { stream, stored: 3, known: 2 } if stream == "sums"
        ));
        assert!(
            error
                .to_string()
                .contains("tidemill.io/state-epochs: sums=3")
        );
    };
    let (stale, log) = (reset(&shape, 2), world.shuffled(1, 0).to_vec());
    let mut task = Task::shard(Arc::clone(&stale), 1, 0).unwrap();
    for (key, value) in &world.slot(Id::Shard(1, 0)).changelog {
        refused(task.restore(key, value.as_deref()));
    }
    let mut task = Task::shard(stale, 1, 0).unwrap();
    refused(world::try_give(
        &mut task,
        "shuffle-1",
        0,
        0,
        &log,
        &mut Effects::default(),
    ));
}

#[test]
fn where_it_is_told_so_a_stream_drops_what_does_not_fit() {
    let shape = shape(Exchange::Shuffle { shards: 1 });
    let mut world = World::new(plan(&shape), vec![vec![record("a", 1, 5)]]);
    world.process(0, 1);
    world.commit(0);
    world.sources[0].push(record("a", 2, 6));
    let mut other = plan(&shape);
    let sums = &mut Arc::get_mut(&mut other).unwrap().streams[1];
    sums.misfit = Misfit::Drop;
    let Some(Operator::Aggregate(sums)) = &mut sums.operator else {
        panic!("sums are grouped");
    };
    let window = sums.window.as_mut().unwrap();
    window.kind = WindowKind::Tumble { size: 20 * SECOND };
    world.restart(other, &mut StdRng::seed_from_u64(0));
    world.drain();
    world.finish_sources();
    world.drain();
    let sums: Vec<_> = appended(&world, 1).iter().map(|r| r[3].clone()).collect();
    assert_eq!(sums, ["2"], "the first is from before");
    let live: Vec<_> = kept(&world, 4, 3).into_values().collect();
    assert_eq!(live.len(), 1);
    assert_eq!(live[0][3], "3", "the other stream has both");
}
