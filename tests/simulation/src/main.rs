//! Runs many seeds on all cores; what fails is shrunk and shown.

use std::cell::Cell;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
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
    #[arg(long, value_enum)]
    broken: Option<Broken>,
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

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    tell_the_seed_of_panics();
    let arguments = Arguments::parse();
    let (first, begin) = (arguments.seed.unwrap_or(0), Instant::now());
    let seeds = arguments
        .seeds
        .unwrap_or(if arguments.seed.is_some() { 1 } else { 1_000 });
    let trial = Trial {
        broken: arguments.broken,
        grows: arguments.grows,
    };
    let failed = search(&arguments, trial, first, first.saturating_add(seeds));
    for &seed in failed.iter().take(3) {
        match explain(seed, trial) {
            Some(text) => println!("{text}"),
            None => println!(
                "seed {seed} failed once and not again: the simulation is not deterministic"
            ),
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    if failed.is_empty() {
        println!("{seeds} seeds from {first} on: none failed, in {seconds:.1} s");
        return ExitCode::SUCCESS;
    }
    println!("{seeds} seeds from {first} on: these failed, in {seconds:.1} s: {failed:?}");
    ExitCode::FAILURE
}

/// The seeds that fail.
fn search(arguments: &Arguments, trial: Trial, first: u64, last: u64) -> Vec<u64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(first);
    let run = || {
        let mut failed = Vec::new();
        while failed.len() < ENOUGH {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
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
        let threads: Vec<_> = (0..arguments.jobs.unwrap_or(cores))
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

#[allow(clippy::print_stderr)]
fn tell_the_seed_of_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("seed {}:", AT.get());
        usual(panic);
    }));
}
