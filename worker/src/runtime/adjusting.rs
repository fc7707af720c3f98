//! Edits that take effect while the pipeline runs.

use std::collections::HashMap;

use tidemill_crds::AlertRule;
use tidemill_plan::live::{Live, Pace};
use tidemill_plan::model;

use super::tasks::{Generated, Held};
use super::topology::Stage;
use super::{RunError, Runner};

/// Something that takes effect while a pipeline runs.
#[derive(Debug, Clone)]
pub enum Change {
    /// Of the Pipeline.
    Live(Live),
    /// The rules, which ask for the streams that run.
    Rules(Vec<AlertRule>),
}

impl Runner {
    /// Takes up what has been edited since the last turn.
    pub(super) fn hear_edits(&mut self) -> Result<(), RunError> {
        while let Ok(change) = self.edits.try_recv() {
            match change {
                Change::Live(live) => self.adjust(&live)?,
                Change::Rules(rules) => {
                    self.rulebook.set_rules(rules);
                    self.has_new_rules = true;
                }
            }
        }
        if self.has_new_rules && !self.commits.in_flight() {
            self.has_new_rules = !self.take_up_rules()?;
        }
        Ok(())
    }

    fn adjust(&mut self, live: &Live) -> Result<(), RunError> {
        self.settings.commit_interval = live.commit_interval.into();
        for (index, source) in self.plan.sources.iter().enumerate() {
            let Some(spec) = self.generators.get_mut(&index) else {
                continue;
            };
            let Some(&pace) = live.generators.get(&source.name) else {
                continue;
            };
            *spec = with_pace(spec, pace);
            let of_source = |held: &&mut Held| held.stage == Stage::Source(index);
            for held in self.tasks.iter_mut().filter(of_source) {
                let partition = held.partition.partition;
                held.generator = Some(Generated::new(spec, source, partition, held.offset)?);
            }
        }
        Ok(())
    }
}

/// The generators of a plan, by the source's index.
pub(super) fn generators(plan: &model::Plan) -> HashMap<usize, model::Generator> {
    let generator = |(index, source): (usize, &model::Source)| match &source.origin {
        model::Origin::Generator(generator) => Some((index, generator.clone())),
        model::Origin::Topic { .. } => None,
    };
    plan.sources
        .iter()
        .enumerate()
        .filter_map(generator)
        .collect()
}

fn with_pace(spec: &model::Generator, pace: Pace) -> model::Generator {
    model::Generator {
        rate: pace.rate,
        fraud_ratio: pace.fraud_ratio,
        accounts: pace.accounts,
        ..spec.clone()
    }
}
