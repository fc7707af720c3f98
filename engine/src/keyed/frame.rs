//! What a function needs to know of the rows in its frame, as they come into it and go out.

use std::collections::VecDeque;

use arrow::datatypes::{DataType, i256};
use tidemill_plan::model::{Frame, Micros, OverCall, OverFunction};

use super::sum::{Sum, Total};
use super::value::Value;
use crate::error::{EngineError, Result};
use crate::wire::{Malformed, Reader, Writer};

/// A function, and the types that it is of.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) function: OverFunction,
    pub(super) frame: Frame,
    /// Index of its argument among the arguments of all functions.
    pub(super) argument: Option<usize>,
    /// The type of its results.
    pub(super) gives: DataType,
    /// Sums are of floats.
    floats: bool,
    /// By so many digits more than its argument is its result scaled.
    scale: u32,
}

impl Call {
    pub(super) fn new(
        call: &OverCall,
        argument: Option<(usize, &DataType)>,
        gives: &DataType,
    ) -> Result<Self> {
        let of = argument.map(|(_, of)| of.clone());
        let needs_one = !matches!(
            call.function,
            OverFunction::Count | OverFunction::RowNumber | OverFunction::Fresh(_)
        );
        if needs_one && of.is_none() {
            let message = format!("{:?} has no argument", call.function);
            return Err(EngineError::Plan(message));
        }
        let scale = match (&of, gives) {
            (Some(DataType::Decimal128(_, of)), DataType::Decimal128(_, to)) => to - of,
            _ => 0,
        };
        Ok(Self {
            function: call.function,
            frame: match call.function {
                OverFunction::Lag(_) | OverFunction::RowNumber | OverFunction::Fresh(_) => {
                    Frame::Rows(None)
                }
                _ => call.frame,
            },
            argument: argument.map(|(i, _)| i),
            gives: gives.clone(),
            floats: of == Some(DataType::Float64),
            scale: u32::try_from(scale).unwrap_or(0),
        })
    }

    /// Whether it forgets rows, rather than going back to the first.
    pub(super) fn is_bounded(&self) -> bool {
        matches!(self.frame, Frame::Range(Some(_)) | Frame::Rows(Some(_)))
    }

    /// Whether it looks at rows one by one, rather than at those of one time together.
    pub(super) fn is_by_row(&self) -> bool {
        matches!(self.frame, Frame::Rows(_) | Frame::Block(_))
    }

    /// How many rows before the one to come it needs, whatever their time.
    pub(super) fn rows_back(&self) -> u64 {
        match (self.function, self.frame) {
            (OverFunction::RowNumber | OverFunction::Fresh(_), _) => 0,
            (OverFunction::Lag(back), _) => u64::from(back),
            (_, Frame::Rows(Some(rows))) => u64::from(rows),
            _ => 0,
        }
    }

    /// How long before the row to come it needs rows, if that is told by time.
    pub(super) fn span(&self) -> Option<Micros> {
        match (self.function, self.frame) {
            (OverFunction::Lag(_) | OverFunction::RowNumber | OverFunction::Fresh(_), _) => None,
            (_, Frame::Range(span)) => span,
            _ => None,
        }
    }

    /// How long after its last row it needs to know of a key; `None` is for ever.
    pub(super) fn memory(&self) -> Option<Micros> {
        match self.function {
            OverFunction::Fresh(span) => Some(span),
            _ => self.span(),
        }
    }

    /// Whether something of it must be kept by key, as time alone does not tell what is needed.
    pub(super) fn lasts(&self) -> bool {
        self.span().is_none()
    }
}

/// The rows of a key that are still needed.
#[derive(Debug, Default)]
pub(super) struct History {
    /// How many rows there have been: the number of the next one.
    pub(super) next: u64,
    pub(super) times: VecDeque<Micros>,
    /// The arguments of each row, one after the other.
    pub(super) values: VecDeque<Value>,
    /// How many arguments a row has.
    pub(super) width: usize,
    /// How many bytes the texts among the values have.
    pub(super) texts: usize,
}

impl History {
    /// The number of the first row.
    pub(super) fn first(&self) -> u64 {
        self.next.saturating_sub(self.times.len() as u64)
    }

    fn place(&self, row: u64) -> Option<usize> {
        usize::try_from(row.checked_sub(self.first())?).ok()
    }

    pub(super) fn time(&self, row: u64) -> Option<Micros> {
        self.times.get(self.place(row)?).copied()
    }

    fn value(&self, row: u64, argument: usize) -> Option<&Value> {
        self.values.get(self.place(row)? * self.width + argument)
    }

    /// Adds a row.
    pub(super) fn push(&mut self, time: Micros, values: impl Iterator<Item = Value>) {
        self.times.push_back(time);
        for value in values {
            self.texts += value.bytes();
            self.values.push_back(value);
        }
        self.next += 1;
    }

