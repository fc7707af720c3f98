//! A grouping over fewer columns, and bound to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion_common::Result;

use super::BoundGrouping;
use crate::model::{ExprRef, Function, Step};
use crate::sql::chain::{self, Moves, remap, substitute};
use crate::sql::translate::{Call, Grouping};

impl Grouping {
    /// The columns that it reads.
    pub(super) fn reads(&self) -> BTreeSet<usize> {
        let mut reads: BTreeSet<usize> = self.keys.iter().flat_map(chain::columns).collect();
        reads.extend(self.calls.iter().flat_map(Call::reads));
        reads.extend(self.window.map(|(time, _)| time));
        reads
    }

    /// The expressions that it evaluates over rows.
    pub(super) fn exprs(&self) -> impl Iterator<Item = &ExprRef> {
        let arguments = self
            .calls
            .iter()
            .flat_map(|c| c.arguments.iter().chain(&c.filter));
        self.keys.iter().chain(arguments)
    }

    pub(super) fn move_columns(&mut self, moves: &Moves) -> Result<()> {
        self.rewrite(|expr| remap(expr, moves))?;
        if let Some((time, _)) = &mut self.window {
            *time = moves.get(time).copied().unwrap_or(*time);
        }
        Ok(())
    }

    /// Takes a last projection that only picks columns into the grouping's own expressions.
    pub(super) fn absorb_last(&mut self, before: &mut Vec<Step>) -> Result<()> {
        let Some(Step::Project { exprs, .. }) = before.last() else {
            return Ok(());
        };
        let Some(columns) = exprs
            .iter()
            .map(chain::column)
            .collect::<Option<Vec<usize>>>()
        else {
            return Ok(());
        };
        self.rewrite(|expr| substitute(expr, exprs))?;
        if let Some((time, _)) = &mut self.window {
            *time = columns.get(*time).copied().unwrap_or(*time);
        }
        before.pop();
        Ok(())
    }

    fn rewrite(&mut self, with: impl Fn(&ExprRef) -> Result<ExprRef>) -> Result<()> {
        let arguments = self
            .calls
            .iter_mut()
            .flat_map(|c| c.arguments.iter_mut().chain(&mut c.filter));
        for expr in self.keys.iter_mut().chain(arguments) {
            *expr = with(expr)?;
        }
        Ok(())
    }

    pub(super) fn bind(self, rows: &SchemaRef) -> Result<BoundGrouping> {
        let functions = self.calls.iter().map(|call| {
            Ok(Function {
                expr: Arc::new(call.build(rows)?),
                filter: call.filter.clone(),
                holds: call.holds,
            })
        });
        Ok(BoundGrouping {
            functions: functions.collect::<Result<_>>()?,
            keys: self.keys,
            key_schema: self.key_schema,
            layout: self.layout,
            schema: self.schema,
        })
    }
}
