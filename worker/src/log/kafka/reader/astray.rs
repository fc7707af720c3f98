//! Partitions that have nothing at the offset to be read next.

use std::time::{Duration, Instant};

use rdkafka::Offset;

use super::KafkaReader;
use crate::log::kafka::tail;
use crate::log::{LogError, Reader as _, TopicPartition};

/// When it is looked at again.
const AGAIN: Duration = Duration::from_secs(1);

/// A partition that ends before the offset to be read next.
#[derive(Debug, Clone)]
pub(super) struct Astray {
    again: Instant,
    why: String,
}

/// What to do where there is nothing at an offset.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// What was there has been deleted: this is the first that has not.
    Skip(i64),
    /// There is, now.
    Stay,
    /// There is not yet.
    Wait,
}

impl Way {
    fn of(next: i64, first: i64, end: i64) -> Self {
        if first > next {
            Self::Skip(first)
        } else if end >= next {
            Self::Stay
        } else {
            Self::Wait
        }
    }
}

impl KafkaReader {
    /// Looks again for the record to be read next, if there was none.
    pub(super) fn look_again(&mut self, at: &TopicPartition) -> Result<(), LogError> {
        let astray = self.partitions.get(at).and_then(|s| s.astray.clone());
        match astray {
            None => Ok(()),
            Some(astray) if Instant::now() < astray.again => Err(LogError::Unavailable(astray.why)),
            Some(_) => self.find_way(at),
        }
    }

    /// There was nothing at the offset to be read next. If records have been deleted before they were read, goes on at the
    /// first there is, and says so. It may also be a broker that has just come back and does not know of them yet: then the
    /// offset stays, and what was read is never read again for it.
    pub(super) fn find_way(&mut self, at: &TopicPartition) -> Result<(), LogError> {
        let Some(next) = self.partitions.get(at).map(|slot| slot.next) else {
            return Ok(());
        };
        let both = [Offset::Beginning, Offset::End].map(|offset| (at.clone(), offset));
        let (mut first, mut end) = (0, 0);
        for (offset, wanted) in [&mut first, &mut end].into_iter().zip(both) {
            let found = tail::offsets(self.consumer()?, &self.config.bootstrap_servers, &[wanted])?;
            *offset = found.first().copied().unwrap_or(0);
        }
        match Way::of(next, first, end) {
            Way::Skip(first) => {
                tracing::warn!(
                    topic = %at.topic, partition = at.partition, offset = next, first,
                    "records were deleted before they were read; going on at the first there is. Raise the topic's retention"
                );
                self.seek(at, first)
            }
            Way::Stay => self.seek(at, next),
            Way::Wait => {
                let why = format!(
                    "Kafka at {}: topic {} partition {} ends at offset {end}, and {next} is to be read next: it has lost \
                     records, or is not the topic that was read before; it is tried again. If that topic is gone for good, \
                     delete the group {} to begin with the new one",
                    self.config.bootstrap_servers, at.topic, at.partition, self.config.group
                );
                if let Some(slot) = self.partitions.get_mut(at) {
                    let again = Instant::now() + AGAIN;
                    let why = why.clone();
                    slot.astray = Some(Astray { again, why });
                }
                Err(LogError::Unavailable(why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_twice_because_a_broker_knows_less_than_another() {
        assert_eq!(Way::of(6_563, 0, 6_000), Way::Wait);
        assert_eq!(Way::of(6_563, 0, 6_563), Way::Stay);
        assert_eq!(Way::of(6_563, 0, 7_000), Way::Stay);
        assert_eq!(Way::of(6_563, 6_570, 7_000), Way::Skip(6_570));
    }
}
