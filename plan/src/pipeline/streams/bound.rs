//! Streams, bound to the columns of their inputs that are read.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::{Behind, StreamDraft};
use crate::model::{
    self, Aggregate, Await, Find, Input, Join, Lookup, Micros, Misfit, Operator, Over, Plan, Step,
    Stream, Window,
};
use crate::pipeline::problem::Problems;
use crate::sql::{BoundGrouping, BoundJoin, BoundOver, schema_after};

impl StreamDraft {
    /// Binds a lookup to the table as it is read.
    fn find_table(&self, lookup: &mut Lookup, plan: &Plan, columns: &[Vec<usize>]) -> Option<()> {
        let (name, _) = self.query.tables().nth(lookup.table)?;
        let table = plan.sources.iter().position(|s| s.name == name)?;
        let read = columns.get(table)?;
        let place = |column: &usize| read.iter().position(|c| c == column);
        lookup.table = table;
        lookup.columns = lookup.columns.iter().map(place).collect::<Option<_>>()?;
        if let Find::ByColumns(by) = &mut lookup.find {
            *by = by.iter().map(place).collect::<Option<_>>()?;
        }
        lookup.missing = self.missing;
        Some(())
    }

    /// The stream, bound to the columns of its input that are read.
    pub(in crate::pipeline) fn bound(
        &self,
        plan: &Plan,
        columns: &[Vec<usize>],
        problems: &mut Problems,
    ) -> Option<Stream> {
        let first = *self.inputs.first()?;
        let input: &SchemaRef = plan.schema_of(first)?;
        let all: Vec<usize>;
        let read = match first {
            Input::Source(i) => columns.get(i)?,
            Input::Stream(_) => {
                all = (0..input.fields().len()).collect();
                &all
            }
        };
        let bound = self.query.bind(read, input);
        let bound = bound
            .map_err(|e| problems.add_sql(&format!("{}.sql", self.path), [e]))
            .ok()?;
        let mut before = bound.before;
        for step in &mut before {
            if let Step::Lookup(lookup) = step {
                self.find_table(lookup, plan, columns)?;
            }
        }
        let mut after = bound.after;
        let mut awaited = None;
        if let Some(span) = self.wait {
            (before, awaited, after) = joins_apart(before, input, span);
        }
        Some(Stream {
            name: self.relation.name.clone(),
            inputs: self.inputs.clone(),
            before,
            operator: awaited.map(Operator::Await).or(self.operator(
                bound.grouping,
                bound.window,
                bound.over,
                bound.join,
            )),
            after,
            behind: match self.behind {
                None => None,
                Some(Behind::Evidence) => Some(model::Behind::Evidence),
                Some(Behind::Edition) => Some(model::Behind::Edition),
                Some(Behind::Record) => Some(model::Behind::Record {
                    time: self.relation.event_time?,
                    topic: plan.topic_of(first).map(str::to_owned),
                }),
            },
            schema: self.schema(),
            changes: self.changes.clone(),
            epoch: 0,
            misfit: Misfit::Refuse,
        })
    }

    /// The schema of its rows.
    fn schema(&self) -> SchemaRef {
        match self.behind {
            Some(behind) => behind.put(self.query.schema()),
            None => Arc::clone(self.query.schema()),
        }
    }

    fn operator(
        &self,
        grouping: Option<BoundGrouping>,
        window: Option<Window>,
        over: Option<BoundOver>,
        join: Option<BoundJoin>,
    ) -> Option<Operator> {
        if let Some(join) = join {
            return Some(Operator::Join(Join {
                side: join.side,
                time: join.time,
                keys: join.keys,
                key_types: join.key_types,
                left: join.left,
                right: join.right,
                earliest: join.earliest,
                latest: join.latest,
                condition: join.condition,
                behind: join.behind,
                schema: join.schema,
                late: self.results.late,
                exchange: self.exchange.clone(),
            }));
        }
        if let Some(over) = over {
            return Some(Operator::Over(Over {
                time: over.time,
                keys: over.keys,
                calls: over.calls,
                rank: over.rank,
                first: over.first,
                schema: over.schema,
                late: self.results.late,
                exchange: self.exchange.clone(),
                raise: None,
            }));
        }
        grouping.map(|grouping| {
            Operator::Aggregate(Aggregate {
                window,
                keys: grouping.keys,
                key_schema: grouping.key_schema,
                functions: grouping.functions,
                layout: grouping.layout,
                schema: grouping.schema,
                emit: self.results.emit,
                allowed_lateness: self.results.lateness.saturating_add(self.query.behind()),
                late: self.results.late,
                exchange: self.exchange.clone(),
            })
        })
    }
}

/// Takes the joins for which rows wait out of a stream's steps: what is before them, they, and what is after them.
fn joins_apart(
    steps: Vec<Step>,
    input: &SchemaRef,
    span: Micros,
) -> (Vec<Step>, Option<Await>, Vec<Step>) {
    let is_join = |step: &Step| matches!(step, Step::Lookup(_));
    let (first, last) = (
        steps.iter().position(is_join),
        steps.iter().rposition(is_join),
    );
    let time = steps.iter().find_map(|step| match step {
        Step::Lookup(lookup) => lookup.time,
        _ => None,
    });
    let (Some(first), Some(last), Some(time)) = (first, last, time) else {
        return (steps, None, Vec::new());
    };
    let mut before = steps;
    let after = before.split_off(last + 1);
    let joins = before.split_off(first);
    let joins = Await {
        steps: joins,
        time,
        span,
        schema: schema_after(&before, input),
    };
    (before, Some(joins), after)
}
