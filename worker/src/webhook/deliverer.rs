//! The way from an outbox to the receiver of its rows, as far as the log is concerned: who reads which partition, and how
//! far it is done with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lanes::Lanes;
use super::{Ending, OUTBOX_PARTITIONS};
use crate::log::{
    Commit, Committer, GroupEvent, LogError, Outcome, Position, Produced, Reader, Sides, Start,
    TopicPartition,
};
use crate::runtime::dead_letters;

/// How often it is committed how far the receiver has the rows: those since are posted again after a crash.
const COMMIT: Duration = Duration::from_millis(500);
/// The longest that it is waited for rows before it is looked at the clock again.
const NAP: Duration = Duration::from_millis(100);
/// How long answers are waited for where partitions are given back.
const SETTLE: Duration = Duration::from_secs(1);
/// How soon what the log did not do is asked of it again.
const AGAIN: Duration = Duration::from_millis(200);

/// A member of the group of those that deliver the rows of an outbox.
pub(super) struct Deliverer<'d> {
    reader: Box<dyn Reader>,
    committer: Box<dyn Committer>,
    lanes: &'d mut Lanes,
    ending: &'d Ending,
    /// What the group wants and has not got yet.
    wanted: Wanted,
    committed: Instant,
    /// Whether the log could not be reached in this turn.
    away: bool,
    /// Where each partition ended when all that was there was to be delivered.
    ends: Option<Vec<i64>>,
    looked: Instant,
}

#[derive(Debug)]
enum Wanted {
    Nothing,
    /// These partitions are to be read.
    Take(Vec<TopicPartition>),
    /// All partitions are to be given back.
    Release,
}

impl<'d> Deliverer<'d> {
    /// A member to be, with the two sides of its log.
    pub(super) fn new(
        Sides { reader, committer }: Sides,
        lanes: &'d mut Lanes,
        ending: &'d Ending,
    ) -> Self {
        let now = Instant::now();
        Self {
            reader,
            committer,
            lanes,
            ending,
            wanted: Wanted::Nothing,
            committed: now,
            away: false,
            ends: None,
            looked: now,
        }
    }

    /// Delivers rows until it is told to end.
    ///
    /// # Errors
    /// What only a new client of the log may mend.
    pub(super) fn run(&mut self) -> Result<(), LogError> {
        let delivered = self.deliver();
        self.lanes.clear();
        let left = self.reader.leave();
        if let Err(error) = left {
            tracing::warn!(%error, "the group of those that deliver was not left in good order");
        }
        delivered
    }

    fn deliver(&mut self) -> Result<(), LogError> {
        self.committer.init()?;
        let topic = self.lanes.outbox.topic.to_string();
        self.reader.subscribe(&[topic])?;
        while !self.ending.is_stopping() && !self.is_all_delivered()? {
            self.turn()?;
        }
        self.lanes.settle(SETTLE);
        self.commit()?;
        self.lanes.say_last();
        Ok(())
    }

    fn turn(&mut self) -> Result<(), LogError> {
        self.away = false;
        let wait = match self.lanes.is_posting() {
            true => Duration::ZERO,
            false => self.lanes.rest(NAP),
        };
        let events = self.reader.events(wait);
        for event in self.unless_away(events)?.unwrap_or_default() {
            self.heed(event)?;
        }
        let done = self.do_wanted();
        self.unless_away(done)?;
        let taken = self.lanes.take(self.reader.as_mut());
        self.unless_away(taken)?;
        self.lanes.post();
        self.lanes.hear();
        if self.committed.elapsed() >= COMMIT {
            self.commit()?;
        }
        if !self.away && self.lanes.uncommitted().is_empty() {
            self.lanes.report.log(None);
        }
        self.lanes.say();
        Ok(())
    }

    /// What the log does not do because it cannot be reached is tried again.
    fn unless_away<T>(&mut self, asked: Result<T, LogError>) -> Result<Option<T>, LogError> {
        match asked {
            Ok(done) => Ok(Some(done)),
            Err(LogError::Unavailable(why)) => {
                self.away = true;
                self.lanes.report.log(Some(why));
                std::thread::sleep(AGAIN);
                Ok(None)
            }
            Err(refused) => Err(refused),
        }
    }

