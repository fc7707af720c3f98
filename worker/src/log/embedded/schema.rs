//! The tables of the log's file.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};

use super::LogError;
use crate::sqlite;

/// `PRAGMA user_version` of the tables below.
const VERSION: i64 = 1;

/// `partitions.next_offset` is the next offset to be given; `bytes` the size of the partition's batches, `clean_bytes`
/// what they were after the last compaction. A batch covers the offsets from `base_offset` up to `next_offset` (without
/// it), `timestamp` is its latest. `members.generation` is the one whose assignment the member holds, 0 is none.
const TABLES: &str = "
CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    partitions INTEGER NOT NULL,
    compacted INTEGER NOT NULL
) STRICT;
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    topic INTEGER NOT NULL,
    number INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    clean_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, number)
) STRICT;
CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    base_offset INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    records BLOB NOT NULL,
    UNIQUE (partition, base_offset)
) STRICT;
CREATE TABLE positions (
    grp TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    clock TEXT NOT NULL,
    PRIMARY KEY (grp, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE groups (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE members (
    grp TEXT NOT NULL,
    member TEXT NOT NULL,
    process TEXT NOT NULL,
    topics TEXT NOT NULL,
    generation INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (grp, member)
) STRICT, WITHOUT ROWID;
";

/// Makes the tables if they are not there, and checks that they are those of this version.
pub(super) async fn prepare(path: &Path) -> Result<(), LogError> {
    let context = |e: sqlx::Error| LogError::Refused(format!("{}: {e}", path.display()));
    let mut connection = sqlite::connect(path).await.map_err(context)?;
    let version = create(&mut connection).await.map_err(context)?;
    // Nothing is lost if it does not close in good order.
    let _ = connection.close().await;
    if version != VERSION {
        return Err(LogError::Refused(format!(
            "{} is not a log of this version (it has {version}, this is {VERSION}): \
             name another folder for the state, or delete it to begin anew",
            path.display()
        )));
    }
    Ok(())
}

async fn create(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let mut tx = sqlite::begin(connection).await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *tx)
        .await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *tx)
        .await?;
    if version != 0 || tables != 0 {
        return Ok(version);
    }
    tx.execute(TABLES).await?;
    tx.execute(format!("PRAGMA user_version = {VERSION}").as_str())
        .await?;
    tx.commit().await?;
    Ok(VERSION)
}
