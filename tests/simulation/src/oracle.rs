//! What the streams give over all records at once: plain loops over plain maps, sharing nothing with the engine.

use std::collections::BTreeMap;

use crate::grammar::{Body, Over, Record, Shape, What, stream_name};

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
pub(crate) fn truth(shape: &Shape, input: &Input, ended: bool) -> Truth {
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
        let flow = match stream.what {
            What::Rows => filtered(from),
            What::Table { key } => table(from, key),
            What::Results { .. } => chosen(from),
            What::Window { .. } => {
                windows(from, stream.what, local, ended, &name, &mut truth.letters)
            }
        };
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

/// Which group, in which window: the partition where it matters, the key, the window's start.
type Group = (usize, String, i64);

fn windows(
    from: &Flow,
    what: What,
    local: bool,
    ended: bool,
    (stream, source): &(String, String),
    letters: &mut Vec<Letter>,
) -> Flow {
    let What::Window {
        key,
        size,
        lateness,
        on_update,
        drops,
    } = what
    else {
        return Flow::default();
    };
    let (size, lateness) = (size * 1_000, lateness * 1_000);
    let mut groups: BTreeMap<Group, Vec<&Item>> = BTreeMap::new();
    for item in &from.items {
        let start = item.time.div_euclid(size) * size;
        if item
            .before
            .is_some_and(|before| start + size + lateness <= before)
        {
            if !drops {
                letters.push((
                    stream.clone(),
                    source.clone(),
                    item.partition as i32,
                    item.offset,
                ));
            }
            continue;
        }
        let value = item.columns.get(key).cloned().unwrap_or_default();
        let place = if local { item.partition } else { 0 };
        groups.entry((place, value, start)).or_default().push(item);
    }
    // Behind a shuffle the partition furthest behind decides; one that has had no record yet holds all back.
    let lowest = from.watermarks.iter().copied().min().flatten();
    let watermark = |place: usize| match local {
        true => from.watermarks.get(place).copied().flatten(),
        false => lowest,
    };
    let has_closed = |place: usize, start: i64| {
        ended || watermark(place).is_some_and(|w| start + size + lateness <= w)
    };
    let row = |((place, value, start), items): (&Group, &Vec<&Item>)| {
        let mut numbers = sums(items);
        numbers.insert("ws", i128::from(*start));
        numbers.insert("we", i128::from(start + size));
        Item {
            partition: *place,
            offset: 0,
            before: None,
            time: *start,
            columns: [(key.to_owned(), value.clone())].into(),
            numbers,
        }
    };
    let shown = groups
        .iter()
        .filter(|((place, _, start), _)| on_update || has_closed(*place, *start));
    let items = shown.map(row).collect();
    Flow {
        items,
        watermarks: from.watermarks.clone(),
    }
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
            size: 10,
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
            }],
            streams: vec![StreamShape {
                over: Over::Source(0),
                what: window,
                outside: false,
            }],
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
            let rows = truth(&shape, &input, ended).rows;
            rows.concat()
                .iter()
                .filter_map(|row| row.get("total").cloned())
                .collect()
        };
        assert_eq!(found(false), ["3"], "the second window is open");
        assert_eq!(found(true), ["3", "4"]);
        let source = || "source_0".to_owned();
        assert_eq!(
            truth(&shape, &input, true).letters,
            [
                (String::new(), source(), 0, 4),
                ("stream_0".to_owned(), source(), 0, 3)
            ]
        );
    }
}
