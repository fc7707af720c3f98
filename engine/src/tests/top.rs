//! The first rows of each key and window, against what they are by their definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_expr::Operator as Op;
use datafusion_physical_expr::expressions::{binary, cast, col, lit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{
    Exchange, Frame, Input, Late, Micros, Operator, Over, OverCall, OverFunction, Plan, RankBy,
    Step, Stream,
};

use super::over::{Row, on_time};
use super::plans::{self, SECOND, plan_of, schema_of, time_type};
use super::world::World;
use super::{appended, little, record, records, room, run, seeds};

const MINUTE: Micros = 60 * SECOND;

/// Streams: 0 `clean`, 1 the first of its rows by `v`, the greatest first, of each key and minute.
fn plan(first: i64, exchange: &Exchange) -> Arc<Plan> {
    let clean = plans::clean();
    let input = Arc::clone(&clean.schema);
    let time = cast(col("ts", &input).unwrap(), &input, DataType::Int64).unwrap();
    let minutes = binary(time, Op::Divide, lit(MINUTE), &input).unwrap();
    let next = binary(minutes, Op::Plus, lit(1_i64), &input).unwrap();
    let end = binary(next, Op::Multiply, lit(MINUTE), &input).unwrap();
    let mut columns = vec![
        ("k", DataType::Utf8),
        ("v", DataType::Int64),
        ("ts", time_type()),
        ("end", time_type()),
    ];
    let before = Step::Project {
        exprs: vec![
            col("k", &input).unwrap(),
            col("v", &input).unwrap(),
            col("ts", &input).unwrap(),
            cast(end, &input, time_type()).unwrap(),
        ],
        schema: schema_of(&columns),
    };
    columns.push(("rn", DataType::Int64));
    let schema = schema_of(&columns);
    let rn = col("rn", &schema).unwrap();
    let ranked = Stream {
        name: "ranked".into(),
        inputs: vec![Input::Stream(0)],
        before: vec![before],
        operator: Some(Operator::Over(Over {
            raise: None,
            time: 3,
            keys: vec![0, 3],
            calls: vec![OverCall {
                function: OverFunction::RowNumber,
                argument: None,
                frame: Frame::Rows(None),
            }],
            rank: vec![RankBy {
                column: 1,
                descending: true,
                nulls_first: false,
            }],
            first: u64::try_from(first).ok(),
            schema: Arc::clone(&schema),
            late: Late::Drop,
            exchange: exchange.clone(),
        })),
        after: vec![Step::Filter(
            binary(rn, Op::LtEq, lit(first), &schema).unwrap(),
        )],
        schema,
        ..plans::clean()
    };
    plan_of(vec![clean, ranked])
}

fn end(ts: Micros) -> Micros {
    (ts / MINUTE + 1) * MINUTE
}

fn wanted(world: &World, first: usize) -> Vec<Vec<String>> {
    let (by_key, _) = on_time(&world.sources, end);
    let mut windows: BTreeMap<(String, Micros), Vec<Row>> = BTreeMap::new();
    for row in by_key.into_values().flatten() {
        let window = (row.k.clone(), end(row.ts));
        windows.entry(window).or_default().push(row);
    }
    let mut wanted = vec![];
    for ((k, end), mut rows) in windows {
        rows.sort_by_key(|row| (-row.v, row.place));
        for (row, rn) in rows.into_iter().zip(1..=first) {
            let cells = [row.v, row.ts, end, rn as i64].map(|cell| cell.to_string());
            wanted.push([vec![k.clone()], cells.to_vec()].concat());
        }
    }
    wanted.sort();
    wanted
}

#[test]
fn the_first_rows_are_those_of_all_rows_whatever_was_dropped_on_the_way() {
    for seed in seeds(60) {
        let mut rng = StdRng::seed_from_u64(seed);
        let exchange = match rng.random_bool(0.5) {
            true => Exchange::Local,
            false => Exchange::Shuffle {
                shards: rng.random_range(1..4),
            },
        };
        let first = rng.random_range(0..5);
        let sources = records(&mut rng, exchange != Exchange::Local, true);
        for bytes in [usize::MAX, little(seed)] {
            let plan = plan(first, &exchange);
            let mut world = World::in_room(plan, sources.clone(), room(bytes));
            run(&mut world, &mut rng.clone());
            let wanted = wanted(&world, first as usize);
            assert_eq!(appended(&world, 1), wanted, "seed {seed}, in {bytes} bytes");
        }
    }
}

#[test]
fn no_more_rows_are_held_than_could_be_among_the_first() {
    let log = (0..5_000).map(|i| record(&format!("k{}", i % 3), i % 1_000, i / 500));
    let mut world = World::new(plan(2, &Exchange::Local), vec![log.collect()]);
    let mut most = 0;
    while world.process(0, 50) > 0 {
        world.commit(0);
        most = most.max(world.slots[0].task.bytes());
    }
    assert!(most < 20_000, "{most} bytes for six rows of 5000");
    world.finish_sources();
    world.commit(0);
    assert_eq!(appended(&world, 1), wanted(&world, 2));
}
