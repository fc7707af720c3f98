//! Walks over Avro's binary encoding.

use super::schema::{Field, Node};
use crate::decode::datum::{Datum, unscaled};

/// Why bytes are not of their schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Something else is expected at this byte.
    Malformed { at: usize, expected: &'static str },
    /// Records, arrays and maps inside each other are deeper than is read.
    TooDeep { at: usize },
}

type Walked<T> = Result<T, Flaw>;

/// A place in a record.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    records: &'a [Vec<Field>],
    max_depth: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], records: &'a [Vec<Field>], max_depth: usize) -> Self {
        Self {
            bytes,
            at: 0,
            records,
            max_depth,
        }
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Walked<()> {
        if self.at < self.bytes.len() {
            return self.expected("nothing after the record");
        }
        Ok(())
    }

    fn expected<T>(&self, expected: &'static str) -> Walked<T> {
        let at = self.at;
        Err(Flaw::Malformed { at, expected })
    }

    #[inline]
    fn take(&mut self, count: usize) -> Walked<&'a [u8]> {
        let end = self.at.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => self.expected("more bytes"),
        }
    }

    /// A number in zigzag, seven bits a byte, the lowest first.
    #[inline]
    pub(super) fn long(&mut self) -> Walked<i64> {
        let mut value = 0_u64;
        for index in 0..10 {
            let Some(byte) = self.bytes.get(self.at + index) else {
                break;
            };
            value |= u64::from(byte & 0x7f) << (7 * index as u32);
            if byte & 0x80 == 0 {
                self.at += index + 1;
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        self.expected("a number of at most ten bytes")
    }

    /// Bytes whose number stands before them.
    #[inline]
    fn sized(&mut self) -> Walked<&'a [u8]> {
        let at = self.at;
        let size = self.long()?;
        match usize::try_from(size) {
            Ok(size) => self.take(size),
            Err(_) => {
                self.at = at;
                self.expected("a number of bytes")
            }
        }
    }

    /// Which branch of a union follows, or symbol of an enum.
    #[inline]
    pub(super) fn branch<T>(&mut self, branches: &[T]) -> Walked<usize> {
        let at = self.at;
        let index = usize::try_from(self.long()?).ok();
        match index.filter(|index| *index < branches.len()) {
            Some(index) => Ok(index),
            None => {
                self.at = at;
                self.expected("a branch of the union, or a symbol of the enum")
            }
        }
    }

    /// The value of a type, which stands inside so many others.
    pub(super) fn value(&mut self, node: &'a Node, depth: usize) -> Walked<Datum<'a>> {
        Ok(match node {
            Node::Null => Datum::Null,
            Node::Boolean => match self.take(1)? {
                [0] => Datum::Boolean(false),
                [1] => Datum::Boolean(true),
                _ => {
                    self.at -= 1;
                    return self.expected("a boolean, 0 or 1");
                }
            },
            Node::Long => Datum::Int(self.long()?),
            Node::Date => Datum::Date(self.long()?),
            Node::Timestamp(unit) => Datum::Timestamp(self.long()?, *unit),
            Node::Float => {
                let bytes = self.take(4)?.first_chunk().copied().unwrap_or_default();
                Datum::Float(f32::from_le_bytes(bytes))
            }
            Node::Double => {
                let bytes = self.take(8)?.first_chunk().copied().unwrap_or_default();
                Datum::Double(f64::from_le_bytes(bytes))
            }
            Node::String => Datum::Text(self.sized()?),
            Node::Bytes => Datum::Bytes(self.sized()?),
            Node::Fixed(size) => Datum::Bytes(self.take(*size)?),
            Node::Decimal { scale, size } => {
                let bytes = match size {
                    Some(size) => self.take(*size)?,
                    None => self.sized()?,
                };
                Datum::Decimal(unscaled(bytes), *scale)
            }
            Node::Enum(symbols) => {
                let index = self.branch(symbols)?;
                Datum::Text(symbols.get(index).map_or(b"", |symbol| symbol.as_bytes()))
            }
            Node::Union(branches) => {
                let index = self.branch(branches)?;
                match branches.get(index) {
                    Some(branch) => self.value(branch, depth + 1)?,
                    None => Datum::Null,
                }
            }
            Node::Array(items) => {
                self.blocks(depth, |cursor| cursor.skip(items, depth + 1))?;
                Datum::Other("an array")
            }
            Node::Map(values) => {
                self.blocks(depth, |cursor| {
                    cursor.sized()?;
                    cursor.skip(values, depth + 1)
                })?;
                Datum::Other("a map")
            }
            Node::Record(index) => {
                self.deeper(depth)?;
                let records = self.records;
                for field in records.get(*index).into_iter().flatten() {
                    self.skip(&field.node, depth + 1)?;
                }
                Datum::Other("a record")
            }
        })
    }

    /// Steps over a value.
    #[inline]
    pub(super) fn skip(&mut self, node: &'a Node, depth: usize) -> Walked<()> {
        self.value(node, depth).map(drop)
    }

    pub(super) fn deeper(&self, depth: usize) -> Walked<()> {
        if depth >= self.max_depth {
            return Err(Flaw::TooDeep { at: self.at });
        }
        Ok(())
    }

    /// Steps over the blocks of an array or a map, in which some items stand.
    fn blocks(
        &mut self,
        depth: usize,
        mut item: impl FnMut(&mut Self) -> Walked<()>,
    ) -> Walked<()> {
        self.deeper(depth)?;
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.sized()?;
                continue;
            }
            for _ in 0..count {
                let before = self.at;
                item(self)?;
                if self.at == before {
                    break; // Items of a type without bytes; there may be any number of them.
                }
            }
        }
    }
}
