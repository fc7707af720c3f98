//! Groupings, and their windows.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion_physical_expr::aggregate::AggregateFunctionExpr;

use super::{Exchange, ExprRef, Late, Micros};

/// A `GROUP BY`, in a window or without one (a table kept up to date).
#[derive(Debug)]
pub struct Aggregate {
    /// The window; absent for a table.
    pub window: Option<Window>,
    /// The grouping expressions other than the window's bounds, over the rows that `before` hands on.
    pub keys: Vec<ExprRef>,
    /// Names and types of the keys, in the same order.
    pub key_schema: SchemaRef,
    /// The aggregate functions, over the same rows.
    pub functions: Vec<Function>,
    /// How a result row is laid out.
    pub layout: Vec<ResultColumn>,
    /// Its schema.
    pub schema: SchemaRef,
    /// When results are handed on.
    pub emit: Emit,
    /// How long after the watermark has passed a window's end records for it are still taken.
    pub allowed_lateness: Micros,
    /// What becomes of a record that is later than that.
    pub late: Late,
    /// Where rows with the same key meet.
    pub exchange: Exchange,
}

/// One aggregate function with its arguments.
#[derive(Debug)]
pub struct Function {
    /// The function and its arguments.
    pub expr: Arc<AggregateFunctionExpr>,
    /// `FILTER (WHERE …)`.
    pub filter: Option<ExprRef>,
    /// Whether it tells if there is still something of its group, a Boolean which is the first of its states, too: a group
    /// in which no such function is true any longer is forgotten, which is as if no row of it had come.
    pub holds: bool,
}

/// A column of an aggregate's result row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultColumn {
    /// The value of key `i`.
    Key(usize),
    /// The window's first microsecond.
    WindowStart,
    /// The first microsecond after the window.
    WindowEnd,
    /// The value of function `i`.
    Function(usize),
}

/// A window over event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Index of the time column in the rows that `before` hands on (`Timestamp(Microsecond, None)`).
    pub time: usize,
    /// Which windows a time falls into.
    pub kind: WindowKind,
}

/// Which windows a time falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// One window of this size, aligned to the epoch.
    Tumble {
        /// The window's length.
        size: Micros,
    },
    /// Windows of this size of which one ends every `slide`, aligned to the epoch.
    Hop {
        /// The time from one window's end to the next's; the size is a multiple of it.
        slide: Micros,
        /// The windows' length.
        size: Micros,
    },
    /// Windows that start together every `size`, aligned to the epoch, each a `step` longer than the one before.
    Cumulate {
        /// The length of the shortest; the size is a multiple of it.
        step: Micros,
        /// The length of the longest.
        size: Micros,
    },
    /// From the first of a key's rows to the last, as long as none is further than this from the one before, and so
    /// much longer.
    Session {
        /// After this long without a row, the session is over.
        gap: Micros,
    },
}

impl WindowKind {
    /// The length of the longest window; of a session, that of one row.
    #[must_use]
    pub fn size(self) -> Micros {
        match self {
            Self::Tumble { size } | Self::Hop { size, .. } | Self::Cumulate { size, .. } => size,
            Self::Session { gap } => gap,
        }
    }

    /// The time from one window's end to the next's, and the length of the panes that windows are made of.
    #[must_use]
    pub fn pane(self) -> Micros {
        match self {
            Self::Tumble { size } => size,
            Self::Hop { slide, .. } => slide,
            Self::Cumulate { step, .. } => step,
            Self::Session { gap } => gap,
        }
    }
}

/// When results are handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    /// Once, when the window closes.
    OnClose,
    /// Whenever they have changed, but at most once in `every` per group.
    OnUpdate {
        /// 0 means with each commit.
        every: Micros,
    },
}
