//! Topics seen from outside a pipeline.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use tidemill_engine::record::RawBatch;

use super::append::Staged;
use super::catalog::Catalog;
use super::forget::forget;
use super::group::topics_are_new;
use super::{LogError, POLL, Shared, fetch};
use crate::log::{Admin, OnProgress, Produced, TopicPartition, TopicSpec};
use crate::sqlite::{self, block_on};

/// Makes, lists, writes and reads the topics of an embedded log.
#[derive(Debug)]
pub struct EmbeddedAdmin {
    shared: Arc<Shared>,
    connection: SqliteConnection,
    catalog: Catalog,
    turn: u32,
}

impl EmbeddedAdmin {
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self, LogError> {
        Ok(Self {
            connection: shared.connect()?,
            shared,
            catalog: Catalog::default(),
            turn: 0,
        })
    }
}

impl Admin for EmbeddedAdmin {
    fn partitions(&mut self, topics: &[String]) -> Result<Vec<Option<u32>>, LogError> {
        self.catalog.look_again();
        block_on(async {
            let mut counts = Vec::with_capacity(topics.len());
            for name in topics {
                let topic = self.catalog.find(&mut self.connection, name).await?;
                counts.push(topic.map(|topic| topic.count()));
            }
            Ok(counts)
        })
    }

    fn ensure(&mut self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let turn = self.shared.writing();
        block_on(async {
            let mut tx = sqlite::begin(&mut self.connection).await?;
            let mut new = Vec::new();
            for topic in topics {
                if ensure(&mut tx, topic).await? {
                    new.push(topic.name.as_str());
                }
            }
            topics_are_new(&mut tx, &new).await?;
            tx.commit().await?;
            Ok::<_, LogError>(())
        })?;
        drop(turn);
        self.shared.announce();
        Ok(())
    }

    fn grow(&mut self, topic: &str, partitions: u32) -> Result<(), LogError> {
        let turn = self.shared.writing();
        block_on(async {
            let mut tx = sqlite::begin(&mut self.connection).await?;
            if grow(&mut tx, topic, partitions).await? {
                topics_are_new(&mut tx, &[topic]).await?;
            }
            tx.commit().await?;
            Ok::<_, LogError>(())
        })?;
        drop(turn);
        self.shared.announce();
        Ok(())
    }

