//! Threads that take turns: stackful coroutines on one real thread, each resumed when the simulated clock has come to
//! its time. What runs is the product's own blocking code; where it waits, others go on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use generator::{Generator, Gn};

use crate::log::Time;

/// Machine words of a coroutine's stack; pages that are not touched cost nothing.
const STACK: usize = 0x4_0000;

/// A thread of a process.
struct Thread {
    process: usize,
    wake: Time,
    /// Absent while it runs, and when it has ended.
    routine: Option<Generator<'static, (), ()>>,
}

#[derive(Default)]
struct State {
    now: Time,
    threads: Vec<Thread>,
    running: usize,
    /// Until when each process is stopped.
    paused: Vec<Time>,
}

/// Time, and the threads that wait for it.
pub(crate) struct Scheduler {
    state: Mutex<State>,
    epoch: Instant,
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

impl Scheduler {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            epoch: Instant::now(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Time {
        self.state().now
    }

    /// The time as the product's clock says it.
    pub(crate) fn instant(&self) -> Instant {
        self.epoch + Duration::from_micros(self.now())
    }

    /// Starts a thread of a process.
    pub(crate) fn spawn(&self, process: usize, run: Box<dyn FnOnce() + Send>) {
        let routine = Gn::<()>::new_opt(STACK, run);
        let mut state = self.state();
        let wake = state.now;
        state.threads.push(Thread {
            process,
            wake,
            routine: Some(routine),
        });
        if state.paused.len() <= process {
            state.paused.resize(process + 1, 0);
        }
    }

    /// Lets the others run for so long. Called by a thread that runs here.
    pub(crate) fn sleep(&self, time: Time) {
        {
            let mut state = self.state();
            let (running, wake) = (state.running, state.now + time);
            if let Some(thread) = state.threads.get_mut(running) {
                thread.wake = wake;
            }
        }
        // The scoped yield that takes its place must be handed down through the product's code, which knows of none.
        #[allow(deprecated)]
        generator::yield_with(());
    }

    /// Stops all threads of a process for so long.
    pub(crate) fn pause(&self, process: usize, time: Time) {
        let mut state = self.state();
        let until = state.now + time;
        if let Some(paused) = state.paused.get_mut(process) {
            *paused = until.max(*paused);
        }
    }

    /// Whether a process is stopped.
    pub(crate) fn is_paused(&self, process: usize) -> bool {
        let state = self.state();
        state
            .paused
            .get(process)
            .is_some_and(|&until| until > state.now)
    }

    /// Whether a process has a thread that has not ended.
    #[cfg(test)]
    fn is_running(&self, process: usize) -> bool {
        self.state()
            .threads
            .iter()
            .any(|t| t.process == process && t.routine.is_some())
    }

    /// When the next thread is to go on, and which it is.
    fn next(state: &State) -> Option<(Time, usize)> {
        let waiting = state
            .threads
            .iter()
            .enumerate()
            .filter(|(_, t)| t.routine.is_some());
        let wake = |t: &Thread| {
            t.wake
                .max(state.paused.get(t.process).copied().unwrap_or(0))
        };
        waiting.map(|(index, t)| (wake(t), index)).min()
    }

    /// Moves time on to when the next thread is to run, but not past `limit`, and runs it up to where it waits. False if
    /// none was to run by then.
    pub(crate) fn step(&self, limit: Time) -> bool {
        let mut state = self.state();
        let Some((wake, index)) = Self::next(&state).filter(|(wake, _)| *wake <= limit) else {
            state.now = state.now.max(limit);
            return false;
        };
        state.now = state.now.max(wake);
        state.running = index;
        let Some(mut routine) = state.threads.get_mut(index).and_then(|t| t.routine.take()) else {
            return false;
        };
        drop(state);
        routine.resume();
        if !routine.is_done() {
            let mut state = self.state();
            if let Some(thread) = state.threads.get_mut(index) {
                thread.routine = Some(routine);
            }
        }
        true
    }

    /// When the next thread is to go on.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        Self::next(&self.state()).map(|(wake, _)| wake)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn threads_take_turns_by_simulated_time() {
        let scheduler = Arc::new(Scheduler::new());
        let told = Arc::new(Mutex::new(Vec::new()));
        for (name, nap) in [("a", 30), ("b", 20)] {
            let (its, told) = (Arc::clone(&scheduler), Arc::clone(&told));
            let run = move || {
                for _ in 0..2 {
                    its.sleep(nap);
                    told.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((name, its.now()));
                }
            };
            scheduler.spawn(0, Box::new(run));
        }
        while scheduler.is_running(0) {
            scheduler.step(1_000);
        }
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*told, [("b", 20), ("a", 30), ("b", 40), ("a", 60)]);
    }

    #[test]
    fn a_process_that_is_stopped_goes_on_later() {
        let scheduler = Arc::new(Scheduler::new());
        let its = Arc::clone(&scheduler);
        scheduler.spawn(0, Box::new(move || its.sleep(10)));
        scheduler.step(100);
        scheduler.pause(0, 500);
        assert!(!scheduler.step(499));
        assert!(scheduler.is_paused(0) && scheduler.is_running(0));
        assert!(scheduler.step(500));
        assert!(!scheduler.is_running(0));
    }
}
