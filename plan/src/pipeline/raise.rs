//! What rules want of the rows that they judge together: the operator that makes these rows hands on no others.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Column;

use crate::model::{
    Behind, EDITION, ExprRef, Input, Operator, Plan, Raise, RowsOf, Rule, Step, Stream,
};
use crate::sql::{COUNT, substitute};

/// Tells the operators of streams whose rows show their records what rules want of these.
pub(super) fn tell(plan: &mut Plan) {
    let shows = |stream: &Stream| stream.behind == Some(Behind::Evidence);
    let streams = plan.streams.iter().enumerate();
    let showing = streams.filter(|(_, stream)| shows(stream));
    // Where no rule is at work that judges its rows, none is wanted.
    let mut wanted: BTreeMap<usize, Vec<ExprRef>> =
        showing.map(|(index, _)| (index, Vec::new())).collect();
    for rule in &plan.rules {
        let judged = judged(plan, rule).and_then(|stream| wanted.get_mut(&stream));
        judged
            .into_iter()
            .for_each(|exprs| exprs.push(Arc::clone(&rule.when)));
    }
    for (index, wanted) in wanted {
        let raise = plan
            .streams
            .get(index)
            .and_then(|stream| raise(plan, stream, &wanted));
        if let Some(Operator::Over(over)) = plan
            .streams
            .get_mut(index)
            .and_then(|s| s.operator.as_mut())
        {
            over.raise = raise;
        }
    }
}

/// The stream whose operator gives the rows that a rule judges, if that shows the records of each.
fn judged(plan: &Plan, rule: &Rule) -> Option<usize> {
    let (RowsOf::Frames { .. }, Input::Stream(stream)) = (rule.of, rule.watches) else {
        return None;
    };
    match rule.fresh {
        None => Some(stream),
        // It reads those rows, and has their columns before its own.
        Some(_) => match plan.streams.get(stream)?.inputs.as_slice() {
            [Input::Stream(rows)] => Some(*rows),
            _ => None,
        },
    }
}

/// What is wanted of a stream's operator; none where it cannot be told before the steps behind it.
fn raise(plan: &Plan, stream: &Stream, wanted: &[ExprRef]) -> Option<Raise> {
    let Some(Operator::Over(over)) = &stream.operator else {
        return None;
    };
    let [input] = stream.inputs.as_slice() else {
        return None;
    };
    let width = over.schema.fields().len().checked_sub(over.calls.len())?;
    let rows = Schema::new(
        over.schema
            .fields()
            .iter()
            .take(width)
            .cloned()
            .collect::<Vec<_>>(),
    );
    let columns = plan.schema_of(*input)?.fields().iter();
    let columns = columns.filter(|field| field.name() != EDITION);
    let shown = columns.map(|field| rows.index_of(field.name()).ok());
    let before = |expr: &ExprRef| before(expr, &stream.after);
    let count = stream.schema.index_of(COUNT).ok()?;
    let count = Arc::new(Column::new(COUNT, count)) as ExprRef;
    let count = before(&count)?;
    let count = (count.as_ref() as &dyn PhysicalExpr)
        .as_any()
        .downcast_ref::<Column>()?
        .index();
    Some(Raise {
        wanted: wanted.iter().map(before).collect::<Option<_>>()?,
        shown: shown.collect::<Option<_>>()?,
        count,
        topic: plan.topic_of(*input).map(str::to_owned),
    })
}

/// An expression over the rows behind steps, as it is over those before them.
fn before(expr: &ExprRef, steps: &[Step]) -> Option<ExprRef> {
    let mut expr = Arc::clone(expr);
    for step in steps.iter().rev() {
        expr = match step {
            Step::Filter(_) => expr,
            Step::Project { exprs, .. } => substitute(&expr, exprs).ok()?,
            Step::Changes { .. } | Step::Lookup(_) => return None,
        };
    }
    Some(expr)
}
