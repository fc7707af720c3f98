//! What is wrong with a manifest, and where.

use std::fmt;

use crate::sql::SqlError;

/// Something wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanProblem {
    /// The field: `spec.streams[1].sql`. For another resource than the pipeline, its kind and name before that.
    pub path: String,
    /// Where in the text of the field, if that is SQL.
    pub position: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Whether nothing is wrong but that this version does nothing with the field yet.
    pub not_yet: bool,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
}

impl fmt::Display for PlanProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ", line {line}, column {column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<PlanProblem>);

impl Problems {
    pub(super) fn add(
        &mut self,
        path: impl Into<String>,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.0.push(PlanProblem {
            path: path.into(),
            position: None,
            message: message.into(),
            hint,
            not_yet: false,
        });
    }

    /// Something that is not supported yet.
    pub(super) fn not_yet(&mut self, path: impl Into<String>, what: &str, hint: &str) {
        self.0.push(PlanProblem {
            path: path.into(),
            position: None,
            message: format!("{what} not supported yet"),
            hint: Some(hint.to_owned()),
            not_yet: true,
        });
    }

    pub(super) fn add_sql(&mut self, path: &str, errors: impl IntoIterator<Item = SqlError>) {
        self.0.extend(errors.into_iter().map(|error| PlanProblem {
            path: path.to_owned(),
            position: Some(Position {
                line: error.line,
                column: error.column,
            }),
            message: error.message,
            hint: error.hint,
            not_yet: false,
        }));
    }

    pub(super) fn into_result(self) -> Result<(), Vec<PlanProblem>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }
}
