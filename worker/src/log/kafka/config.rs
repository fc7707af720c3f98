//! How the clients are set up. The figures are measured; see the comments for what they are against.

use std::time::Duration;

use rdkafka::config::ClientConfig;

use super::position::MAX_IDENTITY;
use crate::log::LogError;

/// The largest record that is written or read, in bytes.
pub(super) const MAX_RECORD: usize = 12 * 1024 * 1024;

/// Where Kafka is, and as whom to talk to it.
#[derive(Clone)]
pub struct KafkaConfig {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// The consumer group: one per pipeline.
    pub group: String,
    /// Which worker of the pipeline this is: the same after a restart, so that it gets its partitions back, and no
    /// other's. At most 90 bytes, on one line.
    pub identity: String,
    /// librdkafka properties besides: SASL, TLS. Those that exactly-once rests on cannot be overridden.
    pub properties: Vec<(String, String)>,
    /// How long a worker may be silent before its partitions go to others.
    pub session_timeout: Duration,
    /// How often a worker says that it lives, and how soon it hears of a rebalance.
    pub heartbeat_interval: Duration,
    /// How long a transaction may stay open: an abandoned one holds readers up that long.
    pub transaction_timeout: Duration,
}

/// Secrets stay out: properties are shown by name only.
impl std::fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("group", &self.group)
            .field("identity", &self.identity)
            .field(
                "properties",
                &self
                    .properties
                    .iter()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}

/// Which records a consumer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Those of committed transactions.
    Committed,
    /// All of them.
    Uncommitted,
}

impl KafkaConfig {
    /// The usual settings.
    #[must_use]
    pub fn new(bootstrap_servers: &str, group: &str, identity: &str) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            group: group.to_owned(),
            identity: identity.to_owned(),
            properties: Vec::new(),
            session_timeout: Duration::from_secs(6),
            heartbeat_interval: Duration::from_millis(500),
            transaction_timeout: Duration::from_secs(10),
        }
    }

    /// Refuses names that cannot work.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let refuse = |what: &str| Err(LogError::Refused(format!("Kafka configuration: {what}")));
        if self.bootstrap_servers.trim().is_empty() {
            return refuse("bootstrapServers is empty; give host:port of at least one broker");
        }
        if self.group.is_empty() {
            return refuse("the group is empty; give the pipeline's name");
        }
        if self.identity.is_empty()
            || self.identity.len() > MAX_IDENTITY
            || self.identity.contains('\n')
        {
            return refuse(
                "the worker's identity must be one line of 1 to 90 bytes; give the pod's name",
            );
        }
        Ok(())
    }

    /// The transactional id of a worker of this pipeline.
    pub(super) fn transactional_id(&self, identity: &str) -> String {
        format!("{}.{identity}", self.group)
    }

    /// What all clients share; the caller's properties come first, so that those set later win.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", &self.identity)
            .set("statistics.interval.ms", "0")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("message.max.bytes", MAX_RECORD.to_string())
            // How soon new partitions of a topic are seen.
            .set("topic.metadata.refresh.interval.ms", "5000");
        config
    }

    /// A consumer of this group that is not (yet) a member of it.
    pub(super) fn consumer(&self, isolation: Isolation) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", &self.group)
            .set(
                "isolation.level",
                match isolation {
                    Isolation::Committed => "read_committed",
                    Isolation::Uncommitted => "read_uncommitted",
                },
            )
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // An offset that is gone is said, not skipped in silence.
            .set("auto.offset.reset", "error")
            // The default of 1000 lets a partition starve after its queue has been full.
            .set("fetch.queue.backoff.ms", "2")
            // Enough to read on while a fetch is under way. Each record waiting costs some 400 bytes beside its own.
            .set("queued.min.messages", "1000")
            // Per partition, as each has its own queue: a bound where records are large.
            .set("queued.max.messages.kbytes", "4096")
            // Larger fetches are slower. A broker sends a batch that is larger than this all the same.
            .set("fetch.message.max.bytes", "131072")
            .set("fetch.min.bytes", "1")
            // An end is told after waiting this long for more: short, for reads that end there.
            .set("fetch.wait.max.ms", "10")
            .set("fetch.error.backoff.ms", "100");
        config
    }

    /// The member of the group.
    pub(super) fn member(&self) -> ClientConfig {
        let mut config = self.consumer(Isolation::Committed);
        config
            .set("group.instance.id", &self.identity)
            // A partition that wants more joins the next fetch only: this is how long it may wait for an idle one.
            .set("fetch.wait.max.ms", "100")
            // Same-numbered partitions of all topics meet in one worker: joins need that.
            .set("partition.assignment.strategy", "range")
            .set(
                "session.timeout.ms",
                self.session_timeout.as_millis().to_string(),
            )
            .set(
                "heartbeat.interval.ms",
                self.heartbeat_interval.as_millis().to_string(),
            );
        config
    }

    /// A transactional producer. `batch` is the largest batch of records that a topic in use takes, in bytes.
    pub(super) fn transactions(&self, transactional_id: &str, batch: usize) -> ClientConfig {
        let mut config = self.producer();
        config
            .set("transactional.id", transactional_id)
            .set(
                "transaction.timeout.ms",
                self.transaction_timeout.as_millis().to_string(),
            )
            // librdkafka looks for the group's coordinator without a time limit, and looks again only when a connection
            // comes or goes (its issue 5456). Closing those that nothing is sent over lets a commit end meanwhile.
            .set(
                "connections.max.idle.ms",
                (self.transaction_timeout * 4 / 5).as_millis().to_string(),
            )
            .set("batch.size", batch.to_string())
            // The default of 100 makes short commits wait.
            .set("retry.backoff.ms", "2")
            .set("retry.backoff.max.ms", "200");
        config
    }

    /// A plain producer that repeats nothing.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            // Gathers a batch, and costs a commit that much.
            .set("linger.ms", "2")
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "524288");
        config
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn config() -> KafkaConfig {
        let mut config = KafkaConfig::new("127.0.0.1:9092", "payments", "payments-0");
        config.properties = vec![
            ("sasl.password".into(), "hunter2".into()),
            ("isolation.level".into(), "read_uncommitted".into()),
            ("enable.auto.commit".into(), "true".into()),
        ];
        config
    }

    #[test]
    fn librdkafka_takes_every_setting() {
        let config = config();
        config
            .consumer(Isolation::Uncommitted)
            .create_native_config()
            .unwrap();
        config.member().create_native_config().unwrap();
        config
            .transactions("id", 1_000_000)
            .create_native_config()
            .unwrap();
        config.producer().create_native_config().unwrap();
    }

    #[test]
    fn what_exactly_once_rests_on_cannot_be_overridden() {
        let member = config().member();
        assert_eq!(member.get("isolation.level"), Some("read_committed"));
        assert_eq!(member.get("enable.auto.commit"), Some("false"));
        assert_eq!(member.get("sasl.password"), Some("hunter2"));
        assert_eq!(member.get("group.instance.id"), Some("payments-0"));
        assert_eq!(
            config().transactional_id("payments-1"),
            "payments.payments-1"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", config());
        assert!(
            shown.contains("sasl.password") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn names_that_cannot_work_are_refused() {
        config().check().unwrap();
        for (servers, group, identity) in [
            (" ", "g", "i"),
            ("b:1", "", "i"),
            ("b:1", "g", ""),
            ("b:1", "g", "a\nb"),
        ] {
            assert!(KafkaConfig::new(servers, group, identity).check().is_err());
        }
        assert!(
            KafkaConfig::new("b:1", "g", &"i".repeat(91))
                .check()
                .is_err()
        );
    }
}
