//! Which streams run in a task: those that read its rows, directly or through each other, as far as the next shuffle.

use tidemill_plan::model::{Changes, Input, Plan, Source};

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
            let is_here = |input: &Input| match *input {
                input if input == self.root() => true,
                Input::Source(_) => false,
                Input::Stream(j) => members.contains(&j) && !plan.is_shuffled(j),
            };
            if stream.inputs.iter().any(is_here) && !members.contains(&i) {
                let replaced = |input: &Input| replaces(plan, *input);
                if stream.operator.is_some() && stream.inputs.iter().any(replaced) {
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