    /// Drops the rows before one.
    pub(super) fn drop_before(&mut self, row: u64) {
        let gone = row.saturating_sub(self.first());
        let gone = gone.min(self.times.len() as u64) as usize;
        self.times.drain(..gone);
        let values = (gone * self.width).min(self.values.len());
        let texts: usize = self.values.drain(..values).map(|v| v.bytes()).sum();
        self.texts = self.texts.saturating_sub(texts);
    }
}

/// What a function knows of its frame.
#[derive(Debug)]
pub(super) struct Slot {
    /// The first row of the frame.
    pub(super) start: u64,
    known: Known,
}

#[derive(Debug)]
enum Known {
    /// Nothing that the history does not tell.
    Nothing,
    Count(u64),
    Sum(Sum),
    /// The rows that are the least, or the greatest, of all from them on.
    Extremes(VecDeque<u64>),
    /// The last row for which the answer was yes, and the last answer.
    Fresh(Option<Micros>, bool),
    /// The value that will stay, of a frame that forgets nothing; none before the first row.
    Value(Option<Value>),
}

/// Why a function gives nothing.
pub(super) type Failure = &'static str;

impl Slot {
    pub(super) fn new(call: &Call, next: u64) -> Self {
        let known = match call.function {
            OverFunction::Count => Known::Count(0),
            OverFunction::Sum | OverFunction::Avg => Known::Sum(Sum::of(call.floats)),
            OverFunction::Min | OverFunction::Max if call.is_bounded() => {
                Known::Extremes(VecDeque::new())
            }
            OverFunction::First if call.is_bounded() => Known::Nothing,
            OverFunction::Min | OverFunction::Max | OverFunction::First => Known::Value(None),
            OverFunction::Last | OverFunction::Lag(_) | OverFunction::RowNumber => Known::Nothing,
            OverFunction::Fresh(_) => Known::Fresh(None, false),
        };
        Self { start: next, known }
    }

    /// Takes in the last row of the history.
    pub(super) fn add(&mut self, call: &Call, history: &History) {
        let row = history.next.saturating_sub(1);
        if let Frame::Block(rows) = call.frame
            && row.is_multiple_of(u64::from(rows))
        {
            *self = Self::new(call, row);
        }
        let value = call.argument.and_then(|a| history.value(row, a));
        match &mut self.known {
            Known::Nothing => {}
            Known::Fresh(last, answer) => {
                let (OverFunction::Fresh(span), Some(now)) = (call.function, history.time(row))
                else {
                    return;
                };
                *answer = last.is_none_or(|last| now.saturating_sub(last) > span);
                if *answer {
                    *last = Some(now);
                }
            }
            Known::Count(count) => *count += u64::from(value.is_none_or(|v| !v.is_null())),
            Known::Sum(sum) => value.into_iter().for_each(|v| sum.add(v)),
            Known::Extremes(rows) => {
                let Some((value, argument)) = value.zip(call.argument) else {
                    return;
                };
                if value.is_null() {
                    return;
                }
                while let Some(&last) = rows.back()
                    && history
                        .value(last, argument)
                        .is_none_or(|l| !call.beats(l, value))
                {
                    rows.pop_back();
                }
                rows.push_back(row);
            }
            Known::Value(kept) => {
                let Some(value) = value else { return };
                let replaces = match (call.function, &kept) {
                    (_, None) => true,
                    (OverFunction::First, Some(_)) => false,
                    (_, Some(Value::Null)) => true,
                    (_, Some(kept)) => !value.is_null() && call.beats(value, kept),
                };
                if replaces {
                    *kept = Some(value.clone());
                }
            }
        }
    }

    /// Lets rows go that are no longer in the frame of the last row of the history.
    pub(super) fn retract(&mut self, call: &Call, history: &History) {
        let last = history.next.saturating_sub(1);
        let (first_row, first_time) = match call.frame {
            Frame::Rows(Some(back)) => (last.saturating_sub(u64::from(back)), Micros::MIN),
            Frame::Range(Some(span)) => {
                let now = history.time(last).unwrap_or(Micros::MIN);
                (0, now.saturating_sub(span))
            }
            _ => return,
        };
        self.start = self.start.max(history.first());
        while self.start < last
            && (self.start < first_row || history.time(self.start).is_some_and(|t| t < first_time))
        {
            self.take_back(call, history);
            self.start += 1;
        }
    }

    /// Lets the first row of the frame go.
    fn take_back(&mut self, call: &Call, history: &History) {
        let value = call.argument.and_then(|a| history.value(self.start, a));
        match &mut self.known {
            Known::Count(count) => {
                *count = count.saturating_sub(u64::from(value.is_none_or(|v| !v.is_null())));
            }
            Known::Sum(sum) => value.into_iter().for_each(|v| sum.take_back(v)),
            Known::Extremes(rows) => {
                if rows.front() == Some(&self.start) {
                    rows.pop_front();
                }
            }
            Known::Nothing | Known::Value(_) | Known::Fresh(..) => {}
        }
    }