    fn forget(&mut self, group: &str, topics: &[String]) -> Result<(), LogError> {
        let turn = self.shared.writing();
        block_on(async {
            let mut tx = sqlite::begin(&mut self.connection).await?;
            forget(&self.shared, &mut tx, group, topics).await?;
            tx.commit().await?;
            Ok::<_, LogError>(())
        })?;
        drop(turn);
        self.catalog.look_again();
        self.shared.announce();
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<(String, u32)>, LogError> {
        Ok(block_on(
            sqlx::query_as("SELECT name, partitions FROM topics ORDER BY name")
                .fetch_all(&mut self.connection),
        )?)
    }

    fn write(&mut self, topic: &str, records: &[Produced]) -> Result<(), LogError> {
        let mut staged = Staged::new(self.turn);
        self.catalog.look_again();
        block_on(async {
            for record in records {
                staged
                    .produce(&mut self.connection, &mut self.catalog, topic, record)
                    .await?;
            }
            Ok::<_, LogError>(())
        })?;
        self.turn = staged.turn();
        let turn = self.shared.writing();
        let due = block_on(async {
            let mut tx = sqlite::begin(&mut self.connection).await?;
            let due = staged.write(&mut tx).await?;
            tx.commit().await?;
            Ok::<_, LogError>(due)
        })?;
        drop(turn);
        self.shared.announce();
        self.shared.compact(&mut self.connection, &due);
        Ok(())
    }

    fn read(
        &mut self,
        topic: &str,
        follow: bool,
        each: &mut dyn FnMut(&RawBatch<'_>) -> bool,
    ) -> Result<(), LogError> {
        self.catalog.look_again();
        let found = block_on(self.catalog.topic(&mut self.connection, topic))?;
        let mut places: Vec<(i64, TopicPartition, i64)> = (0..)
            .zip(&found.partitions)
            .map(|(partition, id)| {
                let topic = topic.into();
                (*id, TopicPartition { topic, partition }, 0)
            })
            .collect();
        for (id, partition, next) in &mut places {
            let end = block_on(fetch::end(&mut self.connection, *id))?;
            while *next < end {
                match self.pass_on(*id, partition, *next, end, each)? {
                    Some(after) => *next = after,
                    None => return Ok(()),
                }
            }
        }
        if !follow {
            return Ok(());
        }
        let reached: Vec<(i32, i64)> = places
            .iter()
            .map(|(_, at, next)| (at.partition, *next))
            .collect();
        let never = AtomicBool::new(false);
        self.follow(topic, &reached, &never, &mut |_, batch, _| {
            batch.is_none_or(&mut *each)
        })
    }

    fn follow(
        &mut self,
        topic: &str,
        from: &[(i32, i64)],
        stop: &AtomicBool,
        each: OnProgress<'_>,
    ) -> Result<(), LogError> {
        let found = block_on(self.catalog.topic(&mut self.connection, topic))?;
        let place = |&(partition, from): &(i32, i64)| {
            let id = usize::try_from(partition).ok();
            let id = id.and_then(|p| found.partitions.get(p))?;
            let topic = topic.into();
            Some((*id, TopicPartition { topic, partition }, from))
        };
        let mut places: Vec<(i64, TopicPartition, i64)> = from.iter().filter_map(place).collect();
        while !stop.load(Ordering::Relaxed) {
            let seen = self.shared.version();
            let mut idle = true;
            for (id, at, next) in &mut places {
                let end = block_on(fetch::end(&mut self.connection, *id))?;
                if *next >= end {
                    continue;
                }
                idle = false;
                let partition = at.partition;
                let before = *next;
                let mut hand = |batch: &RawBatch<'_>| {
                    let after = batch.records.last().map_or(before, |r| r.offset + 1);
                    each(partition, Some(batch), after)
                };
                let Some(after) = self.pass_on(*id, at, *next, end, &mut hand)? else {
                    return Ok(());
                };
                *next = after;
                if !each(partition, None, after) {
                    return Ok(());
                }
            }
            if idle {
                self.shared.wait(seen, POLL);
            }
        }
        Ok(())
    }
}

impl EmbeddedAdmin {
    /// Hands over what is fetched at a time, and returns the offset after it; `None` if no more is wanted.
    fn pass_on(
        &mut self,
        id: i64,
        partition: &TopicPartition,
        next: i64,
        end: i64,
        each: &mut dyn FnMut(&RawBatch<'_>) -> bool,
    ) -> Result<Option<i64>, LogError> {
        let batches = block_on(fetch::batches(&mut self.connection, id, next))?;
        let mut after = if batches.is_empty() { end } else { next };
        for mut batch in batches {
            let mut more = true;
            (_, after) = batch.hand(partition, after, usize::MAX, &mut |b| more = each(b))?;
            if !more {
                return Ok(None);
            }
        }
        Ok(Some(after))
    }
}

/// Makes a topic if it is not there; true if it was not.
async fn ensure(connection: &mut SqliteConnection, topic: &TopicSpec) -> Result<bool, LogError> {
    let TopicSpec {
        name, partitions, ..
    } = topic;
    let found: Option<u32> = sqlx::query_scalar("SELECT partitions FROM topics WHERE name = ?")
        .bind(name)
        .fetch_optional(&mut *connection)
        .await?;
    match found {
        Some(found) if found >= *partitions => return Ok(false),
        Some(found) => {
            return Err(LogError::Refused(format!(
                "topic {name:?} has {found} partitions, {partitions} are wanted"
            )));
        }
        None if *partitions == 0 => {
            return Err(LogError::Refused(format!(
                "topic {name:?} cannot be made without partitions"
            )));
        }
        None => {}
    }
    let row = sqlx::query(
        "INSERT INTO topics (name, partitions, compacted) VALUES (?, ?, ?) RETURNING id",
    )
    .bind(name)
    .bind(partitions)
    .bind(topic.compacted)
    .fetch_one(&mut *connection)
    .await?;
    add_partitions(connection, row.try_get(0)?, 0..*partitions).await?;
    Ok(true)
}

/// Gives a topic more partitions; false if it has as many already.
async fn grow(
    connection: &mut SqliteConnection,
    topic: &str,
    partitions: u32,
) -> Result<bool, LogError> {
    let found: Option<(i64, u32)> =
        sqlx::query_as("SELECT id, partitions FROM topics WHERE name = ?")
            .bind(topic)
            .fetch_optional(&mut *connection)
            .await?;
    let Some((id, before)) = found else {
        return Err(LogError::Refused(format!("there is no topic {topic:?}")));
    };
    if before >= partitions {
        return Ok(false);
    }
    sqlx::query("UPDATE topics SET partitions = ? WHERE id = ?")
        .bind(partitions)
        .bind(id)
        .execute(&mut *connection)
        .await?;
    add_partitions(connection, id, before..partitions).await?;
    Ok(true)
}

async fn add_partitions(
    connection: &mut SqliteConnection,
    topic: i64,
    numbers: Range<u32>,
) -> Result<(), LogError> {
    for number in numbers {
        sqlx::query("INSERT INTO partitions (topic, number) VALUES (?, ?)")
            .bind(topic)
            .bind(number)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
