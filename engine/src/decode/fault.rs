//! Why a record is rejected, and how that is said to a person.

use std::fmt::Write;

use super::Limits;
use super::convert::Misfit;
use super::scan::{Flaw, Kind, Token};
use crate::record::{Reason, Rejection};

/// How many characters of a value a message shows.
const SHOWN: usize = 64;

/// Why a record is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    Null,
    Empty,
    TooLarge,
    /// The byte is the first that is not UTF-8.
    InvalidUtf8 {
        at: usize,
    },
    Flaw(Flaw),
    /// A column's value is missing or cannot be read.
    Column {
        /// The column's index.
        column: usize,
        problem: Problem,
    },
    /// Said already.
    Told(Box<Told>),
}

/// A fault in the words that a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) reason: Reason,
    /// The name of the column at fault, where there is one.
    pub(super) column: Option<String>,
    pub(super) message: String,
}

impl Fault {
    /// A record that is not what its format says.
    #[cold]
    pub(super) fn told(reason: Reason, message: String) -> Self {
        Self::Told(Box::new(Told {
            reason,
            column: None,
            message,
        }))
    }

    /// A value of a column, as it was found, that cannot be read as the column's type.
    #[cold]
    pub(super) fn misfit(column: &ColumnLabel, found: &str, misfit: Misfit) -> Self {
        Self::of(column, misread(column, found, misfit))
    }

    /// A required column whose field is null, or not there at all.
    #[cold]
    pub(super) fn missing(column: &ColumnLabel, is_there: bool) -> Self {
        Self::of(column, missing(column, is_there))
    }

    /// What is wrong with a column's value in this text.
    #[cold]
    pub(super) fn wrong(column: &ColumnLabel, problem: Problem, text: &[u8]) -> Self {
        Self::of(column, wrong(column, problem, text))
    }

    /// A column that is inside something that has no fields.
    #[cold]
    pub(super) fn blocked(column: &ColumnLabel) -> Self {
        let ColumnLabel { name, path, .. } = column;
        let message = format!(
            "column `{name}`: expected a record around the field `{path}`, found another value"
        );
        Self::of(column, (Reason::WrongType, message))
    }

    fn of(column: &ColumnLabel, (reason, message): (Reason, String)) -> Self {
        Self::Told(Box::new(Told {
            reason,
            column: Some(column.name.clone()),
            message,
        }))
    }
}

/// What is wrong with a column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// The column is required, and the field is not there.
    Absent,
    /// The column is required, and the field is null.
    Null,
    /// Something around the field is not an object.
    Blocked(Token),
    /// The value is not one of the column's type.
    Misfit(Token, Misfit),
}

/// A column as messages name it.
#[derive(Debug)]
pub(super) struct ColumnLabel {
    pub(super) name: String,
    /// Its path in the record, with dots.
    pub(super) path: String,
    /// Its type as a user writes it.
    pub(super) type_name: String,
}

/// Says why the record at this index was rejected.
pub(super) fn rejection(
    record: usize,
    fault: Fault,
    value: &[u8],
    limits: Limits,
    columns: &[ColumnLabel],
) -> Rejection {
    let plain = |reason, message| Rejection {
        record,
        reason,
        column: None,
        message,
    };
    match fault {
        Fault::Null => plain(Reason::Null, "the value is null".to_owned()),
        Fault::Empty => plain(Reason::Empty, "the value has no bytes".to_owned()),
        Fault::TooLarge => plain(Reason::TooLarge, too_large(value, limits)),
        Fault::InvalidUtf8 { at } => plain(
            Reason::InvalidUtf8,
            format!("byte {at} of the value is not UTF-8"),
        ),
        Fault::Flaw(flaw) => {
            let (reason, message) = flawed(flaw, value, limits);
            plain(reason, message)
        }
        Fault::Column { column, problem } => {
            let label = columns.get(column);
            let (reason, message) = label.map_or((Reason::WrongType, String::new()), |label| {
                wrong(label, problem, value)
            });
            Rejection {
                record,
                reason,
                column: label.map(|label| label.name.clone()),
                message,
            }
        }
        Fault::Told(told) => Rejection {
            record,
            reason: told.reason,
            column: told.column,
            message: told.message,
        },
    }
}

