//! Aggregate functions with their arguments.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::expr::{AggregateFunction, Alias, NullTreatment};
use datafusion_expr::{AggregateUDF, Expr};
use datafusion_physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};

use super::{Misfit, physical_all};
use crate::model::ExprRef;
use crate::sql::chain::columns;
use crate::sql::types::physical;

/// An aggregate function and its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) function: Arc<AggregateUDF>,
    pub(crate) arguments: Vec<ExprRef>,
    pub(crate) distinct: bool,
    pub(crate) ignore_nulls: bool,
    pub(crate) filter: Option<ExprRef>,
    /// Whether it tells if there is still something of its group.
    pub(crate) holds: bool,
    pub(crate) name: String,
}

impl Call {
    pub(crate) fn build(&self, rows: &SchemaRef) -> Result<AggregateFunctionExpr> {
        AggregateExprBuilder::new(Arc::clone(&self.function), self.arguments.clone())
            .schema(Arc::clone(rows))
            .alias(&self.name)
            .with_distinct(self.distinct)
            .with_ignore_nulls(self.ignore_nulls)
            .build()
    }

    pub(crate) fn data_type(&self, rows: &SchemaRef) -> Result<DataType> {
        Ok(self.build(rows)?.field().data_type().clone())
    }

    pub(crate) fn reads(&self) -> BTreeSet<usize> {
        let exprs = self.arguments.iter().chain(&self.filter);
        exprs.flat_map(columns).collect()
    }
}

pub(super) fn call(expr: &Expr, input: &DFSchema) -> std::result::Result<Call, Misfit> {
    let name = expr.schema_name().to_string();
    let mut expr = expr;
    while let Expr::Alias(Alias { expr: inner, .. }) = expr {
        expr = inner;
    }
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else {
        return Err(Misfit::Operator(name));
    };
    let filter = params
        .filter
        .as_ref()
        .map(|f| physical(f, input))
        .transpose()?;
    Ok(Call {
        function: Arc::clone(func),
        arguments: physical_all(&params.args, input)?,
        distinct: params.distinct,
        ignore_nulls: params.null_treatment == Some(NullTreatment::IgnoreNulls),
        filter,
        holds: false,
        name,
    })
}
