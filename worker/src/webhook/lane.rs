//! A partition of an outbox: its rows are posted one after the other, each until it is done with.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answer::Attempt;
use super::backoff::pause;

/// A row that waits to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Where it is in its partition.
    pub(super) offset: i64,
    /// When it was written, in milliseconds since the epoch; -1 where the log does not know.
    pub(super) timestamp: i64,
    /// Its key.
    pub(super) key: Option<Vec<u8>>,
    /// The row itself, as JSON.
    pub(super) value: Option<Vec<u8>>,
}

/// So many rows are taken from the log ahead of being posted.
const AHEAD: usize = 64;
/// No more are taken where those that are there have so many bytes.
const AHEAD_BYTES: usize = 1 << 20;
/// A row that has failed so often in a row is worth being told of.
const STUBBORN: u32 = 3;

/// What posting the first row has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Done {
    /// The receiver has it.
    Delivered,
    /// It is posted again later, for this reason.
    Delayed(String),
    /// It is given up, for this reason.
    GivenUp(String),
}

/// A partition of an outbox.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The rows that are not done with.
    rows: VecDeque<Row>,
    bytes: usize,
    /// The next offset after those that have been taken.
    next: i64,
    /// The offset after the last record, as far as is known.
    end: Option<i64>,
    /// Whether the first row is being posted.
    posting: bool,
    /// How often the first row has failed, and why at last.
    failures: u32,
    why: String,
    /// Not before this time is the first row posted again.
    rests_until: Option<Instant>,
    /// The rows that were given up since the last commit, with the reasons.
    given_up: Vec<(Row, String)>,
    /// What is committed.
    committed: Option<i64>,
}

impl Lane {
    /// A partition that is read from this offset on.
    pub(super) fn new(next: i64, committed: Option<i64>) -> Self {
        Self {
            next,
            committed,
            ..Self::default()
        }
    }

    /// How many more rows may be taken from the log.
    pub(super) fn room(&self) -> usize {
        match self.bytes < AHEAD_BYTES {
            true => AHEAD.saturating_sub(self.rows.len()),
            false => 0,
        }
    }

    /// Takes a row from the log.
    pub(super) fn push(&mut self, row: Row) {
        self.bytes += row.bytes();
        self.rows.push_back(row);
    }

    /// Notes how far has been read, and where the end is.
    pub(super) fn reached(&mut self, next: i64, end: Option<i64>) {
        self.next = next;
        self.end = end;
    }

    /// The row to be posted now, if it is time for one.
    pub(super) fn due(&self, now: Instant) -> Option<&Row> {
        let rests = self.rests_until.is_some_and(|until| now < until);
        self.rows.front().filter(|_| !self.posting && !rests)
    }

    /// When the first row is to be posted again, if it rests.
    pub(super) fn rests_until(&self) -> Option<Instant> {
        self.rests_until.filter(|_| !self.rows.is_empty())
    }

    /// Notes that the first row is being posted.
    pub(super) fn post(&mut self) {
        self.posting = true;
    }

    /// Whether it is.
    pub(super) fn is_posting(&self) -> bool {
        self.posting
    }

    /// Decides about the first row, after an attempt. It has so much time `left` before it is given up, and pauses for a
    /// time that `chance` has a say in.
    pub(super) fn attempted(
        &mut self,
        attempt: Attempt,
        left: Duration,
        now: Instant,
        chance: u16,
    ) -> Done {
        self.posting = false;
        match attempt {
            Attempt::Delivered => {
                self.pop();
                Done::Delivered
            }
            Attempt::Refused(why) => self.give_up(why),
            Attempt::Failed { why, .. } if left.is_zero() => {
                self.give_up(format!("it is not tried any longer: {why}"))
            }
            Attempt::Failed { why, retry_after } => {
                self.failures = self.failures.saturating_add(1);
                let wanted = retry_after.unwrap_or_default();
                // There is one more attempt when the time is up.
                let pause = pause(self.failures, chance).max(wanted).min(left);
                self.rests_until = now.checked_add(pause);
                self.why.clone_from(&why);
                Done::Delayed(why)
            }
        }
    }

    /// Gives the first row up.
    pub(super) fn give_up(&mut self, why: String) -> Done {
        if let Some(row) = self.pop() {
            self.given_up.push((row, why.clone()));
        }
        Done::GivenUp(why)
    }

    fn pop(&mut self) -> Option<Row> {
        self.failures = 0;
        self.rests_until = None;
        let row = self.rows.pop_front()?;
        self.bytes -= row.bytes();
        Some(row)
    }

    /// What keeps the first row from being delivered, if it has failed again and again.
    pub(super) fn trouble(&self) -> Option<&str> {
        (self.failures >= STUBBORN).then_some(self.why.as_str())
    }

    /// The next offset that is not done with.
    pub(super) fn position(&self) -> i64 {
        self.rows.front().map_or(self.next, |row| row.offset)
    }

    /// Whether there is something to commit.
    pub(super) fn is_dirty(&self) -> bool {
        self.committed != Some(self.position()) || !self.given_up.is_empty()
    }

