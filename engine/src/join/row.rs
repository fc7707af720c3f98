//! One row of a side, as it is kept, sent and stored.

use tidemill_plan::model::Micros;

use crate::wire::{Malformed, Reader, Writer};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) time: Micros,
    pub(super) is_right: bool,
    /// A column of its key is null: it belongs to none.
    pub(super) is_single: bool,
    /// A row of the other side that belongs to it has been found.
    pub(super) is_matched: bool,
    /// What it goes by in the changelog; 0 where it is not there.
    pub(super) number: u64,
    /// Key, then row.
    bytes: Box<[u8]>,
    key: usize,
}

/// What is stored.
pub(super) enum Stored {
    Row(Row),
    /// That the row of this number belongs to another.
    Matched(u64),
}

impl Row {
    pub(super) fn new(time: Micros, is_right: bool, key: &[u8], row: &[u8]) -> Self {
        Self {
            time,
            is_right,
            is_single: false,
            is_matched: false,
            number: 0,
            bytes: [key, row].concat().into_boxed_slice(),
            key: key.len(),
        }
    }

    pub(super) fn key(&self) -> &[u8] {
        self.bytes.get(..self.key).unwrap_or_default()
    }

    pub(super) fn row(&self) -> &[u8] {
        self.bytes.get(self.key..).unwrap_or_default()
    }

    /// Bytes of memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }

    /// All but the key, as bytes.
    pub(super) fn state(&self) -> Vec<u8> {
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        let mut writer = Writer::default();
        let is = flag(self.is_right, RIGHT) | flag(self.is_matched, MATCHED);
        writer.byte(is | flag(self.is_single, SINGLE));
        writer.signed(self.time);
        writer.unsigned(self.number);
        let mut state = writer.unsealed();
        state.extend_from_slice(self.row());
        state
    }
}

impl Stored {
    /// The word that the row of a number belongs to another.
    pub(super) fn matched(number: u64) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(WORD);
        writer.unsigned(number);
        writer.unsealed()
    }

    pub(super) fn read(key: &[u8], state: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::unsealed(state);
        let flags = reader.byte()?;
        if flags & WORD != 0 {
            return Ok(Self::Matched(reader.unsigned()?));
        }
        let time = reader.signed()?;
        let number = reader.unsigned()?;
        Ok(Self::Row(Row {
            is_matched: flags & MATCHED != 0,
            is_single: flags & SINGLE != 0,
            number,
            ..Row::new(time, flags & RIGHT != 0, key, reader.rest())
        }))
    }
}
