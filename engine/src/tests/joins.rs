//! Joins of two streams, against what they are by their definition.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::Operator as Op;
use datafusion_physical_expr::expressions::{binary, case, col, lit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{
    Exchange, ExprRef, Input, Join, JoinSide, Late, Micros, Operator, Plan, Step, Stream,
    WindowKind,
};

use super::plans::{self, SECOND, Shape, plan_of, schema_of, time_type};
use super::world::World;
use super::{appended, little, record, records, room, run, seeds};
use crate::aggregate::ChunkKey;
use crate::effects::Effects;
use crate::error::EngineError;
use crate::task::Task;

/// What varies.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) exchange: Exchange,
    pub(super) late: Late,
    pub(super) earliest: Micros,
    pub(super) latest: Micros,
    pub(super) alone: (bool, bool),
    /// `60 / (v - 8) < w`, which fails where `v` is 8.
    pub(super) condition: bool,
    pub(super) behind: Micros,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            exchange: Exchange::Local,
            late: Late::DeadLetter,
            earliest: -5 * SECOND,
            latest: 0,
            alone: (false, false),
            condition: false,
            behind: 0,
        }
    }
}

pub(super) const JOINED: usize = 3;
const SUMS: usize = 4;

/// Rows with an even `v` are of the left side, others of the right. The key `0-1` is null.
fn side(name: &str, is_right: bool) -> Stream {
    let input = plans::clean().schema;
    let column = |name: &str| col(name, &input).unwrap();
    let rest = binary(column("v"), Op::Modulo, lit(2i64), &input).unwrap();
    let own = binary(rest, Op::Eq, lit(i64::from(is_right)), &input).unwrap();
    let one = binary(column("k"), Op::Eq, lit("0-1"), &input).unwrap();
    let null = |of: DataType| lit(ScalarValue::try_new_null(&of).unwrap());
    let none = null(DataType::Utf8);
    let key = case(None, vec![(one, none)], Some(column("k"))).unwrap();
    let mut columns = vec![
        ("side", DataType::Boolean),
        ("time", time_type()),
        ("key", DataType::Utf8),
    ];
    columns.extend(joined_columns());
    let mut exprs: Vec<ExprRef> = vec![lit(is_right), column("ts"), key];
    let of = [column("k"), column("v"), column("ts")];
    let nulls = joined_columns();
    let nulls = nulls.iter().map(|(_, of)| null(of.clone()));
    match is_right {
        false => exprs.extend(of.into_iter().chain(nulls.skip(3))),
        true => exprs.extend(nulls.take(3).chain(of)),
    }
    Stream {
        name: name.into(),
        inputs: vec![Input::Stream(0)],
        before: vec![
            Step::Filter(own),
            Step::Project {
                exprs,
                schema: schema_of(&columns),
            },
        ],
        schema: schema_of(&columns),
        ..plans::clean()
    }
}

fn joined_columns() -> Vec<(&'static str, DataType)> {
    let of = [DataType::Utf8, DataType::Int64, time_type()];
    let names = ["k", "v", "ts", "l", "w", "us"];
    names.into_iter().zip(of.iter().cloned().cycle()).collect()
}

fn joined(given: &Given) -> Stream {
    let schema = schema_of(&joined_columns());
    let condition = given.condition.then(|| {
        let column = |name: &str| col(name, &schema).unwrap();
        let less = binary(column("v"), Op::Minus, lit(8i64), &schema).unwrap();
        let part = binary(lit(60i64), Op::Divide, less, &schema).unwrap();
        binary(part, Op::Lt, column("w"), &schema).unwrap()
    });
    let side = |columns: Vec<usize>, time: &str, goes_on_alone: bool| JoinSide {
        columns,
        time: time.into(),
        goes_on_alone,
    };
    Stream {
        name: "joined".into(),
        inputs: vec![Input::Stream(1), Input::Stream(2)],
        before: vec![],
        operator: Some(Operator::Join(Join {
            side: 0,
            time: 1,
            keys: vec![2],
            key_types: vec![DataType::Utf8],
            left: side(vec![3, 4, 5], "ts", given.alone.0),
            right: side(vec![6, 7, 8], "us", given.alone.1),
            earliest: given.earliest,
            latest: given.latest,
            condition,
            behind: given.behind,
            schema: Arc::clone(&schema),
            late: given.late,
            exchange: given.exchange.clone(),
        })),
        schema,
        ..plans::clean()
    }
}

