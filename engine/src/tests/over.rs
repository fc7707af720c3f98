//! Functions over the rows of a key, against what they are by their definition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_physical_expr::expressions::{binary, cast, col, lit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{
    Exchange, Frame, Input, Late, Micros, Operator, Over, OverCall, OverFunction, Plan, Step,
    Stream, WindowKind,
};

use super::plans::{self, SECOND, Shape, plan_of, schema_of, time_type};
use super::world::World;
use super::{appended, little, record, records, room, run, seeds};
use crate::aggregate::ChunkKey;
use crate::effects::Effects;
use crate::error::EngineError;
use crate::task::Task;

pub(super) const V: usize = 1;
const F: usize = 3;

/// The rows with functions of the rows before them; `f` is a tenth of `v`, and null where that is 3.
fn over(calls: &[OverCall], exchange: &Exchange, late: Late) -> Stream {
    let clean = plans::clean();
    let input = Arc::clone(&clean.schema);
    let float = cast(col("v", &input).unwrap(), &input, DataType::Float64).unwrap();
    let tenth = binary(float, datafusion_expr::Operator::Divide, lit(10.0), &input).unwrap();
    let three = binary(
        col("v", &input).unwrap(),
        datafusion_expr::Operator::Eq,
        lit(3i64),
        &input,
    )
    .unwrap();
    let tenth = datafusion_physical_expr::expressions::case(
        None,
        vec![(three, lit(datafusion_common::ScalarValue::Float64(None)))],
        Some(tenth),
    )
    .unwrap();
    let mut columns = vec![
        ("k", DataType::Utf8),
        ("v", DataType::Int64),
        ("ts", time_type()),
        ("f", DataType::Float64),
    ];
    let before = Step::Project {
        exprs: vec![
            col("k", &input).unwrap(),
            col("v", &input).unwrap(),
            col("ts", &input).unwrap(),
            tenth,
        ],
        schema: schema_of(&columns),
    };
    let names: Vec<String> = (0..calls.len()).map(|i| format!("r{i}")).collect();
    for (call, name) in calls.iter().zip(&names) {
        let gives = match call.argument {
            _ if matches!(call.function, OverFunction::Fresh(_)) => DataType::Boolean,
            Some(F) if call.function != OverFunction::Count => DataType::Float64,
            _ => DataType::Int64,
        };
        columns.push((name, gives));
    }
    let schema = schema_of(&columns);
    Stream {
        name: "over".into(),
        before: vec![before],
        operator: Some(Operator::Over(Over {
            raise: None,
            time: 2,
            keys: vec![0],
            calls: calls.to_vec(),
            rank: vec![],
            first: None,
            schema: Arc::clone(&schema),
            late,
            exchange: exchange.clone(),
        })),
        schema,
        ..plans::clean()
    }
    .reading(Input::Stream(0))
}

trait Reading {
    fn reading(self, input: Input) -> Self;
}

impl Reading for Stream {
    fn reading(self, input: Input) -> Self {
        Self {
            inputs: vec![input],
            ..self
        }
    }
}

/// Streams: 0 `clean`, 1 `over` it, 2 `sums` of what goes on, in windows.
pub(super) fn plan(calls: &[OverCall], exchange: &Exchange, late: Late) -> Arc<Plan> {
    let shape = Shape {
        exchange: Exchange::Local,
        kind: WindowKind::Tumble { size: 10 * SECOND },
        allowed_lateness: 0,
        late: Late::DeadLetter,
        every: 0,
    };
    let sums = plans::sums(&shape).reading(Input::Stream(1));
    plan_of(vec![plans::clean(), over(calls, exchange, late), sums])
}

fn frames(rng: &mut StdRng) -> Frame {
    let spans = [0, 1, 5, 30, 100];
    match rng.random_range(0..7) {
        0 => Frame::Range(None),
        1 => Frame::Rows(None),
        2 => Frame::Rows(Some(rng.random_range(0..6))),
        3 => Frame::Block(rng.random_range(1..6)),
        _ => Frame::Range(Some(spans[rng.random_range(0..spans.len())] * SECOND)),
    }
}

