//! What the streams give over all records at once: plain loops over plain maps, sharing nothing with the engine.

mod ordered;
mod pairs;
mod windows;

use std::collections::BTreeMap;

use crate::grammar::{Body, Change, Over, Record, Shape, What, stream_name};

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
            // What rows are joined with hangs on when: these are looked at by themselves.
            What::Live { .. } | What::Merged { .. } => {
                rough = Rough::ALL;
                Flow::default()
            }
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
                    What::Pairs { .. } => pairs::rows(from, &scene, &mut rough, &mut truth.letters),
                    _ => windows::rows(from, &scene, &mut rough, &mut truth.letters),
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