/// How far the time of the left row is behind the watermark of what goes on; none where it may be null.
fn behind(given: &Given) -> Option<Micros> {
    match given.alone {
        (false, false) => Some(given.latest.max(0)),
        (true, false) => Some(0),
        _ => None,
    }
}

/// Streams: 0 `clean`, 1 `left` and 2 `right` of it, 3 `joined`, and 4 `sums` of that in windows.
pub(super) fn plan(given: &Given) -> Arc<Plan> {
    let mut streams = vec![
        plans::clean(),
        side("left", false),
        side("right", true),
        joined(given),
    ];
    if let Some(behind) = behind(given) {
        let shape = Shape {
            exchange: Exchange::Local,
            kind: WindowKind::Tumble { size: 10 * SECOND },
            allowed_lateness: behind,
            late: Late::DeadLetter,
            every: 0,
        };
        let sums = plans::sums(&shape);
        streams.push(Stream {
            inputs: vec![Input::Stream(JOINED)],
            ..sums
        });
    }
    plan_of(streams)
}

#[derive(Debug, Clone)]
struct Row {
    k: String,
    v: i64,
    ts: Micros,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        vec![self.k.clone(), self.v.to_string(), self.ts.to_string()]
    }
}

/// The rows that are on time, and how many are not.
fn on_time(sources: &[Vec<Vec<u8>>], behind: Micros) -> (Vec<Row>, usize) {
    let (mut rows, mut late) = (vec![], 0);
    for log in sources {
        let mut highest: Option<Micros> = None;
        for value in log {
            let Ok(json) = serde_json::from_slice::<serde_json::Value>(value) else {
                continue;
            };
            let (Some(v), Some(ts)) = (json["v"].as_i64().filter(|&v| v >= 0), json["ts"].as_i64())
            else {
                continue;
            };
            let before = highest.map_or(Micros::MIN, |h| h - 4 * SECOND - behind);
            highest = highest.max(Some(ts));
            if v == 7 || v == 5 {
                continue;
            }
            if ts < before {
                late += 1;
                continue;
            }
            let k = json["k"].as_str().unwrap_or_default().to_owned();
            rows.push(Row { k, v, ts });
        }
    }
    (rows, late)
}

/// What is joined, and for how many pairs the condition fails.
fn wanted(rows: &[Row], given: &Given) -> (Vec<Vec<String>>, usize) {
    let null = || vec!["null".to_owned(); 3];
    let (mut found, mut failed) = (vec![], 0);
    let mut partners = BTreeSet::new();
    for (i, l) in rows.iter().enumerate().filter(|(_, r)| r.v % 2 == 0) {
        for (j, r) in rows.iter().enumerate().filter(|(_, r)| r.v % 2 == 1) {
            let apart = r.ts - l.ts;
            let near = (given.earliest..=given.latest).contains(&apart);
            if l.k != r.k || l.k == "0-1" || !near {
                continue;
            }
            if given.condition && l.v == 8 {
                failed += 1;
                continue;
            }
            if given.condition && 60 / (l.v - 8) >= r.v {
                continue;
            }
            partners.extend([i, j]);
            found.push([l.cells(), r.cells()].concat());
        }
    }
    for (i, row) in rows.iter().enumerate() {
        match (partners.contains(&i), row.v % 2) {
            (false, 0) if given.alone.0 => found.push([row.cells(), null()].concat()),
            (false, 1) if given.alone.1 => found.push([null(), row.cells()].concat()),
            _ => {}
        }
    }
    found.sort();
    (found, failed)
}

