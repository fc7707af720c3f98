//! Laying a commit's records out by topic and partition, as they are written.

use std::collections::HashMap;

use tidemill_engine::record::Headers;

use super::facts::Fact;
use super::ffi::{Lent, Row, TxnError};
use super::fit::{HeaderRefs, fit, size};
use crate::log::partitioner::partition_of;
use crate::log::{Packed, Produced, Span};

static NO_HEADERS: Headers = Headers::new();

/// Everything that one commit writes. Within a partition the order is that of the commit.
#[derive(Default)]
pub(super) struct Layout<'e> {
    topics: Vec<Topic<'e>>,
    index: HashMap<&'e str, usize>,
    /// `traceparent` for rows.
    traceparent: Option<&'e str>,
}

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

impl<'e> Layout<'e> {
    /// Nothing yet; rows will carry this as their `traceparent`.
    pub(super) fn new(traceparent: Option<&'e str>) -> Self {
        Self {
            traceparent,
            ..Self::default()
        }
    }

    fn topic(&mut self, name: &'e str, fact: Fact) -> Option<&mut Topic<'e>> {
        let topics = &mut self.topics;
        let index = *self.index.entry(name).or_insert_with(|| {
            let open = (0..fact.partitions).map(|_| Vec::new()).collect();
            topics.push(Topic {
                name,
                fact,
                open,
                steps: Vec::new(),
                turn: 0,
            });
            topics.len() - 1
        });
        topics.get_mut(index)
    }

    /// Adds rows. The error is a record that the topic does not take.
    pub(super) fn rows(
        &mut self,
        name: &'e str,
        fact: Fact,
        packed: &'e Packed,
    ) -> Result<(), String> {
        let trace = self.traceparent;
        let Some(topic) = self.topic(name, fact) else {
            return Ok(());
        };
        let part = |range: &Span| match range {
            None => Ok(None),
            Some(range) => match packed.arena.get(range.start as usize..range.end as usize) {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(format!("a row for topic {name} lies outside its arena")),
            },
        };
        for (key, value) in &packed.records {
            topic.add(
                None,
                Row {
                    key: part(key)?,
                    value: part(value)?,
                },
                &NO_HEADERS,
                trace,
            )?;
        }
        Ok(())
    }

    /// Adds one record. The error is a record that the topic does not take.
    pub(super) fn record(
        &mut self,
        name: &'e str,
        fact: Fact,
        record: &'e Produced,
    ) -> Result<(), String> {
        let Some(topic) = self.topic(name, fact) else {
            return Ok(());
        };
        let row = Row {
            key: record.key.as_deref(),
            value: record.value.as_deref(),
        };
        topic.add(record.partition, row, &record.headers, None)
    }

    /// Writes it all.
    pub(super) fn write(mut self, lent: &mut Lent<'_, 'e>) -> Result<(), TxnError> {
        for topic in &mut self.topics {
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
    fn add(
        &mut self,
        partition: Option<i32>,
        row: Row<'e>,
        headers: &'e Headers,
        trace: Option<&'e str>,
    ) -> Result<(), String> {
        let partition = partition.unwrap_or_else(|| self.choose(row.key));
        let size = size(&row, headers) + trace.map_or(0, |trace| trace.len() + 32);
        if size > self.fact.limit {
            if headers.is_empty() {
                return Err(format!(
                    "a record of {size} bytes for topic {} is larger than the {} it takes; raise its max.message.bytes",
                    self.name, self.fact.limit
                ));
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

    fn single(&mut self, partition: i32, step: Step<'e>) -> Result<(), String> {
        let Ok(index) = usize::try_from(partition) else {
            return Err(format!("topic {} has no partition {partition}", self.name));
        };
        if index >= self.open.len() {
            return Err(format!(
                "topic {} has no partition {partition}, only {}",
                self.name,
                self.open.len()
            ));
        }
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
