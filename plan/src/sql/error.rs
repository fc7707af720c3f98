//! What is wrong with a query, where, and what to write instead.

use std::fmt;

use datafusion_common::{DataFusionError, SchemaError};
use datafusion_sql::sqlparser::parser::ParserError;
use datafusion_sql::sqlparser::tokenizer::{Location, Span};

use crate::names;

/// Something wrong in the text of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// The line in the text, from 1.
    pub line: u64,
    /// The column in that line, in characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SqlError {}

/// The start of a text.
pub(crate) const START: Location = Location { line: 1, column: 1 };

/// Where a span starts, if it is known.
pub(crate) fn start(span: Span) -> Option<Location> {
    (span.start.line > 0).then_some(span.start)
}

impl SqlError {
    pub(crate) fn at(place: Location, message: impl Into<String>) -> Self {
        Self {
            line: place.line.max(1),
            column: place.column.max(1),
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Something that the checks before should have caught, so that a user sees no more than that.
    pub(crate) fn internal(error: &DataFusionError) -> Self {
        Self::at(START, readable(error))
    }
}

/// The parser says the place at the end of its message.
pub(crate) fn from_parser(error: &ParserError) -> SqlError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return SqlError::at(START, "the query is nested too deeply");
        }
    };
    let (message, place) = split_place(text);
    SqlError::at(place.unwrap_or(START), lower_first(message))
}

fn split_place(text: &str) -> (&str, Option<Location>) {
    let Some((message, place)) = text.rsplit_once(" at Line: ") else {
        return (text, None);
    };
    let place = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location {
            line: line.trim().parse().ok()?,
            column: column.trim().parse().ok()?,
        })
    });
    (message, place)
}

/// What the planner found, and where if it says so.
pub(crate) struct Found {
    pub(crate) place: Option<Location>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// The first of the errors that the planner reports.
pub(crate) fn from_planner(error: &DataFusionError) -> Found {
    let first = error.iter().next().unwrap_or(error);
    let diagnostic = first.diagnostic();
    let place = diagnostic.and_then(|d| d.span).map(|span| Location {
        line: span.start.line,
        column: span.start.column,
    });
    if let DataFusionError::SchemaError(inner, _) = first.find_root() {
        if let Some((message, hint)) = schema_error(inner) {
            return Found {
                place,
                message,
                hint,
            };
        }
    }
    match diagnostic {
        Some(d) => Found {
            place,
            message: d.message.clone(),
            hint: d.helps.first().map(|help| lower_first(&help.message)),
        },
        None => Found {
            place,
            message: readable(first),
            hint: None,
        },
    }
}

fn schema_error(error: &SchemaError) -> Option<(String, Option<String>)> {
    match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let known = valid_fields.iter().map(|column| column.name.as_str());
            let table = field.relation.as_ref().filter(|table| {
                !valid_fields
                    .iter()
                    .any(|column| column.relation.as_ref() == Some(*table))
            });
            Some(match table {
                Some(table) if !valid_fields.is_empty() => (
                    format!("there is no table `{table}` in this query"),
                    Some(format!(
                        "write `{}` without it, or name the table so",
                        field.name
                    )),
                ),
                _ => (
                    format!("there is no column `{}`", field.name),
                    names::hint(&field.name, known),
                ),
            })
        }
        SchemaError::AmbiguousReference { field } => Some(duplicate(&field.name)),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => Some(duplicate(name)),
    }
}

fn duplicate(name: &str) -> (String, Option<String>) {
    (
        format!("two columns are named `{name}`"),
        Some("give one of them another name with AS".into()),
    )
}

/// The message without the layers' prefixes.
fn readable(error: &DataFusionError) -> String {
    let text = error.find_root().message();
    let text = text
        .split("\n\nbacktrace")
        .next()
        .unwrap_or_default()
        .trim();
    lower_first(text.lines().next().unwrap_or(text))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.into(),
    }
}
