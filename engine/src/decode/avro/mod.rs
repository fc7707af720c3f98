//! Avro: each record is walked over by the schema that it was written by, and the wanted values are taken on the way.
//!
//! Schemas may differ from record to record. A column finds its field by name, whatever its place or type; a field that a
//! schema lacks is null. Beyond what JSON has: `decimal`, `date`, and the `timestamp` types are what they mean, an enum is
//! its symbol, a union the branch that is there, and `bytes` are a String where they are UTF-8.

mod cursor;
mod schema;

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;
use tidemill_plan::model::Column;

use self::cursor::{Cursor, Flaw};
use self::schema::{Field, Node, Schema};
use super::changes::Changes;
use super::datum::Datum;
use super::fault::Fault;
use super::registry::{RegisteredSchema, Schemas};
use super::table::{Made, Table, bytes};
use super::wanted::Wanted;
use super::{DecodeError, Decoded, Limits, SchemaError};
use crate::record::{RawRecord, Reason, Rejection};

/// What registries call Avro's schemas.
const KIND: &str = "AVRO";

/// Decodes Avro records into batches of one schema.
pub struct AvroDecoder {
    table: Table,
    wanted: Wanted,
    /// Where the records are changes of a table's rows.
    changes: Option<Changes>,
    schemas: Schemas<Reading>,
    /// A value as text.
    scratch: Vec<u8>,
}

/// How the records of one schema are read.
#[derive(Debug)]
struct Reading {
    records: Vec<Vec<Field>>,
    level: Level,
    /// The same for the keys of records, whose fields are the columns.
    key: Level,
}

/// How the fields of a record are read, in their order.
#[derive(Debug, Default)]
struct Level {
    steps: Vec<Step>,
}

/// How a field is read.
#[derive(Debug)]
struct Step {
    node: Node,
    slot: Option<usize>,
    inside: Inside,
}

/// What is wanted inside a field.
#[derive(Debug)]
enum Inside {
    Nothing,
    Record(Level),
    /// By the branch of a union. Where it has no fields, the slots inside are blocked.
    Union(Vec<Option<Level>>, Slots),
    /// It has no fields.
    Blocked(Slots),
}

/// Slots that follow each other.
type Slots = std::ops::Range<usize>;

impl AvroDecoder {
    /// A decoder of these columns into this schema. Without a `schema` each record names its own.
    pub(super) fn new(
        schema: Option<&str>,
        is_changes: bool,
        columns: &[Column],
        arrow: SchemaRef,
        limits: Limits,
    ) -> Result<Self, SchemaError> {
        let (wanted, slots, changes) = if is_changes {
            let (changes, wanted) = Changes::new(columns);
            (wanted, vec![0; columns.len()], Some(changes))
        } else {
            let paths: Vec<_> = columns.iter().map(|column| &*column.path).collect();
            let (wanted, slots) = Wanted::new(&paths);
            (wanted, slots, None)
        };
        let mut decoder = Self {
            table: Table::new(columns, arrow, limits, &slots)?,
            wanted,
            changes,
            schemas: Schemas::named(),
            scratch: Vec::new(),
        };
        if let Some(text) = schema {
            let schema = Schema::parse(text, &[]).and_then(|schema| decoder.reading(schema));
            decoder.schemas = Schemas::One(schema.map_err(SchemaError::Text)?);
        }
        Ok(decoder)
    }

