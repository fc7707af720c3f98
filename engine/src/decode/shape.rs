//! Which fields of a record are wanted, and the order in which its fields were met last: producers hardly ever change
//! it, so the field that is expected next is tried first, with one comparison of 16 bytes.

use super::scan::Text;

/// How many fields that nobody wants are remembered at each level. Only their prediction is lost beyond it.
const REMEMBERED: usize = 64;

/// The record's wanted fields, as a tree.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The first is the record itself.
    levels: Vec<Level>,
    slots: usize,
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
    /// `"name":`, as it stands in a record.
    written: Box<[u8]>,
    /// Its first 16 bytes, and which of them count.
    head: u128,
    mask: u128,
    /// Index of the field that followed it the last time.
    next: usize,
    target: Option<Target>,
}

/// What a wanted field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// The field's slot, if it is itself a column (the others are of fields inside it), and its first in any case.
    pub(super) first: usize,
    /// The slot after its last.
    pub(super) end: usize,
    /// Whether the field itself is a column.
    pub(super) is_column: bool,
    /// Its level, where fields inside it are wanted.
    pub(super) level: Option<usize>,
}

/// A field's index in its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldIndex(usize);

impl FieldIndex {
    /// The object's start, before its first field.
    pub(super) const START: Self = Self(0);
    /// A field that is not remembered; nothing is wanted of it or predicted after it.
    const UNKNOWN: Self = Self(0);
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
        self.slots
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
                level.add(name.as_bytes(), Some(target));
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
                *slot = first;
            }
        }
        self.slots += usize::from(!ends.is_empty());
        let level = (!inner.is_empty()).then(|| self.add_level(&inner, slots));
        Target {
            first,
            end: self.slots,
            is_column: !ends.is_empty(),
            level,
        }
    }

    /// The field that followed `previous` the last time, if the text goes on with it, and how many bytes its name
    /// takes, colon and all.
    #[inline]
    pub(super) fn predicted(
        &self,
        level: usize,
        previous: FieldIndex,
        text: &Text<'_>,
        at: usize,
    ) -> Option<(FieldIndex, usize)> {
        let fields = &self.levels.get(level)?.fields;
        let index = fields.get(previous.0)?.next;
        let field = fields.get(index)?;
        if text.next_16(at) & field.mask != field.head {
            return None;
        }
        let length = field.written.len();
        if length > 16 && !text.rest(at).starts_with(&field.written) {
            return None;
        }
        Some((FieldIndex(index), length))
    }

    /// Finds a field by its name and remembers that it follows `previous`.
    pub(super) fn find(&mut self, level: usize, previous: FieldIndex, name: &[u8]) -> FieldIndex {
        let Some(level) = self.levels.get_mut(level) else {
            return FieldIndex::UNKNOWN;
        };
        let Some(index) = level.position(name).or_else(|| level.remember(name)) else {
            return FieldIndex::UNKNOWN;
        };
        if let Some(previous) = level.fields.get_mut(previous.0) {
            previous.next = index;
        }
        FieldIndex(index)
    }

    /// What a field is for, if it is wanted.
    #[inline]
    pub(super) fn target(&self, level: usize, field: FieldIndex) -> Option<Target> {
        self.levels.get(level)?.fields.get(field.0)?.target
    }
}

impl Level {
    fn position(&self, name: &[u8]) -> Option<usize> {
        let mut fields = self.fields.iter().enumerate().skip(1);
        fields
            .find(|(_, field)| *field.name == *name)
            .map(|(index, _)| index)
    }

    /// Adds a field that is not wanted, if there is room.
    fn remember(&mut self, name: &[u8]) -> Option<usize> {
        let has_room = self.fields.len() < 1 + self.wanted + REMEMBERED;
        has_room.then(|| self.add(name, None))
    }

    fn add(&mut self, name: &[u8], target: Option<Target>) -> usize {
        self.fields.push(Field::new(name, target));
        self.fields.len() - 1
    }
}

impl Field {
    fn new(name: &[u8], target: Option<Target>) -> Self {
        let needs_escape = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
        if name.iter().any(needs_escape) {
            return Self::unpredictable(name, target);
        }
        let written = [b"\"", name, b"\":"].concat();
        let byte = |index| written.get(index).copied();
        let head = std::array::from_fn(|index| byte(index).unwrap_or(0));
        let mask = std::array::from_fn(|index| if byte(index).is_some() { 0xff } else { 0 });
        Self {
            name: name.into(),
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            written: written.into(),
            next: 0,
            target,
        }
    }

    /// A field that no text is ever seen to begin with; it is found by its unescaped name alone.
    fn unpredictable(name: &[u8], target: Option<Target>) -> Self {
        Self {
            name: name.into(),
            written: Box::default(),
            head: 1,
            mask: 0,
            next: 0,
            target,
        }
    }

    fn start() -> Self {
        Self::unpredictable(b"", None)
    }
}
