//! How deep expressions are.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{Expr, Visit, Visitor};

use crate::sql::error::SqlError;
use crate::sql::parse::Tokens;

/// Deeper than this no honest expression is.
const MAX_DEPTH: usize = 100;

/// Refuses expressions so deep that what walks them could exhaust the stack.
pub(crate) fn check_depth(tree: &impl Visit, tokens: &Tokens) -> Result<(), SqlError> {
    match tree.visit(&mut Depth(0)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(SqlError::at(
            tokens.start(),
            format!("an expression is nested more than {MAX_DEPTH} deep"),
        )
        .hint("use IN (…) for many alternatives, or several streams")),
    }
}

struct Depth(usize);

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 > MAX_DEPTH {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 -= 1;
        ControlFlow::Continue(())
    }
}
