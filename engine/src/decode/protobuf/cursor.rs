//! Walks over Protobuf's binary encoding.

use super::schema::{Kind, Level, Message, UNIT};
use crate::decode::datum::{Datum, unscaled};
use crate::decode::time::days_of;

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Something else is expected at this byte.
    Malformed { at: usize, expected: &'static str },
    /// Messages inside each other are deeper than is read.
    TooDeep { at: usize },
}

pub(super) type Walked<T> = Result<T, Flaw>;

/// A place in a record, and where the message ends that it is in.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

/// How a value is written.
enum Wire<'a> {
    Number(u64),
    Four([u8; 4]),
    Eight([u8; 8]),
    /// With a cursor over its bytes.
    Sized(&'a [u8], Cursor<'a>),
    Group,
}

impl<'a> Cursor<'a> {
    /// At this byte of a record.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        let end = bytes.len();
        Self { bytes, at, end }
    }

    fn expected<T>(&self, expected: &'static str) -> Walked<T> {
        let at = self.at;
        Err(Flaw::Malformed { at, expected })
    }

    /// What is left of the record.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// A number, seven bits a byte, the lowest first.
    #[inline]
    pub(super) fn number(&mut self) -> Walked<u64> {
        let mut value = 0_u64;
        let rest = self.bytes.get(self.at..self.end).unwrap_or_default();
        for (index, byte) in rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index as u32);
            if byte & 0x80 == 0 {
                self.at += index + 1;
                return Ok(value);
            }
        }
        self.expected("a number of at most ten bytes")
    }

    #[inline]
    fn take(&mut self, count: usize) -> Walked<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.end);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => self.expected("more bytes"),
        }
    }

    /// The number of the next field, and how it is written; `None` at the end of the message.
    #[inline]
    fn field(&mut self, depth: usize) -> Walked<Option<(u32, Wire<'a>)>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let at = self.at;
        let tag = self.number()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0);
        let Some(number) = number else {
            self.at = at;
            return self.expected("the number of a field");
        };
        let wire = match tag & 7 {
            0 => Wire::Number(self.number()?),
            1 => Wire::Eight(self.take(8)?.first_chunk().copied().unwrap_or_default()),
            2 => {
                let size = usize::try_from(self.number()?).unwrap_or(usize::MAX);
                let start = self.at;
                let bytes = self.take(size)?;
                let inside = Self {
                    at: start,
                    end: self.at,
                    ..*self
                };
                Wire::Sized(bytes, inside)
            }
            3 => {
                self.skip_group(number, depth)?;
                Wire::Group
            }
            5 => Wire::Four(self.take(4)?.first_chunk().copied().unwrap_or_default()),
            _ => {
                self.at = at;
                return self.expected("the type of a field");
            }
        };
        Ok(Some((number, wire)))
    }

    /// Steps over the fields of a group, up to its end.
    fn skip_group(&mut self, number: u32, depth: usize) -> Walked<()> {
        self.deeper(depth)?;
        loop {
            let before = self.at;
            let tag = self.number()?;
            if tag & 7 == 4 {
                if tag >> 3 == u64::from(number) {
                    return Ok(());
                }
                self.at = before;
                return self.expected("the end of the group");
            }
            self.at = before;
            if self.field(depth - 1)?.is_none() {
                return self.expected("the end of the group");
            }
        }
    }

    /// `depth` is how many more messages may stand inside each other.
    fn deeper(&self, depth: usize) -> Walked<()> {
        if depth == 0 {
            return Err(Flaw::TooDeep { at: self.at });
        }
        Ok(())
    }

    /// Walks over a message, and fills the slots with what is wanted of it.
    pub(super) fn message(
        &mut self,
        level: &'a Level,
        slots: &mut [Datum<'a>],
        depth: usize,
    ) -> Walked<()> {
        self.deeper(depth)?;
        for field in level.fields.values().filter(|field| field.has_default) {
            // A message may come in pieces: what is there already stays.
            if let Some(slot) = field.slot.and_then(|slot| slots.get_mut(slot))
                && *slot == Datum::Absent
            {
                *slot = field.kind.default();
            }
        }
        while let Some((number, wire)) = self.field(depth)? {
            let Some(field) = level.fields.get(&number) else {
                continue;
            };
            let value = match (&field.kind, wire) {
                (Kind::Message(Message::Level(inner)), Wire::Sized(_, mut inside)) => {
                    inside.message(inner, slots, depth - 1)?;
                    Some(Datum::Other("a message"))
                }
                (kind, wire) => kind.value(wire, depth - 1)?,
            };
            // A field that is written in another way than its type's is none of the schema's.
            let Some(value) = value else {
                continue;
            };
            if let Some(inside) = slots.get_mut(field.blocks.clone()) {
                inside.fill(Datum::Blocked);
            }
            if let Some(slot) = field.slot.and_then(|slot| slots.get_mut(slot)) {
                *slot = value;
            }
        }
        Ok(())
    }
}

