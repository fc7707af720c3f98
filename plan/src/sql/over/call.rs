//! One call with OVER: its function, what it is of, and its frame.

use datafusion_common::{DFSchema, ScalarValue};
use datafusion_expr::expr::WindowFunctionParams;
use datafusion_expr::{Expr, WindowFrame, WindowFrameBound, WindowFrameUnits};

use super::{Refused, Rows, functions};
use crate::model::{Frame, Micros, OverCall, OverFunction};
use crate::sql::translate::Misfit;
use crate::sql::types::physical;

/// More rows before a row than this are not kept.
const MOST_ROWS: u32 = 10_000;

/// Reads a call; what it is of becomes a column of the rows.
pub(super) fn over_call(
    name: &str,
    params: &WindowFunctionParams,
    input: &DFSchema,
    rows: &mut Rows,
) -> Result<OverCall, Misfit> {
    let function = match name {
        "count" => OverFunction::Count,
        "sum" => OverFunction::Sum,
        "avg" => OverFunction::Avg,
        "min" => OverFunction::Min,
        "max" => OverFunction::Max,
        "first_value" => OverFunction::First,
        "last_value" => OverFunction::Last,
        "lag" => OverFunction::Lag(match params.args.get(1) {
            None => 1,
            Some(back) => rows_before(literal(back), "lag", "write lag(x, 2)")?,
        }),
        "row_number" => OverFunction::RowNumber,
        functions::FRESH => match params.args.first().and_then(literal) {
            Some(ScalarValue::Int64(Some(span))) => OverFunction::Fresh(*span),
            _ => return Err(Misfit::Operator(name.to_owned())),
        },
        other => return Err(Misfit::Operator(format!("{other} OVER"))),
    };
    let argument = match (function, params.args.first()) {
        (OverFunction::RowNumber | OverFunction::Fresh(_), _) | (_, None) => None,
        (OverFunction::Count, Some(Expr::Literal(value, _))) if !value.is_null() => None,
        (_, Some(argument)) => Some(rows.column(physical(argument, input)?)?),
    };
    let frame = match function {
        OverFunction::Lag(_) | OverFunction::RowNumber | OverFunction::Fresh(_) => {
            Frame::Rows(None)
        }
        _ => frame(&params.window_frame)?,
    };
    Ok(OverCall {
        function,
        argument,
        frame,
    })
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn frame(frame: &WindowFrame) -> Result<Frame, Misfit> {
    Ok(match (frame.units, &frame.start_bound) {
        (WindowFrameUnits::Range, WindowFrameBound::CurrentRow) => Frame::Range(Some(0)),
        (WindowFrameUnits::Rows, WindowFrameBound::CurrentRow) => Frame::Rows(Some(0)),
        (WindowFrameUnits::Range, WindowFrameBound::Preceding(back)) if back.is_null() => {
            Frame::Range(None)
        }
        (WindowFrameUnits::Rows, WindowFrameBound::Preceding(back)) if back.is_null() => {
            Frame::Rows(None)
        }
        (WindowFrameUnits::Range, WindowFrameBound::Preceding(back)) => {
            Frame::Range(Some(span(back)?))
        }
        (WindowFrameUnits::Rows, WindowFrameBound::Preceding(back)) => Frame::Rows(Some(
            rows_before(Some(back), "ROWS", "write ROWS 10 PRECEDING")?,
        )),
        _ => return Err(Misfit::Operator(frame.to_string())),
    })
}

/// How far back in time a frame goes.
fn span(back: &ScalarValue) -> Result<Micros, Misfit> {
    let refused = |message: &str| {
        Misfit::Over(Refused::Bad {
            message: message.into(),
            hint: "write RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW",
        })
    };
    let ScalarValue::IntervalMonthDayNano(Some(interval)) = back else {
        return Err(refused("the frame's length is not an interval"));
    };
    if interval.months != 0 {
        return Err(refused(
            "months and years differ in length, so no frame is so long",
        ));
    }
    let days = i64::from(interval.days).checked_mul(86_400_000_000);
    let micros = days.and_then(|days| days.checked_add(interval.nanoseconds / 1_000));
    match micros {
        Some(micros) if micros >= 0 && interval.nanoseconds % 1_000 == 0 => Ok(micros),
        _ => Err(refused(
            "the frame's length is no whole number of microseconds",
        )),
    }
}

fn rows_before(back: Option<&ScalarValue>, what: &str, hint: &'static str) -> Result<u32, Misfit> {
    let back = match back {
        Some(ScalarValue::UInt64(Some(back))) => u32::try_from(*back).ok(),
        Some(ScalarValue::Int64(Some(back))) => u32::try_from(*back).ok(),
        _ => None,
    };
    back.filter(|back| *back <= MOST_ROWS).ok_or_else(|| {
        Misfit::Over(Refused::Bad {
            message: format!("{what} goes back a number of rows, up to {MOST_ROWS}"),
            hint,
        })
    })
}
