//! Which streams run in a task: those that read its rows, directly or through each other, as far as the next shuffle.

use tidemill_plan::model::{Changes, Exchange, Input, Plan, Source, Stream};

use crate::error::{EngineError, Result};

/// The stage that a task runs a partition of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A source, by index.
    Source(usize),
    /// What comes after the shuffle of a stream, by index.
    Shard(usize),
}

impl Stage {
    /// The source that the stage reads, if it is one.
    pub(crate) fn source(self, plan: &Plan) -> Option<&Source> {
        match self {
            Self::Source(i) => plan.sources.get(i),
            Self::Shard(_) => None,
        }
    }

    /// The rows that the stage starts with.
    pub(crate) fn root(self) -> Input {
        match self {
            Self::Source(i) => Input::Source(i),
            Self::Shard(i) => Input::Stream(i),
        }
    }

    /// The streams that run in the stage, inputs before their readers. In a shard the first is the one shuffled.
    pub(crate) fn streams(self, plan: &Plan) -> Result<Vec<usize>> {
        let mut members = match self {
            Self::Source(_) => Vec::new(),
            Self::Shard(i) => vec![i],
        };
        for (i, stream) in plan.streams.iter().enumerate() {
            let here = match stream.input {
                input if input == self.root() => true,
                Input::Source(_) => false,
                Input::Stream(j) => members.contains(&j) && !is_shuffled(plan, j),
            };
            if here && !members.contains(&i) {
                if stream.operator.is_some() && replaces(plan, stream.input) {
                    let message = format!(
                        "stream `{}` groups rows that replace each other",
                        stream.name
                    );
                    return Err(EngineError::Plan(message));
                }
                members.push(i);
            }
        }
        Ok(members)
    }
}

fn replaces(plan: &Plan, input: Input) -> bool {
    match input {
        Input::Source(i) => plan.sources.get(i).is_some_and(|s| s.key.is_some()),
        Input::Stream(i) => plan
            .streams
            .get(i)
            .is_some_and(|s| matches!(s.changes, Changes::Upsert { .. })),
    }
}

/// Whether a stream's rows come together in shards.
pub(crate) fn is_shuffled(plan: &Plan, stream: usize) -> bool {
    let exchange = plan.streams.get(stream).and_then(Stream::exchange);
    matches!(exchange, Some(Exchange::Shuffle { .. }))
}
