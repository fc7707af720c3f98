//! Topics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidemill_engine::record::{RawBatch, RawRecord};
use tidemill_worker::log::{Admin, LogError, OnProgress, Produced, TopicPartition, TopicSpec};

use crate::log::{MS, Time};
use crate::world::{Process, Site};

/// How often a table that rests is looked at.
const LOOK: Time = 20 * MS;

/// Makes topics, and looks them up.
pub(crate) struct SimulatedAdmin(pub(crate) Arc<Process>);

impl Admin for SimulatedAdmin {
    fn partitions(&mut self, topics: &[String]) -> Result<Vec<Option<u32>>, LogError> {
        let world = Arc::clone(&self.0.world);
        Ok(self.0.ask(Site::Admin, || {
            let log = world.log();
            topics.iter().map(|topic| log.count(topic)).collect()
        })?)
    }

    fn ensure(&mut self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let world = Arc::clone(&self.0.world);
        Ok(self.0.ask(Site::Admin, || {
            let mut log = world.log();
            for topic in topics {
                log.create(&topic.name, topic.partitions, topic.compacted);
            }
        })?)
    }

    fn grow(&mut self, topic: &str, partitions: u32) -> Result<(), LogError> {
        let world = Arc::clone(&self.0.world);
        Ok(self.0.ask(Site::Admin, || {
            world.log().grow(topic, partitions);
        })?)
    }

    fn forget(&mut self, _: &str, _: &[String]) -> Result<(), LogError> {
        Err(unused())
    }

    fn list(&mut self) -> Result<Vec<(String, u32)>, LogError> {
        Err(unused())
    }

    fn write(&mut self, _: &str, _: &[Produced]) -> Result<(), LogError> {
        Err(unused())
    }

    fn read(
        &mut self,
        _: &str,
        _: bool,
        _: &mut dyn FnMut(&RawBatch<'_>) -> bool,
    ) -> Result<(), LogError> {
        Err(unused())
    }

    fn follow(
        &mut self,
        topic: &str,
        from: &[(i32, i64)],
        stop: &AtomicBool,
        each: OnProgress<'_>,
    ) -> Result<(), LogError> {
        let world = Arc::clone(&self.0.world);
        let place = |&(partition, next): &(i32, i64)| {
            let topic = topic.into();
            (TopicPartition { topic, partition }, next)
        };
        let mut places: Vec<(TopicPartition, i64)> = from.iter().map(place).collect();
        while !stop.load(Ordering::Relaxed) {
            self.0.ask(Site::Table, || ())?;
            let mut idle = true;
            for (at, next) in &mut places {
                let most = world.range(1, 5) as usize;
                let log = world.log();
                let seen = log.read_committed(at, *next, most);
                if seen.next == *next {
                    continue;
                }
                (idle, *next) = (false, seen.next);
                let records: Vec<RawRecord<'_>> = seen
                    .records
                    .iter()
                    .map(|(offset, record)| RawRecord {
                        offset: *offset,
                        timestamp: 0,
                        key: record.key.as_deref(),
                        value: record.value.as_deref(),
                    })
                    .collect();
                let batch = RawBatch {
                    topic,
                    partition: at.partition,
                    records: &records,
                    headers: &|_| Vec::new(),
                };
                let some = (!records.is_empty()).then_some(&batch);
                if !each(at.partition, some, *next) {
                    return Ok(());
                }
            }
            if idle {
                self.0.nap(LOOK)?;
            }
        }
        Ok(())
    }
}

fn unused() -> LogError {
    LogError::Refused("a running pipeline does not ask for this".to_owned())
}
