//! Being told to end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM. From when they are listened to they are wishes, and not the end.
#[derive(Debug)]
pub struct Wishes {
    interrupt: Signal,
    terminate: Signal,
    asked: bool,
}

impl Wishes {
    /// Listens, in a tokio runtime.
    ///
    /// # Errors
    /// If the system lets nobody listen for signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            asked: false,
        })
    }

    /// Returns when somebody wants the process to end; if it is asked for again, the process ends here.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        if std::mem::replace(&mut self.asked, true) {
            // Whoever asks twice does not want to wait. What is not committed is done again next time.
            std::process::exit(130);
        }
    }
}

/// From here on a wish to end sets `stop`; asked twice, the process ends at once.
///
/// # Errors
/// If the system lets nobody listen for signals.
pub fn heed(stop: Arc<AtomicBool>) -> io::Result<()> {
    let mut wishes = Wishes::listen()?;
    tokio::spawn(async move {
        loop {
            wishes.next().await;
            stop.store(true, Ordering::Relaxed);
        }
    });
    Ok(())
}
