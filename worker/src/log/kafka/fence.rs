//! Ending the transactions of workers that have died.
//!
//! A worker that dies in the middle of a transaction holds up everybody who reads what is committed, offsets included,
//! until the transaction times out. Whoever takes its partitions over need not wait: initializing the dead worker's
//! transactional id aborts its open transaction at once. Should the worker be alive after all, it has lost its
//! partitions, and is fenced as it must be.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;

use super::committer::BATCH;
use super::config::KafkaConfig;
use super::context::Consumer;
use super::errors::{explain, from_code};
use super::ffi::{Producer, TxnError};
use super::tail::PATIENCE;
use crate::log::LogError;

/// What is known of the group's other workers.
#[derive(Debug, Default)]
pub(super) struct Fences {
    /// Those that were members when we last looked. One that has died since may have a transaction open without ever
    /// having committed what would name it.
    seen: HashSet<String>,
    /// Those that have been fenced already: each is once, until it is seen alive again.
    fenced: HashSet<String>,
}

impl Fences {
    /// Fences those of `writers`, and of the members of a while ago, that are neither this worker nor a member of the
    /// group. What fails is logged only: the transaction ends by its timeout then.
    pub(super) fn fence(
        &mut self,
        config: &KafkaConfig,
        consumer: &Consumer,
        writers: &BTreeSet<String>,
    ) {
        let members = match members(config, consumer) {
            Ok(members) => members,
            Err(error) => return tracing::warn!(%error, "cannot tell which workers are alive"),
        };
        for id in self.dead(&config.identity, writers, members) {
            match end_transaction(config, &id) {
                Ok(()) => {
                    tracing::info!(worker = %id, "ended what a former worker may have left open")
                }
                Err(error) => {
                    tracing::warn!(%error, worker = %id, "cannot end a former worker's transaction")
                }
            }
        }
    }

    /// Whom to fence now that these are the members.
    fn dead(
        &mut self,
        ours: &str,
        writers: &BTreeSet<String>,
        members: HashSet<String>,
    ) -> BTreeSet<String> {
        self.fenced.retain(|id| !members.contains(id));
        let gone = writers
            .iter()
            .chain(&self.seen)
            .filter(|id| *id != ours && !members.contains(*id));
        let dead = gone
            .filter(|id| !self.fenced.contains(*id))
            .cloned()
            .collect::<BTreeSet<_>>();
        self.fenced.extend(dead.iter().cloned());
        self.seen = members;
        dead
    }
}

/// The identities of the group's present members.
fn members(config: &KafkaConfig, consumer: &Consumer) -> Result<HashSet<String>, LogError> {
    let failed = |e| {
        explain(
            &config.bootstrap_servers,
            &format!("listing the members of group {}", config.group),
            &e,
            None,
        )
    };
    let groups = consumer
        .fetch_group_list(Some(&config.group), PATIENCE)
        .map_err(failed)?;
    Ok(groups
        .groups()
        .iter()
        .flat_map(|group| group.members())
        .map(|member| member.client_id().to_owned())
        .collect())
}

/// Aborts what a worker has left open, and bars it from going on.
fn end_transaction(config: &KafkaConfig, identity: &str) -> Result<(), LogError> {
    let id = config.transactional_id(identity);
    let doing = format!("ending the transaction of {id}");
    let producer = Producer::open(&config.transactions(&id, BATCH));
    let producer = producer.map_err(|e| explain(&config.bootstrap_servers, &doing, &e, None))?;
    insist(Instant::now() + config.transaction_timeout, |limit| {
        producer.init_transactions(limit)
    })
    .map_err(|e| from_code(&config.bootstrap_servers, &doing, e.code, &e.text))
}

/// The least time for a call. librdkafka takes a call that timed out up again where it was; but one that has no time for its first
/// step makes it forget which call that was, and when it then hears of the end of that commit, it ends the process.
const LEAST: Duration = Duration::from_secs(1);

/// Makes a call again for as long as librdkafka says that this may help, until the deadline.
pub(super) fn insist(
    deadline: Instant,
    mut call: impl FnMut(Duration) -> Result<(), TxnError>,
) -> Result<(), TxnError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match call(left.max(LEAST)) {
            Err(error) if error.retriable && Instant::now() < deadline => {
                tracing::debug!(text = %error.text, "trying again")
            }
            end => return end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<T: FromIterator<String>>(names: &[&str]) -> T {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_former_writer_is_fenced_once_until_it_is_seen_alive_again() {
        let mut fences = Fences::default();
        let writers = names(&["a", "b"]);
        assert_eq!(fences.dead("a", &writers, names(&["a"])), names(&["b"]));
        assert_eq!(fences.dead("a", &writers, names(&["a"])), names(&[]));
        assert_eq!(fences.dead("a", &writers, names(&["a", "b"])), names(&[]));
        assert_eq!(fences.dead("a", &writers, names(&["a"])), names(&["b"]));
    }

    #[test]
    fn a_member_that_dies_before_its_first_commit_is_fenced_too() {
        let mut fences = Fences::default();
        let writers = names(&["a"]);
        assert_eq!(fences.dead("a", &writers, names(&["a", "b"])), names(&[]));
        assert_eq!(fences.dead("a", &writers, names(&["a"])), names(&["b"]));
    }
}
