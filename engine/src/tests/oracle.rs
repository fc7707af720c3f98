//! What the streams of the test plan give over all records at once, worked out the plain way.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_plan::model::WindowKind;

use super::plans::{SECOND, Shape};

/// A dead letter: the stream, the reason, the partition and the offset.
pub(super) type Rejected = (String, String, i32, i64);

#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) clean: Vec<Vec<String>>,
    pub(super) sums: Vec<Vec<String>>,
    pub(super) totals: Vec<Vec<String>>,
    pub(super) table: BTreeMap<String, Vec<String>>,
    pub(super) live: Vec<Vec<String>>,
    pub(super) dead: Vec<Rejected>,
    pub(super) dropped: u64,
}

#[derive(Debug, Clone)]
struct Row {
    k: String,
    v: i64,
    ts: i64,
}

/// Start and end of the windows that a time falls into.
fn windows_of(kind: WindowKind, time: i64) -> Vec<(i64, i64)> {
    let floor = |t: i64, to: i64| t.div_euclid(to) * to;
    match kind {
        WindowKind::Tumble { size } => vec![(floor(time, size), floor(time, size) + size)],
        WindowKind::Hop { slide, size } => (0..size / slide)
            .map(|i| floor(time, slide) - i * slide)
            .map(|start| (start, start + size))
            .collect(),
        WindowKind::Cumulate { step, size } => (1..=size / step)
            .map(|i| (floor(time, size), floor(time, size) + i * step))
            .filter(|(_, end)| time < *end)
            .collect(),
        WindowKind::Session { .. } => unreachable!("other rows decide about sessions"),
    }
}

/// Windows with their rows.
type Windows = BTreeMap<(String, (i64, i64)), Vec<Row>>;

/// Puts a row into the windows that end after a time; whether there is one.
fn put(windows: &mut Windows, kind: WindowKind, row: &Row, closed: i64) -> bool {
    let WindowKind::Session { gap } = kind else {
        let mut open = windows_of(kind, row.ts);
        open.retain(|(_, end)| *end > closed);
        for window in &open {
            let rows = windows.entry((row.k.clone(), *window)).or_default();
            rows.push(row.clone());
        }
        return !open.is_empty();
    };
    let (mut start, mut end) = (row.ts, row.ts + gap);
    let joins =
        |k: &String, s: i64, e: i64| *k == row.k && e > closed && s <= row.ts + gap && e >= row.ts;
    let joined: Vec<_> = windows.keys().cloned().collect();
    let joined = joined.into_iter().filter(|(k, (s, e))| joins(k, *s, *e));
    let joined: Vec<_> = joined.collect();
    if joined.is_empty() && end <= closed {
        return false;
    }
    let mut rows = vec![];
    for window in joined {
        (start, end) = (start.min(window.1.0), end.max(window.1.1));
        rows.extend(windows.remove(&window).unwrap());
    }
    rows.push(row.clone());
    let before = windows.insert((row.k.clone(), (start, end)), rows);
    assert!(before.is_none());
    true
}

fn group(k: &str, (start, end): (i64, i64), rows: &[Row]) -> Vec<String> {
    let total: i64 = rows.iter().map(|r| r.v).sum();
    let different: BTreeSet<i64> = rows.iter().map(|r| r.v).collect();
    let odd = rows.iter().filter(|r| r.v % 2 == 1).count();
    vec![
        k.to_owned(),
        start.to_string(),
        end.to_string(),
        total.to_string(),
        rows.len().to_string(),
        k.to_owned(),
        rows.iter().map(|r| r.ts).max().unwrap_or(0).to_string(),
        format!("{:.3}", total as f64 / rows.len() as f64),
        different.len().to_string(),
        odd.to_string(),
    ]
}

pub(super) fn wanted(sources: &[Vec<Vec<u8>>], shape: &Shape, by_key: bool) -> Wanted {
    let mut out = Wanted::default();
    let mut windows = Windows::new();
    let mut tables: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for (partition, log) in sources.iter().enumerate() {
        let mut highest: Option<i64> = None;
        for (offset, value) in log.iter().enumerate() {
            let mut reject = |stream: &str, reason: &str| {
                out.dead.push((
                    stream.to_owned(),
                    reason.to_owned(),
                    partition as i32,
                    offset as i64,
                ));
            };
            let Ok(json) = serde_json::from_slice::<serde_json::Value>(value) else {
                reject("", "MalformedJson");
                continue;
            };
            let Some(v) = json["v"].as_i64().filter(|&v| v >= 0) else {
                reject("", "CheckFailed");
                continue;
            };
            let Some(ts) = json["ts"].as_i64() else {
                reject("", "MissingRequired");
                continue;
            };
            let before = highest.map(|h| h - 4 * SECOND);
            highest = highest.max(Some(ts));
            if v == 7 {
                continue;
            }
            if v == 5 {
                reject("clean", "ExpressionFailed");
                continue;
            }
            let row = Row {
                k: json["k"].as_str().unwrap_or_default().to_owned(),
                v,
                ts,
            };
            out.clean.push(vec![
                row.k.clone(),
                v.to_string(),
                ts.to_string(),
                (100 / (v - 5)).to_string(),
            ]);
            tables.entry(row.k.clone()).or_default().push(row.clone());
            let mut closed = before.map_or(i64::MIN, |b| b - shape.allowed_lateness);
            if let WindowKind::Session { .. } = shape.kind {
                // A row at the watermark may still come, and would join a session that ends there.
                closed = closed.saturating_sub(1);
            }
            if !put(&mut windows, shape.kind, &row, closed) {
                if shape.late == tidemill_plan::model::Late::Drop {
                    out.dropped += 2;
                } else {
                    reject("sums", "Late");
                    reject("live", "Late");
                }
            }
        }
    }
    let mut totals: BTreeMap<(i64, String), (usize, usize)> = BTreeMap::new();
    for ((k, window), rows) in &windows {
        out.sums.push(group(k, *window, rows));
        let time = match shape.kind {
            WindowKind::Session { .. } => window.1,
            _ => window.0,
        };
        let outer = time.div_euclid(30 * SECOND) * 30 * SECOND;
        let total = totals
            .entry((outer, if by_key { k.clone() } else { String::new() }))
            .or_default();
        *total = (total.0 + rows.len(), total.1 + 1);
    }
    for ((start, k), (n, count)) in totals {
        let mut row = vec![start.to_string(), n.to_string(), count.to_string()];
        if by_key {
            row.push(k);
        }
        out.totals.push(row);
    }
    out.live = out.sums.clone();
    for (k, rows) in tables {
        let rest = rows.len() as i64 % 3;
        if rest != 0 {
            let total: i64 = rows.iter().map(|r| r.v).sum();
            out.table.insert(
                k.clone(),
                vec![k, total.to_string(), (60 / rest).to_string()],
            );
        }
    }
    for list in [
        &mut out.clean,
        &mut out.sums,
        &mut out.totals,
        &mut out.live,
    ] {
        list.sort();
    }
    out.dead.sort();
    out
}
