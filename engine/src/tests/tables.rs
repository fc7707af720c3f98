//! Tables against a plain map.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{binary, col};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{
    Changes, Column, Distribution, Find, Input, Lookup, Misfit, Missing, Output, OutputOf, Plan,
    Source, Step, Stream,
};

use super::plans::{json, nowhere, schema_of, source};
use crate::disk::{Heap, Room};
use crate::effects::Effects;
use crate::record::{RawBatch, RawRecord, Reason};
use crate::table::{Loader, PAIRS, Tables};
use crate::task::Task;

/// The source of the other tests, as a table by `k`.
pub(super) fn table() -> Source {
    let mut table = source();
    table.key = Some(vec![0]);
    table.event_time = None;
    table.columns[0].required = true;
    table
}

/// A record's key and value.
pub(super) type Change = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Changes of a few keys: rows, deletions in each form, and records that say nothing.
pub(super) fn changes(rng: &mut StdRng, count: usize, keys: u32) -> Vec<Change> {
    let one = |rng: &mut StdRng| {
        let k = format!("k{}", rng.random_range(0..keys));
        let key = Some(k.clone().into_bytes());
        match rng.random_range(0..20) {
            0 => (key, Some(b"{\"k\":".to_vec())),
            1 => (key, Some(format!(r#"{{"k":"{k}","v":-1}}"#).into_bytes())),
            2 => (None, None),
            3 => (Some(format!(r#"{{"k":"{k}"}}"#).into_bytes()), None),
            4 | 5 => (key, None),
            n => {
                let v = rng.random_range(0..1000) * n;
                (key, Some(format!(r#"{{"k":"{k}","v":{v}}}"#).into_bytes()))
            }
        }
    };
    (0..count).map(|_| one(rng)).collect()
}

/// What a change does to a plain map; false where it is a dead letter.
pub(super) fn apply(map: &mut BTreeMap<String, i64>, (key, value): &Change) -> bool {
    let Some(value) = value else {
        let Some(key) = key else { return false };
        let key = String::from_utf8(key.clone()).unwrap();
        let named = serde_json::from_str::<serde_json::Value>(&key).ok();
        map.remove(
            named
                .as_ref()
                .map_or(key.as_str(), |n| n["k"].as_str().unwrap()),
        );
        return true;
    };
    let Ok(row) = serde_json::from_slice::<serde_json::Value>(value) else {
        return false;
    };
    let v = row["v"].as_i64().unwrap();
    if v >= 0 {
        map.insert(row["k"].as_str().unwrap().to_owned(), v);
    }
    v >= 0
}

/// Hands changes to something that takes batches.
pub(super) fn in_batches(
    rng: &mut StdRng,
    changes: &[Change],
    take: &mut dyn FnMut(&RawBatch<'_>),
) {
    let mut rest = changes;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rng.random_range(1..=rest.len().min(50)));
        let records: Vec<RawRecord<'_>> = now
            .iter()
            .map(|(key, value)| RawRecord {
                offset: 0,
                timestamp: 5,
                key: key.as_deref(),
                value: value.as_deref(),
            })
            .collect();
        take(&RawBatch {
            topic: "records",
            partition: 0,
            records: &records,
            headers: &|_| Vec::new(),
        });
        rest = later;
    }
}

#[test]
fn changes_of_a_table_come_out_as_rows_and_deletions_by_its_key() {
    for seed in 0..60 {
        let mut rng = StdRng::seed_from_u64(seed);
        let source = table();
        let output = Output {
            severities: vec![],
            from: OutputOf::Rows(Input::Source(0)),
            sink: "out".into(),
            to: nowhere(),
            written: json(),
            key: vec![0],
            schema: Arc::clone(&source.schema),
        };
        let plan = Plan {
            name: "p".into(),
            sources: vec![source],
            streams: vec![],
            outputs: vec![output],
            rules: vec![],
            comparisons: vec![],
            made: vec![],
        };
        let mut task = Task::source(Arc::new(plan), 0, 0).unwrap();
        let changes = changes(&mut rng, 300, 12);
        let mut wanted = BTreeMap::new();
        let bad = changes.iter().filter(|c| !apply(&mut wanted, c)).count();
        let (mut got, mut dead) = (BTreeMap::new(), 0);
        in_batches(&mut rng, &changes, &mut |batch| {
            let mut fx = Effects::default();
            task.process(batch, &mut fx).unwrap();
            dead += fx.dead_letters.len();
            let tombstones = fx.dead_letters.iter().filter(|d| d.value.is_none());
            assert!(
                tombstones
                    .clone()
                    .all(|d| d.key.is_none() && d.reason == Reason::Null)
            );
            for rows in fx.rows {
                let keys = rows.batch.column(0).as_string::<i32>();
                let values = rows.batch.column(1).as_primitive::<Int64Type>();
                let mut once = std::collections::BTreeSet::new();
                for row in 0..rows.batch.num_rows() {
                    let key = keys.value(row).to_owned();
                    assert!(
                        once.insert(key.clone()),
                        "seed {seed}: a key comes once in a batch"
                    );
                    if rows.deleted.as_ref().is_some_and(|d| d.value(row)) {
                        assert!(values.is_null(row));
                        got.remove(&key);
                    } else {
                        got.insert(key, values.value(row));
                    }
                }
            }
        });
        assert_eq!((got, dead), (wanted, bad), "seed {seed}");
    }
}

/// `SELECT r.*, c.v AS known FROM records r [LEFT] JOIN customers c ON r.k = c.k`, where both have the same columns.
pub(super) fn joined(inner: bool, missing: Missing) -> Arc<Plan> {
    let lookup = |records: &Schema| Lookup {
        table: 1,
        find: Find::ByKey,
        key: vec![col("k", records).unwrap()],
        columns: vec![1],
        condition: None,
        inner,
        missing,
        time: None,
        schema: beside(records, &[("known", DataType::Int64)]),
    };
    over_both(lookup)
}

/// `SELECT r.*, c.k AS other, c.v AS same FROM records r [LEFT] JOIN customers c ON r.v = c.v AND r.k <> c.k`.
fn joined_by_value(inner: bool, missing: Missing) -> Arc<Plan> {
    let lookup = |records: &Schema| {
        let schema = beside(
            records,
            &[("other", DataType::Utf8), ("same", DataType::Int64)],
        );
        let is = |left: &str, op, right: &str| {
            binary(
                col(left, &schema).unwrap(),
                op,
                col(right, &schema).unwrap(),
                &schema,
            )
            .unwrap()
        };
        let condition = binary(
            is("v", Operator::Eq, "same"),
            Operator::And,
            is("k", Operator::NotEq, "other"),
            &schema,
        );
        Lookup {
            table: 1,
            find: Find::ByColumns(vec![1]),
            key: vec![col("v", records).unwrap()],
            columns: vec![0, 1],
            condition: Some(condition.unwrap()),
            inner,
            missing,
            time: None,
            schema,
        }
    };
    over_both(lookup)
}

fn beside(records: &Schema, more: &[(&str, DataType)]) -> SchemaRef {
    let more = more
        .iter()
        .map(|(name, t)| Field::new(*name, t.clone(), true));
    let fields = records.fields().iter().cloned();
    let fields: Vec<_> = fields.chain(more.map(Arc::new)).collect();
    Arc::new(Schema::new(fields))
}

/// `records`, a stream, joined with `customers`, a table.
fn over_both(lookup: impl Fn(&Schema) -> Lookup) -> Arc<Plan> {
    let mut records = source();
    records.event_time = None;
    let mut customers = table();
    customers.name = "customers".into();
    let lookup = lookup(&records.schema);
    let schema = Arc::clone(&lookup.schema);
    let stream = Stream {
        name: "joined".into(),
        inputs: vec![Input::Source(0)],
        before: vec![Step::Lookup(lookup)],
        operator: None,
        after: vec![],
        schema: Arc::clone(&schema),
        changes: Changes::Append,
        epoch: 0,
        behind: None,
        misfit: Misfit::Refuse,
    };
    Arc::new(Plan {
        name: "p".into(),
        sources: vec![records, customers],
        streams: vec![stream],
        outputs: vec![Output {
            severities: vec![],
            from: OutputOf::Rows(Input::Stream(0)),
            sink: "out".into(),
            to: nowhere(),
            written: json(),
            key: vec![],
            schema,
        }],
        rules: vec![],
        comparisons: vec![],
        made: vec![],
    })
}

/// A kind of join.
fn drawn(rng: &mut StdRng) -> (bool, Missing) {
    let inner = rng.random_bool(0.5);
    let missing = if rng.random_bool(0.5) {
        Missing::Emit
    } else {
        Missing::DeadLetter
    };
    (inner, missing)
}

/// Tables that may take plenty of memory, or as good as none.
fn tables(rng: &mut StdRng, plan: &Plan) -> Tables {
    let tables = Tables::new(plan).unwrap();
    if rng.random_bool(0.5) {
        tables.set_room(&room(0)).unwrap();
    }
    tables
}

fn room(bytes: usize) -> Room {
    Room {
        bytes,
        at_once: usize::MAX,
        disk: Arc::<Heap>::default(),
    }
}

/// A task of the stream, and what loads the table that it is joined with.
fn started(rng: &mut StdRng, plan: &Arc<Plan>) -> (Task, Loader) {
    let tables = tables(rng, plan);
    let loader = Loader::new(plan, 1, &tables).unwrap();
    let mut task = Task::source(Arc::clone(plan), 0, 0).unwrap();
    task.set_tables(&tables);
    (task, loader)
}

#[test]
fn rows_with_equal_columns_are_all_found() {
    for seed in 0..80 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (inner, missing) = drawn(&mut rng);
        let plan = joined_by_value(inner, missing);
        let (mut task, mut loader) = started(&mut rng, &plan);
        let mut map = BTreeMap::new();
        let (mut got, mut wanted, mut dead, mut lost) = (Vec::new(), Vec::new(), 0, 0);
        for _ in 0..10 {
            let few = |(key, value): Change| {
                let row = value
                    .as_deref()
                    .and_then(|v| serde_json::from_slice(v).ok());
                let value = match row {
                    Some(serde_json::Value::Object(mut row)) if row["v"].as_i64() > Some(0) => {
                        row["v"] = (row["v"].as_i64().unwrap() % 12).into();
                        Some(serde_json::to_vec(&row).unwrap())
                    }
                    _ => value,
                };
                (key, value)
            };
            let changes: Vec<Change> = changes(&mut rng, 40, 30).into_iter().map(few).collect();
            for change in &changes {
                apply(&mut map, change);
            }
            in_batches(&mut rng, &changes, &mut |batch| {
                loader.process(batch).unwrap()
            });
            let facts = facts(&mut rng, 25, 30);
            let facts: Vec<_> = facts.into_iter().map(|(k, v)| (k, v % 14)).collect();
            for (k, v) in &facts {
                let equal = || map.iter().filter(|(_, known)| *known == v);
                let found = equal().filter(|(other, _)| k.as_ref().is_some_and(|k| k != *other));
                let before = wanted.len();
                if equal().next().is_none() && missing == Missing::DeadLetter {
                    lost += 1;
                    continue;
                }
                wanted.extend(found.map(|(other, _)| (k.clone(), *v, Some(other.clone()))));
                if wanted.len() == before && !inner {
                    wanted.push((k.clone(), *v, None));
                }
            }
            let records = records_of(&facts);
            in_batches(&mut rng, &records, &mut |batch| {
                let mut fx = Effects::default();
                task.process(batch, &mut fx).unwrap();
                dead += fx.dead_letters.len();
                for rows in fx.rows {
                    assert!(rows.batch.num_rows() <= PAIRS, "in bounded batches");
                    let text = |column: usize, row: usize| {
                        let column = rows.batch.column(column).as_string::<i32>();
                        column.is_valid(row).then(|| column.value(row).to_owned())
                    };
                    let values = rows.batch.column(1).as_primitive::<Int64Type>();
                    for row in 0..rows.batch.num_rows() {
                        got.push((text(0, row), values.value(row), text(3, row)));
                    }
                }
            });
        }
        got.sort();
        wanted.sort();
        assert_eq!((got, dead), (wanted, lost), "seed {seed}, inner {inner}");
    }
}

/// A row of a stream, and the key in it.
type Fact = (Option<String>, i64);

/// Rows of a stream; some keys are null.
fn facts(rng: &mut StdRng, count: usize, keys: u32) -> Vec<Fact> {
    let one = |n: i64| {
        let key = rng.random_range(0..keys + 2);
        ((key > 0).then(|| format!("k{}", key - 1)), n)
    };
    (0..count as i64).map(one).collect()
}

fn records_of(facts: &[Fact]) -> Vec<Change> {
    let record = |(k, v): &Fact| {
        let value = serde_json::json!({"k": k, "v": v}).to_string();
        (None, Some(value.into_bytes()))
    };
    facts.iter().map(record).collect()
}

#[test]
fn a_row_is_joined_with_the_table_as_it_is_then() {
    for seed in 0..80 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (inner, missing) = drawn(&mut rng);
        let plan = joined(inner, missing);
        let (mut task, mut loader) = started(&mut rng, &plan);
        let (mut map, mut all) = (BTreeMap::new(), Vec::new());
        let (mut got, mut wanted, mut dead, mut lost) = (Vec::new(), Vec::new(), 0, 0);
        for _ in 0..20 {
            let changes = changes(&mut rng, 40, 30);
            for change in &changes {
                apply(&mut map, change);
            }
            in_batches(&mut rng, &changes, &mut |batch| {
                loader.process(batch).unwrap()
            });
            all.extend(changes);
            if rng.random_bool(0.2) {
                // A worker that starts anew reads the table from its first record.
                let again = tables(&mut rng, &plan);
                loader = Loader::new(&plan, 1, &again).unwrap();
                in_batches(&mut rng, &all, &mut |batch| loader.process(batch).unwrap());
                task.set_tables(&again);
                assert_eq!(again.size(1).0, map.len());
            }
            let facts = facts(&mut rng, 25, 30);
            let records = records_of(&facts);
            for (k, v) in &facts {
                let known = k.as_ref().and_then(|k| map.get(k)).copied();
                match (known, k, missing) {
                    (None, Some(_), Missing::DeadLetter) => lost += 1,
                    (None, _, _) if inner => {}
                    _ => wanted.push((k.clone(), *v, known)),
                }
            }
            in_batches(&mut rng, &records, &mut |batch| {
                let mut fx = Effects::default();
                task.process(batch, &mut fx).unwrap();
                assert!(
                    fx.dead_letters
                        .iter()
                        .all(|d| d.reason == Reason::NoTableRow)
                );
                dead += fx.dead_letters.len();
                for rows in fx.rows {
                    let keys = rows.batch.column(0).as_string::<i32>();
                    let values = rows.batch.column(1).as_primitive::<Int64Type>();
                    let known = rows.batch.column(3).as_primitive::<Int64Type>();
                    for row in 0..rows.batch.num_rows() {
                        let key = keys.is_valid(row).then(|| keys.value(row).to_owned());
                        let known = known.is_valid(row).then(|| known.value(row));
                        got.push((key, values.value(row), known));
                    }
                }
            });
        }
        assert_eq!(
            (got, dead),
            (wanted, lost),
            "seed {seed}, inner {inner}, {missing:?}"
        );
    }
}

#[test]
fn rows_that_do_not_fit_into_memory_are_on_disk() {
    let plan = joined(true, Missing::Emit);
    let mut rng = StdRng::seed_from_u64(11);
    let changes = changes(&mut rng, 40_000, 5_000);
    let bytes = |limit: Option<usize>| {
        let tables = Tables::new(&plan).unwrap();
        let mut loader = Loader::new(&plan, 1, &tables).unwrap();
        let mut most = 0;
        for changes in changes.chunks(1_000) {
            in_batches(&mut StdRng::seed_from_u64(5), changes, &mut |batch| {
                loader.process(batch).unwrap();
            });
            if let Some(limit) = limit {
                tables.set_room(&room(limit)).unwrap();
            }
            most = most.max(tables.bytes());
        }
        (most, tables.size(1).0)
    };
    let (all, rows) = bytes(None);
    let (few, same) = bytes(Some(all / 2));
    assert_eq!(rows, same);
    assert!(few <= all / 2, "{few} bytes of {all}");
}

#[test]
fn a_table_that_changes_for_ever_does_not_grow() {
    let plan = joined(true, Missing::Emit);
    let mut rng = StdRng::seed_from_u64(7);
    let tables = Tables::new(&plan).unwrap();
    let mut loader = Loader::new(&plan, 1, &tables).unwrap();
    let mut wanted = BTreeMap::new();
    let mut most = 0;
    for round in 0..200 {
        let changes = changes(&mut rng, 2_000, 20_000);
        for change in &changes {
            apply(&mut wanted, change);
        }
        in_batches(&mut rng, &changes, &mut |batch| {
            loader.process(batch).unwrap()
        });
        if round == 60 {
            most = tables.size(1).1;
        }
    }
    let (rows, bytes) = tables.size(1);
    assert_eq!(rows, wanted.len());
    assert!(bytes < 2 * most + (2 << 20), "{bytes} bytes, {most} before");
}

#[test]
fn a_row_is_joined_with_its_own_partition_of_a_partitioned_table() {
    let plan = joined(false, Missing::Emit);
    let mut plan = Arc::into_inner(plan).unwrap();
    plan.sources[1].distribution = Distribution::Partitioned;
    let plan = Arc::new(plan);
    let tables = Tables::new(&plan).unwrap();
    let mut loader = Loader::new(&plan, 1, &tables).unwrap();
    let mut load = |partition: i32, value: &str| {
        let record = RawRecord {
            offset: 0,
            timestamp: 0,
            key: None,
            value: Some(value.as_bytes()),
        };
        let batch = RawBatch {
            topic: "customers",
            partition,
            records: &[record],
            headers: &|_| Vec::new(),
        };
        loader.process(&batch).unwrap();
    };
    let known = |partition: i32| {
        let mut task = Task::source(Arc::clone(&plan), 0, partition).unwrap();
        task.set_tables(&tables);
        let record = RawRecord {
            offset: 0,
            timestamp: 0,
            key: None,
            value: Some(br#"{"k":"a","v":0}"#),
        };
        let batch = RawBatch {
            topic: "records",
            partition,
            records: &[record],
            headers: &|_| Vec::new(),
        };
        let mut fx = Effects::default();
        task.process(&batch, &mut fx).unwrap();
        let known = fx.rows[0].batch.column(3).as_primitive::<Int64Type>();
        known.is_valid(0).then(|| known.value(0))
    };
    tables.keep(1, &[0, 2].into()).unwrap();
    load(0, r#"{"k":"a","v":10}"#);
    load(2, r#"{"k":"b","v":12}"#);
    load(1, r#"{"k":"a","v":11}"#);
    assert_eq!((known(0), known(2)), (Some(10), None));
    // What stays is kept, what is given away and comes back is loaded anew.
    tables.keep(1, &[0].into()).unwrap();
    tables.keep(1, &[0, 2].into()).unwrap();
    assert_eq!((tables.size(1).0, known(0)), (1, Some(10)));
    load(2, r#"{"k":"a","v":13}"#);
    assert_eq!((known(0), known(2)), (Some(10), Some(13)));
}

/// Five million of them are to fit into a worker of 1 GiB, with all else.
#[test]
fn a_customer_takes_few_bytes() {
    let fields = [
        ("customer_id", DataType::Utf8),
        ("name", DataType::Utf8),
        ("email", DataType::Utf8),
        ("birthdate", DataType::Date32),
    ];
    let mut plan = Arc::into_inner(joined(true, Missing::Emit)).unwrap();
    let customers = &mut plan.sources[1];
    customers.schema = schema_of(&fields);
    customers.check = None;
    let column = |(name, _): &(&str, DataType)| Column {
        name: (*name).to_owned(),
        path: vec![(*name).to_owned()],
        required: false,
    };
    customers.columns = fields.iter().map(column).collect();
    let plan = Arc::new(plan);
    let tables = Tables::new(&plan).unwrap();
    let mut loader = Loader::new(&plan, 1, &tables).unwrap();
    let count = 20_000;
    let customer = |i: u32| {
        let row = serde_json::json!({
            "customer_id": format!("C{i:08}"),
            "name": format!("Given{} Family{}", i % 997, i % 7919),
            "email": format!("given.family{i}@example.org"),
            "birthdate": "1980-02-29",
        });
        (None, Some(row.to_string().into_bytes()))
    };
    let changes: Vec<Change> = (0..count).map(customer).collect();
    let mut rng = StdRng::seed_from_u64(0);
    in_batches(&mut rng, &changes, &mut |batch| {
        loader.process(batch).unwrap()
    });
    let (rows, bytes) = tables.size(1);
    assert_eq!(rows, count as usize);
    // Vectors double, so a little more or less than half of them may be empty.
    assert!(bytes / rows < 160, "{} bytes a row", bytes / rows);
}
