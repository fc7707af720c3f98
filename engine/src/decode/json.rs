//! JSON: one walk over each record, which checks all of it and notes where the wanted values stand.
//!
//! A record must be a JSON object as RFC 8259 has it, in UTF-8; of a field that is there twice the last one counts. One
//! that is not, or of which a column cannot be read, is rejected alone, with its reason. A number that nobody reads may
//! be of any size.

use arrow::datatypes::SchemaRef;
use tidemill_plan::model::Column;

use super::columns::Builder;
use super::convert::Value;
use super::fault::{Fault, Problem};
use super::scan::{Kind, unescape};
use super::shape::Shape;
use super::table::{Made, Table, bytes, check_utf8};
use super::walk::{Slot, walk};
use super::{DecodeError, Decoded, Limits, SchemaError};
use crate::record::{RawRecord, Rejection};

/// The deepest nesting that is ever taken.
const DEEPEST: usize = 1000;

/// Decodes JSON records into batches of one schema.
pub struct JsonDecoder {
    table: Table,
    shape: Shape,
    /// Where the wanted values of the present record stand.
    slots: Vec<Slot>,
    /// An unescaped string.
    scratch: Vec<u8>,
}

impl JsonDecoder {
    /// A decoder of these columns into this schema, whose fields are in the same order.
    ///
    /// # Errors
    /// When columns and schema do not belong together, or a type cannot be decoded.
    pub fn new(columns: &[Column], schema: SchemaRef, limits: Limits) -> Result<Self, SchemaError> {
        let limits = Limits {
            max_depth: limits.max_depth.min(DEEPEST),
            ..limits
        };
        let paths: Vec<_> = columns.iter().map(|column| &*column.path).collect();
        let (shape, slots) = Shape::new(&paths);
        Ok(Self {
            table: Table::new(columns, schema, limits, &slots)?,
            slots: vec![Slot::Absent; shape.slots()],
            shape,
            scratch: Vec::new(),
        })
    }

    /// Decodes records, in their order. Each either becomes a row or is added to `rejected`.
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
            shape,
            slots,
            scratch,
        } = self;
        table.fill(records, rejected, |table, record| {
            let value = bytes(record.value, table.limits)?;
            if let Err(flaw) = walk(value, table.limits.max_depth, shape, slots) {
                check_utf8(value)?;
                return Err(Fault::Flaw(*flaw));
            }
            for (index, column) in table.columns.iter_mut().enumerate() {
                let slot = slots.get(column.slot).unwrap_or(&Slot::Absent);
                let reading = Reading {
                    is_required: column.required,
                    counts_days: false,
                };
                let read = read(&mut column.builder, slot, value, reading, scratch);
                read.map_err(|problem| Fault::Column {
                    column: index,
                    problem,
                })?;
            }
            Ok(Made::Row)
        })
    }
}

/// How a value is read, besides its column's type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// Whether there must be one.
    pub(super) is_required: bool,
    /// Whether a number is a Date, as days since the epoch.
    pub(super) counts_days: bool,
}

/// Adds the record's value to the column.
#[inline]
pub(super) fn read(
    builder: &mut Builder,
    slot: &Slot,
    record: &[u8],
    reading: Reading,
    scratch: &mut Vec<u8>,
) -> Result<(), Problem> {
    let token = match slot {
        Slot::Found(token) if token.kind != Kind::Null => token,
        Slot::Absent if reading.is_required => return Err(Problem::Absent),
        Slot::Found(_) if reading.is_required => return Err(Problem::Null),
        Slot::Absent | Slot::Found(_) => {
            builder.push_null();
            return Ok(());
        }
        Slot::Blocked(token) => return Err(Problem::Blocked(*token)),
    };
    let mut text = token.text(record);
    if token.kind == Kind::RichText && memchr::memchr(b'\\', text).is_some() {
        scratch.clear();
        unescape(text, scratch);
        text = scratch;
    }
    let value = Value {
        kind: token.kind,
        text,
    };
    let pushed = if reading.counts_days {
        builder.push_counting_days(value)
    } else {
        builder.push(value)
    };
    pushed.map_err(|misfit| Problem::Misfit(*token, misfit))
}
