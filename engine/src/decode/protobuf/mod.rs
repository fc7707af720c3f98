//! Protobuf: each record is walked over by the schema that it was written by, and the wanted values are taken on the way.
//!
//! A column finds its field by name. A field that is not there is null if it can be told from one that is its default
//! (`optional`, messages, a `oneof`), and its default otherwise. Beyond what JSON has: `google.protobuf.Timestamp`,
//! `google.type.Date`, `confluent.type.Decimal`, `google.type.Decimal` and the wrappers such as
//! `google.protobuf.StringValue` are what they mean, an enum is its symbol, and `bytes` are a String where they are UTF-8.

mod cursor;
mod schema;

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;
use tidemill_plan::model::Column;

use self::cursor::{Cursor, Flaw, Walked};
use self::schema::{Level, Schema};
use super::datum::Datum;
use super::fault::Fault;
use super::registry::{RegisteredSchema, Schemas};
use super::table::{Made, Table};
use super::wanted::Wanted;
use super::{DecodeError, Decoded, Limits, SchemaError};
use crate::record::{RawRecord, Reason, Rejection};

/// What registries call Protobuf's schemas.
const KIND: &str = "PROTOBUF";
/// How deep the path to a record's message may be.
const DEEPEST: u64 = 64;

/// Decodes Protobuf records into batches of one schema.
pub struct ProtobufDecoder {
    table: Table,
    wanted: Wanted,
    schemas: Schemas<Reading>,
    /// A value as text.
    scratch: Vec<u8>,
    /// The path to a record's message.
    path: Vec<usize>,
}

/// How the records of one schema are read.
#[derive(Debug)]
enum Reading {
    /// All are this message.
    One(Level),
    /// Each begins with the path to its message.
    Any(Schema),
}

impl ProtobufDecoder {
    /// A decoder of these columns into this schema. Without a `schema` each record names its own; of one with several
    /// messages `message` is the one that records are.
    pub(super) fn new(
        schema: Option<&str>,
        message: Option<&str>,
        columns: &[Column],
        arrow: SchemaRef,
        limits: Limits,
    ) -> Result<Self, SchemaError> {
        let paths: Vec<_> = columns.iter().map(|column| &*column.path).collect();
        let (wanted, slots) = Wanted::new(&paths);
        let schemas = match schema {
            None => Schemas::named(),
            Some(text) => {
                let level = schema::one(text, message, &wanted).map_err(SchemaError::Text)?;
                Schemas::One(Reading::One(level))
            }
        };
        Ok(Self {
            table: Table::new(columns, arrow, limits, &slots)?,
            wanted,
            schemas,
            scratch: Vec::new(),
            path: Vec::new(),
        })
    }

    /// The first of the records whose schema is not known: its index, and the schema's number.
    pub(super) fn missing_schema(&self, records: &[RawRecord<'_>]) -> Option<(usize, u32)> {
        self.schemas.missing(records, false)
    }

    /// Learns a schema, or why there is none.
    pub(super) fn learn(&mut self, id: u32, schema: Result<&RegisteredSchema, &str>) {
        let reading = schema.map_err(str::to_owned).and_then(|schema| {
            if schema.kind != KIND {
                return Err(format!("it is of type {}, not {KIND}", schema.kind));
            }
            let schema = Schema::parse(&schema.text, &schema.references, &self.wanted)?;
            Ok(Reading::Any(schema))
        });
        self.schemas.learn(id, reading);
    }

    /// Decodes records, in their order. Each either becomes a row or is added to `rejected`. A record without bytes is a
    /// message of nothing but defaults, where no header is wanted.
    ///
    /// # Errors
    /// When there are more than 2 GiB of them; nothing is decoded or rejected then.
    pub fn decode(
        &mut self,
        records: &[RawRecord<'_>],
        rejected: &mut Vec<Rejection>,
    ) -> Result<Decoded, DecodeError> {
        let Self {
            table,
            wanted,
            schemas,
            scratch,
            path,
        } = self;
        let schemas = &*schemas;
        let mut slots = vec![Datum::Absent; wanted.end];
        table.fill(records, rejected, |table, record| {
            slots.fill(Datum::Absent);
            let value = record.value.ok_or(Fault::Null)?;
            if value.len() > table.limits.max_record_bytes {
                return Err(Fault::TooLarge);
            }
            let (reading, body) = schemas.of(value)?;
            let mut cursor = Cursor::new(value, value.len() - body.len());
            let level = reading.level(&mut cursor, path)?;
            let walked = cursor.message(level, &mut slots, table.limits.max_depth);
            walked.map_err(said)?;
            table.push_row(&slots, scratch).map(|()| Made::Row)
        })
    }
}

impl Reading {
    /// The message that a record is, after whose path the cursor stands then.
    fn level(&self, cursor: &mut Cursor<'_>, path: &mut Vec<usize>) -> Result<&Level, Fault> {
        match self {
            Self::One(level) => Ok(level),
            Self::Any(schema) => {
                message_path(cursor, path).map_err(said)?;
                schema.at(path).ok_or_else(|| {
                    let message = format!("the record's schema has no message at {path:?}");
                    Fault::told(Reason::Malformed, message)
                })
            }
        }
    }
}

/// The indices that lead to a record's message: how many they are, and each, in zigzag; none stands for the first message.
fn message_path(cursor: &mut Cursor<'_>, path: &mut Vec<usize>) -> Walked<()> {
    path.clear();
    let at = cursor.at();
    let wrong = Flaw::Malformed {
        at,
        expected: "the path of the record's message",
    };
    let unsigned = |number: u64| (number & 1 == 0).then_some(number >> 1).ok_or(wrong);
    let count = unsigned(cursor.number()?)?;
    if count > DEEPEST {
        return Err(wrong);
    }
    for _ in 0..count {
        let index = unsigned(cursor.number()?)?;
        path.push(usize::try_from(index).map_err(|_| wrong)?);
    }
    if path.is_empty() {
        path.push(0);
    }
    Ok(())
}

#[cold]
fn said(flaw: Flaw) -> Fault {
    match flaw {
        Flaw::Malformed { at, expected } => Fault::told(
            Reason::Malformed,
            format!("the record is no Protobuf message: expected {expected} at byte {at}"),
        ),
        Flaw::TooDeep { at } => Fault::told(
            Reason::TooDeep,
            format!("the value is nested deeper than is read at byte {at}"),
        ),
    }
}
