//! Runs many seeds on all cores; what fails is shrunk and shown.

use std::cell::Cell;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use tidemill_simulation::{Broken, Trial, check, explain};

/// Whole pipelines in simulated time, with everything that can go wrong, against a plain computation in batch.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run. Default 1000, or only the one that is given.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first one.
    #[arg(long)]
    seed: Option<u64>,
    /// Put a fault into the product first, to see whether it is found.
    #[arg(long, value_enum, value_name = "NAME")]
    fault: Option<Broken>,
    /// Put every fault in, one after the other, and count the seeds that find it.
    #[arg(long, conflicts_with = "fault")]
    faults: bool,
    /// Let a topic get more partitions on the way with every seed, not only with some.
    #[arg(long)]
    grows: bool,
    /// How many at a time. Default as many as there are cores.
    #[arg(long, short)]
    jobs: Option<usize>,
}

/// A search is over when so many seeds of a thread have failed.
const ENOUGH: usize = 10;

thread_local! {
    /// The seed that a thread is at.
    static AT: Cell<u64> = const { Cell::new(0) };
}

fn main() -> ExitCode {
    tell_the_seed_of_panics();
    let arguments = Arguments::parse();
    let first = arguments.seed.unwrap_or(0);
    let seeds = arguments
        .seeds
        .unwrap_or(if arguments.seed.is_some() { 1 } else { 1_000 });
    let seeds = first..first.saturating_add(seeds);
    if arguments.faults {
        try_faults(&arguments, &seeds)
    } else {
        try_seeds(&arguments, &seeds)
    }
}

/// Runs seeds, none of which should fail, and shows those that do.
#[allow(clippy::print_stdout)]
fn try_seeds(arguments: &Arguments, seeds: &Range<u64>) -> ExitCode {
    let begin = Instant::now();
    let trial = arguments.trial(arguments.fault);
    let failed = arguments.search(trial, seeds, ENOUGH);
    for &seed in failed.iter().take(3) {
        match explain(seed, trial) {
            Some(text) => println!("{text}"),
            None => println!(
                "seed {seed} failed once and not again: the simulation is not deterministic"
            ),
        }
    }
    let (count, first) = (seeds.end - seeds.start, seeds.start);
    let seconds = begin.elapsed().as_secs_f64();
    if failed.is_empty() {
        println!("{count} seeds from {first} on: none failed, in {seconds:.1} s");
        return ExitCode::SUCCESS;
    }
    println!("{count} seeds from {first} on: these failed, in {seconds:.1} s: {failed:?}");
    ExitCode::FAILURE
}

/// Runs seeds with each fault, every one of which should be found.
#[allow(clippy::print_stdout)]
fn try_faults(arguments: &Arguments, seeds: &Range<u64>) -> ExitCode {
    let count = seeds.end - seeds.start;
    println!("{:22} {:>14} {:>14}", "fault", "first seed", "seeds");
    let mut all = true;
    for fault in Broken::ALL {
        let failed = arguments.search(arguments.trial(Some(fault)), seeds, usize::MAX);
        let name = fault.to_possible_value();
        let name = name.as_ref().map_or("", |name| name.get_name());
        let first = failed.first().map_or("none".to_owned(), u64::to_string);
        let found = format!("{} of {count}", failed.len());
        println!("{name:22} {first:>14} {found:>14}");
        all &= !failed.is_empty();
    }
    if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Arguments {
    fn trial(&self, broken: Option<Broken>) -> Trial {
        Trial {
            broken,
            grows: self.grows,
        }
    }

    /// The seeds that fail; of each thread only the first so many.
    fn search(&self, trial: Trial, seeds: &Range<u64>, enough: usize) -> Vec<u64> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicU64::new(seeds.start);
        let run = || {
            let mut failed = Vec::new();
            while failed.len() < enough {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    break;
                }
                AT.set(seed);
                if check(seed, trial).is_some() {
                    failed.push(seed);
                }
            }
            failed
        };
        let mut failed = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.jobs.unwrap_or(cores))
                .map(|_| scope.spawn(run))
                .collect();
            let joined = threads.into_iter().map(|thread| match thread.join() {
                Ok(failed) => failed,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.flatten().collect::<Vec<u64>>()
        });
        failed.sort_unstable();
        failed
    }
}

#[allow(clippy::print_stderr)]
fn tell_the_seed_of_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("seed {}:", AT.get());
        usual(panic);
    }));
}
