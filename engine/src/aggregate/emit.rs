//! Results: a window that closes, groups that have changed.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_plan::model::{Emit, Micros};

use super::chunk::ChunkKey;
use super::cold::{self, Walk};
use super::delta::{Delta, Feed};
use super::segment::Segment;
use super::spec::Bounds;
use super::state::Settled;
use super::{NO_WINDOW, Panes, RESULT_ROWS};
use crate::disk::{DiskError, Row};
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::Place;
use crate::rows::Flow;
use crate::window::{self, Pane, Span};
use crate::wire;

/// Keys that have changed.
type Changed = BTreeSet<Box<[u8]>>;

impl Panes {
    /// Closes a window: its results come out, and what no other window needs is forgotten.
    pub(super) fn close(
        &mut self,
        span: Span,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        self.closed = self.closed.max(span.end);
        let panes = self.panes_of(span);
        if let &[pane] = panes.as_slice()
            && self.is_over(pane)
            && !self.segments.contains_key(&pane)
            && let Some(delta) = self.deltas.remove(&pane)
        {
            flows.extend(self.results_of_delta(span, delta, before, place, fx)?);
            return Ok(());
        }
        for &pane in &panes {
            if let Some(delta) = self.deltas.remove(&pane) {
                let settled = self.settle(pane, delta)?;
                if let Emit::OnUpdate { .. } = self.spec.emit {
                    self.mark_pending(&settled);
                }
            }
        }
        match self.spec.emit {
            Emit::OnClose => self.in_parts(&panes, |rows| {
                self.results_of_rows(span, rows, before, place, fx, flows)
            })?,
            Emit::OnUpdate { .. } => {
                let changed = panes.iter().flat_map(|pane| self.changed(*pane)).collect();
                self.emit_changed(span, &changed, before, place, fx, flows)?;
            }
        }
        for pane in panes {
            self.forget_if_over(pane, fx);
        }
        Ok(())
    }

    /// The panes that a window is made of.
    fn panes_of(&self, span: Span) -> Vec<Pane> {
        // Panes are ordered by the first of their windows.
        let until = ..=Pane {
            first: span.end,
            start: Micros::MAX,
        };
        let deltas = self.deltas.range(until).map(|(pane, _)| *pane);
        let segments = self.segments.range(until).map(|(pane, _)| *pane);
        let mut panes: Vec<Pane> = deltas.chain(segments).filter(|p| span.holds(*p)).collect();
        panes.sort_unstable_by_key(|pane| (pane.start, pane.first));
        panes.dedup();
        panes
    }

    /// Whether all windows of a pane have closed.
    fn is_over(&self, pane: Pane) -> bool {
        self.spec
            .window
            .is_some_and(|w| window::last_end(w.kind, pane.start) <= self.closed)
    }

    fn forget_if_over(&mut self, pane: Pane, fx: &mut Effects) {
        if !self.is_over(pane) {
            return;
        }
        if let Some(segment) = self.segments.remove(&pane) {
            let key = ChunkKey {
                stream: &self.spec.stream,
                segment: pane,
                sequence: 0,
            };
            segment.forget(key, &mut fx.changelog);
        }
        self.unlogged.remove(&pane);
        self.pending.remove(&pane);
    }

    /// Goes through keys and states of panes, one pane after the other. Where some are on disk they come in parts, each
    /// of which has all that there is of its keys.
    fn in_parts(
        &self,
        panes: &[Pane],
        mut part: impl FnMut(&[(&[u8], &[u8])]) -> Result<()>,
    ) -> Result<()> {
        let segments = || panes.iter().filter_map(|pane| self.segments.get(pane));
        let mut walks: Vec<Walk<'_>> = segments().filter_map(Segment::walk_cold).collect();
        if walks.is_empty() {
            let rows: Vec<_> = segments().flat_map(|s| s.base.iter()).collect();
            return part(&rows);
        }
        let bases: Vec<_> = segments().map(|s| s.base.sorted()).collect();
        let mut bases: Vec<_> = bases.iter().map(Vec::as_slice).collect();
        loop {
            // Of keys before the nearest end of what has been read, all has been read.
            let mut until: Option<Vec<u8>> = None;
            for walk in &mut walks {
                let end = walk.horizon()?;
                until = match (until, end) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
            let cold = walks
                .iter_mut()
                .flat_map(|w| w.take_before(until.as_deref()));
            let cold: Vec<Row> = cold.collect();
            let rows = cold
                .iter()
                .map(|(place, state)| Ok((cold::split(place)?.1, state.as_slice())));
            let mut rows = rows.collect::<Result<Vec<_>, DiskError>>()?;
            for base in &mut bases {
                let count = match &until {
                    Some(until) => {
                        let until = cold::split(until)?;
                        base.partition_point(|&(hash, key, _)| (hash, key) < until)
                    }
                    None => base.len(),
                };
                let (here, rest) = base.split_at(count);
                rows.extend(here.iter().map(|&(_, key, state)| (key, state)));
                *base = rest;
            }
            part(&rows)?;
            if until.is_none() {
                return Ok(());
            }
        }
    }

    /// Remembers which groups have changed since results were last handed on.
    pub(super) fn mark_pending(&mut self, settled: &Settled) {
        for (id, places) in &settled.places {
            if let Some(segment) = self.segments.get_mut(id) {
                places
                    .iter()
                    .for_each(|&place| segment.base.mark_pending(place));
                self.pending.insert(*id);
            }
        }
    }

    /// The keys of a segment that have changed since results were last handed on.
    fn changed(&self, id: Pane) -> impl Iterator<Item = Box<[u8]>> {
        let base = self.segments.get(&id).map(|segment| &segment.base);
        base.into_iter().flat_map(|base| {
            let rows = base.pending().iter().filter_map(|&place| base.at(place));
            rows.map(|(key, _)| key.into())
        })
    }

    /// Hands on the groups that have changed since that was last done.
    pub(super) fn emit_pending(
        &mut self,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let ids = std::mem::take(&mut self.pending);
        if self.spec.shares_panes {
            for (span, changed) in self.changed_windows(&ids) {
                self.emit_changed(span, &changed, before, place, fx, flows)?;
            }
        }
        let mut changed: Vec<(Pane, Vec<u32>)> = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(segment) = self.segments.get_mut(&id) {
                changed.push((id, segment.base.take_pending()));
            }
        }
        if !self.spec.shares_panes {
            self.emit_places(&changed, before, place, fx, flows)?;
        }
        self.emitted = self.sequence;
        self.emitted_at = Some(self.watermark);
        Ok(())
    }

