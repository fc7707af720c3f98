//! The bounds of windows, as functions of the time of a row.

use std::any::Any;
use std::sync::{Arc, LazyLock};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Schema, TimestampMicrosecondType};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, internal_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_physical_expr::ScalarFunctionExpr;

use super::{LAST_TIME, MICROS};
use crate::model::{ExprRef, Micros, WindowKind};
use crate::sql::count::CountBound;

/// Which bound of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bound {
    Start,
    End,
    Last,
}

impl Bound {
    /// The name of its column.
    pub(crate) fn column(self) -> &'static str {
        match self {
            Self::Start => "window_start",
            Self::End => "window_end",
            Self::Last => LAST_TIME,
        }
    }
}

/// The bound of the window that a time falls into. Where it falls into several, or other rows decide, the bound is not a
/// function of the row: such windows are opened by the grouping alone, and the planner lets nothing else compute their bounds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WindowBound {
    pub(crate) kind: WindowKind,
    pub(crate) bound: Bound,
}

impl WindowBound {
    pub(super) fn of(self, time: Expr) -> Expr {
        let name = self.bound.column();
        ScalarUDF::new_from_impl(self).call(vec![time]).alias(name)
    }

    fn at(&self, time: Micros) -> Micros {
        let size = self.kind.size();
        let start = time.saturating_sub(time.rem_euclid(size));
        match self.bound {
            Bound::Start => start,
            Bound::End => start.saturating_add(size),
            Bound::Last => start.saturating_add(size - 1),
        }
    }
}

/// Whether each time falls into one window of this kind, whatever other times there are.
pub(crate) fn is_one_each(kind: WindowKind) -> bool {
    matches!(kind, WindowKind::Tumble { .. })
}

static TIME: LazyLock<Signature> =
    LazyLock::new(|| Signature::exact(vec![MICROS], Volatility::Immutable));

impl ScalarUDFImpl for WindowBound {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.bound.column()
    }

    fn signature(&self) -> &Signature {
        &TIME
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(MICROS)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !is_one_each(self.kind) {
            return internal_err!("such a window is not known by one row");
        }
        map_time(&args, |time| self.at(time))
    }
}

/// Whether a function is a bound of windows that it opens.
pub(crate) fn is_bound(function: &ScalarUDF) -> bool {
    let of_time = function.inner().as_any().downcast_ref::<WindowBound>();
    of_time.is_some() || CountBound::of(function).is_some()
}

/// The last microsecond of a window, given the first after it.
pub(crate) fn last_time(end: ExprRef, rows: &Schema) -> Result<ExprRef> {
    Beside(Bound::Last).of(end, rows)
}

/// The first microsecond after a window, given the last of it.
pub(crate) fn first_after(last: ExprRef, rows: &Schema) -> Result<ExprRef> {
    Beside(Bound::End).of(last, rows)
}

/// The bound of a window that is a microsecond beside another one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Beside(Bound);

impl Beside {
    fn of(self, other: ExprRef, rows: &Schema) -> Result<ExprRef> {
        let function = Arc::new(ScalarUDF::new_from_impl(self));
        let options = Arc::new(ConfigOptions::default());
        let call = ScalarFunctionExpr::try_new(function, vec![other], rows, options)?;
        Ok(Arc::new(call))
    }
}

impl ScalarUDFImpl for Beside {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.0.column()
    }

    fn signature(&self) -> &Signature {
        &TIME
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(MICROS)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let step = if self.0 == Bound::Last { -1 } else { 1 };
        map_time(&args, |other| other.saturating_add(step))
    }
}

/// A time of each time.
fn map_time(args: &ScalarFunctionArgs, map: impl Fn(Micros) -> Micros) -> Result<ColumnarValue> {
    let times = ColumnarValue::values_to_arrays(&args.args)?;
    let Some(times) = times
        .first()
        .and_then(|t| t.as_primitive_opt::<TimestampMicrosecondType>())
    else {
        return internal_err!("a window's time is a timestamp in microseconds");
    };
    let mapped = times.unary::<_, TimestampMicrosecondType>(map);
    Ok(ColumnarValue::Array(Arc::new(mapped)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_half_open_and_aligned_to_the_epoch() {
        let kind = WindowKind::Tumble { size: 10 };
        let start = WindowBound {
            kind,
            bound: Bound::Start,
        };
        let end = WindowBound {
            kind,
            bound: Bound::End,
        };
        for (time, from, to) in [
            (0, 0, 10),
            (9, 0, 10),
            (10, 10, 20),
            (-1, -10, 0),
            (-10, -10, 0),
        ] {
            assert_eq!((start.at(time), end.at(time)), (from, to), "time {time}");
        }
    }
}
