//! What the streams give over all records at once: plain loops over plain maps, sharing nothing with the engine.

mod ordered;

use std::collections::BTreeMap;

use crate::grammar::{Body, Change, Kind, Over, Record, Shape, What, stream_name};

/// A row's values by column name, as text.
pub(crate) type Row = BTreeMap<String, String>;

/// A dead letter: its stream (empty for the source itself), source, partition and offset.
pub(crate) type Letter = (String, String, i32, i64);

/// What a pipeline has written in the end.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// By stream. Of streams whose rows replace each other, the last one of each identity.
    pub(crate) rows: Vec<Vec<Row>>,
    pub(crate) letters: Vec<Letter>,
    /// By stream: what of it does not follow from the records alone.
    pub(crate) rough: Vec<Rough>,
}

/// What other things than the records have a say in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rough {
    pub(crate) rows: bool,
    pub(crate) letters: bool,
}

impl Rough {
    const ALL: Self = Self {
        rows: true,
        letters: true,
    };
}

/// That a source has got more partitions, and what shards may have closed before they heard of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grown {
    pub(crate) source: usize,
    /// The first new partition.
    pub(crate) from: usize,
    /// Up to where a shard's watermark may have come.
    pub(crate) watermark: Option<i64>,
}

/// The records of each partition of each source, in the order of their offsets.
pub(crate) type Input = Vec<Vec<Vec<Body>>>;

/// Sorts records into partitions.
pub(crate) fn input(shape: &Shape, records: &[Record]) -> Input {
    let mut input: Input = shape
        .sources
        .iter()
        .map(|source| vec![Vec::new(); source.partitions as usize])
        .collect();
    for record in records {
        let partition = input
            .get_mut(record.source)
            .and_then(|source| source.get_mut(record.partition as usize));
        if let Some(partition) = partition {
            partition.push(record.body.clone());
        }
    }
    input
}

/// A row on its way through the streams.
#[derive(Debug, Clone)]
struct Item {
    partition: usize,
    offset: i64,
    /// The watermark of its partition before it.
    before: Option<i64>,
    /// The time that decides about its window, in milliseconds.
    time: i64,
    columns: BTreeMap<String, String>,
    numbers: BTreeMap<&'static str, i128>,
}

/// A stream's rows, and the watermark behind them in each partition of the source that they come from.
#[derive(Debug, Clone, Default)]
struct Flow {
    items: Vec<Item>,
    watermarks: Vec<Option<i64>>,
}

/// What the pipeline has written when all of `input` has been read, and, if `ended`, all windows have closed.
pub(crate) fn truth(shape: &Shape, input: &Input, grown: Option<Grown>, ended: bool) -> Truth {
    let mut truth = Truth::default();
    let sources: Vec<Flow> = shape
        .sources
        .iter()
        .zip(input)
        .enumerate()
        .map(|(index, (source, partitions))| {
            decoded(
                index,
                source.disorder * 1_000,
                partitions,
                &mut truth.letters,
            )
        })
        .collect();
    let mut flows: Vec<Flow> = Vec::new();
    for (index, stream) in shape.streams.iter().enumerate() {
        let empty = Flow::default();
        let from = match stream.over {
            Over::Source(source) => sources.get(source),
            Over::Stream(stream) => flows.get(stream),
        };
        let from = from.unwrap_or(&empty);
        let local = shape.is_local(stream.over, stream.what.key());
        let root = shape.root(stream.over);
        let name = (stream_name(index), format!("source_{root}"));
        let mut rough = Rough::default();
        let flow = match stream.what {
            What::Rows => filtered(from),
            What::Table { key } => table(from, key),
            What::Joined { inner, letters } => {
                let (flow, missing) = joined(from, &shape.table, inner || letters);
                if letters {
                    let letter = |item: &Item| {
                        let (stream, source) = name.clone();
                        (stream, source, item.partition as i32, item.offset)
                    };
                    truth.letters.extend(missing.iter().map(letter));
                }
                flow
            }
            What::Results { .. } => {
                if let Over::Stream(inner) = stream.over {
                    rough = truth.rough.get(inner).copied().unwrap_or_default();
                }
                chosen(from)
            }
            What::Window { .. } | What::Ordered { .. } | What::Pairs { .. } => {
                let scene = Scene {
                    what: stream.what,
                    local,
                    grown: grown.filter(|grown| grown.source == root && !local),
                    ended,
                    name: &name,
                };
                // When a partition is idle is told by the workers' clock.
                if shape.idle_of(stream.over).is_some() {
                    rough = Rough::ALL;
                }
                match stream.what {
                    What::Ordered { .. } => {
                        ordered::rows(from, &scene, &mut rough, &mut truth.letters)
                    }
                    What::Pairs { .. } => pairs(from, &scene, &mut rough, &mut truth.letters),
                    _ => windows(from, &scene, &mut rough, &mut truth.letters),
                }
            }
        };
        truth.rough.push(rough);
        truth.rows.push(flow.items.iter().map(shown).collect());
        flows.push(flow);
    }
    truth.letters.sort();
    truth
}

