//! Which fields of a record are wanted, as a tree: for formats whose fields are known from a schema.

/// A field, or the record itself. Its slot and those of the fields inside it are `first..end`.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The slot of its own value.
    pub(super) slot: Option<usize>,
    pub(super) first: usize,
    pub(super) end: usize,
    /// The fields that are wanted inside it.
    pub(super) fields: Vec<(String, Wanted)>,
}

impl Wanted {
    /// The tree of these paths, and the slot of each. Equal paths share a slot.
    pub(super) fn new(paths: &[&[String]]) -> (Self, Vec<usize>) {
        let mut slots = vec![0; paths.len()];
        let paths: Vec<_> = paths.iter().copied().enumerate().collect();
        let tree = Self::build(&paths, 0, &mut slots);
        (tree, slots)
    }

    /// The field in which these paths begin; each has the index of its column.
    fn build(paths: &[(usize, &[String])], first: usize, slots: &mut [usize]) -> Self {
        let (ends, inner): (Vec<_>, Vec<_>) = paths.iter().partition(|(_, path)| path.is_empty());
        for (column, _) in &ends {
            if let Some(slot) = slots.get_mut(*column) {
                *slot = first;
            }
        }
        let mut end = first + usize::from(!ends.is_empty());
        let mut names: Vec<&String> = Vec::new();
        for (_, path) in &inner {
            names.extend(path.first().filter(|name| !names.contains(name)));
        }
        let mut fields = Vec::with_capacity(names.len());
        for name in names {
            let tails: Vec<_> = inner
                .iter()
                .filter_map(|(column, path)| Some((*column, path.split_first()?)))
                .filter(|(_, (head, _))| *head == name)
                .map(|(column, (_, tail))| (column, tail))
                .collect();
            let field = Self::build(&tails, end, slots);
            end = field.end;
            fields.push((name.clone(), field));
        }
        Self {
            slot: (!ends.is_empty()).then_some(first),
            first,
            end,
            fields,
        }
    }

    /// The field of this name, if it is wanted, or something inside it.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, wanted)| wanted)
    }
}
