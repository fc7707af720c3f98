//! Lateness: a property of a row's record and what came before it in its partition, never of how records are batched.

use std::collections::BTreeMap;

use arrow::array::{Array, BooleanArray};
use tidemill_plan::model::{Late, Micros, Window};

use super::Panes;
use super::delta::{Delta, Feed};
use super::spec::Bounds;
use super::update::times;
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::{Fault, Place};
use crate::rows::Flow;
use crate::shuffle::Arrived;
use crate::window::{self, Finder, Pane};

impl Panes {
    /// Merges partial aggregates that have come. Whether one is late depends on the record it came with, however they
    /// are batched; merging is done for all of them at once.
    pub(crate) fn receive(
        &mut self,
        arrived: Vec<Arrived<'_>>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        let mut merging: BTreeMap<Pane, Vec<_>> = BTreeMap::new();
        let mut late: BTreeMap<(usize, Pane), (Micros, Vec<_>)> = BTreeMap::new();
        for Arrived {
            partial,
            record,
            before,
        } in arrived
        {
            let row = (partial.key, partial.state);
            match self.still_open(partial.pane, before) {
                Some(pane) => merging.entry(pane).or_default().push(row),
                None => {
                    let late = late.entry((record, partial.pane));
                    late.or_insert((before, Vec::new())).1.push(row);
                }
            }
        }
        for ((record, pane), (before, rows)) in late {
            self.reject_partials(pane, &rows, record, before, place, fx)?;
        }
        for (pane, rows) in merging {
            self.merge(pane, &rows)?;
        }
        Ok(())
    }

    /// Where rows of a pane belong that came when the watermark was `before`; `None` if all its windows were closed.
    fn still_open(&self, pane: Pane, before: Micros) -> Option<Pane> {
        match self.spec.window {
            Some(window) => {
                window::still_open(window.kind, pane, self.spec.closed(before, self.closed))
            }
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
            let pane =
                time.and_then(|time| finder.find(time, self.spec.closed(before, self.closed)));
            keep.push(pane.is_some());
            panes.extend(pane);
            match (time, pane) {
                (Some(_), Some(_)) => {}
                (None, _) => {
                    place.reject_row(&flow, row, self.spec.without_time(&flow, window), fx)
                }
                (Some(_), None) if self.spec.late == Late::Drop => fx.late_dropped += 1,
                (Some(time), None) => {
                    place.reject_row(&flow, row, self.lateness(window, time, before), fx);
                }
            }
        }
        flow.filter(&BooleanArray::from(keep))
    }

    /// Rejects partial aggregates of a pane of which all windows have closed; `record` is the one they came with.
    fn reject_partials(
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
        let batch = self
            .spec
            .lay_out(&Bounds::All(span), &keys, &values, rows)?;
        for row in 0..rows {
            let lateness = self.lateness(window, pane.start, before);
            let shown = self.spec.as_shown(batch.slice(row, 1));
            place.reject_derived(Some(record), &shown, 0, lateness, fx);
        }
        Ok(())
    }

    fn lateness(&self, window: Window, time: Micros, before: Micros) -> Fault<'_> {
        let which = if self.spec.shares_panes {
            "its last window"
        } else {
            "its window"
        };
        let span = window::last_of(window.kind, time);
        self.spec.lateness(which, span, before)
    }
}
