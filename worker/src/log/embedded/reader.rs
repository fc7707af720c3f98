//! The reading side.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnection;
use tidemill_engine::record::RawBatch;

use super::catalog::Catalog;
use super::fetch::{self, Batch};
use super::group::{Member, Standing};
use super::{LogError, POLL, Shared};
use crate::log::{
    GroupEvent, Membership, OnEntry, Position, Reader, Start, Taken, TopicPartition, told_to_stop,
};
use crate::sqlite::block_on;

/// A member of a group and the partitions that it reads.
#[derive(Debug)]
pub struct EmbeddedReader {
    shared: Arc<Shared>,
    connection: SqliteConnection,
    catalog: Catalog,
    member: Arc<Member>,
    topics: Vec<String>,
    state: State,
    feeds: BTreeMap<TopicPartition, Feed>,
    /// The last sign of life.
    beaten: Instant,
    /// `PRAGMA data_version` when the log was looked at last; what others have committed since makes it another.
    looked: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has not subscribed, or has left.
    Out,
    /// It is a member without partitions.
    Joined,
    /// It has partitions.
    Holding,
    /// It has been told to give them back.
    Told,
}

/// A partition being read.
#[derive(Debug)]
struct Feed {
    id: i64,
    next: i64,
    end: i64,
    fetched: VecDeque<Batch>,
    /// Whether the caller has been told of what there is, and has not come for it: it need not be told again.
    told: bool,
}

impl EmbeddedReader {
    pub(super) fn new(shared: Arc<Shared>, group: &str) -> Result<Self, LogError> {
        Ok(Self {
            connection: shared.connect()?,
            shared,
            catalog: Catalog::default(),
            member: Arc::new(Member::new(group)),
            topics: Vec::new(),
            state: State::Out,
            feeds: BTreeMap::new(),
            beaten: Instant::now(),
            looked: None,
        })
    }

    /// Gives a sign of life, when it is time.
    fn beat(&mut self) -> Result<(), LogError> {
        if self.state == State::Out || self.beaten.elapsed() < self.shared.lease / 3 {
            return Ok(());
        }
        self.beaten = Instant::now();
        self.member.beat(&self.shared, &mut self.connection)?;
        // What this connection has changed itself is no news to it.
        self.looked = None;
        Ok(())
    }

    /// Whether another connection, of this process or another, has changed the log since it was looked at last.
    fn is_news(&mut self) -> Result<bool, LogError> {
        let version: i64 =
            block_on(sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut self.connection))?;
        Ok(self.looked.replace(version) != Some(version))
    }

    /// What has happened in the group.
    fn regroup(&mut self) -> Result<Option<GroupEvent>, LogError> {
        if matches!(self.state, State::Out | State::Told) {
            return Ok(None);
        }
        let mut standing = block_on(self.member.standing(&mut self.connection))?;
        if standing == Standing::Out {
            self.member.drop_all();
            if self.state == State::Holding {
                self.state = State::Told;
                return Ok(Some(GroupEvent::Lost));
            }
            self.join()?;
            standing = Standing::Waiting;
        }
        match standing {
            Standing::Outdated => {
                self.state = State::Told;
                Ok(Some(GroupEvent::Revoked))
            }
            Standing::Waiting => self.take_share(),
            Standing::Out | Standing::Settled => Ok(None),
        }
    }

    fn take_share(&mut self) -> Result<Option<GroupEvent>, LogError> {
        let share = self
            .member
            .take(&self.shared, &mut self.connection, &mut self.catalog)?;
        Ok(share.map(|share| {
            self.state = State::Holding;
            GroupEvent::Assigned(share)
        }))
    }

    fn join(&mut self) -> Result<(), LogError> {
        self.member
            .join(&self.shared, &mut self.connection, &self.topics)?;
        self.state = State::Joined;
        self.beaten = Instant::now();
        Ok(())
    }

    /// Looks how far the partitions reach by now.
    fn look(&mut self) -> Result<(), LogError> {
        for feed in self.feeds.values_mut() {
            let end = block_on(fetch::end(&mut self.connection, feed.id))?;
            if end > feed.end {
                feed.end = end;
                feed.told = false;
            }
        }
        Ok(())
    }

    /// Whether there is something to read that the caller has not been told of.
    fn tell(&mut self) -> bool {
        let mut any = false;
        for feed in self.feeds.values_mut() {
            any |= feed.next < feed.end && !feed.told;
            feed.told = true;
        }
        any
    }

    fn resolve(&mut self, id: i64, start: Start) -> Result<i64, LogError> {
        let connection = &mut self.connection;
        match start {
            Start::At(offset) => Ok(offset),
            Start::Earliest => block_on(fetch::earliest(connection, id)),
            Start::Latest => block_on(fetch::end(connection, id)),
            Start::Timestamp(timestamp) => block_on(fetch::since(connection, id, timestamp)),
        }
    }
}

impl Reader for EmbeddedReader {
    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError> {
        self.topics = topics.to_vec();
        self.join()
    }

