//! The rows that the watermark passes, in order, some at a time: those in memory, and where some have left it a piece of
//! these with those in memory that are beside them.

use std::borrow::Cow;

use super::held::{Away, Held, Mark, Piece, Row};
use super::spec::Spec;
use crate::error::Result;

/// Goes through rows.
pub(super) struct Passing<'a> {
    here: Vec<Row<'a>>,
    /// So many of them have been taken.
    taken: usize,
    away: Away<'a>,
    /// The piece that was read last; none when all have been.
    piece: Option<Piece>,
}

impl<'a> Passing<'a> {
    /// Those from a mark on and before another.
    pub(super) fn new(spec: &Spec, held: &'a Held, from: Mark, until: Mark) -> Result<Self> {
        let here = held.between(from, until);
        let here = here.map_err(|problem| spec.owner.damaged(problem))?;
        Ok(Self {
            here,
            taken: 0,
            away: held.away(from, until),
            piece: None,
        })
    }

    /// The next rows, about so many at most of those in memory; none when there are no more. The rows of a key with one
    /// time are together.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Cow<'_, [Row<'_>]>>> {
        let from = self.taken;
        loop {
            self.piece = self.away.next()?;
            let Some(piece) = &self.piece else {
                break;
            };
            self.taken = self.here.partition_point(|row| row.mark() < piece.end);
            if self.taken > from || !piece.is_empty() {
                break;
            }
        }
        if let Some(piece) = &self.piece {
            let mut rows = self.here.get(from..self.taken).unwrap_or_default().to_vec();
            for row in piece.rows() {
                rows.push(row?);
            }
            rows.sort_unstable();
            return Ok(Some(Cow::Owned(rows)));
        }
        let rest = self.here.get(from..).unwrap_or_default();
        let last = rest.get(most.saturating_sub(1)).map(Row::mark);
        let count = last.map_or(rest.len(), |last| {
            rest.partition_point(|row| row.mark() <= last)
        });
        self.taken = from + count;
        let rows = rest.get(..count).unwrap_or_default();
        Ok((!rows.is_empty()).then_some(Cow::Borrowed(rows)))
    }

    /// Where the rows begin that have not been taken; none if all have been.
    pub(super) fn end(&self) -> Option<Mark> {
        match &self.piece {
            Some(piece) => Some(piece.end),
            None => self.here.get(self.taken).map(Row::mark),
        }
    }
}
