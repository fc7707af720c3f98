//! Sums of whole numbers, in 128 bits: one that does not fit into the 64 of its result fails, where the planner's own sum
//! would go on with a wrong number.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use arrow::error::ArrowError;
use datafusion_common::{Result, internal_err};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;
use datafusion_physical_expr::aggregate::AggregateFunctionExpr;

/// The sum of each group.
pub(super) struct WholeSum {
    sums: Box<dyn GroupsAccumulator>,
}

impl WholeSum {
    /// The type of its state.
    pub(super) const STATE: DataType = DataType::Decimal128(38, 0);

    /// Whether a function is a sum of whole numbers.
    pub(super) fn is(function: &AggregateFunctionExpr) -> bool {
        function.fun().name() == "sum"
            && !function.is_distinct()
            && function.field().data_type() == &DataType::Int64
    }

    pub(super) fn new() -> Self {
        // It would take 2^64 of the largest numbers to go beyond 128 bits.
        let add = |sum: &mut i128, number: i128| *sum = sum.wrapping_add(number);
        let sums = PrimitiveGroupsAccumulator::<Decimal128Type, _>::new(&Self::STATE, add);
        Self {
            sums: Box::new(sums),
        }
    }
}

impl GroupsAccumulator for WholeSum {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        let Some(numbers) = values
            .first()
            .and_then(|v| v.as_primitive_opt::<Int64Type>())
        else {
            return internal_err!("a sum of whole numbers is over Int64");
        };
        let wide = numbers
            .unary::<_, Decimal128Type>(i128::from)
            .with_precision_and_scale(38, 0)?;
        self.sums
            .update_batch(&[Arc::new(wide)], groups, filter, total)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.sums.merge_batch(values, groups, filter, total)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.sums.state(emit_to)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.sums.evaluate(emit_to)?;
        let Some(sums) = sums.as_primitive_opt::<Decimal128Type>() else {
            return internal_err!("a sum of whole numbers is kept in 128 bits");
        };
        let fit = |sum| {
            let misfit = |_| ArrowError::ArithmeticOverflow(format!("a sum of {sum} is too large"));
            i64::try_from(sum).map_err(misfit)
        };
        Ok(Arc::new(sums.try_unary::<_, Int64Type, ArrowError>(fit)?))
    }

    fn size(&self) -> usize {
        self.sums.size()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::Int64Array;

    use super::*;

    fn numbers(of: &[Option<i64>]) -> [ArrayRef; 1] {
        [Arc::new(Int64Array::from(of.to_vec()))]
    }

    #[test]
    fn only_the_result_has_to_fit() {
        let mut sum = WholeSum::new();
        let over = [Some(i64::MAX), Some(1), Some(-1), None];
        sum.update_batch(&numbers(&over), &[0, 0, 0, 1], None, 2)
            .unwrap();
        let states = sum.state(EmitTo::All).unwrap();
        assert_eq!(states[0].data_type(), &WholeSum::STATE);
        let mut merged = WholeSum::new();
        merged.merge_batch(&states, &[0, 1], None, 2).unwrap();
        let found = merged.evaluate(EmitTo::All).unwrap();
        let wanted = Int64Array::from(vec![Some(i64::MAX), None]);
        assert_eq!(found.as_primitive::<Int64Type>(), &wanted);
    }

    #[test]
    fn a_sum_that_does_not_fit_fails() {
        for (number, of) in [
            (i64::MAX, "9223372036854775808"),
            (i64::MIN, "-9223372036854775809"),
        ] {
            let mut sum = WholeSum::new();
            let numbers = numbers(&[Some(number), Some(number.signum())]);
            sum.update_batch(&numbers, &[0, 0], None, 1).unwrap();
            let error = sum.evaluate(EmitTo::All).unwrap_err().to_string();
            assert!(
                error.contains(&format!("a sum of {of} is too large")),
                "{error}"
            );
        }
    }
}
