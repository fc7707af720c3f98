//! What is to be read, of what is written to the sources.

use tidemill_worker::log::TopicPartition;

use super::Check;
use crate::grammar::{Body, source_name};
use crate::log::{Log, Time};
use crate::oracle::{Grown, Input};

impl Check<'_> {
    /// What is to be read: of a source that begins where it ends then, what has come since.
    pub(super) fn input(&self, log: &Log) -> Result<Input, String> {
        let mut input = self.written.clone();
        for (source, partitions) in input.iter_mut().enumerate() {
            if !self.shape().sources.get(source).is_some_and(|s| s.latest) {
                continue;
            }
            for (partition, records) in (0..).zip(partitions.iter_mut()) {
                let began = self.began(log, source, partition)?;
                let before = usize::try_from(began).unwrap_or(0).min(records.len());
                records
                    .iter_mut()
                    .take(before)
                    .for_each(|record| *record = Body::Unread);
            }
        }
        Ok(input)
    }

    /// Where a partition was begun. One that its source has got after it was first read must be read from its beginning.
    pub(super) fn began(&self, log: &Log, source: usize, partition: i32) -> Result<i64, String> {
        let at = |partition| TopicPartition {
            topic: source_name(source).into(),
            partition,
        };
        let began = log.starts.get(&at(partition)).copied().unwrap_or_default();
        let growth = self.scenario.grows.filter(|growth| growth.source == source);
        let is_new = growth.is_some_and(|growth| {
            let first = log.begun.get(&at(0));
            partition >= growth.from.cast_signed() && first.is_some_and(|when| *when < growth.at)
        });
        if is_new && began > 0 {
            return Err(format!(
                "source_{source}/{partition} is new and was begun at {began}"
            ));
        }
        Ok(began)
    }

    /// What shards may have closed before they heard of new partitions: all of the old ones' records that were there when
    /// a member was first given a new one.
    pub(super) fn grown(&self, log: &Log, input: &Input) -> Option<Grown> {
        let growth = self.scenario.grows?;
        let new = TopicPartition {
            topic: source_name(growth.source).into(),
            partition: growth.from.cast_signed(),
        };
        let heard = log.given.get(&new).copied().unwrap_or(Time::MAX);
        let disorder = self.shape().sources.get(growth.source)?.disorder * 1_000;
        let mut seen = vec![0; growth.from as usize];
        for record in self
            .scenario
            .records
            .iter()
            .filter(|r| r.source == growth.source)
        {
            if let Some(seen) = seen.get_mut(record.partition as usize)
                && record.at <= heard
            {
                *seen += 1;
            }
        }
        let highest = |(records, &seen): (&Vec<Body>, &usize)| {
            let times = records.iter().take(seen).filter_map(|body| match body {
                Body::Row { v, ts, .. } if *v >= 0 => Some(ts - disorder),
                _ => None,
            });
            times.max()
        };
        Some(Grown {
            source: growth.source,
            from: growth.from as usize,
            watermark: input
                .get(growth.source)?
                .iter()
                .zip(&seen)
                .map(highest)
                .min()?,
        })
    }

    /// The input as far as it is committed.
    pub(super) fn read_so_far(&self, log: &Log) -> Result<Input, String> {
        let mut input = self.input(log)?;
        for (source, partitions) in input.iter_mut().enumerate() {
            for (partition, records) in (0..).zip(partitions.iter_mut()) {
                let at = TopicPartition {
                    topic: source_name(source).into(),
                    partition,
                };
                let read = log.offsets.get(&at).map_or(0, |stored| stored.offset);
                records.truncate(usize::try_from(read).unwrap_or(0));
            }
        }
        Ok(input)
    }
}
