//! A table in a SQLite file: what a `sqlite` sink is, and what stands in for a `postgres` sink in local runs.
//!
//! How values are stored is said in `value.rs`. The progress of every sink that writes to the file is in its table
//! `_tidemill_progress`, with a number that each claim moves on: a writer whose number is an older one is refused.

mod table;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;
use std::path::PathBuf;

use arrow::datatypes::SchemaRef;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, Executor, Row};

use super::collapse::{Collapsed, Place, collapse};
use super::{ExternalSink, Mode, Rows, SinkError};
use crate::log::{Position, TopicPartition};
use crate::sqlite::{self, block_on};
use table::Table;
use value::{Cell, Values};

/// How many values one statement may carry, and how many rows it is worth to put into one.
const MAX_VALUES: usize = 32_000;
const MAX_ROWS: usize = 200;

const PROGRESS: &str = "
CREATE TABLE IF NOT EXISTS _tidemill_progress (
    writer TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    next_offset INTEGER,
    clock TEXT,
    PRIMARY KEY (writer, topic, partition)
) STRICT, WITHOUT ROWID";

/// What is written where.
#[derive(Debug, Clone)]
pub struct Target {
    /// The file; it is made if it is not there, its folder must be.
    pub path: PathBuf,
    /// The table; a name with a dot is a name like any other.
    pub table: String,
    /// Whose progress it is: a name for this output of this pipeline, unique among all that write to the file.
    pub writer: String,
    /// The columns of the rows.
    pub schema: SchemaRef,
    /// Whether rows are added or replace each other.
    pub mode: Mode,
    /// Whether to make the table if it is not there, and to add columns that it does not have.
    pub create: bool,
}

/// Writes to a table in a SQLite file, exactly once.
#[derive(Debug)]
pub struct SqliteSink {
    target: Target,
    connection: SqliteConnection,
    table: Table,
    /// The number of our claim on each partition.
    epochs: HashMap<TopicPartition, i64>,
}

impl SqliteSink {
    /// Opens the file and makes or checks the table.
    ///
    /// # Errors
    /// If the file cannot be opened, a column's type cannot be stored, or the table does not fit: then with everything
    /// that does not ([`SinkError::Mismatch`]).
    pub fn open(target: Target) -> Result<Self, SinkError> {
        let context =
            |e: sqlx::Error| SinkError::Refused(format!("{}: {e}", target.path.display()));
        let mut connection = block_on(sqlite::connect(&target.path)).map_err(context)?;
        let table = block_on(async {
            let mut tx = sqlite::begin(&mut connection)
                .await
                .map_err(|e| failed(&e))?;
            tx.execute(PROGRESS).await.map_err(|e| failed(&e))?;
            let Target {
                table,
                schema,
                mode,
                create,
                ..
            } = &target;
            let table = table::prepare(&mut tx, table, schema, mode, *create).await?;
            tx.commit().await.map_err(|e| failed(&e))?;
            Ok(table)
        })?;
        Ok(Self {
            target,
            connection,
            table,
            epochs: HashMap::new(),
        })
    }

    /// The rows to write and the keys to delete.
    fn changes(&self, rows: &[Rows]) -> Result<Collapsed, SinkError> {
        if let Mode::Upsert { key } = &self.target.mode {
            return collapse(rows, key).map_err(|e| SinkError::Refused(e.to_string()));
        }
        let mut upserts = Vec::new();
        for (batch, rows) in rows.iter().enumerate() {
            let all = 0..rows.batch.num_rows();
            if all.clone().any(|row| rows.is_deleted(row)) {
                return Err(SinkError::Refused(format!(
                    "the stream deletes rows, which `mode: Append` cannot; write to {:?} with `mode: Upsert`",
                    self.target.table
                )));
            }
            upserts.extend(all.map(|row| (batch, row)));
        }
        Ok(Collapsed {
            upserts,
            deletes: Vec::new(),
        })
    }

    /// The columns of each batch, as the table takes them.
    fn columns<'r>(&self, rows: &'r [Rows]) -> Result<Vec<Vec<Values<'r>>>, SinkError> {
        rows.iter()
            .map(|rows| {
                let affinities = self.table.affinities.iter().enumerate();
                affinities
                    .map(|(i, affinity)| Values::of(&rows.batch, i, *affinity))
                    .collect::<Option<Vec<_>>>()
                    .filter(|columns| columns.len() == rows.batch.num_columns())
                    .ok_or_else(|| {
                        SinkError::Refused(format!(
                            "rows for table {:?} have the columns {:?} instead of {:?}",
                            self.target.table,
                            rows.batch.schema().fields(),
                            self.target.schema.fields()
                        ))
                    })
            })
            .collect()
    }
}

impl ExternalSink for SqliteSink {
    fn claim(&mut self, partitions: &[TopicPartition]) -> Result<Vec<Option<Position>>, SinkError> {
        self.epochs.clear();
        let claimed = block_on(claim(&mut self.connection, &self.target.writer, partitions));
        let claimed = claimed.map_err(|e| failed(&e))?;
        let mut positions = Vec::with_capacity(partitions.len());
        for (partition, (epoch, position)) in partitions.iter().zip(claimed) {
            self.epochs.insert(partition.clone(), epoch);
            positions.push(position);
        }
        Ok(positions)
    }

