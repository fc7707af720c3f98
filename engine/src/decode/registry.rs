//! Records that say by which schema they were written: as Confluent's serializers have it, a zero byte, the schema's number
//! in four bytes, and then what the format writes.

use std::collections::HashMap;

use super::fault::Fault;
use crate::record::{RawRecord, Reason};

/// A schema as a registry gives it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisteredSchema {
    /// What kind of schema it is, in the registry's words: `AVRO`, `PROTOBUF` or `JSON`.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// The schemas that it refers to, each with the name by which it is referred to, before those that refer to it.
    pub references: Vec<(String, String)>,
}

/// The schemas of a source's records, each as its format uses it.
#[derive(Debug)]
pub(super) enum Schemas<S> {
    /// All records are of this one, and nothing stands before them.
    One(S),
    /// Each record names its own. One that cannot be used has the reason.
    Named {
        known: HashMap<u32, Result<S, String>>,
    },
}

impl<S> Schemas<S> {
    pub(super) fn named() -> Self {
        Self::Named {
            known: HashMap::new(),
        }
    }

    /// The schema of a record, and what follows its header.
    pub(super) fn of<'r>(&self, record: &'r [u8]) -> Result<(&S, &'r [u8]), Fault> {
        match self {
            Self::One(schema) => Ok((schema, record)),
            Self::Named { known } => {
                let Some((id, rest)) = header(record) else {
                    return Err(headless(record));
                };
                match known.get(&id) {
                    Some(Ok(schema)) => Ok((schema, rest)),
                    Some(Err(why)) => Err(unusable(id, why)),
                    None => Err(unusable(id, "it has not been asked for")),
                }
            }
        }
    }

    /// The first of the records whose schema is not known: its index, and the schema's number. With `keys`, that of a
    /// record without a value is the schema of its key.
    pub(super) fn missing(&self, records: &[RawRecord<'_>], keys: bool) -> Option<(usize, u32)> {
        let Self::Named { known } = self else {
            return None;
        };
        let mut last = None;
        records.iter().enumerate().find_map(|(index, record)| {
            let bytes = record.value.or(record.key.filter(|_| keys));
            let (id, _) = header(bytes?)?;
            if last == Some(id) {
                return None;
            }
            last = Some(id);
            (!known.contains_key(&id)).then_some((index, id))
        })
    }

    pub(super) fn learn(&mut self, id: u32, schema: Result<S, String>) {
        if let Self::Named { known } = self {
            known.insert(id, schema);
        }
    }
}

/// The schema's number, and what follows it.
fn header(record: &[u8]) -> Option<(u32, &[u8])> {
    let ([0, id @ ..], rest) = record.split_first_chunk::<5>()? else {
        return None;
    };
    Some((u32::from_be_bytes(*id), rest))
}

#[cold]
fn headless(record: &[u8]) -> Fault {
    let found = match record.first() {
        Some(0) => format!("a record of {} bytes", record.len()),
        Some(byte) => format!("the byte {byte}"),
        None => "nothing".to_owned(),
    };
    let message = format!(
        "the record does not begin with a zero byte and the number of its schema, as those written with a schema registry do: found {found}"
    );
    Fault::told(Reason::Malformed, message)
}

#[cold]
fn unusable(id: u32, why: &str) -> Fault {
    let message = format!("the record's schema, number {id}, cannot be used: {why}");
    Fault::told(Reason::UnknownSchema, message)
}
