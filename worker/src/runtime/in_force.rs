//! Under which edition of the rules a partition of a source is read.

use std::collections::{BTreeMap, VecDeque};

use super::editions::{Entry, Switch};
use super::tasks::Held;

/// Under which edition of the rules a partition of a source is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InForce {
    now: i64,
    /// From which offset on that is so, if the log does not have it yet.
    unsaid: Option<i64>,
    /// Where others were in force when it was read before.
    ahead: VecDeque<(i64, i64)>,
}

/// What is noted elsewhere of the edition of a partition's rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Noted {
    /// With its position in the log.
    pub(super) then: Option<i64>,
    /// With that of a sink outside the log, which has rows of an attempt that is lost.
    pub(super) attempt: Option<i64>,
}

impl InForce {
    /// What is in force from an offset on, where a partition was read under these editions from these offsets on. Rows that were
    /// never read are judged by the wanted one, or, before others that were, as those were.
    pub(super) fn at(
        switches: &BTreeMap<i64, i64>,
        offset: i64,
        noted: Noted,
        wanted: i64,
    ) -> Self {
        let (before, ahead) = (switches.range(..=offset), switches.range(offset + 1..));
        let ahead: VecDeque<(i64, i64)> = ahead.map(|(at, edition)| (*at, *edition)).collect();
        let before = before.last().map(|(_, edition)| *edition);
        let next = ahead.front().map(|(_, edition)| *edition);
        let known = noted.attempt.or(before).or(noted.then).or(next);
        let now = known.unwrap_or(wanted);
        Self {
            now,
            unsaid: (before != Some(now)).then_some(offset),
            ahead,
        }
    }

    /// The number of the edition.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// Whether the next commit has something to say of it, where this edition is wanted.
    pub(super) fn has_news(&self, wanted: i64) -> bool {
        self.unsaid.is_some() || (self.ahead.is_empty() && self.now != wanted)
    }
}

impl Held {
    /// Puts the edition in force that the record at an offset is to be read under.
    pub(super) fn follow_editions(&mut self, offset: i64) {
        let Some(rules) = &mut self.rules else { return };
        while rules.ahead.front().is_some_and(|(at, _)| *at <= offset) {
            if let Some((_, edition)) = rules.ahead.pop_front() {
                (rules.now, rules.unsaid) = (edition, None);
                self.task.set_edition(edition);
            }
        }
    }

    /// The next offset from which on it was read under another edition.
    pub(super) fn next_edition_at(&self) -> Option<i64> {
        self.rules.as_ref()?.ahead.front().map(|(at, _)| *at)
    }

    /// At a commit: what is to be said of the edition that its rows were read under, and, where it is read for the first time,
    /// goes on with the one that is wanted.
    pub(super) fn switch_to(&mut self, wanted: i64) -> Vec<Entry> {
        let is_first = self.written.next().is_none();
        let Some(rules) = &mut self.rules else {
            return Vec::new();
        };
        let begun = rules.unsaid.take().map(|offset| (offset, rules.now));
        let switched = is_first && rules.ahead.is_empty() && rules.now != wanted;
        if switched {
            rules.now = wanted;
            self.task.set_edition(wanted);
        }
        let switched = switched.then_some((self.offset, wanted));
        let entry = |(offset, edition)| {
            Entry::Switch(Switch {
                topic: self.partition.topic.to_string(),
                partition: self.partition.partition,
                offset,
                edition,
            })
        };
        begun.into_iter().chain(switched).map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_read_again_as_it_was() {
        let switches: BTreeMap<i64, i64> = [(10, 1), (20, 2), (30, 4)].into();
        let at = |offset, noted| InForce::at(&switches, offset, noted, 5);
        let ahead = |from| {
            switches
                .clone()
                .into_iter()
                .skip(from)
                .collect::<VecDeque<_>>()
        };
        let none = Noted::default();
        let of = |now, unsaid, from| InForce {
            now,
            unsaid,
            ahead: ahead(from),
        };
        assert_eq!(at(0, none), of(1, Some(0), 0), "before what was read");
        let then = Noted {
            then: Some(1),
            ..none
        };
        assert_eq!(
            at(20, then),
            of(2, None, 2),
            "a switch is committed with the position where it is"
        );
        assert_eq!(at(99, none), of(4, None, 3));
        let attempt = Noted {
            attempt: Some(5),
            ..none
        };
        assert_eq!(at(99, attempt), of(5, Some(99), 3));
        let fresh = InForce::at(&BTreeMap::new(), 7, none, 5);
        assert_eq!(fresh, of(5, Some(7), 3));
        assert!(fresh.has_news(5) && at(99, none).has_news(5) && !at(99, none).has_news(4));
        assert!(!at(20, none).has_news(5), "what is ahead comes first");
    }
}
