//! Sizes as manifests write them: `128Mi`.

use std::fmt;
use std::str::FromStr;

use crate::schema::string_type;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size {
    bytes: u64,
}

const UNITS: [(&str, u64); 8] = [
    ("Ti", 1 << 40),
    ("T", 1_000_000_000_000),
    ("Gi", 1 << 30),
    ("G", 1_000_000_000),
    ("Mi", 1 << 20),
    ("M", 1_000_000),
    ("Ki", 1 << 10),
    ("k", 1_000),
];

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` {usage}", usage = Size::USAGE)]
pub struct ParseSizeError(String);

impl Size {
    /// What a size looks like, as a regular expression.
    pub const PATTERN: &str = "^[0-9]+(Ki|Mi|Gi|Ti|k|M|G|T)$";

    /// What to write where something else was written.
    pub(crate) const USAGE: &str =
        "is not a size: write a number with a unit Ki, Mi, Gi or Ti (or k, M, G, T), such as 128Mi";

    /// A size of this many mebibytes.
    #[must_use]
    pub const fn from_mebibytes(mebibytes: u64) -> Self {
        Self {
            bytes: mebibytes.saturating_mul(1 << 20),
        }
    }

    /// In bytes.
    #[must_use]
    pub const fn as_bytes(self) -> u64 {
        self.bytes
    }
}

impl FromStr for Size {
    type Err = ParseSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text)
            .map(|bytes| Self { bytes })
            .ok_or_else(|| ParseSizeError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS
            .into_iter()
            .find(|(_, factor)| self.bytes >= *factor && self.bytes.is_multiple_of(*factor))
            // Every size is read with a unit, so this is for zero alone.
            .unwrap_or(("Ki", 1 << 10));
        write!(f, "{}{unit}", self.bytes / factor)
    }
}

string_type!(Size, 32);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn reads_and_writes_units() {
        for (text, bytes) in [
            ("0Ki", 0),
            ("128Mi", 134_217_728),
            ("1Gi", 1 << 30),
            ("5k", 5_000),
            ("2T", 2_000_000_000_000),
        ] {
            let size = text.parse::<Size>().unwrap();
            assert_eq!(size.as_bytes(), bytes);
            assert_eq!(size.to_string(), text);
        }
    }

    #[test]
    fn says_what_to_write() {
        for text in [
            "",
            "128",
            "Mi",
            "1.5Gi",
            "-1Mi",
            "128 Mi",
            "128MB",
            "99999999999999Ti",
        ] {
            let error = text.parse::<Size>().unwrap_err().to_string();
            assert!(error.ends_with("such as 128Mi"), "{error}");
        }
    }
}