fn calls(rng: &mut StdRng) -> Vec<OverCall> {
    let by_time = rng.random_bool(0.4);
    let call = |rng: &mut StdRng| {
        let argument = [V, F][rng.random_range(0..2)];
        let (function, argument) = match rng.random_range(0..if by_time { 7 } else { 10 }) {
            0 => (OverFunction::Count, None),
            1 => (OverFunction::Count, Some(argument)),
            2 => (OverFunction::Sum, Some(argument)),
            3 => (OverFunction::Min, Some(argument)),
            4 => (OverFunction::Max, Some(argument)),
            5 => (OverFunction::First, Some(argument)),
            6 => (OverFunction::Fresh(rng.random_range(0..20) * SECOND), None),
            7 => (OverFunction::Last, Some(argument)),
            8 => (OverFunction::Lag(rng.random_range(0..4)), Some(argument)),
            _ => (OverFunction::RowNumber, None),
        };
        let mut frame = frames(rng);
        if by_time && !matches!(frame, Frame::Range(Some(_))) {
            frame = Frame::Range(Some(7 * SECOND));
        }
        OverCall {
            function,
            argument,
            frame,
        }
    };
    (0..rng.random_range(1..7)).map(|_| call(rng)).collect()
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) k: String,
    pub(super) v: i64,
    pub(super) ts: Micros,
    /// Its partition and offset.
    pub(super) place: (usize, usize),
}

fn text(value: Option<f64>) -> String {
    value.map_or("null".into(), |v| format!("{v:.3}"))
}

/// What a call gives for the row at a place, among those of its key in order.
fn wanted(call: &OverCall, rows: &[Row], at: usize) -> String {
    let value = |row: &Row| match call.argument {
        Some(F) => (row.v != 3).then_some(row.v as f64 / 10.0),
        _ => Some(row.v as f64),
    };
    let show = |value: Option<f64>| match call.argument {
        Some(F) => text(value),
        _ => value.map_or("null".into(), |v| (v as i64).to_string()),
    };
    let by_itself = matches!(
        call.function,
        OverFunction::Lag(_) | OverFunction::RowNumber | OverFunction::Fresh(_)
    );
    let now = rows[at].ts;
    let frame: Vec<Option<f64>> = match call.frame {
        Frame::Rows(back) => {
            let first = at.saturating_sub(back.map_or(at, |b| b as usize));
            rows[first..=at].iter().map(value).collect()
        }
        Frame::Range(back) => {
            let first = back.map_or(Micros::MIN, |b| now - b);
            let within = rows.iter().filter(|r| r.ts >= first && r.ts <= now);
            within.map(value).collect()
        }
        Frame::Block(size) => match (at + 1).checked_rem(size as usize) {
            Some(0) => rows[at + 1 - size as usize..=at]
                .iter()
                .map(value)
                .collect(),
            _ if by_itself => vec![],
            _ => return "null".into(),
        },
    };
    let there: Vec<f64> = frame.iter().flatten().copied().collect();
    let some = |value: f64| (!there.is_empty()).then_some(value);
    match call.function {
        OverFunction::Count if call.argument.is_none() => frame.len().to_string(),
        OverFunction::Count => there.len().to_string(),
        OverFunction::Sum => show(some(there.iter().sum())),
        OverFunction::Avg => show(some(there.iter().sum::<f64>() / there.len() as f64)),
        OverFunction::Min => show(some(there.iter().copied().fold(f64::MAX, f64::min))),
        OverFunction::Max => show(some(there.iter().copied().fold(f64::MIN, f64::max))),
        OverFunction::First => show(frame[0]),
        OverFunction::Last => show(frame[frame.len() - 1]),
        OverFunction::Lag(back) => match at.checked_sub(back as usize) {
            Some(row) => show(value(&rows[row])),
            None => "null".into(),
        },
        OverFunction::RowNumber => (at + 1).to_string(),
        OverFunction::Fresh(span) => {
            let mut last = Micros::MIN;
            let mut answer = false;
            for row in &rows[..=at] {
                answer = row.ts.saturating_sub(last) > span;
                last = if answer { row.ts } else { last };
            }
            answer.to_string()
        }
    }
}

/// The rows of each key that are on time, in order, and how many of all are not. They are `due` at a time of theirs.
pub(super) fn on_time(
    sources: &[Vec<Vec<u8>>],
    due: fn(Micros) -> Micros,
) -> (BTreeMap<String, Vec<Row>>, usize) {
    let mut by_key: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut late = 0;
    for (partition, log) in sources.iter().enumerate() {
        let mut highest: Option<Micros> = None;
        for (offset, value) in log.iter().enumerate() {
            let Ok(json) = serde_json::from_slice::<serde_json::Value>(value) else {
                continue;
            };
            let (Some(v), Some(ts)) = (json["v"].as_i64().filter(|&v| v >= 0), json["ts"].as_i64())
            else {
                continue;
            };
            let before = highest.map_or(Micros::MIN, |h| h - 4 * SECOND);
            highest = highest.max(Some(ts));
            if v == 7 || v == 5 {
                continue;
            }
            if due(ts) < before {
                late += 1;
                continue;
            }
            let k = json["k"].as_str().unwrap_or_default().to_owned();
            let row = Row {
                k: k.clone(),
                v,
                ts,
                place: (partition, offset),
            };
            by_key.entry(k).or_default().push(row);
        }
    }
    for rows in by_key.values_mut() {
        rows.sort_by_key(|row| (row.ts, row.place));
    }
    (by_key, late)
}

