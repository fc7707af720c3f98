//! Functions of a row and of those before it.

use arrow::datatypes::SchemaRef;

use super::{Exchange, Late, Micros, Raise};

/// Functions `OVER (PARTITION BY … ORDER BY the event time …)`: each row is handed on once no earlier one can come, with
/// what they give of the rows of its key up to it. Rows of one time are in the order of their partition and offset.
#[derive(Debug)]
pub struct Over {
    /// Index of the event time in the rows that `before` hands on (`Timestamp(Microsecond, None)`); where rows are ranked,
    /// of the end of their window.
    pub time: usize,
    /// The columns of those rows that make their key.
    pub keys: Vec<usize>,
    /// The functions.
    pub calls: Vec<OverCall>,
    /// Where rows of a window are numbered by something else than their time: by what. Their window is part of the key,
    /// and a row number is the only function.
    pub rank: Vec<RankBy>,
    /// Of ranked rows of a key, how many of the first are wanted at all; `None` if all are.
    pub first: Option<u64>,
    /// Those rows, and after them a column for each function.
    pub schema: SchemaRef,
    /// What becomes of a row that comes when later ones have been handed on.
    pub late: Late,
    /// Where rows with the same key meet.
    pub exchange: Exchange,
    /// What rules want, if they judge its rows and nothing else reads them.
    pub raise: Option<Raise>,
}

/// A function over the rows of a key up to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverCall {
    /// What it gives.
    pub function: OverFunction,
    /// The column that it is of; without one, it is of rows.
    pub argument: Option<usize>,
    /// Of which rows; of no meaning for a row number, a lag, and what is fresh.
    pub frame: Frame,
}

/// A column by which rows are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankBy {
    /// Its index in the rows.
    pub column: usize,
    /// The greatest comes first.
    pub descending: bool,
    /// Null comes first.
    pub nulls_first: bool,
}

/// What a function gives of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OverFunction {
    /// How many values there are that are not null, or how many rows.
    Count,
    /// The sum of the values.
    Sum,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The value of the first row, null or not.
    First,
    /// The value of the last row, null or not.
    Last,
    /// The value of the row so many before.
    Lag(u32),
    /// The row's number, from one.
    RowNumber,
    /// Whether no row up to so long before was one for which this was true.
    Fresh(Micros),
}

/// The rows up to a row that a function is of. Absent lengths go back to the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frame {
    /// Those whose time is no longer than this before the row's, and not after it: rows of the same time count.
    Range(Option<Micros>),
    /// So many rows before it, and the row.
    Rows(Option<u32>),
    /// The rows of a key fall into blocks of so many: for the last row of each, all of it. Other rows have no value.
    Block(u32),
}
