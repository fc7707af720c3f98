//! Tables against a plain map.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{Input, Output, OutputOf, Plan, Source};

use super::plans::{nowhere, source};
use crate::effects::Effects;
use crate::record::{RawBatch, RawRecord, Reason};
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
