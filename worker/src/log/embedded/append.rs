//! Appending records: put into batches by partition first, outside any transaction, then written in one.

use std::collections::HashMap;
use std::ops::Range;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use tidemill_engine::record::Headers;

use super::catalog::{Catalog, Topic, partition_id};
use super::codec::Encoder;
use super::{LogError, now};
use crate::log::partitioner::partition_of;
use crate::log::{Packed, Produced};

/// A batch that has grown to this size is closed; a single record may be larger.
pub(super) const BATCH_BYTES: usize = 512 * 1024;

/// What a compacted partition must have gathered since it was compacted last, at least, before that is done again.
const COMPACT_BYTES: i64 = 1024 * 1024;

/// Records by partition, in batches.
#[derive(Debug, Default)]
pub(super) struct Staged {
    partitions: HashMap<i64, Stage>,
    timestamp: i64,
    /// Where the next record without a key goes.
    turn: u32,
}

#[derive(Debug)]
struct Stage {
    compacted: bool,
    shared: Headers,
    open: Option<Encoder>,
    closed: Vec<Encoder>,
}

impl Staged {
    /// Nothing yet. `turn` makes records without a key go on from where the ones before ended.
    pub(super) fn new(turn: u32) -> Self {
        Self {
            partitions: HashMap::new(),
            timestamp: now(),
            turn,
        }
    }

    /// Where the next record without a key would go.
    pub(super) fn turn(&self) -> u32 {
        self.turn
    }

    /// Adds packed rows, which all have these headers.
    pub(super) async fn pack(
        &mut self,
        connection: &mut SqliteConnection,
        catalog: &mut Catalog,
        name: &str,
        packed: &Packed,
        headers: &Headers,
    ) -> Result<(), LogError> {
        let topic = catalog.topic(connection, name).await?;
        let none = Headers::new();
        for (key, value) in &packed.records {
            let key = slice(&packed.arena, key.as_ref())?;
            let value = slice(&packed.arena, value.as_ref())?;
            let partition = self.choose(topic, name, None, key)?;
            self.push(topic, partition, headers, key, value, &none);
        }
        Ok(())
    }

    /// Adds a single record.
    pub(super) async fn produce(
        &mut self,
        connection: &mut SqliteConnection,
        catalog: &mut Catalog,
        name: &str,
        record: &Produced,
    ) -> Result<(), LogError> {
        let topic = catalog.topic(connection, name).await?;
        let key = record.key.as_deref();
        let partition = self.choose(topic, name, record.partition, key)?;
        let value = record.value.as_deref();
        self.push(
            topic,
            partition,
            &Headers::new(),
            key,
            value,
            &record.headers,
        );
        Ok(())
    }

    fn choose(
        &mut self,
        topic: &Topic,
        name: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
    ) -> Result<i64, LogError> {
        let number = match (partition, key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of(key, topic.count()).cast_signed(),
            (None, None) => {
                self.turn = self.turn.wrapping_add(1);
                (self.turn % topic.count().max(1)).cast_signed()
            }
        };
        partition_id(topic, name, number)
    }

    fn push(
        &mut self,
        topic: &Topic,
        partition: i64,
        shared: &Headers,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers,
    ) {
        let timestamp = self.timestamp;
        let stage = self.partitions.entry(partition).or_insert_with(|| Stage {
            compacted: topic.compacted,
            shared: shared.clone(),
            open: None,
            closed: Vec::new(),
        });
        if stage.shared != *shared {
            stage.closed.extend(stage.open.take());
            stage.shared.clone_from(shared);
        }
        let open = stage
            .open
            .get_or_insert_with(|| Encoder::new(timestamp, shared));
        open.push(0, timestamp, key, value, headers);
        if open.len() >= BATCH_BYTES {
            stage.closed.extend(stage.open.take());
        }
    }

    /// Writes all of it, in a transaction that the caller has begun, and returns the compacted partitions in which the
    /// superseded records have come to outweigh the others.
    pub(super) async fn write(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<i64>, LogError> {
        let mut due = Vec::new();
        for (partition, stage) in self.partitions {
            let compacted = stage.compacted;
            let batches: Vec<_> = stage.closed.into_iter().chain(stage.open).collect();
            let span: i64 = batches.iter().map(Encoder::span).sum();
            let bytes: usize = batches.iter().map(Encoder::len).sum();
            let row = sqlx::query(
                "UPDATE partitions SET next_offset = next_offset + ?2, bytes = bytes + ?3
                 WHERE id = ?1 RETURNING next_offset, bytes - clean_bytes, clean_bytes",
            )
            .bind(partition)
            .bind(span)
            .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
            .fetch_one(&mut *connection)
            .await?;
            let (end, new, clean): (i64, i64, i64) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let mut base = end - span;
            for batch in batches {
                let span = batch.span();
                insert(connection, partition, base, batch).await?;
                base += span;
            }
            if compacted && new > clean.max(COMPACT_BYTES) {
                due.push(partition);
            }
        }
        Ok(due)
    }
}

/// Writes one batch that begins at offset `base`.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    partition: i64,
    base: i64,
    batch: Encoder,
) -> Result<(), LogError> {
    sqlx::query(
        "INSERT INTO batches (partition, base_offset, next_offset, timestamp, records)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(partition)
    .bind(base)
    .bind(base + batch.span())
    .bind(batch.latest())
    .bind(batch.finish())
    .execute(connection)
    .await?;
    Ok(())
}

fn slice<'a>(arena: &'a [u8], range: Option<&Range<u32>>) -> Result<Option<&'a [u8]>, LogError> {
    let Some(range) = range else {
        return Ok(None);
    };
    let (start, end) = (range.start as usize, range.end as usize);
    arena.get(start..end).map(Some).ok_or_else(|| {
        LogError::Refused(format!(
            "a packed record lies at {start}..{end}, the arena has {} bytes",
            arena.len()
        ))
    })
}
