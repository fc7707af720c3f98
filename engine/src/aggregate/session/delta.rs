//! What has come since the last flush: the sessions of each key that it touched, and accumulators with a slot for each.

use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::compute::take;
use datafusion_physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion_physical_plan::aggregates::order::GroupOrdering;
use tidemill_plan::model::Micros;

use super::list::{self, Kept, Session, Slots};
use crate::aggregate::delta::{Feed, Merger};
use crate::aggregate::rowbytes::Encoded;
use crate::aggregate::spec::{Columns, Groups, Spec};
use crate::error::Result;
use crate::window::Span;
use crate::wire;

/// A row, or a session in part, as it comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coming {
    pub(super) span: Span,
    /// Up to where sessions have closed for it.
    pub(super) closed: Micros,
    /// It is not put into a session here, but kept for itself.
    pub(super) apart: bool,
}

/// A key that has been touched.
pub(super) struct Touched {
    pub(super) hash: u64,
    pub(super) key: Box<[u8]>,
    /// In the order of their ends.
    pub(super) sessions: Vec<Session>,
}

/// A row that is kept for itself.
pub(super) struct Apart {
    /// Its key's place among those touched.
    pub(super) key: usize,
    pub(super) span: Span,
    pub(super) closed: Micros,
    pub(super) slot: usize,
}

/// Keys, their sessions, and accumulators.
pub(super) struct Delta {
    /// Absent where there are no keys: all rows are of one.
    keys: Option<Box<dyn GroupValues>>,
    touched: Vec<Touched>,
    slots: Slots,
    apart: Vec<Apart>,
    accumulators: Merger,
    /// Of the keys touched, and of the states of their sessions.
    bytes: usize,
}

/// Bytes that a stored session costs beside its state, roughly.
const KEPT_BYTES: usize = size_of::<Kept>() + size_of::<Span>() + 16;

/// A delta whose slots have become one state a session.
pub(super) struct Settled {
    /// The slot of a session that has changed is now the row of its state.
    pub(super) touched: Vec<Touched>,
    pub(super) apart: Vec<Apart>,
    pub(super) states: Encoded,
}

impl Delta {
    pub(super) fn new(spec: &Spec) -> Result<Self> {
        let keys = if spec.key_schema.fields().is_empty() {
            None
        } else {
            Some(new_group_values(
                Arc::clone(&spec.key_schema),
                &GroupOrdering::None,
            )?)
        };
        Ok(Self {
            keys,
            touched: Vec::new(),
            slots: Slots::default(),
            apart: Vec::new(),
            accumulators: Merger::new(spec, 0)?,
            bytes: 0,
        })
    }

    /// Takes rows in, and gives those that are late. `stored` knows the sessions of keys as of the last flush; `scratch`
    /// holds the slot of each row while this runs.
    pub(super) fn feed(
        &mut self,
        spec: &Spec,
        columns: &Columns,
        coming: &[Coming],
        feed: Feed,
        stored: impl FnMut(&[(u64, &[u8])]) -> Result<Vec<Vec<Session>>>,
        scratch: &mut Vec<usize>,
    ) -> Result<Vec<u32>> {
        self.touch(spec, columns, stored, scratch)?;
        let mut late = Vec::new();
        let rows = scratch.iter_mut().zip(coming);
        for (row, (place, &coming)) in (0u32..).zip(rows) {
            match self.put(*place, coming) {
                Some(slot) => *place = slot,
                None => late.push(row),
            }
        }
        self.accumulators.grow(self.slots.len());
        if late.is_empty() {
            self.accumulators.feed(columns, scratch, feed)?;
            return Ok(late);
        }
        let mut next = late.iter().copied().peekable();
        let in_time: Vec<u32> = (0..columns.rows as u32)
            .filter(|&row| next.next_if_eq(&row).is_none())
            .collect();
        let slots: Vec<usize> = in_time
            .iter()
            .filter_map(|&row| scratch.get(row as usize).copied())
            .collect();
        let columns = columns.take(&UInt32Array::from(in_time))?;
        self.accumulators.feed(&columns, &slots, feed)?;
        Ok(late)
    }

