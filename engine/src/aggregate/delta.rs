//! What has come for a window (or a table) since the last flush, grouped: one accumulator a function, one group a key.

use arrow::array::ArrayRef;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion_physical_plan::aggregates::order::GroupOrdering;
use std::sync::Arc;

use crate::aggregate::spec::{Columns, Groups, Spec};
use crate::error::Result;

/// What rows are: records to take in, or states to merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    Records,
    States,
}

/// Accumulators with their groups.
pub(crate) struct Delta {
    /// Absent where there are no keys: all rows are one group.
    keys: Option<Box<dyn GroupValues>>,
    functions: Vec<Box<dyn GroupsAccumulator>>,
    len: usize,
}

impl Delta {
    pub(crate) fn new(spec: &Spec) -> Result<Self> {
        let keys = if spec.key_schema.fields().is_empty() {
            None
        } else {
            Some(new_group_values(
                Arc::clone(&spec.key_schema),
                &GroupOrdering::None,
            )?)
        };
        let functions = spec
            .functions
            .iter()
            .map(|f| f.accumulator())
            .collect::<Result<_>>()?;
        Ok(Self {
            keys,
            functions,
            len: 0,
        })
    }

    /// Takes rows in. `scratch` holds the group of each row while this runs.
    pub(crate) fn feed(
        &mut self,
        columns: &Columns,
        feed: Feed,
        scratch: &mut Vec<usize>,
    ) -> Result<()> {
        if columns.rows == 0 {
            return Ok(());
        }
        match &mut self.keys {
            Some(keys) => {
                keys.intern(&columns.keys, scratch)?;
                self.len = keys.len();
            }
            None => {
                scratch.clear();
                scratch.resize(columns.rows, 0);
                self.len = 1;
            }
        }
        for (function, input) in self.functions.iter_mut().zip(&columns.functions) {
            match feed {
                Feed::Records => function.update_batch(
                    &input.values,
                    scratch,
                    input.filter.as_ref(),
                    self.len,
                )?,
                Feed::States => function.merge_batch(&input.values, scratch, None, self.len)?,
            }
        }
        Ok(())
    }

    /// How many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The groups with their states.
    pub(crate) fn into_groups(mut self) -> Result<Groups> {
        let mut states = Vec::new();
        for function in &mut self.functions {
            states.extend(function.state(EmitTo::All)?);
        }
        Ok(Groups {
            keys: self.take_keys()?,
            states,
            len: self.len,
        })
    }

    /// The groups with their results.
    pub(crate) fn into_values(mut self) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>)> {
        let values = self
            .functions
            .iter_mut()
            .map(|f| f.evaluate(EmitTo::All))
            .collect::<Result<_, _>>()?;
        Ok((self.take_keys()?, values))
    }

    fn take_keys(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(self
            .keys
            .as_mut()
            .map(|k| k.emit(EmitTo::All))
            .transpose()?
            .unwrap_or_default())
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.keys.as_ref().map_or(0, |k| k.size())
            + self.functions.iter().map(|f| f.size()).sum::<usize>()
    }
}

/// Accumulators whose groups are told for each row: for merging and evaluating states.
pub(crate) struct Merger {
    functions: Vec<Box<dyn GroupsAccumulator>>,
    len: usize,
}

impl Merger {
    pub(crate) fn new(spec: &Spec, len: usize) -> Result<Self> {
        Ok(Self {
            functions: spec
                .functions
                .iter()
                .map(|f| f.accumulator())
                .collect::<Result<_>>()?,
            len,
        })
    }

    /// Merges states, each into the group at the same place in `groups`.
    pub(crate) fn merge(&mut self, columns: &Columns, groups: &[usize]) -> Result<()> {
        self.feed(columns, groups, Feed::States)
    }

    /// Makes room for groups, as many as there are then.
    pub(crate) fn grow(&mut self, len: usize) {
        self.len = self.len.max(len);
    }

    /// Takes rows in, each into the group at the same place in `groups`.
    pub(crate) fn feed(&mut self, columns: &Columns, groups: &[usize], feed: Feed) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        for (function, input) in self.functions.iter_mut().zip(&columns.functions) {
            match feed {
                Feed::Records => {
                    function.update_batch(&input.values, groups, input.filter.as_ref(), self.len)?
                }
                Feed::States => function.merge_batch(&input.values, groups, None, self.len)?,
            }
        }
        Ok(())
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.functions.iter().map(|f| f.size()).sum()
    }

    pub(crate) fn states(mut self) -> Result<Vec<ArrayRef>> {
        let mut states = Vec::new();
        for function in &mut self.functions {
            states.extend(function.state(EmitTo::All)?);
        }
        Ok(states)
    }

    pub(crate) fn values(mut self) -> Result<Vec<ArrayRef>> {
        Ok(self
            .functions
            .iter_mut()
            .map(|f| f.evaluate(EmitTo::All))
            .collect::<Result<_, _>>()?)
    }
}
