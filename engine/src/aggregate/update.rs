//! Rows, or partial aggregates, into the accumulators of their panes.

use std::collections::btree_map::Entry;

use arrow::array::{Array, RecordBatch, TimestampMicrosecondArray};
use tidemill_plan::model::Window;

use super::Panes;
use super::delta::{Delta, Feed};
use super::spec::Columns;
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::reject::Place;
use crate::rows::Flow;
use crate::steps::isolate;
use crate::window::{self, Finder, Pane};

impl Panes {
    /// Takes rows in; those that are late, or on which an expression fails, are rejected.
    pub(crate) fn update(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        let mut panes = std::mem::take(&mut self.panes);
        let fed = self.update_panes(flow, &mut panes, place, fx);
        self.panes = panes;
        fed
    }

    fn update_panes(
        &mut self,
        flow: Flow,
        panes: &mut Vec<Pane>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        let flow = match self.spec.window {
            Some(window) => self.on_time(flow, window, panes, place, fx)?,
            None => flow,
        };
        if flow.len() == 0 {
            return Ok(());
        }
        let (spec, rows) = (&self.spec, flow.len());
        let evaluate = |batch: &RecordBatch| spec.evaluate(batch);
        let Some((flow, columns)) = isolate(flow, Some(&spec.stream), place, fx, evaluate)? else {
            return Ok(());
        };
        let Some(window) = self.spec.window else {
            return self.feed(Pane::bucket(0), &columns, Feed::Records);
        };
        if flow.len() < rows {
            self.find_panes(&flow, window, panes)?;
        }
        for share in window::split(panes) {
            match &share.rows {
                None => self.feed(share.pane, &columns, Feed::Records)?,
                Some(rows) => self.feed(share.pane, &columns.take(rows)?, Feed::Records)?,
            }
        }
        Ok(())
    }

    /// The panes of the rows that are not late.
    pub(super) fn find_panes(
        &self,
        flow: &Flow,
        window: Window,
        panes: &mut Vec<Pane>,
    ) -> Result<()> {
        let times = times(&flow.batch, window.time)?;
        let mut finder = Finder::new(window.kind);
        let rows = times.values().iter().zip(flow.before.values());
        panes.clear();
        panes.extend(rows.filter_map(|(&time, &before)| {
            finder.find(time, self.spec.closed(before, self.closed))
        }));
        Ok(())
    }

    /// Merges partial aggregates of a pane.
    pub(super) fn merge(&mut self, pane: Pane, rows: &[(&[u8], &[u8])]) -> Result<()> {
        let columns = self.spec.columns_of(self.spec.groups_of(rows)?);
        self.feed(pane, &columns, Feed::States)
    }

    fn feed(&mut self, pane: Pane, columns: &Columns, feed: Feed) -> Result<()> {
        let delta = match self.deltas.entry(pane) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Delta::new(&self.spec)?),
        };
        delta.feed(columns, feed, &mut self.scratch)
    }
}

/// The time column of a batch.
pub(crate) fn times(batch: &RecordBatch, column: usize) -> Result<&TimestampMicrosecondArray> {
    let array = batch
        .columns()
        .get(column)
        .and_then(|c| c.as_any().downcast_ref::<TimestampMicrosecondArray>());
    array.ok_or_else(|| {
        EngineError::Plan(format!(
            "column {column} is not a Timestamp in microseconds"
        ))
    })
}
