//! What the pipeline has written against what it should have.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tidemill_plan::model::Plan;
use tidemill_worker::log::{Produced, TopicPartition};
use tidemill_worker::runtime::Topology;

use crate::grammar::{Shape, What, source_name};
use crate::log::Log;
use crate::oracle::{self, Input, Letter, Row, Truth};
use crate::scenario::Scenario;
use crate::world::{World, own};

/// Compares a run with the oracle.
pub(crate) struct Check<'a> {
    scenario: &'a Scenario,
    plan: &'a Arc<Plan>,
    input: Input,
    /// How many transactions there were when the outputs were last compared.
    looked: usize,
}

/// A row as it was written, with whether it deletes.
type Written = Vec<(Row, bool)>;

impl<'a> Check<'a> {
    pub(crate) fn new(scenario: &'a Scenario, plan: &'a Arc<Plan>) -> Self {
        Self {
            input: oracle::input(&scenario.shape, &scenario.records),
            scenario,
            plan,
            looked: 0,
        }
    }

    fn shape(&self) -> &Shape {
        &self.scenario.shape
    }

    /// While it runs: where everything happens in the partitions of the sources, what has been written is what follows
    /// from the records up to the committed offsets, at any moment.
    pub(crate) fn look(&mut self, world: &World) -> Result<(), String> {
        let log = world.log();
        if !self.shape().is_all_local()
            || log.transactions.len() == self.looked
            || !log.is_at_rest()
        {
            return Ok(());
        }
        self.looked = log.transactions.len();
        let truth = oracle::truth(self.shape(), &self.read_so_far(&log), false);
        let inside = |stream: usize| self.shape().streams.get(stream).is_some_and(|s| !s.outside);
        self.compare(world, &log, &truth, &inside)
            .map_err(|what| format!("after a commit: {what}"))
    }

    /// The input as far as it is committed.
    fn read_so_far(&self, log: &Log) -> Input {
        let mut input = self.input.clone();
        for (source, partitions) in input.iter_mut().enumerate() {
            for (partition, records) in (0..).zip(partitions.iter_mut()) {
                let at = TopicPartition {
                    topic: source_name(source).into(),
                    partition,
                };
                let read = log.offsets.get(&at).map_or(0, |stored| stored.offset);
                records.truncate(usize::try_from(read).unwrap_or(0));
            }
        }
        input
    }

    /// When all has been read, and windows are open.
    pub(crate) fn at_rest(&self, world: &World) -> Result<(), String> {
        let truth = oracle::truth(self.shape(), &self.input, false);
        let exact = |stream: usize| self.is_exact(stream);
        self.compare(world, &world.log(), &truth, &exact)
            .map_err(|what| format!("when all had been read: {what}"))
    }

    /// When the input has ended.
    pub(crate) fn at_end(&self, world: &World) -> Result<(), String> {
        let truth = oracle::truth(self.shape(), &self.input, true);
        let (log, exact) = (world.log(), |stream: usize| self.is_exact(stream));
        let compared = self.compare(world, &log, &truth, &exact);
        compared
            .and_then(|()| self.conserved(world, &log))
            .map_err(|what| format!("at the end: {what}"))
    }

    /// Where partitions may be idle, when a window closes depends on the worker's clock, and so does what is late.
    fn is_exact(&self, stream: usize) -> bool {
        let Some(stream) = self.shape().streams.get(stream) else {
            return false;
        };
        let timed = matches!(stream.what, What::Window { .. } | What::Results { .. });
        !timed || self.shape().idle_of(stream.over).is_none()
    }

