//! The seam between a worker and the log that holds its sources, its internal topics and its offsets.
//!
//! Two implementations stand behind it: Kafka, and an embedded log in one SQLite file. A later native Kafka path takes
//! the same place. The calls block; a worker makes them from two threads of its own: one reads and computes
//! ([`Reader`]), one commits ([`Committer`]), so that a commit never holds reading up.

pub mod embedded;
pub mod kafka;
pub mod partitioner;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tidemill_engine::record::{Headers, RawBatch};

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
}

/// How far a partition has been committed, and what the task knew of time then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The next offset to read.
    pub offset: i64,
    /// The task's clock (watermarks), as the engine writes it. Text, at most 4,000 bytes.
    pub clock: String,
}

/// What happened to this worker's share of the partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// These are now ours, all of them: answer with [`Reader::assign`].
    Assigned(Vec<TopicPartition>),
    /// All we have is taken back in good order: commit, then answer with [`Reader::unassign`].
    Revoked,
    /// All we have is somebody else's already: throw away what is not committed, then answer with [`Reader::unassign`].
    Lost,
}

/// Where to begin reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At this offset.
    At(i64),
    /// At the first record there is.
    Earliest,
    /// After the last record there is.
    Latest,
    /// At the first record with this timestamp or a later one (milliseconds since the epoch).
    Timestamp(i64),
}

/// What [`Reader::take`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// How many records were handed over.
    pub records: usize,
    /// The next offset to read, after what was handed over and after any marker that follows it.
    pub next_offset: i64,
    /// Whether that is the end of the partition as last seen.
    pub at_end: bool,
    /// The offset after the partition's last record, as far as is known without asking; `None` before the first fetch.
    pub end: Option<i64>,
}

/// What went wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be reached, or does not answer; trying again may help.
    #[error("{0}")]
    Unavailable(String),
    /// It refuses; trying again does not help.
    #[error("{0}")]
    Refused(String),
}

/// What a wait ends with that was told to stop.
fn told_to_stop() -> LogError {
    LogError::Unavailable("told to stop".to_owned())
}

/// Called with each key and value of a changelog; a value of `None` is a tombstone.
pub type OnEntry<'a> = &'a mut dyn FnMut(&[u8], Option<&[u8]>);

/// The reading side: this worker's membership in the pipeline's group and its partitions.
pub trait Reader: Send {
    /// Joins the group for these topics. Partitions come with [`Reader::events`].
    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError>;
    /// Waits until there is something to read or an event, at most `wait`, and returns the events. Call it often: it
    /// keeps the membership alive.
    fn events(&mut self, wait: Duration) -> Result<Vec<GroupEvent>, LogError>;
    /// The committed positions of these partitions, read anew from the log.
    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<Position>>, LogError>;
    /// Takes the partitions of [`GroupEvent::Assigned`] over and starts reading them; one that is left out is held
    /// without being read. Gives the offset at which each begins.
    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<Vec<i64>, LogError>;
    /// Gives all partitions back.
    fn unassign(&mut self) -> Result<(), LogError>;
    /// Goes to another offset in a partition that is assigned; what was fetched from it before is not handed over.
    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError>;
    /// Hands over up to `max` records of a partition that have been fetched already, in one call or in several; never
    /// waits. Records are those that readers of committed data see.
    fn take(
        &mut self,
        partition: &TopicPartition,
        max: usize,
        each: &mut dyn FnMut(&RawBatch<'_>),
    ) -> Result<Taken, LogError>;
    /// The offset after the last record of each partition, as readers of committed data see it.
    fn end_offsets(&mut self, partitions: &[TopicPartition]) -> Result<Vec<i64>, LogError>;
    /// Reads a partition of a changelog from its beginning to its very end, in order: key and value (`None` is a
    /// tombstone). It waits out transactions that are still open, so that nothing committed is missed. Where `stop` is set
    /// meanwhile, the log counts as unavailable.
    fn restore(
        &mut self,
        partition: &TopicPartition,
        stop: &AtomicBool,
        each: OnEntry<'_>,
    ) -> Result<(), LogError>;
    /// Proof of membership, to be taken immediately before each commit. It may be called from the committing thread.
    fn membership(&self) -> Arc<dyn Membership>;
    /// Leaves the group in good order, so that others take over at once.
    fn leave(&mut self) -> Result<(), LogError>;
}

/// What a commit needs of the group: Kafka's group metadata at this moment.
pub trait Membership: Send + Sync + std::any::Any {
    /// For the implementation to recognize its own.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// Called with a partition, records of it if there are any, and the next offset after them; what it returns is whether
/// to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(i32, Option<&RawBatch<'_>>, i64) -> bool;

/// A record to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Produced {
    /// The partition; `None` lets the key decide as Java clients do (murmur2), or spreads records without a key.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers.
    pub headers: Headers,
}

/// A range of an arena; `None` is null.
pub type Span = Option<std::ops::Range<u32>>;

/// Many records for one topic, packed: keys and values lie behind each other in one arena.
#[derive(Debug, Default)]
pub struct Packed {
    /// All bytes.
    pub arena: Vec<u8>,
    /// Key and value of each record as ranges of the arena; `None` is null.
    pub records: Vec<(Span, Span)>,
}

/// All that one commit makes true, or none of it.
#[derive(Debug, Default)]
pub struct Commit {
    /// Rows, by topic; the key decides the partition.
    pub packed: Vec<(Arc<str>, Packed)>,
    /// Single records: dead letters, shuffle, changelog.
    pub produced: Vec<(Arc<str>, Produced)>,
    /// The new positions.
    pub positions: Vec<(TopicPartition, Position)>,
    /// `traceparent` for the headers of the rows, when tracing is on.
    pub traceparent: Option<String>,
}

/// How a commit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is in the log.
    Committed,
    /// None of it is, and the committer can go on: abort has been done. Rewind to the committed positions.
    Aborted(String),
    /// Somebody else has our identity or our partitions. None of it is in the log; call [`Committer::init`] before the
    /// next commit, and expect to be without partitions.
    Fenced(String),
    /// It may be in the log or not. Call [`Committer::init`], then read the committed positions.
    Unknown(String),
    /// Nothing will help but a new start of the process.
    Fatal(String),
}

