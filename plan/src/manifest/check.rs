//! The structure of a manifest against the schema of its kind: everything that is wrong, not only the first.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;
use tidemill_crds::{
    API_VERSION, Schema, SchemaOfItems, SchemaOfValues, patterns, rules, schema_of,
};

use super::path::FieldPath;
use super::problem::{Position, Problem};
use super::text::Source;
use super::words::{did_you_mean, expected, found};
use super::yaml::{Data, Entry, Node, Scalar};

static SCHEMAS: LazyLock<HashMap<&'static str, Schema>> = LazyLock::new(|| {
    ["Pipeline", "AlertRule", "Sink"]
        .into_iter()
        .filter_map(|kind| Some((kind, schema_of(kind)?)))
        .collect()
});

/// What is wrong with a document, as far as it has been looked at.
pub(super) struct Check<'a> {
    source: &'a Source,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            problems: Vec::new(),
        }
    }

    pub(super) fn report(
        &mut self,
        at: Position,
        path: &FieldPath,
        message: String,
        hint: Option<String>,
    ) {
        self.problems
            .push(self.source.problem(at, path.to_string(), message, hint));
    }
}

/// A resource of one of our kinds: all of it but `metadata`.
pub(super) fn resource(check: &mut Check<'_>, kind: &str, root: &Node) {
    let Some(schema) = SCHEMAS.get(kind) else {
        return;
    };
    let path = FieldPath::root();
    let version = root
        .entry("apiVersion")
        .filter(|entry| !entry.value.is_null());
    match version.map(|entry| (&entry.value, entry.value.text())) {
        Some((_, Some(API_VERSION))) => {}
        Some((node, _)) => {
            let message = format!("a {kind} is of version {API_VERSION}");
            check.report(
                node.at,
                &path.clone().field("apiVersion"),
                message,
                Some(format!("write `apiVersion: {API_VERSION}`")),
            );
        }
        None => {
            let hint = format!("write `apiVersion: {API_VERSION}`");
            check.report(
                root.at,
                &path.clone().field("apiVersion"),
                "is missing".to_owned(),
                Some(hint),
            );
        }
    }
    refuse_repeated(check, root, &path);
    for entry in root.entries() {
        let at = path.clone().field(&entry.key);
        match (entry.key.as_str(), property(schema, &entry.key)) {
            ("apiVersion" | "kind" | "metadata", _) => {}
            (_, Some(property)) => value(check, property, &entry.value, &at),
            (name, None) => refuse_unknown(check, schema, name, entry, &at),
        }
    }
    if root.entry("spec").is_none_or(|spec| spec.value.is_null()) {
        check.report(root.at, &path.field("spec"), "is missing".to_owned(), None);
    }
}

fn property<'s>(schema: &'s Schema, name: &str) -> Option<&'s Schema> {
    schema.properties.as_ref()?.get(name)
}

/// A value against its schema. Null is the same as nothing.
fn value(check: &mut Check<'_>, schema: &Schema, node: &Node, path: &FieldPath) {
    if node.is_null() {
        return;
    }
    let before = check.problems.len();
    match schema.type_.as_deref() {
        Some("object") => object(check, schema, node, path),
        Some("array") => array(check, schema, node, path),
        Some(scalar_type) => scalar(check, schema, scalar_type, node, path),
        None => either(check, schema, node, path),
    }
    if check.problems.len() == before {
        validations(check, schema, node, path);
    }
}

fn object(check: &mut Check<'_>, schema: &Schema, node: &Node, path: &FieldPath) {
    if !expect_mapping(check, node, path) {
        return;
    }
    refuse_repeated(check, node, path);
    for entry in node.entries() {
        let at = path.clone().field(&entry.key);
        match (property(schema, &entry.key), &schema.additional_properties) {
            (Some(property), _) => value(check, property, &entry.value, &at),
            (None, Some(SchemaOfValues::Schema(values))) if entry.value.is_null() => {
                mismatch(check, &entry.value, &at, expected(values));
            }
            (None, Some(SchemaOfValues::Schema(values))) => value(check, values, &entry.value, &at),
            (None, _) => refuse_unknown(check, schema, &entry.key, entry, &at),
        }
    }
    for name in schema.required.iter().flatten() {
        if node.entry(name).is_none_or(|entry| entry.value.is_null()) {
            let hint = property(schema, name).and_then(|property| property.description.as_deref());
            check.report(
                node.at,
                &path.clone().field(name),
                "is missing".to_owned(),
                hint.map(str::to_owned),
            );
        }
    }
    at_most(
        check,
        schema.max_properties,
        node.entries().len(),
        node,
        path,
        "entries",
    );
}

