//! The engine joined to the world: logs (Kafka, embedded), sinks, telemetry, health.

mod causes;
pub mod edits;
pub mod http;
pub mod identity;
pub mod launch;
pub mod log;
pub mod memory;
pub mod registry;
#[cfg(test)]
mod requests;
pub mod rulebook;
pub mod runtime;
pub mod secrets;
pub mod signals;
pub mod sink;
mod sqlite;
pub mod status;
pub mod telemetry;
pub mod webhook;
