//! How rows are spread over partitions: whether those that must meet do so already.

use std::collections::BTreeSet;

use tidemill_crds::pipeline::Distribution;

use super::SHARDS;
use crate::model::{Exchange, Input};
use crate::pipeline::sources::SourceDraft;
use crate::sql::{Query, SqlError};

/// How rows are spread over the partitions of the place where they come to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct Spread {
    /// Where they come to be, where that is one source, or the shards of one stream.
    place: Option<Input>,
    /// The values by which they are spread, each by a number; `None` if that is not known.
    by: Option<Vec<usize>>,
    /// For each column, the number of the value that it is, unchanged.
    columns: Vec<Option<usize>>,
}

impl Spread {
    /// Over the partitions of a source: values are its columns.
    pub(super) fn of_source(index: usize, source: &SourceDraft) -> Self {
        let by = source.partitioned_by.clone();
        let columns = 0..source.relation.schema.fields().len();
        Self {
            place: Some(Input::Source(index)),
            by: Some(by).filter(|by| !by.is_empty()),
            columns: columns.map(Some).collect(),
        }
    }

    /// Over the shards of a stream: values are its keys.
    pub(super) fn of_shards(stream: usize, query: &Query) -> Self {
        Self {
            place: Some(Input::Stream(stream)),
            by: Some((0..query.key_columns().len()).collect()),
            columns: (0..query.width()).map(|c| query.key_of(c)).collect(),
        }
    }

    /// What it is after a query that leaves rows where they are.
    pub(super) fn through(&self, query: &Query) -> Self {
        let column = |c| query.input_column(c).and_then(|i| self.number(i));
        Self {
            columns: (0..query.width()).map(column).collect(),
            ..self.clone()
        }
    }

    fn number(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied().flatten()
    }

    /// What is known of rows of either.
    pub(super) fn and(self, other: &Self) -> Self {
        let same = self.place == other.place;
        let columns = self.columns.into_iter().zip(&other.columns);
        Self {
            place: self.place.filter(|_| same),
            by: self.by.filter(|_| same),
            columns: columns.map(|(a, b)| a.filter(|_| a == *b)).collect(),
        }
    }

    /// Rows with the same key are in one partition if the key includes all by which they are spread.
    pub(super) fn exchange(&self, query: &Query) -> Exchange {
        let keys = query.key_columns().iter().flatten();
        let keys: BTreeSet<usize> = keys.filter_map(|&i| self.number(i)).collect();
        match (&self.place, &self.by) {
            (Some(_), Some(by)) if by.iter().all(|value| keys.contains(value)) => Exchange::Local,
            _ => Exchange::Shuffle { shards: SHARDS },
        }
    }
}

/// A join with a table of which a worker has only the rows of some partitions, for rows that may be in others.
pub(super) fn misplaced(
    query: &Query,
    spread: &Spread,
    sources: &[Option<SourceDraft>],
) -> Option<SqlError> {
    let is_spread = |name: &str| {
        let table = sources.iter().flatten().find(|s| s.relation.name == name);
        table.is_some_and(|table| table.distribution == Distribution::Partitioned)
    };
    let partitioned_by = match spread.place {
        Some(Input::Source(i)) => sources.get(i).and_then(Option::as_ref),
        _ => None,
    };
    let stays = |source: &&SourceDraft| {
        !source
            .deduplication
            .as_ref()
            .is_some_and(|it| it.moves_rows())
    };
    let partitioned_by = partitioned_by.filter(stays);
    let partitioned_by = partitioned_by.map(|source| source.partitioned_by.as_slice());
    let lies_there = |by: Option<&[usize]>| {
        let columns = by.map(|by| by.iter().map(|&column| spread.number(column)));
        let columns: Option<Vec<usize>> = columns.and_then(Iterator::collect);
        columns.is_some() && columns.as_deref() == partitioned_by
    };
    let mut joins = query.joins();
    let (name, _) = joins.find(|(name, by)| is_spread(name) && !lies_there(*by))?;
    let message = format!(
        "a worker has only the rows of `{name}` that are in the partitions it reads, and these may be elsewhere"
    );
    let hint = "join by the primary key with the columns that the stream's source is `partitionedBy`, in that order, \
                or leave the table's `distribution` out";
    Some(query.join_error(message, hint.to_owned()))
}
