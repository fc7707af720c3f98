//! The streams of a task, in the order in which rows go through them.

use std::sync::Arc;

use tidemill_plan::model::{self, Changes, Input, Micros, OutputOf, Plan};

use crate::aggregate::ChunkKey;
use crate::alerts::{self, Judges};
use crate::clock::Marks;
use crate::disk::Room;
use crate::effects::{Effects, Rows};
use crate::error::{EngineError, Result};
use crate::operator::Operator;
use crate::reject::Place;
use crate::rows::{Flow, Replaces};
use crate::shuffle::Word;
use crate::stage::Stage;
use crate::steps;
use crate::table::Tables;
use crate::window::NEVER;

/// One stream at work in a task.
struct Node {
    stream: usize,
    /// Which nodes it reads: those of its inputs that are in the stage. `None` is the first rows of the stage.
    inputs: Vec<Option<usize>>,
    /// The nodes that read it.
    readers: Vec<usize>,
    operator: Option<Operator>,
    /// Rows that wait for it.
    waiting: Vec<Flow>,
    /// The watermark of its rows.
    watermark: Micros,
    /// Whether an output wants its rows.
    wanted: bool,
}

/// What a round through the streams is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// Rows have come, or the watermark has moved.
    Advance,
    /// A commit is due.
    Flush,
    /// The input has ended.
    Finish,
}

/// How far a task is when it goes through its streams, and what for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) round: Round,
    /// The watermark of the stage's first rows.
    pub(crate) watermark: Micros,
    /// What the task says of itself to shards; each stream puts its own watermark in.
    pub(crate) word: Word,
}

/// How much state a stream has in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamState {
    /// Index of the stream in the plan.
    pub stream: usize,
    /// Windows that are open.
    pub windows: usize,
    /// Groups that are held.
    pub groups: usize,
    /// Bytes of memory, roughly; what is on disk is not among them.
    pub bytes: usize,
    /// Chunks of the changelog that are left from before a reset, until the next flush.
    pub stale: usize,
}

/// The streams of a stage.
pub(crate) struct Streams {
    plan: Arc<Plan>,
    nodes: Vec<Node>,
    /// The nodes that read the stage's first rows.
    readers: Vec<usize>,
    /// The source, if it is one whose rows are the first.
    source: Option<Input>,
    /// Whether an output wants its rows.
    wanted: bool,
    /// What rows are joined with.
    tables: Option<Tables>,
    judges: Judges,
}

impl Streams {
    pub(crate) fn new(plan: &Arc<Plan>, stage: Stage) -> Result<Self> {
        let streams = stage.streams(plan)?;
        let wanted = |input: Input| plan.outputs.iter().any(|o| o.from == OutputOf::Rows(input));
        let mut nodes: Vec<Node> = Vec::with_capacity(streams.len());
        let mut readers = Vec::new();
        for (place, &index) in streams.iter().enumerate() {
            let stream = plan
                .streams
                .get(index)
                .ok_or_else(|| EngineError::Plan(format!("there is no stream {index}")))?;
            let shuffled_here = stage == Stage::Shard(index);
            let node = |input: Input| match input {
                // Elsewhere its rows are only sent away.
                Input::Stream(i) if plan.is_shuffled(i) && stage != Stage::Shard(i) => None,
                Input::Stream(i) => nodes.iter().position(|n| n.stream == i).map(Some),
                input => (input == stage.root()).then_some(None),
            };
            let inputs: Vec<Option<usize>> = if shuffled_here {
                vec![None]
            } else {
                stream.inputs.iter().copied().filter_map(node).collect()
            };
            for input in &inputs {
                match input.and_then(|i| nodes.get_mut(i)) {
                    Some(node) => node.readers.push(place),
                    None => readers.push(place),
                }
            }
            let operator = match &stream.operator {
                None => None,
                Some(planned) if shuffled_here => Some(Operator::in_shard(stream, planned)?),
                Some(planned) => Some(Operator::over_rows(index, stream, planned)?),
            };
            nodes.push(Node {
                stream: index,
                inputs,
                readers: Vec::new(),
                operator,
                waiting: Vec::new(),
                watermark: NEVER,
                wanted: wanted(Input::Stream(index)),
            });
        }
        let source = Some(stage.root()).filter(|&root| matches!(root, Input::Source(_)));
        Ok(Self {
            plan: Arc::clone(plan),
            nodes,
            readers,
            wanted: source.is_some_and(wanted),
            source,
            tables: None,
            judges: Judges::of(plan),
        })
    }

