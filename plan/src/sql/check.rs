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
use datafusion_sql::sqlparser::tokenizer::Token;

use super::context::Context;
use super::error::{self, SqlError, from_parser};
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
    let parsed = parse(&tokens).map_err(|e| vec![e])?;
    refuse::check_depth(&parsed, &tokens).map_err(|e| vec![e])?;
    refuse::walk_expr(&parsed, &tokens)?;
    let failed = |failure: &DataFusionError| {
        let found = error::from_planner(failure);
        let place = found.place.unwrap_or(tokens.start());
        vec![SqlError {
            hint: found.hint,
            ..SqlError::at(place, found.message)
        }]
    };
    let schema = DFSchema::try_from(Arc::clone(schema)).map_err(|e| failed(&e))?;
    let expr = plan(parsed, &schema).map_err(|e| failed(&e))?;
    match expr.get_type(&schema).map_err(|e| failed(&e))? {
        DataType::Boolean => {}
        other => {
            let message = format!(
                "the check is not a condition: it gives {}",
                error::types_as_written(&other.to_string())
            );
            return Err(vec![
                SqlError::at(tokens.start(), message)
                    .hint("write a comparison, such as amount >= 0"),
            ]);
        }
    }
    types::physical(&expr, &schema).map_err(|e| failed(&e))
}

fn parse(tokens: &Tokens) -> Result<SqlExpr, SqlError> {
    let mut parser = tokens.parser();
    let expr = parser
        .parse_expr()
        .map_err(|e| from_parser(&e, tokens.end()))?;
    let rest = parser.peek_token();
    match rest.token {
        Token::EOF => Ok(expr),
        _ => Err(SqlError::at(
            rest.span.start,
            "the condition ends here, and the text goes on",
        )
        .hint("join conditions with AND or OR")),
    }
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
