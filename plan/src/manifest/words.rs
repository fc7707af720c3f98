//! The words of problems: what was expected, what was found, and what was perhaps meant.

use serde_json::Value;
use tidemill_crds::Schema;

use super::yaml::{Data, Node, Scalar};

/// What a schema wants, in words.
pub(super) fn expected(schema: &Schema) -> &'static str {
    match schema.type_.as_deref() {
        Some("object") => "a mapping of fields",
        Some("array") => "a list",
        Some("string") => "a text",
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        Some(_) => "a number",
        None => "a text, a number, or true or false",
    }
}

/// What a node is instead, and what to do if that can be guessed.
pub(super) fn found(node: &Node, expected: &str) -> (String, Option<String>) {
    match &node.data {
        Data::Sequence(_) => ("a list".to_owned(), None),
        Data::Mapping(_) => ("a mapping of fields".to_owned(), None),
        Data::Scalar(Scalar {
            value: Value::Null, ..
        }) => ("nothing".to_owned(), None),
        Data::Scalar(scalar) => (
            format!("`{}`", shorten(&scalar.text)),
            scalar_hint(expected, scalar),
        ),
    }
}

fn scalar_hint(expected: &str, scalar: &Scalar) -> Option<String> {
    let text = shorten(&scalar.text);
    match expected {
        "a text" => Some(match &scalar.value {
            Value::Bool(read) if text != read.to_string() => {
                format!("Kubernetes reads {text} as {read}: put it in quotes: \"{text}\"")
            }
            _ => format!("put it in quotes: \"{text}\""),
        }),
        "a list" => Some(format!("write a list of one: [{text}]")),
        "a whole number" | "a number"
            if scalar.text.parse::<f64>().is_ok() && scalar.value.is_string() =>
        {
            Some(format!("write it without quotes: {text}"))
        }
        _ => None,
    }
}

fn shorten(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    match first.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", first.get(..end).unwrap_or_default()),
        None => first.to_owned(),
    }
}

/// The known name that was meant, if one is near.
pub(super) fn did_you_mean<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    let lower = name.to_lowercase();
    known
        .map(|known| {
            (
                strsim::damerau_levenshtein(&lower, &known.to_lowercase()),
                known,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| distance * 3 <= known.chars().count().max(3))
        .map(|(_, known)| format!("did you mean `{known}`?"))
}
