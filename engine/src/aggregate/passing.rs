//! Groups that pass: where functions tell whether there is still something of a group, one of which nothing is left leaves the
//! state, memory and disk and changelog. It does so in two steps, for what has changed must be logged and handed on as all else
//! is: first its state becomes that of a group of which no row has come, then the group is forgotten.

use arrow::array::{Array, ArrayRef, AsArray};
use tidemill_plan::model::Aggregate;

use super::Panes;
use super::rowbytes::RowCodec;
use super::segment::Key;
use super::spec::{FunctionSpec, Groups};
use crate::effects::Effects;
use crate::error::Result;
use crate::window::Pane;

/// How it is told that nothing is left of a group.
pub(crate) struct Passing {
    /// The state columns that tell.
    told_by: Vec<usize>,
    /// The state of a group of which no row has come.
    nothing: Vec<u8>,
}

impl Passing {
    /// `None` where groups are for ever.
    pub(super) fn of(
        aggregate: &Aggregate,
        functions: &[FunctionSpec],
        codec: &RowCodec,
    ) -> Result<Option<Self>> {
        let specs = aggregate.functions.iter().zip(functions);
        let telling = specs.filter(|(function, _)| function.holds);
        let told_by: Vec<usize> = telling.map(|(_, spec)| spec.states.start).collect();
        if told_by.is_empty() {
            return Ok(None);
        }
        let mut nothing: Vec<ArrayRef> = Vec::new();
        for function in &aggregate.functions {
            for value in function.expr.create_accumulator()?.state()? {
                nothing.push(value.to_array()?);
            }
        }
        let nothing = codec.encode(nothing)?.row(0).to_vec();
        Ok(Some(Self { told_by, nothing }))
    }

    /// The state to be kept of a group in place of what it has come to, if nothing is left of it.
    pub(super) fn instead(&self, groups: &Groups, row: usize) -> Option<&[u8]> {
        let tells = |column: &ArrayRef| {
            let told = column.as_boolean_opt();
            told.is_none_or(|told| told.is_valid(row) && told.value(row))
        };
        let columns = self.told_by.iter().filter_map(|&i| groups.states.get(i));
        (!columns.into_iter().any(tells)).then_some(&self.nothing)
    }

    /// Whether a state is that of a group of which nothing is left.
    pub(super) fn has_passed(&self, state: &[u8]) -> bool {
        state == self.nothing
    }
}

impl Panes {
    /// Notes a group of which nothing is left.
    pub(super) fn note_passed(&mut self, segment: Pane, hash: u64, key: &[u8]) {
        let keys: &mut Vec<Key> = self.passed.entry(segment).or_default();
        keys.push((hash, key.into()));
    }

    /// Forgets the groups of which nothing is left. That is in the changelog, and has been handed on.
    pub(super) fn forget_passed(&mut self, fx: &mut Effects) -> Result<()> {
        let (Some(passing), false) = (&self.spec.passing, self.passed.is_empty()) else {
            return Ok(());
        };
        for (id, keys) in std::mem::take(&mut self.passed) {
            if let Some(segment) = self.segments.get_mut(&id) {
                segment.drop_all(&keys, &passing.nothing)?;
                self.unlogged.insert(id);
            }
        }
        // Much of what the changelog has of them may be outdated now.
        self.log(fx)
    }
}
