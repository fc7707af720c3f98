//! The controllers that turn manifests into running workers.
//!
//! ```text
//!             watches                         applies, says how it is
//!   cluster ──────────▶ world ──▶ controllers ───────────────────────▶ cluster
//!                         ▲   Pipeline: dereference → validate → build → apply → status
//!   workers ── poll ──────┤   Sink, AlertRule: look → status
//!   Kafka ──── clusters ──┘
//! ```
//! Only the two ends of a controller touch the API server; what is between them is pure. A controller never waits for
//! Kafka or for a worker: both are looked at beside it, and what they say is there when it is needed.

pub mod alert_rule;
pub mod apply;
pub mod backoff;
pub mod condition;
pub mod controller;
pub mod events;
pub mod http;
pub mod kafka;
pub mod lease;
mod malformed;
pub mod metrics;
pub mod names;
pub mod operator;
pub mod pipeline;
pub mod said;
pub mod sink;
mod steady;
mod watch;
pub mod world;
