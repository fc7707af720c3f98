//! What has been written: rows of outputs, and dead letters.

use std::collections::BTreeMap;

use serde_json::Value;
use tidemill_worker::log::{Produced, TopicPartition};
use tidemill_worker::runtime::Topology;

use super::Check;
use crate::grammar::{What, output_name};
use crate::log::Log;
use crate::oracle::{Letter, Row};
use crate::world::{World, own};

/// A row as it was written, with whether it deletes.
pub(super) type Written = Vec<(Row, bool)>;

impl Check<'_> {
    /// What rows that have been written leave.
    pub(super) fn left(&self, stream: usize, written: Written) -> Result<Vec<Row>, String> {
        let identity = self.shape().identity(stream);
        let shape = self.shape().streams.get(stream);
        match shape.map(|shape| shape.what) {
            _ if identity.is_empty() => added(written),
            // One that has never had its partner is deleted all the same when it goes.
            Some(What::Merged { .. }) => replaced(written, &identity, false),
            _ => replaced(written, &identity, true),
        }
    }

    /// All that has been written of a stream, in the order of each partition.
    pub(super) fn written(
        &self,
        world: &World,
        log: &Log,
        stream: usize,
    ) -> Result<Written, String> {
        let outside = self.shape().streams.get(stream).is_some_and(|s| s.outside);
        let name = output_name(stream);
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
        rows(log, &name, &self.shape().identity(stream))
    }

    pub(super) fn dead<'l>(&self, log: &'l Log) -> Vec<&'l Produced> {
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

    pub(super) fn letters(&self, log: &Log) -> Result<Vec<Letter>, String> {
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

/// The rows of a topic, in the order of each partition, and, of those that are deleted, what identifies them.
pub(super) fn rows(log: &Log, topic: &str, identity: &[&str]) -> Result<Written, String> {
    visible(log, topic)
        .into_iter()
        .map(|record| match (&record.value, &record.key) {
            (Some(value), _) => Ok((parse(value)?, false)),
            (None, Some(key)) => Ok((deleted(key, identity)?, true)),
            (None, None) => Err(format!("{topic}: a record of nothing")),
        })
        .collect()
}

/// A row that is deleted, by its key: a value alone, or several with their names.
pub(super) fn deleted(key: &[u8], identity: &[&str]) -> Result<Row, String> {
    match identity {
        [name] => {
            let value = String::from_utf8_lossy(key).into_owned();
            Ok([((*name).to_owned(), value)].into())
        }
        _ => parse(key),
    }
}

/// What readers of committed data see of a topic, a partition after the other.
pub(super) fn visible<'l>(log: &'l Log, topic: &str) -> Vec<&'l Produced> {
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

pub(super) fn header(record: &Produced, name: &str) -> Option<String> {
    let (_, value) = record.headers.iter().find(|(n, _)| n == name)?;
    Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
}

pub(super) fn parse(value: &[u8]) -> Result<Row, String> {
    let json: Value = serde_json::from_slice(value).map_err(|e| e.to_string())?;
    let fields = json.as_object().ok_or("a row that is not an object")?;
    Ok(fields
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect())
}

/// A value as text.
pub(super) fn text(value: &Value) -> String {
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| value.to_string())
}

pub(super) fn number(row: &Row, column: &str) -> i128 {
    row.get(column).and_then(|n| n.parse().ok()).unwrap_or(0)
}

pub(super) fn added(written: Written) -> Result<Vec<Row>, String> {
    if written.iter().any(|(_, deleted)| *deleted) {
        return Err("a deletion among rows that are added".to_owned());
    }
    Ok(written.into_iter().map(|(row, _)| row).collect())
}

/// What rows that replace each other leave. A group only ever grows, unless it has become part of another.
pub(super) fn replaced(
    written: Written,
    identity: &[&str],
    deletes_what_is_there: bool,
) -> Result<Vec<Row>, String> {
    let mut last: BTreeMap<Vec<Option<String>>, Row> = BTreeMap::new();
    for (row, deleted) in written {
        let id = identity
            .iter()
            .map(|column| row.get(*column).cloned())
            .collect();
        if deleted {
            if last.remove(&id).is_none() && deletes_what_is_there {
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

pub(super) fn show(row: &Row) -> String {
    let fields: Vec<String> = row
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    fields.join(" ")
}
