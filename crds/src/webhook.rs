//! Webhooks: rows that are posted to somebody over HTTP.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::SecretRef;
use crate::{Duration, patterns};

/// An address that rows are posted to, one by one and at least once.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookSink {
    /// Where rows are posted to. Example: `https://hooks.example.com/alerts`.
    #[schemars(length(min = 8, max = 2048), regex(pattern = patterns::WEBHOOK))]
    pub url: String,

    /// What is posted. `Json` (default): the row as a JSON object. `CloudEvents`: the row within a CloudEvent, in
    /// structured JSON. `Alertmanager`: an alert as Alertmanager's `/api/v2/alerts` takes it.
    #[serde(default)]
    pub format: WebhookFormat,

    /// The Secret with the keys `token`, or `username` and `password`; `hmacKey`, which requests are signed with; and
    /// `ca.crt`, where the receiver's certificate is signed by an authority of your own. All of them are optional.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// Headers that requests have besides. Example: `{X-Team: fraud}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub headers: BTreeMap<String, String>,

    /// How long an answer may take. Default 10s.
    #[serde(default = "default_timeout")]
    pub timeout: Duration,

    /// How long after it was written a row is posted again while the receiver does not take it. Then it is a dead letter.
    /// Default 24h.
    #[serde(default = "default_retry_for")]
    pub retry_for: Duration,
}

fn default_timeout() -> Duration {
    Duration::from_secs(10)
}

fn default_retry_for() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

/// What is posted.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebhookFormat {
    /// The row as a JSON object.
    #[default]
    Json,
    /// The row within a CloudEvent.
    CloudEvents,
    /// An alert as Alertmanager takes it.
    Alertmanager,
}

/// What is wrong with a webhook that its schema does not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, below `spec`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
}

/// Headers that every request has already, or that are HTTP's own business.
const SET_ALREADY: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "user-agent",
    "x-tidemill-signature",
];

impl WebhookSink {
    /// The scheme and the host of its address: the rest of it often is a secret.
    #[must_use]
    pub fn address(&self) -> &str {
        let host = self.url.find("://").map_or(0, |at| at + 3);
        let rest = self.url.get(host..).unwrap_or_default();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        self.url.get(..host + end).unwrap_or_default()
    }

    /// What of it cannot be done, if anything.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        if self.timeout.is_zero() {
            return Some(Fault {
                field: "webhook.timeout".to_owned(),
                message: "0s is no time".to_owned(),
                hint: "write how long an answer may take, such as 10s",
            });
        }
        let mut headers = self.headers.iter();
        headers.find_map(|(name, value)| header_fault(name, value))
    }
}

fn header_fault(name: &str, value: &str) -> Option<Fault> {
    let lower = name.to_ascii_lowercase();
    let (message, hint) = if !is_token(name) {
        (
            format!("`{name}` is not the name of a header"),
            "write letters, digits and -",
        )
    } else if lower == "authorization" {
        (
            format!("`{name}` is a credential"),
            "put a token, or username and password, into a Secret, and name that in secretRef",
        )
    } else if SET_ALREADY.contains(&lower.as_str()) {
        (format!("`{name}` is set for every request"), "leave it out")
    } else if !value.chars().all(|c| matches!(c, ' '..='~')) {
        (
            format!("the value of `{name}` cannot be in a header"),
            "write one line of ASCII",
        )
    } else {
        return None;
    };
    Some(Fault {
        field: "webhook.headers".to_owned(),
        message,
        hint,
    })
}

/// Whether HTTP takes it for the name of a header.
fn is_token(name: &str) -> bool {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_taken)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fault(fields: &str) -> Option<(String, String)> {
        let text = format!("{{url: 'https://hooks.example.com/a', {fields}}}");
        let webhook: WebhookSink = serde_saphyr::from_str(&text).unwrap();
        webhook.fault().map(|it| (it.field, it.message))
    }

    #[test]
    fn what_is_left_out_is_as_the_fields_say() {
        let webhook: WebhookSink = serde_saphyr::from_str("{url: 'http://hooks'}").unwrap();
        assert_eq!(webhook.format, WebhookFormat::Json);
        assert_eq!(webhook.timeout.to_string(), "10s");
        assert_eq!(webhook.retry_for.to_string(), "1d");
    }

    #[test]
    fn what_may_be_secret_of_an_address_is_not_shown() {
        for (url, shown) in [
            (
                "https://hooks.example.com:8443/T0/B1?k=2",
                "https://hooks.example.com:8443",
            ),
            ("http://hooks", "http://hooks"),
            ("http://hooks?k=2", "http://hooks"),
            ("no address", "no address"),
        ] {
            let text = format!("{{url: '{url}'}}");
            let webhook: WebhookSink = serde_saphyr::from_str(&text).unwrap();
            assert_eq!(webhook.address(), shown);
        }
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        assert_eq!(
            fault("headers: {X-Team: fraud, x_1: ''}, retryFor: 0s"),
            None
        );
        for (fields, field, message) in [
            ("timeout: 0s", "webhook.timeout", "0s is no time"),
            (
                "headers: {'X Team': a}",
                "webhook.headers",
                "`X Team` is not the name of a header",
            ),
            (
                "headers: {authorization: Bearer x}",
                "webhook.headers",
                "`authorization` is a credential",
            ),
            (
                "headers: {Content-Type: text/plain}",
                "webhook.headers",
                "`Content-Type` is set for every request",
            ),
            (
                "headers: {X-Team: \"a\\nb\"}",
                "webhook.headers",
                "the value of `X-Team` cannot be in a header",
            ),
        ] {
            let wanted = Some((field.to_owned(), message.to_owned()));
            assert_eq!(fault(fields), wanted, "{fields}");
        }
    }
}
