//! Evidence: the last records of those that made a rule fire.

use std::collections::VecDeque;
use std::io::Write as _;

use tidemill_plan::model::{Micros, SHOWN};

use crate::wire::{Malformed, Reader, Writer};

/// A record that may be shown: where it is, its time, and its row as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) time: Micros,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) row: Box<[u8]>,
}

/// The last records of a key, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recent(VecDeque<Shown>);

impl Recent {
    /// Adds a record after those that are there.
    pub(crate) fn push(&mut self, record: Shown) {
        if self.0.len() == SHOWN {
            self.0.pop_front();
        }
        self.0.push_back(record);
    }

    /// Adds records after those that are there.
    pub(crate) fn extend(&mut self, records: Self) {
        records.0.into_iter().for_each(|record| self.push(record));
    }

    /// Those from a time on.
    pub(crate) fn since(&self, time: Micros) -> impl Iterator<Item = &Shown> {
        self.0.iter().filter(move |record| record.time >= time)
    }

    /// The last of them.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = &Shown> {
        self.0.iter().skip(self.0.len().saturating_sub(count))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        let rows: usize = self.0.iter().map(|record| record.row.len()).sum();
        self.0.capacity() * size_of::<Shown>() + rows
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.unsigned(self.0.len() as u64);
        for record in &self.0 {
            writer.signed(record.time);
            writer.signed(i64::from(record.partition));
            writer.signed(record.offset);
            writer.bytes(&record.row);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut recent = Self::default();
        for _ in 0..reader.unsigned()? {
            recent.push(Shown {
                time: reader.signed()?,
                partition: i32::try_from(reader.signed()?)
                    .map_err(|_| "its source partition is out of range")?,
                offset: reader.signed()?,
                row: reader.bytes()?.into(),
            });
        }
        Ok(recent)
    }
}

/// Evidence as JSON: how many records there were, and the last of them, each with its row as JSON. Where they are is told of
/// those of a topic.
pub(crate) fn json<'r>(
    count: u64,
    topic: Option<&str>,
    records: impl Iterator<Item = (i32, Option<i64>, &'r [u8])>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    // Writing to memory does not fail.
    let _ = write!(out, "{{\"count\":{count},\"records\":[");
    for (i, (partition, offset, row)) in records.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let place = topic
            .zip(offset)
            .map(|(topic, offset)| (topic, partition, offset));
        push(&mut out, place, row);
    }
    out.extend_from_slice(b"]}");
    out
}

/// Appends a record as JSON: where it is, if that can be told, and its row.
pub(super) fn push(out: &mut Vec<u8>, place: Option<(&str, i32, i64)>, row: &[u8]) {
    out.push(b'{');
    if let Some((topic, partition, offset)) = place {
        let topic = serde_json::Value::from(topic);
        // Writing to memory does not fail.
        let _ = write!(
            out,
            "\"topic\":{topic},\"partition\":{partition},\"offset\":{offset},"
        );
    }
    out.extend_from_slice(b"\"row\":");
    out.extend_from_slice(row);
    out.push(b'}');
}
