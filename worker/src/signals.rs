//! Being told to end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// From here on SIGINT and SIGTERM are a wish, which sets `stop`, and not the end; asked twice, the process ends at once.
///
/// # Errors
/// If the system lets nobody listen for signals.
pub fn heed(stop: Arc<AtomicBool>) -> io::Result<()> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.swap(true, Ordering::Relaxed) {
                // Whoever asks twice does not want to wait. What is not committed is done again next time.
                std::process::exit(130);
            }
        }
    });
    Ok(())
}
