//! What the pipeline has written against what it should have.

mod alerts;
mod conserved;
mod input;
mod live;
mod same;
mod written;

use std::sync::Arc;

use tidemill_plan::model::Plan;

use self::same::{none_but, same};
use self::written::rows;
use crate::grammar::{Shape, twin_name};
use crate::log::Log;
use crate::oracle::{self, Input, Letter, Rough, Truth};
use crate::scenario::Scenario;
use crate::world::World;

/// Compares a run with the oracle.
pub(crate) struct Check<'a> {
    scenario: &'a Scenario,
    plan: &'a Arc<Plan>,
    /// All that is written.
    written: Input,
    /// The number of each record, where it is.
    ids: Vec<Vec<Vec<usize>>>,
    /// How many transactions there were when the outputs were last compared.
    looked: usize,
}

/// How much of a stream's rows must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// It is not looked at.
    Nothing,
    /// What has come must be right, and more may come.
    Part,
    /// All of them.
    All,
}

/// When something is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Something has been committed.
    Between,
    /// All has been read.
    Rest,
    /// The input has ended.
    End,
}

impl<'a> Check<'a> {
    pub(crate) fn new(scenario: &'a Scenario, plan: &'a Arc<Plan>) -> Self {
        Self {
            written: oracle::input(&scenario.shape, &scenario.records),
            ids: live::ids(scenario),
            scenario,
            plan,
            looked: 0,
        }
    }

    fn shape(&self) -> &Shape {
        &self.scenario.shape
    }

    /// While it runs: where everything happens in the partitions of the sources, what has been written is what follows
    /// from the records up to the committed offsets, at any moment.
    pub(crate) fn look(&mut self, world: &World) -> Result<(), String> {
        let log = world.log();
        if log.transactions.len() == self.looked || !log.is_at_rest() {
            return Ok(());
        }
        self.looked = log.transactions.len();
        self.live(&log, Moment::Between)
            .map_err(|what| format!("after a commit: {what}"))?;
        if !self.shape().is_all_local() {
            return Ok(());
        }
        let truth = oracle::truth(self.shape(), &self.read_so_far(&log)?, None, false);
        let piecewise = self.scenario.at_once() < usize::MAX;
        let extent = |stream: usize| match self.shape().streams.get(stream) {
            Some(shape) if shape.outside => Extent::Nothing,
            Some(_) if piecewise && self.shape().goes_on_in_parts(stream) => Extent::Part,
            _ => Extent::All,
        };
        self.compare(world, &log, &truth, &extent)
            .map_err(|what| format!("after a commit: {what}"))
    }

    /// When all has been read, and windows are open.
    pub(crate) fn at_rest(&self, world: &World) -> Result<(), String> {
        let log = world.log();
        let input = self.input(&log)?;
        let truth = oracle::truth(self.shape(), &input, self.grown(&log, &input), false);
        self.compare(world, &log, &truth, &|_| Extent::All)
            .and_then(|()| self.alerts(&log, &truth))
            .and_then(|()| self.live(&log, Moment::Rest))
            .and_then(|()| self.merged(world, &log))
            .map_err(|what| format!("when all had been read: {what}"))
    }

    /// When the input has ended.
    pub(crate) fn at_end(&self, world: &World) -> Result<(), String> {
        let log = world.log();
        let input = self.input(&log)?;
        let truth = oracle::truth(self.shape(), &input, self.grown(&log, &input), true);
        let compared = self.compare(world, &log, &truth, &|_| Extent::All);
        compared
            .and_then(|()| self.alerts(&log, &truth))
            .and_then(|()| self.tables(world, &log))
            .and_then(|()| self.live(&log, Moment::End))
            .and_then(|()| self.merged(world, &log))
            .and_then(|()| self.conserved(world, &log, &input, &truth))
            .map_err(|what| format!("at the end: {what}"))
    }

    fn compare(
        &self,
        world: &World,
        log: &Log,
        truth: &Truth,
        extent: &dyn Fn(usize) -> Extent,
    ) -> Result<(), String> {
        for (stream, wanted) in truth.rows.iter().enumerate() {
            let extent = extent(stream);
            if extent == Extent::Nothing || rough(truth, stream).rows {
                continue;
            }
            let found = self.left(stream, self.written(world, log, stream)?)?;
            let name = format!("stream_{stream}");
            match extent {
                Extent::All => same(&name, found, wanted.clone())?,
                _ => none_but(&name, found, wanted.clone())?,
            }
        }
        let letters = self.letters(log)?;
        let exact = |letter: &&Letter| !rough(truth, stream_of(letter)).letters;
        let found: Vec<Letter> = letters.iter().filter(exact).cloned().collect();
        let wanted = truth.letters.iter().filter(exact).cloned().collect();
        same("dead letters", found, wanted)
    }

    /// A table outside the log is written before the log commits; whatever comes between, it has in the end what has been
    /// committed, which is in its twin.
    pub(crate) fn tables(&self, world: &World, log: &Log) -> Result<(), String> {
        let streams = self.shape().streams.iter().enumerate();
        for (stream, _) in streams.filter(|(_, shape)| shape.outside) {
            let table = self.left(stream, self.written(world, log, stream)?)?;
            let identity = self.shape().identity(stream);
            let twin = self.left(stream, rows(log, &twin_name(stream), &identity)?)?;
            same(&format!("the table of stream_{stream}"), table, twin)?;
        }
        Ok(())
    }
}

fn rough(truth: &Truth, stream: usize) -> Rough {
    truth.rough.get(stream).copied().unwrap_or_default()
}

/// The stream of a dead letter; none of them where it is the source's.
fn stream_of(letter: &Letter) -> usize {
    let number = letter.0.strip_prefix("stream_");
    number.and_then(|n| n.parse().ok()).unwrap_or(usize::MAX)
}