fn shown(item: &Item) -> Row {
    let numbers = item
        .numbers
        .iter()
        .map(|(name, n)| ((*name).to_owned(), n.to_string()));
    item.columns.clone().into_iter().chain(numbers).collect()
}

fn decoded(
    source: usize,
    disorder: i64,
    partitions: &[Vec<Body>],
    letters: &mut Vec<Letter>,
) -> Flow {
    let mut flow = Flow::default();
    for (partition, bodies) in partitions.iter().enumerate() {
        let mut highest: Option<i64> = None;
        for (offset, body) in (0..).zip(bodies) {
            if *body == Body::Unread {
                continue;
            }
            let Body::Row { k, g, v, ts } = body else {
                letters.push((
                    String::new(),
                    format!("source_{source}"),
                    partition as i32,
                    offset,
                ));
                continue;
            };
            if *v < 0 {
                letters.push((
                    String::new(),
                    format!("source_{source}"),
                    partition as i32,
                    offset,
                ));
                continue;
            }
            flow.items.push(Item {
                partition,
                offset,
                before: highest.map(|h| h - disorder),
                time: *ts,
                columns: [("k", k), ("g", g)]
                    .map(|(n, c)| (n.to_owned(), c.clone()))
                    .into(),
                numbers: [("v", i128::from(*v)), ("ts", i128::from(*ts))].into(),
            });
            highest = highest.max(Some(*ts));
        }
        flow.watermarks.push(highest.map(|h| h - disorder));
    }
    flow
}

fn filtered(from: &Flow) -> Flow {
    let passes = |item: &&Item| item.numbers.get("v").is_some_and(|v| v % 3 != 0);
    Flow {
        items: from.items.iter().filter(passes).cloned().collect(),
        watermarks: from.watermarks.clone(),
    }
}

/// Rows with what the table has of them; those that it has nothing for, apart if they are to be left out.
fn joined(from: &Flow, table: &[Change], leave_out: bool) -> (Flow, Vec<Item>) {
    let mut latest: BTreeMap<&str, i64> = BTreeMap::new();
    for (key, value) in table {
        match value {
            Some(value) => latest.insert(key, *value),
            None => latest.remove(key),
        };
    }
    let known = |item: &Item| latest.get(item.columns.get("g")?.as_str()).copied();
    let (mut items, missing): (Vec<Item>, Vec<Item>) = from
        .items
        .iter()
        .cloned()
        .partition(|item| !leave_out || known(item).is_some());
    for item in &mut items {
        let value = known(item).map_or("null".to_owned(), |w| w.to_string());
        item.columns.insert("w".to_owned(), value);
    }
    let watermarks = from.watermarks.clone();
    (Flow { items, watermarks }, missing)
}

fn table(from: &Flow, key: &str) -> Flow {
    let mut groups: BTreeMap<String, Vec<&Item>> = BTreeMap::new();
    for item in &from.items {
        groups
            .entry(item.columns.get(key).cloned().unwrap_or_default())
            .or_default()
            .push(item);
    }
    let row = |(value, items): (&String, &Vec<&Item>)| Item {
        partition: 0,
        offset: 0,
        before: None,
        time: 0,
        columns: [(key.to_owned(), value.clone())].into(),
        numbers: sums(items),
    };
    Flow {
        items: groups.iter().map(row).collect(),
        watermarks: from.watermarks.clone(),
    }
}

fn sums(items: &[&Item]) -> BTreeMap<&'static str, i128> {
    let values = || {
        items
            .iter()
            .filter_map(|item| item.numbers.get("v").copied())
    };
    [
        ("total", values().sum()),
        ("n", values().count() as i128),
        ("low", values().min().unwrap_or(0)),
        ("high", values().max().unwrap_or(0)),
    ]
    .into()
}

