//! Results: a window that closes, groups that have changed.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use datafusion_common::DataFusionError;
use tidemill_plan::model::{Emit, Micros};

use super::chunk::ChunkKey;
use super::delta::Merger;
use super::spec::Groups;
use super::state::Settled;
use super::{Operator, RESULT_ROWS};
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::Reason;
use crate::reject::{Fault, Place};
use crate::rows::{Flow, Replaces, batch_of};
use crate::steps::failing;
use crate::window;

impl Operator {
    /// Closes a window: its results come out, its state is forgotten.
    pub(super) fn close(
        &mut self,
        start: Micros,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let delta = self.deltas.remove(&start);
        if let Some(w) = self.spec.window {
            self.closed = self.closed.max(window::end(w.kind, start));
        }
        if !self.segments.contains_key(&start) {
            let Some(delta) = delta else { return Ok(()) };
            if !self.spec.infallible {
                flows.extend(self.results(start, delta.into_groups()?, before, place, fx)?);
                return Ok(());
            }
            let rows = delta.len();
            let (keys, values) = delta.into_values()?;
            flows.push(self.flow(start, &keys, &values, rows, before)?);
            return Ok(());
        }
        let settled = delta.map(|d| self.settle(start, d)).transpose()?;
        if let (Some(settled), Emit::OnUpdate { .. }) = (&settled, self.spec.emit) {
            self.mark_pending(settled);
        }
        let Some(mut segment) = self.segments.remove(&start) else {
            return Ok(());
        };
        let pending = segment.base.take_pending();
        let rows: Vec<(&[u8], &[u8])> = match self.spec.emit {
            Emit::OnClose => segment.base.iter().collect(),
            Emit::OnUpdate { .. } => pending
                .into_iter()
                .filter_map(|p| segment.base.at(p))
                .collect(),
        };
        self.results_of(start, &rows, before, place, fx, flows)?;
        segment.forget(
            ChunkKey {
                stream: &self.spec.stream,
                segment: start,
                sequence: 0,
            },
            &mut fx.changelog,
        );
        Ok(())
    }

    /// Remembers which groups have changed since results were last handed on.
    pub(super) fn mark_pending(&mut self, settled: &Settled) {
        for (id, places) in &settled.places {
            if let Some(segment) = self.segments.get_mut(id) {
                places
                    .iter()
                    .for_each(|&place| segment.base.mark_pending(place));
            }
        }
    }

    /// Hands on the groups that have changed since that was last done.
    pub(super) fn emit_pending(
        &mut self,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let pending: Vec<(i64, Vec<u32>)> = self
            .segments
            .iter_mut()
            .map(|(&id, segment)| (id, segment.base.take_pending()))
            .collect();
        let rows_of = |id: &i64, places: &[u32]| -> Vec<(&[u8], &[u8])> {
            let base = self.segments.get(id).map(|s| &s.base);
            places
                .iter()
                .filter_map(|&p| base.and_then(|b| b.at(p)))
                .collect()
        };
        if self.spec.window.is_some() {
            for (start, places) in &pending {
                self.results_of(*start, &rows_of(start, places), before, place, fx, flows)?;
            }
        } else {
            let rows: Vec<_> = pending
                .iter()
                .flat_map(|(id, places)| rows_of(id, places))
                .collect();
            self.results_of(0, &rows, before, place, fx, flows)?;
        }
        self.emitted = self.sequence;
        self.emitted_at = Some(self.watermark);
        Ok(())
    }

    fn results_of(
        &self,
        start: Micros,
        rows: &[(&[u8], &[u8])],
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        for rows in rows.chunks(RESULT_ROWS) {
            flows.extend(self.results(start, self.spec.groups_of(rows)?, before, place, fx)?);
        }
        Ok(())
    }

    /// The results of groups. Where a function fails, the groups at fault are found and rejected.
    pub(super) fn results(
        &self,
        start: Micros,
        groups: Groups,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        if groups.len == 0 {
            return Ok(Vec::new());
        }
        if let Ok(values) = self.evaluate(&groups, 0..groups.len) {
            return Ok(vec![self.flow(
                start,
                &groups.keys,
                &values,
                groups.len,
                before,
            )?]);
        }
        let mut faults = Vec::new();
        failing(
            0..groups.len,
            &|rows| self.evaluate(&groups, rows).map(drop),
            &mut faults,
        );
        let keys = batch_of(&self.spec.key_schema, groups.keys.clone(), groups.len)?;
        let mut flows = Vec::new();
        let mut next = 0;
        let end = (groups.len, String::new());
        for (row, message) in faults.into_iter().chain([end]) {
            if next < row {
                let values = self.evaluate(&groups, next..row)?;
                flows.push(self.flow(
                    start,
                    &slice(&groups.keys, next..row),
                    &values,
                    row - next,
                    before,
                )?);
            }
            if row < groups.len {
                let stream = Some(self.spec.stream.as_str());
                let fault = Fault {
                    stream,
                    reason: Reason::ExpressionFailed,
                    column: None,
                    message,
                };
                place.reject_derived(None, &keys, row, fault, fx);
            }
            next = row + 1;
        }
        Ok(flows)
    }

    fn evaluate(
        &self,
        groups: &Groups,
        rows: Range<usize>,
    ) -> Result<Vec<ArrayRef>, DataFusionError> {
        let external = |e: EngineError| match e {
            EngineError::Compute(e) => e,
            other => DataFusionError::External(Box::new(other)),
        };
        let len = rows.len();
        let part = Groups {
            keys: Vec::new(),
            states: slice(&groups.states, rows),
            len,
        };
        let mut merger = Merger::new(&self.spec, len).map_err(external)?;
        let all: Vec<usize> = (0..len).collect();
        merger
            .merge(&self.spec.columns_of(part), &all)
            .map_err(external)?;
        merger.values().map_err(external)
    }

    fn flow(
        &self,
        start: Micros,
        keys: &[ArrayRef],
        values: &[ArrayRef],
        rows: usize,
        before: Micros,
    ) -> Result<Flow> {
        let batch = self.spec.lay_out(start, keys, values, rows)?;
        let replaces = match self.spec.emit {
            Emit::OnClose => None,
            Emit::OnUpdate { .. } => Some(Replaces {
                key: Some(Arc::clone(&self.spec.result_key)),
                deleted: None,
            }),
        };
        Ok(Flow::derived(batch, before, replaces))
    }
}

fn slice(columns: &[ArrayRef], rows: Range<usize>) -> Vec<ArrayRef> {
    columns
        .iter()
        .map(|c| c.slice(rows.start, rows.len()))
        .collect()
}
