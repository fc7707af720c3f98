//! Rows that are joined with a table while it changes.
//!
//! Which change a row sees hangs on when it is read. What holds all the same: it is joined once; with what there was of its
//! key at some moment between the table's end as of when whoever committed the row had begun, and now; and with no older
//! table than the rows before it in its partition. One that waits goes without a partner only when its time is up.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_worker::log::{TopicPartition, partitioner};

use super::same::same;
use super::written::rows;
use super::{Check, Moment};
use crate::grammar::{Body, MOVING, Missing, TABLE_PARTITIONS, What, output_name, source_name};
use crate::log::{Log, Turn};
use crate::oracle::{Input, Row};
use crate::scenario::Scenario;
use crate::world::World;

/// The numbers of records, as they are in partitions.
pub(super) fn ids(scenario: &Scenario) -> Vec<Vec<Vec<usize>>> {
    let sources = scenario.shape.sources.iter();
    let mut ids: Vec<Vec<Vec<usize>>> = sources
        .map(|source| vec![Vec::new(); source.partitions as usize])
        .collect();
    for (id, record) in scenario.records.iter().enumerate() {
        let source = ids.get_mut(record.source);
        if let Some(partition) = source.and_then(|s| s.get_mut(record.partition as usize)) {
            partition.push(id);
        }
    }
    ids
}

/// A row of the source, and where it is.
struct Asked<'a> {
    partition: i32,
    offset: i64,
    id: usize,
    key: &'a str,
    /// When it stops waiting, in milliseconds; none if it does not wait.
    until: Option<i64>,
}

/// What has become of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// It has been joined with this, or, if there is none, has gone on without.
    Joined(Option<i64>),
    /// Nothing of it is seen.
    Unseen,
}

/// The changes of the table so far, by partition, in the order of their offsets.
struct History<'a>(Vec<Vec<(&'a str, Option<i64>)>>);

impl History<'_> {
    /// What there was of a key when so many changes of its partition had been made.
    fn at(&self, key: &str, changes: usize) -> Option<i64> {
        let all = self.0.get(place_of(key));
        let mut made = all.into_iter().flatten().take(changes);
        let mut last = None;
        made.by_ref()
            .filter(|(of, _)| *of == key)
            .for_each(|(_, value)| last = *value);
        last
    }

    fn end(&self, key: &str) -> usize {
        self.0.get(place_of(key)).map_or(0, Vec::len)
    }
}

/// The partition of the table that has a key.
fn place_of(key: &str) -> usize {
    partitioner::partition_of(key.as_bytes(), TABLE_PARTITIONS) as usize
}

/// A stream whose rows are joined, and what has come of them.
struct Joins<'a> {
    check: &'a Check<'a>,
    log: &'a Log,
    moment: Moment,
    history: History<'a>,
    source: usize,
    inner: bool,
    missing: Missing,
    /// What rows were joined with, by their numbers.
    out: BTreeMap<usize, Option<i64>>,
    letters: BTreeSet<(i32, i64)>,
}

