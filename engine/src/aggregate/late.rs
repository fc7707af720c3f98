//! Lateness: a property of a row's record and what came before it in its partition, never of how records are batched.

use arrow::array::{Array, BooleanArray};
use chrono::{DateTime, SecondsFormat};
use tidemill_plan::model::{Late, Micros, Window};

use super::Operator;
use super::delta::{Delta, Feed};
use super::update::times;
use crate::effects::Effects;
use crate::error::Result;
use crate::record::Reason;
use crate::reject::{Fault, Place};
use crate::rows::Flow;
use crate::window::{self, Finder, Pane, Span};

impl Operator {
    /// Up to where windows have closed for a row that came when the watermark was `before`.
    pub(super) fn closed(&self, before: Micros) -> Micros {
        #[cfg(feature = "faults")]
        if crate::faults::windows_reopen() {
            return crate::window::NEVER;
        }
        before
            .saturating_sub(self.spec.allowed_lateness)
            .max(self.closed)
    }

    /// Where rows of a pane belong that came when the watermark was `before`; `None` if all its windows were closed.
    pub(crate) fn still_open(&self, pane: Pane, before: Micros) -> Option<Pane> {
        match self.spec.window {
            Some(window) => window::still_open(window.kind, pane, self.closed(before)),
            None => Some(pane),
        }
    }

    /// Keeps the rows that have a time and are not late, and finds their panes.
    pub(super) fn on_time(
        &self,
        flow: Flow,
        window: Window,
        panes: &mut Vec<Pane>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Flow> {
        self.find_panes(&flow, window, panes)?;
        let times = times(&flow.batch, window.time)?;
        if panes.len() == flow.len() && times.null_count() == 0 {
            return Ok(flow);
        }
        panes.clear();
        let mut finder = Finder::new(window.kind);
        let mut keep = Vec::with_capacity(flow.len());
        for (row, (time, &before)) in times.iter().zip(flow.before.values()).enumerate() {
            let pane = time.and_then(|time| finder.find(time, self.closed(before)));
            keep.push(pane.is_some());
            panes.extend(pane);
            match (time, pane) {
                (Some(_), Some(_)) => {}
                (None, _) => place.reject_row(&flow, row, self.without_time(&flow, window), fx),
                (Some(_), None) if self.spec.late == Late::Drop => fx.late_dropped += 1,
                (Some(time), None) => {
                    place.reject_row(&flow, row, self.lateness(window, time, before), fx);
                }
            }
        }
        flow.filter(&BooleanArray::from(keep))
    }

    /// Rejects partial aggregates of a pane of which all windows have closed; `record` is the one they came with.
    pub(crate) fn reject_partials(
        &mut self,
        pane: Pane,
        rows: &[(&[u8], &[u8])],
        record: usize,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        if self.spec.late == Late::Drop {
            fx.late_dropped += rows.len() as u64;
            return Ok(());
        }
        let mut delta = Delta::new(&self.spec)?;
        let columns = self.spec.columns_of(self.spec.groups_of(rows)?);
        delta.feed(&columns, Feed::States, &mut self.scratch)?;
        let (keys, values) = delta.into_values()?;
        let rows = keys.first().map_or(1, |k| k.len());
        let Some(window) = self.spec.window else {
            return Ok(());
        };
        let span = window::last_of(window.kind, pane.start);
        let batch = self.spec.lay_out(span, &keys, &values, rows)?;
        for row in 0..rows {
            let lateness = self.lateness(window, pane.start, before);
            place.reject_derived(Some(record), &batch, row, lateness, fx);
        }
        Ok(())
    }

    fn lateness(&self, window: Window, time: Micros, before: Micros) -> Fault<'_> {
        let Span { start, end } = window::last_of(window.kind, time);
        let due = end.saturating_add(self.spec.allowed_lateness);
        let which = if self.spec.shares_panes {
            "its last window"
        } else {
            "its window"
        };
        let window = format!("{which} from {} to {}", instant(start), instant(end));
        let message = if due <= before {
            let late = before.saturating_sub(due);
            format!(
                "{window} closed {} before it: the watermark was {}",
                span(late),
                instant(before)
            )
        } else {
            format!("{window} had been closed already")
        };
        Fault {
            stream: Some(&self.spec.stream),
            reason: Reason::Late,
            column: None,
            message,
        }
    }

    fn without_time<'a>(&'a self, flow: &'a Flow, window: Window) -> Fault<'a> {
        let column = flow
            .batch
            .schema_ref()
            .fields()
            .get(window.time)
            .map(|f| f.name().as_str());
        Fault {
            stream: Some(&self.spec.stream),
            reason: Reason::MissingRequired,
            column,
            message: "the time that decides about its window is null".to_owned(),
        }
    }
}

/// A time for a person.
fn instant(time: Micros) -> String {
    match DateTime::from_timestamp_micros(time) {
        Some(t) => t.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{time} µs"),
    }
}

/// A span of time for a person.
fn span(micros: Micros) -> String {
    match micros {
        m if m < 1_000 => format!("{m} µs"),
        m if m < 1_000_000 => format!("{} ms", m / 1_000),
        m => format!("{}.{:03} s", m / 1_000_000, m % 1_000_000 / 1_000),
    }
}
