//! What the writing side must know of a topic: its partitions, and how large a record may be.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::config::{KafkaConfig, MAX_RECORD};
use super::context::Context;
use super::errors::{explain, from_code};
use super::tail::PATIENCE;
use crate::log::LogError;

/// The brokers' default of `max.message.bytes`, for where it may not be asked.
const DEFAULT_LIMIT: usize = 1_048_588;

/// How long a topic's partition count is taken for granted.
const FRESH: Duration = Duration::from_secs(30);

/// A topic that is written to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    /// Its partitions; at least 1.
    pub(super) partitions: u32,
    /// The largest batch it takes, in bytes.
    pub(super) limit: usize,
    asked: Instant,
}

/// Topics as last seen.
#[derive(Default)]
pub(super) struct Facts {
    known: HashMap<Arc<str>, Fact>,
    admin: Option<AdminClient<DefaultClientContext>>,
}

impl Facts {
    /// The topic, asked for anew from time to time.
    pub(super) fn of(
        &mut self,
        config: &KafkaConfig,
        client: &Client<Context>,
        topic: &Arc<str>,
    ) -> Result<Fact, LogError> {
        let known = self.known.get(topic).copied();
        if let Some(fact) = known.filter(|fact| fact.asked.elapsed() < FRESH) {
            return Ok(fact);
        }
        let partitions = match (count(config, client, topic), known) {
            (Ok(partitions), _) => partitions,
            (Err(LogError::Unavailable(_)), Some(fact)) => fact.partitions,
            (Err(error), _) => return Err(error),
        };
        let limit = match known {
            Some(fact) => fact.limit,
            None => self.limit(config, topic).unwrap_or_else(|error| {
                tracing::debug!(%error, %topic, "taking the default of max.message.bytes");
                DEFAULT_LIMIT
            }),
        };
        let fact = Fact {
            partitions,
            limit: limit.min(MAX_RECORD),
            asked: Instant::now(),
        };
        self.known.insert(Arc::clone(topic), fact);
        Ok(fact)
    }

    /// Has all topics looked at anew.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// `max.message.bytes` of the topic.
    fn limit(&mut self, config: &KafkaConfig, topic: &str) -> Result<usize, String> {
        let admin = match &self.admin {
            Some(open) => open,
            None => self.admin.insert(
                config
                    .producer()
                    .create()
                    .map_err(|e: KafkaError| e.to_string())?,
            ),
        };
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let answer = wait(admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options))
            .map_err(|e| e.to_string())?;
        let answer = answer
            .map_err(|e| e.to_string())?
            .pop()
            .ok_or("no answer")?
            .map_err(|e| e.to_string())?;
        let entry = answer
            .get("max.message.bytes")
            .and_then(|entry| entry.value.as_ref())
            .ok_or("not told")?;
        entry
            .parse()
            .map_err(|_| format!("{entry:?} is not a number"))
    }
}

fn count(config: &KafkaConfig, client: &Client<Context>, topic: &str) -> Result<u32, LogError> {
    let doing = format!("writing topic {topic}");
    let servers = &config.bootstrap_servers;
    let metadata = client
        .fetch_metadata(Some(topic), PATIENCE)
        .map_err(|e| explain(servers, &doing, &e, None))?;
    let found = metadata.topics().iter().find(|each| each.name() == topic);
    if let Some(code) = found
        .and_then(|each| each.error())
        .filter(|code| *code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR)
    {
        let code = RDKafkaErrorCode::from(code);
        return Err(from_code(servers, &doing, code, &code.to_string()));
    }
    match found.map_or(0, |each| each.partitions().len()) {
        0 => Err(from_code(
            servers,
            &doing,
            RDKafkaErrorCode::UnknownTopic,
            "it has no partitions",
        )),
        partitions => Ok(u32::try_from(partitions).unwrap_or(u32::MAX)),
    }
}

/// Waits for an answer of the admin client, whose own thread moves it on.
pub(super) fn wait<T>(answer: impl Future<Output = T>) -> Result<T, std::io::Error> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(answer))
}
