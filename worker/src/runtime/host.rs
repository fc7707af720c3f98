//! The machine that a pipeline runs on: its clock, and a thread beside the one that reads.
//!
//! Everything that a pipeline waits for, other than the log and the sinks, goes through here, so that a simulation can
//! put time and threads of its own in the place of the real ones.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

/// How long a simulated wait for a channel lasts before it looks again.
const LOOK: Duration = Duration::from_millis(1);

/// Time and threads that are made up. All calls come from threads that it has started.
pub trait Machine: Send + Sync + std::fmt::Debug {
    /// What its clock says.
    fn now(&self) -> Instant;
    /// Lets others run for so long.
    fn sleep(&self, time: Duration);
    /// Runs something beside the caller.
    ///
    /// # Errors
    /// If that cannot be done.
    fn spawn(&self, name: String, run: Box<dyn FnOnce() + Send>) -> io::Result<()>;
}

/// The machine that a pipeline runs on.
#[derive(Debug, Clone, Default)]
pub enum Host {
    /// This one.
    #[default]
    Real,
    /// One that is made up.
    Simulated(Arc<dyn Machine>),
}

/// Something that runs beside its starter.
#[derive(Debug)]
pub(super) struct Beside {
    host: Host,
    /// Disconnected when it has ended.
    ended: Receiver<()>,
}

impl Host {
    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Real => Instant::now(),
            Self::Simulated(machine) => machine.now(),
        }
    }

    /// How long ago that was.
    pub(super) fn since(&self, then: Instant) -> Duration {
        self.now().saturating_duration_since(then)
    }

    pub(super) fn sleep(&self, time: Duration) {
        match self {
            Self::Real => std::thread::sleep(time),
            Self::Simulated(machine) => machine.sleep(time),
        }
    }

    pub(super) fn spawn(
        &self,
        name: String,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<Beside> {
        let (alive, ended) = bounded(0);
        let run = move || {
            let _alive = alive;
            run();
        };
        match self {
            Self::Real => {
                std::thread::Builder::new().name(name).spawn(run)?;
            }
            Self::Simulated(machine) => machine.spawn(name, Box::new(run))?,
        }
        Ok(Beside {
            host: self.clone(),
            ended,
        })
    }

    /// Takes what comes through a channel, within `limit` if there is one.
    pub(super) fn receive<T>(
        &self,
        from: &Receiver<T>,
        limit: Option<Duration>,
    ) -> Result<T, RecvTimeoutError> {
        match (self, limit) {
            (Self::Real, Some(limit)) => from.recv_timeout(limit),
            (Self::Real, None) => from.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (Self::Simulated(machine), limit) => {
                let begin = machine.now();
                loop {
                    match from.try_recv() {
                        Ok(received) => return Ok(received),
                        Err(error) if error.is_disconnected() => {
                            return Err(RecvTimeoutError::Disconnected);
                        }
                        Err(_) => {}
                    }
                    let waited = machine.now().saturating_duration_since(begin);
                    if limit.is_some_and(|limit| waited >= limit) {
                        return Err(RecvTimeoutError::Timeout);
                    }
                    machine.sleep(LOOK);
                }
            }
        }
    }
}

impl Beside {
    /// Waits for its end.
    pub(super) fn join(&self) {
        // Nothing is ever sent: what is waited for is that nobody can any more.
        let _ = self.host.receive(&self.ended, None);
    }
}