/// The writing side, one per worker, used from one thread.
pub trait Committer: Send {
    /// Makes this the only living committer of its identity: whatever an earlier one left open is aborted.
    fn init(&mut self) -> Result<(), LogError>;
    /// Commits everything, or nothing.
    fn commit(&mut self, commit: &Commit) -> Outcome;
}

/// The two sides of the log for a member of a consumer group.
pub struct Sides {
    /// The reading side.
    pub reader: Box<dyn Reader>,
    /// The writing side.
    pub committer: Box<dyn Committer>,
}

/// Opens the log for members of consumer groups.
pub type Groups = Arc<dyn Fn(&str) -> Result<Sides, LogError> + Send + Sync>;

/// A topic to be made, or to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// Its partitions; where the topic is there already it may have more.
    pub partitions: u32,
    /// `cleanup.policy=compact`.
    pub compacted: bool,
    /// Other settings, by their Kafka names.
    pub config: Vec<(String, String)>,
}

/// Topics seen from outside a pipeline: made, listed, written and read plainly.
pub trait Admin: Send {
    /// The number of partitions of each topic; `None` where it is not there.
    fn partitions(&mut self, topics: &[String]) -> Result<Vec<Option<u32>>, LogError>;
    /// Makes the topics that are not there.
    fn ensure(&mut self, topics: &[TopicSpec]) -> Result<(), LogError>;
    /// Gives a topic more partitions, until it has so many. The groups that read it share anew.
    fn grow(&mut self, topic: &str, partitions: u32) -> Result<(), LogError>;
    /// Deletes what a group has committed, and topics, if there are any. A group that has members is refused.
    fn forget(&mut self, group: &str, topics: &[String]) -> Result<(), LogError>;
    /// All topics with their partition counts.
    fn list(&mut self) -> Result<Vec<(String, u32)>, LogError>;
    /// Appends records to a topic, outside any transaction, and waits until they are there.
    fn write(&mut self, topic: &str, records: &[Produced]) -> Result<(), LogError>;
    /// Hands over every record of a topic that readers of committed data see, a partition after the other to its
    /// present end, then, if `follow`, what comes until `each` returns false.
    fn read(
        &mut self,
        topic: &str,
        follow: bool,
        each: &mut dyn FnMut(&RawBatch<'_>) -> bool,
    ) -> Result<(), LogError>;
    /// Hands over every record of these partitions of a topic that readers of committed data see, all at once, each from
    /// its offset on (or from the first record there is), and what comes, until `each` returns false or `stop` is set. It
    /// also tells of offsets after which no record is left, where markers or compacted records come last.
    fn follow(
        &mut self,
        topic: &str,
        from: &[(i32, i64)],
        stop: &AtomicBool,
        each: OnProgress<'_>,
    ) -> Result<(), LogError>;
}
