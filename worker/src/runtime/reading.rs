//! Reading: from the log, or from a generator, into the tasks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use tidemill_engine::generator::{Generator, TimeSource};
use tidemill_engine::record::RawBatch;
use tidemill_plan::model::{self, Micros, Plan};

use super::editions::Editions;
use super::pending::Pending;
use super::pick::{Candidate, limit, order};
use super::tasks::{Generated, Held};
use super::topology::Stage;
use super::{RunError, Runner};
use crate::log::LogError;
use crate::telemetry;

/// Records taken from a partition before the next is considered.
const BATCH: usize = 2048;
/// Time by which a partition may be ahead of the lowest where the plan has no window.
const AHEAD_WITHOUT_WINDOWS: Micros = 10_000_000;
/// Event time of a generator's first record when it makes them as fast as it can: 2024-01-01T12:00:00Z.
const GENERATED_FROM: Micros = 1_704_110_400_000_000;
/// Event time between such records.
const GENERATED_STEP: Micros = 10_000;

/// How far a partition is read ahead of the lowest watermark: about the time in which a window closes.
pub(super) fn ahead(plan: &Plan) -> Micros {
    let windows = plan.streams.iter().filter_map(|s| s.aggregate()?.window);
    // Windows that rows carry say nothing of how long they are: a microsecond stands for them.
    let panes = windows
        .map(|window| window.kind.pane())
        .filter(|&pane| pane > 1);
    panes.min().unwrap_or(AHEAD_WITHOUT_WINDOWS)
}

impl Runner {
    /// Reads a batch of each stage that has one; how many records that were.
    pub(super) fn read_some(&mut self) -> Result<usize, RunError> {
        let mut read = 0;
        for place in 0..self.topology.subscriptions.len() {
            let Some(stage) = self.topology.subscriptions.get(place).map(|s| s.stage) else {
                continue;
            };
            for index in self.next_of(stage) {
                let records = self.read_partition(index)?;
                read += records;
                // The order is worked out anew after each batch of a source; shards are all drained.
                if records > 0 && matches!(stage, Stage::Source(_)) {
                    break;
                }
            }
        }
        self.look_for_the_end()?;
        Ok(read)
    }

    fn next_of(&self, stage: Stage) -> Vec<usize> {
        let wanting = || {
            let held = self.tasks.iter().enumerate();
            held.filter(|(_, held)| held.wants_more())
        };
        let of_stage = wanting().filter(|(_, held)| held.stage == stage);
        let (indices, candidates): (Vec<usize>, Vec<Candidate>) = of_stage
            .map(|(index, held)| (index, held.candidate()))
            .unzip();
        let in_step = wanting().filter(|(_, held)| self.are_in_step(held.stage, stage));
        let limit = limit(in_step.map(|(_, held)| held.candidate()), self.ahead);
        order(&candidates, limit)
            .into_iter()
            .filter_map(|i| indices.get(i).copied())
            .collect()
    }

    /// Whether what is read of two stages goes on in step.
    fn are_in_step(&self, one: Stage, other: Stage) -> bool {
        match (one, other) {
            (Stage::Source(one), Stage::Source(other)) => self
                .in_step
                .get(one)
                .is_some_and(|all| all.contains(&other)),
            _ => one == other,
        }
    }

    fn read_partition(&mut self, index: usize) -> Result<usize, RunError> {
        if !self.is_ready(index)? {
            return Ok(0);
        }
        let Some(held) = self.tasks.get_mut(index) else {
            return Ok(0);
        };
        let editions = &mut self.editions;
        let (records, bytes) = if held.generator.is_some() {
            (generate(&mut self.pending, held, self.host.now())?, 0)
        } else {
            let (mut failure, mut bytes) = (None, 0);
            let now = self.host.now();
            let partition = held.partition.clone();
            let taken = self.reader.take(&partition, BATCH, &mut |batch| {
                if failure.is_none() && held.again_from.is_none() {
                    bytes += batch
                        .records
                        .iter()
                        .map(|r| r.value.map_or(0, <[u8]>::len) as u64)
                        .sum::<u64>();
                    failure = read_batch(&mut self.pending, editions, held, batch, now).err();
                }
            });
            let taken = match taken {
                Ok(taken) => taken,
                Err(LogError::Unavailable(why)) => {
                    self.trouble(&why);
                    return Ok(0);
                }
                Err(refused) => return Err(refused.into()),
            };
            if let Some(failure) = failure {
                return Err(failure);
            }
            held.at_end = taken.at_end && held.again_from.is_none();
            held.log_end = taken.end;
            if held.again_from.is_none() && taken.next_offset > held.offset {
                held.offset = held
                    .end
                    .map_or(taken.next_offset, |end| end.min(taken.next_offset));
                held.dirty = true;
            }
            (taken.records, bytes)
        };
        if records > 0
            && let Stage::Source(source) = held.stage
            && let Some(figures) = self.read.get_mut(source)
        {
            figures.records += records as u64;
            figures.bytes += bytes;
        }
        Ok(records)
    }

