//! Changes of a database table's rows, as Debezium writes them: `op` says what happened, `before` and `after` are the row.
//!
//! A tombstone, which follows a deletion, is one itself: it has nothing but the key.

use tidemill_plan::model::Column;

use super::datum::Datum;
use super::fault::Fault;
use super::table::{Made, Table};
use super::wanted::Wanted;
use crate::record::Reason;

/// What a change does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The row is there, as `after` has it.
    Row,
    /// The row is gone that `before` has.
    Deletion,
    /// It is about no row.
    Nothing,
}

impl Change {
    /// What the value of `op` means.
    pub(super) fn of(op: &[u8]) -> Result<Self, Fault> {
        match op {
            b"c" | b"r" | b"u" => Ok(Self::Row),
            b"d" => Ok(Self::Deletion),
            b"m" => Ok(Self::Nothing),
            other => {
                let other = String::from_utf8_lossy(other);
                let message = format!(
                    "the change is `{other}`; those that are read are c, r, u (a row) and d (a deletion)"
                );
                Err(Fault::told(Reason::WrongType, message))
            }
        }
    }
}

/// A record that is no change at all.
#[cold]
pub(super) fn no_change() -> Fault {
    let message = "the record is no change as Debezium writes it: it has no field `op`".to_owned();
    Fault::told(Reason::Malformed, message)
}

/// A change without its row.
#[cold]
pub(super) fn no_row(field: &str) -> Fault {
    let message = format!("the change has no row: `{field}` is null or not there");
    Fault::told(Reason::MissingRequired, message)
}

/// A tombstone whose key says nothing.
#[cold]
pub(super) fn no_key() -> Fault {
    let message = "the value is null, and the key has none of the columns".to_owned();
    Fault::told(Reason::Null, message)
}

/// Where a change has its parts, for formats with typed values.
#[derive(Debug)]
pub(super) struct Changes {
    op: usize,
    before: Part,
    after: Part,
    /// What is wanted of a tombstone's key.
    pub(super) key: Wanted,
    key_slots: Vec<usize>,
}

/// A row within a change.
#[derive(Debug)]
struct Part {
    name: &'static str,
    slot: usize,
    /// By column.
    columns: Vec<usize>,
}

impl Changes {
    /// The parts of changes with these columns, and what is wanted of a record for them.
    pub(super) fn new(columns: &[Column]) -> (Self, Wanted) {
        let inside = |around: &str| {
            let path = |column: &Column| [&[around.to_owned()], &*column.path].concat();
            columns.iter().map(path).collect::<Vec<_>>()
        };
        let one = |name: &str| vec![name.to_owned()];
        let paths: Vec<Vec<String>> = [one("op"), one("before"), one("after")]
            .into_iter()
            .chain(inside("before"))
            .chain(inside("after"))
            .collect();
        let paths: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
        let (wanted, slots) = Wanted::new(&paths);
        let slot = |index: usize| slots.get(index).copied().unwrap_or_default();
        let count = columns.len();
        let part = |name, own: usize, first: usize| Part {
            name,
            slot: slot(own),
            columns: (first..first + count).map(slot).collect(),
        };
        let keys: Vec<&[String]> = columns.iter().map(|column| &*column.path).collect();
        let (key, key_slots) = Wanted::new(&keys);
        let changes = Self {
            op: slot(0),
            before: part("before", 1, 3),
            after: part("after", 2, 3 + count),
            key,
            key_slots,
        };
        (changes, wanted)
    }

    /// Adds the row of a change.
    pub(super) fn push(
        &self,
        table: &mut Table,
        slots: &[Datum<'_>],
        scratch: &mut Vec<u8>,
    ) -> Result<Made, Fault> {
        let datum = |slot: usize| slots.get(slot).copied().unwrap_or(Datum::Absent);
        let Datum::Text(op) = datum(self.op) else {
            return Err(no_change());
        };
        let (part, made) = match Change::of(op)? {
            Change::Row => (&self.after, Made::Row),
            Change::Deletion => (&self.before, Made::Deletion),
            Change::Nothing => return Ok(Made::Nothing),
        };
        if matches!(datum(part.slot), Datum::Absent | Datum::Null) {
            return Err(no_row(part.name));
        }
        table.push_at(slots, &part.columns, made == Made::Deletion, scratch)?;
        Ok(made)
    }

    /// Adds the deletion of the row with this key.
    pub(super) fn push_key(
        &self,
        table: &mut Table,
        slots: &[Datum<'_>],
        scratch: &mut Vec<u8>,
    ) -> Result<Made, Fault> {
        let found = |slot: &usize| !matches!(slots.get(*slot), None | Some(Datum::Absent));
        if !self.key_slots.iter().any(found) {
            return Err(no_key());
        }
        table.push_at(slots, &self.key_slots, true, scratch)?;
        Ok(Made::Deletion)
    }
}
