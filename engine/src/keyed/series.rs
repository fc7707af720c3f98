//! One key: its rows in order, and what the functions know of them.

use tidemill_plan::model::{Micros, OverFunction};

use super::frame::{Call, Failure, History, Slot};
use super::value::Value;
use crate::alerts::Recent;
use crate::wire::{Malformed, Reader, Writer};

/// The state of a key.
#[derive(Debug)]
pub(super) struct Series {
    history: History,
    slots: Vec<Slot>,
    /// Its last rows as alerts show them, where rules judge them.
    pub(super) recent: Recent,
    /// It has changed since it was last written.
    pub(super) touched: bool,
    /// It has changed since series were last made to leave memory.
    pub(super) used: bool,
}

/// What of a key has been stored, of which its series is made.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What was written of it by itself.
    pub(super) written: Option<Vec<u8>>,
    /// Its last rows.
    pub(super) rows: Vec<Kept>,
    /// The last of them as alerts show them, where rules judge them.
    pub(super) recent: Recent,
}

/// What the functions give for each of some rows.
#[derive(Debug)]
pub(super) struct Results {
    /// By function, then by row.
    pub(super) values: Vec<Vec<Value>>,
    /// The rows for which one gives nothing.
    pub(super) failed: Vec<(usize, Failure)>,
}

impl Results {
    pub(super) fn new(calls: usize, rows: usize) -> Self {
        Self {
            values: vec![vec![Value::Null; rows]; calls],
            failed: Vec::new(),
        }
    }

    /// How many rows are none of the first.
    pub(super) fn duplicates(&self, calls: &[Call]) -> u64 {
        let fresh = calls.iter().zip(&self.values);
        let fresh = fresh.filter(|(call, _)| matches!(call.function, OverFunction::Fresh(_)));
        let not = fresh.flat_map(|(_, rows)| rows.iter().filter(|v| **v == Value::Fixed(0)));
        not.count() as u64
    }

    /// Numbers rows in their order; nothing else is wanted of them.
    pub(super) fn number(&mut self, rows: &[usize]) {
        for call in 0..self.values.len() {
            for (number, &row) in (1..).zip(rows) {
                self.set(call, row, Ok(Value::Fixed(number)));
            }
        }
    }

    fn set(&mut self, call: usize, row: usize, result: Result<Value, Failure>) {
        match result {
            Ok(value) => {
                if let Some(place) = self.values.get_mut(call).and_then(|c| c.get_mut(row)) {
                    *place = value;
                }
            }
            Err(failure) => self.failed.push((row, failure)),
        }
    }
}

impl Series {
    pub(super) fn new(calls: &[Call], width: usize) -> Self {
        Self {
            history: History {
                width,
                ..History::default()
            },
            slots: calls.iter().map(|call| Slot::new(call, 0)).collect(),
            recent: Recent::default(),
            touched: false,
            used: true,
        }
    }

    /// Takes in rows of the key that come after those it has, all with one time; `rows` are their places in
    /// `arguments` and in the results.
    pub(super) fn take(
        &mut self,
        calls: &[Call],
        time: Micros,
        rows: &[usize],
        arguments: &[Vec<Value>],
        results: &mut Results,
    ) {
        for &row in rows {
            self.push(calls, time, row, arguments);
            for (i, (call, slot)) in calls.iter().zip(&mut self.slots).enumerate() {
                if call.is_by_row() {
                    slot.retract(call, &self.history);
                    results.set(i, row, slot.result(call, &self.history));
                }
            }
        }
        for (i, (call, slot)) in calls.iter().zip(&mut self.slots).enumerate() {
            if call.is_by_row() {
                continue;
            }
            slot.retract(call, &self.history);
            let result = slot.result(call, &self.history);
            for &row in rows {
                results.set(i, row, result.clone());
            }
        }
        self.forget_rows(calls);
    }

    fn push(&mut self, calls: &[Call], time: Micros, row: usize, arguments: &[Vec<Value>]) {
        self.history.push(time, values_of(arguments, row));
        for (call, slot) in calls.iter().zip(&mut self.slots) {
            slot.add(call, &self.history);
        }
    }

    fn forget_rows(&mut self, calls: &[Call]) {
        let needed = calls.iter().zip(&self.slots);
        let needed = needed.map(|(call, slot)| slot.needs_from(call, &self.history));
        let needed = needed.min().unwrap_or(self.history.next);
        self.history.drop_before(needed);
    }

    /// The time of the last row that anything is known of.
    pub(super) fn last_time(&self) -> Option<Micros> {
        let known = self.slots.iter().filter_map(Slot::time);
        known.chain(self.history.times.back().copied()).max()
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        let history = &self.history;
        size_of::<Self>()
            + self.slots.len() * size_of::<Slot>()
            + history.times.len() * size_of::<Micros>()
            + history.values.len() * size_of::<Value>()
            + history.texts
            + self.recent.bytes()
    }

