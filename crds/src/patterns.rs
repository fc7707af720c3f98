//! What the regular expressions of the definitions mean, with messages that say what to write.

use std::str::FromStr;

use serde_json::Value;

use crate::pipeline::{OnMissing, StartFrom};
use crate::{ColumnType, Duration, Size};

/// The names that SQL uses: of sources and streams.
pub(crate) const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// The names of Kafka topics.
pub(crate) const TOPIC: &str = "^[A-Za-z0-9._-]+$";
/// The names of Iceberg tables.
pub(crate) const ICEBERG_TABLE: &str = r"^[^.]+(\.[^.]+)+$";

/// One character of ASCII, no line break.
pub(crate) const CHARACTER: &str = r"^[\t -~]$";
/// The same, or nothing.
pub(crate) const CHARACTER_OR_NONE: &str = r"^[\t -~]?$";
/// The addresses of what is asked by HTTP.
pub(crate) const HTTP: &str = "^https?://[^/]";
/// The addresses of webhooks, without credentials.
pub(crate) const WEBHOOK: &str = "^https?://[^/?#@ ]+([/?#][^ ]*)?$";

/// Checks a value where the definitions have this pattern; a pattern that they do not have takes anything.
///
/// # Errors
/// A message that says what to write.
pub fn check(pattern: &str, value: &Value) -> Result<(), String> {
    match pattern {
        Duration::PATTERN => parse::<Duration>(value),
        Size::PATTERN => parse::<Size>(value),
        ColumnType::PATTERN => parse::<ColumnType>(value),
        StartFrom::PATTERN => StartFrom::from_value(value).map(drop),
        OnMissing::PATTERN => OnMissing::from_value(value).map(drop),
        NAME => check_text(value, is_name, NAME_USAGE),
        TOPIC => check_text(value, is_topic, TOPIC_USAGE),
        ICEBERG_TABLE => check_text(value, is_iceberg_table, ICEBERG_TABLE_USAGE),
        CHARACTER => check_text(value, is_character, CHARACTER_USAGE),
        CHARACTER_OR_NONE => check_text(
            value,
            |text| text.is_empty() || is_character(text),
            CHARACTER_USAGE,
        ),
        HTTP => check_text(value, is_http, HTTP_USAGE),
        WEBHOOK => check_text(value, is_webhook, WEBHOOK_USAGE),
        _ => Ok(()),
    }
}

const NAME_USAGE: &str =
    "is not a name that SQL can use: write letters, digits and _, not a digit first";
const TOPIC_USAGE: &str = "is not the name of a topic: write letters, digits, dots, - and _";
const ICEBERG_TABLE_USAGE: &str =
    "is not the name of a table with its namespace: write it such as bank.transactions";
const CHARACTER_USAGE: &str = "is not one character of ASCII: write such as `;`";
const HTTP_USAGE: &str = "is not an address: write it such as http://schema-registry:8081";
const WEBHOOK_USAGE: &str = "is not the address of a webhook: write it such as https://hooks.example.com/alerts, and credentials into a Secret that secretRef names";

/// What to write where a text does not match a pattern; `None` for a pattern that is not about texts alone.
pub(crate) fn usage(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        Duration::PATTERN => Duration::USAGE,
        Size::PATTERN => Size::USAGE,
        ColumnType::PATTERN => ColumnType::USAGE,
        NAME => NAME_USAGE,
        TOPIC => TOPIC_USAGE,
        ICEBERG_TABLE => ICEBERG_TABLE_USAGE,
        CHARACTER | CHARACTER_OR_NONE => CHARACTER_USAGE,
        HTTP => HTTP_USAGE,
        WEBHOOK => WEBHOOK_USAGE,
        _ => return None,
    })
}

fn parse<T: FromStr<Err: ToString>>(value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str() else {
        return Ok(());
    };
    text.parse::<T>()
        .map(drop)
        .map_err(|error| error.to_string())
}

fn check_text(value: &Value, holds: fn(&str) -> bool, otherwise: &str) -> Result<(), String> {
    match value.as_str() {
        Some(text) if !holds(text) => Err(format!("`{text}` {otherwise}")),
        _ => Ok(()),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_topic(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn is_character(text: &str) -> bool {
    matches!(text.as_bytes(), [b'\t' | b' '..=b'~'])
}

fn is_http(text: &str) -> bool {
    let rest = after_scheme(text);
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

fn is_webhook(text: &str) -> bool {
    let host = after_scheme(text).and_then(|rest| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| !host.is_empty() && !host.contains('@')) && !text.contains(' ')
}

fn after_scheme(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("http://");
    rest.or_else(|| text.strip_prefix("https://"))
}

fn is_iceberg_table(text: &str) -> bool {
    text.contains('.') && text.split('.').all(|part| !part.is_empty())
}

/// Whether [`check`] knows a pattern.
#[cfg(test)]
pub(crate) fn knows(pattern: &str) -> bool {
    const ALL: [&str; 12] = [
        Duration::PATTERN,
        Size::PATTERN,
        ColumnType::PATTERN,
        StartFrom::PATTERN,
        OnMissing::PATTERN,
        NAME,
        TOPIC,
        ICEBERG_TABLE,
        CHARACTER,
        CHARACTER_OR_NONE,
        HTTP,
        WEBHOOK,
    ];
    ALL.contains(&pattern)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn webhooks_are_posted_to_over_http_without_credentials_in_their_address() {
        for url in ["http://a", "https://a.b:8443/x@y?z=1", "https://a?b"] {
            assert_eq!(check(WEBHOOK, &json!(url)), Ok(()), "{url}");
        }
        for url in [
            "ftp://a/b",
            "a.b/c",
            "http://",
            "https:///x",
            "http://me:word@a/b",
            "http://a b",
        ] {
            assert!(check(WEBHOOK, &json!(url)).is_err(), "{url}");
        }
    }
}
