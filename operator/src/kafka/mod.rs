//! Kafka as the operator sees it: whether it can be reached, and which topics it has.

pub mod clusters;

use std::collections::BTreeMap;

/// A Kafka cluster as last seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Seen {
    /// Not looked at yet.
    #[default]
    Unknown,
    /// Its topics, with their partitions.
    Topics(BTreeMap<String, u32>),
    /// Nothing answers.
    Unreachable(String),
    /// It refuses.
    Refused(String),
    /// The Secret with the credentials cannot be used.
    BadSecret(String),
}

impl Seen {
    /// The partitions of a topic, if it is known to be there.
    #[must_use]
    pub fn partitions(&self, topic: &str) -> Option<u32> {
        match self {
            Self::Topics(topics) => topics.get(topic).copied(),
            _ => None,
        }
    }
}
