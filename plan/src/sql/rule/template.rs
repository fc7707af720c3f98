//! A rule's message: text with SQL between braces.

use datafusion_sql::sqlparser::tokenizer::Location;

use super::fragment::{Fragment, Parameters};
use crate::sql::error::SqlError;

/// A part of a message.
#[derive(Debug, Clone)]
pub(super) enum Piece<V> {
    /// Text as it is.
    Text(String),
    /// The value of an expression.
    Value(V),
}

/// Reads a message: expressions with where they begin. `{{` and `}}` stand for braces.
pub(super) fn read(
    text: &str,
    parameters: &mut Parameters<'_>,
) -> Result<Vec<Piece<(Fragment, Location)>>, Vec<SqlError>> {
    let (mut pieces, mut errors) = (Vec::new(), Vec::new());
    let mut cursor = Cursor::new(text);
    while let Some(cut) = cursor.next_piece() {
        match cut {
            Ok(Cut::Text(text)) => pieces.push(Piece::Text(text)),
            Ok(Cut::Sql(sql, place)) => match Fragment::read(sql, parameters) {
                Ok(fragment) => pieces.push(Piece::Value((fragment, place))),
                Err(found) => errors.extend(found.into_iter().map(|error| moved(error, place))),
            },
            Err(error) => {
                errors.push(error);
                break;
            }
        }
    }
    match errors.is_empty() {
        true => Ok(pieces),
        false => Err(errors),
    }
}

/// An error of a fragment, where the fragment begins at a place of the text.
pub(super) fn moved(error: SqlError, begin: Location) -> SqlError {
    let column = match error.line {
        0 | 1 => error.column + begin.column - 1,
        _ => error.column,
    };
    SqlError {
        line: error.line.max(1) + begin.line - 1,
        column,
        ..error
    }
}

enum Cut<'t> {
    Text(String),
    Sql(&'t str, Location),
}

/// What is left of a text, and where it begins.
struct Cursor<'t> {
    left: &'t str,
    place: Location,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t str) -> Self {
        let place = Location { line: 1, column: 1 };
        Self { left: text, place }
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, left) = self.left.split_at_checked(bytes).unwrap_or((self.left, ""));
        for c in taken.chars() {
            match c {
                '\n' => {
                    self.place.line += 1;
                    self.place.column = 1;
                }
                _ => self.place.column += 1,
            }
        }
        self.left = left;
        taken
    }

    fn next_piece(&mut self) -> Option<Result<Cut<'t>, SqlError>> {
        if self.left.is_empty() {
            return None;
        }
        if self.left.starts_with('{') && !self.left.starts_with("{{") {
            return Some(self.sql());
        }
        Some(self.text().map(Cut::Text))
    }

    fn text(&mut self) -> Result<String, SqlError> {
        let mut text = String::new();
        while let Some(at) = self.left.find(['{', '}']) {
            text.push_str(self.take(at));
            let doubled = self.left.starts_with("{{") || self.left.starts_with("}}");
            match (doubled, self.left.starts_with('{')) {
                (true, _) => text.push_str(self.take(2).get(..1).unwrap_or_default()),
                (false, true) => return Ok(text),
                (false, false) => {
                    let error = SqlError::at(self.place, "this brace closes nothing");
                    return Err(error.hint("write }} for a brace"));
                }
            }
        }
        text.push_str(self.take(self.left.len()));
        Ok(text)
    }

    /// What is between braces. One within quotes is none.
    fn sql(&mut self) -> Result<Cut<'t>, SqlError> {
        let open = self.place;
        self.take(1);
        let begin = self.place;
        let mut quote = None;
        let end = self.left.char_indices().find_map(|(at, c)| {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, '}') => return Some(at),
                _ => {}
            }
            None
        });
        let Some(end) = end else {
            let error = SqlError::at(open, "this brace is not closed");
            return Err(error.hint("write } after the SQL, or {{ for a brace"));
        };
        let sql = self.take(end);
        self.take(1);
        Ok(Cut::Sql(sql, begin))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::collections::BTreeMap;

    use super::*;

    fn pieces(text: &str) -> Result<Vec<String>, Vec<SqlError>> {
        let none = BTreeMap::new();
        let pieces = read(text, &mut Parameters::new(&none))?;
        Ok(pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Value((fragment, at)) => {
                    format!("{}:{} {}", at.line, at.column, fragment.expr)
                }
            })
            .collect())
    }

    #[test]
    fn text_and_sql_are_told_apart() {
        let cases: [(&str, &[&str]); 7] = [
            ("plain", &["plain"]),
            ("{a}", &["1:2 a"]),
            ("{a} made {count(*)}", &["1:2 a", " made ", "1:11 count(*)"]),
            ("a {{b}} c", &["a {b} c"]),
            ("{concat('}', a)}!", &["1:2 concat('}', a)", "!"]),
            ("one\n two {a}", &["one\n two ", "2:7 a"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        for (text, line, column, message) in [
            ("a {b", 1, 3, "this brace is not closed"),
            ("a }", 1, 3, "this brace closes nothing"),
            ("a\nb {}", 2, 4, "there is no SQL"),
            (
                "a {b c}",
                1,
                6,
                "the condition ends here, and the text goes on",
            ),
            ("a {:x}", 1, 4, "there is no parameter `x`"),
        ] {
            let errors = pieces(text).unwrap_err();
            let [error] = errors.as_slice() else {
                panic!("{text}: {errors:?}")
            };
            assert_eq!(
                (error.line, error.column, error.message.as_str()),
                (line, column, message),
                "{text}"
            );
        }
    }
}
