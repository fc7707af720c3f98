//! Why a plan has not the shape of a stream.

use datafusion_common::DataFusionError;

use crate::sql::join::Unjoinable;
use crate::sql::over::Refused;

/// Why a plan has not the shape of a stream.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// Rows of a grouping without a window are grouped again.
    TwoGroupings,
    /// Rows that replace each other are put together with others.
    Replacing,
    /// The window's time is not a column of the table as it is.
    ComputedTime,
    /// The window's time is this column of the table, which is not its event time.
    NotEventTime(usize),
    /// A window is opened, and the grouping is not by it.
    NotByWindow,
    /// The grouping is by the start of the window that rows carry, and not by its end.
    NotByEnd,
    /// A row does not tell its windows, and the grouping is not by them.
    SeveralWindows,
    /// The grouping is by the windows of two calls, or by a window whose time is gone.
    LostTime,
    /// A call with OVER that no stream can do.
    Over(Refused),
    /// Windows by count over rows without their event time.
    Uncounted,
    /// A function that windows by count have not, and those that they have.
    CountedCall(String, &'static str),
    /// What is joined is no table.
    NotATable(String),
    /// What is joined is more than a name.
    JoinedQuery,
    /// A join that is neither INNER nor LEFT.
    JoinKind,
    /// A join of two streams whose rows have nothing that brings them together.
    Unjoinable(Unjoinable),
    /// A join with this table in which no column of it is equal to something.
    NoEquality(String),
    /// Two tables are joined, this one of them, by other columns than their primary keys.
    NotByKeys(String),
    /// Rows wait, and what is joined has no event time.
    WaitsWithoutTime,
    /// Rows that wait are in windows already.
    WaitsInWindow,
    /// Rows of windows that rows decide are joined with a table, which leaves some of them out, or after some are.
    JoinedInWindow,
    /// An operator that no stream has.
    Operator(String),
    /// A column that no sink can hold.
    Unstorable {
        name: String,
        what: &'static str,
        hint: &'static str,
    },
    /// The planner failed.
    Planner(DataFusionError),
}

impl From<DataFusionError> for Misfit {
    fn from(error: DataFusionError) -> Self {
        Self::Planner(error)
    }
}
