//! Reading batches.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tidemill_engine::record::{RawBatch, RawRecord};

use super::LogError;
use super::codec::{Damage, Place, headers_of};
use crate::log::TopicPartition;

/// How much is fetched from a partition at a time, about.
const FETCH_BYTES: i64 = 1024 * 1024;

/// A batch as fetched, and how far it has been read.
#[derive(Debug)]
pub(super) struct Batch {
    /// Its first offset.
    pub(super) base: i64,
    /// The offset after it.
    pub(super) end: i64,
    blob: Vec<u8>,
    place: Place,
}

impl Batch {
    fn of(row: &SqliteRow) -> Result<Self, LogError> {
        let (base, blob): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(2)?);
        let place = Place::start(&blob, base).map_err(|d| damaged(base, d))?;
        Ok(Self {
            base,
            end: row.try_get(1)?,
            blob,
            place,
        })
    }

    /// Hands over up to `max` records from offset `from` on, and returns how many there were and the offset after them:
    /// the batch's end where it has no more.
    pub(super) fn hand(
        &mut self,
        partition: &TopicPartition,
        from: i64,
        max: usize,
        each: &mut dyn FnMut(&RawBatch<'_>),
    ) -> Result<(usize, i64), LogError> {
        let Self {
            base,
            end,
            blob,
            place,
        } = self;
        let mut records: Vec<RawRecord<'_>> = Vec::new();
        let mut headers: Vec<&[u8]> = Vec::new();
        let mut next = *end;
        loop {
            let before = *place;
            match place.next(blob).map_err(|d| damaged(*base, d))? {
                None => break,
                Some((record, _)) if record.offset < from => {}
                Some((record, _)) if records.len() >= max => {
                    *place = before;
                    next = record.offset;
                    break;
                }
                Some((record, own)) => {
                    records.push(record);
                    headers.push(own);
                }
            }
        }
        if !records.is_empty() {
            each(&RawBatch {
                topic: &partition.topic,
                partition: partition.partition,
                records: &records,
                headers: &|i| headers_of(blob, headers.get(i).copied().unwrap_or_default()),
            });
        }
        Ok((records.len(), next.max(from)))
    }

    /// The offset of the first record with this timestamp or a later one.
    fn first_since(mut self, timestamp: i64) -> Result<Option<i64>, LogError> {
        while let Some((record, _)) = self
            .place
            .next(&self.blob)
            .map_err(|d| damaged(self.base, d))?
        {
            if record.timestamp >= timestamp {
                return Ok(Some(record.offset));
            }
        }
        Ok(None)
    }
}

fn damaged(base: i64, damage: Damage) -> LogError {
    LogError::Refused(format!(
        "the embedded log: the batch at offset {base} {damage}"
    ))
}

/// The next batches of a partition that reach beyond offset `from`: one at least if there are any.
pub(super) async fn batches(
    connection: &mut SqliteConnection,
    partition: i64,
    from: i64,
) -> Result<Vec<Batch>, LogError> {
    let rows = sqlx::query(
        "SELECT b.base_offset, b.next_offset, b.records
         FROM (SELECT id, sum(length(records)) OVER (ORDER BY base_offset) - length(records) AS before
               FROM batches
               WHERE partition = ?1 AND base_offset >= coalesce(
                   (SELECT max(base_offset) FROM batches WHERE partition = ?1 AND base_offset <= ?2), 0)
               ORDER BY base_offset LIMIT 256) AS size
         JOIN batches b ON b.id = size.id
         WHERE size.before < ?3 AND b.next_offset > ?2
         ORDER BY b.base_offset",
    )
    .bind(partition)
    .bind(from)
    .bind(FETCH_BYTES)
    .fetch_all(connection)
    .await?;
    rows.iter().map(Batch::of).collect()
}

/// The first offset of a partition that has a record, or its end.
pub(super) async fn earliest(
    connection: &mut SqliteConnection,
    partition: i64,
) -> Result<i64, LogError> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce((SELECT min(base_offset) FROM batches WHERE partition = p.id), p.next_offset)
         FROM partitions p WHERE p.id = ?",
    )
    .bind(partition)
    .fetch_one(connection)
    .await?)
}

/// The offset after the last record of a partition.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    partition: i64,
) -> Result<i64, LogError> {
    Ok(
        sqlx::query_scalar("SELECT next_offset FROM partitions WHERE id = ?")
            .bind(partition)
            .fetch_one(connection)
            .await?,
    )
}

/// The offset of the first record with this timestamp or a later one, or the partition's end.
pub(super) async fn since(
    connection: &mut SqliteConnection,
    partition: i64,
    timestamp: i64,
) -> Result<i64, LogError> {
    let row = sqlx::query(
        "SELECT base_offset, next_offset, records FROM batches
         WHERE partition = ? AND timestamp >= ? ORDER BY base_offset LIMIT 1",
    )
    .bind(partition)
    .bind(timestamp)
    .fetch_optional(&mut *connection)
    .await?;
    match row {
        Some(row) => {
            let batch = Batch::of(&row)?;
            let base = batch.base;
            Ok(batch.first_since(timestamp)?.unwrap_or(base))
        }
        None => end(connection, partition).await,
    }
}
