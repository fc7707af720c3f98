//! Groups of which nothing is left leave the state: memory, disk and changelog.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_expr::Operator as Op;
use datafusion_physical_expr::expressions::{binary, col, lit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{
    Aggregate, Changes, Emit, Exchange, Function, Input, Late, Micros, Misfit, Operator, Plan,
    ResultColumn, Step, Stream,
};
use tidemill_plan::sql::latest;

use super::plans::{self, SECOND, function, plan_of, schema_of};
use super::world::World;
use super::{kept, record, room, seeds};

/// Streams: 0 `clean`, 1 the last `v` of each key, of which nothing is left when that is zero.
fn plan(exchange: &Exchange, every: Micros) -> Arc<Plan> {
    let clean = plans::clean();
    let input = Arc::clone(&clean.schema);
    let v = col("v", &input).unwrap();
    let there = binary(Arc::clone(&v), Op::NotEq, lit(0_i64), &input).unwrap();
    let last = |expr, name, holds| Function {
        holds,
        ..function(latest(), expr, &input, name, false)
    };
    let fields = [
        Field::new("k", DataType::Utf8, true),
        Field::new("v", DataType::Int64, true),
        Field::new("there", DataType::Boolean, true),
    ];
    let grouped: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
    let schema: SchemaRef = Arc::new(Schema::new(fields[..2].to_vec()));
    let named = |name: &str| col(name, &grouped).unwrap();
    let table = Stream {
        name: "table".into(),
        inputs: vec![Input::Stream(0)],
        before: vec![],
        operator: Some(Operator::Aggregate(Aggregate {
            window: None,
            keys: vec![col("k", &input).unwrap()],
            key_schema: schema_of(&[("k", DataType::Utf8)]),
            functions: vec![last(v, "v", false), last(there, "there", true)],
            layout: vec![
                ResultColumn::Key(0),
                ResultColumn::Function(0),
                ResultColumn::Function(1),
            ],
            schema: Arc::clone(&grouped),
            emit: Emit::OnUpdate { every },
            allowed_lateness: 0,
            late: Late::DeadLetter,
            exchange: exchange.clone(),
        })),
        after: vec![
            Step::Filter(named("there")),
            Step::Project {
                exprs: vec![named("k"), named("v")],
                schema: Arc::clone(&schema),
            },
        ],
        schema,
        changes: Changes::Upsert { key: vec![0] },
        epoch: 0,
        behind: None,
        misfit: Misfit::Refuse,
    };
    plan_of(vec![clean, table])
}

/// Changes of keys.
fn changes(rng: &mut StdRng, keys: i64, count: usize) -> Vec<(i64, i64)> {
    let value = |rng: &mut StdRng| match rng.random_bool(0.4) {
        true => 0,
        false => rng.random_range(8..20),
    };
    let change = |_| (rng.random_range(0..keys), value(rng));
    (0..count).map(change).collect()
}

/// Writes changes, those of a key to one partition.
fn write(world: &mut World, changes: &[(i64, i64)], seconds: i64) {
    for (i, &(key, v)) in changes.iter().enumerate() {
        let partition = key as usize % world.sources.len();
        let time = seconds + i as i64 / 10;
        world.sources[partition].push(record(&format!("k{key}"), v, time));
    }
}

/// Lets things happen by chance, then takes all there is.
fn go_on(world: &mut World, rng: &mut StdRng) {
    for _ in 0..rng.random_range(0..150) {
        let slot = rng.random_range(0..world.slots.len());
        world.process(slot, rng.random_range(0..60));
        if rng.random_bool(0.4) {
            world.commit(slot);
        }
        if rng.random_bool(0.1) {
            world.crash(slot, rng);
        }
    }
    world.drain();
}

fn left_of(changes: &[(i64, i64)]) -> BTreeMap<Vec<String>, Vec<String>> {
    let last: BTreeMap<i64, i64> = changes.iter().copied().collect();
    let rows = last.into_iter().filter(|&(_, v)| v != 0);
    let rows = rows.map(|(key, v)| (format!("k{key}"), v.to_string()));
    rows.map(|(k, v)| (vec![k.clone()], vec![k, v])).collect()
}

/// How many groups the tasks hold, and how many records of the changelogs are in force.
fn held(world: &World) -> (usize, usize) {
    let state = world.slots.iter().flat_map(|slot| slot.task.state());
    let groups = state.map(|state| state.groups).sum();
    let live = |slot: &super::world::Slot| {
        let last: HashMap<_, _> = slot.changelog.iter().cloned().collect();
        last.values().filter(|value| value.is_some()).count()
    };
    (groups, world.slots.iter().map(live).sum())
}

#[test]
fn what_has_passed_leaves_and_may_come_again() {
    for seed in seeds(60) {
        let mut rng = StdRng::seed_from_u64(seed);
        let exchange = match rng.random_bool(0.5) {
            true => Exchange::Local,
            false => Exchange::Shuffle { shards: 2 },
        };
        let every = [0, 5 * SECOND][rng.random_range(0..2)];
        let bytes = [usize::MAX, 6_000, 0][rng.random_range(0..3)];
        let partitions = rng.random_range(1..3);
        let plan = plan(&exchange, every);
        let mut world = World::in_room(plan, vec![vec![]; partitions], room(bytes));
        let (mut all, mut written) = (vec![], 0);
        for _ in 0..3 {
            let (keys, count) = (rng.random_range(1..300), rng.random_range(0..600));
            all.extend(changes(&mut rng, keys, count));
            write(&mut world, &all[written..], written as i64 / 10);
            written = all.len();
            go_on(&mut world, &mut rng);
            if every == 0 {
                assert_eq!(kept(&world, 1, 1), left_of(&all), "seed {seed}");
                assert_eq!(held(&world).0, left_of(&all).len(), "groups, seed {seed}");
            }
        }
        let ends: Vec<(i64, i64)> = (0..300).map(|key| (key, 0)).collect();
        write(&mut world, &ends, written as i64 / 10);
        go_on(&mut world, &mut rng);
        world.finish_sources();
        world.drain();
        assert_eq!(kept(&world, 1, 1), BTreeMap::new(), "seed {seed}");
        assert_eq!(held(&world), (0, 0), "all has left, seed {seed}");
        for slot in 0..world.slots.len() {
            world.crash(slot, &mut rng);
        }
        assert_eq!(held(&world).0, 0, "none comes back, seed {seed}");
    }
}

#[test]
fn a_changelog_of_keys_that_come_and_go_is_no_longer_than_what_is_there() {
    let mut world = World::new(plan(&Exchange::Local, 0), vec![vec![]]);
    let mut rng = StdRng::seed_from_u64(1);
    for round in 0..40 {
        let keys = round * 2_000..(round + 1) * 2_000;
        let come: Vec<_> = keys.clone().map(|key| (key, 9)).collect();
        let go: Vec<_> = keys
            .filter(|key| key % 100 > 0)
            .map(|key| (key, 0))
            .collect();
        for changes in [come, go] {
            write(&mut world, &changes, 0);
            world.drain();
        }
    }
    let last: HashMap<_, _> = world.slots[0].changelog.iter().cloned().collect();
    let bytes: usize = last.values().flatten().map(Vec::len).sum();
    // 80,000 keys came, 800 are there; a bucket's chunks may hold some 1,000 rows that are outdated.
    assert_eq!(held(&world).0, 800);
    assert!(bytes < 64 * 1_100 * 40, "{bytes} bytes");
    world.crash(0, &mut rng);
    assert_eq!(held(&world).0, 800, "after a restart");
}