    /// Has rows judged by the rules of another plan, whose streams are the same.
    pub(crate) fn set_rules(&mut self, plan: &Arc<Plan>) -> Result<()> {
        self.plan = Arc::clone(plan);
        self.judges = Judges::of(plan);
        for node in &mut self.nodes {
            let stream = plan.streams.get(node.stream);
            let planned = stream.and_then(|stream| stream.operator.as_ref());
            if let (Some(Operator::Over(it)), Some(model::Operator::Over(over))) =
                (&mut node.operator, planned)
            {
                it.set_raise(over.raise.as_ref())?;
            }
        }
        Ok(())
    }

    /// Sets what rows are joined with.
    pub(crate) fn set_tables(&mut self, tables: Tables) {
        for operator in self.nodes.iter_mut().filter_map(|n| n.operator.as_mut()) {
            operator.set_tables(&tables);
        }
        self.tables = Some(tables);
    }

    /// Takes up where a task stopped, at a watermark.
    pub(crate) fn resume(&mut self, watermark: Micros, marks: &[Marks]) {
        for index in 0..self.nodes.len() {
            let input = self.input_watermark(index, watermark);
            let Some(node) = self.nodes.get_mut(index) else {
                return;
            };
            node.watermark = input;
            if let Some(operator) = &mut node.operator {
                operator.set_marks(marks);
                operator.resume(input);
                node.watermark = operator.output_watermark();
            }
        }
    }

    /// What operators want kept with the clock.
    pub(crate) fn marks(&self) -> Vec<Marks> {
        let marks = self.operators().map(|(_, operator)| operator.marks());
        marks
            .filter(|m| m.closed.is_some() || m.emitted.is_some() || m.left.is_some())
            .collect()
    }

