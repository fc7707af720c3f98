//! Reading state back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::Offset;

use super::{KafkaReader, tail_in};
use crate::log::kafka::config::Isolation;
use crate::log::kafka::ffi::Fetched;
use crate::log::kafka::tail::Next;
use crate::log::{LogError, OnEntry, TopicPartition, told_to_stop};

/// How long a restore may stand still: longer than a transaction that holds it up is likely to stay open.
const STANDSTILL: Duration = Duration::from_secs(120);

impl KafkaReader {
    /// Reads a partition of a changelog to its very end.
    pub(super) fn read_back(
        &mut self,
        partition: &TopicPartition,
        stop: &AtomicBool,
        each: OnEntry<'_>,
    ) -> Result<(), LogError> {
        let edge = |offset| [(partition.clone(), offset)];
        // The very end, transactions that are still open included: they may turn out to be committed.
        let all = tail_in(&mut self.all, &self.config, Isolation::Uncommitted)?;
        let end = all
            .offsets(&edge(Offset::End))?
            .first()
            .copied()
            .unwrap_or(0);
        let first = all
            .offsets(&edge(Offset::Beginning))?
            .first()
            .copied()
            .unwrap_or(0);
        if first >= end {
            return Ok(());
        }
        tail_in(&mut self.changelogs, &self.config, Isolation::Committed)?;
        let Some(changelogs) = self.changelogs.take() else {
            return Ok(());
        };
        let mut look = |_: &TopicPartition, fetched: &Fetched<'_>, next: i64, _: bool| {
            for record in fetched
                .records()
                .iter()
                .filter(|record| record.offset < end)
            {
                if let Some(key) = record.key {
                    each(key, record.value);
                }
            }
            if next >= end { Next::Stop } else { Next::On }
        };
        let mut serve = || match stop.load(Ordering::Relaxed) {
            true => Err(told_to_stop()),
            false => self.serve(),
        };
        let read = changelogs.read(
            &[(partition.clone(), first)],
            Some(STANDSTILL),
            &mut serve,
            &mut look,
        );
        self.changelogs = Some(changelogs);
        read
    }
}
