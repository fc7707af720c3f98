//! Topics by name. They are not removed, and their partitions only become more: what was seen once stays true, but may
//! not be all.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::LogError;
use crate::log::TopicPartition;

/// A topic and the ids of its partitions, by number.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) compacted: bool,
    pub(super) partitions: Vec<i64>,
}

impl Topic {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }
}

/// The topics that somebody has asked for.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    topics: HashMap<String, Topic>,
}

impl Catalog {
    /// Topics may have got more partitions: they are looked up anew.
    pub(super) fn look_again(&mut self) {
        self.topics.clear();
    }

    /// A topic, if it is there.
    pub(super) async fn find(
        &mut self,
        connection: &mut SqliteConnection,
        name: &str,
    ) -> Result<Option<&Topic>, LogError> {
        if !self.topics.contains_key(name)
            && let Some(topic) = load(connection, name).await?
        {
            self.topics.insert(name.to_owned(), topic);
        }
        Ok(self.topics.get(name))
    }

    /// A topic that must be there.
    pub(super) async fn topic(
        &mut self,
        connection: &mut SqliteConnection,
        name: &str,
    ) -> Result<&Topic, LogError> {
        self.find(connection, name)
            .await?
            .ok_or_else(|| missing(name))
    }

    /// The id of a partition that must be there.
    pub(super) async fn partition(
        &mut self,
        connection: &mut SqliteConnection,
        partition: &TopicPartition,
    ) -> Result<i64, LogError> {
        let topic = self.topic(connection, &partition.topic).await?;
        if i64::from(topic.count()) <= i64::from(partition.partition) {
            self.look_again();
        }
        let topic = self.topic(connection, &partition.topic).await?;
        partition_id(topic, &partition.topic, partition.partition)
    }
}

/// The id of a topic's partition.
pub(super) fn partition_id(topic: &Topic, name: &str, partition: i32) -> Result<i64, LogError> {
    usize::try_from(partition)
        .ok()
        .and_then(|p| topic.partitions.get(p).copied())
        .ok_or_else(|| {
            LogError::Refused(format!(
                "topic {name:?} has {} partitions, there is no partition {partition}",
                topic.count()
            ))
        })
}

fn missing(name: &str) -> LogError {
    LogError::Refused(format!("there is no topic {name:?}"))
}

async fn load(connection: &mut SqliteConnection, name: &str) -> Result<Option<Topic>, LogError> {
    let rows = sqlx::query(
        "SELECT t.compacted, p.id FROM topics t JOIN partitions p ON p.topic = t.id
         WHERE t.name = ? ORDER BY p.number",
    )
    .bind(name)
    .fetch_all(connection)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(Topic {
        compacted: first.try_get(0)?,
        partitions: rows
            .iter()
            .map(|row| row.try_get(1))
            .collect::<Result<_, _>>()?,
    }))
}
