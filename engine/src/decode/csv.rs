//! CSV: a record is one line of fields, as RFC 4180 has it, with the delimiter, quote and null of its dialect.
//!
//! A field in quotes is never null. A quote inside a field that does not begin with one stands for itself. Fields beyond
//! the columns are passed over; one that a line is too short for is null.

use arrow::datatypes::SchemaRef;
use tidemill_plan::model::{Column, Csv};

use super::convert::Value;
use super::fault::{Fault, byte_at, found_text};
use super::scan::Kind;
use super::table::{Made, Table, bytes, check_utf8};
use super::{DecodeError, Decoded, Limits, SchemaError};
use crate::record::{RawRecord, Reason, Rejection};

/// Decodes lines of CSV into batches of one schema.
pub struct CsvDecoder {
    table: Table,
    dialect: Csv,
    /// Where the fields of the present line stand.
    fields: Vec<Field>,
    /// A field without its doubled quotes.
    scratch: Vec<u8>,
}

/// A field of a line, without its quotes.
#[derive(Debug, Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    is_quoted: bool,
    has_doubled: bool,
}

impl CsvDecoder {
    /// A decoder of these columns into this schema; `fields` are the indices of their fields in a line.
    pub(super) fn new(
        dialect: &Csv,
        fields: &[usize],
        columns: &[Column],
        schema: SchemaRef,
        limits: Limits,
    ) -> Result<Self, SchemaError> {
        let mut table = Table::new(columns, schema, limits, fields)?;
        for (label, field) in table.labels.iter_mut().zip(fields) {
            label.path = (field + 1).to_string();
        }
        Ok(Self {
            table,
            dialect: dialect.clone(),
            fields: Vec::new(),
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
            dialect,
            fields,
            scratch,
        } = self;
        table.fill(records, rejected, |table, record| {
            let line = bytes(record.value, table.limits)?;
            check_utf8(line)?;
            let line = without_end(line);
            split(line, dialect, fields)?;
            for (column, label) in table.columns.iter_mut().zip(&table.labels) {
                let field = fields.get(column.slot);
                let found = field.and_then(|field| field.text(line, dialect, scratch));
                let Some(text) = found else {
                    if column.required {
                        return Err(Fault::missing(label, field.is_some()));
                    }
                    column.builder.push_null();
                    continue;
                };
                let kind = Kind::RichText;
                column
                    .builder
                    .push(Value { kind, text })
                    .map_err(|misfit| Fault::misfit(label, &found_text(text), misfit))?;
            }
            Ok(Made::Row)
        })
    }
}

impl Field {
    /// The text that the field stands for; `None` is null.
    fn text<'a>(
        &self,
        line: &'a [u8],
        dialect: &Csv,
        scratch: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let text = line.get(self.start..self.end).unwrap_or_default();
        if !self.is_quoted && text == dialect.null.as_bytes() {
            return None;
        }
        match dialect.quote {
            Some(quote) if self.has_doubled => {
                scratch.clear();
                let mut rest = text;
                while let Some(at) = memchr::memchr(quote, rest) {
                    let (before, after) = rest.split_at(at + 1);
                    scratch.extend_from_slice(before);
                    rest = after.get(1..).unwrap_or_default();
                }
                scratch.extend_from_slice(rest);
                Some(scratch)
            }
            _ => Some(text),
        }
    }
}

/// A line without the line break that may end it.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Finds the fields of a line.
fn split(line: &[u8], dialect: &Csv, fields: &mut Vec<Field>) -> Result<(), Fault> {
    fields.clear();
    let mut start = 0;
    loop {
        let is_quoted = dialect.quote.is_some() && line.get(start).copied() == dialect.quote;
        let (field, end) = if is_quoted {
            quoted(line, start + 1, dialect)?
        } else {
            plain(line, start, dialect)?
        };
        fields.push(field);
        if end >= line.len() {
            return Ok(());
        }
        start = end + 1;
    }
}

/// A field without quotes, and where it ends.
fn plain(line: &[u8], start: usize, dialect: &Csv) -> Result<(Field, usize), Fault> {
    let rest = line.get(start..).unwrap_or_default();
    let end = match memchr::memchr2(dialect.delimiter, b'\n', rest) {
        Some(at) if rest.get(at) == Some(&b'\n') => {
            return Err(malformed(
                line,
                start + at,
                "the end of the record, which is one line",
            ));
        }
        Some(at) => start + at,
        None => line.len(),
    };
    let field = Field {
        start,
        end,
        is_quoted: false,
        has_doubled: false,
    };
    Ok((field, end))
}

/// A field whose first quote stands before `start`, and where the quote after it ends.
fn quoted(line: &[u8], start: usize, dialect: &Csv) -> Result<(Field, usize), Fault> {
    let quote = dialect.quote.unwrap_or_default();
    let mut has_doubled = false;
    let mut at = start;
    loop {
        let rest = line.get(at..).unwrap_or_default();
        let Some(found) = memchr::memchr(quote, rest) else {
            return Err(malformed(
                line,
                line.len(),
                "a quote at the end of the field",
            ));
        };
        at += found + 1;
        if line.get(at) != Some(&quote) {
            break;
        }
        has_doubled = true;
        at += 1;
    }
    match line.get(at) {
        None => {}
        Some(byte) if *byte == dialect.delimiter => {}
        Some(_) => return Err(malformed(line, at, "a delimiter after the quoted field")),
    }
    let field = Field {
        start,
        end: at - 1,
        is_quoted: true,
        has_doubled,
    };
    Ok((field, at))
}

#[cold]
fn malformed(line: &[u8], at: usize, expected: &str) -> Fault {
    let found = byte_at(line, at);
    let message = format!("malformed CSV at byte {at}: expected {expected}, found {found}");
    Fault::told(Reason::Malformed, message)
}
