//! The functions that have a meaning with OVER alone, as the planner knows them.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, not_impl_err};
use datafusion_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawWindowExpr};
use datafusion_expr::{
    Expr, PartitionEvaluator, Signature, TypeSignature, Volatility, WindowFunctionDefinition,
    WindowUDF, WindowUDFImpl, lit,
};

/// Their names.
const OWN: &[&str] = &["first_value", "lag", "last_value", "row_number", FRESH];

/// Whether no row up to so many microseconds before was one for which this was true. It is for the queries that are made of
/// rules.
pub(super) const FRESH: &str = "tidemill_fresh";

/// A function that the planner knows by its type alone: the engine has the rest.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RowFunction {
    name: &'static str,
    signature: Signature,
}

/// The window function of a name, where it is no aggregate too.
pub(crate) fn function(name: &str) -> Option<Arc<WindowUDF>> {
    let lower = name.to_lowercase();
    let name = *OWN.iter().find(|own| **own == lower)?;
    let takes = match name {
        "row_number" => TypeSignature::Nullary,
        "lag" => TypeSignature::OneOf(vec![TypeSignature::Any(1), TypeSignature::Any(2)]),
        _ => TypeSignature::Any(1),
    };
    let signature = Signature::new(takes, Volatility::Immutable);
    Some(Arc::new(WindowUDF::from(RowFunction { name, signature })))
}

impl WindowUDFImpl for RowFunction {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        not_impl_err!("{} is evaluated by the engine", self.name)
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        let data_type = match arguments.get_input_field(0) {
            _ if self.name == FRESH => DataType::Boolean,
            Some(field) => field.data_type().clone(),
            None => DataType::Int64,
        };
        Ok(Arc::new(Field::new(arguments.name(), data_type, true)))
    }
}

/// Plans `count(*) OVER`: as `count(1)`.
#[derive(Debug)]
pub(crate) struct OverPlanner;

impl ExprPlanner for OverPlanner {
    fn plan_window(&self, mut call: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        #[expect(deprecated)]
        let rows = match call.args.as_slice() {
            [] => true,
            [argument] => matches!(argument, Expr::Wildcard { .. }),
            _ => false,
        };
        if rows
            && matches!(&call.func_def, WindowFunctionDefinition::AggregateUDF(f) if f.name() == "count")
        {
            call.args = vec![lit(1_i64)];
        }
        Ok(PlannerResult::Original(call))
    }
}