impl Kind {
    fn value<'a>(&'a self, wire: Wire<'a>, depth: usize) -> Walked<Option<Datum<'a>>> {
        Ok(Some(match (self, wire) {
            (Self::Many(what), _) => Datum::Other(what),
            (Self::Boolean, Wire::Number(number)) => Datum::Boolean(number != 0),
            (Self::Int32, Wire::Number(number)) => Datum::Int(i64::from(number as i32)),
            (Self::Int64, Wire::Number(number)) => Datum::Int(number as i64),
            (Self::UInt, Wire::Number(number)) => unsigned(number),
            (Self::SInt, Wire::Number(number)) => {
                Datum::Int((number >> 1) as i64 ^ -((number & 1) as i64))
            }
            (Self::Enum(symbols), Wire::Number(number)) => match symbols.get(&(number as i32)) {
                Some(symbol) => Datum::Text(symbol.as_bytes()),
                None => Datum::Int(i64::from(number as i32)),
            },
            (Self::Fixed32, Wire::Four(bytes)) => Datum::Int(u32::from_le_bytes(bytes).into()),
            (Self::SFixed32, Wire::Four(bytes)) => Datum::Int(i32::from_le_bytes(bytes).into()),
            (Self::Float, Wire::Four(bytes)) => Datum::Float(f32::from_le_bytes(bytes)),
            (Self::Fixed64, Wire::Eight(bytes)) => unsigned(u64::from_le_bytes(bytes)),
            (Self::SFixed64, Wire::Eight(bytes)) => Datum::Int(i64::from_le_bytes(bytes)),
            (Self::Double, Wire::Eight(bytes)) => Datum::Double(f64::from_le_bytes(bytes)),
            (Self::Text, Wire::Sized(bytes, _)) => Datum::Text(bytes),
            (Self::Bytes, Wire::Sized(bytes, _)) => Datum::Bytes(bytes),
            (Self::Message(message), Wire::Sized(_, inside)) => message.value(inside, depth)?,
            _ => return Ok(None),
        }))
    }
}

/// A number that few columns have to know as unsigned.
fn unsigned<'a>(number: u64) -> Datum<'a> {
    i64::try_from(number).map_or(Datum::UInt(number), Datum::Int)
}

impl Message {
    fn value<'a>(&'a self, mut inside: Cursor<'a>, depth: usize) -> Walked<Datum<'a>> {
        inside.deeper(depth)?;
        match self {
            Self::Level(_) => Ok(Datum::Other("a message")),
            Self::Wrapper(kind) => {
                let mut value = kind.default();
                while let Some((number, wire)) = inside.field(depth)? {
                    if number == 1 {
                        value = kind.value(wire, depth)?.unwrap_or(value);
                    }
                }
                Ok(value)
            }
            Self::Timestamp => {
                let [seconds, nanos, _] = inside.numbers(depth)?;
                let nanos = i64::from(nanos as i32);
                let micros = seconds.checked_mul(1_000_000);
                let micros = micros.and_then(|micros| micros.checked_add(nanos.div_euclid(1_000)));
                Ok(
                    micros.map_or(Datum::Other("a time that no clock shows"), |micros| {
                        Datum::Timestamp(micros, UNIT)
                    }),
                )
            }
            Self::Date => {
                let [year, month, day] = inside.numbers(depth)?;
                let date = days_of(year as i32, month as i32, day as i32);
                Ok(
                    date.map_or(Datum::Other("a date that no calendar shows"), |days| {
                        Datum::Date(days.into())
                    }),
                )
            }
            Self::Decimal => {
                let (mut bytes, mut scale) = (&b""[..], 0);
                while let Some(field) = inside.field(depth)? {
                    match field {
                        (1, Wire::Sized(found, _)) => bytes = found,
                        (3, Wire::Number(number)) => scale = number,
                        _ => {}
                    }
                }
                let scale = u8::try_from(scale).ok().filter(|scale| *scale <= 127);
                Ok(
                    scale.map_or(Datum::Other("a decimal whose scale is not read"), |scale| {
                        Datum::Decimal(unscaled(bytes), scale)
                    }),
                )
            }
        }
    }
}

impl Cursor<'_> {
    /// The first three fields of a message, which are numbers.
    fn numbers(&mut self, depth: usize) -> Walked<[i64; 3]> {
        let mut found = [0; 3];
        while let Some((number, wire)) = self.field(depth)? {
            let place = found.get_mut(number as usize - 1);
            if let (Some(place), Wire::Number(value)) = (place, wire) {
                *place = value as i64;
            }
        }
        Ok(found)
    }
}
