//! Walks over a whole record, checks it, and notes where the wanted values stand.

use super::scan::{Cursor, Flaw, Kind, Token, Walked, unescape};
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

/// Walks over a record. The slots then hold the wanted values; of a field that is there twice, the last. True where
/// the record is certainly UTF-8.
pub(super) fn walk(
    text: &[u8],
    max_depth: usize,
    shape: &mut Shape,
    slots: &mut [Slot],
) -> Walked<bool> {
    slots.fill(Slot::Absent);
    let mut walk = Walk {
        cursor: Cursor::new(text, max_depth),
        shape,
        slots,
    };
    walk.cursor.space();
    if walk.cursor.peek() != Some(b'{') {
        let kind = walk.cursor.value(0)?;
        walk.cursor.end()?;
        return Err(Box::new(Flaw::NotAnObject(kind)));
    }
    walk.object(Shape::ROOT, 0)?;
    walk.cursor.end()?;
    Ok(walk.cursor.is_ascii())
}

struct Walk<'a, 's> {
    cursor: Cursor<'a>,
    shape: &'s mut Shape,
    slots: &'s mut [Slot],
}

impl Walk<'_, '_> {
    fn object(&mut self, level: usize, depth: usize) -> Walked<()> {
        let mut previous = FieldIndex::START;
        let mut more = self.cursor.open(depth, b'}')?;
        while more {
            let (field, target) = self.name(level, previous)?;
            previous = field;
            match target {
                None => _ = self.cursor.value(depth + 1)?,
                Some(target) => self.wanted(target, depth + 1)?,
            }
            more = self.cursor.more(b'}', "`,` or `}`")?;
        }
        Ok(())
    }

    #[inline]
    fn name(&mut self, level: usize, previous: FieldIndex) -> Walked<(FieldIndex, Option<Target>)> {
        let rest = self.cursor.text().get(self.cursor.at()..);
        let predicted = self.shape.predicted(
            level,
            previous,
            self.cursor.next_16(),
            rest.unwrap_or_default(),
        );
        if let Some((field, length, target)) = predicted {
            self.cursor.advance(length);
            self.cursor.space();
            return Ok((field, target));
        }
        self.unpredicted_name(level, previous)
    }

    fn unpredicted_name(
        &mut self,
        level: usize,
        previous: FieldIndex,
    ) -> Walked<(FieldIndex, Option<Target>)> {
        let name = self.cursor.name()?;
        let text = self.cursor.text();
        let written = name.text(text);
        if name.kind == Kind::Text {
            return Ok(self.shape.find(level, previous, written));
        }
        let mut unescaped = Vec::with_capacity(written.len());
        unescape(written, &mut unescaped);
        Ok(self.shape.find(level, previous, &unescaped))
    }

    #[inline]
    fn wanted(&mut self, target: Target, depth: usize) -> Walked<()> {
        if let Some(level) = target.level {
            return self.around(target, level, depth);
        }
        let start = self.cursor.at();
        let kind = self.cursor.value(depth)?;
        self.set(target, start, kind);
        Ok(())
    }

    /// A value inside which something is wanted.
    fn around(&mut self, target: Target, level: usize, depth: usize) -> Walked<()> {
        let start = self.cursor.at();
        self.clear(target, Slot::Absent);
        let kind = if self.cursor.peek() == Some(b'{') {
            self.object(level, depth)?;
            Kind::Object
        } else {
            let kind = self.cursor.value(depth)?;
            if kind != Kind::Null {
                let end = self.cursor.at();
                self.clear(target, Slot::Blocked(Token { kind, start, end }));
            }
            kind
        };
        if target.is_column {
            self.set(target, start, kind);
        }
        Ok(())
    }

    /// Notes the value between `start` and here.
    #[inline]
    fn set(&mut self, target: Target, start: usize, kind: Kind) {
        let end = self.cursor.at();
        if let Some(slot) = self.slots.get_mut(target.first) {
            *slot = Slot::Found(Token { kind, start, end });
        }
    }

    fn clear(&mut self, target: Target, to: Slot) {
        if let Some(slots) = self.slots.get_mut(target.first..target.end) {
            slots.fill(to);
        }
    }
}