    fn compare(
        &self,
        world: &World,
        log: &Log,
        truth: &Truth,
        streams: &dyn Fn(usize) -> bool,
    ) -> Result<(), String> {
        for (stream, wanted) in truth.rows.iter().enumerate().filter(|(s, _)| streams(*s)) {
            let identity = self.shape().identity(stream);
            let written = self.written(world, log, stream)?;
            let found = if identity.is_empty() {
                added(written)?
            } else {
                replaced(written, &identity)?
            };
            same(&format!("stream_{stream}"), found, wanted.clone())?;
        }
        let letters = self.letters(log)?;
        let exact = |letter: &&Letter| self.letter_is_exact(letter);
        let found: Vec<Letter> = letters.iter().filter(exact).cloned().collect();
        let wanted = truth.letters.iter().filter(exact).cloned().collect();
        same("dead letters", found, wanted)
    }

    fn letter_is_exact(&self, letter: &Letter) -> bool {
        let number = letter
            .0
            .strip_prefix("stream_")
            .and_then(|n| n.parse().ok());
        number.is_none_or(|stream| self.is_exact(stream))
    }

    /// Where windows close by the clock: each record is in one window's row, or it is a dead letter. None is lost or
    /// counted twice.
    fn conserved(&self, world: &World, log: &Log) -> Result<(), String> {
        for (index, stream) in self.shape().streams.iter().enumerate() {
            let What::Window { drops: false, .. } = stream.what else {
                continue;
            };
            if self.is_exact(index) {
                continue;
            }
            let all: i128 = match stream.over {
                crate::grammar::Over::Source(source) => self.rows_of(source, |_| true),
                crate::grammar::Over::Stream(_) => {
                    self.rows_of(self.shape().root(stream.over), |v| v % 3 != 0)
                }
            };
            let written = self.written(world, log, index)?;
            let identity = self.shape().identity(index);
            let rows = if identity.is_empty() {
                added(written)?
            } else {
                replaced(written, &identity)?
            };
            let counted: i128 = rows.iter().map(|row| number(row, "n")).sum();
            let late: i128 = self.late_rows(log, index)?;
            if counted + late != all {
                return Err(format!(
                    "stream_{index}: of {all} records {counted} are in windows and {late} were late"
                ));
            }
        }
        Ok(())
    }

    /// How many rows a source gives.
    fn rows_of(&self, source: usize, passes: impl Fn(i64) -> bool) -> i128 {
        let bodies = self.input.get(source).into_iter().flatten().flatten();
        let valid = bodies.filter(|body| match body {
            crate::grammar::Body::Row { v, .. } => *v >= 0 && passes(*v),
            _ => false,
        });
        valid.count() as i128
    }

    /// How many records the dead letters of a stream stand for: one each, or a partial aggregate's count.
    fn late_rows(&self, log: &Log, stream: usize) -> Result<i128, String> {
        let name = format!("stream_{stream}");
        let mut rows = 0;
        for record in self.dead(log) {
            if header(record, "tidemill.stream").as_deref() == Some(&name) {
                let row = parse(record.value.as_deref().unwrap_or_default())?;
                // A partial aggregate shows its columns under the names that the planner gives them.
                let count = row.keys().find(|column| column.starts_with("count("));
                rows += count.map_or(1, |column| number(&row, column));
            }
        }
        Ok(rows)
    }

    /// All that has been written of a stream, in the order of each partition.
    fn written(&self, world: &World, log: &Log, stream: usize) -> Result<Written, String> {
        let outside = self.shape().streams.get(stream).is_some_and(|s| s.outside);
        let name = format!("out-{stream}");
        if outside {
            let tables = own(&world.tables);
            let rows = tables
                .by_name
                .get(&name)
                .map_or(&[][..], |table| &table.rows);
            return rows
                .iter()
                .map(|(text, deleted)| Ok((parse(text.as_bytes())?, *deleted)))
                .collect();
        }
        visible(log, &name)
            .into_iter()
            .map(|record| match &record.value {
                Some(value) => Ok((parse(value)?, false)),
                None => Err(format!("{name}: a tombstone")),
            })
            .collect()
    }

