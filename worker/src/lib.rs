//! The engine joined to the world: logs (Kafka, embedded), sinks, telemetry, health.

pub mod log;
pub mod sink;
mod sqlite;
