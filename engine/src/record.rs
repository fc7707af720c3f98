//! Records as a log hands them to the engine: borrowed bytes, a partition at a time.

/// One record of a partition. The bytes are the log's own; nothing is copied.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    /// Its offset in the partition.
    pub offset: i64,
    /// The log's timestamp, in milliseconds since the epoch; -1 where the log has none.
    pub timestamp: i64,
    /// The key's bytes.
    pub key: Option<&'a [u8]>,
    /// The value's bytes; `None` is a null value (a tombstone).
    pub value: Option<&'a [u8]>,
}

/// A record's headers, in their order; a value may be null.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// Records of one partition, in the order of their offsets.
#[derive(Clone, Copy)]
pub struct RawBatch<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The records.
    pub records: &'a [RawRecord<'a>],
    /// Reads the headers of the record at an index. They are wanted only for the few records that are rejected.
    pub headers: &'a dyn Fn(usize) -> Headers,
}

/// Why a record went to the dead letters. The names are what users see in the `tidemill.reason` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The value has no bytes.
    Empty,
    /// The value is null (a tombstone), in a source that is a stream.
    Null,
    /// The value is longer than a record may be.
    TooLarge,
    /// The value is not UTF-8.
    InvalidUtf8,
    /// The value is not JSON, or stops before its end.
    MalformedJson,
    /// The value is not what the source's format says: a line of CSV, or binary data of its schema.
    Malformed,
    /// The schema by which the value was written is not known to the registry, or is none of the source's format.
    UnknownSchema,
    /// The value is JSON, but not an object.
    NotAnObject,
    /// The value is nested deeper than is read.
    TooDeep,
    /// A required column is not there, or null.
    MissingRequired,
    /// A column's value is of another type and cannot be read as the column's without loss.
    WrongType,
    /// A column's value is a time that cannot be read.
    InvalidTimestamp,
    /// A column's value is of the right kind but does not fit the column's type.
    OutOfRange,
    /// The source's `check` is not true of the row.
    CheckFailed,
    /// An expression of a stream fails on the row.
    ExpressionFailed,
    /// The table that the row is joined with has no row of its key.
    NoTableRow,
    /// The row's window has closed.
    Late,
    /// A webhook does not take the row.
    Undelivered,
}

impl Reason {
    /// The name as users see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Null => "Null",
            Self::TooLarge => "TooLarge",
            Self::InvalidUtf8 => "InvalidUtf8",
            Self::MalformedJson => "MalformedJson",
            Self::Malformed => "Malformed",
            Self::UnknownSchema => "UnknownSchema",
            Self::NotAnObject => "NotAnObject",
            Self::TooDeep => "TooDeep",
            Self::MissingRequired => "MissingRequired",
            Self::WrongType => "WrongType",
            Self::InvalidTimestamp => "InvalidTimestamp",
            Self::OutOfRange => "OutOfRange",
            Self::CheckFailed => "CheckFailed",
            Self::ExpressionFailed => "ExpressionFailed",
            Self::NoTableRow => "NoTableRow",
            Self::Late => "Late",
            Self::Undelivered => "Undelivered",
        }
    }
}

/// Why one record (or one row made of it) is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Index of the record in its batch.
    pub record: usize,
    /// Why.
    pub reason: Reason,
    /// The column at fault, where there is one.
    pub column: Option<String>,
    /// What was found and what was expected, for a person.
    pub message: String,
}

/// A record that could not be used: as it was, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Topic it came from.
    pub topic: String,
    /// Partition it came from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// The log's timestamp, in milliseconds since the epoch.
    pub timestamp: i64,
    /// Its key, byte for byte.
    pub key: Option<Vec<u8>>,
    /// Its value, byte for byte.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Headers,
    /// The stream that rejected it; `None` is the source itself.
    pub stream: Option<String>,
    /// Why.
    pub reason: Reason,
    /// The column at fault, where there is one.
    pub column: Option<String>,
    /// What was found and what was expected, for a person.
    pub message: String,
}
