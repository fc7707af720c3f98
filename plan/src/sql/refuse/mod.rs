//! What a stream cannot do, found in the syntax tree before anything is planned, all at once.

mod depth;
mod expr;
mod from;
mod query;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{Expr, Ident, ObjectName, Query, TableFactor, Visit, Visitor};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Span};

pub(crate) use self::depth::check_depth;
use super::error::{SqlError, start};
use super::parse::Tokens;

/// What the walk learned about a query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    /// The tables that are read, other than its own CTEs.
    pub(crate) reads: Vec<(String, Location)>,
    /// The time columns of window table functions, and where they stand.
    pub(crate) window_times: Vec<(String, Location)>,
    /// Where windows by count stand.
    pub(crate) counts: Vec<Location>,
    /// Whether it names the last microsecond of windows.
    pub(crate) last_time: bool,
}

/// Checks a query.
pub(crate) fn walk(query: &Query, tokens: &Tokens) -> Result<Outline, Vec<SqlError>> {
    let mut walk = Walk::new(tokens);
    let _: ControlFlow<()> = query.visit(&mut walk);
    walk.finish()
}

/// Checks an expression that stands by itself.
pub(crate) fn walk_expr(expr: &Expr, tokens: &Tokens) -> Result<(), Vec<SqlError>> {
    let mut walk = Walk::new(tokens);
    walk.alone = true;
    let _: ControlFlow<()> = expr.visit(&mut walk);
    walk.finish().map(|_| ())
}

struct Walk<'a> {
    tokens: &'a Tokens,
    errors: Vec<SqlError>,
    outline: Outline,
    ctes: BTreeSet<String>,
    /// The calls in FROM that are no functions of rows.
    table_functions: Vec<Span>,
    /// Whether there is no query around: no aggregates then.
    alone: bool,
}

impl<'a> Walk<'a> {
    fn new(tokens: &'a Tokens) -> Self {
        Self {
            tokens,
            errors: Vec::new(),
            outline: Outline::default(),
            ctes: BTreeSet::new(),
            table_functions: Vec::new(),
            alone: false,
        }
    }

    fn finish(mut self) -> Result<Outline, Vec<SqlError>> {
        if self.errors.is_empty() && self.outline.reads.is_empty() && !self.alone {
            let place = self.tokens.start();
            self.refuse(
                place,
                "the query reads nothing but itself",
                "give the WITH query another name than what it reads",
            );
        }
        if self.errors.is_empty() {
            return Ok(self.outline);
        }
        self.errors.sort_by_key(|e| (e.line, e.column));
        self.errors.dedup();
        Err(self.errors)
    }

    fn refuse(&mut self, place: Location, message: &str, hint: &str) {
        self.errors.push(SqlError::at(place, message).hint(hint));
    }

    /// Refuses a clause whose keyword stands before `inside`.
    fn refuse_clause(&mut self, keyword: Keyword, inside: Span, message: &str, hint: &str) {
        let inside = start(inside).unwrap_or(Location {
            line: u64::MAX,
            column: 0,
        });
        let place = self.tokens.back_to(keyword, inside);
        let place = if place.line == u64::MAX {
            self.tokens.start()
        } else {
            place
        };
        self.refuse(place, message, hint);
    }
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.query(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.factor(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.expr(expr);
        ControlFlow::Continue(())
    }
}

/// A name without dots.
pub(crate) fn simple(name: &ObjectName) -> Option<&Ident> {
    match name.0.as_slice() {
        [part] => part.as_ident(),
        _ => None,
    }
}
