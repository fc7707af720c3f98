//! Which fields of a record are wanted, and the order in which its fields were met last: producers hardly ever change
//! it, so the field that is expected next is tried first, with one comparison of 16 bytes.

use std::num::NonZeroU32;

use super::scan::Text;

/// How many fields that nobody wants are remembered at each level. Only their prediction is lost beyond it.
const REMEMBERED: usize = 64;
/// How long the names of such fields may be.
const REMEMBERED_BYTES: usize = 128;

/// The record's wanted fields, as a tree.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The first is the record itself.
    levels: Vec<Level>,
    slots: u32,
}

/// The fields of one object.
#[derive(Debug)]
struct Level {
    /// The first stands for the object's start: it has no name, only a successor.
    fields: Vec<Field>,
    wanted: usize,
}

#[derive(Debug)]
struct Field {
    name: Box<[u8]>,
    /// `,"name":`, as it stands in a record after another field.
    written: Box<[u8]>,
    /// Its first 16 bytes, and which of them count.
    head: u128,
    mask: u128,
    /// The field that followed it the last time.
    next: FieldIndex,
    target: Target,
}

/// What a field is for. There is no padding in it, so that it is copied in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// The field's slot; beyond all slots where the field itself is not a column.
    pub(super) slot: u32,
    /// The first slot of the field and those inside it.
    pub(super) first: u32,
    /// The slot after their last.
    pub(super) end: u32,
    /// The field's level, where fields inside it are wanted.
    pub(super) level: Option<NonZeroU32>,
}

impl Target {
    /// Beyond all slots.
    const NOWHERE: u32 = u32::MAX;
    /// Nobody wants the field.
    const NONE: Self = Self {
        slot: Self::NOWHERE,
        first: 0,
        end: 0,
        level: None,
    };
}

/// A field's index in its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FieldIndex(u32);

impl FieldIndex {
    /// The object's start, before its first field.
    const START: Self = Self(0);
    /// Beyond all fields.
    const NONE: Self = Self(u32::MAX);
}

/// A field of an object that is walked over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    field: FieldIndex,
    /// The field that followed it the last time.
    expected: FieldIndex,
    pub(super) target: Target,
}

impl Member {
    /// A field that is neither wanted nor remembered; what follows it is not learned.
    const UNKNOWN: Self = Self {
        field: FieldIndex::NONE,
        expected: FieldIndex::NONE,
        target: Target::NONE,
    };
}

impl Shape {
    /// The level of the record itself.
    pub(super) const ROOT: usize = 0;

    /// The shape of records from which these paths are wanted, and the slot of each. Equal paths share a slot.
    pub(super) fn new(paths: &[&[String]]) -> (Self, Vec<usize>) {
        let mut shape = Self::default();
        let mut slots = vec![0; paths.len()];
        let paths: Vec<_> = paths.iter().copied().enumerate().collect();
        shape.add_level(&paths, &mut slots);
        (shape, slots)
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.slots as usize
    }

    /// Adds the level of an object in which these paths begin; each has the index of its column.
    fn add_level(&mut self, paths: &[(usize, &[String])], slots: &mut [usize]) -> usize {
        let level = self.levels.len();
        self.levels.push(Level {
            fields: vec![Field::start()],
            wanted: 0,
        });
        let mut names: Vec<&String> = Vec::new();
        for (_, path) in paths {
            names.extend(path.first().filter(|name| !names.contains(name)));
        }
        for name in names {
            let tails: Vec<_> = paths
                .iter()
                .filter_map(|(column, path)| Some((*column, path.split_first()?)))
                .filter(|(_, (first, _))| *first == name)
                .map(|(column, (_, tail))| (column, tail))
                .collect();
            let target = self.add_target(&tails, slots);
            if let Some(level) = self.levels.get_mut(level) {
                level.add(name.as_bytes(), target);
                level.wanted += 1;
            }
        }
        level
    }

    fn add_target(&mut self, tails: &[(usize, &[String])], slots: &mut [usize]) -> Target {
        let first = self.slots;
        let (ends, inner): (Vec<_>, Vec<_>) = tails.iter().partition(|(_, tail)| tail.is_empty());
        for (column, _) in &ends {
            if let Some(slot) = slots.get_mut(*column) {
                *slot = first as usize;
            }
        }
        let is_column = !ends.is_empty();
        self.slots += u32::from(is_column);
        let level = (!inner.is_empty()).then(|| self.add_level(&inner, slots));
        Target {
            slot: if is_column { first } else { Target::NOWHERE },
            first,
            end: self.slots,
            level: level.and_then(|level| NonZeroU32::new(level as u32)), // Only the record's is 0.
        }
    }

