//! One SQL query to one stream.
//!
//! The text is parsed and checked for what no stream can do ([`Parsed`]), planned by DataFusion over the tables that it
//! reads, and translated into steps before a grouping, the grouping, and steps after it ([`Query`]). Binding a query to
//! the columns that are really read gives the parts of a [`Stream`](crate::model::Stream).

mod bind;
mod chain;
mod check;
mod context;
mod error;
mod functions;
mod output;
mod over;
mod parse;
mod plan;
mod refuse;
mod translate;
mod types;
mod window;

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;

pub use bind::{Bound, BoundGrouping, BoundOver, Query};
pub use check::plan_check;
pub use error::{SqlError, types_as_written};
pub use parse::Parsed;

/// A source or a stream, as a query sees it.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Its name in FROM.
    pub name: String,
    /// All its columns.
    pub schema: SchemaRef,
    /// The column that is its event time: windows open over this one.
    pub event_time: Option<usize>,
    /// The column that is the end of the window that a row is of: no more rows of it come.
    pub window_end: Option<usize>,
    /// Where its rows replace each other: the columns that identify a row.
    pub key: Option<Vec<usize>>,
    /// Whether it is a source that is a table, in which rows can be looked up by that key.
    pub is_table: bool,
}

/// Plans a query over the relations that it may read.
///
/// # Errors
/// What is wrong with it, as much at once as can be told.
pub fn plan_query(text: &str, relations: &[Relation]) -> Result<Query, Vec<SqlError>> {
    with_room(|| Parsed::parse(text)?.plan(relations))
}

/// Runs what goes as deep as a query is nested, on a stack that has room for the deepest that is taken.
pub(crate) fn with_room<T>(work: impl FnOnce() -> T) -> T {
    stacker::grow(64 << 20, work)
}
