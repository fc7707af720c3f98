//! Laying a commit's records out by topic and partition, as they are written.

use std::collections::BTreeMap;

use tidemill_engine::record::Headers;

use super::facts::Fact;
use super::ffi::{Lent, Row, TxnError};
use super::fit::{HeaderRefs, fit, size};
use crate::log::partitioner::partition_of;
use crate::log::{Commit, Packed, Span};

static NO_HEADERS: Headers = Headers::new();

/// Everything that one commit writes. Within a partition the order is that of the commit.
pub(super) struct Layout<'e>(BTreeMap<&'e str, Topic<'e>>);

struct Topic<'e> {
    name: &'e str,
    fact: Fact,
    /// Rows not yet in `steps`, by partition.
    open: Vec<Vec<Row<'e>>>,
    steps: Vec<(i32, Step<'e>)>,
    /// Where the next record without a key goes.
    turn: usize,
}

enum Step<'e> {
    Batch(Vec<Row<'e>>),
    Single {
        row: Row<'e>,
        headers: HeaderRefs<'e>,
        truncated: Option<usize>,
    },
}

/// Why a record is not taken.
#[derive(Debug)]
pub(super) enum Misfit {
    /// Its topic has no such partition, as far as is known.
    Partition(String),
    /// Its topic takes none like it.
    Record(String),
}

impl<'e> Layout<'e> {
    /// Lays out a commit to these topics.
    ///
    /// # Errors
    /// A record that its topic does not take.
    pub(super) fn new(commit: &'e Commit, facts: &BTreeMap<&'e str, Fact>) -> Result<Self, Misfit> {
        let topics = facts
            .iter()
            .map(|(name, fact)| (*name, Topic::new(name, *fact)));
        let mut topics: BTreeMap<_, _> = topics.collect();
        for (name, packed) in &commit.packed {
            if let Some(topic) = topics.get_mut(&**name) {
                topic.add_rows(packed, commit.traceparent.as_deref())?;
            }
        }
        for (name, record) in &commit.produced {
            if let Some(topic) = topics.get_mut(&**name) {
                let (key, value) = (record.key.as_deref(), record.value.as_deref());
                topic.add(record.partition, Row { key, value }, &record.headers, None)?;
            }
        }
        Ok(Self(topics))
    }

    /// Writes it all.
    pub(super) fn write(mut self, lent: &mut Lent<'_, 'e>) -> Result<(), TxnError> {
        for topic in self.0.values_mut() {
            for partition in 0..topic.open.len() {
                topic.close(partition);
            }
            for (partition, step) in &topic.steps {
                step.write(lent, topic.name, *partition)?;
            }
        }
        Ok(())
    }
}

impl<'e> Topic<'e> {
    fn new(name: &'e str, fact: Fact) -> Self {
        Self {
            name,
            fact,
            open: (0..fact.partitions).map(|_| Vec::new()).collect(),
            steps: Vec::new(),
            turn: 0,
        }
    }

    fn add_rows(&mut self, packed: &'e Packed, trace: Option<&'e str>) -> Result<(), Misfit> {
        let name = self.name;
        let part = |range: &Span| {
            let Some(range) = range else { return Ok(None) };
            let bytes = packed.arena.get(range.start as usize..range.end as usize);
            let outside = || format!("a row for topic {name} lies outside its arena");
            bytes.map(Some).ok_or_else(|| Misfit::Record(outside()))
        };
        for (key, value) in &packed.records {
            let row = Row {
                key: part(key)?,
                value: part(value)?,
            };
            self.add(None, row, &NO_HEADERS, trace)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        partition: Option<i32>,
        row: Row<'e>,
        headers: &'e Headers,
        trace: Option<&'e str>,
    ) -> Result<(), Misfit> {
        let partition = partition.unwrap_or_else(|| self.choose(row.key));
        let size = size(&row, headers) + trace.map_or(0, |trace| trace.len() + 32);
        if size > self.fact.limit {
            if headers.is_empty() {
                return Err(Misfit::Record(format!(
                    "a record of {size} bytes for topic {} is larger than the {} it takes; raise its max.message.bytes",
                    self.name, self.fact.limit
                )));
            }
            let (cut, headers) = fit(row, headers, self.fact.limit);
            let original = row.value.map_or(0, <[u8]>::len);
            return self.single(
                partition,
                Step::Single {
                    row: cut,
                    headers,
                    truncated: Some(original),
                },
            );
        }
        if headers.is_empty()
            && trace.is_none()
            && let Some(open) = self.open_at(partition)
        {
            open.push(row);
            return Ok(());
        }
        let mut refs: HeaderRefs<'e> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect();
        refs.extend(trace.map(|trace| ("traceparent", Some(trace.as_bytes()))));
        self.single(
            partition,
            Step::Single {
                row,
                headers: refs,
                truncated: None,
            },
        )
    }

    fn open_at(&mut self, partition: i32) -> Option<&mut Vec<Row<'e>>> {
        usize::try_from(partition)
            .ok()
            .and_then(|partition| self.open.get_mut(partition))
    }

    fn choose(&mut self, key: Option<&[u8]>) -> i32 {
        match key {
            // Below 2^31 in any case.
            Some(key) => partition_of(key, self.fact.partitions).cast_signed(),
            None => {
                self.turn = (self.turn + 1) % self.open.len().max(1);
                i32::try_from(self.turn).unwrap_or(0)
            }
        }
    }

    fn single(&mut self, partition: i32, step: Step<'e>) -> Result<(), Misfit> {
        let there = self.open.len();
        let index = usize::try_from(partition).ok().filter(|i| *i < there);
        let index = index.ok_or_else(|| {
            let text = format!(
                "topic {} has no partition {partition}, only {there}",
                self.name
            );
            Misfit::Partition(text)
        })?;
        // What came before in this partition is written before.
        self.close(index);
        self.steps.push((partition, step));
        Ok(())
    }

    fn close(&mut self, partition: usize) {
        let Some(open) = self.open.get_mut(partition).filter(|open| !open.is_empty()) else {
            return;
        };
        let rows = std::mem::take(open);
        self.steps.push((
            i32::try_from(partition).unwrap_or(i32::MAX),
            Step::Batch(rows),
        ));
    }
}

impl<'e> Step<'e> {
    fn write(&self, lent: &mut Lent<'_, 'e>, topic: &str, partition: i32) -> Result<(), TxnError> {
        match self {
            Step::Batch(rows) => lent.batch(topic, partition, rows),
            Step::Single {
                row,
                headers,
                truncated: None,
            } => lent.single(topic, partition, *row, headers),
            Step::Single {
                row,
                headers,
                truncated: Some(original),
            } => {
                let original = original.to_string();
                let mut headers: HeaderRefs<'_> = headers.clone();
                headers.push(("tidemill.truncated", Some(original.as_bytes())));
                lent.single(topic, partition, *row, &headers)
            }
        }
    }
}
