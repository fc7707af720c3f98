//! Joins of two streams.

use arrow::datatypes::{DataType, SchemaRef};

use super::{Exchange, ExprRef, Late, Micros};

/// `a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - … AND a.ts + …`: two rows belong together if their keys are equal, if the
/// time of the right one is so far after that of the left one, and if a condition is true. The rows of both sides come in
/// together, and have the columns of both; those of the other side are null. A row waits for others until the watermark says
/// that none can come.
#[derive(Debug)]
pub struct Join {
    /// Index of the column that is true for rows of the right side (`Boolean`).
    pub side: usize,
    /// Index of the time by which rows belong together (`Timestamp(Microsecond, None)`).
    pub time: usize,
    /// The columns that make the key. A row in which one of them is null belongs to none.
    pub keys: Vec<usize>,
    /// Their types.
    pub key_types: Vec<DataType>,
    /// The rows before JOIN.
    pub left: JoinSide,
    /// The rows after it.
    pub right: JoinSide,
    /// So long after the time of a left row is that of a right one at the least; negative is before it.
    pub earliest: Micros,
    /// So long after it at the most; no less than `earliest`.
    pub latest: Micros,
    /// What else must be true of two rows, over the columns of `schema`.
    pub condition: Option<ExprRef>,
    /// So far may the time of a row be behind the watermark, and be on time.
    pub behind: Micros,
    /// The rows that go on: the columns of the left side, and after them those of the right.
    pub schema: SchemaRef,
    /// What becomes of a row that comes when rows which it may belong to are gone.
    pub late: Late,
    /// Where rows with the same key meet.
    pub exchange: Exchange,
}

impl Join {
    /// So long after its time a row of the left side is kept, or of the right side: until the watermark has passed it, rows
    /// of the other side may come that belong to it.
    #[must_use]
    pub fn kept_for(&self, is_right: bool) -> Micros {
        if is_right {
            self.earliest.saturating_neg()
        } else {
            self.latest
        }
    }

    /// How far rows that go on may be behind the watermark: those that have waited for others in vain.
    #[must_use]
    pub fn holds_back(&self) -> Micros {
        let of = |side: &JoinSide, kept_for: Micros| match side.goes_on_alone {
            true => kept_for.max(0),
            false => 0,
        };
        of(&self.left, self.kept_for(false)).max(of(&self.right, self.kept_for(true)))
    }
}

/// One side of a join.
#[derive(Debug, Clone)]
pub struct JoinSide {
    /// Its columns among those of the rows that come in.
    pub columns: Vec<usize>,
    /// What its time is called.
    pub time: String,
    /// Whether a row that belongs to none goes on all the same, with nulls for the other side.
    pub goes_on_alone: bool,
}
