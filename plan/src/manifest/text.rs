//! The text of a file: its documents, and the place of a character of a scalar in it.

use super::problem::{Position, Problem};

/// A file that is read.
#[derive(Debug)]
pub(super) struct Source {
    /// Its name.
    pub(super) file: String,
    /// All of it.
    pub(super) text: String,
}

impl Source {
    pub(super) fn new(file: &str, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
        }
    }

    pub(super) fn problem(
        &self,
        at: Position,
        path: String,
        message: String,
        hint: Option<String>,
    ) -> Problem {
        Problem {
            file: self.file.clone(),
            line: at.line,
            column: at.column,
            path,
            message,
            hint,
        }
    }
}

/// A piece of a file that starts where a document does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    /// The lines before it.
    pub(super) lines: usize,
    /// The bytes before it.
    pub(super) bytes: usize,
}

/// The documents of a file, cut at the lines that start with `---`, so that one that is broken leaves the others whole.
pub(super) fn split_documents(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut start = Part {
        text,
        lines: 0,
        bytes: 0,
    };
    let mut bytes = 0;
    for (line_number, line) in text.split_inclusive('\n').enumerate() {
        if bytes > start.bytes && starts_document(line) {
            let (before, after) = start.text.split_at(bytes - start.bytes);
            parts.push(Part {
                text: before,
                ..start
            });
            start = Part {
                text: after,
                lines: line_number,
                bytes,
            };
        }
        bytes += line.len();
    }
    parts.push(start);
    parts
}

fn starts_document(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` or `>`: the content starts on the next line.
    Block,
}

/// Where the character at `target` (both counted from 1) of a scalar's value stands in the file.
///
/// The value is laid over its source character by character. White space is what the styles differ in: it is passed
/// over on both sides, so a target that is white space is placed just after what comes before it.
pub(super) fn locate(
    source: &str,
    start: Position,
    style: Style,
    value: &str,
    target: Position,
) -> Position {
    let mut cursor = Cursor {
        rest: source,
        at: start,
    };
    cursor.enter(style);
    let (mut line, mut column) = (1, 1);
    let mut after = cursor.at;
    for c in value.chars() {
        let reached = (line, column) >= (target.line, target.column);
        if !c.is_whitespace() {
            cursor.skip_whitespace(style);
        }
        if reached {
            return if c.is_whitespace() { after } else { cursor.at };
        }
        if !c.is_whitespace() {
            cursor.take(style);
            after = cursor.at;
        }
        (line, column) = if c == '\n' {
            (line + 1, 1)
        } else {
            (line, column + 1)
        };
    }
    after
}

struct Cursor<'a> {
    rest: &'a str,
    at: Position,
}

impl Cursor<'_> {
    /// Passes over what comes before the content.
    fn enter(&mut self, style: Style) {
        match style {
            Style::Plain => {}
            Style::SingleQuoted | Style::DoubleQuoted => {
                self.bump();
            }
            Style::Block => while self.bump().is_some_and(|c| c != '\n') {},
        }
    }

    fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        self.at = if c == '\n' {
            Position {
                line: self.at.line + 1,
                column: 1,
            }
        } else {
            Position {
                column: self.at.column + 1,
                ..self.at
            }
        };
        Some(c)
    }

    /// White space, also where an escape stands for it or joins two lines.
    fn skip_whitespace(&mut self, style: Style) {
        loop {
            let mut ahead = self.rest.chars();
            match ahead.next() {
                Some(c) if c.is_whitespace() => {
                    self.bump();
                }
                Some('\\')
                    if style == Style::DoubleQuoted
                        && ahead.next().is_some_and(is_white_escape) =>
                {
                    self.bump();
                    self.bump();
                }
                _ => return,
            }
        }
    }

    /// One character of the value, which may be written as more.
    fn take(&mut self, style: Style) {
        match (style, self.bump()) {
            (Style::SingleQuoted, Some('\'')) => {
                self.bump();
            }
            (Style::DoubleQuoted, Some('\\')) => {
                let digits = match self.bump() {
                    Some('x') => 2,
                    Some('u') => 4,
                    Some('U') => 8,
                    _ => 0,
                };
                for _ in 0..digits {
                    self.bump();
                }
            }
            _ => {}
        }
    }
}

fn is_white_escape(c: char) -> bool {
    matches!(
        c,
        'n' | 't' | 'r' | ' ' | '\n' | '\r' | '\t' | 'v' | 'f' | 'N' | '_' | 'L' | 'P'
    )
}
