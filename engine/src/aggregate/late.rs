//! Lateness: a property of a row's record and what came before it in its partition, never of how records are batched.

use arrow::array::{Array, BooleanArray};
use chrono::{DateTime, SecondsFormat};
use tidemill_plan::model::{Late, Micros, Window};

use super::delta::{Delta, Feed};
use super::{Operator, times};
use crate::effects::Effects;
use crate::error::Result;
use crate::record::Reason;
use crate::reject::{Fault, Place};
use crate::rows::Flow;
use crate::window::{self, Finder};

impl Operator {
    /// Whether the window that starts there was closed when the watermark was `before`.
    pub(crate) fn is_late(&self, start: Micros, before: Micros) -> bool {
        self.spec
            .window
            .is_some_and(|w| self.has_closed(window::end(w.kind, start), before))
    }

    fn has_closed(&self, end: Micros, before: Micros) -> bool {
        #[cfg(feature = "faults")]
        if crate::faults::windows_reopen() {
            return false;
        }
        end.saturating_add(self.spec.allowed_lateness) <= before || end <= self.closed
    }

    /// Keeps the rows that have a time and are not late.
    pub(super) fn on_time(
        &self,
        flow: Flow,
        window: Window,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Flow> {
        let times = times(&flow.batch, window.time)?;
        let mut finder = Finder::new(window.kind);
        let mut pairs = times.values().iter().zip(flow.before.values());
        if times.null_count() == 0
            && !pairs.any(|(&t, &before)| self.has_closed(finder.find(t).1, before))
        {
            return Ok(flow);
        }
        let mut keep = Vec::with_capacity(flow.len());
        for (row, (time, &before)) in times.iter().zip(flow.before.values()).enumerate() {
            let Some(time) = time else {
                place.reject_row(&flow, row, self.without_time(&flow, window), fx);
                keep.push(false);
                continue;
            };
            let (start, end) = finder.find(time);
            let late = self.has_closed(end, before);
            keep.push(!late);
            match self.spec.late {
                _ if !late => {}
                Late::Drop => fx.late_dropped += 1,
                Late::DeadLetter => place.reject_row(&flow, row, self.lateness(start, before), fx),
            }
        }
        flow.filter(&BooleanArray::from(keep))
    }

    /// Rejects partial aggregates of a window that has closed; `record` is the one they came with.
    pub(crate) fn reject_partials(
        &mut self,
        start: Micros,
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
        let batch = self.spec.lay_out(start, &keys, &values, rows)?;
        for row in 0..rows {
            place.reject_derived(Some(record), &batch, row, self.lateness(start, before), fx);
        }
        Ok(())
    }

    fn lateness(&self, start: Micros, before: Micros) -> Fault<'_> {
        let end = self
            .spec
            .window
            .map_or(start, |w| window::end(w.kind, start));
        let due = end.saturating_add(self.spec.allowed_lateness);
        let window = format!("its window from {} to {}", instant(start), instant(end));
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
