//! What is posted of a row.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_crds::webhook::WebhookFormat;

/// What the rows of an output become.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// How they are written.
    pub(super) format: WebhookFormat,
    /// Whether they are alerts.
    pub(super) are_alerts: bool,
    /// Where they come from: `pipeline/output`.
    pub(super) source: String,
}

/// Where a row is in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The topic.
    pub(super) topic: &'a str,
    /// The partition.
    pub(super) partition: i32,
    /// The offset.
    pub(super) offset: i64,
}

impl Place<'_> {
    /// A name that no other row has.
    fn joined(self, by: &str) -> String {
        let (topic, partition, offset) = (self.topic, self.partition, self.offset);
        format!("{topic}{by}{partition}{by}{offset}")
    }
}

/// A request, but for what is of its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// What the body is.
    pub(super) content_type: &'static str,
    /// The body.
    pub(super) body: Vec<u8>,
    /// The same whenever the row is posted.
    pub(super) idempotency_key: String,
}

impl Shape {
    /// What is posted of a row that is written as JSON.
    ///
    /// # Errors
    /// Says what is wrong with a row that nothing can be made of.
    pub(super) fn message(&self, at: Place<'_>, row: &[u8]) -> Result<Message, String> {
        let head: Head = parse(row)?;
        let alert_id = head.alert_id.as_str();
        let alert_id = alert_id.filter(|id| self.are_alerts && is_plain(id));
        let (content_type, body) = match self.format {
            WebhookFormat::Json => ("application/json", row.to_vec()),
            WebhookFormat::CloudEvents => {
                let id = alert_id.map_or_else(|| at.joined("/"), str::to_owned);
                let body = self.cloud_event(&id, &head, row)?;
                ("application/cloudevents+json; charset=utf-8", body)
            }
            WebhookFormat::Alertmanager => ("application/json", posted_alerts(parse(row)?)?),
        };
        Ok(Message {
            content_type,
            body,
            idempotency_key: alert_id.map_or_else(|| at.joined("-"), str::to_owned),
        })
    }

    fn cloud_event(&self, id: &str, head: &Head, row: &[u8]) -> Result<Vec<u8>, String> {
        let mut event = write(&CloudEvent {
            specversion: "1.0",
            id,
            source: &self.source,
            kind: match self.are_alerts {
                true => "io.tidemill.alert",
                false => "io.tidemill.row",
            },
            time: head.event_time.as_str().filter(|time| is_time(time)),
            datacontenttype: "application/json",
        })?;
        // The row as it is, last in the object.
        event.pop();
        event.extend_from_slice(b",\"data\":");
        event.extend_from_slice(row);
        event.push(b'}');
        Ok(event)
    }
}

/// What every row is asked for.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    alert_id: Value,
    #[serde(default)]
    event_time: Value,
}

/// The attributes of a CloudEvent 1.0.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    datacontenttype: &'static str,
}

/// What Alertmanager gets of an alert.
#[derive(Deserialize)]
struct Alert {
    rule: String,
    severity: String,
    message: String,
    key: Map<String, Value>,
    event_time: Option<String>,
}

/// An alert as Alertmanager takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostableAlert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
}

fn posted_alerts(alert: Alert) -> Result<Vec<u8>, String> {
    let of_key = alert.key.iter();
    let mut labels: BTreeMap<String, String> = of_key
        .filter_map(|(name, value)| Some((label(name), text(value)?)))
        .collect();
    labels.insert("alertname".to_owned(), alert.rule);
    labels.insert("severity".to_owned(), alert.severity);
    write(&[PostableAlert {
        labels,
        annotations: [("summary", alert.message)].into(),
        starts_at: alert.event_time,
    }])
}

/// The name of a column as that of a label. Where it is that of another, it is changed as Prometheus does.
fn label(name: &str) -> String {
    let plain = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_");
    match plain.as_str() {
        "alertname" | "severity" => format!("exported_{plain}"),
        _ if plain.starts_with(|c: char| c.is_ascii_digit()) => format!("_{plain}"),
        _ => plain,
    }
}

/// A value as text; null is none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Whether a text can be in a header.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 256 && id.chars().all(|c| c.is_ascii_graphic())
}

fn is_time(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
}

fn parse<'r, T: Deserialize<'r>>(row: &'r [u8]) -> Result<T, String> {
    serde_json::from_slice(row).map_err(|error| format!("it cannot be read: {error}"))
}