fn array(check: &mut Check<'_>, schema: &Schema, node: &Node, path: &FieldPath) {
    let Data::Sequence(items) = &node.data else {
        return mismatch(check, node, path, "a list");
    };
    if let Some(SchemaOfItems::Schema(item)) = &schema.items {
        for (i, node) in items.iter().enumerate() {
            let at = path.clone().index(i);
            if node.is_null() {
                mismatch(check, node, &at, expected(item));
            } else {
                value(check, item, node, &at);
            }
        }
    }
    if schema
        .min_items
        .is_some_and(|least| items.is_empty() && least > 0)
    {
        check.report(
            node.at,
            path,
            "is empty: give at least one".to_owned(),
            None,
        );
    }
    at_most(check, schema.max_items, items.len(), node, path, "items");
    refuse_same_keys(check, schema, items, path);
}

/// No two items of a list may have the same values in what identifies an item.
fn refuse_same_keys(check: &mut Check<'_>, schema: &Schema, items: &[Node], path: &FieldPath) {
    let Some(keys) = &schema.x_kubernetes_list_map_keys else {
        return;
    };
    let mut first: HashMap<Vec<&str>, Position> = HashMap::new();
    for (i, item) in items.iter().enumerate() {
        let found: Option<Vec<&str>> = keys
            .iter()
            .map(|key| item.entry(key)?.value.text())
            .collect();
        let Some(found) = found else { continue };
        let Some(earlier) = first.get(&found) else {
            first.insert(found, item.at);
            continue;
        };
        let named: Vec<String> = keys
            .iter()
            .zip(&found)
            .map(|(key, value)| format!("{key} `{value}`"))
            .collect();
        let message = format!(
            "there is one with {} already, at line {}",
            named.join(" and "),
            earlier.line
        );
        check.report(item.at, &path.clone().index(i), message, None);
    }
}

fn scalar(
    check: &mut Check<'_>,
    schema: &Schema,
    scalar_type: &str,
    node: &Node,
    path: &FieldPath,
) {
    let Data::Scalar(Scalar { value, text, .. }) = &node.data else {
        return mismatch(check, node, path, expected(schema));
    };
    if let (Value::Number(_), "string", Some(pattern)) = (value, scalar_type, &schema.pattern) {
        // A duration without its unit is short of the unit, not of quotes.
        let before = check.problems.len();
        pattern_of(check, pattern, &Value::String(text.clone()), node, path);
        if check.problems.len() > before {
            return;
        }
    }
    let fits = match scalar_type {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => value.is_number(),
    };
    if !fits {
        return mismatch(check, node, path, expected(schema));
    }
    if let Some(text) = value.as_str() {
        text_value(check, schema, text, node, path);
    }
    if let Some(number) = value.as_f64() {
        number_value(check, schema, number, node, path);
    }
}

fn text_value(check: &mut Check<'_>, schema: &Schema, text: &str, node: &Node, path: &FieldPath) {
    if let Some(choices) = &schema.enum_ {
        let choices = || choices.iter().filter_map(|choice| choice.0.as_str());
        if !choices().any(|choice| choice == text) {
            let all: Vec<&str> = choices().collect();
            let message = format!("`{text}` is not one of {}", all.join(", "));
            check.report(node.at, path, message, did_you_mean(text, choices()));
        }
        return;
    }
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if text.is_empty() && schema.min_length.is_some_and(|least| least > 0) {
        return check.report(node.at, path, "is empty".to_owned(), None);
    }
    if let Some(most) = schema.max_length.filter(|most| length > *most) {
        return check.report(
            node.at,
            path,
            format!("is too long: {length} characters, at most {most} are taken"),
            None,
        );
    }
    if let Some(pattern) = &schema.pattern {
        pattern_of(check, pattern, &Value::String(text.to_owned()), node, path);
    }
}

