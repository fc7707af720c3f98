//! Deleting what a group has committed, and topics.

use sqlx::sqlite::SqliteConnection;

use super::{LogError, Shared, now};

/// Deletes the positions of a group, unless a member of it is alive, and topics with all that is in them.
pub(super) async fn forget(
    shared: &Shared,
    tx: &mut SqliteConnection,
    group: &str,
    topics: &[String],
) -> Result<(), LogError> {
    let members: Vec<(String, i64)> =
        sqlx::query_as("SELECT process, expires FROM members WHERE grp = ?")
            .bind(group)
            .fetch_all(&mut *tx)
            .await?;
    let lives =
        |(process, expires): &(String, i64)| *expires >= now() && shared.alive.is_alive(process);
    if members.iter().any(lives) {
        return Err(LogError::Refused(format!(
            "group {group} has members; stop what runs the pipeline first"
        )));
    }
    for table in ["positions", "members"] {
        let delete = format!("DELETE FROM {table} WHERE grp = ?");
        sqlx::query(&delete).bind(group).execute(&mut *tx).await?;
    }
    const PARTITIONS: &str =
        "SELECT p.id FROM partitions p JOIN topics t ON t.id = p.topic WHERE t.name = ?";
    for topic in topics {
        let all = [
            format!("DELETE FROM batches WHERE partition IN ({PARTITIONS})"),
            format!("DELETE FROM positions WHERE partition IN ({PARTITIONS})"),
            format!("DELETE FROM partitions WHERE id IN ({PARTITIONS})"),
            "DELETE FROM topics WHERE name = ?".to_owned(),
        ];
        for delete in all {
            sqlx::query(&delete).bind(topic).execute(&mut *tx).await?;
        }
    }
    Ok(())
}
