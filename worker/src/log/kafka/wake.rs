//! Waking a thread that waits for many queues at once.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A flag that can be waited for; waiting takes it down.
#[derive(Debug, Default)]
pub(super) struct Wake {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Wake {
    /// Raises the flag and wakes the waiter.
    pub(super) fn notify(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits for the flag, at most this long, and takes it down; whether it was up.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(raised, limit, |raised| !*raised);
        let (mut raised, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut raised)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_flag_raised_before_the_wait_is_not_lost_and_counts_once() {
        let wake = Wake::default();
        wake.notify();
        wake.notify();
        assert!(wake.wait(Duration::ZERO));
        assert!(!wake.wait(Duration::ZERO));
    }

    #[test]
    fn a_waiter_is_woken_from_another_thread() {
        let wake = std::sync::Arc::new(Wake::default());
        let other = std::sync::Arc::clone(&wake);
        let thread = std::thread::spawn(move || other.notify());
        assert!(wake.wait(Duration::from_secs(60)));
        thread.join().unwrap();
    }
}
