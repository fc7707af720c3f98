//! What happens to a row by itself: filters, projections, joins with tables.

use arrow::datatypes::SchemaRef;

use super::{ExprRef, Micros};

/// Something done row by row. Expressions are bound to the batch that the step before hands on.
#[derive(Debug, Clone)]
pub enum Step {
    /// Keeps the rows for which the expression is true.
    Filter(ExprRef),
    /// Computes new columns.
    Project {
        /// One expression a column.
        exprs: Vec<ExprRef>,
        /// The schema of what comes out.
        schema: SchemaRef,
    },
    /// Puts rows of a table beside the rows.
    Lookup(Lookup),
    /// Makes rows of their own of changes that replace each other, with a last column that says whether there is a row
    /// after the change.
    Changes {
        /// The schema of what comes out.
        schema: SchemaRef,
    },
}

/// A join of each row with the rows of a table that have its key, as the table is when the row is processed.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// Index of the table among the sources.
    pub table: usize,
    /// What the table's rows are found by.
    pub find: Find,
    /// The values of those columns, in their order.
    pub key: Vec<ExprRef>,
    /// The columns of the table (indices into its schema) that are put after those of the row.
    pub columns: Vec<usize>,
    /// What else must be true of a row with those columns for the two to belong together.
    pub condition: Option<ExprRef>,
    /// Whether a row that finds nothing is left out, rather than handed on with nulls.
    pub inner: bool,
    /// What becomes of a row whose key is not in the table.
    pub missing: Missing,
    /// Of the first join of those for which rows wait, the column of the row's time.
    pub time: Option<usize>,
    /// The schema of what comes out.
    pub schema: SchemaRef,
}

/// What rows of a table are found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Find {
    /// By the primary key: one row at most.
    ByKey,
    /// By these columns (indices into the table's schema): any number of rows. That they are equal is a part of the
    /// condition, too.
    ByColumns(Vec<usize>),
}

impl Lookup {
    /// How many columns the rows have before.
    #[must_use]
    pub fn width(&self) -> usize {
        self.schema
            .fields()
            .len()
            .saturating_sub(self.columns.len())
    }
}

/// Joins for which rows wait: one whose key is not in a table waits until it is there in all of them, or time is up.
/// Then it goes on with what there is, as if it had not waited.
///
/// The rows' time goes on as much later as they may wait.
#[derive(Debug)]
pub struct Await {
    /// The joins, and what is between them.
    pub steps: Vec<Step>,
    /// The column of a row's time.
    pub time: usize,
    /// How far behind the watermark that is when time is up.
    pub span: Micros,
    /// The schema of the rows that wait.
    pub schema: SchemaRef,
}

/// What becomes of a row whose key is not in the table that it is joined with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The join goes on without it.
    Emit,
    /// It goes to the dead letters.
    DeadLetter,
}
