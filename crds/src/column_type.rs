//! The types that a column can have.

use std::fmt;
use std::str::FromStr;

use crate::schema::string_type;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// Text in UTF-8.
    String,
    /// True or false.
    Boolean,
    /// A whole number in 32 bits, with sign.
    Int32,
    /// A whole number in 64 bits, with sign.
    Int64,
    /// A binary floating-point number in 64 bits.
    Float64,
    /// An exact decimal number.
    Decimal {
        /// How many digits in all: 1 to 38.
        precision: u8,
        /// How many of them are after the point: 0 to `precision`.
        scale: u8,
    },
    /// A day of the calendar, without a time.
    Date,
    /// An instant in microseconds, UTC.
    Timestamp,
}

/// The plain types by name, and other names that people write for them, in lower case.
const NAMES: [(&str, ColumnType, &[&str]); 7] = [
    (
        "String",
        ColumnType::String,
        &["text", "varchar", "char", "utf8", "str", "uuid"],
    ),
    ("Boolean", ColumnType::Boolean, &["bool"]),
    (
        "Int32",
        ColumnType::Int32,
        &["int", "integer", "i32", "smallint"],
    ),
    ("Int64", ColumnType::Int64, &["bigint", "long", "i64"]),
    (
        "Float64",
        ColumnType::Float64,
        &["double", "float", "real", "f64", "float32"],
    ),
    ("Date", ColumnType::Date, &["date32"]),
    (
        "Timestamp",
        ColumnType::Timestamp,
        &["datetime", "timestamptz", "time", "instant"],
    ),
];

const ALL: &str = "String, Boolean, Int32, Int64, Float64, Decimal(p,s), Date or Timestamp";

/// Why a text is not a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseColumnTypeError {
    /// No such type.
    #[error("unknown type `{written}`{}; the types are {ALL}", did_you_mean(.near))]
    Unknown {
        /// What was written.
        written: String,
        /// The type that was meant, perhaps.
        near: Option<&'static str>,
    },
    /// A decimal whose digits are not given, or cannot be.
    #[error(
        "`{0}` is not a decimal type: write Decimal(p,s) with p from 1 to 38 digits in all and s from 0 to p of them after the point, such as Decimal(12,2)"
    )]
    Decimal(String),
}

fn did_you_mean(near: &Option<&'static str>) -> String {
    near.map_or_else(String::new, |near| format!(", did you mean {near}?"))
}

impl ColumnType {
    /// What a type looks like, as a regular expression.
    pub const PATTERN: &str = r"^(String|Boolean|Int(32|64)|Float64|Date|Timestamp|Decimal\( *([1-9]|[12]\d|3[0-8]) *, *([12]?\d|3[0-8]) *\))$";
}

impl ColumnType {
    /// What to write where something else was written.
    pub(crate) const USAGE: &str = "is not a type: write String, Boolean, Int32, Int64, Float64, Date, Timestamp or Decimal(p,s) with p from 1 to 38 digits in all and s from 0 to p of them after the point, such as Decimal(12,2)";
}

impl FromStr for ColumnType {
    type Err = ParseColumnTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((_, plain, _)) = NAMES.iter().find(|(name, ..)| *name == text) {
            return Ok(*plain);
        }
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("decimal") || lower.starts_with("numeric") {
            return decimal(text).ok_or_else(|| ParseColumnTypeError::Decimal(text.to_owned()));
        }
        Err(ParseColumnTypeError::Unknown {
            written: text.to_owned(),
            near: nearest(&lower),
        })
    }
}

fn decimal(text: &str) -> Option<ColumnType> {
    let inner = text.strip_prefix("Decimal(")?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',')?;
    let (precision, scale) = (digits(precision)?, digits(scale)?);
    ((1..=38).contains(&precision) && scale <= precision)
        .then_some(ColumnType::Decimal { precision, scale })
}

fn digits(text: &str) -> Option<u8> {
    let text = text.trim_matches(' ');
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

fn nearest(lower: &str) -> Option<&'static str> {
    let alias = NAMES
        .iter()
        .find(|(name, _, aliases)| name.eq_ignore_ascii_case(lower) || aliases.contains(&lower));
    let near = || {
        NAMES
            .iter()
            .map(|(name, ..)| {
                (
                    strsim::damerau_levenshtein(lower, &name.to_ascii_lowercase()),
                    name,
                )
            })
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, name)| distance * 3 <= name.len())
            .map(|(_, name)| *name)
    };
    alias.map(|(name, ..)| *name).or_else(near)
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { precision, scale } => write!(f, "Decimal({precision},{scale})"),
            plain => f.write_str(
                NAMES
                    .iter()
                    .find(|(_, named, _)| named == plain)
                    .map_or("", |(name, ..)| *name),
            ),
        }
    }
}

string_type!(ColumnType, 24);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<ColumnType>().unwrap_err().to_string()
    }

    #[test]
    fn writes_what_it_reads() {
        for text in [
            "String",
            "Boolean",
            "Int32",
            "Int64",
            "Float64",
            "Decimal(12,2)",
            "Decimal(38,38)",
            "Decimal(1,0)",
            "Date",
            "Timestamp",
        ] {
            assert_eq!(text.parse::<ColumnType>().unwrap().to_string(), text);
        }
        assert_eq!(
            "Decimal( 12 , 2 )"
                .parse::<ColumnType>()
                .unwrap()
                .to_string(),
            "Decimal(12,2)"
        );
    }

    #[test]
    fn names_the_type_that_was_meant() {
        assert_eq!(
            error("Strng"),
            "unknown type `Strng`, did you mean String?; the types are String, Boolean, Int32, Int64, Float64, Decimal(p,s), Date or Timestamp"
        );
        for (text, meant) in [
            ("string", "String"),
            ("bigint", "Int64"),
            ("int", "Int32"),
            ("bool", "Boolean"),
            ("Timestmap", "Timestamp"),
            ("DOUBLE", "Float64"),
        ] {
            assert!(
                error(text).contains(&format!("did you mean {meant}?")),
                "{}",
                error(text)
            );
        }
        assert!(
            !error("Geometry").contains("did you mean"),
            "{}",
            error("Geometry")
        );
    }

    #[test]
    fn says_how_decimals_are_written() {
        for text in [
            "Decimal",
            "Decimal(12)",
            "Decimal(0,0)",
            "Decimal(39,2)",
            "Decimal(4,5)",
            "Decimal(a,b)",
            "decimal(12,2)",
            "Decimal(-1,2)",
            "Decimal(+1,0)",
            "numeric(4)",
        ] {
            assert!(
                error(text).ends_with("such as Decimal(12,2)"),
                "{}",
                error(text)
            );
        }
    }
}
