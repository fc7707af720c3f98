//! Groups: who reads which partitions.
//!
//! A group has a generation, which every change of its members (one joins, leaves, or is found dead) and every new topic
//! or partition that they read moves on. A member holds the partitions of one generation; when the group has moved on it commits,
//! gives all of them back, and takes its share of the new generation once nobody holds an older one. So no two members
//! ever hold the same partition, and within a generation all compute the same shares. A commit checks, in its own
//! transaction, that its member still holds what it took: who was taken for dead is refused from then on.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::alive::unique;
use super::catalog::Catalog;
use super::{LogError, Shared, now};
use crate::log::{Membership, TopicPartition};
use crate::sqlite::{self, block_on};

/// The membership of one reader.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) group: String,
    name: String,
    held: Mutex<Held>,
}

/// What a member holds; nothing is generation 0.
#[derive(Debug, Default, Clone)]
pub(super) struct Held {
    pub(super) generation: i64,
    pub(super) partitions: BTreeSet<TopicPartition>,
}

impl Membership for Member {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// How a member stands in its group.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is no member: it never joined, it left, or it was taken for dead.
    Out,
    /// It holds its share.
    Settled,
    /// It holds a share of an older generation, which it is to give back.
    Outdated,
    /// It holds nothing and waits for its share.
    Waiting,
}

impl Member {
    pub(super) fn new(group: &str) -> Self {
        Self {
            group: group.to_owned(),
            name: unique(),
            held: Mutex::default(),
        }
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds nothing from now on, so that commits are refused.
    pub(super) fn drop_all(&self) {
        *self.held() = Held::default();
    }

    /// Becomes a member that reads these topics.
    pub(super) fn join(
        &self,
        shared: &Shared,
        connection: &mut SqliteConnection,
        topics: &[String],
    ) -> Result<(), LogError> {
        let topics = serde_json::to_string(topics).map_err(|e| LogError::Refused(e.to_string()))?;
        let _turn = shared.writing();
        block_on(async {
            let mut tx = sqlite::begin(connection).await?;
            sqlx::query("INSERT OR IGNORE INTO groups (name, generation) VALUES (?, 0)")
                .bind(&self.group)
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "INSERT OR REPLACE INTO members (grp, member, process, topics, generation, expires)
                 VALUES (?, ?, ?, ?, 0, ?)",
            )
            .bind(&self.group)
            .bind(&self.name)
            .bind(shared.alive.token())
            .bind(topics)
            .bind(expiry(shared))
            .execute(&mut *tx)
            .await?;
            advance(&mut tx, &self.group).await?;
            tx.commit().await?;
            Ok::<_, LogError>(())
        })?;
        shared.announce();
        Ok(())
    }

