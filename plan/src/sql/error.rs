//! What is wrong with a query, where, and what to write instead.

use std::fmt;

use datafusion_common::{Column, DataFusionError, SchemaError};
use datafusion_sql::sqlparser::parser::ParserError;
use datafusion_sql::sqlparser::tokenizer::{Location, Span, TokenizerError};

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

/// The parser says the place at the end of its message, unless that is the end of the text.
pub(crate) fn from_parser(error: &ParserError, end: Location) -> SqlError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return SqlError::at(START, "the query is nested too deeply");
        }
    };
    let (message, place) = split_place(text);
    let message = message
        .strip_suffix("found: EOF")
        .map_or(message.to_owned(), |before| {
            format!("{before}found: the end of the text")
        });
    SqlError::at(place.unwrap_or(end), lower_first(&message))
}

/// What cannot be cut into words.
pub(crate) fn from_tokenizer(error: &TokenizerError) -> SqlError {
    let found = SqlError::at(error.location, lower_first(&error.message));
    match found.message.strip_prefix("unterminated ") {
        Some(what) => {
            let hint = format!("close the {what}");
            found.hint(hint)
        }
        None => found,
    }
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
    /// The name that two columns have, if that is it.
    pub(crate) duplicate: Option<String>,
}

/// Two columns of one name, the second of them here.
pub(crate) fn duplicate_column(place: Location, name: &str) -> SqlError {
    SqlError::at(place, format!("two columns are named `{name}`"))
        .hint("give one of them another name with AS")
}

/// The first of the errors that the planner reports.
pub(crate) fn from_planner(error: &DataFusionError) -> Found {
    let first = error.iter().next().unwrap_or(error);
    let diagnostic = first.diagnostic();
    let mut found = Found {
        place: diagnostic.and_then(|d| d.span).map(|span| Location {
            line: span.start.line,
            column: span.start.column,
        }),
        message: readable(first),
        hint: diagnostic
            .and_then(|d| d.helps.first())
            .map(|help| lower_first(&help.message)),
        duplicate: None,
    };
    match first.find_root() {
        DataFusionError::SchemaError(inner, _) => found.schema_error(inner),
        DataFusionError::Plan(text) if text.starts_with(NOT_UNIQUE) => {
            let second = text.split("\" at position ").nth(1);
            let second = second.and_then(|rest| rest.split_once("and \""));
            found.duplicate = second.map(|(_, expr)| last_name(expr).to_owned());
        }
        _ => {}
    }
    found.usual();
    let ungrouped = diagnostic.and_then(|d| d.message.split_once(NOT_GROUPED));
    if let Some((column, _)) = ungrouped {
        let column = last_name(column.trim_matches('\''));
        found.message = format!("`{column}` is neither grouped by nor aggregated");
        found.hint = Some("add it to GROUP BY, or use an aggregate such as max".into());
    }
    found
}

/// A call with arguments that the function does not take; the planner goes through all that it would.
fn wrong_arguments(message: &str) -> Option<String> {
    if let Some((_, rest)) = message.split_once("argument types '") {
        let call = rest.split('\'').next().unwrap_or(rest);
        return Some(format!("there is no `{call}`: it takes other arguments"));
    }
    let (_, rest) = message.split_once("Function '")?;
    let (name, rest) = rest.split_once("' failed to match any signature")?;
    let given = rest
        .split("but received ")
        .find_map(|it| it.split_once(" (DataType"));
    Some(match given {
        Some((given, _)) => format!("{name} does not take a {given}"),
        None => format!("{name} does not take so many arguments"),
    })
}

const NOT_BOOLEAN: &str = "cannot create filter with non-boolean predicate ";
const NOT_UNIQUE: &str = "Projections require unique expression names";
const NOT_GROUPED: &str = " must appear in GROUP BY clause";

/// The name that an expression gives its column.
fn last_name(expr: &str) -> &str {
    let name = expr.rsplit(" AS ").next().unwrap_or(expr);
    name.rsplit('.').next().unwrap_or(name)
}

impl Found {
    /// Messages of the planner that do not say what to do.
    fn usual(&mut self) {
        let coerced = self
            .message
            .strip_prefix("cannot coerce arithmetic expression ");
        let coerced = coerced.and_then(|rest| rest.strip_suffix(" to valid types"));
        if let Some(expression) = coerced {
            self.message = format!("there is no `{expression}`");
            self.hint = Some("CAST one side to the type of the other".into());
        } else if self.message.eq_ignore_ascii_case("divide by zero error") {
            self.message = "a division by zero".into();
            self.hint = Some("write another divisor".into());
        } else if let Some((_, given)) = self.message.split_once(NOT_BOOLEAN) {
            let given = given.rsplit(" returning ").next().unwrap_or(given);
            self.message = format!("the condition is none: it gives {given}");
            self.hint = Some("write a comparison, such as amount > 0".into());
        } else if self.message.starts_with("cast error: ") {
            self.hint = Some("correct the value, or the type".into());
        } else if let Some(message) = wrong_arguments(&self.message) {
            self.message = message;
            self.hint = Some("give it others, or CAST them to the types that it takes".into());
        }
    }

    fn schema_error(&mut self, error: &SchemaError) {
        match error {
            SchemaError::FieldNotFound {
                field,
                valid_fields,
            } => {
                self.missing_column(field, valid_fields);
            }
            SchemaError::AmbiguousReference { field } => self.duplicate = Some(field.name.clone()),
            SchemaError::DuplicateQualifiedField { name, .. }
            | SchemaError::DuplicateUnqualifiedField { name } => {
                self.duplicate = Some(name.clone())
            }
        }
    }

    fn missing_column(&mut self, field: &Column, valid: &[Column]) {
        let strange = field.relation.as_ref().filter(|table| {
            !valid.is_empty()
                && valid
                    .iter()
                    .all(|column| column.relation.as_ref() != Some(*table))
        });
        (self.message, self.hint) = match strange {
            Some(table) => (
                format!("there is no table `{table}` in this query"),
                Some(format!(
                    "write `{}` without it, or name the table so",
                    field.name
                )),
            ),
            None => (
                format!("there is no column `{}`", field.name),
                names::hint(&field.name, valid.iter().map(|column| column.name.as_str())),
            ),
        };
    }
}

/// The message without the layers' prefixes, and without the syntax tree that some end with.
fn readable(error: &DataFusionError) -> String {
    let text = error.find_root().message().into_owned();
    let line = text.lines().next().unwrap_or_default();
    let line = match line.split_once(" { ") {
        Some((before, _)) => before
            .rsplit_once(' ')
            .map_or(before, |(message, _)| message),
        None => line,
    };
    lower_first(&types_as_written(line.trim()))
}

/// The names of Arrow's types, as messages have them, are not those that a manifest has.
#[must_use]
pub fn types_as_written(text: &str) -> String {
    const NAMES: [(&str, &str); 8] = [
        ("Decimal128(", "Decimal("),
        ("Timestamp(Microsecond, None)", "Timestamp"),
        ("Timestamp(µs)", "Timestamp"),
        ("LargeUtf8", "String"),
        ("Utf8View", "String"),
        ("Utf8", "String"),
        ("Date32", "Date"),
        ("Interval(MonthDayNano)", "Interval"),
    ];
    let rename = |text: String, (arrow, ours): (&str, &str)| text.replace(arrow, ours);
    NAMES.into_iter().fold(text.to_owned(), rename)
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
