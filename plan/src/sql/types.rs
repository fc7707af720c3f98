//! Types where the planner's own rules would surprise: numbers against floats, numbers against texts, constants that
//! have no value.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, Diagnostic, Result, ScalarValue};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::expr::{Between, InList};
use datafusion_expr::expr_rewriter::FunctionRewrite;
use datafusion_expr::{BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion_physical_expr::create_physical_expr;
use datafusion_physical_expr::expressions::{BinaryExpr as Operation, CastExpr, NegativeExpr, lit};

use crate::model::ExprRef;

/// A decimal next to a float becomes a float, where the planner would force the float into 15 digits after the point.
/// A number is not compared with a text, where the planner would compare both as texts.
#[derive(Debug)]
pub(crate) struct Strict;

impl FunctionRewrite for Strict {
    fn name(&self) -> &'static str {
        "strict_types"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        strict(expr, schema)
    }
}

/// Applies [`Strict`] to one operator.
pub(crate) fn strict(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if is_comparison(op) {
                check_comparison(&[&left, &right], schema)?;
            }
            let (left, right) = (*left, *right);
            let float = is_float(&left, schema) || is_float(&right, schema);
            let left = Box::new(approximate(left, float, schema)?);
            let right = Box::new(approximate(right, float, schema)?);
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr {
                left,
                op,
                right,
            })))
        }
        Expr::Between(Between {
            expr,
            negated,
            low,
            high,
        }) => {
            check_comparison(&[&expr, &low, &high], schema)?;
            let float = [&expr, &low, &high].iter().any(|e| is_float(e, schema));
            let expr = Box::new(approximate(*expr, float, schema)?);
            let low = Box::new(approximate(*low, float, schema)?);
            let high = Box::new(approximate(*high, float, schema)?);
            Ok(Transformed::yes(Expr::Between(Between {
                expr,
                negated,
                low,
                high,
            })))
        }
        Expr::InList(InList {
            expr,
            list,
            negated,
        }) => {
            let all: Vec<&Expr> = std::iter::once(expr.as_ref()).chain(&list).collect();
            check_comparison(&all, schema)?;
            let float = all.iter().any(|e| is_float(e, schema));
            let expr = Box::new(approximate(*expr, float, schema)?);
            let list = list
                .into_iter()
                .map(|e| approximate(e, float, schema))
                .collect::<Result<_>>()?;
            Ok(Transformed::yes(Expr::InList(InList {
                expr,
                list,
                negated,
            })))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn check_comparison(exprs: &[&Expr], schema: &DFSchema) -> Result<()> {
    let types: Vec<DataType> = exprs
        .iter()
        .filter_map(|e| e.get_type(schema).ok())
        .collect();
    let text =
        |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if types.iter().any(DataType::is_numeric) && types.iter().any(text) {
        let message = "a number is compared with a text";
        let diagnostic = Diagnostic::new_error(message, None).with_help(
            "write a number without quotes, or CAST the text to a number",
            None,
        );
        return Err(DataFusionError::Plan(message.into()).with_diagnostic(diagnostic));
    }
    Ok(())
}

fn is_float(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|t| t.is_floating())
}

/// The expression as a float, if one stands beside it.
fn approximate(expr: Expr, float: bool, schema: &DFSchema) -> Result<Expr> {
    if !float || !expr.get_type(schema).is_ok_and(|t| t.is_decimal()) {
        return Ok(expr);
    }
    match expr {
        Expr::Literal(value, metadata) => {
            Ok(Expr::Literal(value.cast_to(&DataType::Float64)?, metadata))
        }
        other => Ok(cast(other, DataType::Float64)),
    }
}

/// An expression over rows. A whole number that does not fit its type fails, where the planner's own arithmetic would go
/// on with a wrong one.
pub(crate) fn physical(expr: &Expr, input: &DFSchema) -> Result<ExprRef> {
    let expr = create_physical_expr(expr, input, &ExecutionProps::new())?;
    let checked = expr.transform_up(|expr| {
        let checked = if let Some(operation) = expr.as_any().downcast_ref::<Operation>() {
            operation.clone()
        } else if let Some(negative) = expr.as_any().downcast_ref::<NegativeExpr>()
            && let kind = negative.arg().data_type(input.as_arrow())?
            && kind.is_integer()
        {
            let zero = lit(ScalarValue::new_zero(&kind)?);
            Operation::new(zero, Operator::Minus, Arc::clone(negative.arg()))
        } else {
            return Ok(Transformed::no(expr));
        };
        let checked = checked.with_fail_on_overflow(true);
        Ok(Transformed::yes(Arc::new(checked) as ExprRef))
    })?;
    Ok(checked.data)
}

/// Constants that could not be folded have no value: better to know before every record fails.
pub(crate) fn check_constants(plan: &LogicalPlan) -> Result<()> {
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            check_constant(expr)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(())
}

/// The same for one expression.
pub(crate) fn check_constant(expr: &Expr) -> Result<()> {
    expr.apply(|expr| {
        if is_division_by_zero(expr) {
            return Err(ArrowError::DivideByZero.into());
        }
        let constant = match expr {
            Expr::Cast(Cast { expr, .. }) => is_literal(expr),
            Expr::BinaryExpr(BinaryExpr { left, right, .. }) => {
                is_literal(left) && is_literal(right)
            }
            _ => false,
        };
        if constant {
            evaluate(expr)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Floats divided by zero are infinite; all else fails, for every row.
fn is_division_by_zero(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr {
        op: Operator::Divide | Operator::Modulo,
        right,
        ..
    }) = expr
    else {
        return false;
    };
    let Expr::Literal(value, _) = right.as_ref() else {
        return false;
    };
    let zero = ScalarValue::new_zero(&value.data_type());
    !value.data_type().is_floating() && zero.is_ok_and(|zero| zero == *value)
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(..))
}

fn evaluate(expr: &Expr) -> Result<()> {
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let batch =
        RecordBatch::try_new_with_options(crate::model::empty_schema(), Vec::new(), &one_row)?;
    physical(expr, &DFSchema::empty())?
        .evaluate(&batch)
        .map(|_| ())
}

/// The rewrite as the analyzer takes it.
pub(crate) fn rewrite() -> Arc<dyn FunctionRewrite + Send + Sync> {
    Arc::new(Strict)
}

/// What is in a cast to a type that holds all its values, and keeps those apart that differ; else the expression itself.
pub(crate) fn widened<'e>(expr: &'e ExprRef, schema: &Schema) -> &'e ExprRef {
    let Some(cast) = expr.as_any().downcast_ref::<CastExpr>() else {
        return expr;
    };
    match cast.expr().data_type(schema) {
        Ok(from) if is_lossless(&from, cast.cast_type()) => cast.expr(),
        _ => expr,
    }
}

fn is_lossless(from: &DataType, to: &DataType) -> bool {
    let whole = |t: &DataType| match t {
        DataType::Int32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::Decimal128(digits, scale) => Some((i16::from(*digits), i16::from(*scale))),
        _ => None,
    };
    match (from, to) {
        (DataType::Int32, DataType::Int64 | DataType::Float64) => true,
        (_, DataType::Decimal128(..)) => match (whole(from), whole(to)) {
            (Some((digits, scale)), Some((of, to))) => {
                scale <= to && digits.saturating_sub(scale) <= of.saturating_sub(to)
            }
            _ => false,
        },
        _ => false,
    }
}
