//! Deterministic simulation of whole pipelines.
//!
//! The product's own runtime (reading, joining, committing, tasks, dead letters) and engine run in simulated processes
//! over a simulated log, on one thread, in simulated time. A seed decides about everything: the pipeline, its records,
//! the workers, and what goes wrong: crashes before and after each step, answers that are lost, commits of unknown
//! outcome, rebalances in the middle of a commit, workers that stand still and go on, partitions that are slow. What has
//! been written is compared with an [`oracle`] that has all records and computes in batch.

mod broken;
mod check;
mod client;
mod grammar;
mod log;
mod oracle;
mod random;
mod run;
mod scenario;
mod scheduler;
mod shrink;
mod sink;
mod world;

#[cfg(test)]
mod tests;

pub use broken::Broken;
pub use shrink::explain;

/// Runs a seed; what was wrong, if anything.
#[must_use]
pub fn check(seed: u64, broken: Option<Broken>) -> Option<String> {
    run::run(&scenario::Scenario::of(seed), broken, false).failure
}