fn compare(world: &World, calls: &[OverCall], late: Late, seed: u64) {
    let (by_key, late_rows) = on_time(&world.sources, |ts| ts);
    let mut wanted_rows = vec![];
    let mut sums: BTreeMap<(String, Micros), (i64, usize)> = BTreeMap::new();
    for rows in by_key.values() {
        for (at, row) in rows.iter().enumerate() {
            let f = (row.v != 3).then_some(row.v as f64 / 10.0);
            let mut cells = vec![
                row.k.clone(),
                row.v.to_string(),
                row.ts.to_string(),
                text(f),
            ];
            cells.extend(calls.iter().map(|call| wanted(call, rows, at)));
            wanted_rows.push(cells);
            let window = row.ts.div_euclid(10 * SECOND) * 10 * SECOND;
            let sum = sums.entry((row.k.clone(), window)).or_default();
            *sum = (sum.0 + row.v, sum.1 + 1);
        }
    }
    wanted_rows.sort();
    let found = appended(world, 1);
    let different = found.iter().zip(&wanted_rows).find(|(f, w)| f != w);
    assert_eq!(different, None, "found and wanted, {calls:?}, seed {seed}");
    assert_eq!(found.len(), wanted_rows.len(), "{calls:?}, seed {seed}");
    let found: Vec<_> = appended(world, 2)
        .into_iter()
        .map(|row| row[..5].to_vec())
        .collect();
    let sums = sums.into_iter().map(|((k, start), (total, n))| {
        let end = start + 10 * SECOND;
        vec![
            k,
            start.to_string(),
            end.to_string(),
            total.to_string(),
            n.to_string(),
        ]
    });
    let mut sums: Vec<_> = sums.collect();
    sums.sort();
    assert_eq!(found, sums, "sums, seed {seed}");
    let dead = world
        .dead
        .iter()
        .filter(|d| d.stream.as_deref() == Some("over"));
    let (dead, dropped) = match late {
        Late::DeadLetter => (dead.count(), 0),
        Late::Drop => (0, world.dropped as usize),
    };
    assert_eq!(dead + dropped, late_rows, "late, seed {seed}");
    let mut last: BTreeMap<String, Micros> = BTreeMap::new();
    for (row, _) in world.rows_of(Input::Stream(1)) {
        let ts: Micros = row[2].parse().unwrap();
        let before = last.insert(row[0].clone(), ts);
        assert!(before.is_none_or(|b| b <= ts), "in order, seed {seed}");
    }
}

fn against_the_oracle(seed: u64, shuffled: bool) {
    let mut rng = StdRng::seed_from_u64(seed);
    let exchange = if shuffled {
        Exchange::Shuffle {
            shards: rng.random_range(1..4),
        }
    } else {
        Exchange::Local
    };
    let late = [Late::DeadLetter, Late::Drop][rng.random_range(0..2)];
    let calls = calls(&mut rng);
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
        let plan = plan(&calls, &exchange, late);
        let mut world = World::in_room(plan, sources.clone(), room(bytes));
        run(&mut world, &mut rng.clone());
        compare(&world, &calls, late, seed);
    }
}

#[test]
fn functions_over_rows_are_those_of_the_batch_query_in_one_partition() {
    for seed in seeds(50) {
        against_the_oracle(seed, false);
    }
}

#[test]
fn functions_over_rows_are_those_of_the_batch_query_through_shuffles() {
    for seed in seeds(50) {
        against_the_oracle(seed, true);
    }
}

pub(super) fn sum(frame: Frame) -> OverCall {
    OverCall {
        function: OverFunction::Sum,
        argument: Some(V),
        frame,
    }
}

/// The chunks that are left of a stream's changelog.
fn chunks(world: &World, stream: &str) -> usize {
    let mut live = BTreeSet::new();
    for (key, value) in world.slots.iter().flat_map(|slot| &slot.changelog) {
        if ChunkKey::decode(key).unwrap().stream != stream {
            continue;
        }
        if value.is_some() {
            live.insert(key.clone());
        } else {
            live.remove(key);
        }
    }
    live.len()
}

