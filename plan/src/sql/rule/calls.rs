//! The calls of a rule: what it asks of all the rows of its window, such as `count(*)`.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{Expr, Function, Ident, Spanned, VisitMut, VisitorMut};
use datafusion_sql::sqlparser::tokenizer::Location;

use crate::sql::error::{START, SqlError, start};
use crate::sql::functions::{self, Named};
use crate::sql::over;

/// A call as it is written, and where that is.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) text: String,
    pub(super) place: Location,
}

/// Takes the calls out of an expression. In the place of each stays a column that is named by its text: rules that make the
/// same call read the same column.
pub(super) fn take(expr: &mut Expr) -> Result<Vec<Call>, Vec<SqlError>> {
    let mut taker = Taker::default();
    let _: ControlFlow<()> = expr.visit(&mut taker);
    match taker.errors.is_empty() {
        true => Ok(taker.calls),
        false => Err(taker.errors),
    }
}

#[derive(Default)]
struct Taker {
    calls: Vec<Call>,
    errors: Vec<SqlError>,
}

impl VisitorMut for Taker {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = &*expr else {
            return ControlFlow::Continue(());
        };
        let place = start(function.name.span()).unwrap_or(START);
        if function.over.is_some() {
            let error = SqlError::at(place, "OVER has no place in a rule");
            let hint = "its window and partitionBy say over which rows: leave OVER out";
            self.errors.push(error.hint(hint));
        } else if is_call(function) {
            let text = expr.to_string();
            let column = Ident::with_quote_and_span('"', expr.span(), text.clone());
            self.calls.push(Call { text, place });
            *expr = Expr::Identifier(column);
        }
        ControlFlow::Continue(())
    }
}

fn is_call(function: &Function) -> bool {
    let name = function.name.to_string();
    let aggregate = matches!(functions::lookup(&name), Named::Aggregate | Named::Ordered);
    aggregate || over::function(&name).is_some()
}
