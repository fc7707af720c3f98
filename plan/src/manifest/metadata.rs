//! What every resource has: its name, and labels and annotations.

use super::check::{Check, expect_mapping, expect_text, refuse_repeated};
use super::path::FieldPath;
use super::yaml::Node;

/// What every resource has: a name, and labels and annotations that are texts.
pub(super) fn check_metadata(check: &mut Check<'_>, root: &Node) {
    let path = FieldPath::root().field("metadata");
    let Some(entry) = root
        .entry("metadata")
        .filter(|entry| !entry.value.is_null())
    else {
        let hint = "write `metadata: {name: ...}`".to_owned();
        return check.report(root.at, &path, "is missing".to_owned(), Some(hint));
    };
    let node = &entry.value;
    if !expect_mapping(check, node, &path) {
        return;
    }
    refuse_repeated(check, node, &path);
    match node.entry("name").filter(|name| !name.value.is_null()) {
        Some(name) => check_name(check, &name.value, &path.clone().field("name")),
        None => check.report(
            node.at,
            &path.clone().field("name"),
            "is missing".to_owned(),
            None,
        ),
    }
    for field in ["namespace", "labels", "annotations"] {
        let Some(entry) = node.entry(field).filter(|entry| !entry.value.is_null()) else {
            continue;
        };
        let path = path.clone().field(field);
        match field {
            "namespace" => expect_text(check, &entry.value, &path),
            _ if expect_mapping(check, &entry.value, &path) => {
                for entry in entry.value.entries() {
                    expect_text(check, &entry.value, &path.clone().field(&entry.key));
                }
            }
            _ => {}
        }
    }
}

fn check_name(check: &mut Check<'_>, node: &Node, path: &FieldPath) {
    let Some(name) = node.text() else {
        return expect_text(check, node, path);
    };
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty()
        || name.len() > 253
        || !name.chars().all(inner)
        || !name.starts_with(edge)
        || !name.ends_with(edge)
    {
        let message = format!("`{name}` is not a name that Kubernetes takes");
        let lower: String = name
            .to_lowercase()
            .chars()
            .map(|c| if inner(c) { c } else { '-' })
            .collect();
        let lower = lower.trim_matches(|c| !edge(c));
        let such_as = if lower.is_empty() {
            String::new()
        } else {
            format!(", such as {lower}")
        };
        let hint = format!("write small letters, digits, - and dots{such_as}");
        check.report(node.at, path, message, Some(hint));
    }
}