fn number_value(
    check: &mut Check<'_>,
    schema: &Schema,
    number: f64,
    node: &Node,
    path: &FieldPath,
) {
    let below = schema.minimum.is_some_and(|least| number < least);
    let above = schema.maximum.is_some_and(|most| number > most);
    if !below && !above {
        return;
    }
    let bounds = match (schema.minimum, schema.maximum) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) => format!("of at least {least}"),
        (None, most) => format!("of at most {}", most.unwrap_or_default()),
    };
    check.report(
        node.at,
        path,
        format!("{number} is out of bounds: write a number {bounds}"),
        None,
    );
}

fn pattern_of(check: &mut Check<'_>, pattern: &str, value: &Value, node: &Node, path: &FieldPath) {
    if let Err(message) = patterns::check(pattern, value) {
        check.report(node.at, path, message, None);
    }
}

/// A value of no one type: a number or a text, a word or an object, or any scalar.
fn either(check: &mut Check<'_>, schema: &Schema, node: &Node, path: &FieldPath) {
    if let Some(pattern) = &schema.pattern {
        return pattern_of(check, pattern, &node.to_json(), node, path);
    }
    if !matches!(node.data, Data::Scalar(_)) {
        mismatch(check, node, path, expected(schema));
    }
}

fn validations(check: &mut Check<'_>, schema: &Schema, node: &Node, path: &FieldPath) {
    let Some(validations) = &schema.x_kubernetes_validations else {
        return;
    };
    let value = node.to_json();
    for rule in validations
        .iter()
        .filter_map(|validation| rules::find(&validation.rule))
    {
        if !(rule.holds)(&value) {
            let blamed = rule.field.and_then(|field| node.entry(field));
            let at = blamed.map_or_else(|| path.clone(), |entry| path.clone().field(&entry.key));
            check.report(
                blamed.map_or(node.at, |entry| entry.at),
                &at,
                rule.message.to_owned(),
                None,
            );
        }
    }
}

fn refuse_unknown(
    check: &mut Check<'_>,
    schema: &Schema,
    name: &str,
    entry: &Entry,
    path: &FieldPath,
) {
    let known = || {
        schema
            .properties
            .iter()
            .flatten()
            .map(|(known, _)| known.as_str())
    };
    let hint = did_you_mean(name, known())
        .or_else(|| belongs_under(schema, name))
        .or_else(|| {
            let all: Vec<&str> = known().collect();
            (!all.is_empty()).then(|| format!("the fields here are {}", all.join(", ")))
        });
    check.report(entry.at, path, "unknown field".to_owned(), hint);
}

/// A field that is one level too high.
fn belongs_under(schema: &Schema, name: &str) -> Option<String> {
    let mut under = schema
        .properties
        .iter()
        .flatten()
        .filter(|(_, child)| property(child, name).is_some());
    match (under.next(), under.next()) {
        (Some((parent, _)), None) => Some(format!("`{name}` belongs under `{parent}`")),
        _ => None,
    }
}

/// The same key twice in a mapping.
pub(super) fn refuse_repeated(check: &mut Check<'_>, node: &Node, path: &FieldPath) {
    let mut first: HashMap<&str, Position> = HashMap::new();
    for entry in node.entries() {
        let Some(earlier) = first.get(entry.key.as_str()) else {
            first.insert(&entry.key, entry.at);
            continue;
        };
        let message = format!("is given twice: first at line {}", earlier.line);
        check.report(entry.at, &path.clone().field(&entry.key), message, None);
    }
}

fn at_most(
    check: &mut Check<'_>,
    most: Option<i64>,
    count: usize,
    node: &Node,
    path: &FieldPath,
    what: &str,
) {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if let Some(most) = most.filter(|most| count > *most) {
        check.report(
            node.at,
            path,
            format!("has {count} {what}, at most {most} are taken"),
            None,
        );
    }
}

pub(super) fn expect_mapping(check: &mut Check<'_>, node: &Node, path: &FieldPath) -> bool {
    let fits = matches!(node.data, Data::Mapping(_));
    if !fits {
        mismatch(check, node, path, "a mapping of fields");
    }
    fits
}

pub(super) fn expect_text(check: &mut Check<'_>, node: &Node, path: &FieldPath) {
    if node.text().is_none() {
        mismatch(check, node, path, "a text");
    }
}

pub(super) fn mismatch(check: &mut Check<'_>, node: &Node, path: &FieldPath, expected: &str) {
    let (found, hint) = found(node, expected);
    check.report(
        node.at,
        path,
        format!("expected {expected}, found {found}"),
        hint,
    );
}
