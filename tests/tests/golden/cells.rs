//! Values as text, in a form in which equal values are equal.

use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// What a null is.
const NULL: &str = "null";

/// A value that came out.
pub(crate) fn found(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return NULL.to_owned();
    }
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(column, &options)
        .unwrap()
        .value(row)
        .to_string();
    match column.data_type() {
        DataType::Utf8 => written(&text),
        kind => canonical(&text, kind),
    }
}

/// A cell of a table of expected rows.
pub(crate) fn expected(cell: &str, kind: &DataType) -> String {
    match kind {
        _ if cell == NULL => NULL.to_owned(),
        DataType::Utf8 => match serde_json::from_str::<String>(cell) {
            Ok(text) => written(&text),
            Err(_) => written(cell),
        },
        kind => canonical(cell, kind),
    }
}

/// A text as a cell: quoted where it would be taken for something else.
fn written(text: &str) -> String {
    let plain = !text.is_empty()
        && text != NULL
        && text.trim() == text
        && !text.contains(|c: char| c == '"' || c.is_control());
    if plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

fn canonical(text: &str, kind: &DataType) -> String {
    match kind {
        // Sums of floats depend on the order of the rows, a little.
        DataType::Float64 => match text.parse::<f64>() {
            Ok(number) => significant(number + 0.0),
            Err(_) => text.to_owned(),
        },
        DataType::Decimal128(..) => shortest(text).to_owned(),
        DataType::Timestamp(..) => {
            let text = text.replace(' ', "T");
            shortest(text.trim_end_matches('Z')).to_owned()
        }
        _ => text.to_owned(),
    }
}

/// A float with twelve digits.
fn significant(number: f64) -> String {
    match format!("{number:.11e}").parse::<f64>() {
        Ok(rounded) => format!("{rounded}"),
        Err(_) => format!("{number}"),
    }
}

/// Without zeros at the end of a fraction.
fn shortest(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}
