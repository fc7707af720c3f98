//! Groups in windows.

use std::collections::BTreeMap;

use super::{Flow, Group, Item, Letter, Rough, Scene, sums};
use crate::grammar::{Kind, What};

/// Rows of a group in a window, from start to end.
type Windows<'a> = BTreeMap<(Group, (i64, i64)), Vec<&'a Item>>;

pub(super) fn rows(
    from: &Flow,
    scene: &Scene<'_>,
    rough: &mut Rough,
    letters: &mut Vec<Letter>,
) -> Flow {
    let What::Window {
        key,
        kind,
        lateness,
        on_update,
        drops,
    } = scene.what
    else {
        return Flow::default();
    };
    let lateness = lateness * 1_000;
    // A row may come at the watermark itself, and joins a session that ends there.
    let past = lateness + i64::from(matches!(kind, Kind::Session(_)));
    let mut windows = Windows::new();
    for item in &from.items {
        let value = item.columns.get(key).cloned().unwrap_or_default();
        let place = if scene.local { item.partition } else { 0 };
        let closed = item.before.map_or(i64::MIN, |before| before - past);
        let taken = put(&mut windows, kind, (place, value), item, closed);
        if !taken && !drops {
            letters.push((
                scene.name.0.clone(),
                scene.name.1.clone(),
                item.partition as i32,
                item.offset,
            ));
        }
        // A row that is behind what had closed for it may join a session of another partition that is still open: which
        // came to the shard first decides. Its dead letter is the shard's.
        if matches!(kind, Kind::Session(_)) && !scene.local && item.time <= closed {
            rough.letters = true;
            rough.rows |= from.watermarks.len() > 1;
        }
        let shut = scene.shut(item);
        if shut.is_some_and(|shut| taken && reach(kind, item.time) + lateness <= shut) {
            *rough = Rough::ALL;
        }
    }
    if scene.hears_late(from) {
        *rough = Rough::ALL;
    }
    let has_closed = |place: usize, end: i64| {
        scene.ended
            || scene
                .watermark(from, place)
                .is_some_and(|w| end + past <= w)
    };
    let row = |(((place, value), (start, end)), items): (&(Group, (i64, i64)), &Vec<&Item>)| {
        let mut numbers = sums(items);
        numbers.insert("ws", i128::from(*start));
        numbers.insert("we", i128::from(*end));
        Item {
            partition: *place,
            offset: 0,
            before: None,
            time: *start,
            columns: [(key.to_owned(), value.clone())].into(),
            numbers,
        }
    };
    let shown = windows
        .iter()
        .filter(|(((place, _), (_, end)), _)| on_update || has_closed(*place, *end));
    Flow {
        items: shown.map(row).collect(),
        watermarks: from.watermarks.clone(),
    }
}

/// The end of the first window that a row of this time goes into: of a session, one that ended with it.
fn reach(kind: Kind, time: i64) -> i64 {
    if let Kind::Session(_) = kind {
        return time;
    }
    let ends = spans(kind, time).into_iter().map(|(_, end)| end);
    ends.min().unwrap_or(time)
}

/// Start and end of the windows that a time falls into, in milliseconds.
fn spans(kind: Kind, time: i64) -> Vec<(i64, i64)> {
    let floor = |to: i64| time.div_euclid(to * 1_000) * to * 1_000;
    match kind {
        Kind::Tumble(size) => vec![(floor(size), floor(size) + size * 1_000)],
        Kind::Hop { slide, size } => (0..size / slide)
            .map(|back| floor(slide) - back * slide * 1_000)
            .map(|start| (start, start + size * 1_000))
            .collect(),
        Kind::Cumulate { step, size } => (1..=size / step)
            .map(|steps| (floor(size), floor(size) + steps * step * 1_000))
            .filter(|(_, end)| time < *end)
            .collect(),
        Kind::Session(gap) => vec![(time, time + gap * 1_000)],
    }
}

/// Puts a row into its windows that end after `closed`; whether there is one.
fn put<'a>(
    windows: &mut Windows<'a>,
    kind: Kind,
    group: Group,
    item: &'a Item,
    closed: i64,
) -> bool {
    let mut open = spans(kind, item.time);
    let (mut start, mut end) = open.first().copied().unwrap_or_default();
    if !matches!(kind, Kind::Session(_)) {
        open.retain(|(_, end)| *end > closed);
        for span in &open {
            windows
                .entry((group.clone(), *span))
                .or_default()
                .push(item);
        }
        return !open.is_empty();
    }
    let touches = |(of, (s, e)): &&(Group, (i64, i64))| {
        *of == group && *e > closed && *s <= end && *e >= start
    };
    let joined: Vec<_> = windows.keys().filter(touches).cloned().collect();
    if joined.is_empty() && end <= closed {
        return false;
    }
    let mut items = vec![item];
    for session in joined {
        (start, end) = (start.min(session.1.0), end.max(session.1.1));
        items.extend(windows.remove(&session).unwrap_or_default());
    }
    windows
        .entry((group, (start, end)))
        .or_default()
        .extend(items);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{BEGIN, Body, Over, Shape, SourceShape, StreamShape};
    use crate::oracle::truth;

    fn row(k: &str, v: i64, seconds: i64) -> Body {
        Body::Row {
            k: k.to_owned(),
            g: "x".to_owned(),
            v,
            ts: BEGIN + seconds * 1_000,
        }
    }

    #[test]
    fn windows_by_hand() {
        let window = What::Window {
            key: "k",
            kind: Kind::Tumble(10),
            on_update: false,
            lateness: 0,
            drops: false,
        };
        let shape = Shape {
            rules: false,
            sources: vec![SourceShape {
                partitions: 1,
                disorder: 0,
                by_key: true,
                idle: None,
                latest: false,
            }],
            streams: vec![StreamShape {
                over: Over::Source(0),
                what: window,
                outside: false,
            }],
            table: Vec::new(),
            shards: 1,
            letters: false,
        };
        let bodies = vec![
            row("a", 1, 1),
            row("a", 2, 9),
            row("a", 4, 12),
            row("a", 8, 3),
            Body::Garbage,
        ];
        let input = vec![vec![bodies]];
        let found = |ended| -> Vec<String> {
            let rows = truth(&shape, &input, None, ended).rows;
            rows.concat()
                .iter()
                .filter_map(|row| row.get("total").cloned())
                .collect()
        };
        assert_eq!(found(false), ["3"], "the second window is open");
        assert_eq!(found(true), ["3", "4"]);
        let source = || "source_0".to_owned();
        assert_eq!(
            truth(&shape, &input, None, true).letters,
            [
                (String::new(), source(), 0, 4),
                ("stream_0".to_owned(), source(), 0, 3)
            ]
        );
    }
}
