//! What the order of rows decides about: by key, sorted by time and then as they were read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Flow, Group, Item, Letter, Rough, Scene, sums};
use crate::grammar::{Order, What};

pub(super) fn rows(
    from: &Flow,
    scene: &Scene<'_>,
    rough: &mut Rough,
    letters: &mut Vec<Letter>,
) -> Flow {
    let What::Ordered { key, order, drops } = scene.what else {
        return Flow::default();
    };
    let mut groups: BTreeMap<Group, Vec<&Item>> = BTreeMap::new();
    for item in &from.items {
        let due = order.due(item.time);
        if item.before.is_some_and(|before| due < before) {
            if !drops {
                let (stream, source) = scene.name.clone();
                letters.push((stream, source, item.partition as i32, item.offset));
            }
            continue;
        }
        if scene.shut(item).is_some_and(|shut| due <= shut) {
            *rough = Rough::ALL;
        }
        let place = if scene.local { item.partition } else { 0 };
        let value = item.columns.get(key).cloned().unwrap_or_default();
        groups.entry((place, value)).or_default().push(item);
    }
    if scene.hears_late(from) {
        *rough = Rough::ALL;
    }
    let mut flow = Flow {
        items: Vec::new(),
        watermarks: from.watermarks.clone(),
    };
    for ((place, value), mut items) in groups {
        items.sort_by_key(|item| (item.time, item.partition, item.offset));
        let given = match order {
            Order::Moving(span) => moving(&items, span, false),
            Order::Numbered(span) => moving(&items, span, true),
            Order::Counted(rows) => counted(&items, rows, key, &value),
            Order::First(size) => first(&items, size),
        };
        let has_gone = |item: &Item| {
            let watermark = scene.watermark(from, place);
            scene.ended || watermark.is_some_and(|w| order.due(item.time) < w)
        };
        flow.items.extend(given.into_iter().filter(has_gone));
    }
    flow
}

impl Order {
    /// The time that the watermark must have passed, in milliseconds.
    fn due(self, time: i64) -> i64 {
        match self {
            Self::First(size) => end(time, size),
            Self::Moving(_) | Self::Numbered(_) | Self::Counted(_) => time,
        }
    }
}

/// The end of a row's window.
fn end(time: i64, size: i64) -> i64 {
    (time.div_euclid(size * 1_000) + 1) * size * 1_000
}

/// Each row, with the sum of those up to so many seconds before it. Those of its own time are among them.
fn moving(items: &[&Item], span: i64, numbered: bool) -> Vec<Item> {
    let row = |(number, item): (i128, &&Item)| {
        let within =
            |other: &&&Item| other.time >= item.time - span * 1_000 && other.time <= item.time;
        let values = items.iter().filter(within);
        let values = values.filter_map(|other| other.numbers.get("v"));
        let mut row = (*item).clone();
        row.numbers.insert("total", values.sum());
        if numbered {
            row.numbers.insert("number", number);
        }
        row
    };
    (1..).zip(items).map(row).collect()
}

/// Each so many rows in one. It goes when its last row does.
fn counted(items: &[&Item], rows: usize, key: &str, value: &str) -> Vec<Item> {
    let row = |window: &[&Item]| {
        let (first, last) = (window.first()?, window.last()?);
        let mut row = (*last).clone();
        row.columns = [(key.to_owned(), value.to_owned())].into();
        row.numbers = sums(window);
        row.numbers.insert("ws", i128::from(first.time));
        row.numbers.insert("wt", i128::from(last.time));
        Some(row)
    };
    items.chunks_exact(rows).filter_map(row).collect()
}

/// The two of each window that have most.
fn first(items: &[&Item], size: i64) -> Vec<Item> {
    let mut windows: BTreeMap<i64, Vec<&Item>> = BTreeMap::new();
    for item in items {
        let window = windows.entry(end(item.time, size)).or_default();
        window.push(item);
    }
    let mut rows = Vec::new();
    for mut window in windows.into_values() {
        window.sort_by_key(|item| {
            let most = item.numbers.get("v").copied().map(Reverse);
            (most, item.partition, item.offset)
        });
        for (number, item) in (1..=2).zip(window) {
            let mut row = item.clone();
            row.numbers.insert("number", number);
            rows.push(row);
        }
    }
    rows
}
