//! One SQL query to one stream.
//!
//! The text is parsed and checked for what no stream can do ([`Parsed`]), planned by DataFusion over the tables that it
//! reads, and translated into steps before a grouping, the grouping, and steps after it ([`Query`]). Binding a query to
//! the columns that are really read gives the parts of a [`Stream`](crate::model::Stream).

mod bind;
mod chain;
mod check;
mod context;
mod count;
mod error;
mod functions;
mod join;
mod latest;
mod merged;
mod output;
mod over;
mod parse;
mod parts;
mod plan;
mod records;
mod refuse;
pub(crate) mod rule;
mod size;
mod translate;
mod types;
mod window;

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;

use crate::model::Micros;

pub use bind::{Bound, BoundGrouping, BoundOver, Query};
pub(crate) use chain::{schema_after, substitute};
pub use check::plan_check;
pub use error::{SqlError, types_as_written};
pub use join::BoundJoin;
pub use latest::latest;
pub use parse::Parsed;
pub use parts::stream_of;
pub(crate) use parts::{OF_RULES, is_of_rules, is_part, part_name};
pub use records::record;
pub(crate) use rule::COUNT;

/// A source or a stream, as a query sees it.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Its name in FROM.
    pub name: String,
    /// All its columns.
    pub schema: SchemaRef,
    /// The column that is its event time: windows open over this one.
    pub event_time: Option<usize>,
    /// Other columns that windows may open over, each with how far its times may be behind the watermark.
    pub times: Vec<(usize, Micros)>,
    /// The window that each of its rows is of, if it is one row's alone.
    pub window: Option<Carried>,
    /// Where its rows replace each other: the columns that identify a row.
    pub key: Option<Vec<usize>>,
    /// Whether it is a source that is a table, in which rows can be looked up by that key.
    pub is_table: bool,
}

/// The window that a row is of: it is in the columns of a stream that groups by windows, and of those that read it. The
/// watermark of such rows is about the last microsecond of their windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// The first microsecond of the window, and how far that may be behind the last: windows open over it. Of sessions
    /// nobody knows how far.
    pub start: Option<(usize, Micros)>,
    /// The first microsecond after the window: rows are grouped by it.
    pub end: Option<usize>,
}

impl Carried {
    /// What holds of rows of either.
    pub(crate) fn and(self, other: Self) -> Self {
        let start = self.start.zip(other.start);
        Self {
            start: start
                .filter(|(a, b)| a.0 == b.0)
                .map(|(a, b)| (a.0, a.1.max(b.1))),
            end: self.end.filter(|end| other.end == Some(*end)),
        }
    }
}

/// Plans a query over the relations that it may read, to its parts: each reads relations and parts before it, and the last
/// is what the query gives.
///
/// # Errors
/// What is wrong with it, as much at once as can be told.
pub fn plan_query(text: &str, relations: &[Relation]) -> Result<Vec<Query>, Vec<SqlError>> {
    with_room(|| Parsed::parse(text)?.plan(relations))
}

/// Runs what goes as deep as a query is nested, on a stack that has room for the deepest that is taken.
pub(crate) fn with_room<T>(work: impl FnOnce() -> T) -> T {
    stacker::grow(64 << 20, work)
}
