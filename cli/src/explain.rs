//! `tidemill explain`: an alert, why it was raised, and the records that it was raised for, as they are in their topics.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use serde_json::{Map, Value};
use tidemill_worker::log::Admin;

use crate::failure::Failure;
use crate::human::grouped;

/// An alert as rules raise it.
#[derive(Debug, Deserialize)]
struct Alert {
    alert_id: String,
    rule: String,
    rule_version: i64,
    severity: String,
    key: Map<String, Value>,
    event_time: Value,
    window_start: Value,
    window_end: Value,
    message: String,
    details: Map<String, Value>,
    evidence: Evidence,
}

#[derive(Debug, Deserialize)]
struct Evidence {
    count: u64,
    records: Vec<Shown>,
}

/// A record of the evidence; of one that is in no topic there is its row alone.
#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(flatten)]
    place: Option<Place>,
    row: Value,
}

#[derive(Debug, Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    topic: String,
    partition: i32,
    offset: i64,
}

/// What there is at a place: the record's value, if it has one.
type Found = BTreeMap<Place, Option<Vec<u8>>>;

/// Prints an alert of a topic.
pub(crate) fn explain(admin: &mut dyn Admin, topic: &str, id: &str) -> Result<(), Failure> {
    let alert = find(admin, topic, id)?.ok_or_else(|| {
        Failure::new(format!("there is no alert `{id}` in the topic `{topic}`"))
            .hint("name the topic that the output {from: alerts} is written to with --topic")
    })?;
    let places = alert.evidence.records.iter();
    let places: Vec<Place> = places.filter_map(|shown| shown.place.clone()).collect();
    let found = fetch(admin, &places)?;
    crate::print(&text(&alert, &found))
}

/// The alert of this identity.
fn find(admin: &mut dyn Admin, topic: &str, id: &str) -> Result<Option<Alert>, Failure> {
    let mut found = None;
    admin.read(topic, false, &mut |batch| {
        let values = batch.records.iter().filter_map(|record| record.value);
        // To look for the bytes first is much faster than to read every alert.
        let mut named = values.filter(|value| holds(value, id.as_bytes()));
        found = named.find_map(|value| {
            let alert: Option<Alert> = serde_json::from_slice(value).ok();
            alert.filter(|alert| alert.alert_id == id)
        });
        found.is_none()
    })?;
    Ok(found)
}

fn holds(value: &[u8], id: &[u8]) -> bool {
    !id.is_empty() && value.windows(id.len()).any(|part| part == id)
}

/// The records at some places. What a topic no longer has is not among them.
fn fetch(admin: &mut dyn Admin, places: &[Place]) -> Result<Found, Failure> {
    let mut found = Found::new();
    let mut by_topic: BTreeMap<&str, Vec<&Place>> = BTreeMap::new();
    for place in places {
        by_topic.entry(&place.topic).or_default().push(place);
    }
    for (topic, places) in by_topic {
        let mut left: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
        for place in &places {
            let (first, last) = left
                .entry(place.partition)
                .or_insert((place.offset, place.offset));
            *first = place.offset.min(*first);
            *last = place.offset.max(*last);
        }
        let from: Vec<(i32, i64)> = left.iter().map(|(p, (first, _))| (*p, *first)).collect();
        let stop = AtomicBool::new(false);
        admin.follow(topic, &from, &stop, &mut |partition, batch, next| {
            for record in batch.iter().flat_map(|batch| batch.records) {
                let place = Place {
                    topic: topic.to_owned(),
                    partition,
                    offset: record.offset,
                };
                if places.contains(&&place) {
                    found.insert(place, record.value.map(<[u8]>::to_vec));
                }
            }
            left.retain(|p, (_, last)| *p != partition || next <= *last);
            !left.is_empty()
        })?;
    }
    Ok(found)
}

fn text(alert: &Alert, found: &Found) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        if !text.is_empty() {
            // Writing to memory does not fail.
            let _ = writeln!(out, "{name:<11} {text}");
        }
    };
    line("alert", &alert.alert_id);
    let rule = format!(
        "{} (version {}, {})",
        alert.rule, alert.rule_version, alert.severity
    );
    line("rule", &rule);
    line("message", &alert.message);
    line("key", &values(&alert.key));
    line("event time", &plain(&alert.event_time));
    let (start, end) = (plain(&alert.window_start), plain(&alert.window_end));
    if !start.is_empty() {
        line("window", &format!("{start} to {end}"));
    }
    line("values", &values(&alert.details));
    let shown = alert.evidence.records.len() as u64;
    let records = match alert.evidence.count {
        count if count > shown => format!("{} records, the last {shown}:", grouped(count)),
        1 => "one record:".to_owned(),
        count => format!("{} records:", grouped(count)),
    };
    line("evidence", &records);
    for shown in &alert.evidence.records {
        let _ = writeln!(out, "  {}", record(shown, found));
    }
    out
}

/// A record of the evidence: as it is in its topic, or else the row that was judged.
fn record(shown: &Shown, found: &Found) -> String {
    let Some(place) = &shown.place else {
        return shown.row.to_string();
    };
    let Place {
        topic,
        partition,
        offset,
    } = place;
    match found.get(place) {
        Some(Some(value)) => {
            let value = String::from_utf8_lossy(value);
            format!("{topic}/{partition} at {offset}: {}", value.trim_end())
        }
        Some(None) => format!("{topic}/{partition} at {offset}: a tombstone"),
        None => format!(
            "{topic}/{partition} at {offset}, which the topic no longer has; it was judged as {}",
            shown.row
        ),
    }
}

fn values(object: &Map<String, Value>) -> String {
    let each = object.iter();
    let each: Vec<String> = each
        .map(|(name, value)| format!("{name} = {}", plain(value)))
        .collect();
    each.join(", ")
}

/// A value as a person reads it; null is nothing.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ALERT: &str = r#"{"alert_id": "5d0f", "rule": "rapid", "rule_version": 3, "severity": "Medium",
        "key": {"customer": "anna", "branch": 7}, "event_time": "2024-01-01T00:14:07Z",
        "window_start": "2024-01-01T00:13:07Z", "window_end": "2024-01-01T00:14:07Z",
        "message": "anna was busy", "details": {"total": 12.50},
        "evidence": {"count": 1200, "records": [
            {"topic": "payments", "partition": 3, "offset": 8, "row": {"id": 1}},
            {"topic": "payments", "partition": 0, "offset": 2, "row": {"id": 2}},
            {"topic": "payments", "partition": 0, "offset": 5, "row": {"id": 3}}, {"row": {"id": 4}}]}}"#;

    #[test]
    fn an_alert_says_all_that_is_known_of_it() {
        let alert: Alert = serde_json::from_str(ALERT).unwrap();
        let place = |partition, offset| Place {
            topic: "payments".to_owned(),
            partition,
            offset,
        };
        let found = [
            (place(3, 8), Some(b"{\"id\":1,\"more\":true}\n".to_vec())),
            (place(0, 5), None),
        ];
        let expected = "\
alert       5d0f
rule        rapid (version 3, Medium)
message     anna was busy
key         branch = 7, customer = anna
event time  2024-01-01T00:14:07Z
window      2024-01-01T00:13:07Z to 2024-01-01T00:14:07Z
values      total = 12.5
evidence    1,200 records, the last 4:
  payments/3 at 8: {\"id\":1,\"more\":true}
  payments/0 at 2, which the topic no longer has; it was judged as {\"id\":2}
  payments/0 at 5: a tombstone
  {\"id\":4}
";
        assert_eq!(text(&alert, &found.into()), expected);
    }
}
