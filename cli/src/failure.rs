//! What went wrong, as the person at the terminal reads it.

use std::process::ExitCode;

/// Why a command failed, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// Says what went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells it on standard error; exit code 1.
    pub fn report(self) -> ExitCode {
        crate::say(&format!("error: {}", self.message));
        if let Some(hint) = self.hint {
            crate::say(&format!("  hint: {hint}"));
        }
        ExitCode::FAILURE
    }
}
