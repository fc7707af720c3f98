//! What sinks outside the log have of a partition.
//!
//! Such a sink is written before the log commits, so it may be ahead: it has what came of an attempt that is lost. The work
//! of that attempt is done again for the log, and must come to the same: what the sink has not got, it is not given
//! otherwise, and what it has got it would be given twice. So whatever is decided by something else than the records
//! themselves (how many partitions a topic has, which of them are idle) is decided at commits, and a sink's position says
//! what it was. Up to there it holds for those that come after, and nothing is decided anew.

use crate::log::Position;

/// Up to where each sink outside the log has a partition's rows.
#[derive(Debug, Default)]
pub(super) struct Written {
    until: Vec<Option<Position>>,
    /// Those of them that the log has still to come to, soonest first.
    ahead: Vec<Position>,
}

impl Written {
    /// As sinks say, by their place, when the log is at `committed`.
    pub(super) fn new(until: Vec<Option<Position>>, committed: Option<&Position>) -> Self {
        let is_ahead = |position: &&Position| {
            committed.is_none_or(|at| at.offset <= position.offset && at != *position)
        };
        let mut ahead: Vec<Position> = until.iter().flatten().filter(is_ahead).cloned().collect();
        ahead.sort_by_key(|position| position.offset);
        Self { until, ahead }
    }

    /// Up to where a sink has the rows.
    pub(super) fn until(&self, sink: usize) -> Option<&Position> {
        self.until.get(sink)?.as_ref()
    }

    /// The first position of a sink that the log has still to come to: up to there, a lost attempt is done again.
    pub(super) fn next(&self) -> Option<&Position> {
        self.ahead.first()
    }

    /// Whether such a position is not behind this offset.
    pub(super) fn is_reached(&self, offset: i64) -> bool {
        self.next().is_some_and(|next| next.offset <= offset)
    }

    /// Takes out the positions that are reached with this offset.
    pub(super) fn take_reached(&mut self, offset: i64) -> Vec<Position> {
        let count = self.ahead.partition_point(|next| next.offset <= offset);
        self.ahead.drain(..count).collect()
    }

    /// The nearest offset after this one at which what is read must be cut.
    pub(super) fn cut_after(&self, offset: i64) -> Option<i64> {
        let cuts = self.ahead.iter().map(|next| next.offset);
        cuts.filter(|&cut| cut > offset).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64, clock: &str) -> Position {
        Position {
            offset,
            clock: clock.to_owned(),
        }
    }

    #[test]
    fn what_the_log_has_still_to_come_to_is_come_to_once() {
        let sinks = vec![
            Some(at(9, "b")),
            None,
            Some(at(4, "a")),
            Some(at(7, "a")),
            Some(at(4, "")),
        ];
        let mut written = Written::new(sinks, Some(&at(4, "a")));
        assert_eq!(
            written.next(),
            Some(&at(4, "")),
            "the same offset at another time is not the same"
        );
        assert!(!written.is_reached(3) && written.is_reached(4));
        assert_eq!(written.take_reached(4), [at(4, "")]);
        assert_eq!(
            (written.cut_after(4), written.cut_after(7)),
            (Some(7), Some(9))
        );
        assert_eq!(written.take_reached(20), [at(7, "a"), at(9, "b")]);
        assert_eq!((written.next(), written.cut_after(0)), (None, None));
        assert_eq!(written.until(0), Some(&at(9, "b")), "what it has, it has");
    }

    #[test]
    fn without_a_commit_all_that_a_sink_has_is_ahead() {
        let written = Written::new(vec![Some(at(0, "a"))], None);
        assert!(written.is_reached(0));
    }
}