fn write(value: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|error| format!("it cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    const ALERT: &str = r#"{"alert_id":"a1","rule":"rapid","rule_version":3,"severity":"High",
        "key":{"customer":"ann","n":7,"gone":null,"severity":"x","2nd place":true},
        "event_time":"2024-02-29T20:00:00Z","window_start":null,"window_end":null,
        "message":"say \"hi\"","details":{},"evidence":{"count":1,"records":[]}}"#;
    const AT: Place<'_> = Place {
        topic: "bank.payments.hook.outbox",
        partition: 3,
        offset: 42,
    };

    fn message(format: WebhookFormat, are_alerts: bool, row: &str) -> Result<Message, String> {
        let shape = Shape {
            format,
            are_alerts,
            source: "bank.payments/out".to_owned(),
        };
        shape.message(AT, row.as_bytes())
    }

    fn body(message: &Message) -> Value {
        serde_json::from_slice(&message.body).unwrap()
    }

    #[test]
    fn a_row_is_posted_as_it_is() {
        let posted = message(WebhookFormat::Json, true, ALERT).unwrap();
        assert_eq!(posted.body, ALERT.as_bytes());
        assert_eq!(posted.content_type, "application/json");
        assert_eq!(posted.idempotency_key, "a1");
        // What a row says by itself is not known to be one row's alone.
        let posted = message(WebhookFormat::Json, false, ALERT).unwrap();
        assert_eq!(posted.idempotency_key, "bank.payments.hook.outbox-3-42");
        for id in ["\"\"", "\"a b\"", "\"\\n\"", "7", "null"] {
            let posted = message(WebhookFormat::Json, true, &format!("{{\"alert_id\":{id}}}"));
            let key = posted.unwrap().idempotency_key;
            assert_eq!(key, "bank.payments.hook.outbox-3-42", "{id}");
        }
    }

    #[test]
    fn an_alert_is_a_cloud_event() {
        let posted = message(WebhookFormat::CloudEvents, true, ALERT).unwrap();
        assert_eq!(
            posted.content_type,
            "application/cloudevents+json; charset=utf-8"
        );
        let wanted = json!({
            "specversion": "1.0",
            "id": "a1",
            "source": "bank.payments/out",
            "type": "io.tidemill.alert",
            "time": "2024-02-29T20:00:00Z",
            "datacontenttype": "application/json",
            "data": serde_json::from_str::<Value>(ALERT).unwrap(),
        });
        assert_eq!(body(&posted), wanted);
    }

    #[test]
    fn a_row_is_an_event_of_its_place() {
        for (row, time) in [
            (r#"{"n":1,"event_time":"2024-02-29T20:00:00Z"}"#, true),
            (r#"{"n":1,"event_time":"yesterday"}"#, false),
            (r#"{"n":1,"event_time":1709236800000}"#, false),
            (r#"{"n":1}"#, false),
        ] {
            let event = body(&message(WebhookFormat::CloudEvents, false, row).unwrap());
            assert_eq!(event["id"], "bank.payments.hook.outbox/3/42");
            assert_eq!(event["type"], "io.tidemill.row");
            assert_eq!(event["data"]["n"], 1);
            assert_eq!(event.get("time").is_some(), time, "{row}");
        }
    }

    #[test]
    fn alertmanager_gets_labels_and_a_summary() {
        let posted = message(WebhookFormat::Alertmanager, true, ALERT).unwrap();
        assert_eq!(posted.idempotency_key, "a1");
        let wanted = json!([{
            "labels": {
                "alertname": "rapid",
                "severity": "High",
                "customer": "ann",
                "n": "7",
                "exported_severity": "x",
                "_2nd_place": "true",
            },
            "annotations": {"summary": "say \"hi\""},
            "startsAt": "2024-02-29T20:00:00Z",
        }]);
        assert_eq!(body(&posted), wanted);
        let timeless = ALERT.replace("\"2024-02-29T20:00:00Z\"", "null");
        let posted = message(WebhookFormat::Alertmanager, true, &timeless).unwrap();
        assert_eq!(body(&posted)[0].get("startsAt"), None);
    }

    #[test]
    fn what_is_no_row_is_not_posted() {
        use WebhookFormat::{Alertmanager, CloudEvents, Json};
        for (format, row) in [
            (Json, ""),
            (Json, "{\"a\":"),
            (CloudEvents, "{} {}"),
            (CloudEvents, "7"),
            (Alertmanager, "{\"rule\":\"r\"}"),
        ] {
            let said = message(format, true, row).unwrap_err();
            assert!(said.starts_with("it cannot be read"), "{row}: {said}");
        }
    }
}
