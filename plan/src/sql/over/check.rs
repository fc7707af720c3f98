//! Which calls with OVER a stream can do, told by the syntax alone.

use datafusion_sql::sqlparser::ast;
use datafusion_sql::sqlparser::tokenizer::Location;

use super::functions;
use crate::sql::error::SqlError;

/// The functions that a row can have of those before it.
const NAMES: &[&str] = &[
    "avg",
    "count",
    "first_value",
    "lag",
    "last_value",
    "max",
    "min",
    "row_number",
    "sum",
];

/// Checks a call with OVER as it is written; `None` where it may go on.
pub(crate) fn check(call: &ast::Function, place: Location) -> Option<SqlError> {
    let written = call.name.to_string();
    let refuse = |message: &str, hint: &str| {
        Some(SqlError::at(place, format!("{written}(…) OVER {message}")).hint(hint))
    };
    let lower = written.to_lowercase();
    if lower == "lead" {
        return refuse(
            "looks at rows that have not come",
            "use lag, from the later row",
        );
    }
    if !NAMES.contains(&lower.as_str()) && lower != functions::FRESH {
        let hint = format!("there are {}", NAMES.join(", "));
        return refuse("is not supported", &hint);
    }
    let Some(ast::WindowType::WindowSpec(spec)) = &call.over else {
        return refuse(
            "a named window is not supported",
            "write the window in OVER (…)",
        );
    };
    if spec.window_name.is_some() {
        return refuse(
            "a named window is not supported",
            "write the window in OVER (…)",
        );
    }
    if call.filter.is_some() {
        let hint = "write CASE WHEN … THEN … END as the argument";
        return refuse("with FILTER is not supported", hint);
    }
    if call.null_treatment.is_some() || has_clauses(&call.args) {
        let hint = "leave out DISTINCT, IGNORE NULLS, and ORDER BY among the arguments";
        return refuse("takes its arguments as they are", hint);
    }
    if spec.order_by.is_empty() {
        let hint = "write ORDER BY and the event time: a row has those up to it";
        return refuse("all rows cannot be done: a stream has no last row", hint);
    }
    check_frame(spec.window_frame.as_ref()?).and_then(|(message, hint)| refuse(message, hint))
}

fn has_clauses(arguments: &ast::FunctionArguments) -> bool {
    match arguments {
        ast::FunctionArguments::List(list) => {
            let distinct = Some(ast::DuplicateTreatment::Distinct);
            list.duplicate_treatment == distinct || !list.clauses.is_empty()
        }
        _ => false,
    }
}

fn check_frame(frame: &ast::WindowFrame) -> Option<(&'static str, &'static str)> {
    use ast::WindowFrameBound::{CurrentRow, Following, Preceding};
    if frame.units == ast::WindowFrameUnits::Groups {
        return Some(("GROUPS is not supported", "write RANGE or ROWS"));
    }
    match (&frame.start_bound, &frame.end_bound) {
        (Following(_), _) | (_, Some(Following(_))) => {
            let message = "rows that follow cannot be done: they have not come";
            Some((message, "write … PRECEDING AND CURRENT ROW"))
        }
        (_, Some(Preceding(_))) => {
            let message = "rows without the current one is not supported";
            Some((message, "write … PRECEDING AND CURRENT ROW"))
        }
        (Preceding(_) | CurrentRow, None | Some(CurrentRow)) => None,
    }
}
