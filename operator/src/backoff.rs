//! When to try again: later each time, and not all at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const MOST: Duration = Duration::from_secs(120);

/// How long to wait after so many failures in a row; `chance` is from 0 to 1.
#[must_use]
pub fn pause(failures: u32, chance: f64) -> Duration {
    let doubled = FIRST
        .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)))
        .min(MOST);
    doubled.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

/// The failures in a row of each of many things.
#[derive(Debug)]
pub struct Failures<K>(Mutex<HashMap<K, u32>>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Failures<K> {
    /// It has failed again: how long to wait.
    pub fn again(&self, of: K) -> Duration {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.entry(of).or_default();
        *failures = failures.saturating_add(1);
        pause(*failures, rand::random())
    }

    /// It has succeeded, or is gone.
    pub fn clear(&self, of: &K) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_are_spread() {
        assert_eq!(pause(1, 1.0), FIRST);
        assert_eq!(pause(3, 1.0), FIRST * 4);
        assert_eq!(pause(3, 0.0), FIRST * 2);
        assert_eq!(pause(u32::MAX, 1.0), MOST);
    }

    #[test]
    fn success_begins_anew() {
        let failures = Failures::default();
        for _ in 0..10 {
            let _ = failures.again("a");
        }
        assert!(failures.again("a") > FIRST);
        failures.clear(&"a");
        assert!(failures.again("a") <= FIRST);
    }
}