fn compare(world: &World, given: &Given, seed: u64) {
    let (rows, late) = on_time(&world.sources, given.behind);
    let (wanted, failed) = wanted(&rows, given);
    let found = appended(world, JOINED);
    let different = found.iter().zip(&wanted).find(|(f, w)| f != w);
    assert_eq!(different, None, "found and wanted, {given:?}, seed {seed}");
    assert_eq!(found.len(), wanted.len(), "{given:?}, seed {seed}");
    let dead = |reason: &str| {
        let of_stream = |d: &&crate::record::DeadLetter| d.stream.as_deref() == Some("joined");
        let dead = world.dead.iter().filter(of_stream);
        dead.filter(|d| d.reason.as_str() == reason).count()
    };
    let dropped = world.dropped as usize;
    assert_eq!(dead("Late") + dropped, late, "late, seed {seed}");
    assert_eq!(dead("ExpressionFailed"), failed, "failed, seed {seed}");
    if behind(given).is_none() {
        return;
    }
    // Nothing that goes on is late for windows.
    let counted: i64 = appended(world, SUMS)
        .iter()
        .map(|row| row[4].parse::<i64>().unwrap())
        .sum();
    assert_eq!(
        counted,
        wanted.len() as i64,
        "in windows, {given:?}, seed {seed}"
    );
}

fn given(rng: &mut StdRng, shuffled: bool) -> Given {
    let spans = [
        (0, 0),
        (-5, 0),
        (0, 10),
        (-3, 7),
        (2, 6),
        (-8, -3),
        (-300, 300),
    ];
    let (earliest, latest) = spans[rng.random_range(0..spans.len())];
    Given {
        exchange: match shuffled {
            true => Exchange::Shuffle {
                shards: rng.random_range(1..4),
            },
            false => Exchange::Local,
        },
        late: [Late::DeadLetter, Late::Drop][rng.random_range(0..2)],
        earliest: earliest * SECOND,
        latest: latest * SECOND,
        alone: (rng.random_bool(0.5), rng.random_bool(0.4)),
        condition: rng.random_bool(0.4),
        behind: [0, 0, 7 * SECOND][rng.random_range(0..3)],
    }
}

fn against_the_oracle(seed: u64, shuffled: bool) {
    let mut rng = StdRng::seed_from_u64(seed);
    let given = given(&mut rng, shuffled);
    let mut sources = records(&mut rng, shuffled, true);
    // Many rows of one time, so that ties matter.
    if rng.random_bool(0.5) {
        for value in sources.iter_mut().flatten() {
            if let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(value)
                && let Some(ts) = json["ts"].as_i64()
            {
                json["ts"] = (ts / SECOND * SECOND).into();
                *value = json.to_string().into_bytes();
            }
        }
    }
    for bytes in [usize::MAX, little(seed)] {
        let mut world = World::in_room(plan(&given), sources.clone(), room(bytes));
        run(&mut world, &mut rng.clone());
        compare(&world, &given, seed);
    }
}

#[test]
fn rows_are_joined_as_in_the_batch_query_in_one_partition() {
    for seed in seeds(60) {
        against_the_oracle(seed, false);
    }
}

#[test]
fn rows_are_joined_as_in_the_batch_query_through_shuffles() {
    for seed in seeds(60) {
        against_the_oracle(seed, true);
    }
}

/// The chunks that are left of the join's changelog.
fn chunks(world: &World) -> usize {
    let mut live = BTreeSet::new();
    for (key, value) in world.slots.iter().flat_map(|slot| &slot.changelog) {
        if ChunkKey::decode(key).unwrap().stream != "joined" {
            continue;
        }
        match value {
            Some(_) => live.insert(key.clone()),
            None => live.remove(key),
        };
    }
    live.len()
}

#[test]
fn rows_that_none_can_belong_to_are_forgotten() {
    let given = Given {
        earliest: 0,
        latest: 60 * SECOND,
        ..Given::default()
    };
    let log: Vec<_> = (0..400)
        .map(|i| record(&format!("k{}", i / 2), i % 2, i * 10))
        .collect();
    let mut world = World::new(plan(&given), vec![log]);
    let mut most = 0;
    while world.process(0, 1) > 0 {
        world.commit(0);
        let state = world.slots[0].task.state().next().unwrap();
        most = most.max(state.groups);
        assert!(state.groups <= 8, "{} rows", state.groups);
        let left = chunks(&world);
        assert!(
            left <= 12,
            "{left} chunks of a minute, of rows every ten seconds"
        );
    }
    assert!(most >= 3, "rows are kept for a minute");
    assert_eq!(appended(&world, JOINED).len(), 200);
}