impl Check<'_> {
    /// Looks at all streams that are joined with the table that changes.
    pub(super) fn live(&self, log: &Log, moment: Moment) -> Result<(), String> {
        for (stream, shape) in self.shape().streams.iter().enumerate() {
            if let What::Live { inner, missing } = shape.what {
                let name = format!("stream_{stream}");
                let letters = self.letters(log)?.into_iter();
                let letters = letters.filter(|(of, ..)| *of == name);
                let joins = Joins {
                    check: self,
                    log,
                    moment,
                    history: self.history(log),
                    source: self.shape().root(shape.over),
                    inner,
                    missing,
                    out: joined(log, stream)?,
                    letters: letters.map(|(_, _, at, offset)| (at, offset)).collect(),
                };
                let input = match moment {
                    Moment::Between => self.read_so_far(log)?,
                    Moment::Rest | Moment::End => self.input(log)?,
                };
                joins
                    .all(&input)
                    .map_err(|what| format!("{name}: {what}"))?;
            }
        }
        Ok(())
    }

    fn history(&self, log: &Log) -> History<'_> {
        let mut history = vec![Vec::new(); TABLE_PARTITIONS as usize];
        for (_, (key, value)) in &self.scenario.changes {
            if let Some(partition) = history.get_mut(place_of(key)) {
                partition.push((*key, *value));
            }
        }
        for (partition, changes) in (0..).zip(&mut history) {
            let at = TopicPartition {
                topic: MOVING.into(),
                partition,
            };
            let made = log.partition(&at).map_or(0, crate::log::Partition::end);
            changes.truncate(usize::try_from(made).unwrap_or(0));
        }
        History(history)
    }

    /// That a table of two tables has what they have, when both rest.
    pub(super) fn merged(&self, world: &World, log: &Log) -> Result<(), String> {
        for (stream, shape) in self.shape().streams.iter().enumerate() {
            let What::Merged { inner } = shape.what else {
                continue;
            };
            let latest = |changes: &mut dyn Iterator<Item = (&'static str, Option<i64>)>| {
                let rows: BTreeMap<&str, Option<i64>> = changes.collect();
                rows.into_iter()
                    .filter_map(|(key, value)| Some((key, value?)))
                    .collect::<BTreeMap<&str, i64>>()
            };
            let left = latest(&mut self.shape().table.iter().copied());
            let right = latest(&mut self.scenario.changes.iter().map(|(_, change)| *change));
            let row = |(key, w): (&&str, &i64)| -> Option<Row> {
                let u = right.get(key).map(i64::to_string);
                let u = u.or_else(|| (!inner).then(|| "null".to_owned()))?;
                let columns = [("g", (*key).to_owned()), ("w", w.to_string()), ("u", u)];
                Some(columns.map(|(name, value)| (name.to_owned(), value)).into())
            };
            let wanted = left.iter().filter_map(row).collect();
            let found = self.left(stream, self.written(world, log, stream)?)?;
            same(&format!("stream_{stream}"), found, wanted)?;
        }
        Ok(())
    }
}

/// What the rows of a stream were joined with, each once.
fn joined(log: &Log, stream: usize) -> Result<BTreeMap<usize, Option<i64>>, String> {
    let mut out = BTreeMap::new();
    for (row, _) in rows(log, &output_name(stream), &[])? {
        let number = |name: &str| row.get(name).and_then(|text| text.parse::<i64>().ok());
        let id = number("id").and_then(|id| usize::try_from(id).ok());
        let id = id.ok_or_else(|| format!("stream_{stream}: a row without a number"))?;
        if out.insert(id, number("w")).is_some() {
            return Err(format!("stream_{stream}: record {id} was joined twice"));
        }
    }
    Ok(out)
}

