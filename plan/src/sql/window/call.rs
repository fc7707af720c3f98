//! Calls of window table functions, as they are written.

use datafusion_sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Spanned, TableFactor,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::{DESCRIPTOR, NAMES};
use crate::model::{Micros, WindowKind};
use crate::sql::error::{SqlError, start};
use crate::sql::parse::is_keyword;
use crate::sql::refuse::simple;

/// A window table function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WindowFunction {
    Tumble,
    Hop,
    Cumulate,
    Session,
}

impl WindowFunction {
    const ALL: [Self; 4] = [Self::Tumble, Self::Hop, Self::Cumulate, Self::Session];

    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|f| f.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tumble => "TUMBLE",
            Self::Hop => "HOP",
            Self::Cumulate => "CUMULATE",
            Self::Session => "SESSION",
        }
    }

    /// What it takes after the time column, and how that is written.
    pub(super) fn lengths(self) -> (&'static str, &'static str) {
        match self {
            Self::Tumble => ("a length", "INTERVAL '10' SECOND"),
            Self::Hop => (
                "a slide and a length",
                "INTERVAL '10' SECOND, INTERVAL '1' MINUTE",
            ),
            Self::Cumulate => (
                "a step and a length",
                "INTERVAL '10' SECOND, INTERVAL '1' MINUTE",
            ),
            Self::Session => ("a gap", "INTERVAL '30' MINUTE"),
        }
    }

    /// The windows of these lengths.
    pub(super) fn kind(self, lengths: &[Micros]) -> Result<WindowKind, String> {
        let (parts, size, of) = match (self, lengths) {
            (Self::Tumble, &[size]) => return Ok(WindowKind::Tumble { size }),
            (Self::Session, &[gap]) => return Ok(WindowKind::Session { gap }),
            (Self::Hop, &[slide, size]) => (slide, size, "slides"),
            (Self::Cumulate, &[step, size]) => (step, size, "steps"),
            _ => return Err(format!("{} takes other lengths", self.name())),
        };
        if parts <= 0 || size % parts != 0 {
            return Err(format!("the length is not a whole number of {of}"));
        }
        Ok(match self {
            Self::Cumulate => WindowKind::Cumulate { step: parts, size },
            _ => WindowKind::Hop { slide: parts, size },
        })
    }
}

/// A call of a window table function, as written.
pub(crate) struct WindowCall {
    pub(super) function: WindowFunction,
    pub(crate) table: Ident,
    pub(crate) time: Ident,
    pub(super) lengths: Vec<Expr>,
}

impl WindowCall {
    /// Reads a call; `None` if it is of no window table function that there is.
    pub(crate) fn read(name: &ObjectName, arguments: &[&Expr]) -> Option<Result<Self, SqlError>> {
        let function = WindowFunction::named(&name.to_string())?;
        let place = start(name.span()).unwrap_or(Location { line: 1, column: 1 });
        Some(Self::of(function, arguments, place))
    }

    fn of(
        function: WindowFunction,
        arguments: &[&Expr],
        place: Location,
    ) -> Result<Self, SqlError> {
        let usage = || {
            let (name, (lengths, written)) = (function.name(), function.lengths());
            let message = format!("{name} takes a table, its time column and {lengths}");
            SqlError::at(place, message).hint(format!("write {name}(transactions, ts, {written})"))
        };
        let [Expr::Identifier(table), time, lengths @ ..] = arguments else {
            return Err(usage());
        };
        let (written, Some(time)) = (lengths.len(), time_column(time)) else {
            return Err(usage());
        };
        let wanted = match function {
            WindowFunction::Tumble | WindowFunction::Session => 1,
            WindowFunction::Hop | WindowFunction::Cumulate => 2,
        };
        if written != wanted {
            return Err(usage());
        }
        Ok(Self {
            function,
            table: table.clone(),
            time: time.clone(),
            lengths: lengths.iter().map(|&length| length.clone()).collect(),
        })
    }
}

/// `ts` or `DESCRIPTOR(ts)`.
fn time_column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        Expr::Function(function)
            if simple(&function.name)?
                .value
                .eq_ignore_ascii_case(DESCRIPTOR) =>
        {
            match arguments(&function.args)?.as_slice() {
                [Expr::Identifier(name)] => Some(name),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The name and arguments of a table function in FROM, in either of its spellings.
pub(crate) fn call(factor: &TableFactor) -> Option<(&ObjectName, Vec<&Expr>)> {
    match factor {
        TableFactor::Table {
            name,
            args: Some(args),
            ..
        } => Some((name, plain(&args.args))),
        TableFactor::Function { name, args, .. } => Some((name, plain(args))),
        TableFactor::TableFunction {
            expr: Expr::Function(function),
            ..
        } => Some((
            &function.name,
            arguments(&function.args).unwrap_or_default(),
        )),
        _ => None,
    }
}

fn arguments(arguments: &FunctionArguments) -> Option<Vec<&Expr>> {
    match arguments {
        FunctionArguments::List(list) => Some(plain(&list.args)),
        _ => None,
    }
}

fn plain(arguments: &[FunctionArg]) -> Vec<&Expr> {
    let exprs = arguments.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    exprs.collect()
}

/// Takes the word TABLE out of `TUMBLE(TABLE t, …`, which the parser does not know.
pub(crate) fn plain_table_arguments(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let is_table_argument = |i: usize| {
        let before = i.checked_sub(2).and_then(|start| tokens.get(start..=i));
        let Some([name, paren, table]) = before else {
            return false;
        };
        matches!(&name.token, Token::Word(word) if NAMES.contains(&word.value.to_uppercase().as_str()))
            && paren.token == Token::LParen
            && is_keyword(&table.token, Keyword::TABLE)
            && matches!(tokens.get(i + 1).map(|t| &t.token), Some(Token::Word(_)))
    };
    let kept = tokens
        .iter()
        .enumerate()
        .filter(|(i, _)| !is_table_argument(*i));
    kept.map(|(_, token)| token.clone()).collect()
}