    /// Takes back a record of the changelog; one of a stream that is not here is passed over.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        for node in &mut self.nodes {
            let stream = self.plan.streams.get(node.stream);
            if stream.is_some_and(|s| s.name == key.stream)
                && let Some(operator) = &mut node.operator
            {
                return operator.restore(key, value);
            }
        }
        Ok(())
    }

    /// The operators, with the indices of their streams.
    fn operators(&self) -> impl Iterator<Item = (usize, &Operator)> {
        self.nodes
            .iter()
            .filter_map(|node| Some((node.stream, node.operator.as_ref()?)))
    }

    /// In a shard, the operator whose rows come together here.
    pub(crate) fn shuffled(&mut self) -> Option<&mut Operator> {
        self.nodes.first_mut()?.operator.as_mut()
    }

    /// Sets how much memory the state may take. Each grouping gets as large a part of it as it has now.
    pub(crate) fn set_room(&mut self, room: &Room) {
        let held: usize = self.operators().map(|(_, operator)| operator.bytes()).sum();
        let groupings = self.operators().count();
        for operator in self.nodes.iter_mut().filter_map(|n| n.operator.as_mut()) {
            let bytes = match (room.bytes, held) {
                (usize::MAX, _) => usize::MAX,
                (bytes, 0) => bytes / groupings.max(1),
                (bytes, held) => share(bytes, operator.bytes(), held),
            };
            operator.set_room(&Room {
                bytes,
                ..room.clone()
            });
        }
    }

    /// Roughly how many bytes of memory hold what has come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        self.operators()
            .map(|(_, operator)| operator.delta_bytes())
            .sum()
    }

    /// Whether a flush has left something to be closed for the next one.
    pub(crate) fn is_closing(&self) -> bool {
        self.operators().any(|(_, operator)| operator.is_closing())
    }

    /// Whether something may come of a flush although nothing has come in.
    pub(crate) fn has_news(&self) -> bool {
        self.operators().any(|(_, operator)| operator.has_news())
    }

    /// How much state each operator has.
    pub(crate) fn state(&self) -> impl Iterator<Item = StreamState> {
        self.operators().map(|(stream, operator)| StreamState {
            stream,
            windows: operator.open_windows(),
            groups: operator.groups(),
            bytes: operator.bytes(),
            stale: operator.stale_chunks(),
        })
    }

    /// Takes the stage's first rows in.
    pub(crate) fn take(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        if flow.len() == 0 {
            return Ok(());
        }
        if let Some(source) = self.source {
            self.judges.judge(&self.plan, source, &flow, place, fx)?;
        }
        if let Some(from) = self.source.filter(|_| self.wanted) {
            fx.rows.push(Rows {
                from,
                batch: flow.batch.clone(),
                deleted: flow.replaces.as_ref().and_then(|r| r.deleted.clone()),
            });
        }
        hand_on(&mut self.nodes, &self.readers, flow);
        Ok(())
    }

    /// Goes once through all streams, inputs before their readers, so that each sees its rows before the watermark
    /// that comes after them.
    pub(crate) fn round(
        &mut self,
        mut turn: Turn,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        let plan = Arc::clone(&self.plan);
        for node in 0..self.nodes.len() {
            self.visit(&plan, node, turn, place, fx)?;
            let operator = self.nodes.get(node).and_then(|n| n.operator.as_ref());
            // What is closed later is still to come.
            turn.word.last &= !operator.is_some_and(Operator::is_closing);
        }
        Ok(())
    }

    fn input_watermark(&self, index: usize, root: Micros) -> Micros {
        let inputs = self.nodes.get(index).map(|n| n.inputs.as_slice());
        let watermark = |input: &Option<usize>| {
            let node = input.and_then(|i| self.nodes.get(i));
            node.map_or(root, |n| n.watermark)
        };
        let inputs = inputs.unwrap_or_default().iter();
        inputs.map(watermark).min().unwrap_or(root)
    }

    fn visit(
        &mut self,
        plan: &Plan,
        index: usize,
        turn: Turn,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        let watermark = self.input_watermark(index, turn.watermark);
        let Some(node) = self.nodes.get_mut(index) else {
            return Ok(());
        };
        let Some(stream) = plan.streams.get(node.stream) else {
            return Ok(());
        };
        let mut results = Vec::new();
        for flow in std::mem::take(&mut node.waiting) {
            let flows = steps::run(
                &stream.before,
                flow,
                &stream.name,
                self.tables.as_ref(),
                place,
                fx,
            )?;
            let Some(operator) = &mut node.operator else {
                results.extend(flows);
                continue;
            };
            for flow in flows {
                operator.update(flow, place, fx)?;
            }
        }
        node.watermark = node.watermark.max(watermark);
        if let Some(operator) = &mut node.operator {
            let mut flows = operator.advance(watermark, place, fx)?;
            if turn.round == Round::Flush && turn.word.last {
                // What others have closed with this flush comes after the end.
                flows.extend(operator.close_all(place, fx)?);
            }
            match turn.round {
                Round::Advance => {}
                Round::Finish => flows.extend(operator.close_all(place, fx)?),
                Round::Flush => {
                    let watermark = Some(watermark).filter(|&w| w != NEVER);
                    flows.extend(operator.flush(
                        Word {
                            watermark,
                            ..turn.word
                        },
                        place,
                        fx,
                    )?);
                }
            }
            node.watermark = operator.output_watermark();
            for flow in flows {
                results.extend(steps::run(
                    &stream.after,
                    flow,
                    &stream.name,
                    self.tables.as_ref(),
                    place,
                    fx,
                )?);
            }
        }
        let (from, readers) = (
            Input::Stream(node.stream),
            std::mem::take(&mut node.readers),
        );
        let wanted = node.wanted;
        for flow in results {
            let flow = of_stream(alerts::with_behind(stream, flow, place)?, &stream.changes);
            self.judges.judge(plan, from, &flow, place, fx)?;
            if wanted {
                let deleted = flow.replaces.as_ref().and_then(|r| r.deleted.clone());
                fx.rows.push(Rows {
                    from,
                    batch: flow.batch.clone(),
                    deleted,
                });
            }
            hand_on(&mut self.nodes, &readers, flow);
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.readers = readers;
        }
        Ok(())
    }
}

/// As large a part of something as a part is of a whole.
pub(crate) fn share(of: usize, part: usize, whole: usize) -> usize {
    let share = (of as u128 * part as u128) / (whole as u128).max(1);
    usize::try_from(share).unwrap_or(usize::MAX)
}

/// Gives rows to the nodes that read them.
fn hand_on(nodes: &mut [Node], readers: &[usize], flow: Flow) {
    for &reader in readers {
        if let Some(node) = nodes.get_mut(reader) {
            node.waiting.push(flow.clone());
        }
    }
}

/// Rows as those of a stream, which says what identifies them.
fn of_stream(flow: Flow, changes: &Changes) -> Flow {
    let replaces = match (changes, flow.replaces) {
        (Changes::Append, _) => None,
        (Changes::Upsert { key }, replaces) => Some(Replaces {
            key: Some(key.as_slice().into()),
            deleted: replaces.and_then(|r| r.deleted),
        }),
    };
    Flow { replaces, ..flow }
}
