//! Rows that have met, until there are enough of them for a batch.

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::row::{Both, Due, Row};
use super::spec::Spec;
use crate::error::Result;

/// Rows that belong together go on in batches of no more than this.
pub(super) const MOST: usize = 8192;

/// The rows of a side.
#[derive(Debug, Default)]
struct Lane {
    bytes: Vec<u8>,
    /// Of each row, where its bytes end, and when it is due.
    rows: Vec<(usize, Due)>,
    /// Rows by their numbers.
    places: HashMap<u64, u32>,
    /// The row of each pair.
    named: Vec<Option<u32>>,
}

impl Lane {
    /// Its due time is asked for once.
    fn add(&mut self, row: Option<&Row<'_>>, due: impl FnOnce(&Row<'_>) -> i64) {
        let place = row.map(|row| {
            *self.places.entry(row.number).or_insert_with(|| {
                self.bytes.extend_from_slice(row.row);
                self.rows.push((self.bytes.len(), (due(row), row.number)));
                (self.rows.len() - 1) as u32
            })
        });
        self.named.push(place);
    }

    fn rows(&self) -> Vec<&[u8]> {
        let mut start = 0;
        let rows = self.rows.iter().map(|(end, _)| {
            let start = std::mem::replace(&mut start, *end);
            self.bytes.get(start..*end).unwrap_or_default()
        });
        rows.collect()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.places.clear();
        self.named.clear();
    }
}

/// Pairs of rows, or rows that belong to none.
#[derive(Debug, Default)]
pub(super) struct Met(Both<Lane>);

impl Met {
    /// Adds a row of the right side or of the left, with one of the other side if it belongs to one.
    pub(super) fn add(
        &mut self,
        row: &Row<'_>,
        other: Option<&Row<'_>>,
        due: impl Fn(&Row<'_>) -> i64,
    ) {
        self.0.of_mut(row.is_right).add(Some(row), &due);
        self.0.of_mut(!row.is_right).add(other, &due);
    }

    pub(super) fn len(&self) -> usize {
        self.0.left.named.len()
    }

    /// The rows beside each other.
    pub(super) fn batch(&self, spec: &Spec) -> Result<RecordBatch> {
        let (left, right) = (self.0.left.rows(), self.0.right.rows());
        let rows = Both {
            left: left.as_slice(),
            right: right.as_slice(),
        };
        let named = Both {
            left: self.0.left.named.as_slice(),
            right: self.0.right.named.as_slice(),
        };
        spec.pairs(rows, named)
    }

    /// The rows of a side that are in one of some pairs.
    pub(super) fn are_in(
        &self,
        is_right: bool,
        pairs: impl Fn(usize) -> bool,
    ) -> impl Iterator<Item = Due> {
        let lane = self.0.of(is_right);
        let mut is_in = vec![false; lane.rows.len()];
        for (_, named) in lane
            .named
            .iter()
            .enumerate()
            .filter(|(pair, _)| pairs(*pair))
        {
            let place = named.and_then(|place| is_in.get_mut(place as usize));
            place.into_iter().for_each(|it| *it = true);
        }
        let rows = lane.rows.iter().zip(is_in);
        rows.filter(|(_, is_in)| *is_in).map(|((_, due), _)| *due)
    }

    /// Forgets them all.
    pub(super) fn clear(&mut self) {
        self.0.left.clear();
        self.0.right.clear();
    }
}