    /// The rows that were given up and are not among the dead letters yet.
    pub(super) fn given_up(&self) -> &[(Row, String)] {
        &self.given_up
    }

    /// Notes that this position is committed, and all that was given up.
    pub(super) fn committed(&mut self, position: i64) {
        self.committed = Some(position);
        self.given_up.clear();
    }

    /// Rows that are not done with: those not taken from the log yet are counted with what else is between them there.
    pub(super) fn waiting(&self) -> u64 {
        let unread = self.end.map_or(0, |end| end.saturating_sub(self.next));
        self.rows.len() as u64 + u64::try_from(unread).unwrap_or_default()
    }

    /// The first row.
    pub(super) fn first(&self) -> Option<&Row> {
        self.rows.front()
    }
}

impl Row {
    fn bytes(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        size_of::<Self>() + length(&self.key) + length(&self.value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn row(offset: i64) -> Row {
        Row {
            offset,
            timestamp: 0,
            key: None,
            value: Some(b"{}".to_vec()),
        }
    }

    fn lane(offsets: &[i64], next: i64) -> Lane {
        let mut lane = Lane::new(0, None);
        offsets.iter().for_each(|offset| lane.push(row(*offset)));
        lane.reached(next, Some(next));
        lane
    }

    fn failed(retry_after: Option<u64>) -> Attempt {
        Attempt::Failed {
            why: "503".to_owned(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn rows_are_posted_one_after_the_other() {
        let (mut lane, now) = (lane(&[3, 5], 7), Instant::now());
        assert_eq!((lane.position(), lane.waiting()), (3, 2));
        assert_eq!(lane.due(now).unwrap().offset, 3);
        lane.post();
        assert_eq!(lane.due(now), None);
        lane.attempted(Attempt::Delivered, HOUR, now, 0);
        assert_eq!((lane.position(), lane.due(now).unwrap().offset), (5, 5));
        lane.post();
        lane.attempted(Attempt::Delivered, HOUR, now, 0);
        assert_eq!((lane.position(), lane.due(now)), (7, None));
        assert!(lane.is_dirty());
        lane.committed(7);
        assert!(!lane.is_dirty());
    }

    #[test]
    fn a_row_that_fails_rests_and_holds_those_behind_it() {
        let (mut lane, now) = (lane(&[3, 5], 7), Instant::now());
        for (retry_after, wanted) in [(None, 200), (None, 400), (Some(5), 5_000), (None, 1_600)] {
            lane.post();
            let done = lane.attempted(failed(retry_after), HOUR, now, 0);
            assert_eq!(done, Done::Delayed("503".to_owned()));
            let until = lane.rests_until().unwrap();
            assert_eq!(until - now, Duration::from_millis(wanted));
            assert_eq!(lane.due(until - Duration::from_millis(1)), None);
            assert_eq!(lane.due(until).unwrap().offset, 3);
            let is_stubborn = !matches!(wanted, 200 | 400);
            assert_eq!(lane.trouble(), is_stubborn.then_some("503"));
        }
        lane.attempted(Attempt::Delivered, HOUR, now, 0);
        assert_eq!((lane.rests_until(), lane.trouble()), (None, None));
        assert_eq!(lane.due(now).unwrap().offset, 5);
    }

    #[test]
    fn a_row_that_is_refused_or_out_of_time_is_given_up_alone() {
        let (mut lane, now) = (lane(&[3, 5, 6], 7), Instant::now());
        lane.post();
        let refused = lane.attempted(Attempt::Refused("400".to_owned()), HOUR, now, 0);
        assert_eq!(refused, Done::GivenUp("400".to_owned()));
        lane.post();
        lane.attempted(failed(Some(10_000)), HOUR, now, 0);
        assert_eq!(lane.rests_until().unwrap() - now, HOUR);
        lane.post();
        let late = lane.attempted(failed(None), Duration::ZERO, now, 0);
        let why = "it is not tried any longer: 503".to_owned();
        assert_eq!(late, Done::GivenUp(why.clone()));
        assert_eq!(lane.position(), 6);
        assert_eq!(lane.given_up(), [(row(3), "400".to_owned()), (row(5), why)]);
        lane.committed(6);
        assert!(lane.given_up().is_empty());
    }

    #[test]
    fn only_so_much_is_taken_ahead() {
        let mut lane = Lane::new(0, None);
        assert_eq!(lane.room(), AHEAD);
        lane.push(row(0));
        assert_eq!(lane.room(), AHEAD - 1);
        lane.push(Row {
            value: Some(vec![0; AHEAD_BYTES]),
            ..row(1)
        });
        assert_eq!(lane.room(), 0);
        lane.give_up(String::new());
        lane.give_up(String::new());
        assert_eq!((lane.room(), lane.bytes), (AHEAD, 0));
    }

    #[test]
    fn markers_behind_the_last_row_are_passed() {
        let mut lane = Lane::new(4, Some(4));
        assert!(!lane.is_dirty());
        lane.reached(5, Some(5));
        assert_eq!((lane.position(), lane.waiting()), (5, 0));
        assert!(lane.is_dirty());
    }
}
