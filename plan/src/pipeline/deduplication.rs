//! `deduplicate` of a source: a stream between it and all that reads it, in which each row is there once.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion_physical_expr::expressions::Column;
use tidemill_crds::pipeline as manifest;

use super::problem::Problems;
use super::sources::{SourceDraft, column};
use super::streams::SHARDS;
use crate::model::{
    Changes, Exchange, ExprRef, Frame, Input, Late, Micros, Misfit, Operator, OutputOf, Over,
    OverCall, OverFunction, Plan, Step, Stream,
};

/// By what rows of a source are the same.
#[derive(Debug)]
pub(super) struct Deduplication {
    /// The columns, by their index in the source.
    pub(super) key: Vec<usize>,
    within: Micros,
    exchange: Exchange,
}

/// Reads what the manifest says.
pub(super) fn read(
    source: &manifest::Source,
    schema: &Schema,
    path: &str,
    problems: &mut Problems,
) -> Option<Deduplication> {
    let said = source.deduplicate.as_ref()?;
    let path = format!("{path}.deduplicate");
    if source.event_time.is_none() {
        let message = "duplicates are told by their event time";
        problems.add(
            path.clone(),
            message,
            Some("give the source an eventTime".into()),
        );
    }
    let keys = said.key.iter().enumerate();
    let key = keys.map(|(i, name)| column(name, schema, &format!("{path}.key[{i}]"), problems));
    let key: Vec<usize> = key.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    let promised = &source.partitioned_by;
    let together = !promised.is_empty() && promised.iter().all(|name| said.key.contains(name));
    Some(Deduplication {
        key,
        within: said.within.as_micros(),
        exchange: if together {
            Exchange::Local
        } else {
            Exchange::Shuffle { shards: SHARDS }
        },
    })
}

impl Deduplication {
    /// Whether rows go on in other places than the partitions of the topic.
    pub(super) fn moves_rows(&self) -> bool {
        self.exchange != Exchange::Local
    }

    /// The columns by which rows are spread over the places where they go on.
    pub(super) fn partitioned_by(&self, promised: &[usize]) -> Vec<usize> {
        match self.exchange {
            Exchange::Local => promised.to_vec(),
            Exchange::Shuffle { .. } => self.key.clone(),
        }
    }
}

/// Puts a stream behind each source that is deduplicated, before all that reads it.
pub(super) fn insert(plan: &mut Plan, drafts: &[SourceDraft]) {
    let mut behind = vec![None; drafts.len()];
    let mut inserted = Vec::new();
    for (i, draft) in drafts.iter().enumerate() {
        let stream = draft
            .deduplication
            .as_ref()
            .and_then(|it| stream(plan, i, draft, it));
        if let (Some(stream), Some(behind)) = (stream, behind.get_mut(i)) {
            *behind = Some(Input::Stream(inserted.len()));
            inserted.push(stream);
        }
    }
    let moved = |input: Input| match input {
        Input::Source(i) => behind.get(i).copied().flatten().unwrap_or(input),
        Input::Stream(i) => Input::Stream(i + inserted.len()),
    };
    for stream in &mut plan.streams {
        for input in &mut stream.inputs {
            *input = moved(*input);
        }
    }
    for output in &mut plan.outputs {
        if let OutputOf::Rows(input) = &mut output.from {
            *input = moved(*input);
        }
    }
    for rule in &mut plan.rules {
        rule.watches = moved(rule.watches);
    }
    plan.streams.splice(0..0, inserted);
}

/// The rows of a source, each of them once: those before which there was none of the same key for so long.
fn stream(plan: &Plan, i: usize, draft: &SourceDraft, it: &Deduplication) -> Option<Stream> {
    let source = plan.sources.get(i)?;
    let schema = Arc::clone(&source.schema);
    let place = |column: &usize| {
        let name = draft.relation.schema.fields().get(*column)?.name();
        schema.index_of(name).ok()
    };
    let width = schema.fields().len();
    let fields = schema.fields().iter().map(|f| f.as_ref().clone());
    let fresh = Field::new("fresh", DataType::Boolean, true);
    let rows = Schema::new(fields.chain([fresh]).collect::<Vec<_>>());
    let columns = schema.fields().iter().enumerate();
    let exprs = columns.map(|(i, f)| Arc::new(Column::new(f.name(), i)) as ExprRef);
    Some(Stream {
        name: format!("{}.deduplicated", source.name),
        inputs: vec![Input::Source(i)],
        before: Vec::new(),
        operator: Some(Operator::Over(Over {
            time: source.event_time?.column,
            keys: it.key.iter().map(place).collect::<Option<_>>()?,
            calls: vec![OverCall {
                function: OverFunction::Fresh(it.within),
                argument: None,
                frame: Frame::Rows(None),
            }],
            rank: Vec::new(),
            first: None,
            schema: Arc::new(rows),
            late: Late::DeadLetter,
            exchange: it.exchange.clone(),
            raise: None,
        })),
        after: vec![
            Step::Filter(Arc::new(Column::new("fresh", width))),
            Step::Project {
                exprs: exprs.collect(),
                schema: Arc::clone(&schema),
            },
        ],
        behind: None,
        schema,
        changes: Changes::Append,
        epoch: 0,
        misfit: Misfit::Refuse,
    })
}
