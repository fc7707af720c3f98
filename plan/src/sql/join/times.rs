//! How far the times of two rows that belong together may be apart, told by the conditions of their join.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{BinaryExpr, CastExpr, Literal, NegativeExpr};

use crate::model::{ExprRef, Micros};
use crate::sql::chain::column;

/// A sum of times and spans: so many times a column of the left side, one of the right side, and a constant.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    left: (i64, Option<usize>),
    right: (i64, Option<usize>),
    constant: Micros,
}

impl Sum {
    fn constant(constant: Micros) -> Self {
        Self {
            constant,
            ..Self::default()
        }
    }

    fn negative(self) -> Option<Self> {
        Some(Self {
            left: (-self.left.0, self.left.1),
            right: (-self.right.0, self.right.1),
            constant: self.constant.checked_neg()?,
        })
    }

    fn plus(self, other: Self) -> Option<Self> {
        let add = |a: (i64, Option<usize>), b: (i64, Option<usize>)| match (a.1, b.1) {
            (Some(x), Some(y)) if x != y => None,
            (x, y) => Some((a.0 + b.0, x.or(y))),
        };
        Some(Self {
            left: add(self.left, other.left)?,
            right: add(self.right, other.right)?,
            constant: self.constant.checked_add(other.constant)?,
        })
    }

    /// Reads an expression over the columns of both sides, of which the left has `width`.
    fn read(expr: &ExprRef, width: usize) -> Option<Self> {
        if let Some(column) = column(expr) {
            return Some(match column < width {
                true => Self {
                    left: (1, Some(column)),
                    ..Self::default()
                },
                false => Self {
                    right: (1, Some(column)),
                    ..Self::default()
                },
            });
        }
        let any = expr.as_any();
        if let Some(literal) = any.downcast_ref::<Literal>() {
            return span(literal.value()).map(Self::constant);
        }
        if let Some(cast) = any.downcast_ref::<CastExpr>() {
            let to_time = matches!(
                cast.cast_type(),
                DataType::Timestamp(_, None) | DataType::Duration(_) | DataType::Interval(_)
            );
            return to_time.then(|| Self::read(cast.expr(), width)).flatten();
        }
        if let Some(negative) = any.downcast_ref::<NegativeExpr>() {
            return Self::read(negative.arg(), width)?.negative();
        }
        let operation = any.downcast_ref::<BinaryExpr>()?;
        let left = Self::read(operation.left(), width)?;
        let right = Self::read(operation.right(), width)?;
        match operation.op() {
            Operator::Plus => left.plus(right),
            Operator::Minus => left.plus(right.negative()?),
            _ => None,
        }
    }
}

/// A constant span of time.
fn span(value: &ScalarValue) -> Option<Micros> {
    const DAY: Micros = 86_400_000_000;
    match value {
        ScalarValue::IntervalMonthDayNano(Some(it)) if it.months == 0 => {
            let whole = it.nanoseconds % 1_000 == 0;
            let days = i64::from(it.days).checked_mul(DAY)?;
            whole.then(|| days.checked_add(it.nanoseconds / 1_000))?
        }
        ScalarValue::IntervalDayTime(Some(it)) => {
            let days = i64::from(it.days).checked_mul(DAY)?;
            days.checked_add(i64::from(it.milliseconds) * 1_000)
        }
        ScalarValue::DurationMicrosecond(Some(micros)) => Some(*micros),
        ScalarValue::DurationMillisecond(Some(millis)) => millis.checked_mul(1_000),
        ScalarValue::DurationSecond(Some(seconds)) => seconds.checked_mul(1_000_000),
        _ => None,
    }
}

/// How long after a column of the left side one of the right side is, at the least and at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bounds {
    pub(super) earliest: Option<Micros>,
    pub(super) latest: Option<Micros>,
}

impl Bounds {
    fn and(self, other: Self) -> Self {
        Self {
            earliest: self.earliest.max(other.earliest),
            latest: match (self.latest, other.latest) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }
}

/// A column of the left side, and one of the right side.
pub(super) type Columns = (usize, usize);

/// What a condition says of the times of both sides: a comparison of two sums in which one column of each is, once.
pub(super) fn bounds(condition: &ExprRef, width: usize) -> Option<(Columns, Bounds)> {
    let comparison = condition.as_any().downcast_ref::<BinaryExpr>()?;
    let left = Sum::read(comparison.left(), width)?;
    let right = Sum::read(comparison.right(), width)?;
    let difference = left.plus(right.negative()?)?;
    let columns = (difference.left.1?, difference.right.1?);
    // `right - left` against a constant.
    let (op, constant) = match (difference.left.0, difference.right.0) {
        (-1, 1) => (*comparison.op(), difference.constant.checked_neg()?),
        (1, -1) => (comparison.op().swap()?, difference.constant),
        _ => return None,
    };
    let (earliest, latest) = match op {
        Operator::Eq => (Some(constant), Some(constant)),
        Operator::GtEq => (Some(constant), None),
        Operator::Gt => (Some(constant.checked_add(1)?), None),
        Operator::LtEq => (None, Some(constant)),
        Operator::Lt => (None, Some(constant.checked_sub(1)?)),
        _ => return None,
    };
    Some((columns, Bounds { earliest, latest }))
}

/// What conditions say, by the columns that they are about.
#[derive(Debug, Default)]
pub(super) struct Said(BTreeMap<Columns, Bounds>);

impl Said {
    pub(super) fn add(&mut self, columns: Columns, bounds: Bounds) {
        let said = self.0.entry(columns).or_default();
        *said = said.and(bounds);
    }

    /// The columns that are bounded on both sides.
    pub(super) fn bounded(&self) -> impl Iterator<Item = (Columns, Micros, Micros)> {
        let both = |(columns, bounds): (&Columns, &Bounds)| {
            Some((*columns, bounds.earliest?, bounds.latest?))
        };
        self.0.iter().filter_map(both)
    }

    /// What is said of any columns that are bounded on one side only.
    pub(super) fn half(&self) -> Option<Bounds> {
        self.0.values().next().copied()
    }
}
