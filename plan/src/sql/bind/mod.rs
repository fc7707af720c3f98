//! A planned query: what it needs of its input, what it gives, and its parts bound to the columns that are read.

mod bound;
mod grouping;
mod narrowed;
mod seen;

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use datafusion_sql::sqlparser::tokenizer::Location;

pub use self::bound::{Bound, BoundGrouping, BoundOver};
use super::error::SqlError;
use super::join::JoinShape;
use super::over::OverShape;
use super::translate::{Grouping, Joined};
use crate::model::{Micros, Step, WindowKind};

/// A planned query, bound to all the columns of the relation that it reads.
#[derive(Debug, Clone)]
pub struct Query {
    /// Among the parts of the whole; none of the last.
    name: String,
    reads: Vec<String>,
    /// Where it starts.
    place: Location,
    needs: BTreeSet<usize>,
    tables: Vec<Joined>,
    before: Vec<Step>,
    grouping: Option<Grouping>,
    over: Option<OverShape>,
    join: Option<JoinShape>,
    after: Vec<Step>,
    schema: SchemaRef,
    columns: Vec<From>,
    key_columns: Vec<Option<usize>>,
}

/// Where a column of the result comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// A column of the input, unchanged.
    Input(usize),
    /// A key of the grouping, or of the join.
    Key(usize),
    /// The first microsecond of the grouping's window.
    WindowStart,
    /// The first microsecond after it.
    WindowEnd,
    /// The last microsecond of it.
    WindowLast,
    /// Anything else.
    Computed,
}

impl Query {
    /// What it is called among the parts of a query; the last of them is called nothing.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same query as a part of this name.
    pub(super) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// How many columns the result has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The key of the grouping that a column of the result is, by its number.
    #[must_use]
    pub fn key_of(&self, column: usize) -> Option<usize> {
        match self.columns.get(column)? {
            From::Key(key) => Some(*key),
            _ => None,
        }
    }

    /// The names of the relations that are read, all of the same columns.
    #[must_use]
    pub fn reads(&self) -> &[String] {
        &self.reads
    }

    /// How far the times of its window may be behind the watermark of what it reads.
    #[must_use]
    pub fn behind(&self) -> Micros {
        self.grouping.as_ref().map_or(0, |g| g.behind)
    }

    /// The columns of the relation that are needed, by index.
    #[must_use]
    pub fn needs(&self) -> &BTreeSet<usize> {
        &self.needs
    }

    /// The tables that rows are joined with, each with the columns of it that are needed, by index.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.before.iter().filter_map(|step| {
            let Step::Lookup(lookup) = step else {
                return None;
            };
            let table = self.tables.get(lookup.table)?;
            Some((table.name.as_str(), lookup.columns.as_slice()))
        })
    }

    /// The tables that rows are joined with, each with the columns of the input that are equal to its primary key, if
    /// there is one for each.
    pub fn joins(&self) -> impl Iterator<Item = (&str, Option<&[usize]>)> {
        let tables = self.tables.iter();
        tables.map(|table| (table.name.as_str(), table.by.as_deref()))
    }

    /// An error about a table that it is joined with.
    #[must_use]
    pub fn join_error(&self, message: String, hint: String) -> SqlError {
        SqlError::at(self.place, message).hint(hint)
    }

    /// The schema of the result's rows.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether rows are grouped.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.grouping.is_some()
    }

    /// Whether rows have functions of those before them.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Whether these are functions of windows by count.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.over.as_ref().is_some_and(|over| over.is_counted)
    }

    /// Whether rows of two streams are joined.
    #[must_use]
    pub fn is_join(&self) -> bool {
        self.join.is_some()
    }

    /// Whether rows with the same key meet.
    #[must_use]
    pub fn gathers(&self) -> bool {
        self.is_grouped() || self.is_over() || self.is_join()
    }

    /// The window that rows are grouped by.
    #[must_use]
    pub fn window(&self) -> Option<WindowKind> {
        self.grouping.as_ref()?.window.map(|(_, kind)| kind)
    }

    /// Whether a join is among its steps.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        !self.tables.is_empty()
    }

    /// The columns of the input that the keys of the grouping are, where they are columns unchanged.
    #[must_use]
    pub fn key_columns(&self) -> &[Option<usize>] {
        &self.key_columns
    }

    /// The column of the input that a column of the result is, unchanged: directly, or as a key of the grouping.
    #[must_use]
    pub fn input_column(&self, column: usize) -> Option<usize> {
        match self.columns.get(column)? {
            From::Input(i) => Some(*i),
            From::Key(key) => self.key_columns.get(*key).copied().flatten(),
            From::WindowStart | From::WindowEnd | From::WindowLast | From::Computed => None,
        }
    }
}
