//! A table JOIN a table: a table of the rows of both that have one key, kept up to date as either changes.
//!
//! The changes of both are put together like the sides of a union, and grouped by the key: of each side, the latest row.
//! A key that has none of a side, or has lost it, is what HAVING leaves out: a deletion. One that is in neither any more is
//! forgotten.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion_common::ScalarValue;
use datafusion_expr::{Join, JoinType, Operator};
use datafusion_physical_expr::conjunction_opt;
use datafusion_physical_expr::expressions::{CaseExpr, Column, Literal, NotExpr, binary};

use super::Relation;
use super::chain::{self, column, field};
use super::latest::latest;
use super::translate::{Call, Misfit, Shape, conjuncts, joined, physical_all, take_equal};
use crate::model::ExprRef;

/// The name of the column that says whether a change is of the left table.
const LEFT: &str = "left";
/// The name of the column that says whether there is a row after a change.
const THERE: &str = "there";

/// Two tables and how they belong together.
pub(super) struct Merged {
    left: Relation,
    right: Relation,
    is_inner: bool,
    /// The columns that are equal, of left and right: the primary key of each.
    key: Vec<(usize, usize)>,
    /// What else must be true of two rows.
    condition: Option<ExprRef>,
    schema: Arc<Schema>,
}

impl Merged {
    /// Two tables, if that is what is joined.
    pub(super) fn of(join: &Join, relations: &[Relation]) -> Result<Option<Self>, Misfit> {
        let table = |plan| {
            let name = joined(plan)?;
            let found = relations.iter().find(|r| r.name == name && r.is_table)?;
            Some((found, found.key.as_ref()?))
        };
        let (Some((left, left_key)), Some((right, right_key))) =
            (table(&join.left), table(&join.right))
        else {
            return Ok(None);
        };
        let is_inner = match join.join_type {
            JoinType::Inner => true,
            JoinType::Left => false,
            _ => return Err(Misfit::JoinKind),
        };
        let width = left.schema.fields().len();
        let fields = left.schema.fields().iter().chain(right.schema.fields());
        let fields = fields.map(|f| field(f.name(), f.data_type().clone()));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
        let mut conditions = physical_all(&conjuncts(join), &join.schema)?;
        let equal = right_key.iter().map(|&right| {
            let value = take_equal(&mut conditions, &schema, width, right)?;
            let left = column(&value).filter(|column| left_key.contains(column))?;
            let data_type = |i| schema.fields().get(i).map(|f: &Arc<Field>| f.data_type());
            (data_type(left) == data_type(width + right)).then_some((left, right))
        });
        let key: Option<Vec<(usize, usize)>> = equal.collect();
        let is_whole = |key: &Vec<(usize, usize)>| {
            let named = |column: &usize| key.iter().any(|(left, _)| left == column);
            key.len() == left_key.len() && left_key.iter().all(named)
        };
        let key = key.filter(is_whole);
        Ok(Some(Self {
            key: key.ok_or_else(|| Misfit::NotByKeys(right.name.clone()))?,
            left: left.clone(),
            right: right.clone(),
            is_inner,
            condition: conjunction_opt(conditions),
            schema,
        }))
    }

    /// The changes of each side, with the columns of both.
    pub(super) fn sides(&self) -> Result<[Shape; 2], Misfit> {
        Ok([self.side(true)?, self.side(false)?])
    }

    fn side(&self, is_left: bool) -> Result<Shape, Misfit> {
        let table = if is_left { &self.left } else { &self.right };
        let relation = Relation {
            key: None,
            is_table: false,
            ..table.clone()
        };
        let width = relation.schema.fields().len();
        let mut shape = Shape::reading(relation, vec![table.name.clone()]);
        shape.before.changes(THERE);
        let own = |i: usize| -> ExprRef {
            let name = shape.before.schema.fields().get(i).map_or("", |f| f.name());
            Arc::new(Column::new(name, i))
        };
        let key = self
            .key
            .iter()
            .map(|&(l, r)| own(if is_left { l } else { r }));
        let said = [
            Arc::new(Literal::new(ScalarValue::from(is_left))) as ExprRef,
            own(width),
        ];
        let mut exprs: Vec<ExprRef> = key.chain(said).collect();
        let first = if is_left {
            0
        } else {
            self.left.schema.fields().len()
        };
        for (i, field) in self.schema.fields().iter().enumerate() {
            let is_own = (first..first + width).contains(&i);
            exprs.push(match is_own {
                true => own(i - first),
                false => Arc::new(Literal::new(ScalarValue::try_from(field.data_type())?)),
            });
        }
        shape.before.project(exprs, &self.names())?;
        Ok(shape)
    }