    /// What stands before the first field of an object.
    #[inline]
    pub(super) fn start(&self, level: usize) -> Member {
        let start = self.fields(level).0.first();
        start.map_or(Member::UNKNOWN, |start| start.member(FieldIndex::START))
    }

    /// The fields of a level.
    #[inline]
    pub(super) fn fields(&self, level: usize) -> Fields<'_> {
        let level = self.levels.get(level);
        Fields(level.map_or(&[], |level| &level.fields))
    }

    /// Finds a field by its name and remembers that it follows `previous`.
    pub(super) fn find(&mut self, level: usize, previous: Member, name: &[u8]) -> Member {
        let level = self.levels.get_mut(level);
        level.map_or(Member::UNKNOWN, |level| level.find(previous, name))
    }
}

/// The fields of a level.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a [Field]);

impl Fields<'_> {
    /// The field that followed `previous` the last time, if the text goes on with it after a value that ends at `end`,
    /// and where its name and colon end.
    #[inline(always)]
    pub(super) fn follower(
        self,
        previous: Member,
        text: &Text<'_>,
        end: usize,
    ) -> Option<(Member, usize)> {
        let field = self.0.get(previous.expected.0 as usize)?;
        if text.next_16(end) & field.mask != field.head {
            return None;
        }
        let length = field.written.len();
        if length > 16 && !text.rest(end).starts_with(&field.written) {
            return None;
        }
        Some((field.member(previous.expected), end + length))
    }

    /// The same where the comma is already walked over, or none is there.
    #[inline]
    pub(super) fn expected(
        self,
        previous: Member,
        text: &Text<'_>,
        at: usize,
    ) -> Option<(Member, usize)> {
        let field = self.0.get(previous.expected.0 as usize)?;
        if text.next_16(at) & (field.mask >> 8) != field.head >> 8 {
            return None;
        }
        let name = field.written.get(1..)?;
        if name.len() > 15 && !text.rest(at).starts_with(name) {
            return None;
        }
        Some((field.member(previous.expected), at + name.len()))
    }
}

impl Level {
    fn find(&mut self, previous: Member, name: &[u8]) -> Member {
        let Some(index) = self.position(name).or_else(|| self.remember(name)) else {
            return Member::UNKNOWN;
        };
        if let Some(previous) = self.fields.get_mut(previous.field.0 as usize) {
            previous.next = index;
        }
        let field = self.fields.get(index.0 as usize);
        field.map_or(Member::UNKNOWN, |field| field.member(index))
    }

    fn position(&self, name: &[u8]) -> Option<FieldIndex> {
        let mut fields = self.fields.iter().skip(1);
        let index = fields.position(|field| *field.name == *name)?;
        Some(FieldIndex(index as u32 + 1))
    }

    /// Adds a field that is not wanted, if there is room.
    fn remember(&mut self, name: &[u8]) -> Option<FieldIndex> {
        let has_room = self.fields.len() < 1 + self.wanted + REMEMBERED;
        (has_room && name.len() <= REMEMBERED_BYTES).then(|| self.add(name, Target::NONE))
    }

    fn add(&mut self, name: &[u8], target: Target) -> FieldIndex {
        self.fields.push(Field::new(name, target));
        FieldIndex(self.fields.len() as u32 - 1)
    }
}

impl Field {
    fn new(name: &[u8], target: Target) -> Self {
        let needs_escape = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
        if name.iter().any(needs_escape) {
            return Self::unpredictable(name, target);
        }
        let written = [b",\"", name, b"\":"].concat();
        let byte = |index| written.get(index).copied();
        let head = std::array::from_fn(|index| byte(index).unwrap_or(0));
        let mask = std::array::from_fn(|index| if byte(index).is_some() { 0xff } else { 0 });
        Self {
            name: name.into(),
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            written: written.into(),
            next: FieldIndex::NONE,
            target,
        }
    }

    /// A field that no text is ever seen to begin with; it is found by its unescaped name alone.
    fn unpredictable(name: &[u8], target: Target) -> Self {
        Self {
            name: name.into(),
            written: Box::default(),
            head: u128::MAX,
            mask: 0,
            next: FieldIndex::NONE,
            target,
        }
    }

    fn start() -> Self {
        Self::unpredictable(b"", Target::NONE)
    }

    #[inline]
    fn member(&self, index: FieldIndex) -> Member {
        Member {
            field: index,
            expected: self.next,
            target: self.target,
        }
    }
}
