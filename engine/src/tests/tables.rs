//! Tables against a plain map.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use arrow::datatypes::{Field, Schema};
use datafusion_physical_expr::expressions::col;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{
    Changes, Input, Lookup, Misfit, Missing, Output, OutputOf, Plan, Source, Step, Stream,
};

use super::plans::{json, nowhere, source};
use crate::effects::Effects;
use crate::record::{RawBatch, RawRecord, Reason};
use crate::table::{Loader, Tables};
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

/// `records`, a stream, joined with `customers`, a table of the same columns: `SELECT r.*, c.v AS known`.
fn joined(inner: bool, missing: Missing) -> Arc<Plan> {
    let mut records = source();
    records.event_time = None;
    let mut customers = table();
    customers.name = "customers".into();
    let known = Field::new("known", arrow::datatypes::DataType::Int64, true);
    let fields = records.schema.fields().iter().cloned();
    let fields: Vec<_> = fields.chain([Arc::new(known)]).collect();
    let schema = Arc::new(Schema::new(fields));
    let stream = Stream {
        name: "joined".into(),
        inputs: vec![Input::Source(0)],
        before: vec![Step::Lookup(Lookup {
            table: 1,
            key: vec![col("k", &records.schema).unwrap()],
            columns: vec![1],
            condition: None,
            inner,
            missing,
            schema: Arc::clone(&schema),
        })],
        operator: None,
        after: vec![],
        schema: Arc::clone(&schema),
        changes: Changes::Append,
        epoch: 0,
        misfit: Misfit::Refuse,
    };
    Arc::new(Plan {
        name: "p".into(),
        sources: vec![records, customers],
        streams: vec![stream],
        outputs: vec![Output {
            from: OutputOf::Rows(Input::Stream(0)),
            sink: "out".into(),
            to: nowhere(),
            written: json(),
            key: vec![],
            schema,
        }],
    })
}

/// Rows of a stream, and the keys in them; some keys are null.
fn facts(rng: &mut StdRng, count: usize, keys: u32) -> Vec<(Option<String>, i64)> {
    let one = |n: i64| {
        let key = rng.random_range(0..keys + 2);
        ((key > 0).then(|| format!("k{}", key - 1)), n)
    };
    (0..count as i64).map(one).collect()
}

#[test]
fn a_row_is_joined_with_the_table_as_it_is_then() {
    for seed in 0..80 {
        let mut rng = StdRng::seed_from_u64(seed);
        let inner = rng.random_bool(0.5);
        let missing = if rng.random_bool(0.5) {
            Missing::Emit
        } else {
            Missing::DeadLetter
        };
        let plan = joined(inner, missing);
        let tables = Tables::new(&plan).unwrap();
        let mut loader = Loader::new(&plan, 1, &tables).unwrap();
        let mut task = Task::source(Arc::clone(&plan), 0, 0).unwrap();
        task.set_tables(&tables);
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
                let again = Tables::new(&plan).unwrap();
                loader = Loader::new(&plan, 1, &again).unwrap();
                in_batches(&mut rng, &all, &mut |batch| loader.process(batch).unwrap());
                task.set_tables(&again);
                assert_eq!(again.size(1).0, map.len());
            }
            let facts = facts(&mut rng, 25, 30);
            let records: Vec<Change> = facts
                .iter()
                .map(|(k, v)| {
                    (
                        None,
                        Some(serde_json::json!({"k": k, "v": v}).to_string().into_bytes()),
                    )
                })
                .collect();
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
fn a_table_that_changes_for_ever_does_not_grow() {
    let plan = joined(true, Missing::Emit);
    let tables = Tables::new(&plan).unwrap();
    let mut loader = Loader::new(&plan, 1, &tables).unwrap();
    let mut rng = StdRng::seed_from_u64(7);
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