impl Joins<'_> {
    fn all(mut self, input: &Input) -> Result<(), String> {
        let partitions = input.get(self.source).into_iter().flatten();
        for (partition, bodies) in (0..).zip(partitions) {
            self.partition(partition, bodies)?;
        }
        match self.out.first_key_value() {
            Some((id, _)) => Err(format!("record {id} has been joined and not been read")),
            None => Ok(()),
        }
    }

    /// Goes through a partition, with the oldest table that each row may have seen.
    fn partition(&mut self, partition: i32, bodies: &[Body]) -> Result<(), String> {
        let disorder = self.check.shape().sources.get(self.source);
        let disorder = disorder.map_or(0, |source| source.disorder * 1_000);
        let times = bodies.iter().filter_map(|body| match body {
            Body::Row { v, ts, .. } if *v >= 0 => Some(*ts - disorder),
            _ => None,
        });
        let watermark = times.max();
        let ids = self.check.ids.get(self.source);
        let ids = ids.and_then(|source| source.get(partition as usize));
        let mut oldest = vec![0; TABLE_PARTITIONS as usize];
        for (offset, (body, &id)) in (0..).zip(bodies.iter().zip(ids.into_iter().flatten())) {
            let Body::Row { g, v, ts, .. } = body else {
                continue;
            };
            if *v < 0 {
                continue;
            }
            let asked = Asked {
                partition,
                offset,
                id,
                key: g,
                until: match self.missing {
                    Missing::Wait(span) => Some(ts + span * 1_000),
                    _ => None,
                },
            };
            self.row(&asked, watermark, &mut oldest)
                .map_err(|what| format!("record {id}, of key {g}, {what}"))?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        asked: &Asked<'_>,
        watermark: Option<i64>,
        oldest: &mut [usize],
    ) -> Result<(), String> {
        let began = self.began(asked);
        let place = place_of(asked.key);
        let from = oldest.get(place).copied().unwrap_or(0);
        let from = from.max(began.get(place).copied().unwrap_or(0) as usize);
        let wanted = match self.fate(asked)? {
            Fate::Joined(None) if !self.may_give_up(asked, watermark) => {
                return Err("has gone on without a partner while it should have waited".to_owned());
            }
            Fate::Joined(wanted) => wanted,
            Fate::Unseen if !self.must_have_gone(asked, watermark) => return Ok(()),
            Fate::Unseen if self.inner && self.may_give_up(asked, watermark) => None,
            Fate::Unseen => return Err("is lost, or waits still".to_owned()),
        };
        let mut moments = from..=self.history.end(asked.key);
        let Some(seen) = moments.find(|&m| self.history.at(asked.key, m) == wanted) else {
            return Err(format!(
                "was joined with {wanted:?}, which was not there after {from} changes of the table's partition {place}"
            ));
        };
        if let (None, Some(oldest)) = (asked.until, oldest.get_mut(place)) {
            *oldest = seen;
        }
        Ok(())
    }

    fn fate(&mut self, asked: &Asked<'_>) -> Result<Fate, String> {
        let is_letter = self.letters.contains(&(asked.partition, asked.offset));
        match (self.out.remove(&asked.id), is_letter) {
            (Some(_), true) => Err("was joined, and is a dead letter".to_owned()),
            (Some(None), _) if self.inner || self.missing == Missing::DeadLetter => {
                Err("has gone on without a partner".to_owned())
            }
            (Some(with), false) => Ok(Fate::Joined(with)),
            (None, true) => Ok(Fate::Joined(None)),
            (None, false) if self.missing == Missing::DeadLetter => Err("is lost".to_owned()),
            (None, false) => Ok(Fate::Unseen),
        }
    }

    /// Whether a row that finds nothing may go on.
    fn may_give_up(&self, asked: &Asked<'_>, watermark: Option<i64>) -> bool {
        // Time goes on in a partition that is idle, with others.
        let sources = &self.check.shape().sources;
        let is_idle = sources.get(self.source).is_some_and(|s| s.idle.is_some());
        let is_up = |until: i64| watermark.is_some_and(|watermark| watermark >= until);
        self.moment == Moment::End || is_idle || asked.until.is_none_or(is_up)
    }

    /// Whether something must have become of a row that has been read.
    fn must_have_gone(&self, asked: &Asked<'_>, watermark: Option<i64>) -> bool {
        let Some(until) = asked.until else {
            return true;
        };
        let end = self.history.end(asked.key);
        let finds = || self.history.at(asked.key, end).is_some();
        let is_up = watermark.is_some_and(|watermark| watermark > until);
        match self.moment {
            Moment::Between => false,
            Moment::Rest => is_up || finds(),
            Moment::End => true,
        }
    }

    /// Where the table's partitions ended when the process that committed a row had last begun.
    fn began(&self, asked: &Asked<'_>) -> Vec<i64> {
        let at = TopicPartition {
            topic: source_name(self.source).into(),
            partition: asked.partition,
        };
        let mut begun: BTreeMap<usize, &Vec<i64>> = BTreeMap::new();
        for turn in self.log.course.get(&at).into_iter().flatten() {
            match turn {
                Turn::Began { process, ends } => {
                    begun.insert(*process, ends);
                }
                Turn::Committed { process, offset } if *offset > asked.offset => {
                    return begun
                        .get(process)
                        .map(|ends| (*ends).clone())
                        .unwrap_or_default();
                }
                Turn::Committed { .. } => {}
            }
        }
        Vec::new()
    }
}
