//! Deterministic simulation of whole pipelines.
//!
//! The product's own runtime (reading, joining, committing, tasks, dead letters) and engine run in simulated processes
//! over a simulated log, on one thread, in simulated time. A seed decides about everything: the pipeline, its records,
//! the workers, and what goes wrong: crashes before and after each step, answers that are lost, commits of unknown
//! outcome, rebalances in the middle of a commit, workers that stand still and go on, partitions that are slow. What has
//! been written is compared with an oracle that has all records and computes in batch.

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

use scenario::Scenario;

/// What seeds are run with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trial {
    /// A fault that is put into the product first.
    pub broken: Option<Broken>,
    /// A topic gets more partitions on the way, which otherwise happens to some.
    pub grows: bool,
}

impl Trial {
    fn scenario(self, seed: u64) -> Scenario {
        let scenario = Scenario::of(seed);
        if self.grows {
            scenario.growing(&mut random::Random::new(seed))
        } else {
            scenario
        }
    }
}

/// Runs a seed; what was wrong, if anything.
#[must_use]
pub fn check(seed: u64, trial: Trial) -> Option<String> {
    run::run(&trial.scenario(seed), trial.broken, false).failure
}
