//! Runs a plan over batches of records: decoding, filters, windows, watermarks, state. Pure and deterministic: no
//! Kafka, no tokio, no clock, no randomness of its own; time and input are handed in.

pub mod commit;
pub mod effects;
pub mod encode;
pub mod generator;
pub mod record;
