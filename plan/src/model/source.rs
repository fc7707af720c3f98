//! What is read: sources, and what they are made of.

use arrow::datatypes::SchemaRef;
use tidemill_crds::pipeline::Distribution;

use super::{ExprRef, Format, Micros};

/// Something that is read, once, whoever needs it.
#[derive(Debug)]
pub struct Source {
    /// Its name in the manifest and in SQL.
    pub name: String,
    /// Where its records come from.
    pub origin: Origin,
    /// How they are written; of no meaning where they are generated.
    pub format: Format,
    /// The columns to decode, in the order of `schema`: those that are needed by something.
    pub columns: Vec<Column>,
    /// The schema of the decoded batch.
    pub schema: SchemaRef,
    /// A row for which this is not true is invalid.
    pub check: Option<Check>,
    /// Event time; absent where nothing needs it.
    pub event_time: Option<EventTime>,
    /// The columns by which the topic is promised to be partitioned; empty where nothing is promised.
    pub partitioned_by: Vec<String>,
    /// Of a table, the columns (indices into the schema) that identify a row: a record replaces the row before it with
    /// the same values there, and a record without a value takes it away.
    pub key: Option<Vec<usize>>,
    /// Of a table, which rows of it a worker has for streams that are joined with it.
    pub distribution: Distribution,
}

/// Where a source's records come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A topic of the pipeline's log.
    Topic {
        /// The topic's name.
        topic: String,
        /// Where reading starts if nothing is committed.
        start_from: StartFrom,
    },
    /// Records made by the worker itself.
    Generator(Generator),
}

/// Where reading starts if nothing is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// The first record there is.
    Earliest,
    /// Only records that come from now on.
    Latest,
    /// The first record whose log timestamp is at or after this many milliseconds since the epoch.
    Timestamp(i64),
}

/// What a generated source makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// Which kind of record.
    pub kind: GeneratorKind,
    /// Records per second over all partitions; 0 means as fast as possible.
    pub rate: u64,
    /// The share of transactions that belong to a planted fraud, 0 to 1.
    pub fraud_ratio: f64,
    /// How many people (accounts) records are drawn from.
    pub accounts: u64,
    /// Same seed, same records.
    pub seed: u64,
    /// How many records to make in all; without it there is no end.
    pub records: Option<u64>,
    /// Over how many partitions the records are spread.
    pub partitions: u32,
}

/// Which records a generator makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratorKind {
    /// Payments between accounts, some of them planted fraud, labelled so.
    Transactions,
    /// The people whom those accounts belong to.
    Customers,
    /// Of the events of Nexmark, those who sell and bid.
    NexmarkPeople,
    /// Of the events of Nexmark, what is for sale.
    NexmarkAuctions,
    /// Of the events of Nexmark, what is bid.
    NexmarkBids,
}

/// A column to decode from a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in SQL.
    pub name: String,
    /// The path of field names in the record: `a.b` is two.
    pub path: Vec<String>,
    /// Whether a record without it, or with null there, is invalid.
    pub required: bool,
}

/// A source's `check`.
#[derive(Debug)]
pub struct Check {
    /// As written.
    pub text: String,
    /// Bound to the source's schema.
    pub expr: ExprRef,
}

/// The event time of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    /// Index of the `Timestamp` column in the source's schema.
    pub column: usize,
    /// How far behind the highest time seen in its partition a record may come and still be on time.
    pub out_of_orderness: Micros,
    /// After this long without a record (by the worker's clock) a partition holds no window back.
    pub idle_timeout: Option<Micros>,
}