    /// The first of the records whose schema is not known: its index, and the schema's number.
    pub(super) fn missing_schema(&self, records: &[RawRecord<'_>]) -> Option<(usize, u32)> {
        self.schemas.missing(records, self.changes.is_some())
    }

    /// Learns a schema, or why there is none.
    pub(super) fn learn(&mut self, id: u32, schema: Result<&RegisteredSchema, &str>) {
        let reading = schema.map_err(str::to_owned).and_then(|schema| {
            if schema.kind != KIND {
                return Err(format!("it is of type {}, not {KIND}", schema.kind));
            }
            self.reading(Schema::parse(&schema.text, &schema.references)?)
        });
        self.schemas.learn(id, reading);
    }

    fn reading(&self, schema: Schema) -> Result<Reading, String> {
        let Node::Record(root) = schema.root else {
            return Err("it is not the schema of a record".to_owned());
        };
        let nothing = Wanted::default();
        let key = self.changes.as_ref().map_or(&nothing, |it| &it.key);
        Ok(Reading {
            level: Level::new(&self.wanted, root, &schema.records),
            key: Level::new(key, root, &schema.records),
            records: schema.records,
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
            wanted,
            changes,
            schemas,
            scratch,
        } = self;
        let schemas = &*schemas;
        let mut slots = vec![Datum::Absent; wanted.end];
        table.fill(records, rejected, |table, record| {
            slots.fill(Datum::Absent);
            match (changes.as_ref(), record.value, record.key) {
                (Some(changes), None, Some(key)) => {
                    walk(key, schemas, |it| &it.key, &mut slots, table.limits)?;
                    changes.push_key(table, &slots, scratch)
                }
                (changes, value, _) => {
                    let value = bytes(value, table.limits)?;
                    walk(value, schemas, |it| &it.level, &mut slots, table.limits)?;
                    match changes {
                        Some(changes) => changes.push(table, &slots, scratch),
                        None => table.push_row(&slots, scratch).map(|()| Made::Row),
                    }
                }
            }
        })
    }
}

impl Level {
    fn new(wanted: &Wanted, record: usize, records: &[Vec<Field>]) -> Self {
        let fields = records.get(record).into_iter().flatten();
        let steps = fields.map(|field| Step::new(field, wanted.field(&field.name), records));
        Self {
            steps: steps.collect(),
        }
    }
}

impl Step {
    fn new(field: &Field, wanted: Option<&Wanted>, records: &[Vec<Field>]) -> Self {
        let node = field.node.clone();
        let Some(wanted) = wanted else {
            return Self {
                node,
                slot: None,
                inside: Inside::Nothing,
            };
        };
        let slots = wanted.first + usize::from(wanted.slot.is_some())..wanted.end;
        let inside = match &node {
            _ if wanted.fields.is_empty() => Inside::Nothing,
            Node::Record(record) => Inside::Record(Level::new(wanted, *record, records)),
            Node::Union(branches) => {
                let level = |branch: &Node| match branch {
                    Node::Record(record) => Some(Level::new(wanted, *record, records)),
                    _ => None,
                };
                Inside::Union(branches.iter().map(level).collect(), slots)
            }
            _ => Inside::Blocked(slots),
        };
        Self {
            node,
            slot: wanted.slot,
            inside,
        }
    }
}

/// Walks over a record, and fills the slots with the values that are wanted.
fn walk<'a>(
    record: &'a [u8],
    schemas: &'a Schemas<Reading>,
    level: impl Fn(&'a Reading) -> &'a Level,
    slots: &mut [Datum<'a>],
    limits: Limits,
) -> Result<(), Fault> {
    let (reading, body) = schemas.of(record)?;
    let mut cursor = Cursor::new(body, &reading.records, limits.max_depth);
    let walked = walk_level(level(reading), &mut cursor, slots, 0).and_then(|()| cursor.end());
    walked.map_err(|flaw| said(flaw, record.len() - body.len()))
}

fn walk_level<'a>(
    level: &'a Level,
    cursor: &mut Cursor<'a>,
    slots: &mut [Datum<'a>],
    depth: usize,
) -> Result<(), Flaw> {
    cursor.deeper(depth)?;
    for step in &level.steps {
        let value = match &step.inside {
            Inside::Nothing => cursor.value(&step.node, depth + 1)?,
            Inside::Record(level) => {
                walk_level(level, cursor, slots, depth + 1)?;
                Datum::Other("a record")
            }
            Inside::Blocked(inside) => {
                let value = cursor.value(&step.node, depth + 1)?;
                block(slots, inside, value);
                value
            }
            Inside::Union(levels, inside) => {
                let index = cursor.branch(levels)?;
                match (levels.get(index), &step.node) {
                    (Some(Some(level)), _) => {
                        walk_level(level, cursor, slots, depth + 1)?;
                        Datum::Other("a record")
                    }
                    (_, Node::Union(branches)) => {
                        let branch = branches.get(index).unwrap_or(&Node::Null);
                        let value = cursor.value(branch, depth + 1)?;
                        block(slots, inside, value);
                        value
                    }
                    _ => Datum::Null,
                }
            }
        };
        if let Some(slot) = step.slot.and_then(|slot| slots.get_mut(slot)) {
            *slot = value;
        }
    }
    Ok(())
}

/// Nothing can be found inside a value that has no fields; inside null there is nothing to be found.
fn block(slots: &mut [Datum<'_>], inside: &Slots, value: Datum<'_>) {
    if value != Datum::Null
        && let Some(slots) = slots.get_mut(inside.clone())
    {
        slots.fill(Datum::Blocked);
    }
}

#[cold]
fn said(flaw: Flaw, header: usize) -> Fault {
    match flaw {
        Flaw::Malformed { at, expected } => Fault::told(
            Reason::Malformed,
            format!(
                "the record is not of its schema: expected {expected} at byte {}",
                at + header
            ),
        ),
        Flaw::TooDeep { at } => Fault::told(
            Reason::TooDeep,
            format!(
                "the value is nested deeper than is read at byte {}",
                at + header
            ),
        ),
    }
}