    fn dead<'l>(&self, log: &'l Log) -> Vec<&'l Produced> {
        let internal = Topology::new(self.plan).dead_letter;
        visible(
            log,
            if self.shape().letters {
                "letters"
            } else {
                &internal
            },
        )
    }

    fn letters(&self, log: &Log) -> Result<Vec<Letter>, String> {
        let mut letters = Vec::new();
        for record in self.dead(log) {
            let whole =
                |name: &str| header(record, name).ok_or(format!("a dead letter without {name}"));
            let read = |name: &str| whole(name)?.parse::<i64>().map_err(|e| e.to_string());
            letters.push((
                header(record, "tidemill.stream").unwrap_or_default(),
                whole("tidemill.source.topic")?,
                read("tidemill.source.partition")? as i32,
                read("tidemill.source.offset")?,
            ));
        }
        letters.sort();
        Ok(letters)
    }
}

fn number(row: &Row, column: &str) -> i128 {
    row.get(column).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// What readers of committed data see of a topic, a partition after the other.
fn visible<'l>(log: &'l Log, topic: &str) -> Vec<&'l Produced> {
    let mut records = Vec::new();
    for partition in 0..log.count(topic).unwrap_or(0).cast_signed() {
        let at = TopicPartition {
            topic: topic.into(),
            partition,
        };
        let seen = log.read_committed(&at, 0, usize::MAX);
        records.extend(seen.records.into_iter().map(|(_, record)| record));
    }
    records
}

fn header(record: &Produced, name: &str) -> Option<String> {
    let (_, value) = record.headers.iter().find(|(n, _)| n == name)?;
    Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
}

fn parse(value: &[u8]) -> Result<Row, String> {
    let json: Value = serde_json::from_slice(value).map_err(|e| e.to_string())?;
    let fields = json.as_object().ok_or("a row that is not an object")?;
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    Ok(fields
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect())
}

fn added(written: Written) -> Result<Vec<Row>, String> {
    if written.iter().any(|(_, deleted)| *deleted) {
        return Err("a deletion among rows that are added".to_owned());
    }
    Ok(written.into_iter().map(|(row, _)| row).collect())
}

/// What rows that replace each other leave. A group only ever grows.
fn replaced(written: Written, identity: &[&str]) -> Result<Vec<Row>, String> {
    let mut last: BTreeMap<Vec<Option<String>>, Row> = BTreeMap::new();
    for (row, deleted) in written {
        let id = identity
            .iter()
            .map(|column| row.get(*column).cloned())
            .collect();
        if deleted {
            return Err(format!("{} was deleted", show(&row)));
        }
        if let Some(before) = last.get(&id)
            && number(before, "n") > number(&row, "n")
        {
            return Err(format!("{} came after {}", show(&row), show(before)));
        }
        last.insert(id, row);
    }
    Ok(last.into_values().collect())
}

fn show(row: &Row) -> String {
    let fields: Vec<String> = row
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    fields.join(" ")
}

/// Something that is compared, for a person.
trait Shown: Ord + Clone {
    fn shown(&self) -> String;
}

impl Shown for Row {
    fn shown(&self) -> String {
        show(self)
    }
}

impl Shown for Letter {
    fn shown(&self) -> String {
        let (stream, source, partition, offset) = self;
        format!("{source}/{partition} at {offset} by `{stream}`")
    }
}

fn same<T: Shown>(of: &str, mut found: Vec<T>, mut wanted: Vec<T>) -> Result<(), String> {
    found.sort();
    wanted.sort();
    if found == wanted {
        return Ok(());
    }
    let mut counts: BTreeMap<T, (u32, u32)> = BTreeMap::new();
    for one in found {
        counts.entry(one).or_default().0 += 1;
    }
    for one in wanted {
        counts.entry(one).or_default().1 += 1;
    }
    let odd = counts.iter().filter(|(_, (found, wanted))| found != wanted);
    let lines: Vec<String> = odd
        .take(8)
        .map(|(one, (found, wanted))| format!("\n  {}: {found} times, not {wanted}", one.shown()))
        .collect();
    Err(format!("{of}:{}", lines.concat()))
}
