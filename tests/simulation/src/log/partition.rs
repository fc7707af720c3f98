//! A partition: records and markers in the order of their offsets.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_worker::log::Produced;

use super::{TOMBSTONES, Time, TransactionId};
use crate::random::Random;

/// What is at an offset.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    at: Time,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Record(Option<TransactionId>, Produced),
    Marker,
}

/// What a reader sees.
#[derive(Debug, Default)]
pub(crate) struct Seen<'a> {
    pub(crate) records: Vec<(i64, &'a Produced)>,
    /// The next offset to read.
    pub(crate) next: i64,
    /// Whether that is as far as the reader may go now.
    pub(crate) at_end: bool,
}

/// A partition of a topic.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    entries: Vec<Entry>,
    next: i64,
    /// The first record of each transaction that has no marker here yet.
    open: BTreeMap<TransactionId, i64>,
}

impl Partition {
    /// The offset after the last entry: all that readers of uncommitted data see.
    pub(crate) fn end(&self) -> i64 {
        self.next
    }

    /// The last stable offset: the first record that may yet turn out to be aborted, or the end.
    pub(crate) fn stable_end(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.next)
    }

    /// The first offset there is.
    pub(crate) fn first(&self) -> i64 {
        self.entries.first().map_or(self.next, |e| e.offset)
    }

    pub(crate) fn append(&mut self, at: Time, by: Option<TransactionId>, record: Produced) {
        if let Some(id) = by {
            self.open.entry(id).or_insert(self.next);
        }
        self.push(at, Body::Record(by, record));
    }

    /// Ends a transaction here.
    pub(crate) fn mark(&mut self, at: Time, id: TransactionId) {
        self.open.remove(&id);
        self.push(at, Body::Marker);
    }

    fn push(&mut self, at: Time, body: Body) {
        self.entries.push(Entry {
            offset: self.next,
            at,
            body,
        });
        self.next += 1;
    }

    /// Reads records of committed transactions, and those of none, below `end`.
    pub(crate) fn read(
        &self,
        from: i64,
        end: i64,
        max: usize,
        is_committed: &dyn Fn(TransactionId) -> bool,
    ) -> Seen<'_> {
        let begin = self.entries.partition_point(|e| e.offset < from);
        let mut seen = Seen {
            next: from,
            ..Seen::default()
        };
        for entry in self.entries.iter().skip(begin) {
            if entry.offset >= end {
                break;
            }
            if let Body::Record(by, record) = &entry.body
                && by.is_none_or(is_committed)
            {
                if seen.records.len() >= max {
                    return seen;
                }
                seen.records.push((entry.offset, record));
            }
            seen.next = entry.offset + 1;
        }
        // What has been compacted away before the end is passed over, too.
        seen.next = seen.next.max(end);
        seen.at_end = true;
        seen
    }

    /// Compaction, as brokers do it: never behind the last stable offset; a record goes when a later one with its key is
    /// committed, or when its transaction was aborted; a tombstone when it is old and all before it are gone.
    pub(crate) fn compact(
        &mut self,
        now: Time,
        is_committed: &dyn Fn(TransactionId) -> bool,
        random: &mut Random,
    ) {
        let stable = self.stable_end();
        let counts = |by: &Option<TransactionId>| by.is_none_or(is_committed);
        let mut last: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
        for entry in self.entries.iter().filter(|e| e.offset < stable) {
            if let Body::Record(by, record) = &entry.body
                && counts(by)
                && let Some(key) = &record.key
            {
                last.insert(key.clone(), entry.offset);
            }
        }
        let mut kept: BTreeSet<Vec<u8>> = BTreeSet::new();
        self.entries.retain(|entry| {
            let Body::Record(by, record) = &entry.body else {
                return true;
            };
            if entry.offset >= stable {
                return true;
            }
            let key = record.key.clone().unwrap_or_default();
            let outdated = !counts(by) || last.get(&key).is_some_and(|&l| l > entry.offset);
            let old = now.saturating_sub(entry.at) > TOMBSTONES;
            let bare = record.value.is_none() && old && !kept.contains(&key);
            let goes = (outdated || bare) && random.chance(70);
            if !goes {
                kept.insert(key);
            }
            !goes
        });
    }
}