    /// The open windows of panes that have changed, with the keys that have.
    fn changed_windows(&self, ids: &BTreeSet<Pane>) -> Vec<(Span, Changed)> {
        let Some(window) = self.spec.window else {
            return Vec::new();
        };
        let mut windows: BTreeMap<Micros, Changed> = BTreeMap::new();
        for &id in ids {
            for span in window::spans_after(window.kind, id, self.closed) {
                let changed = windows.entry(span.end).or_default();
                changed.extend(self.changed(id));
            }
        }
        let span = |(end, changed)| (Span::ending(window.kind, end), changed);
        windows.into_iter().map(span).collect()
    }

    /// Hands on the results of some keys of a window.
    fn emit_changed(
        &self,
        span: Span,
        changed: &Changed,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let panes = self.panes_of(span);
        let segments = || panes.iter().filter_map(|pane| self.segments.get(pane));
        let keys = || changed.iter().map(|key| (wire::hash(key), &**key));
        let mut cold: Vec<Row> = Vec::new();
        for segment in segments() {
            cold.extend(segment.look_up(keys())?);
        }
        let mut rows: Vec<(&[u8], &[u8])> = Vec::new();
        for segment in segments() {
            rows.extend(keys().filter_map(|(hash, key)| segment.base.find(hash, key)));
        }
        for (place, state) in &cold {
            rows.push((cold::split(place)?.1, state));
        }
        self.results_of_rows(span, &rows, before, place, fx, flows)
    }

    /// Hands on the results of groups at some places of segments.
    fn emit_places(
        &self,
        changed: &[(Pane, Vec<u32>)],
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let mut table: Vec<(&[u8], &[u8])> = Vec::new();
        for (id, places) in changed {
            let base = self.segments.get(id).map(|s| &s.base);
            let rows = places.iter().filter_map(|&p| base.and_then(|b| b.at(p)));
            match self.spec.window {
                None => table.extend(rows),
                Some(window) => {
                    let (span, rows) = (
                        Span::ending(window.kind, id.first),
                        rows.collect::<Vec<_>>(),
                    );
                    self.results_of_rows(span, &rows, before, place, fx, flows)?;
                }
            }
        }
        self.results_of_rows(NO_WINDOW, &table, before, place, fx, flows)
    }

    /// The results of a window that has never left its delta.
    fn results_of_delta(
        &self,
        span: Span,
        delta: Delta,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        if !self.spec.infallible {
            let groups = delta.into_groups()?;
            let bounds = Bounds::All(span);
            return self.spec.results(&bounds, groups, before, place, fx);
        }
        let rows = delta.len();
        let (keys, values) = delta.into_values()?;
        let bounds = Bounds::All(span);
        let flow = self.spec.flow(&bounds, &keys, &values, rows, before)?;
        Ok(vec![flow])
    }

    /// The results of keys and states. Where windows share panes, a key may be there several times.
    fn results_of_rows(
        &self,
        span: Span,
        rows: &[(&[u8], &[u8])],
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let parts = rows
            .chunks(RESULT_ROWS)
            .map(|rows| self.spec.groups_of(rows));
        if !self.spec.shares_panes {
            for groups in parts {
                let groups = groups?;
                let bounds = Bounds::All(span);
                flows.extend(self.spec.results(&bounds, groups, before, place, fx)?);
            }
            return Ok(());
        }
        let (mut merged, mut scratch) = (Delta::new(&self.spec)?, Vec::new());
        for groups in parts {
            merged.feed(&self.spec.columns_of(groups?), Feed::States, &mut scratch)?;
        }
        if merged.len() > 0 {
            flows.extend(self.results_of_delta(span, merged, before, place, fx)?);
        }
        Ok(())
    }
}
