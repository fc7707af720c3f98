//! Topics.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tidemill_engine::record::RawBatch;
use tidemill_worker::log::{Admin, LogError, OnProgress, Produced, TopicSpec};

use crate::world::{Process, Site};

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
        _: &str,
        _: &[(i32, i64)],
        _: &AtomicBool,
        _: OnProgress<'_>,
    ) -> Result<(), LogError> {
        Err(unused())
    }
}

fn unused() -> LogError {
    LogError::Refused("a running pipeline does not ask for this".to_owned())
}
