//! Which rules rows are judged by: those of the manifests from now on, and what was read before as it was then.

use std::sync::Arc;
use std::time::Duration;

use tidemill_engine::task::Task;
use tidemill_plan::model::Plan;

use super::committing::Work;
use super::editions::Entry;
use super::in_force::Noted;
use super::tasks::Held;
use super::topology::Stage;
use super::{RunError, Runner};
use crate::log::{Commit, Outcome, TopicPartition};
use crate::status::RuleStatus;

/// How long the end of a commit is waited for before it is waited for again.
const WAIT: Duration = Duration::from_millis(100);

impl Runner {
    /// Makes an edition of the rules that the manifests have, unless there is one, and judges by it. False if it was told to
    /// stop first. No commit may be in flight.
    pub(super) fn take_up_rules(&mut self) -> Result<bool, RunError> {
        if self.topology.rules.is_none() {
            return Ok(true);
        }
        let mut pause = Duration::from_millis(100);
        loop {
            if !self.read_editions()? {
                return Ok(false);
            }
            let rules = self.rulebook.rules();
            if self.editions.adopt(rules, &self.plan.made) {
                break;
            }
            let next = Entry::Edition(self.editions.next(rules, &self.plan.made));
            if let Err(why) = self.append(&next)? {
                self.trouble(&why);
                if !self.pause(&mut pause) {
                    return Ok(false);
                }
            }
        }
        self.plan_editions()?;
        let wanted = self.editions.wanted();
        for held in self.tasks.iter_mut() {
            // At the next commit it goes on with this edition.
            let rules = held.rules.as_ref();
            held.dirty |= rules.is_some_and(|rules| rules.has_news(wanted));
        }
        Ok(true)
    }

    /// Takes in the editions that others have made since. False if it was told to stop first.
    pub(super) fn learn_editions(&mut self) -> Result<bool, RunError> {
        let known = self.editions.newest();
        if !self.read_editions()? {
            return Ok(false);
        }
        if self.editions.newest() != known {
            self.plan_editions()?;
        }
        Ok(true)
    }

    /// Puts in force what each partition is to be judged by, where it is now.
    pub(super) fn put_in_force(&self, held: &mut [Held]) -> Result<(), RunError> {
        if self.topology.rules.is_none() {
            return Ok(());
        }
        for held in held {
            match held.stage {
                Stage::Shard(_) => held.task.set_edition(self.editions.wanted()),
                Stage::Source(_) => {
                    let then = held.committed.as_ref().map(|at| at.clock.as_str());
                    let attempt = held.written.next().map(|at| at.clock.as_str());
                    let edition = |clock: Option<&str>| clock.map(Task::edition_then).transpose();
                    let noted = Noted {
                        then: edition(then)?.flatten(),
                        attempt: edition(attempt)?.flatten(),
                    };
                    let rules = self.editions.in_force(&held.partition, held.offset, noted);
                    held.task.set_edition(rules.now());
                    held.dirty |= rules.has_news(self.editions.wanted());
                    held.rules = Some(rules);
                }
            }
        }
        Ok(())
    }

    /// Reads the topic of the rules, if there is one.
    fn read_editions(&mut self) -> Result<bool, RunError> {
        let Some(topic) = &self.topology.rules else {
            return Ok(true);
        };
        let at = TopicPartition {
            topic: topic.as_str().into(),
            partition: 0,
        };
        let read = self.retry("reading which rules were in force", |runner| {
            let Self {
                reader,
                editions,
                stop,
                ..
            } = runner;
            editions.forget();
            let mut each = |_: &[u8], value: Option<&[u8]>| {
                value.into_iter().for_each(|value| editions.read(value));
            };
            reader.restore(&at, stop, &mut each)
        })?;
        Ok(read.is_some())
    }

    /// Writes a record, or says why that may not have been done.
    fn append(&mut self, entry: &Entry) -> Result<Result<(), String>, RunError> {
        let topic = self.topology.rules.as_deref().unwrap_or_default();
        self.committing.send(Work {
            span: tracing::info_span!("rules"),
            commit: Commit {
                produced: vec![(topic.into(), entry.to_record())],
                ..Commit::default()
            },
            external: Vec::new(),
            proof: Vec::new(),
        });
        let ended = loop {
            if let Some(ended) = self.committing.ended(WAIT) {
                break ended;
            }
        };
        Ok(match ended {
            Outcome::Committed => Ok(()),
            Outcome::Aborted(why) => Err(why),
            Outcome::Fenced(why) | Outcome::Unknown(why) => {
                self.reinit();
                Err(why)
            }
            Outcome::Fatal(why) => return Err(RunError::Commit(why)),
        })
    }

    /// Plans all editions that are known. They ask for the streams that run.
    fn plan_editions(&mut self) -> Result<(), RunError> {
        match self.rulebook.plan(&self.editions.versions()) {
            Ok(plan) if plan.made == self.plan.made => self.judge_by(plan),
            Ok(_) => {
                tracing::error!(pipeline = %self.plan.name, "its rules ask for other streams than run, and go on as they were");
                Ok(())
            }
            Err(why) => {
                tracing::error!(pipeline = %self.plan.name, why, "its rules cannot be planned, and go on as they were");
                Ok(())
            }
        }
    }

    fn judge_by(&mut self, plan: Arc<Plan>) -> Result<(), RunError> {
        let wanted = self.editions.wanted();
        for held in self.tasks.all_mut() {
            held.task.set_rules(&plan)?;
            if matches!(held.stage, Stage::Shard(_)) {
                held.task.set_edition(wanted);
            }
        }
        self.pending.set_rules(&self.plan, &plan);
        self.status.update(|s| {
            let before = std::mem::take(&mut s.rules);
            s.rules = RuleStatus::of(&plan, &before);
        });
        self.plan = plan;
        Ok(())
    }
}
