//! What the pipeline has written against what it should have.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tidemill_plan::model::Plan;
use tidemill_worker::log::{Produced, TopicPartition};
use tidemill_worker::runtime::Topology;

use crate::grammar::{Body, Kind, Over, Shape, What, source_name};
use crate::log::{Log, Time};
use crate::oracle::{self, Grown, Input, Letter, Rough, Row, Truth};
use crate::scenario::Scenario;
use crate::world::{World, own};

/// Compares a run with the oracle.
pub(crate) struct Check<'a> {
    scenario: &'a Scenario,
    plan: &'a Arc<Plan>,
    /// All that is written.
    written: Input,
    /// How many transactions there were when the outputs were last compared.
    looked: usize,
}

/// How much of a stream's rows must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// It is not looked at.
    Nothing,
    /// What has come must be right, and more may come.
    Part,
    /// All of them.
    All,
}

/// A row as it was written, with whether it deletes.
type Written = Vec<(Row, bool)>;

impl<'a> Check<'a> {
    pub(crate) fn new(scenario: &'a Scenario, plan: &'a Arc<Plan>) -> Self {
        Self {
            written: oracle::input(&scenario.shape, &scenario.records),
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
        let truth = oracle::truth(self.shape(), &self.read_so_far(&log)?, None, false);
        let piecewise = self.scenario.at_once() < usize::MAX;
        let extent = |stream: usize| match self.shape().streams.get(stream) {
            Some(shape) if shape.outside => Extent::Nothing,
            Some(_) if piecewise && self.shape().has_sessions(stream) => Extent::Part,
            _ => Extent::All,
        };
        self.compare(world, &log, &truth, &extent)
            .map_err(|what| format!("after a commit: {what}"))
    }

    /// What is to be read: of a source that begins where it ends then, what has come since.
    fn input(&self, log: &Log) -> Result<Input, String> {
        let mut input = self.written.clone();
        for (source, partitions) in input.iter_mut().enumerate() {
            if !self.shape().sources.get(source).is_some_and(|s| s.latest) {
                continue;
            }
            for (partition, records) in (0..).zip(partitions.iter_mut()) {
                let began = self.began(log, source, partition)?;
                let before = usize::try_from(began).unwrap_or(0).min(records.len());
                records
                    .iter_mut()
                    .take(before)
                    .for_each(|record| *record = Body::Unread);
            }
        }
        Ok(input)
    }

    /// Where a partition was begun. One that its source has got after it was first read must be read from its beginning.
    fn began(&self, log: &Log, source: usize, partition: i32) -> Result<i64, String> {
        let at = |partition| TopicPartition {
            topic: source_name(source).into(),
            partition,
        };
        let began = log.starts.get(&at(partition)).copied().unwrap_or_default();
        let growth = self.scenario.grows.filter(|growth| growth.source == source);
        let is_new = growth.is_some_and(|growth| {
            let first = log.begun.get(&at(0));
            partition >= growth.from.cast_signed() && first.is_some_and(|when| *when < growth.at)
        });
        if is_new && began > 0 {
            return Err(format!(
                "source_{source}/{partition} is new and was begun at {began}"
            ));
        }
        Ok(began)
    }

    /// What shards may have closed before they heard of new partitions: all of the old ones' records that were there when
    /// a member was first given a new one.
    fn grown(&self, log: &Log, input: &Input) -> Option<Grown> {
        let growth = self.scenario.grows?;
        let new = TopicPartition {
            topic: source_name(growth.source).into(),
            partition: growth.from.cast_signed(),
        };
        let heard = log.given.get(&new).copied().unwrap_or(Time::MAX);
        let disorder = self.shape().sources.get(growth.source)?.disorder * 1_000;
        let mut seen = vec![0; growth.from as usize];
        for record in self
            .scenario
            .records
            .iter()
            .filter(|r| r.source == growth.source)
        {
            if let Some(seen) = seen.get_mut(record.partition as usize)
                && record.at <= heard
            {
                *seen += 1;
            }
        }
        let highest = |(records, &seen): (&Vec<Body>, &usize)| {
            let times = records.iter().take(seen).filter_map(|body| match body {
                Body::Row { v, ts, .. } if *v >= 0 => Some(ts - disorder),
                _ => None,
            });
            times.max()
        };
        Some(Grown {
            source: growth.source,
            from: growth.from as usize,
            watermark: input
                .get(growth.source)?
                .iter()
                .zip(&seen)
                .map(highest)
                .min()?,
        })
    }

    /// The input as far as it is committed.
    fn read_so_far(&self, log: &Log) -> Result<Input, String> {
        let mut input = self.input(log)?;
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
        Ok(input)
    }

    /// When all has been read, and windows are open.
    pub(crate) fn at_rest(&self, world: &World) -> Result<(), String> {
        let log = world.log();
        let input = self.input(&log)?;
        let truth = oracle::truth(self.shape(), &input, self.grown(&log, &input), false);
        self.compare(world, &log, &truth, &|_| Extent::All)
            .map_err(|what| format!("when all had been read: {what}"))
    }

    /// When the input has ended.
    pub(crate) fn at_end(&self, world: &World) -> Result<(), String> {
        let log = world.log();
        let input = self.input(&log)?;
        let truth = oracle::truth(self.shape(), &input, self.grown(&log, &input), true);
        let compared = self.compare(world, &log, &truth, &|_| Extent::All);
        compared
            .and_then(|()| self.conserved(world, &log, &input, &truth))
            .map_err(|what| format!("at the end: {what}"))
    }

    fn compare(
        &self,
        world: &World,
        log: &Log,
        truth: &Truth,
        extent: &dyn Fn(usize) -> Extent,
    ) -> Result<(), String> {
        for (stream, wanted) in truth.rows.iter().enumerate() {
            let extent = extent(stream);
            if extent == Extent::Nothing || rough(truth, stream).rows {
                continue;
            }
            let identity = self.shape().identity(stream);
            let written = self.written(world, log, stream)?;
            let found = if identity.is_empty() {
                added(written)?
            } else {
                replaced(written, &identity)?
            };
            let name = format!("stream_{stream}");
            match extent {
                Extent::All => same(&name, found, wanted.clone())?,
                _ => none_but(&name, found, wanted.clone())?,
            }
        }
        let letters = self.letters(log)?;
        let exact = |letter: &&Letter| !rough(truth, stream_of(letter)).letters;
        let found: Vec<Letter> = letters.iter().filter(exact).cloned().collect();
        let wanted = truth.letters.iter().filter(exact).cloned().collect();
        same("dead letters", found, wanted)
    }

    /// Where other things than the records have a say in which are late: each record is in one window's row, or it is a
    /// dead letter. None is lost or counted twice.
    fn conserved(
        &self,
        world: &World,
        log: &Log,
        input: &Input,
        truth: &Truth,
    ) -> Result<(), String> {
        for (index, stream) in self.shape().streams.iter().enumerate() {
            let What::Window {
                drops: false,
                kind: Kind::Tumble(_) | Kind::Session(_),
                ..
            } = stream.what
            else {
                continue;
            };
            if rough(truth, index) == Rough::default() {
                continue;
            }
            let records = input.get(self.shape().root(stream.over));
            let filtered = matches!(stream.over, Over::Stream(_));
            let all = rows_of(records.into_iter().flatten().flatten(), filtered);
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

    /// How many records the dead letters of a stream stand for: one each, or a partial aggregate's count.
    fn late_rows(&self, log: &Log, stream: usize) -> Result<i128, String> {
        let name = format!("stream_{stream}");
        let mut rows = 0;
        for record in self.dead(log) {
            if header(record, "tidemill.stream").as_deref() == Some(&name) {
                let row = parse(record.value.as_deref().unwrap_or_default())?;
                rows += match (row.contains_key("n"), row.contains_key("v")) {
                    (true, _) => number(&row, "n"),
                    (false, true) => 1,
                    (false, false) => return Err(format!("a dead letter of {}", show(&row))),
                };
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
            .map(|record| match (&record.value, &record.key) {
                (Some(value), _) => Ok((parse(value)?, false)),
                (None, Some(key)) => Ok((parse(key)?, true)),
                (None, None) => Err(format!("{name}: a record of nothing")),
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

fn rough(truth: &Truth, stream: usize) -> Rough {
    truth.rough.get(stream).copied().unwrap_or_default()
}

/// The stream of a dead letter; none of them where it is the source's.
fn stream_of(letter: &Letter) -> usize {
    let number = letter.0.strip_prefix("stream_");
    number.and_then(|n| n.parse().ok()).unwrap_or(usize::MAX)
}

/// How many rows records give, all or filtered.
fn rows_of<'b>(records: impl Iterator<Item = &'b Body>, filtered: bool) -> i128 {
    let valid = records.filter(|body| match body {
        Body::Row { v, .. } => *v >= 0 && (!filtered || v % 3 != 0),
        _ => false,
    });
    valid.count() as i128
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

/// What rows that replace each other leave. A group only ever grows, unless it has become part of another.
fn replaced(written: Written, identity: &[&str]) -> Result<Vec<Row>, String> {
    let mut last: BTreeMap<Vec<Option<String>>, Row> = BTreeMap::new();
    for (row, deleted) in written {
        let id = identity
            .iter()
            .map(|column| row.get(*column).cloned())
            .collect();
        if deleted {
            if last.remove(&id).is_none() {
                return Err(format!("{} was deleted and not there", show(&row)));
            }
            continue;
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

fn same<T: Shown>(of: &str, found: Vec<T>, wanted: Vec<T>) -> Result<(), String> {
    compared(of, found, wanted, |found, wanted| found == wanted)
}

/// That nothing has been found but what is wanted.
fn none_but<T: Shown>(of: &str, found: Vec<T>, wanted: Vec<T>) -> Result<(), String> {
    compared(of, found, wanted, |found, wanted| found <= wanted)
}

/// Holds how often each was found against how often it is wanted.
fn compared<T: Shown>(
    of: &str,
    found: Vec<T>,
    wanted: Vec<T>,
    is_right: impl Fn(u32, u32) -> bool,
) -> Result<(), String> {
    let mut counts: BTreeMap<T, (u32, u32)> = BTreeMap::new();
    for one in found {
        counts.entry(one).or_default().0 += 1;
    }
    for one in wanted {
        counts.entry(one).or_default().1 += 1;
    }
    let odd = counts
        .iter()
        .filter(|(_, (found, wanted))| !is_right(*found, *wanted));
    let lines: Vec<String> = odd
        .take(8)
        .map(|(one, (found, wanted))| format!("\n  {}: {found} times, not {wanted}", one.shown()))
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    Err(format!("{of}:{}", lines.concat()))
}
