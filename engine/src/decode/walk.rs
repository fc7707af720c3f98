//! Walks over a whole record, checks it, and notes where the wanted values stand.

use super::scan::{Flaw, Kind, Next, Text, Token, Walked, unescape};
use super::shape::{FieldIndex, Shape, Target};

/// What a record has in the place of a wanted column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nothing.
    Absent,
    /// A value.
    Found(Token),
    /// Something that is not an object, in the place of an object around the column.
    Blocked(Token),
}

/// Walks over a record. The slots then hold the wanted values; of a field that is there twice, the last.
pub(super) fn walk(
    record: &[u8],
    max_depth: usize,
    shape: &mut Shape,
    slots: &mut [Slot],
) -> Walked<()> {
    slots.fill(Slot::Absent);
    let text = Text::new(record, max_depth);
    let at = text.space(0);
    if text.byte(at) != Some(b'{') {
        let value = text.value(at, 0)?;
        text.end(value.end)?;
        return Err(Box::new(Flaw::NotAnObject(value.kind)));
    }
    let end = Walk { text, shape, slots }.object(at, Shape::ROOT, 0)?;
    text.end(end)
}

struct Walk<'a> {
    text: Text<'a>,
    shape: &'a mut Shape,
    slots: &'a mut [Slot],
}

impl Walk<'_> {
    /// Walks over an object in which something is wanted.
    fn object(&mut self, at: usize, level: usize, depth: usize) -> Walked<usize> {
        let mut field = FieldIndex::START;
        let mut next = self.text.open(at, depth, b'}')?;
        loop {
            let at = match next {
                Next::Item(at) => at,
                Next::End(at) => return Ok(at),
            };
            let (found, at) = match self.shape.predicted(level, field, &self.text, at) {
                Some((found, length)) => (found, self.text.space(at + length)),
                None => self.name(at, level, field)?,
            };
            field = found;
            let end = match self.shape.target(level, field) {
                Some(target) if target.level.is_some() => self.around(at, target, depth + 1)?,
                target => {
                    let value = self.text.value(at, depth + 1)?;
                    self.note(target, value);
                    value.end
                }
            };
            next = self.text.next(end, b'}')?;
        }
    }

    /// Walks over the name of a field that was not predicted; which it is, and where its value begins.
    #[inline(never)]
    fn name(
        &mut self,
        at: usize,
        level: usize,
        previous: FieldIndex,
    ) -> Walked<(FieldIndex, usize)> {
        let (name, value) = self.text.name(at)?;
        let written = name.text(self.text.bytes());
        if name.kind == Kind::Text {
            return Ok((self.shape.find(level, previous, written), value));
        }
        let mut unescaped = Vec::with_capacity(written.len());
        unescape(written, &mut unescaped);
        Ok((self.shape.find(level, previous, &unescaped), value))
    }

    /// Walks over a value inside which something is wanted.
    #[inline(never)]
    fn around(&mut self, at: usize, target: Target, depth: usize) -> Walked<usize> {
        self.clear(target, Slot::Absent);
        let value = match target.level {
            Some(level) if self.text.byte(at) == Some(b'{') => Token {
                kind: Kind::Object,
                start: at,
                end: self.object(at, level, depth)?,
            },
            _ => self.text.value(at, depth)?,
        };
        if !matches!(value.kind, Kind::Object | Kind::Null) {
            self.clear(target, Slot::Blocked(value));
        }
        if target.is_column {
            self.note(Some(target), value);
        }
        Ok(value.end)
    }

    /// Notes a value, if it is a column's.
    #[inline]
    fn note(&mut self, target: Option<Target>, value: Token) {
        if let Some(slot) = target.and_then(|target| self.slots.get_mut(target.first)) {
            *slot = Slot::Found(value);
        }
    }

    fn clear(&mut self, target: Target, to: Slot) {
        if let Some(slots) = self.slots.get_mut(target.first..target.end) {
            slots.fill(to);
        }
    }
}
