//! Walks over a whole record, checks it, and notes where the wanted values stand.

use super::scan::{Flaw, Kind, Next, Text, Token, Walked, unescape};
use super::shape::{Member, Shape, Target};

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
        text.end(value.end())?;
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
        let mut member = self.shape.start(level);
        let mut next = self.text.open(at, depth, b'}')?;
        loop {
            let at = match next {
                Next::Item(at) => at,
                Next::End(at) => return Ok(at),
            };
            let (found, at) = match self.shape.fields(level).expected(member, &self.text, at) {
                Some(found) => found,
                None => self.name(at, level, member)?,
            };
            member = found;
            let end = match member.target.level {
                None => self.run(at, &mut member, level, depth + 1)?,
                Some(level) => self.around(at, member.target, level.get() as usize, depth + 1)?,
            };
            next = self.text.next(end, b'}')?;
        }
    }

    /// Walks over a field's value, and over fields as long as those come that are expected. This is where the time
    /// goes: what it needs is kept in registers.
    #[inline(always)]
    fn run(
        &mut self,
        mut at: usize,
        member: &mut Member,
        level: usize,
        depth: usize,
    ) -> Walked<usize> {
        let text = self.text;
        let fields = self.shape.fields(level);
        loop {
            let value = text.value(at, depth)?;
            if let Some(slot) = self.slots.get_mut(member.target.slot as usize) {
                *slot = Slot::Found(value);
            }
            match fields.follower(*member, &text, value.end()) {
                Some((next, end)) if next.target.level.is_none() => (*member, at) = (next, end),
                _ => return Ok(value.end()),
            }
        }
    }

    /// Walks over a field's name and its colon; which it is, and where the colon ends.
    #[inline(never)]
    fn name(&mut self, at: usize, level: usize, previous: Member) -> Walked<(Member, usize)> {
        let (name, end) = self.text.name(at)?;
        let written = name.text(self.text.bytes());
        if name.kind == Kind::Text {
            return Ok((self.shape.find(level, previous, written), end));
        }
        let mut unescaped = Vec::with_capacity(written.len());
        unescape(written, &mut unescaped);
        Ok((self.shape.find(level, previous, &unescaped), end))
    }

    /// Walks over a value inside which something is wanted.
    #[inline(never)]
    fn around(&mut self, at: usize, target: Target, level: usize, depth: usize) -> Walked<usize> {
        self.clear(target, Slot::Absent);
        let at = self.text.space(at);
        let value = if self.text.byte(at) == Some(b'{') {
            Token::new(Kind::Object, at, self.object(at, level, depth)?)
        } else {
            self.text.value(at, depth)?
        };
        if !matches!(value.kind, Kind::Object | Kind::Null) {
            self.clear(target, Slot::Blocked(value));
        }
        if let Some(slot) = self.slots.get_mut(target.slot as usize) {
            *slot = Slot::Found(value);
        }
        Ok(value.end())
    }

    /// Sets the slots of a field and of all inside it.
    fn clear(&mut self, target: Target, to: Slot) {
        let range = target.first as usize..target.end as usize;
        if let Some(slots) = self.slots.get_mut(range) {
            slots.fill(to);
        }
    }
}
