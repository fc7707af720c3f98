//! Compaction: a compacted partition keeps the last record of each key, and no tombstones.

use std::collections::HashMap;

use sqlx::sqlite::SqliteConnection;
use tidemill_engine::record::{Headers, RawBatch, RawRecord};

use super::append::{BATCH_BYTES, insert};
use super::codec::Encoder;
use super::fetch::{self, Batch};
use super::{LogError, Shared};
use crate::log::TopicPartition;
use crate::sqlite::{self, block_on};

impl Shared {
    /// Compacts these partitions. It is no part of any commit, so a failure is only told, and tried again later.
    pub(super) fn compact(&self, connection: &mut SqliteConnection, partitions: &[i64]) {
        for partition in partitions {
            if let Err(error) = self.compact_one(connection, *partition) {
                tracing::warn!(%error, partition, "a changelog could not be compacted");
            }
        }
    }

    /// Which records live is found out before the transaction, so that others are held up by the writing alone. That
    /// is right even if another process compacts meanwhile: what it removes was not alive.
    fn compact_one(
        &self,
        connection: &mut SqliteConnection,
        partition: i64,
    ) -> Result<(), LogError> {
        let (end, last) = block_on(async {
            let end = reach(connection, partition).await?;
            Ok::<_, LogError>((end, living(connection, partition, end).await?))
        })?;
        let _turn = self.writing();
        block_on(async {
            let mut tx = sqlite::begin(connection).await?;
            rewrite(&mut tx, partition, end, &last).await?;
            Ok(tx.commit().await?)
        })
    }
}

/// Up to which offset a partition may be compacted: no further than every group that reads it has come, for it would
/// miss the tombstones.
async fn reach(connection: &mut SqliteConnection, partition: i64) -> Result<i64, LogError> {
    Ok(sqlx::query_scalar(
        "SELECT min(p.next_offset, coalesce(
             (SELECT min(next_offset) FROM positions WHERE partition = p.id), p.next_offset))
         FROM partitions p WHERE p.id = ?",
    )
    .bind(partition)
    .fetch_one(connection)
    .await?)
}

fn note(last: &mut HashMap<Vec<u8>, i64>, record: &RawRecord<'_>) {
    let Some(key) = record.key else {
        return;
    };
    if record.value.is_none() {
        last.remove(key);
    } else if let Some(offset) = last.get_mut(key) {
        *offset = record.offset;
    } else {
        last.insert(key.to_vec(), record.offset);
    }
}

/// Which records are the last of their key, up to this offset, and no tombstones.
async fn living(
    connection: &mut SqliteConnection,
    partition: i64,
    end: i64,
) -> Result<HashMap<Vec<u8>, i64>, LogError> {
    let mut last = HashMap::new();
    let mut from = 0;
    loop {
        let batches = before(connection, partition, from, end).await?;
        let Some(latest) = batches.last() else {
            return Ok(last);
        };
        let start = std::mem::replace(&mut from, latest.end);
        for mut batch in batches {
            batch.hand(&nowhere(), start, usize::MAX, &mut |batch| {
                batch.records.iter().for_each(|r| note(&mut last, r));
            })?;
        }
    }
}

/// Writes the living records anew and removes the batches in which they were, a few at a time.
async fn rewrite(
    connection: &mut SqliteConnection,
    partition: i64,
    end: i64,
    last: &HashMap<Vec<u8>, i64>,
) -> Result<(), LogError> {
    let mut from = 0;
    let mut writer = Writer::default();
    loop {
        let batches = before(connection, partition, from, end).await?;
        let Some(latest) = batches.last() else {
            break;
        };
        remove(connection, partition, from, latest.end).await?;
        from = latest.end;
        for mut batch in batches {
            batch.hand(&nowhere(), 0, usize::MAX, &mut |batch| {
                writer.keep(batch, |r| {
                    r.key.is_none_or(|k| last.get(k) == Some(&r.offset))
                });
            })?;
        }
        for (base, batch) in writer.closed.drain(..) {
            insert(connection, partition, base, batch).await?;
        }
    }
    if let Some((base, batch)) = writer.open {
        insert(connection, partition, base, batch).await?;
    }
    sqlx::query(
        "UPDATE partitions SET (bytes, clean_bytes) = (
             SELECT coalesce(sum(length(records)), 0), coalesce(sum(length(records)), 0)
             FROM batches WHERE partition = ?1) WHERE id = ?1",
    )
    .bind(partition)
    .execute(connection)
    .await?;
    Ok(())
}

/// Batches of records that live, which take the place of others.
#[derive(Default)]
struct Writer {
    open: Option<(i64, Encoder)>,
    closed: Vec<(i64, Encoder)>,
}

impl Writer {
    fn keep(&mut self, batch: &RawBatch<'_>, lives: impl Fn(&RawRecord<'_>) -> bool) {
        let living = batch.records.iter().enumerate().filter(|(_, r)| lives(r));
        for (i, record) in living {
            let (base, open) = self.open.get_or_insert_with(|| {
                let encoder = Encoder::new(record.timestamp, &Headers::new());
                (record.offset, encoder)
            });
            let gap = record.offset - *base - open.span();
            let headers = (batch.headers)(i);
            open.push(gap, record.timestamp, record.key, record.value, &headers);
            if open.len() >= BATCH_BYTES {
                self.closed.extend(self.open.take());
            }
        }
    }
}

/// The next batches from offset `from` on that end at or before `end`.
async fn before(
    connection: &mut SqliteConnection,
    partition: i64,
    from: i64,
    end: i64,
) -> Result<Vec<Batch>, LogError> {
    let mut batches = fetch::batches(connection, partition, from).await?;
    batches.retain(|batch| batch.end <= end);
    Ok(batches)
}

async fn remove(
    connection: &mut SqliteConnection,
    partition: i64,
    from: i64,
    end: i64,
) -> Result<(), LogError> {
    sqlx::query("DELETE FROM batches WHERE partition = ? AND base_offset >= ? AND base_offset < ?")
        .bind(partition)
        .bind(from)
        .bind(end)
        .execute(connection)
        .await?;
    Ok(())
}

/// The batches are handed to nobody who would ask where they are from.
fn nowhere() -> TopicPartition {
    TopicPartition {
        topic: "".into(),
        partition: 0,
    }
}