    /// Finds the place of each row's key among those touched.
    fn touch(
        &mut self,
        spec: &Spec,
        columns: &Columns,
        stored: impl FnMut(&[(u64, &[u8])]) -> Result<Vec<Vec<Session>>>,
        places: &mut Vec<usize>,
    ) -> Result<()> {
        let known = self.touched.len();
        let Some(keys) = &mut self.keys else {
            places.clear();
            places.resize(columns.rows, 0);
            if known == 0 && columns.rows > 0 {
                self.add(&[(wire::hash(&[]), &[])], stored)?;
            }
            return Ok(());
        };
        keys.intern(&columns.keys, places)?;
        let mut firsts = vec![u32::MAX; keys.len() - known.min(keys.len())];
        for (row, place) in (0u32..).zip(places.iter()) {
            if let Some(first) = place.checked_sub(known).and_then(|i| firsts.get_mut(i)) {
                *first = row.min(*first);
            }
        }
        if firsts.is_empty() {
            return Ok(());
        }
        let new = firsts.len();
        let firsts = UInt32Array::from(firsts);
        let taken = columns.keys.iter().map(|c| take(c, &firsts, None));
        let encoded = spec.key_codec.encode(taken.collect::<Result<_, _>>()?)?;
        let keys = (0..new).map(|row| encoded.row(row));
        let keys: Vec<(u64, &[u8])> = keys.map(|key| (wire::hash(key), key)).collect();
        self.add(&keys, stored)
    }

    /// Adds keys to those touched.
    fn add(
        &mut self,
        keys: &[(u64, &[u8])],
        mut stored: impl FnMut(&[(u64, &[u8])]) -> Result<Vec<Vec<Session>>>,
    ) -> Result<()> {
        let touched = keys.iter().zip(stored(keys)?);
        self.touched.extend(touched.map(|(&(hash, key), sessions)| {
            let stored = sessions.iter().flat_map(|s| &s.kept);
            let states: usize = stored.map(|k| k.state.len() + KEPT_BYTES).sum();
            self.bytes += key.len() + states;
            Touched {
                hash,
                key: key.into(),
                sessions,
            }
        }));
        Ok(())
    }

    fn put(&mut self, place: usize, coming: Coming) -> Option<usize> {
        let Coming {
            span,
            closed,
            apart,
        } = coming;
        if apart {
            let slot = self.slots.add();
            self.apart.push(Apart {
                key: place,
                span,
                closed,
                slot,
            });
            return Some(slot);
        }
        let sessions = &mut self.touched.get_mut(place)?.sessions;
        list::put(sessions, span, closed, &mut self.slots)
    }

    /// Makes one state of each session's slots, and of what was stored of it.
    pub(super) fn settle(mut self, spec: &Spec) -> Result<Settled> {
        if self.slots.len() == 0 {
            return Ok(Settled {
                touched: Vec::new(),
                apart: Vec::new(),
                states: Encoded::Empty,
            });
        }
        let mut rows = 0;
        let mut row_of_root = vec![usize::MAX; self.slots.len()];
        let mut row_of = |slot: &mut usize, slots: &mut Slots| {
            if let Some(row) = row_of_root.get_mut(slots.root(*slot)) {
                *row = rows;
            }
            *slot = rows;
            rows += 1;
        };
        let mut kept: Vec<&[u8]> = Vec::new();
        let mut kept_rows = Vec::new();
        for touched in &mut self.touched {
            for session in &mut touched.sessions {
                let Some(slot) = &mut session.slot else {
                    continue;
                };
                row_of(slot, &mut self.slots);
                for stored in &session.kept {
                    kept.push(&stored.state);
                    kept_rows.push(*slot);
                }
            }
        }
        for apart in &mut self.apart {
            row_of(&mut apart.slot, &mut self.slots);
        }
        let mut groups: Vec<usize> = Vec::with_capacity(self.slots.len());
        for slot in 0..self.slots.len() {
            let row = row_of_root.get(self.slots.root(slot));
            groups.push(row.copied().unwrap_or_default());
        }
        let as_they_are = kept.is_empty() && groups.iter().enumerate().all(|(i, &row)| i == row);
        let mut states = self.accumulators.states()?;
        if !as_they_are {
            let mut merger = Merger::new(spec, rows)?;
            let stored = Groups {
                keys: Vec::new(),
                states: spec.state_codec.decode(kept.iter().copied())?,
                len: kept.len(),
            };
            merger.merge(&spec.columns_of(stored), &kept_rows)?;
            let come = Groups {
                keys: Vec::new(),
                states,
                len: groups.len(),
            };
            merger.merge(&spec.columns_of(come), &groups)?;
            states = merger.states()?;
        }
        Ok(Settled {
            states: spec.state_codec.encode(states)?,
            touched: self.touched,
            apart: self.apart,
        })
    }

    /// How many keys it has touched.
    pub(super) fn len(&self) -> usize {
        self.touched.len()
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        let key = size_of::<Touched>() + size_of::<Session>();
        self.accumulators.bytes()
            + self.keys.as_ref().map_or(0, |k| k.size())
            + self.touched.len() * key
            + self.apart.len() * size_of::<Apart>()
            + self.slots.len() * size_of::<usize>()
            + self.bytes
    }
}
