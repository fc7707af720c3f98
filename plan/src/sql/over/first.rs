//! Of rows that are ranked, how many of the first are wanted: told by what becomes of their number.

use datafusion_common::ScalarValue;
use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{BinaryExpr, Literal};
use datafusion_physical_expr::split_conjunction;

use super::OverShape;
use crate::model::{ExprRef, Step};
use crate::sql::chain::column;

impl OverShape {
    /// The same, with how many of the first rows pass the steps after it. Before the results, rows have `width` columns.
    pub(crate) fn of_the_first(mut self, after: &[Step], width: usize) -> Self {
        let filters = after.iter().map_while(|step| match step {
            Step::Filter(predicate) => Some(predicate),
            Step::Project { .. } | Step::Lookup(_) | Step::Changes { .. } => None,
        });
        let numbers = width..width + self.calls.len();
        let least = filters
            .flat_map(split_conjunction)
            .filter_map(|condition| most(condition, |column| numbers.contains(&column)))
            .min();
        // All calls are row numbers where rows are ranked.
        self.first = least.filter(|_| !self.rank.is_empty());
        self
    }
}

/// The greatest number in one of these columns with which a condition can be true.
fn most(condition: &ExprRef, is_number: impl Fn(usize) -> bool) -> Option<u64> {
    let compared = condition.as_any().downcast_ref::<BinaryExpr>()?;
    column(compared.left()).filter(|&column| is_number(column))?;
    let limit = compared.right().as_any().downcast_ref::<Literal>()?;
    let &ScalarValue::Int64(Some(limit)) = limit.value() else {
        return None;
    };
    let most = match compared.op() {
        Operator::LtEq | Operator::Eq => limit,
        Operator::Lt => limit.saturating_sub(1),
        _ => return None,
    };
    Some(u64::try_from(most).unwrap_or(0))
}