#[test]
fn the_changelog_forgets_what_no_frame_needs() {
    let log: Vec<_> = (0..300).map(|i| record("a", 1, i * 10)).collect();
    let calls = [sum(Frame::Range(Some(60 * SECOND)))];
    let mut world = World::new(plan(&calls, &Exchange::Local, Late::Drop), vec![log]);
    while world.process(0, 1) > 0 {
        world.commit(0);
        let left = chunks(&world, "over");
        assert!(
            left <= 10,
            "{left} chunks of a minute, of rows every ten seconds"
        );
    }
    let state = world.slots[0].task.state().next().unwrap();
    assert_eq!(state.groups, 1);
}

#[test]
fn keys_that_no_frame_needs_are_forgotten() {
    let log: Vec<_> = (0..500)
        .map(|i| record(&format!("k{i}"), 1, i * 10))
        .collect();
    let calls = [sum(Frame::Range(Some(60 * SECOND)))];
    let mut world = World::new(plan(&calls, &Exchange::Local, Late::Drop), vec![log]);
    while world.process(0, 1) > 0 {
        world.commit(0);
        let state = world.slots[0].task.state().next().unwrap();
        assert!(state.groups <= 20, "{} keys", state.groups);
    }
}

#[test]
fn duplicates_are_counted_and_their_keys_forgotten() {
    let fresh = [OverCall {
        function: OverFunction::Fresh(60 * SECOND),
        argument: None,
        frame: Frame::Rows(None),
    }];
    let log = (0..500).map(|i| record(&format!("k{}", i / 2), 1, i * 10));
    let mut world = World::new(
        plan(&fresh, &Exchange::Local, Late::Drop),
        vec![log.collect()],
    );
    while world.process(0, 1) > 0 {
        world.commit(0);
        let state = world.slots[0].task.state().next().unwrap();
        assert!(state.groups <= 20, "{} keys", state.groups);
    }
    world.finish_sources();
    world.commit(0);
    assert_eq!(world.duplicates, 250);
}

#[test]
fn a_sum_that_does_not_fit_rejects_its_row_alone() {
    let log = vec![
        record("a", i64::MAX, 0),
        record("a", 1, 1),
        record("a", 2, 20),
        record("a", 0, 60),
    ];
    let calls = [sum(Frame::Range(Some(10 * SECOND)))];
    let mut world = World::new(plan(&calls, &Exchange::Local, Late::Drop), vec![log]);
    world.process(0, 10);
    world.finish_sources();
    world.commit(0);
    let sums: Vec<_> = appended(&world, 1)
        .into_iter()
        .map(|r| r[4].clone())
        .collect();
    assert_eq!(sums, ["0", "2", i64::MAX.to_string().as_str()]);
    let dead: Vec<_> = world.dead.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(dead, ["the result has more digits than its type"]);
}

#[test]
fn a_row_that_comes_behind_the_end_is_late() {
    let calls = [sum(Frame::Rows(None))];
    let mut rng = StdRng::seed_from_u64(1);
    let log = vec![record("a", 1, 5)];
    let mut world = World::new(plan(&calls, &Exchange::Local, Late::DeadLetter), vec![log]);
    world.process(0, 1);
    world.finish_sources();
    world.commit(0);
    world.crash(0, &mut rng);
    world.sources[0].push(record("a", 2, 5));
    world.sources[0].push(record("a", 4, 6));
    world.drain();
    world.finish_sources();
    world.drain();
    let sums: Vec<_> = appended(&world, 1)
        .into_iter()
        .map(|r| r[4].clone())
        .collect();
    assert_eq!(sums, ["1", "5"], "what has gone on counts, and stays");
    assert!(
        world.dead[0].message.contains("closed already"),
        "{}",
        world.dead[0].message
    );
}

#[test]
fn state_of_other_frames_is_refused_and_that_from_before_a_reset_is_forgotten() {
    let planned = |span: Micros| {
        let calls = [
            sum(Frame::Range(Some(span * SECOND))),
            sum(Frame::Rows(Some(2))),
        ];
        plan(&calls, &Exchange::Local, Late::Drop)
    };
    let log: Vec<_> = (0..20).map(|i| record("a", 1, i)).collect();
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
    assert!(matches!(other, EngineError::Incompatible { stream, .. } if stream == "over"));

    let mut reset = planned(20);
    Arc::get_mut(&mut reset).unwrap().streams[1].epoch = 1;
    let mut task = restored(reset).unwrap();
    let stale = task.state().next().unwrap().stale;
    assert!(stale >= 2, "a stretch of time, and a bucket of keys");
    let mut fx = Effects::default();
    task.flush(&mut fx).unwrap();
    let forgotten = fx.changelog.iter().filter(|r| r.value.is_none());
    assert_eq!(forgotten.count(), stale);
}
