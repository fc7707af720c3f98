//! One row of a side, as it is kept, sent and stored; and many of them in one piece of memory.

use tidemill_plan::model::Micros;

use crate::wire::{self, Malformed, Reader, Writer};

const RIGHT: u8 = 1;
const MATCHED: u8 = 2;
const SINGLE: u8 = 8;
/// Not a row, but the word that the row of this number has been found to belong to another.
const WORD: u8 = 4;

/// Something of each side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Both<T> {
    pub(super) left: T,
    pub(super) right: T,
}

impl<T> Both<T> {
    pub(super) fn of(&self, is_right: bool) -> &T {
        match is_right {
            true => &self.right,
            false => &self.left,
        }
    }

    pub(super) fn of_mut(&mut self, is_right: bool) -> &mut T {
        match is_right {
            true => &mut self.right,
            false => &mut self.left,
        }
    }
}

/// A row with what it goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) time: Micros,
    pub(super) is_right: bool,
    /// A column of its key is null: it belongs to none.
    pub(super) is_single: bool,
    /// A row of the other side that belongs to it has been found.
    pub(super) is_matched: bool,
    /// In the order in which rows have come; 0 where it is only sent.
    pub(super) number: u64,
    pub(super) key: &'a [u8],
    pub(super) row: &'a [u8],
}

/// What is stored.
pub(super) enum Stored<'a> {
    Row(Row<'a>),
    /// That the row that is due then, and of this number, belongs to another.
    Matched(Due),
}

/// When a row is due, and its number.
pub(super) type Due = (Micros, u64);

impl Row<'_> {
    /// All but the key, as bytes.
    pub(super) fn state(&self, out: &mut Vec<u8>) {
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        let mut writer = Writer::default();
        let is = flag(self.is_right, RIGHT) | flag(self.is_matched, MATCHED);
        writer.byte(is | flag(self.is_single, SINGLE));
        writer.signed(self.time);
        writer.unsigned(self.number);
        out.extend_from_slice(&writer.unsealed());
        out.extend_from_slice(self.row);
    }
}

impl<'a> Stored<'a> {
    /// The word that a row belongs to another.
    pub(super) fn matched((due, number): Due, out: &mut Vec<u8>) {
        let mut writer = Writer::default();
        writer.byte(WORD);
        writer.unsigned(number);
        writer.signed(due);
        out.extend_from_slice(&writer.unsealed());
    }

    pub(super) fn read(key: &'a [u8], state: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::unsealed(state);
        let flags = reader.byte()?;
        if flags & WORD != 0 {
            let number = reader.unsigned()?;
            return Ok(Self::Matched((reader.signed()?, number)));
        }
        Ok(Self::Row(Row {
            time: reader.signed()?,
            number: reader.unsigned()?,
            is_right: flags & RIGHT != 0,
            is_matched: flags & MATCHED != 0,
            is_single: flags & SINGLE != 0,
            key,
            row: reader.rest(),
        }))
    }
}

/// What is known of a row without its bytes, and where they are.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    time: Micros,
    number: u64,
    /// Key, then row.
    start: usize,
    key: usize,
    end: usize,
    is_right: bool,
    is_single: bool,
    is_matched: bool,
}

/// Rows, by their places, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Rows {
    arena: Vec<u8>,
    entries: Vec<Entry>,
}

impl Rows {
    /// Adds a row; its number is higher than those before.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        let start = self.arena.len();
        self.arena.extend_from_slice(row.key);
        let key = self.arena.len();
        self.arena.extend_from_slice(row.row);
        self.entries.push(Entry {
            hash: wire::hash(row.key),
            time: row.time,
            number: row.number,
            start,
            key,
            end: self.arena.len(),
            is_right: row.is_right,
            is_single: row.is_single,
            is_matched: row.is_matched,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets them, for others to come.
    pub(super) fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
    }

    /// The row at a place.
    pub(super) fn get(&self, place: usize) -> Option<Row<'_>> {
        let entry = self.entries.get(place)?;
        Some(Row {
            time: entry.time,
            is_right: entry.is_right,
            is_single: entry.is_single,
            is_matched: entry.is_matched,
            number: entry.number,
            key: self.arena.get(entry.start..entry.key)?,
            row: self.arena.get(entry.key..entry.end)?,
        })
    }

    /// All rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// Gives the rows numbers, from one on.
    pub(super) fn number_from(&mut self, first: u64) {
        for (number, entry) in (first..).zip(&mut self.entries) {
            entry.number = number;
        }
    }

    /// The hash of the key of the row at a place.
    pub(super) fn hash(&self, place: usize) -> u64 {
        self.entries.get(place).map_or(0, |entry| entry.hash)
    }

    /// The place of the row of a number.
    pub(super) fn find(&self, number: u64) -> Option<usize> {
        self.entries
            .binary_search_by_key(&number, |e| e.number)
            .ok()
    }

    /// Notes that the row at a place belongs to another; whether that is new.
    pub(super) fn set_matched(&mut self, place: usize) -> bool {
        let entry = self.entries.get_mut(place);
        entry.is_some_and(|entry| !std::mem::replace(&mut entry.is_matched, true))
    }

    /// The places of rows that may belong to others, by key; those of a key by side and time.
    pub(super) fn by_key(&self) -> Vec<u32> {
        let mut places: Vec<u32> = (0..self.len() as u32).collect();
        let entry = |&place: &u32| self.entries.get(place as usize);
        places.retain(|place| entry(place).is_some_and(|e| !e.is_single));
        let key = |e: &Entry| self.arena.get(e.start..e.key);
        places.sort_unstable_by(|a, b| {
            let (Some(a), Some(b)) = (entry(a), entry(b)) else {
                return a.cmp(b);
            };
            let by_key = || key(a).cmp(&key(b));
            let rest = |e: &Entry| (e.is_right, e.time, e.number);
            let by_rest = || rest(a).cmp(&rest(b));
            a.hash.cmp(&b.hash).then_with(by_key).then_with(by_rest)
        });
        places
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.arena.len() + self.entries.len() * size_of::<Entry>()
    }
}
