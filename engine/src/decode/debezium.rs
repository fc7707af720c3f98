//! Debezium's changes as JSON: with the schema of each record around it (`{"schema": …, "payload": …}`) or without.
//!
//! A number for a Date counts days, as Debezium writes them.

use arrow::datatypes::SchemaRef;
use tidemill_plan::model::Column;

use super::changes::{Change, no_change, no_key, no_row};
use super::fault::Fault;
use super::json::{Reading, read};
use super::scan::{Kind, Token};
use super::shape::Shape;
use super::table::{Made, Table, bytes, check_utf8};
use super::walk::{Slot, walk};
use super::{DecodeError, Decoded, Limits, SchemaError};
use crate::record::{RawRecord, Rejection};

/// Decodes changes into batches of one schema.
pub struct DebeziumDecoder {
    table: Table,
    value: Places,
    key: Places,
    scratch: Vec<u8>,
}

/// What is looked for in a JSON object, and where the present one has it.
struct Places {
    shape: Shape,
    slots: Vec<Slot>,
    /// The slot of each path that was asked for.
    of: Vec<usize>,
}

/// What is around a change, or around a key.
const AROUND: [&[&str]; 2] = [&[], &["payload"]];

impl DebeziumDecoder {
    /// A decoder of these columns into this schema.
    pub(super) fn new(
        columns: &[Column],
        schema: SchemaRef,
        limits: Limits,
    ) -> Result<Self, SchemaError> {
        let value = AROUND.iter().flat_map(|around| {
            let heads = ["op", "before", "after"].map(|name| path(around, name, &[]));
            let inside = |part: &'static str| {
                columns
                    .iter()
                    .map(move |column| path(around, part, &column.path))
            };
            heads
                .into_iter()
                .chain(inside("before"))
                .chain(inside("after"))
        });
        let key = AROUND.iter().flat_map(|around| {
            columns.iter().map(move |column| {
                let around = around.iter().map(|name| (*name).to_owned());
                around.chain(column.path.iter().cloned()).collect()
            })
        });
        Ok(Self {
            table: Table::new(columns, schema, limits, &vec![0; columns.len()])?,
            value: Places::new(value.collect()),
            key: Places::new(key.collect()),
            scratch: Vec::new(),
        })
    }

    /// Decodes records, in their order. Each becomes a row, a deletion or nothing, or is added to `rejected`.
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
            value,
            key,
            scratch,
        } = self;
        table.fill(records, rejected, |table, record| {
            match (record.value, record.key) {
                (None, Some(bytes)) => deletion(table, key, bytes, scratch),
                (bytes, _) => change(table, value, bytes, scratch),
            }
        })
    }
}

fn path(around: &[&str], name: &str, rest: &[String]) -> Vec<String> {
    let head = around.iter().copied().chain([name]).map(str::to_owned);
    head.chain(rest.iter().cloned()).collect()
}

fn change(
    table: &mut Table,
    places: &mut Places,
    value: Option<&[u8]>,
    scratch: &mut Vec<u8>,
) -> Result<Made, Fault> {
    let value = bytes(value, table.limits)?;
    places.walk(value, table.limits)?;
    let columns = table.columns.len();
    let heads = |place: usize| place * (3 + 2 * columns);
    // Which of the two is told by where `op` is.
    let found = [heads(0), heads(1)].into_iter().find_map(|first| {
        let token = places.token(first)?;
        Some((first, token.text(value)))
    });
    let (first, op) = found.ok_or_else(no_change)?;
    let (part, name, made) = match Change::of(op)? {
        Change::Row => (1, "after", Made::Row),
        Change::Deletion => (0, "before", Made::Deletion),
        Change::Nothing => return Ok(Made::Nothing),
    };
    if places.token(first + 1 + part).is_none() {
        return Err(no_row(name));
    }
    let first = first + 3 + part * columns;
    push(table, places, first, made, value, scratch)
}

fn deletion(
    table: &mut Table,
    places: &mut Places,
    key: &[u8],
    scratch: &mut Vec<u8>,
) -> Result<Made, Fault> {
    if places.walk(key, table.limits).is_err() {
        return Err(no_key());
    }
    let columns = table.columns.len();
    let has_any = |first: usize| (first..first + columns).any(|at| places.token(at).is_some());
    let first = [columns, 0].into_iter().find(|first| has_any(*first));
    let first = first.ok_or_else(no_key)?;
    push(table, places, first, Made::Deletion, key, scratch)
}

/// Adds the columns whose values are in the places from `first` on. Of a deletion no column is required.
fn push(
    table: &mut Table,
    places: &Places,
    first: usize,
    made: Made,
    text: &[u8],
    scratch: &mut Vec<u8>,
) -> Result<Made, Fault> {
    let columns = table.columns.iter_mut().zip(&table.labels);
    for (index, (column, label)) in columns.enumerate() {
        let reading = Reading {
            is_required: column.required && made == Made::Row,
            counts_days: true,
        };
        let slot = places.slot(first + index);
        read(&mut column.builder, slot, text, reading, scratch)
            .map_err(|problem| Fault::wrong(label, problem, text))?;
    }
    Ok(made)
}

impl Places {
    fn new(paths: Vec<Vec<String>>) -> Self {
        let paths: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
        let (shape, of) = Shape::new(&paths);
        Self {
            slots: vec![Slot::Absent; shape.slots()],
            shape,
            of,
        }
    }

    fn walk(&mut self, text: &[u8], limits: Limits) -> Result<(), Fault> {
        walk(text, limits.max_depth, &mut self.shape, &mut self.slots).or_else(|flaw| {
            check_utf8(text)?;
            Err(Fault::Flaw(*flaw))
        })
    }

    fn slot(&self, place: usize) -> &Slot {
        let slot = self.of.get(place).and_then(|slot| self.slots.get(*slot));
        slot.unwrap_or(&Slot::Absent)
    }

    /// The value there, if there is one and it is not null.
    fn token(&self, place: usize) -> Option<Token> {
        match self.slot(place) {
            Slot::Found(token) if token.kind != Kind::Null => Some(*token),
            _ => None,
        }
    }
}
