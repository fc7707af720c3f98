//! Kafka as the log: sources, internal topics, offsets and the group, through librdkafka.
//!
//! A worker opens a [`KafkaReader`] and, with its membership, a [`KafkaCommitter`]; tools open a [`KafkaAdmin`].

mod admin;
mod committer;
mod config;
mod context;
pub mod credentials;
mod errors;
mod facts;
mod fence;
mod ffi;
mod fit;
mod layout;
mod membership;
mod position;
mod reader;
mod reminder;
mod tail;
mod wake;

pub use admin::KafkaAdmin;
pub use committer::KafkaCommitter;
pub use config::KafkaConfig;
pub use reader::KafkaReader;
