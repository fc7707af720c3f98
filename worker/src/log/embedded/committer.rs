//! The writing side.

use std::sync::Arc;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::append::Staged;
use super::catalog::Catalog;
use super::group::{Held, Member};
use super::{LogError, Shared};
use crate::log::{Commit, Committer, Membership, Outcome, Position, TopicPartition};
use crate::sqlite::{self, block_on};

/// Writes a worker's commits.
///
/// What a commit needs of the group is taken from the membership at the moment of each commit. A commit that was
/// computed before the partitions were given back and taken anew is the worker's to throw away.
pub struct EmbeddedCommitter {
    shared: Arc<Shared>,
    connection: SqliteConnection,
    catalog: Catalog,
    membership: Arc<dyn Membership>,
    turn: u32,
}

impl EmbeddedCommitter {
    pub(super) fn new(
        shared: Arc<Shared>,
        membership: Arc<dyn Membership>,
    ) -> Result<Self, LogError> {
        member(&membership)?;
        Ok(Self {
            connection: shared.connect()?,
            shared,
            catalog: Catalog::default(),
            membership,
            turn: 0,
        })
    }

    /// Puts a commit's records into batches.
    fn stage(&mut self, commit: &Commit) -> Result<Staged, LogError> {
        let mut staged = Staged::new(self.turn);
        let headers = commit
            .traceparent
            .iter()
            .map(|t| ("traceparent".to_owned(), Some(t.clone().into_bytes())))
            .collect();
        block_on(async {
            let (connection, catalog) = (&mut self.connection, &mut self.catalog);
            for (topic, packed) in &commit.packed {
                staged
                    .pack(connection, catalog, topic, packed, &headers)
                    .await?;
            }
            for (topic, record) in &commit.produced {
                staged.produce(connection, catalog, topic, record).await?;
            }
            Ok::<_, LogError>(())
        })?;
        self.turn = staged.turn();
        Ok(staged)
    }

    /// The ids of the partitions whose positions are committed.
    fn positions<'c>(&mut self, commit: &'c Commit) -> Result<Vec<(i64, &'c Position)>, LogError> {
        block_on(async {
            let mut positions = Vec::with_capacity(commit.positions.len());
            for (partition, position) in &commit.positions {
                let id = self
                    .catalog
                    .partition(&mut self.connection, partition)
                    .await?;
                positions.push((id, position));
            }
            Ok(positions)
        })
    }
}

impl Committer for EmbeddedCommitter {
    /// A transaction is the connection's, so a new connection has none; one that a killed process left is undone by
    /// SQLite itself.
    fn init(&mut self) -> Result<(), LogError> {
        let old = std::mem::replace(&mut self.connection, self.shared.connect()?);
        // It is gone either way; what matters is that its thread has come to an end.
        let _ = block_on(old.close());
        Ok(())
    }

    fn commit(&mut self, commit: &Commit) -> Outcome {
        self.catalog.look_again();
        let staged = self
            .stage(commit)
            .and_then(|staged| Ok((staged, self.positions(commit)?)));
        let (staged, positions) = match staged {
            Ok(staged) => staged,
            Err(LogError::Refused(reason)) => return Outcome::Fatal(reason),
            Err(LogError::Unavailable(reason)) => return Outcome::Aborted(reason),
        };
        let member = match member(&self.membership) {
            Ok(member) => member,
            Err(error) => return Outcome::Fatal(error.to_string()),
        };
        let held = member.held().clone();
        if let Some(partition) = foreign(&held, commit) {
            return Outcome::Fenced(format!(
                "partition {} of topic {:?} is not held by this worker",
                partition.partition, partition.topic
            ));
        }

        let turn = self.shared.writing();
        let ended = block_on(write(
            &self.shared,
            &mut self.connection,
            member,
            held.generation,
            staged,
            &positions,
        ));
        drop(turn);
        match ended {
            Ok(due) => {
                self.shared.announce();
                self.shared.compact(&mut self.connection, &due);
                Outcome::Committed
            }
            Err(outcome) => outcome,
        }
    }
}

/// The transaction. It returns the partitions to be compacted.
async fn write(
    shared: &Shared,
    connection: &mut SqliteConnection,
    member: &Member,
    generation: i64,
    staged: Staged,
    positions: &[(i64, &Position)],
) -> Result<Vec<i64>, Outcome> {
    let aborted = |e: LogError| Outcome::Aborted(e.to_string());
    let mut tx = sqlite::begin(connection)
        .await
        .map_err(|e| aborted(e.into()))?;
    // What moves no position asks nothing of the group, as with Kafka.
    let is_free = positions.is_empty();
    let ours = is_free
        || member
            .check(shared, &mut tx, generation)
            .await
            .map_err(aborted)?;
    if !ours {
        return Err(Outcome::Fenced(format!(
            "this worker is no member of group {:?} any more, or not of its generation {generation}",
            member.group
        )));
    }
    let due = staged.write(&mut tx).await.map_err(aborted)?;
    for (partition, position) in positions {
        sqlx::query(
            "INSERT OR REPLACE INTO positions (grp, partition, next_offset, clock)
             VALUES (?, ?, ?, ?)",
        )
        .bind(&member.group)
        .bind(partition)
        .bind(position.offset)
        .bind(&position.clock)
        .execute(&mut *tx)
        .await
        .map_err(|e| aborted(e.into()))?;
    }
    tx.commit()
        .await
        .map_err(|e| Outcome::Unknown(LogError::from(e).to_string()))?;
    Ok(due)
}

fn member(membership: &Arc<dyn Membership>) -> Result<&Member, LogError> {
    let member = membership.as_any().downcast_ref();
    member.ok_or_else(|| LogError::Refused("the membership is not of an embedded log".to_owned()))
}

/// A partition that a commit moves on though it is not held.
fn foreign<'c>(held: &Held, commit: &'c Commit) -> Option<&'c TopicPartition> {
    let mut partitions = commit.positions.iter().map(|(partition, _)| partition);
    partitions.find(|partition| !held.partitions.contains(partition))
}
