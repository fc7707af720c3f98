//! `COUNT_WINDOW(s, n)`: each `n` rows of a group are a window, in the order of their event time.
//!
//! In which window a row is, is up to the other rows of its group. So rows get columns that stand for the bounds, and only
//! a grouping may use these, which makes functions over rows of itself: see [`over`](super::over).

use std::any::Any;
use std::sync::LazyLock;

use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::planner::RelationPlannerContext;
use datafusion_expr::{
    ColumnarValue, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_physical_expr::ScalarFunctionExpr;
use datafusion_sql::sqlparser::ast::{Expr as SqlExpr, Ident, ObjectName, Spanned, Value};
use datafusion_sql::sqlparser::tokenizer::{Location, Span};

use super::error::{SqlError, start};
use super::window::{Bound, MICROS, check_bounds, table, with_bounds};
use crate::model::ExprRef;

/// Its name.
pub(crate) const NAME: &str = "COUNT_WINDOW";

/// A call, as written.
pub(crate) struct CountCall {
    pub(crate) table: Ident,
    rows: u32,
}

impl CountCall {
    /// Reads a call; `None` if it is of another function.
    pub(crate) fn read(
        name: &ObjectName,
        arguments: &[&SqlExpr],
    ) -> Option<std::result::Result<Self, SqlError>> {
        if !name.to_string().eq_ignore_ascii_case(NAME) {
            return None;
        }
        let place = start(name.span()).unwrap_or(Location { line: 1, column: 1 });
        let usage = || {
            let message = format!("{NAME} takes a table, and how many of its rows are a window");
            SqlError::at(place, message).hint(format!("write {NAME}(transactions, 10)"))
        };
        Some(Self::of(arguments).ok_or_else(usage))
    }

    fn of(arguments: &[&SqlExpr]) -> Option<Self> {
        let [SqlExpr::Identifier(table), SqlExpr::Value(rows)] = arguments else {
            return None;
        };
        let Value::Number(rows, _) = &rows.value else {
            return None;
        };
        let rows = rows.to_string().parse().ok().filter(|rows| *rows > 0)?;
        Some(Self {
            table: table.clone(),
            rows,
        })
    }

    /// The rows of the table, with columns that stand for the bounds of their windows.
    pub(crate) fn plan(
        self,
        last_time: bool,
        place: Span,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<LogicalPlan> {
        let (name, rows) = (self.table.value.clone(), self.rows);
        let input = context.plan(table(self.table))?;
        check_bounds(&input, NAME, place)?;
        let bound = |bound: Bound| {
            let call = ScalarUDF::new_from_impl(CountBound { rows, bound }).call(Vec::new());
            call.alias(bound.column())
        };
        with_bounds(input, name, last_time, bound)
    }
}

/// What stands for a bound of the window of `rows` rows that a row is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CountBound {
    pub(crate) rows: u32,
    pub(crate) bound: Bound,
}

impl CountBound {
    /// The one that an expression is.
    pub(crate) fn in_expr(expr: &ExprRef) -> Option<Self> {
        let call = expr.as_any().downcast_ref::<ScalarFunctionExpr>()?;
        Self::of(call.fun())
    }

    /// The one that a function is.
    pub(crate) fn of(function: &ScalarUDF) -> Option<Self> {
        function.inner().as_any().downcast_ref().copied()
    }
}

/// Volatile, so that nobody evaluates it beforehand.
static NOTHING: LazyLock<Signature> = LazyLock::new(|| Signature::nullary(Volatility::Volatile));

impl ScalarUDFImpl for CountBound {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.bound.column()
    }

    fn signature(&self) -> &Signature {
        &NOTHING
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(MICROS)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        datafusion_common::internal_err!("such a window is not known by one row")
    }
}
