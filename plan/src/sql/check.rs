//! A condition on the rows of one table.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion_common::tree_node::TreeNode;
use datafusion_common::{DFSchema, DataFusionError};
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{Expr, ExprSchemable};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast::Expr as SqlExpr;

use super::context::Context;
use super::error::{self, SqlError};
use super::parse::Tokens;
use super::{refuse, types};
use crate::model::ExprRef;

/// Plans a condition such as `amount >= 0` over the columns of a schema.
///
/// # Errors
/// What is wrong with it: most of all, that it is not a condition.
pub fn plan_check(text: &str, schema: &SchemaRef) -> Result<ExprRef, Vec<SqlError>> {
    super::with_room(|| checked(text, schema))
}

fn checked(text: &str, schema: &SchemaRef) -> Result<ExprRef, Vec<SqlError>> {
    let tokens = Tokens::read(text).map_err(|e| vec![e])?;
    let parsed = tokens.expression().map_err(|e| vec![e])?;
    refuse::check_depth(&parsed, &tokens).map_err(|e| vec![e])?;
    let (expr, data_type) = plan_expr(parsed, &tokens, schema)?;
    if data_type == DataType::Boolean {
        return Ok(expr);
    }
    let message = format!(
        "the check is not a condition: it gives {}",
        error::types_as_written(&data_type.to_string())
    );
    let error = SqlError::at(tokens.start(), message);
    Err(vec![error.hint("write a comparison, such as amount >= 0")])
}

/// Plans an expression over the columns of a schema, and says of which type it is.
pub(super) fn plan_expr(
    expr: SqlExpr,
    tokens: &Tokens,
    schema: &SchemaRef,
) -> Result<(ExprRef, DataType), Vec<SqlError>> {
    refuse::walk_expr(&expr, tokens)?;
    let planned = || {
        let schema = DFSchema::try_from(Arc::clone(schema))?;
        let expr = plan(expr, &schema)?;
        let data_type = expr.get_type(&schema)?;
        Ok((types::physical(&expr, &schema)?, data_type))
    };
    planned().map_err(|failure: DataFusionError| {
        let found = error::from_planner(&failure);
        let place = found.place.unwrap_or(tokens.start());
        vec![SqlError {
            hint: found.hint,
            ..SqlError::at(place, found.message)
        }]
    })
}

fn plan(expr: SqlExpr, schema: &DFSchema) -> Result<Expr, DataFusionError> {
    let context = Context::new(&[], false);
    let planner = SqlToRel::new_with_options(&context, Context::parser_options());
    let expr = planner.sql_to_expr(expr, schema, &mut PlannerContext::new())?;
    let simplify = SimplifyContext::default().with_schema(Arc::new(schema.clone()));
    let simplifier = ExprSimplifier::new(simplify);
    let expr = expr.transform_up(|expr| types::strict(expr, schema))?.data;
    let expr = simplifier.simplify(simplifier.coerce(expr, schema)?)?;
    types::check_constant(&expr)?;
    Ok(expr)
}
