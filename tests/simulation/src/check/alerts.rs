//! Alerts, of rules that ask the same as a stream: its rows, each with the records that it was made of.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidemill_plan::model::SHOWN;

use super::same::same;
use super::written::{text, visible};
use super::{Check, rough};
use crate::grammar::ALERTS;
use crate::log::Log;
use crate::oracle::{Row, Truth};

/// What is looked at of an alert.
#[derive(Deserialize)]
struct Alert {
    rule: String,
    key: Map<String, Value>,
    details: Map<String, Value>,
    evidence: Evidence,
}

#[derive(Deserialize)]
struct Evidence {
    count: usize,
    records: Vec<Shown>,
}

#[derive(Deserialize)]
struct Shown {
    row: Map<String, Value>,
}

impl Check<'_> {
    /// Every row of the stream is an alert, once.
    pub(super) fn alerts(&self, log: &Log, truth: &Truth) -> Result<(), String> {
        let written = visible(log, ALERTS).into_iter();
        let alerts = written.map(|record| {
            let value = record.value.as_deref().unwrap_or_default();
            serde_json::from_slice(value).map_err(|e| format!("an alert: {e}"))
        });
        let alerts: Vec<Alert> = alerts.collect::<Result<_, String>>()?;
        for (stream, wanted) in truth.rows.iter().enumerate() {
            if !self.shape().has_rule(stream) || rough(truth, stream).rows {
                continue;
            }
            let rule = format!("rule-{stream}");
            let own = alerts.iter().filter(|alert| alert.rule == rule);
            own.clone().try_for_each(Alert::shows_its_records)?;
            let found = own.map(Alert::row).collect();
            let wanted = wanted.iter().map(without_times).collect();
            same(&rule, found, wanted)?;
        }
        Ok(())
    }
}

impl Alert {
    fn row(&self) -> Row {
        let fields = self.key.iter().chain(&self.details);
        fields.map(|(name, it)| (name.clone(), text(it))).collect()
    }

    /// Whether the records are those that its sum is of.
    fn shows_its_records(&self) -> Result<(), String> {
        let Evidence { count, records } = &self.evidence;
        let shown: i64 = records
            .iter()
            .filter_map(|it| it.row.get("v")?.as_i64())
            .sum();
        let total = self.details.get("total").and_then(Value::as_i64);
        let is_whole = *count > SHOWN || total == Some(shown);
        if is_whole && records.len() == (*count).min(SHOWN) {
            return Ok(());
        }
        let shown = records.len();
        Err(format!(
            "{} of {count} records shows {shown}, of a sum of {total:?}",
            self.rule
        ))
    }
}

/// Times are written in another form there.
fn without_times(row: &Row) -> Row {
    let mut row = row.clone();
    row.retain(|name, _| !["ts", "ws", "we"].contains(&name.as_str()));
    row
}
