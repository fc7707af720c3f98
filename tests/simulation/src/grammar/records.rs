//! What is in the records, and when they are written.

use serde_json::json;

use super::draw::change;
use super::{BEGIN, Change, Shape, SourceShape};
use crate::log::{MS, Time};
use crate::random::Random;

/// What is in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Row {
        k: String,
        g: String,
        v: i64,
        ts: i64,
    },
    /// Not JSON.
    Garbage,
    /// Without its time.
    Timeless,
    /// It was there before anybody read, and is not to be read.
    Unread,
}

/// A record of a source, and when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) source: usize,
    pub(crate) partition: i32,
    pub(crate) at: Time,
    pub(crate) body: Body,
}

impl Body {
    /// What is written, with the record's number.
    pub(crate) fn text(&self, id: usize) -> String {
        match self {
            Self::Row { k, g, v, ts } => {
                json!({"k": k, "g": g, "v": v, "ts": ts, "id": id}).to_string()
            }
            Self::Garbage => "{\"k\":".to_owned(),
            Self::Timeless | Self::Unread => json!({"k": "a", "g": "x", "v": 1}).to_string(),
        }
    }
}

/// Records for a shape, written until about `until`: times go on with gaps and jitter, some records late, some bad,
/// some partitions empty or silent for a while.
pub(crate) fn records(shape: &Shape, until: Time, random: &mut Random) -> Vec<Record> {
    let mut records = Vec::new();
    for (source, its) in shape.sources.iter().enumerate() {
        for partition in 0..its.partitions.cast_signed() {
            let count = if random.chance(8) {
                0
            } else {
                random.range(1, 30)
            };
            let mut clock = BEGIN + random.range(0, 15_000).cast_signed();
            let mut at = random.range(0, until / 4);
            let pace = 2 * until / (count + 1);
            for _ in 0..count {
                at += random.range(0, pace.max(1));
                if random.chance(4) {
                    at += until / 3;
                }
                clock += random.range(0, 3_000).cast_signed();
                let back = if random.chance(12) {
                    25_000
                } else {
                    1 + its.disorder * 1_000
                };
                let ts = clock - random.range(0, back.unsigned_abs()).cast_signed();
                let body = body(its, partition, ts, random);
                records.push(Record {
                    source,
                    partition,
                    at: at.min(until),
                    body,
                });
            }
        }
    }
    records.sort_by_key(|record| record.at);
    records
}

fn body(source: &SourceShape, partition: i32, ts: i64, random: &mut Random) -> Body {
    let owner = if source.by_key {
        partition.to_string()
    } else {
        String::new()
    };
    match random.range(0, 40) {
        0 => Body::Garbage,
        1 => Body::Timeless,
        n => Body::Row {
            k: format!("{}{owner}", random.pick(&["a", "b", "c"], "a")),
            g: random.pick(&["x", "y", "z"], "x").to_owned(),
            v: if n == 2 {
                -1
            } else {
                random.range(0, 100).cast_signed()
            },
            ts,
        },
    }
}

/// The changes of the table that changes, some of them before anybody reads it. Each has another value.
pub(crate) fn changes(until: Time, random: &mut Random) -> Vec<(Time, Change)> {
    let mut changes = Vec::new();
    for number in 0..random.range(0, 30) {
        let at = if random.chance(25) {
            0
        } else {
            random.range(0, until * 5 / 4)
        };
        let (key, value) = change(random);
        changes.push((at, (key, value.map(|_| number.cast_signed()))));
    }
    changes.sort_by_key(|(at, _)| *at);
    changes
}

/// How long a run's records take to be written.
pub(crate) fn span(random: &mut Random) -> Time {
    random.range(200, 1_200) * MS
}
