//! Which topics a plan reads and keeps, and which task reads which of them.

use std::collections::HashMap;

use tidemill_plan::model::{Exchange, Input, Origin, OutputOf, Plan, StartFrom};

/// What reads a topic: one task for each of its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// A source, by its index in the plan: decoding and all that needs no shuffle.
    Source(usize),
    /// The far side of a stream's shuffle, by the stream's index.
    Shard(usize),
}

impl Stage {
    /// What its tasks are partitions of.
    #[must_use]
    pub fn place(self) -> Input {
        match self {
            Self::Source(source) => Input::Source(source),
            Self::Shard(stream) => Input::Stream(stream),
        }
    }
}

/// A topic that a worker subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic.
    pub topic: String,
    /// Who reads it.
    pub stage: Stage,
    /// The partitions it is made with where it is not there; `None` leaves making it to others.
    pub partitions: Option<u32>,
    /// Whether records come from the topic. A generator's topic stays empty: owning a partition of it is the right to
    /// make that share of the records, and the offset committed for it is how many have been made.
    pub carries_records: bool,
    /// Where to start if nothing is committed.
    pub start_from: StartFrom,
    /// The compacted topic that holds the stage's state, with as many partitions; `None` where it has no state.
    pub changelog: Option<String>,
}

/// The topics of one plan.
#[derive(Debug, Clone)]
pub struct Topology {
    /// The consumer group, and the prefix of the topics of its own.
    pub group: String,
    /// What is read.
    pub subscriptions: Vec<Subscription>,
    /// The topic of each shuffled stream, by the stream's index.
    pub shuffles: HashMap<usize, String>,
    /// Where dead letters are kept when no output takes them.
    pub dead_letter: String,
    /// Where alerts of rules are kept that are not sent; absent where no output takes alerts.
    pub shadow: Option<String>,
    /// Where it is kept which rules were in force where; absent where no output takes alerts.
    pub rules: Option<String>,
}

impl Topology {
    /// Works out the topics of a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let group = plan.name.clone();
        let sources = plan.sources.iter().enumerate().map(|(index, source)| {
            let stage = Stage::Source(index);
            let changelog =
                has_local_state(plan, stage).then(|| format!("{group}.{}.changelog", source.name));
            match &source.origin {
                Origin::Topic { topic, start_from } => Subscription {
                    topic: topic.clone(),
                    stage,
                    partitions: None,
                    carries_records: true,
                    start_from: *start_from,
                    changelog,
                },
                Origin::Generator(generator) => Subscription {
                    topic: format!("{group}.{}.generator", source.name),
                    stage,
                    partitions: Some(generator.partitions),
                    carries_records: false,
                    start_from: StartFrom::Earliest,
                    changelog,
                },
            }
        });
        let shards = plan
            .streams
            .iter()
            .enumerate()
            .filter_map(|(index, stream)| {
                let Exchange::Shuffle { shards } = stream.exchange()? else {
                    return None;
                };
                Some(Subscription {
                    topic: shuffle_topic(&group, &stream.name),
                    stage: Stage::Shard(index),
                    partitions: Some(*shards),
                    carries_records: true,
                    start_from: StartFrom::Earliest,
                    changelog: Some(format!("{group}.{}.changelog", stream.name)),
                })
            });
        let subscriptions: Vec<_> = sources.chain(shards).collect();
        let shuffles = subscriptions
            .iter()
            .filter_map(|s| match s.stage {
                Stage::Shard(stream) => Some((stream, s.topic.clone())),
                Stage::Source(_) => None,
            })
            .collect();
        let has_alerts = plan.outputs.iter().any(|it| it.from == OutputOf::Alerts);
        let of_alerts = |topic: &str| has_alerts.then(|| format!("{group}.{topic}"));
        Self {
            dead_letter: format!("{group}.dead-letter"),
            shadow: of_alerts("shadow-alerts"),
            rules: of_alerts("rules"),
            group,
            subscriptions,
            shuffles,
        }
    }

    /// The subscription behind a topic.
    #[must_use]
    pub fn of_topic(&self, topic: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.topic == topic)
    }

    /// The subscription of a stage.
    #[must_use]
    pub fn of_stage(&self, stage: Stage) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.stage == stage)
    }
}

fn shuffle_topic(group: &str, stream: &str) -> String {
    format!("{group}.{stream}.shuffle")
}

/// The stages in which the rows of inputs come to be.
pub(super) fn stages_of(plan: &Plan, inputs: &[Input]) -> impl Iterator<Item = Stage> {
    plan.places_of(inputs).into_iter().map(|place| match place {
        Input::Source(source) => Stage::Source(source),
        Input::Stream(stream) => Stage::Shard(stream),
    })
}

fn has_local_state(plan: &Plan, stage: Stage) -> bool {
    plan.streams.iter().any(|stream| {
        matches!(stream.exchange(), Some(Exchange::Local))
            && stages_of(plan, &stream.inputs).any(|it| it == stage)
    })
}
