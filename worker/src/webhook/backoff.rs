//! How long to wait before a row is posted again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The shortest pause.
const SHORTEST: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after so many failures of a row: twice as long each time, and up to twice as long as that by chance, so that
/// those who wait for the same receiver do not come all at once.
pub(super) fn pause(failures: u32, chance: u16) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1));
    let least = SHORTEST
        .saturating_mul(doubled.unwrap_or(u32::MAX))
        .min(LONGEST / 2);
    least + least * u32::from(chance) / u32::from(u16::MAX)
}

/// A number by chance.
pub(super) fn chance() -> u16 {
    (RandomState::new().hash_one(()) & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_200_ms_to_a_minute() {
        let millis = |failures, chance| pause(failures, chance).as_millis();
        let shortest: Vec<u128> = (1..=10).map(|failures| millis(failures, 0)).collect();
        let doubled = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600];
        assert_eq!(shortest, [&doubled[..], &[30_000, 30_000]].concat());
        assert_eq!((millis(1, u16::MAX), millis(9, u16::MAX)), (400, 60_000));
        assert_eq!(millis(3, u16::MAX / 2), 1_199);
        assert_eq!((millis(0, 0), millis(u32::MAX, u16::MAX)), (200, 60_000));
    }

    #[test]
    fn chance_differs_from_time_to_time() {
        let some: std::collections::BTreeSet<u16> = (0..100).map(|_| chance()).collect();
        assert!(some.len() > 10, "{some:?}");
    }
}