    /// The names of a change's columns: no two are the same.
    fn names(&self) -> Vec<String> {
        let keys = (0..self.key.len()).map(|i| format!("key{i}"));
        let said = [LEFT, THERE].map(str::to_owned);
        let columns = (0..self.schema.fields().len()).map(|i| format!("column{i}"));
        keys.chain(said).chain(columns).collect()
    }

    /// The rows of both sides, put together.
    pub(super) fn finish(&self, shape: &mut Shape) -> Result<(), Misfit> {
        let input = Arc::clone(&shape.before.schema);
        let at = |i: usize| -> ExprRef {
            Arc::new(Column::new(
                input.fields().get(i).map_or("", |f| f.name()),
                i,
            ))
        };
        let (keys, width) = (self.key.len(), self.left.schema.fields().len());
        let of_left = at(keys);
        let of_right: ExprRef = Arc::new(NotExpr::new(Arc::clone(&of_left)));
        let call = |argument: usize, is_left: bool| Call {
            function: latest(),
            arguments: vec![at(argument)],
            distinct: false,
            ignore_nulls: false,
            filter: Some(Arc::clone(if is_left { &of_left } else { &of_right })),
            holds: argument == keys + 1,
            name: format!("latest{argument}"),
        };
        let columns = (0..self.schema.fields().len()).map(|i| call(keys + 2 + i, i < width));
        let there = [call(keys + 1, true), call(keys + 1, false)];
        let calls: Vec<Call> = there.into_iter().chain(columns).collect();
        // What is not selected of the key is named.
        let named =
            |&(left, _): &(usize, usize)| self.schema.fields().get(left).map(|f| f.name().clone());
        let key = self.key.iter().filter_map(named);
        let names: Vec<String> = key
            .chain((0..calls.len()).map(|i| format!("latest{i}")))
            .collect();
        shape.gather((0..keys).map(at).collect(), calls, &names)?;
        self.lay_out(shape)
    }

    /// Groups as joined rows.
    fn lay_out(&self, shape: &mut Shape) -> Result<(), Misfit> {
        let (keys, width) = (self.key.len(), self.left.schema.fields().len());
        let rows = &mut shape.after;
        let at = |schema: &Schema, i: usize| -> ExprRef {
            Arc::new(Column::new(
                schema.fields().get(i).map_or("", |f| f.name()),
                i,
            ))
        };
        // The columns as conditions know them, and after them whether there are rows.
        let count = self.schema.fields().len();
        let place = |i: usize| {
            let left = |&(left, _): &(usize, usize)| left == i;
            self.key.iter().position(left).unwrap_or(keys + 2 + i)
        };
        let columns = (0..count).map(place).chain([keys, keys + 1]);
        let exprs: Vec<ExprRef> = columns.map(|i| at(&rows.schema, i)).collect();
        let names: Vec<String> = (0..exprs.len()).map(|i| format!("row{i}")).collect();
        rows.project(exprs, &names)?;

        let schema = Arc::clone(&rows.schema);
        let there = |i: usize| at(&schema, count + i);
        let both = binary(there(0), Operator::And, there(1), &schema)?;
        let matched = match &self.condition {
            Some(condition) => binary(both, Operator::And, Arc::clone(condition), &schema)?,
            None => both,
        };
        let shown = if self.is_inner {
            Arc::clone(&matched)
        } else {
            there(0)
        };
        rows.filter(shown)?;
        let exprs = (0..count).map(|i| {
            let value = at(&schema, i);
            Ok(match self.is_inner || i < width {
                true => value,
                false => Arc::new(CaseExpr::try_new(
                    None,
                    vec![(Arc::clone(&matched), value)],
                    None,
                )?) as ExprRef,
            })
        });
        let exprs = exprs.collect::<Result<Vec<_>, Misfit>>()?;
        // Of two columns that are equal, both are the key.
        let exprs = exprs.into_iter().enumerate().map(|(i, value)| {
            let right = |&&(_, right): &&(usize, usize)| width + right == i;
            match self.key.iter().find(right).filter(|_| self.is_inner) {
                Some(&(left, _)) => at(&schema, left),
                None => value,
            }
        });
        rows.project(exprs.collect(), &chain::names(self.schema.fields()))?;
        Ok(())
    }
}