fn too_large(value: &[u8], limits: Limits) -> String {
    format!(
        "the value has {} bytes, and a record may have {}",
        value.len(),
        limits.max_record_bytes
    )
}

fn flawed(flaw: Flaw, value: &[u8], limits: Limits) -> (Reason, String) {
    match flaw {
        Flaw::Malformed { at, expected } => (
            Reason::MalformedJson,
            format!(
                "malformed JSON at byte {at}: expected {expected}, found {}",
                byte_at(value, at)
            ),
        ),
        Flaw::TooDeep { at } => (
            Reason::TooDeep,
            format!(
                "objects and arrays are nested deeper than {} levels at byte {at}",
                limits.max_depth
            ),
        ),
        Flaw::NotAnObject(kind) => (
            Reason::NotAnObject,
            format!("expected a JSON object, found {}", name_of(kind)),
        ),
    }
}

fn wrong(column: &ColumnLabel, problem: Problem, value: &[u8]) -> (Reason, String) {
    let ColumnLabel { name, path, .. } = column;
    match problem {
        Problem::Absent => missing(column, false),
        Problem::Null => missing(column, true),
        Problem::Blocked(token) => (
            Reason::WrongType,
            format!(
                "column `{name}`: expected an object around the field `{path}`, found {}",
                found(token, value)
            ),
        ),
        Problem::Misfit(token, misfit) => misread(column, &found(token, value), misfit),
    }
}

fn missing(column: &ColumnLabel, is_there: bool) -> (Reason, String) {
    let ColumnLabel { name, path, .. } = column;
    let message = if is_there {
        format!("column `{name}`: required, but the field `{path}` is null")
    } else {
        format!("column `{name}`: required, but the record has no field `{path}`")
    };
    (Reason::MissingRequired, message)
}

fn misread(column: &ColumnLabel, found: &str, misfit: Misfit) -> (Reason, String) {
    let ColumnLabel {
        name, type_name, ..
    } = column;
    let mut message = format!("column `{name}`: expected {type_name}, found {found}");
    if !misfit.which.is_empty() {
        let _ = write!(message, ", which {}", misfit.which); // Writing to a string cannot fail.
    }
    (misfit.reason, message)
}

/// A value, as a message shows it.
fn found(token: Token, value: &[u8]) -> String {
    let text = token.text(value);
    match token.kind {
        Kind::Text | Kind::RichText => found_text(text),
        Kind::Number => format!("the number {}", shortened(text)),
        Kind::Null => "null".to_owned(),
        Kind::True => "true".to_owned(),
        Kind::False => "false".to_owned(),
        Kind::Object | Kind::Array => name_of(token.kind).to_owned(),
    }
}

/// A text, as a message shows it.
pub(super) fn found_text(text: &[u8]) -> String {
    format!("the string \"{}\"", shortened(text))
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::True | Kind::False => "a boolean",
        Kind::Number => "a number",
        Kind::Text | Kind::RichText => "a string",
        Kind::Object => "an object",
        Kind::Array => "an array",
    }
}

/// The text, cut off after so many characters as are shown.
fn shortened(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

/// The character that begins at a byte, as a message shows it.
pub(super) fn byte_at(value: &[u8], at: usize) -> String {
    let rest = value.get(at..).unwrap_or_default();
    let rest = rest.get(..4).unwrap_or(rest);
    let character = rest.utf8_chunks().next().map(|chunk| chunk.valid());
    match character.and_then(|text| text.chars().next()) {
        None => "the end of the record".to_owned(),
        Some(character) if character.is_control() => format!("U+{:04X}", u32::from(character)),
        Some(character) => format!("`{character}`"),
    }
}
