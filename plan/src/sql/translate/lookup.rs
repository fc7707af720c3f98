//! A stream JOIN a table: what the table's rows are found by, and what else must be true of them.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion_expr::utils::split_conjunction;
use datafusion_expr::{Expr, Join, JoinType, Operator};
use datafusion_physical_expr::conjunction_opt;
use datafusion_physical_expr::expressions::BinaryExpr;

use super::{Joined, Misfit, Shape, all_nullable, joined, physical_all};
use crate::model::{ExprRef, Find, Lookup, Missing};
use crate::sql::Relation;
use crate::sql::chain::{Origin, column, columns};
use crate::sql::types::widened;

impl Shape {
    pub(crate) fn join(
        &mut self,
        join: &Join,
        relations: &[Relation],
        waits: bool,
    ) -> Result<(), Misfit> {
        let name = joined(&join.right).ok_or(Misfit::JoinedQuery)?;
        let relation = relations.iter().find(|r| r.name == name);
        let Some((relation, key)) = relation.and_then(|r| Some((r, r.key.as_ref()?))) else {
            return Err(Misfit::NotATable(name.to_owned()));
        };
        if !relation.is_table {
            return Err(Misfit::NotATable(name.to_owned()));
        }
        let inner = match join.join_type {
            JoinType::Inner => true,
            JoinType::Left => false,
            _ => return Err(Misfit::JoinKind),
        };
        if self.rows_decide_windows() && (inner || self.kept.is_some()) {
            return Err(Misfit::JoinedInWindow);
        }
        let time = match waits && self.tables.is_empty() {
            true => Some(self.time().ok_or(Misfit::WaitsWithoutTime)?),
            false => None,
        };
        let schema = &join.schema;
        let mut conditions = physical_all(&conjuncts(join), schema)?;
        let width = self.before.schema.fields().len();
        let left = self.before.schema.fields().iter().cloned();
        let right = all_nullable(&relation.schema);
        let fields: Vec<_> = left.chain(right.fields().iter().cloned()).collect();
        let beside = Arc::new(Schema::new(fields));
        let (find, values) = found_by(key, &beside, &mut conditions, width)
            .ok_or_else(|| Misfit::NoEquality(name.to_owned()))?;
        let start = |(value, &of_table): (&ExprRef, &usize)| match self.before.origin(value) {
            // Equal values of two types may be written otherwise, and so be in other partitions.
            Origin::Start(column) => is_of_type(value, &beside, width + of_table).then_some(column),
            _ => None,
        };
        let by = (find == Find::ByKey).then(|| values.iter().zip(key).map(start).collect());
        self.before.lookup(Lookup {
            table: self.tables.len(),
            find,
            key: values,
            columns: (0..right.fields().len()).collect(),
            condition: conjunction_opt(conditions),
            inner,
            missing: Missing::Emit,
            time,
            schema: beside,
        });
        self.tables.push(Joined {
            name: name.to_owned(),
            by: by.flatten(),
        });
        Ok(())
    }
}

/// The conditions of a join, all of which must be true.
pub(crate) fn conjuncts(join: &Join) -> Vec<Expr> {
    let equal = join.on.iter().map(|(l, r)| l.clone().eq(r.clone()));
    let others = join.filter.iter().flat_map(split_conjunction).cloned();
    equal.chain(others).collect()
}

/// What the rows of a table are found by, and the values of that in a row, which has `width` columns `beside` the table's.
/// Conditions that are true of all that is found so are taken out.
fn found_by(
    key: &[usize],
    beside: &Schema,
    conditions: &mut Vec<ExprRef>,
    width: usize,
) -> Option<(Find, Vec<ExprRef>)> {
    let mut others = conditions.clone();
    let values = key.iter();
    let values = values.map(|&column| take_equal(&mut others, beside, width, column));
    if let Some(values) = values.collect() {
        *conditions = others;
        return Some((Find::ByKey, values));
    }
    let mut equal = conditions.clone();
    let columns = 0..beside.fields().len().saturating_sub(width);
    let value = |column| Some((column, take_equal(&mut equal, beside, width, column)?));
    let (columns, values): (Vec<usize>, _) = columns.filter_map(value).unzip();
    (!columns.is_empty()).then_some((Find::ByColumns(columns), values))
}

/// Whether a value is of the type of a column.
fn is_of_type(value: &ExprRef, schema: &Schema, column: usize) -> bool {
    let field = schema.fields().get(column);
    let types = field.zip(value.data_type(schema).ok());
    types.is_some_and(|(field, of_value)| *field.data_type() == of_value)
}

/// Takes out the condition that a column of the table is equal to a value of the row, which has `width` columns, and
/// returns the value. It may be of a type that holds all values of the column's and more.
pub(crate) fn take_equal(
    conditions: &mut Vec<ExprRef>,
    beside: &Schema,
    width: usize,
    of_table: usize,
) -> Option<ExprRef> {
    let is_key = |e: &ExprRef| column(widened(e, beside)) == Some(width + of_table);
    let of_row = |e: &ExprRef| columns(e).iter().all(|&i| i < width);
    let value = |condition: &ExprRef| {
        let equal = condition.as_any().downcast_ref::<BinaryExpr>()?;
        let sides = [(equal.left(), equal.right()), (equal.right(), equal.left())];
        let found = sides.into_iter().find(|(l, r)| is_key(l) && of_row(r));
        let is_equal = equal.op() == &Operator::Eq;
        found
            .filter(|_| is_equal)
            .map(|(_, value)| Arc::clone(value))
    };
    let place = conditions.iter().position(|c| value(c).is_some())?;
    value(&conditions.remove(place))
}
