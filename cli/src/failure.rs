//! What went wrong, as the person at the terminal reads it.

use std::fmt;
use std::process::ExitCode;

use tidemill_plan::manifest::Problem;

/// Why a command failed, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    /// Each with its place, to be told first.
    problems: Vec<Problem>,
}

impl Failure {
    /// Says what went wrong.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            problems: Vec::new(),
        }
    }

    /// Everything that is wrong with manifests.
    pub(crate) fn problems(problems: Vec<Problem>) -> Self {
        let count = problems.len();
        let message = if count == 1 {
            "one problem".to_owned()
        } else {
            format!("{count} problems")
        };
        Self {
            problems,
            ..Self::new(message)
        }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells it on standard error; exit code 1.
    pub(crate) fn report(self) -> ExitCode {
        crate::say(&self.to_string());
        ExitCode::FAILURE
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}