    fn write(
        &mut self,
        rows: &[Rows],
        positions: &[(TopicPartition, Position)],
    ) -> Result<(), SinkError> {
        let changes = self.changes(rows)?;
        let columns = self.columns(rows)?;
        let delete_by = match &self.target.mode {
            Mode::Append => &[],
            Mode::Upsert { key } => key.as_slice(),
        };
        block_on(async {
            let mut tx = sqlite::begin(&mut self.connection)
                .await
                .map_err(|e| failed(&e))?;
            for (partition, position) in positions {
                let epoch = self.epochs.get(partition).copied();
                if !advance(&mut tx, &self.target.writer, partition, position, epoch).await? {
                    return Err(SinkError::Fenced(format!(
                        "partition {} of topic {:?} is claimed by another writer of table {:?}",
                        partition.partition, partition.topic, self.target.table
                    )));
                }
            }
            for place in &changes.deletes {
                let arguments = arguments(&columns, [*place], delete_by)?;
                run(&mut tx, &self.table.delete, arguments).await?;
            }
            let all: Vec<usize> = (0..self.table.affinities.len()).collect();
            let chunk = (MAX_VALUES / all.len().max(1)).clamp(1, MAX_ROWS);
            let full = self.table.statement(chunk);
            for places in changes.upserts.chunks(chunk) {
                let arguments = arguments(&columns, places.iter().copied(), &all)?;
                if places.len() == chunk {
                    run(&mut tx, &full, arguments).await?;
                } else {
                    run(&mut tx, &self.table.statement(places.len()), arguments).await?;
                }
            }
            tx.commit().await.map_err(|e| failed(&e))
        })
    }
}

async fn claim(
    connection: &mut SqliteConnection,
    writer: &str,
    partitions: &[TopicPartition],
) -> Result<Vec<(i64, Option<Position>)>, sqlx::Error> {
    let mut tx = sqlite::begin(connection).await?;
    let mut claimed = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let row = sqlx::query(
            "INSERT INTO _tidemill_progress (writer, topic, partition, epoch) VALUES (?, ?, ?, 1)
             ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch, next_offset, clock",
        )
        .bind(writer)
        .bind(&*partition.topic)
        .bind(partition.partition)
        .fetch_one(&mut *tx)
        .await?;
        let (offset, clock): (Option<i64>, Option<String>) = (row.try_get(1)?, row.try_get(2)?);
        let position = offset.zip(clock);
        let position = position.map(|(offset, clock)| Position { offset, clock });
        claimed.push((row.try_get(0)?, position));
    }
    tx.commit().await?;
    Ok(claimed)
}

/// Moves a partition's progress on, never back; false if the claim on it is not the latest.
async fn advance(
    connection: &mut SqliteConnection,
    writer: &str,
    partition: &TopicPartition,
    position: &Position,
    epoch: Option<i64>,
) -> Result<bool, SinkError> {
    let done = sqlx::query(
        "UPDATE _tidemill_progress SET
             clock = iif(coalesce(next_offset <= ?1, 1), ?2, clock),
             next_offset = max(coalesce(next_offset, ?1), ?1)
         WHERE writer = ?3 AND topic = ?4 AND partition = ?5 AND epoch = ?6",
    )
    .bind(position.offset)
    .bind(&position.clock)
    .bind(writer)
    .bind(&*partition.topic)
    .bind(partition.partition)
    .bind(epoch)
    .execute(connection)
    .await
    .map_err(|e| failed(&e))?;
    Ok(done.rows_affected() > 0)
}

/// The values of these rows in these columns, row by row.
fn arguments(
    batches: &[Vec<Values<'_>>],
    places: impl IntoIterator<Item = Place>,
    columns: &[usize],
) -> Result<SqliteArguments<'static>, SinkError> {
    let mut arguments = SqliteArguments::default();
    for (batch, row) in places {
        let batch = batches.get(batch).map(Vec::as_slice).unwrap_or_default();
        for column in columns.iter().filter_map(|c| batch.get(*c)) {
            match column.get(row) {
                Cell::Null => arguments.add(None::<i64>),
                Cell::Int(value) => arguments.add(value),
                Cell::Real(value) => arguments.add(value),
                Cell::Text(value) => arguments.add(value.into_owned()),
            }
            .map_err(|e| SinkError::Refused(e.to_string()))?;
        }
    }
    Ok(arguments)
}

async fn run(
    connection: &mut SqliteConnection,
    statement: &str,
    arguments: SqliteArguments<'static>,
) -> Result<(), SinkError> {
    sqlx::query_with(statement, arguments)
        .execute(connection)
        .await
        .map_err(|e| failed(&e))?;
    Ok(())
}

/// What an error of SQLite means: what a row or a table is to blame for will not get better.
fn failed(error: &sqlx::Error) -> SinkError {
    let message = format!("the SQLite sink: {error}");
    let code = error.as_database_error().and_then(|e| e.code());
    let code = code.and_then(|c| c.parse::<u32>().ok()).map(|c| c & 0xff);
    match code {
        // SQLITE_ERROR, READONLY, CORRUPT, CANTOPEN, TOOBIG, CONSTRAINT, MISMATCH, RANGE, NOTADB.
        Some(1 | 8 | 11 | 14 | 18 | 19 | 20 | 25 | 26) => SinkError::Refused(message),
        _ => SinkError::Unavailable(message),
    }
}