    /// Records that have been there at the last call and were not asked for since are no reason to return: a caller that
    /// holds a partition back does not spin.
    fn events(&mut self, wait: Duration) -> Result<Vec<GroupEvent>, LogError> {
        let deadline = Instant::now() + wait;
        loop {
            let seen = self.shared.version();
            self.beat()?;
            if self.is_news()? || self.state == State::Joined {
                if let Some(event) = self.regroup()? {
                    return Ok(vec![event]);
                }
                self.look()?;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.tell() || left.is_zero() {
                return Ok(Vec::new());
            }
            self.shared.wait(seen, left.min(POLL));
        }
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<Position>>, LogError> {
        block_on(async {
            let mut positions = Vec::with_capacity(partitions.len());
            for partition in partitions {
                let id = self
                    .catalog
                    .partition(&mut self.connection, partition)
                    .await?;
                let position: Option<(i64, String)> = sqlx::query_as(
                    "SELECT next_offset, clock FROM positions WHERE grp = ? AND partition = ?",
                )
                .bind(&self.member.group)
                .bind(id)
                .fetch_optional(&mut self.connection)
                .await?;
                positions.push(position.map(|(offset, clock)| Position { offset, clock }));
            }
            Ok(positions)
        })
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<Vec<i64>, LogError> {
        let mut feeds = BTreeMap::new();
        let mut offsets = Vec::with_capacity(partitions.len());
        for (partition, start) in partitions {
            let id = block_on(self.catalog.partition(&mut self.connection, partition))?;
            let next = self.resolve(id, *start)?;
            offsets.push(next);
            let feed = Feed {
                id,
                next,
                end: block_on(fetch::end(&mut self.connection, id))?,
                fetched: VecDeque::new(),
                told: false,
            };
            feeds.insert(partition.clone(), feed);
        }
        self.feeds = feeds;
        Ok(offsets)
    }

    fn unassign(&mut self) -> Result<(), LogError> {
        self.feeds.clear();
        if matches!(self.state, State::Told | State::Holding) {
            self.member.release(&self.shared, &mut self.connection)?;
            self.state = State::Joined;
        }
        Ok(())
    }

    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError> {
        let feed = self
            .feeds
            .get_mut(partition)
            .ok_or_else(|| unassigned(partition))?;
        feed.next = offset;
        feed.fetched.clear();
        feed.told = false;
        Ok(())
    }

    fn take(
        &mut self,
        partition: &TopicPartition,
        max: usize,
        each: &mut dyn FnMut(&RawBatch<'_>),
    ) -> Result<Taken, LogError> {
        let feed = self
            .feeds
            .get_mut(partition)
            .ok_or_else(|| unassigned(partition))?;
        feed.told = false;
        let mut records = 0;
        while records < max && feed.next < feed.end {
            // A local file is as good as fetched: it makes nobody wait.
            if feed.fetched.is_empty() {
                feed.fetched =
                    block_on(fetch::batches(&mut self.connection, feed.id, feed.next))?.into();
            }
            let Some(batch) = feed.fetched.front_mut() else {
                feed.next = feed.end;
                break;
            };
            let (handed, next) = batch.hand(partition, feed.next, max - records, each)?;
            records += handed;
            feed.next = next;
            feed.end = feed.end.max(batch.end);
            if next >= batch.end {
                feed.fetched.pop_front();
            }
        }
        Ok(Taken {
            records,
            next_offset: feed.next,
            at_end: feed.next >= feed.end,
            end: Some(feed.end),
        })
    }

    fn end_offsets(&mut self, partitions: &[TopicPartition]) -> Result<Vec<i64>, LogError> {
        block_on(async {
            let mut ends = Vec::with_capacity(partitions.len());
            for partition in partitions {
                let id = self
                    .catalog
                    .partition(&mut self.connection, partition)
                    .await?;
                ends.push(fetch::end(&mut self.connection, id).await?);
            }
            Ok(ends)
        })
    }

    fn restore(
        &mut self,
        partition: &TopicPartition,
        stop: &AtomicBool,
        each: OnEntry<'_>,
    ) -> Result<(), LogError> {
        let id = block_on(self.catalog.partition(&mut self.connection, partition))?;
        let mut next = 0;
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(told_to_stop());
            }
            self.beat()?;
            let batches = block_on(fetch::batches(&mut self.connection, id, next))?;
            if batches.is_empty() {
                return Ok(());
            }
            for mut batch in batches {
                let (_, after) = batch.hand(partition, next, usize::MAX, &mut |batch| {
                    for record in batch.records {
                        if let Some(key) = record.key {
                            each(key, record.value);
                        }
                    }
                })?;
                next = after;
            }
        }
    }

    fn membership(&self) -> Arc<dyn Membership> {
        Arc::clone(&self.member) as Arc<dyn Membership>
    }

    fn leave(&mut self) -> Result<(), LogError> {
        self.feeds.clear();
        if self.state != State::Out {
            self.state = State::Out;
            self.member.leave(&self.shared, &mut self.connection)?;
        }
        Ok(())
    }
}

impl Drop for EmbeddedReader {
    fn drop(&mut self) {
        // If it cannot leave, its lease ends.
        let _ = self.leave();
    }
}

fn unassigned(partition: &TopicPartition) -> LogError {
    LogError::Refused(format!(
        "partition {} of topic {:?} is not assigned",
        partition.partition, partition.topic
    ))
}