#[test]
fn one_row_meets_many_in_batches_of_a_bounded_size() {
    let given = Given {
        earliest: -60 * SECOND,
        latest: 60 * SECOND,
        ..Given::default()
    };
    let log: Vec<_> = (0..300).map(|i| record("a", i % 2 * 3, i % 4)).collect();
    let mut world = World::new(plan(&given), vec![log]);
    world.process(0, 300);
    world.commit(0);
    assert_eq!(appended(&world, JOINED).len(), 150 * 150);
    let sizes: Vec<usize> = world
        .rows
        .iter()
        .filter(|r| r.from == Input::Stream(JOINED))
        .map(|r| r.batch.num_rows())
        .collect();
    assert_eq!(sizes, [8192, 8192, 150 * 150 - 2 * 8192]);
}

#[test]
fn a_row_that_has_gone_on_alone_has_no_partner_later() {
    let given = Given {
        alone: (true, false),
        earliest: 0,
        latest: 10 * SECOND,
        ..Given::default()
    };
    let mut rng = StdRng::seed_from_u64(1);
    let mut world = World::new(plan(&given), vec![vec![record("a", 2, 5)]]);
    world.process(0, 1);
    world.finish_sources();
    world.commit(0);
    world.crash(0, &mut rng);
    world.sources[0].push(record("a", 1, 6));
    world.sources[0].push(record("a", 1, 30));
    world.drain();
    world.finish_sources();
    world.drain();
    let found = appended(&world, JOINED);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0][3..], ["null", "null", "null"]);
    let dead: Vec<_> = world.dead.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].contains("closed already"), "{dead:?}");
}

#[test]
fn what_has_found_another_is_known_after_a_restart() {
    let given = Given {
        alone: (true, true),
        earliest: 0,
        latest: 100 * SECOND,
        ..Given::default()
    };
    let mut rng = StdRng::seed_from_u64(2);
    let log = vec![
        record("a", 2, 5),
        record("a", 1, 6),
        record("b", 1, 100),
        record("a", 3, 101),
        record("c", 1, 300),
    ];
    let mut world = World::new(plan(&given), vec![log]);
    while world.process(0, 1) > 0 {
        world.commit(0);
        world.crash(0, &mut rng);
    }
    let of_a = appended(&world, JOINED).into_iter();
    let of_a: Vec<_> = of_a.filter(|row| row[0] == "a").collect();
    assert_eq!(
        of_a.len(),
        2,
        "with both of its partners, and never alone: {of_a:?}"
    );
    assert!(of_a.iter().all(|row| row[3] == "a"));
}

#[test]
fn state_of_other_bounds_is_refused_and_that_from_before_a_reset_is_forgotten() {
    let planned = |latest: Micros| {
        plan(&Given {
            latest: latest * SECOND,
            ..Given::default()
        })
    };
    let log: Vec<_> = (0..20).map(|i| record("a", 2, i)).collect();
    let mut world = World::new(planned(10), vec![log]);
    world.process(0, 20);
    world.commit(0);
    let restored = |plan: Arc<Plan>| {
        let mut task = Task::source(plan, 0, 0)?;
        task.set_clock(&world.slots[0].task.clock())?;
        for (key, value) in &world.slots[0].changelog {
            task.restore(key, value.as_deref())?;
        }
        Ok::<Task, EngineError>(task)
    };
    let other = restored(planned(20)).err().unwrap();
    assert!(matches!(other, EngineError::Incompatible { stream, .. } if stream == "joined"));

    let mut reset = planned(20);
    Arc::get_mut(&mut reset).unwrap().streams[JOINED].epoch = 1;
    let mut task = restored(reset).unwrap();
    let stale = task.state().next().unwrap().stale;
    assert!(stale >= 1);
    let mut fx = Effects::default();
    task.flush(&mut fx).unwrap();
    let forgotten = fx.changelog.iter().filter(|r| r.value.is_none());
    assert_eq!(forgotten.count(), stale);
}