    /// Whether a partition can be read on: not while a schema that its next record needs is being asked for.
    fn is_ready(&mut self, index: usize) -> Result<bool, RunError> {
        let Some(held) = self.tasks.get_mut(index) else {
            return Ok(false);
        };
        if let (Some(id), Stage::Source(source)) = (held.wants_schema, held.stage) {
            if !self.lookups.teach(&mut held.task, source, id) {
                return Ok(false);
            }
            held.wants_schema = None;
        }
        if held.wants_edition {
            self.learn_editions()?;
        }
        let Some(held) = self.tasks.get_mut(index) else {
            return Ok(false);
        };
        held.wants_edition = false;
        let Some(offset) = held.again_from else {
            return Ok(true);
        };
        match self.reader.seek(&held.partition, offset) {
            Ok(()) => {
                held.again_from = None;
                Ok(true)
            }
            Err(LogError::Unavailable(why)) => {
                self.trouble(&why);
                Ok(false)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Takes in what schema registries have answered.
    pub(super) fn hear_schemas(&mut self) {
        self.lookups.hear();
    }

    /// A partition from which nothing comes, though all of it has been read, stops holding windows back: those of its
    /// own go by the others' watermark, and shards are told. That is decided just before a commit, so that a record is
    /// never read on the strength of it before it is in the log; and not while a lost attempt is done again.
    pub(super) fn look_for_idleness(&mut self) -> Result<(), RunError> {
        if self.loading || !self.commits.may_read() {
            return Ok(());
        }
        let now = self.host.now();
        for source in 0..self.plan.sources.len() {
            let Some(timeout) = self.idle_timeout(source) else {
                continue;
            };
            let of_source = |held: &&mut Held| held.stage == Stage::Source(source);
            let busy = self
                .tasks
                .iter_mut()
                .filter(of_source)
                .filter(|h| !h.is_quiet_for(timeout, now));
            let watermark = busy.map(|h| h.task.watermark()).min().flatten();
            for held in self
                .tasks
                .iter_mut()
                .filter(of_source)
                .filter(|h| h.is_quiet_for(timeout, now))
            {
                if !held.idle {
                    held.idle = true;
                    held.task.set_idle();
                    held.dirty = true;
                }
                if let Some(watermark) = watermark.filter(|w| Some(*w) > held.task.watermark()) {
                    held.dirty = true;
                    self.pending.gather(held, |held, effects| {
                        Ok(held.task.advance(watermark, effects)?)
                    })?;
                }
            }
        }
        Ok(())
    }

    fn idle_timeout(&self, source: usize) -> Option<Duration> {
        let micros = self.plan.sources.get(source)?.event_time?.idle_timeout?;
        u64::try_from(micros).ok().map(Duration::from_micros)
    }

    /// When the input is bounded: tells tasks that have read all of it.
    fn look_for_the_end(&mut self) -> Result<(), RunError> {
        if !self.settings.bounded {
            return Ok(());
        }
        for held in self.tasks.iter_mut().filter(|h| !h.finished) {
            match held.stage {
                Stage::Source(_) if held.end.is_some_and(|end| held.offset >= end) => {
                    let offset = held.offset;
                    self.pending.gather(held, |held, effects| {
                        Ok(held.task.finish(offset, effects)?)
                    })?;
                    held.finished = true;
                    held.dirty = true;
                }
                Stage::Shard(_) if held.at_end && held.task.finished() => {
                    held.finished = true;
                    held.dirty = true;
                }
                Stage::Source(_) | Stage::Shard(_) => {}
            }
        }
        Ok(())
    }

    /// Whether nothing is left of a bounded input.
    pub(super) fn all_finished(&self) -> bool {
        self.tasks.iter().all(|held| held.finished)
    }
}

impl Held {
    fn is_quiet_for(&self, timeout: Duration, now: Instant) -> bool {
        let is_quiet = now.saturating_duration_since(self.last_record) >= timeout;
        self.at_end && is_quiet && self.written.next().is_none()
    }
}

/// Takes records in, cut where a sink outside the log has its rows up to, where other rules were in force, and at the end of
/// a bounded input.
fn read_batch(
    pending: &mut Pending,
    editions: &mut Editions,
    held: &mut Held,
    batch: &RawBatch<'_>,
    now: Instant,
) -> Result<(), RunError> {
    let span = tracing::info_span!(
        "batch",
        otel.kind = "consumer",
        topic = batch.topic,
        partition = batch.partition,
        records = batch.records.len(),
    );
    let _entered = span.enter();
    follow_trace(batch);
    pending.trace(&span);
    held.last_record = now;
    held.idle = false;
    let mut rest = batch.records;
    if let Some((index, id)) = held.task.missing_schema(rest) {
        held.wants_schema = Some(id);
        held.again_from = rest.get(index).map(|record| record.offset);
        rest = rest.get(..index).unwrap_or_default();
    }
    if let Some(newest) = held.task.newest_edition(rest)
        && editions.is_new(newest)
    {
        editions.hear(newest);
        held.wants_edition = true;
        held.again_from = rest.first().map(|record| record.offset);
        return Ok(());
    }
    let mut first = 0;
    while let Some(head) = rest.first() {
        held.follow_editions(head.offset);
        if held.end.is_some_and(|end| head.offset >= end) {
            break;
        }
        if held.waits_before(head.offset) {
            held.again_from = Some(head.offset);
            break;
        }
        let cut = held.cut_after(head.offset);
        let count = cut.map_or(rest.len(), |cut| rest.partition_point(|r| r.offset < cut));
        let (part, later) = rest.split_at(count);
        let headers = |index: usize| (batch.headers)(first + index);
        let part_batch = RawBatch {
            records: part,
            headers: &headers,
            ..*batch
        };
        pending.gather(held, |held, effects| {
            held.task.process(&part_batch, effects)?;
            held.offset = part.last().map_or(held.offset, |last| last.offset + 1);
            held.dirty = true;
            Ok(())
        })?;
        first += count;
        rest = later;
    }
    Ok(())
}

impl Held {
    /// The nearest offset after `offset` at which a batch must end.
    fn cut_after(&self, offset: i64) -> Option<i64> {
        let end = self.end.filter(|&end| end > offset);
        let cuts = self.written.cut_after(offset).into_iter();
        cuts.chain(self.next_edition_at()).chain(end).min()
    }
}

/// When traces are exported, the batch belongs to the trace of its first record.
fn follow_trace(batch: &RawBatch<'_>) {
    if tracing::Span::current().is_disabled() || batch.records.is_empty() {
        return;
    }
    let headers = (batch.headers)(0);
    let parent = headers
        .iter()
        .find(|(name, _)| name == "traceparent")
        .and_then(|(_, value)| value.as_deref());
    if let Some(Ok(parent)) = parent.map(std::str::from_utf8) {
        telemetry::follow(parent);
    }
}

/// Makes the records that are due by now.
fn generate(pending: &mut Pending, held: &mut Held, now: Instant) -> Result<usize, RunError> {
    let made = held.generator.as_ref();
    let due = made.map_or(0, |made| made.due(held.offset));
    held.at_end = due == 0;
    if due == 0 || held.waits_before(held.offset) {
        return Ok(0);
    }
    held.follow_editions(held.offset);
    let Some(made) = held.generator.as_ref() else {
        return Ok(0);
    };
    let cut = held.cut_after(held.offset).map(|cut| cut - held.offset);
    let due = cut.map_or(due, |cut| due.min(usize::try_from(cut).unwrap_or(due)));
    let time = made.time_of(held.offset, held.task.watermark());
    let span = tracing::info_span!("generate", topic = %held.partition.topic, records = due);
    let _entered = span.enter();
    pending.trace(&span);
    let from = u64::try_from(held.offset).unwrap_or_default();
    let rows = made
        .generator
        .batch(from, due, time)
        .map_err(|e| RunError::Generator(held.partition.topic.to_string(), e))?;
    let count = rows.num_rows();
    held.last_record = now;
    held.idle = false;
    pending.gather(held, |held, effects| {
        held.task.process_rows(rows, effects)?;
        held.offset += i64::try_from(count).unwrap_or_default();
        held.dirty = true;
        Ok(())
    })?;
    Ok(count)
}

impl Generated {
    /// Makes a partition's share of a source's records, from this one on.
    #[allow(clippy::cast_precision_loss)] // rates are far below 2^52
    pub(super) fn new(
        spec: &model::Generator,
        source: &model::Source,
        partition: i32,
        from: i64,
    ) -> Result<Self, RunError> {
        let partition = u32::try_from(partition).unwrap_or_default();
        let generator = Generator::new(spec, Arc::clone(&source.schema), partition)
            .map_err(|e| RunError::Generator(source.name.clone(), e))?;
        Ok(Self {
            generator,
            share: (partition, spec.partitions),
            rate: spec.rate as f64 / f64::from(spec.partitions.max(1)),
            since: (Instant::now(), from),
        })
    }

    /// When the next records are: now if they are paced, else at times of their own, the same on every run. Where they
    /// were paced before, those times have passed, and it is now again.
    fn time_of(&self, offset: i64, watermark: Option<Micros>) -> TimeSource {
        let (share, of) = self.share;
        let index = offset
            .saturating_mul(i64::from(of))
            .saturating_add(i64::from(share));
        let own = GENERATED_FROM.saturating_add(GENERATED_STEP.saturating_mul(index));
        if self.rate > 0.0 || watermark.is_some_and(|watermark| watermark > own) {
            return TimeSource::At(Utc::now().timestamp_micros());
        }
        TimeSource::Synthetic {
            start: GENERATED_FROM,
            step: GENERATED_STEP,
        }
    }

    /// How many records are due now, at most a batch.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )]
    fn due(&self, offset: i64) -> usize {
        let left = self
            .generator
            .records()
            .map_or(u64::MAX, |all| all.saturating_sub(offset as u64));
        let due = if self.rate > 0.0 {
            let (since, first) = self.since;
            let total = first + (since.elapsed().as_secs_f64() * self.rate) as i64;
            u64::try_from(total - offset).unwrap_or_default()
        } else {
            u64::MAX
        };
        left.min(due).min(BATCH as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use tidemill_plan::model::{Format, GeneratorKind, Origin, Source, empty_schema};

    use super::*;

    fn made(rate: u64) -> Generated {
        let spec = model::Generator {
            kind: GeneratorKind::Transactions,
            rate,
            fraud_ratio: 0.0,
            accounts: 10,
            seed: 1,
            records: Some(1_000),
            partitions: 2,
        };
        let source = Source {
            name: "made".to_owned(),
            origin: Origin::Generator(spec.clone()),
            format: Format::Json,
            columns: Vec::new(),
            schema: empty_schema(),
            check: None,
            event_time: None,
            partitioned_by: Vec::new(),
            key: None,
            distribution: Default::default(),
        };
        Generated::new(&spec, &source, 1, 100).unwrap()
    }

    #[test]
    fn a_rate_counts_from_where_it_was_set() {
        let mut slow = made(20);
        slow.since.0 = Instant::now() - Duration::from_secs(6);
        let due = slow.due(100);
        assert!(due >= 60, "10 a second for this half: {due}");
        assert_eq!(made(0).due(100), 400, "all that are left of its half");
    }

    #[test]
    fn unpaced_records_have_times_of_their_own_unless_those_have_passed() {
        let is_own = |made: &Generated, watermark| {
            matches!(made.time_of(100, watermark), TimeSource::Synthetic { .. })
        };
        let own = GENERATED_FROM + 201 * GENERATED_STEP;
        assert!(is_own(&made(0), None));
        assert!(is_own(&made(0), Some(own)));
        assert!(!is_own(&made(0), Some(own + 1)), "it was paced before");
        assert!(!is_own(&made(5), None));
    }
}