fn chosen(from: &Flow) -> Flow {
    let mut flow = from.clone();
    flow.items
        .retain(|item| item.numbers.get("n").is_some_and(|&n| n > 1));
    for item in &mut flow.items {
        item.numbers
            .retain(|name, _| ["total", "n", "ws"].contains(name));
    }
    flow
}

/// A grouping by windows, and where it is.
struct Scene<'a> {
    what: What,
    local: bool,
    /// Shards are told of new partitions after these were there.
    grown: Option<Grown>,
    ended: bool,
    /// The stream and the source that its rows come from.
    name: &'a (String, String),
}

impl Scene<'_> {
    /// The watermark where the rows of a partition are.
    fn watermark(&self, from: &Flow, partition: usize) -> Option<i64> {
        match self.local {
            true => from.watermarks.get(partition).copied().flatten(),
            // The partition furthest behind decides; one that has had no record yet holds all back.
            false => from.watermarks.iter().copied().min().flatten(),
        }
    }

    /// Whether shards may have gone further than they would have if they had known of new partitions.
    fn hears_late(&self, from: &Flow) -> bool {
        let lowest = from.watermarks.iter().copied().min().flatten();
        !self.ended && self.grown.is_some_and(|grown| grown.watermark > lowest)
    }

    /// Up to where shards may have come before they heard of the partition that a row is in.
    fn shut(&self, item: &Item) -> Option<i64> {
        let grown = self.grown.filter(|grown| item.partition >= grown.from);
        grown.and_then(|grown| grown.watermark)
    }
}

/// A group: the partition where it matters, and the key.
type Group = (usize, String);

/// Rows of a group in a window, from start to end.
type Windows<'a> = BTreeMap<(Group, (i64, i64)), Vec<&'a Item>>;

fn windows(from: &Flow, scene: &Scene<'_>, rough: &mut Rough, letters: &mut Vec<Letter>) -> Flow {
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

/// Each row with those that belong to it. A row is read twice, once for each side.
fn pairs(from: &Flow, scene: &Scene<'_>, rough: &mut Rough, letters: &mut Vec<Letter>) -> Flow {
    let What::Pairs {
        key,
        earliest,
        latest,
        alone,
        drops,
    } = scene.what
    else {
        return Flow::default();
    };
    let is_late = |item: &&Item| item.before.is_some_and(|before| item.time < before);
    for item in from.items.iter().filter(is_late).filter(|_| !drops) {
        let letter = (
            scene.name.0.clone(),
            scene.name.1.clone(),
            item.partition as i32,
            item.offset,
        );
        letters.extend([letter.clone(), letter]);
    }
    let group = |item: &Item| {
        let place = if scene.local { item.partition } else { 0 };
        (place, item.columns.get(key).cloned().unwrap_or_default())
    };
    let value = |item: &Item| item.numbers.get("v").copied().unwrap_or_default();
    let on_time: Vec<&Item> = from.items.iter().filter(|item| !is_late(item)).collect();
    let lowest = from.watermarks.iter().copied().min().flatten();
    let grown = scene
        .grown
        .and_then(|grown| Some((grown.from, grown.watermark?)));
    if let Some((new, shut)) = grown {
        // A shard may have let rows go that those of a new partition belong to, or find these late.
        let came_behind = |item: &&&Item| item.partition >= new && item.time <= shut + 3_000;
        if on_time.iter().any(|item| came_behind(&item)) || Some(shut) > lowest {
            *rough = Rough::ALL;
        }
    }
    let mut found = Vec::new();
    for &item in &on_time {
        let belongs = |other: &&&Item| {
            let apart = other.time - item.time;
            let near = (earliest * 1_000..=latest * 1_000).contains(&apart);
            near && group(other) == group(item) && value(other) < value(item)
        };
        let mut others: Vec<i128> = on_time.iter().filter(belongs).map(|o| value(o)).collect();
        let watermark = match scene.local {
            true => from.watermarks.get(item.partition).copied().flatten(),
            false => lowest,
        };
        let is_due = watermark.is_some_and(|w| w > item.time + latest * 1_000);
        if others.is_empty() && alone && (scene.ended || is_due) {
            others.push(-1);
        }
        for other in others {
            let mut pair = item.clone();
            pair.columns.retain(|name, _| name == key);
            pair.numbers.insert("w", other);
            found.push(pair);
        }
    }
    Flow {
        items: found,
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
    use crate::grammar::{BEGIN, SourceShape, StreamShape};

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
