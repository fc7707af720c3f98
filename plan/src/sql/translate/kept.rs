//! WHERE behind `SESSION` and `COUNT_WINDOW`. Rows decide where such windows begin and end, those that WHERE leaves out among them:
//! it comes after the windows are opened. So it is a condition of each function of a window, and a window of which it keeps no
//! row has no result.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::Result;
use datafusion_expr::Operator;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_physical_expr::expressions::{Column, binary, lit};

use super::{Call, Misfit, Shape};
use crate::model::{ExprRef, WindowKind};
use crate::sql::chain::{Origin, as_they_are, field, names};

/// The column that says whether a row is kept, and that of how many of a window are.
const KEPT: &str = "kept";

impl Shape {
    /// Whether windows are open over the rows whose bounds other rows decide.
    pub(super) fn rows_decide_windows(&self) -> bool {
        let decided = |origin: &Origin| match origin {
            Origin::WindowStart { kind, .. }
            | Origin::WindowEnd { kind, .. }
            | Origin::WindowLast { kind, .. } => matches!(kind, WindowKind::Session { .. }),
            Origin::Counted(_) => true,
            Origin::Start(_) | Origin::Computed => false,
        };
        !self.gathers() && self.before.origins.iter().any(decided)
    }

    /// Keeps the rows of windows of which a condition is true.
    pub(super) fn keep(&mut self, condition: ExprRef) -> Result<(), Misfit> {
        let rows = &self.before.schema;
        let condition = match self.kept {
            Some(at) => binary(kept(at), Operator::And, condition, rows)?,
            None => condition,
        };
        self.kept = Some(self.before.append(condition, KEPT)?);
        Ok(())
    }

    /// Makes other rows of those before a grouping; whether they are kept goes with them.
    pub(super) fn project_before(
        &mut self,
        mut exprs: Vec<ExprRef>,
        mut names: Vec<String>,
    ) -> Result<()> {
        if let Some(at) = self.kept {
            self.kept = Some(exprs.len());
            exprs.push(kept(at));
            names.push(KEPT.to_owned());
        }
        self.before.project(exprs, &names)
    }

    /// Groups by what is `wanted`, of the rows that are kept.
    pub(super) fn group(
        &mut self,
        keys: Vec<ExprRef>,
        mut calls: Vec<Call>,
        wanted: &[FieldRef],
    ) -> Result<(), Misfit> {
        let Some(at) = self.kept.take() else {
            return self.bring_together(keys, calls, wanted);
        };
        for call in &mut calls {
            call.filter = Some(match call.filter.take() {
                Some(filter) => binary(filter, Operator::And, kept(at), &self.before.schema)?,
                None => kept(at),
            });
        }
        calls.push(Call {
            function: count_udaf(),
            arguments: vec![lit(1_i64)],
            distinct: false,
            ignore_nulls: false,
            filter: Some(kept(at)),
            holds: false,
            name: KEPT.to_owned(),
        });
        let beside = [Arc::new(field(KEPT, DataType::Int64))];
        self.bring_together(keys, calls, &[wanted, &beside].concat())?;
        let any = binary(
            kept(wanted.len()),
            Operator::Gt,
            lit(0_i64),
            &self.after.schema,
        )?;
        self.after.filter(any)?;
        Ok(self.after.project(as_they_are(wanted), &names(wanted))?)
    }
}

fn kept(at: usize) -> ExprRef {
    Arc::new(Column::new(KEPT, at))
}
