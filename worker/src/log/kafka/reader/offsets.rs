//! Offsets of a group: where it stands, and where it begins.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::{Consumer, KafkaReader, tail_in};
use crate::log::kafka::config::Isolation;
use crate::log::kafka::ffi;
use crate::log::kafka::position::unframe;
use crate::log::kafka::tail;
use crate::log::{LogError, Position, Start, TopicPartition};

/// How long the group's coordinator has to answer. A client that does not know it waits for that long, even if it comes to
/// know it, so the question is put again soon.
const COORDINATOR: Duration = Duration::from_secs(5);

impl KafkaReader {
    /// The offsets to begin at, in the order given.
    pub(super) fn starts(
        &self,
        partitions: &[(TopicPartition, Start)],
    ) -> Result<Vec<i64>, LogError> {
        let consumer = self.consumer()?;
        let servers = &self.config.bootstrap_servers;
        let mut offsets = vec![-1; partitions.len()];
        let by_meaning = |start| match start {
            Start::At(_) => None,
            Start::Earliest => Some(Offset::Beginning),
            Start::Latest => Some(Offset::End),
            Start::Timestamp(at) => Some(Offset::Offset(at.max(0))),
        };
        // Second, the end: for timestamps that no record is as late as.
        for round in [by_meaning as fn(Start) -> Option<Offset>, |_| {
            Some(Offset::End)
        }] {
            let open: Vec<_> = offsets
                .iter_mut()
                .zip(partitions)
                .filter(|(offset, _)| **offset < 0)
                .collect();
            let (mut slots, mut wanted) = (Vec::new(), Vec::new());
            for (slot, (at, start)) in open {
                match (*start, round(*start)) {
                    (Start::At(offset), _) => *slot = offset.max(0),
                    (_, Some(offset)) => {
                        slots.push(slot);
                        wanted.push((at.clone(), offset));
                    }
                    (_, None) => {}
                }
            }
            for (slot, offset) in slots
                .into_iter()
                .zip(tail::offsets(consumer, servers, &wanted)?)
            {
                *slot = offset;
            }
        }
        Ok(offsets)
    }

    /// Committed offsets once no open transaction can move them.
    pub(super) fn stable_committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<Position>>, LogError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let writers = self.raw_committed(partitions)?;
        let consumer = Arc::clone(self.consumer()?);
        self.fences.fence(&self.config, &consumer, &writers);
        let doing = format!(
            "reading the committed offsets of group {}",
            self.config.group
        );
        let list = match committed_list(&consumer, partitions) {
            Ok(list) => list,
            Err(error) => {
                let failed = self.failed(&doing, &error);
                drop(consumer);
                self.reopen_if_stuck()?;
                return Err(failed);
            }
        };
        self.unanswered = None;
        let mut found = HashMap::with_capacity(partitions.len());
        for (each, metadata) in list.elements().iter().zip(ffi::offset_metadata(&list)) {
            each.error().map_err(|e| self.failed(&doing, &e))?;
            if let Offset::Offset(offset) = each.offset() {
                let clock = unframe(metadata)
                    .map(|(_, clock)| clock.to_owned())
                    .unwrap_or_default();
                found.insert(
                    (each.topic().to_owned(), each.partition()),
                    Position { offset, clock },
                );
            }
        }
        Ok(partitions
            .iter()
            .map(|at| found.remove(&(at.topic.to_string(), at.partition)))
            .collect())
    }

    /// Committed offsets with their metadata as they are, without waiting for open transactions.
    fn raw_committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeSet<String>, LogError> {
        let all = tail_in(&mut self.all, &self.config, Isolation::Uncommitted)?;
        let list = committed_list(all.consumer(), partitions);
        let servers = &self.config.bootstrap_servers;
        let list = list
            .map_err(|e| tail::failed(all.consumer(), servers, "reading committed offsets", &e))?;
        let writers = ffi::offset_metadata(&list)
            .into_iter()
            .filter_map(unframe)
            .map(|(writer, _)| writer.to_owned());
        Ok(writers.collect())
    }
}

fn committed_list(
    consumer: &Consumer,
    partitions: &[TopicPartition],
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for at in partitions {
        list.add_partition(&at.topic, at.partition);
    }
    consumer.committed_offsets(list, COORDINATOR)
}
