//! Window table functions: `TUMBLE(s, ts, size)` is the rows of `s` with `window_start` and `window_end` added.
//!
//! Both are functions of the row's time, so that a query means the same over a batch. Where a query groups by them, the
//! translation recognizes them, and the engine opens and closes windows instead. `HOP(s, ts, slide, size)` and
//! `CUMULATE(s, ts, step, size)` give a row once for each of its windows, and which session of `SESSION(s, ts, gap)` a row is
//! in is up to other rows; only a grouping may use these.

mod bound;
mod call;
mod planner;

use arrow::datatypes::{DataType, TimeUnit};

pub(crate) use self::bound::{Bound, WindowBound, first_after, is_bound, is_one_each, last_time};
pub(crate) use self::call::{WindowCall, call, plain_table_arguments};
pub(crate) use self::planner::{WindowPlanner, check_bounds, table, with_bounds};
use super::count;

/// The window table functions that the design names.
pub(crate) const NAMES: &[&str] = &["TUMBLE", "HOP", "SESSION", "CUMULATE", count::NAME];
/// What Flink wraps the time column in.
pub(crate) const DESCRIPTOR: &str = "DESCRIPTOR";

/// What Flink calls the time of a window's rows: its last moment, here the last microsecond.
pub(crate) const LAST_TIME: &str = "window_time";

pub(crate) const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
