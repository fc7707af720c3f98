//! Expressions: functions that a stream cannot call, and subqueries.

use datafusion_sql::sqlparser::ast::{
    Expr, Function, FunctionArgumentClause, FunctionArguments, Spanned, Value,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::Location;

use super::Walk;
use crate::names;
use crate::sql::error::{SqlError, start};
use crate::sql::functions::{self, Named};
use crate::sql::{over, window};

impl Walk<'_> {
    pub(super) fn expr(&mut self, expr: &Expr) {
        let place = start(expr.span()).unwrap_or(self.tokens.start());
        if let Expr::Identifier(name) = expr {
            self.outline.last_time |= name.value == window::LAST_TIME;
        }
        match expr {
            Expr::Function(function) => self.function(function),
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => self.refuse(
                place,
                "a subquery in an expression is not supported",
                "a subquery may stand in FROM; for a lookup, JOIN a table",
            ),
            Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_) => self.refuse(
                self.tokens.back_to(Keyword::BY, place),
                "ROLLUP, CUBE and GROUPING SETS are not supported",
                "write a stream for each grouping",
            ),
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => self.refuse(
                place,
                "a stream has no parameters",
                "write the value itself",
            ),
            _ => {}
        }
    }

    fn function(&mut self, function: &Function) {
        if self.table_functions.contains(&function.name.span()) {
            return;
        }
        let place = start(function.name.span()).unwrap_or(self.tokens.start());
        let written = function.name.to_string();
        if function.over.is_some() && !self.alone {
            self.errors.extend(over::check(function, place));
            return;
        }
        match functions::lookup(&written) {
            Named::Scalar => {}
            Named::Aggregate if self.alone => self.refuse(
                place,
                &format!("{written} needs a group, and here is one row"),
                "use a stream with GROUP BY",
            ),
            Named::Aggregate => self.ordered_call(function, &written, place),
            Named::Volatile => self.refuse(
                place,
                &format!("{written} gives another value each time, and a replay must give the same rows"),
                "use a column of the record, such as its event time",
            ),
            Named::Ordered => self.refuse(
                place,
                &format!("the result of {written} depends on the order of rows, which a stream does not fix"),
                "use min, max, count or another aggregate that does not",
            ),
            Named::Unknown => self.unknown(&written, place),
        }
    }

    fn unknown(&mut self, written: &str, place: Location) {
        if window::NAMES.contains(&written.to_uppercase().as_str()) {
            let message = format!("{written} is not a function of rows");
            self.refuse(
                place,
                &message,
                "write it in FROM: FROM TUMBLE(table, time column, INTERVAL '…')",
            );
        } else if !written.eq_ignore_ascii_case(window::DESCRIPTOR) {
            let error = SqlError::at(place, format!("there is no function `{written}`"));
            let near = names::nearest(written, functions::names());
            self.errors.push(match near {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(
                    "write it with the functions of SQL, such as coalesce, upper, round or date_trunc",
                ),
            });
        }
    }

    /// An aggregate over rows in a given order.
    fn ordered_call(&mut self, function: &Function, written: &str, place: Location) {
        let clauses = match &function.args {
            FunctionArguments::List(list) => list.clauses.as_slice(),
            _ => &[],
        };
        let ordered = clauses
            .iter()
            .any(|clause| !matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_)));
        if ordered || !function.within_group.is_empty() {
            let message = format!("{written} over ordered rows is not supported");
            self.refuse(place, &message, "leave out ORDER BY and WITHIN GROUP");
        }
    }
}
