//! What the planner is told: the tables that a query may read, and the functions that it may call.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, TableReference, plan_err};
use datafusion_expr::logical_plan::builder::LogicalTableSource;
use datafusion_expr::planner::{ContextProvider, ExprPlanner, RelationPlanner};
use datafusion_expr::{AggregateUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion_functions::core::planner::CoreFunctionPlanner;
use datafusion_functions::datetime::planner::DatetimeFunctionPlanner;
use datafusion_functions::unicode::planner::UnicodeFunctionPlanner;
use datafusion_functions_aggregate::planner::AggregateFunctionPlanner;
use datafusion_sql::planner::{NullOrdering, ParserOptions};

use super::over::{self, OverPlanner};
use super::window::WindowPlanner;
use super::{Relation, functions};

pub(crate) struct Context {
    tables: BTreeMap<String, Arc<dyn TableSource>>,
    options: ConfigOptions,
    expr_planners: Vec<Arc<dyn ExprPlanner>>,
    relation_planners: Vec<Arc<dyn RelationPlanner>>,
}

impl Context {
    /// Relations, and windows with their last microsecond among the columns, or without it.
    pub(crate) fn new(relations: &[Relation], last_time: bool) -> Self {
        let tables = relations.iter().map(|relation| {
            let source = LogicalTableSource::new(Arc::clone(&relation.schema));
            (
                relation.name.clone(),
                Arc::new(source) as Arc<dyn TableSource>,
            )
        });
        Self {
            tables: tables.collect(),
            options: ConfigOptions::default(),
            expr_planners: vec![
                Arc::new(CoreFunctionPlanner::default()),
                Arc::new(DatetimeFunctionPlanner),
                Arc::new(UnicodeFunctionPlanner),
                Arc::new(AggregateFunctionPlanner),
                Arc::new(OverPlanner),
            ],
            relation_planners: vec![Arc::new(WindowPlanner { last_time })],
        }
    }

    /// Names as they are written, decimals as they are written, strings as Utf8; what is null comes last, whichever way rows
    /// are ordered: the greatest of a window are those that have something, as in Flink and DuckDB.
    pub(crate) fn parser_options() -> ParserOptions {
        ParserOptions::new()
            .with_parse_float_as_decimal(true)
            .with_enable_ident_normalization(false)
            .with_map_string_types_to_utf8view(false)
            .with_collect_spans(true)
            .with_default_null_ordering(NullOrdering::NullsLast)
    }
}

impl ContextProvider for Context {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        match self.tables.get(name.table()) {
            Some(source) => Ok(Arc::clone(source)),
            None => plan_err!("there is no source or stream `{}`", name.table()),
        }
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.expr_planners
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relation_planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions::scalar(name)
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        functions::aggregate(name)
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        over::function(name)
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        functions::names().map(str::to_owned).collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