    /// The first row that is still needed once the last has been.
    pub(super) fn needs_from(&self, call: &Call, history: &History) -> u64 {
        match call.function {
            OverFunction::Lag(back) => history.next.saturating_sub(u64::from(back)),
            OverFunction::RowNumber | OverFunction::Fresh(_) => history.next,
            _ if call.is_bounded() => self.start,
            _ => history.next,
        }
    }

    /// What the function gives for the last row of the history.
    pub(super) fn result(&self, call: &Call, history: &History) -> Result<Value, Failure> {
        if let Frame::Block(rows) = call.frame
            && !history.next.is_multiple_of(u64::from(rows))
        {
            return Ok(Value::Null);
        }
        let last = history.next.saturating_sub(1);
        let value = |row: u64| {
            let value = call.argument.and_then(|a| history.value(row, a));
            value.cloned().unwrap_or(Value::Null)
        };
        Ok(match (&self.known, call.function) {
            (_, OverFunction::RowNumber) => Value::Fixed(i128::from(history.next)),
            (_, OverFunction::Lag(back)) => match last.checked_sub(u64::from(back)) {
                Some(row) => value(row),
                None => Value::Null,
            },
            (_, OverFunction::Last) => value(last),
            (Known::Count(count), _) => Value::Fixed(i128::from(*count)),
            (Known::Sum(sum), function) => return call.sum(sum, function == OverFunction::Avg),
            (Known::Extremes(rows), _) => rows.front().map_or(Value::Null, |&row| value(row)),
            (Known::Value(kept), _) => kept.clone().unwrap_or(Value::Null),
            (Known::Fresh(_, answer), _) => Value::Fixed(i128::from(*answer)),
            (Known::Nothing, _) => value(self.start),
        })
    }

    /// The time of a row that it knows of without the history.
    pub(super) fn time(&self) -> Option<Micros> {
        match self.known {
            Known::Fresh(last, _) => last,
            _ => None,
        }
    }

    /// What is known of a frame that forgets nothing.
    pub(super) fn write(&self, call: &Call, writer: &mut Writer) {
        if call.is_bounded() {
            return;
        }
        match &self.known {
            Known::Count(count) => writer.unsigned(*count),
            Known::Sum(sum) => sum.write(writer),
            Known::Fresh(last, _) => {
                writer.byte(u8::from(last.is_some()));
                last.iter().for_each(|&last| writer.signed(last));
            }
            Known::Value(value) => {
                writer.byte(u8::from(value.is_some()));
                value.iter().for_each(|v| v.write(writer));
            }
            Known::Nothing | Known::Extremes(_) => {}
        }
    }

    pub(super) fn read(&mut self, call: &Call, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if call.is_bounded() {
            return Ok(());
        }
        match &mut self.known {
            Known::Count(count) => *count = reader.unsigned()?,
            Known::Sum(sum) => *sum = Sum::read(reader, call.floats)?,
            Known::Fresh(last, _) => {
                *last = match reader.byte()? {
                    0 => None,
                    _ => Some(reader.signed()?),
                };
            }
            Known::Value(value) => {
                *value = match reader.byte()? {
                    0 => None,
                    _ => Some(Value::read(reader)?),
                };
            }
            Known::Nothing | Known::Extremes(_) => {}
        }
        Ok(())
    }
}

impl Call {
    /// Whether one value stays before another as the least, or the greatest.
    fn beats(&self, one: &Value, other: &Value) -> bool {
        if self.function == OverFunction::Min {
            one < other
        } else {
            one > other
        }
    }

    fn sum(&self, sum: &Sum, mean: bool) -> Result<Value, Failure> {
        if sum.count == 0 {
            return Ok(Value::Null);
        }
        match &sum.total {
            Total::Float(floats) if mean => Ok(Value::float(floats.value() / sum.count as f64)),
            Total::Float(floats) => Ok(Value::float(floats.value())),
            Total::Whole(total) if mean => {
                let scaled = i256::from_i128(10i128.pow(self.scale.min(38)));
                let mean = total
                    .checked_mul(scaled)
                    .and_then(|t| t.checked_div(i256::from_i128(i128::from(sum.count))));
                self.fitting(mean.and_then(i256::to_i128))
            }
            Total::Whole(total) => self.fitting(total.to_i128()),
        }
    }

    fn fitting(&self, number: Option<i128>) -> Result<Value, Failure> {
        let fits = |n: &i128| match &self.gives {
            DataType::Int64 => i64::try_from(*n).is_ok(),
            DataType::Decimal128(digits, _) => {
                let limit = 10u128.checked_pow(u32::from(*digits)).unwrap_or(u128::MAX);
                n.unsigned_abs() < limit
            }
            _ => true,
        };
        let number = number
            .filter(fits)
            .ok_or("the result has more digits than its type")?;
        Ok(Value::Fixed(number))
    }
}