    /// What cannot be found in the rows of the last stretch of time.
    pub(super) fn write(&self, calls: &[Call], rows_back: u64) -> Vec<u8> {
        let mut writer = Writer::default();
        let history = &self.history;
        let kept = rows_back.min(history.times.len() as u64) as usize;
        writer.unsigned(history.next);
        writer.unsigned(kept as u64);
        let from = history.times.len() - kept;
        history
            .times
            .iter()
            .skip(from)
            .for_each(|&t| writer.signed(t));
        let values = history.values.iter().skip(from * history.width);
        values.for_each(|v| v.write(&mut writer));
        for (call, slot) in calls.iter().zip(&self.slots) {
            slot.write(call, &mut writer);
        }
        if self.recent.len() > 0 {
            self.recent.write(&mut writer);
        }
        writer.unsealed()
    }

    /// All of it.
    pub(super) fn whole(&self, calls: &[Call]) -> Known {
        Known {
            written: Some(self.write(calls, u64::MAX)),
            ..Known::default()
        }
    }

    /// A key as it was, of what was written and of those of its last rows that are held, in order.
    pub(super) fn restored(calls: &[Call], width: usize, known: Known) -> Result<Self, Malformed> {
        let held = known.rows;
        let mut series = Self::new(calls, width);
        let (mut rows, mut next) = (Vec::new(), 0);
        if let Some(bytes) = &known.written {
            let mut reader = Reader::unsealed(bytes);
            next = reader.unsigned()?;
            rows = read_rows(&mut reader, width)?;
            for (call, slot) in calls.iter().zip(&mut series.slots) {
                slot.read(call, &mut reader)?;
            }
            if !reader.is_empty() {
                series.recent = Recent::read(&mut reader)?;
            }
        }
        // Both end with the last row that was handed on; what is longer has all that the other has.
        if held.len() > rows.len() {
            rows = held;
        }
        if known.recent.len() > series.recent.len() {
            series.recent = known.recent;
        }
        let history = &mut series.history;
        history.next = next.saturating_sub(rows.len() as u64);
        series.slots.iter_mut().for_each(|s| s.start = history.next);
        for (time, values) in rows {
            history.push(time, values.into_iter());
            let bounded = calls.iter().zip(&mut series.slots);
            for (call, slot) in bounded.filter(|(call, _)| call.is_bounded()) {
                slot.add(call, history);
                slot.retract(call, history);
            }
        }
        series.forget_rows(calls);
        Ok(series)
    }
}

impl Known {
    /// As bytes.
    pub(super) fn pack(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(u8::from(self.written.is_some()));
        self.written.iter().for_each(|it| writer.bytes(it));
        writer.unsigned(self.rows.len() as u64);
        self.rows.iter().for_each(|(time, _)| writer.signed(*time));
        let values = self.rows.iter().flat_map(|(_, values)| values);
        values.for_each(|value| value.write(&mut writer));
        if self.recent.len() > 0 {
            self.recent.write(&mut writer);
        }
        writer.unsealed()
    }

    /// Of its bytes; a row has so many values.
    pub(super) fn unpack(bytes: &[u8], width: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::unsealed(bytes);
        let written = match reader.byte()? {
            0 => None,
            _ => Some(reader.bytes()?.to_vec()),
        };
        let rows = read_rows(&mut reader, width)?;
        let recent = match reader.is_empty() {
            true => Recent::default(),
            false => Recent::read(&mut reader)?,
        };
        Ok(Self {
            written,
            rows,
            recent,
        })
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        let row = |(_, values): &Kept| {
            let texts: usize = values.iter().map(Value::bytes).sum();
            size_of::<Kept>() + size_of_val(values.as_slice()) + texts
        };
        let rows: usize = self.rows.iter().map(row).sum();
        let written = self.written.as_ref().map_or(0, Vec::len);
        size_of::<Self>() + written + rows + self.recent.bytes()
    }
}

/// A row that is still needed: its time and its arguments.
pub(super) type Kept = (Micros, Vec<Value>);

fn read_rows(reader: &mut Reader<'_>, width: usize) -> Result<Vec<Kept>, Malformed> {
    let times = (0..reader.unsigned()?).map(|_| reader.signed());
    let times = times.collect::<Result<Vec<_>, _>>()?;
    let row = |time| {
        let values = (0..width).map(|_| Value::read(reader));
        Ok((time, values.collect::<Result<_, _>>()?))
    };
    times.into_iter().map(row).collect()
}

/// The arguments of a row.
pub(super) fn values_of(arguments: &[Vec<Value>], row: usize) -> impl Iterator<Item = Value> + '_ {
    let value = move |column: &Vec<Value>| column.get(row).cloned().unwrap_or(Value::Null);
    arguments.iter().map(value)
}