    /// How it stands, as the log has it.
    pub(super) async fn standing(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Standing, LogError> {
        let row: Option<(i64, i64)> = sqlx::query_as(
            "SELECT g.generation, m.generation FROM members m JOIN groups g ON g.name = m.grp
             WHERE m.grp = ? AND m.member = ?",
        )
        .bind(&self.group)
        .bind(&self.name)
        .fetch_optional(connection)
        .await?;
        Ok(match row {
            None => Standing::Out,
            Some((_, 0)) => Standing::Waiting,
            Some((group, held)) if group == held => Standing::Settled,
            Some(_) => Standing::Outdated,
        })
    }

    /// Takes its share if nobody holds one of an older generation any more; members that are dead are put out first.
    pub(super) fn take(
        &self,
        shared: &Shared,
        connection: &mut SqliteConnection,
        catalog: &mut Catalog,
    ) -> Result<Option<Vec<TopicPartition>>, LogError> {
        let _turn = shared.writing();
        let share = block_on(async {
            let mut tx = sqlite::begin(connection).await?;
            self.bury(shared, &mut tx).await?;
            let Some(generation) = self.free(&mut tx).await? else {
                tx.commit().await?;
                return Ok(None);
            };
            let share = self.share(&mut tx, catalog).await?;
            sqlx::query(
                "UPDATE members SET generation = ?, expires = ? WHERE grp = ? AND member = ?",
            )
            .bind(generation)
            .bind(expiry(shared))
            .bind(&self.group)
            .bind(&self.name)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            *self.held() = Held {
                generation,
                partitions: share.iter().cloned().collect(),
            };
            Ok::<_, LogError>(Some(share))
        })?;
        Ok(share)
    }

    /// Gives a sign of life, and puts out members that gave none.
    pub(super) fn beat(
        &self,
        shared: &Shared,
        connection: &mut SqliteConnection,
    ) -> Result<(), LogError> {
        let _turn = shared.writing();
        let buried = block_on(async {
            let mut tx = sqlite::begin(connection).await?;
            let buried = self.bury(shared, &mut tx).await?;
            sqlx::query("UPDATE members SET expires = ? WHERE grp = ? AND member = ?")
                .bind(expiry(shared))
                .bind(&self.group)
                .bind(&self.name)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok::<_, LogError>(buried)
        })?;
        if buried {
            shared.announce();
        }
        Ok(())
    }

    /// Gives back what it holds, remaining a member.
    pub(super) fn release(
        &self,
        shared: &Shared,
        connection: &mut SqliteConnection,
    ) -> Result<(), LogError> {
        self.drop_all();
        let _turn = shared.writing();
        block_on(
            sqlx::query("UPDATE members SET generation = 0 WHERE grp = ? AND member = ?")
                .bind(&self.group)
                .bind(&self.name)
                .execute(connection),
        )?;
        shared.announce();
        Ok(())
    }

    /// Is no member any more.
    pub(super) fn leave(
        &self,
        shared: &Shared,
        connection: &mut SqliteConnection,
    ) -> Result<(), LogError> {
        self.drop_all();
        let _turn = shared.writing();
        block_on(async {
            let mut tx = sqlite::begin(connection).await?;
            if remove(&mut tx, &self.group, &self.name).await? {
                advance(&mut tx, &self.group).await?;
            }
            tx.commit().await?;
            Ok::<_, LogError>(())
        })?;
        shared.announce();
        Ok(())
    }

    /// Checks within a commit's transaction that it holds this generation still. It is a sign of life, too.
    pub(super) async fn check(
        &self,
        shared: &Shared,
        connection: &mut SqliteConnection,
        generation: i64,
    ) -> Result<bool, LogError> {
        let done = sqlx::query(
            "UPDATE members SET expires = ? WHERE grp = ? AND member = ? AND generation = ?",
        )
        .bind(expiry(shared))
        .bind(&self.group)
        .bind(&self.name)
        .bind(generation)
        .execute(connection)
        .await?;
        Ok(generation != 0 && done.rows_affected() > 0)
    }

    /// Puts out the other members that are dead.
    async fn bury(
        &self,
        shared: &Shared,
        connection: &mut SqliteConnection,
    ) -> Result<bool, LogError> {
        let others = sqlx::query(
            "SELECT member, process, expires FROM members WHERE grp = ? AND member <> ?",
        )
        .bind(&self.group)
        .bind(&self.name)
        .fetch_all(&mut *connection)
        .await?;
        let mut buried = false;
        for other in others {
            let (member, process, expires): (String, String, i64) =
                (other.try_get(0)?, other.try_get(1)?, other.try_get(2)?);
            if !shared.alive.is_alive(&process) || expires < now() {
                buried |= remove(connection, &self.group, &member).await?;
            }
        }
        if buried {
            advance(connection, &self.group).await?;
        }
        Ok(buried)
    }

    /// The group's generation, if it is one to take a share of: the member is there and nobody holds an older one.
    async fn free(&self, connection: &mut SqliteConnection) -> Result<Option<i64>, LogError> {
        Ok(sqlx::query_scalar(
            "SELECT g.generation FROM groups g WHERE g.name = ?1
             AND EXISTS (SELECT 1 FROM members WHERE grp = ?1 AND member = ?2)
             AND NOT EXISTS (SELECT 1 FROM members
                             WHERE grp = ?1 AND generation NOT IN (0, g.generation))",
        )
        .bind(&self.group)
        .bind(&self.name)
        .fetch_optional(connection)
        .await?)
    }

    /// Its share of the partitions of the topics that it reads, among the members that read them too.
    async fn share(
        &self,
        connection: &mut SqliteConnection,
        catalog: &mut Catalog,
    ) -> Result<Vec<TopicPartition>, LogError> {
        let members: Vec<(String, String)> =
            sqlx::query_as("SELECT member, topics FROM members WHERE grp = ? ORDER BY member")
                .bind(&self.group)
                .fetch_all(&mut *connection)
                .await?;
        let mut readers: Vec<(String, BTreeSet<String>)> = Vec::new();
        for (member, topics) in members {
            let topics = serde_json::from_str(&topics)
                .map_err(|e| LogError::Refused(format!("the topics of member {member}: {e}")))?;
            readers.push((member, topics));
        }
        let mine = readers.iter().find(|(member, _)| *member == self.name);
        let topics = mine.map(|(_, topics)| topics.clone()).unwrap_or_default();
        let mut share = Vec::new();
        catalog.look_again();
        for name in topics {
            let Some(topic) = catalog.find(connection, &name).await? else {
                continue;
            };
            let among = readers.iter().filter(|(_, topics)| topics.contains(&name));
            let (mut count, mut place) = (0, 0);
            for (i, (member, _)) in among.enumerate() {
                count = i + 1;
                if *member == self.name {
                    place = i;
                }
            }
            let name = name.as_str().into();
            share.extend(
                range(topic.partitions.len(), count, place).filter_map(|partition| {
                    Some(TopicPartition {
                        topic: std::sync::Arc::clone(&name),
                        partition: i32::try_from(partition).ok()?,
                    })
                }),
            );
        }
        Ok(share)
    }
}

/// The partitions of the member at `place` among `members`: of as many topics as have the same number of partitions, the
/// same ones, so that what belongs together stays together.
fn range(partitions: usize, members: usize, place: usize) -> std::ops::Range<usize> {
    let members = members.max(1);
    let start = |place: usize| place * (partitions / members) + place.min(partitions % members);
    start(place)..start(place + 1)
}

/// Moves on the generation of every group that reads one of these topics, which are new or have new partitions.
pub(super) async fn topics_are_new(
    connection: &mut SqliteConnection,
    topics: &[&str],
) -> Result<(), LogError> {
    let topics = serde_json::to_string(topics).map_err(|e| LogError::Refused(e.to_string()))?;
    sqlx::query(
        "UPDATE groups SET generation = generation + 1 WHERE name IN (
             SELECT m.grp FROM members m, json_each(m.topics) AS reads
             WHERE reads.value IN (SELECT value FROM json_each(?)))",
    )
    .bind(topics)
    .execute(connection)
    .await?;
    Ok(())
}

async fn advance(connection: &mut SqliteConnection, group: &str) -> Result<(), LogError> {
    sqlx::query("UPDATE groups SET generation = generation + 1 WHERE name = ?")
        .bind(group)
        .execute(connection)
        .await?;
    Ok(())
}

async fn remove(
    connection: &mut SqliteConnection,
    group: &str,
    member: &str,
) -> Result<bool, LogError> {
    let done = sqlx::query("DELETE FROM members WHERE grp = ? AND member = ?")
        .bind(group)
        .bind(member)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

fn expiry(shared: &Shared) -> i64 {
    let lease = i64::try_from(shared.lease.as_millis()).unwrap_or(i64::MAX);
    now().saturating_add(lease)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_every_partition_once() {
        for partitions in 0..13 {
            for members in 1..6 {
                let all: Vec<_> = (0..members)
                    .flat_map(|place| range(partitions, members, place))
                    .collect();
                assert_eq!(all, (0..partitions).collect::<Vec<_>>());
                let sizes: Vec<_> = (0..members)
                    .map(|place| range(partitions, members, place).len())
                    .collect();
                assert!(sizes.iter().max().unwrap_or(&0) - sizes.iter().min().unwrap_or(&0) <= 1);
            }
        }
    }
}
