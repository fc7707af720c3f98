//! Durations as manifests write them: `200ms`, `2s`, `1h30m`, `7d`.

use std::fmt;
use std::str::FromStr;

use crate::schema::string_type;

/// A span of time of at most 100 years, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration {
    millis: u64,
}

/// Units from the largest to the smallest, with their milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

const MAX_MILLIS: u64 = 36_500 * 86_400_000;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` {usage}", usage = Duration::USAGE)]
pub struct ParseDurationError(String);

impl Duration {
    /// What a duration looks like, as a regular expression.
    pub const PATTERN: &str = "^([0-9]+(ms|s|m|h|d))+$";

    /// What to write where something else was written.
    pub(crate) const USAGE: &str = "is not a duration: write numbers with units ms, s, m, h or d, such as 200ms, 10s, 1h30m or 7d (at most 36500d)";

    /// A duration of this many milliseconds; more than 100 years become 100 years.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self {
            millis: if millis > MAX_MILLIS {
                MAX_MILLIS
            } else {
                millis
            },
        }
    }

    /// A duration of this many seconds; more than 100 years become 100 years.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1_000))
    }

    /// In milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// In microseconds, the unit of event time.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        // At most 100 years: no overflow.
        self.millis.cast_signed().saturating_mul(1_000)
    }

    /// Whether it is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.millis == 0
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_millis(duration.millis)
    }
}

impl FromStr for Duration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text)
            .filter(|&millis| millis <= MAX_MILLIS)
            .map(Self::from_millis)
            .ok_or_else(|| ParseDurationError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*millis)?)?;
        if next.is_empty() {
            return Some(total);
        }
        rest = next;
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        for (unit, millis) in UNITS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

string_type!(Duration, 32);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn reads_units_and_their_combinations() {
        for (text, millis) in [
            ("0s", 0),
            ("200ms", 200),
            ("2s", 2_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1m500ms", 60_500),
            ("36500d", MAX_MILLIS),
        ] {
            assert_eq!(
                text.parse::<Duration>().unwrap().as_millis(),
                millis,
                "{text}"
            );
        }
        assert_eq!("2s".parse::<Duration>().unwrap().as_micros(), 2_000_000);
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0s", "200ms", "2s", "1h30m", "7d", "1d2h3m4s5ms"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        assert_eq!("90m".parse::<Duration>().unwrap().to_string(), "1h30m");
    }

    #[test]
    fn says_what_to_write() {
        for text in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "5 s",
            "5min",
            "1h ",
            "٣s",
            "99999999999999999999d",
            "36501d",
        ] {
            let error = text.parse::<Duration>().unwrap_err().to_string();
            assert!(
                error.contains("such as 200ms, 10s, 1h30m or 7d (at most 36500d)"),
                "{error}"
            );
            assert!(error.starts_with(&format!("`{text}`")), "{error}");
        }
    }
}
