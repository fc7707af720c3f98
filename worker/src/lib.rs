//! The engine joined to the world: logs (Kafka, embedded), sinks, telemetry, health.

pub mod http;
pub mod log;
pub mod status;
pub mod telemetry;
