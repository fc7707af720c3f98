//! Runs a plan over batches of records: decoding, filters, windows, watermarks, state. Pure and deterministic: no
//! Kafka, no tokio, no clock, no randomness of its own; time and input are handed in.

mod aggregate;
mod alerts;
mod clock;
pub mod commit;
pub mod decode;
pub mod disk;
pub mod effects;
pub mod encode;
pub mod error;
#[cfg(feature = "faults")]
pub mod faults;
pub mod generator;
mod join;
mod keyed;
mod operator;
pub mod record;
mod reject;
mod rows;
mod rowwise;
mod shuffle;
mod source;
mod stage;
mod stamp;
mod steps;
mod streams;
pub mod table;
pub mod task;
mod window;
mod wire;

#[cfg(test)]
mod tests;