    fn heed(&mut self, event: GroupEvent) -> Result<(), LogError> {
        self.wanted = match event {
            GroupEvent::Assigned(partitions) => Wanted::Take(partitions),
            GroupEvent::Revoked => {
                self.lanes.settle(SETTLE);
                self.commit()?;
                Wanted::Release
            }
            GroupEvent::Lost => Wanted::Release,
        };
        self.lanes.clear();
        Ok(())
    }

    fn do_wanted(&mut self) -> Result<(), LogError> {
        match &self.wanted {
            Wanted::Nothing => return Ok(()),
            Wanted::Release => self.reader.unassign()?,
            Wanted::Take(partitions) => {
                let committed = self.reader.committed(partitions)?;
                let committed: Vec<Option<i64>> = committed
                    .iter()
                    .map(|it| Some(it.as_ref()?.offset))
                    .collect();
                let starts = partitions.iter().zip(&committed).map(|(at, committed)| {
                    let start = committed.map_or(Start::Earliest, Start::At);
                    (at.clone(), start)
                });
                let starts: Vec<_> = starts.collect();
                let begins = self.reader.assign(&starts)?;
                let held = partitions.iter().zip(begins).zip(committed);
                self.lanes
                    .hold(held.map(|((at, next), committed)| (at.partition, next, committed)));
            }
        }
        self.wanted = Wanted::Nothing;
        Ok(())
    }

    /// Commits how far rows are done with, and what was given up as dead letters, in one.
    fn commit(&mut self) -> Result<(), LogError> {
        self.committed = Instant::now();
        let positions = self.lanes.uncommitted();
        if positions.is_empty() {
            return Ok(());
        }
        match self.committer.commit(&self.work(&positions)) {
            Outcome::Committed => {
                self.lanes.committed(&positions);
                self.lanes.report.log(None);
            }
            Outcome::Aborted(why) => self.lanes.report.log(Some(why)),
            Outcome::Fenced(why) => {
                self.lanes.report.log(Some(why));
                let ready = self.committer.init();
                self.unless_away(ready)?;
            }
            // If it is in the log, the dead letters are, too: what is committed says so.
            Outcome::Unknown(why) => {
                self.lanes.report.log(Some(why));
                self.wanted = Wanted::Take(self.lanes.held());
                self.lanes.clear();
                let ready = self.committer.init();
                self.unless_away(ready)?;
            }
            Outcome::Fatal(why) => return Err(LogError::Refused(why)),
        }
        Ok(())
    }

    fn work(&self, positions: &[(i32, i64)]) -> Commit {
        let outbox = &self.lanes.outbox;
        let letters: Vec<Produced> = self
            .lanes
            .letters()
            .into_iter()
            .map(dead_letters::to_record)
            .collect();
        let to = |topic: &Arc<str>| {
            let topic = Arc::clone(topic);
            let letters = letters.clone().into_iter();
            letters.map(move |letter| (Arc::clone(&topic), letter))
        };
        let position = |(partition, offset): &(i32, i64)| {
            let clock = String::new();
            let offset = *offset;
            (outbox.partition(*partition), Position { offset, clock })
        };
        Commit {
            produced: outbox.dead_letters.iter().flat_map(to).collect(),
            positions: positions.iter().map(position).collect(),
            ..Commit::default()
        }
    }

    /// Whether it is to end when all that is there is delivered, and that is so: be it by this worker or by others.
    fn is_all_delivered(&mut self) -> Result<bool, LogError> {
        if !self.ending.is_draining() || self.looked.elapsed() < AGAIN {
            return Ok(false);
        }
        self.looked = Instant::now();
        let looked = self.look_for_end();
        Ok(self.unless_away(looked)?.unwrap_or_default())
    }

    fn look_for_end(&mut self) -> Result<bool, LogError> {
        let outbox = &self.lanes.outbox;
        let all: Vec<TopicPartition> = (0..OUTBOX_PARTITIONS)
            .map(|it| outbox.partition(it))
            .collect();
        let ends = match self.ends.take() {
            Some(ends) => ends,
            None => self.reader.end_offsets(&all)?,
        };
        self.ends = Some(ends.clone());
        if self.lanes.is_posting() || !self.lanes.uncommitted().is_empty() {
            return Ok(false);
        }
        let committed = self.reader.committed(&all)?;
        let mut reached = committed.into_iter().zip(ends);
        Ok(reached.all(|(committed, end)| committed.map_or(0, |it| it.offset) >= end))
    }
}
