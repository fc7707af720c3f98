//! Results: sessions that close, sessions that have changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::BooleanArray;
use tidemill_plan::model::{Emit, Micros};

use super::list::Kept;
use super::store::Held;
use super::{Sessions, WHICH, read, span_of};
use crate::aggregate::RESULT_ROWS;
use crate::aggregate::spec::Bounds;
use crate::effects::Effects;
use crate::error::Result;
use crate::reject::Place;
use crate::rows::{Flow, Replaces};
use crate::shuffle::Arrived;
use crate::window::Span;

/// A session to hand on.
struct Row {
    key: Box<[u8]>,
    session: Kept,
}

impl Sessions {
    /// Closes sessions that end up to a time, those that end first: their results come out, and they are forgotten.
    pub(super) fn close_some(
        &mut self,
        due: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let (mut rows, most) = (Vec::new(), self.at_once());
        while rows.len() < most && self.store.is_due(due) {
            let until = self.store.fetch_due(due)?;
            while rows.len() < most
                && let Some((hash, keys)) = self.store.next_due(until)
            {
                for (key, sessions) in keys {
                    let sessions = read(&self.spec, &sessions)?;
                    let (over, open): (Vec<Kept>, Vec<Kept>) =
                        sessions.into_iter().partition(|s| s.span.end <= due);
                    self.put(hash, &key, &open);
                    rows.extend(over.into_iter().map(|session| Row {
                        key: key.clone(),
                        session,
                    }));
                }
            }
        }
        self.closing = self.store.is_due(due);
        rows.sort_unstable_by(|a, b| {
            let order = |row: &Row| (row.session.span.end, row.session.span.start);
            order(a).cmp(&order(b)).then_with(|| a.key.cmp(&b.key))
        });
        if let Some(last) = rows.last() {
            self.closed = self.closed.max(last.session.span.end);
        }
        if let Emit::OnUpdate { .. } = self.spec.emit {
            rows.retain(|row| row.session.fresh);
        }
        self.hand_on(&rows, self.output_watermark(), place, fx, flows)
    }

    /// Hands on the sessions that have changed since that was last done.
    pub(super) fn emit_pending(
        &mut self,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let hashes: BTreeSet<u64> = std::mem::take(&mut self.pending).into_iter().collect();
        let mut rows = Vec::new();
        for hash in hashes {
            let keys = self.store.with_hash(hash);
            let keys: Vec<Held> = keys
                .map(|(key, sessions)| (key.into(), sessions.into()))
                .collect();
            for (key, sessions) in keys {
                let mut sessions = read(&self.spec, &sessions)?;
                if !sessions.iter().any(|s| s.fresh) {
                    continue;
                }
                for session in sessions.iter_mut().filter(|s| s.fresh) {
                    rows.push(Row {
                        key: key.clone(),
                        session: session.clone(),
                    });
                    session.fresh = false;
                    session.shown = vec![session.span];
                }
                self.put(hash, &key, &sessions);
            }
        }
        self.emitted_at = Some(self.watermark);
        self.hand_on(&rows, before, place, fx, flows)
    }

    /// Hands on sessions, after deletions of the rows that they were before, if those had other bounds.
    fn hand_on(
        &self,
        rows: &[Row],
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
        flows: &mut Vec<Flow>,
    ) -> Result<()> {
        let gone = rows.iter().flat_map(|row| {
            let shown = row.session.shown.iter();
            let gone = shown.filter(|&&s| s != row.session.span);
            gone.map(|&span| (&*row.key, span))
        });
        let gone: Vec<(&[u8], Span)> = gone.collect();
        for gone in gone.chunks(RESULT_ROWS) {
            flows.push(self.deletions(gone, before)?);
        }
        for rows in rows.chunks(RESULT_ROWS) {
            let bytes: Vec<(&[u8], &[u8])> = rows
                .iter()
                .map(|row| (&*row.key, &*row.session.state))
                .collect();
            let bounds = Bounds::Each(rows.iter().map(|row| row.session.span).collect());
            let groups = self.spec.groups_of(&bytes)?;
            flows.extend(self.spec.results(&bounds, groups, before, place, fx)?);
        }
        Ok(())
    }

    /// Rows that take away the ones of these keys and bounds.
    fn deletions(&self, gone: &[(&[u8], Span)], before: Micros) -> Result<Flow> {
        let keys = self
            .spec
            .key_codec
            .decode(gone.iter().map(|(key, _)| *key))?;
        let bounds = Bounds::Each(gone.iter().map(|(_, span)| *span).collect());
        let batch = self.spec.lay_out_deleted(&bounds, &keys, gone.len())?;
        let replaces = Replaces {
            key: Some(Arc::clone(&self.spec.result_key)),
            deleted: Some(BooleanArray::from(vec![true; gone.len()])),
        };
        Ok(Flow::derived(batch, before, Some(replaces)))
    }

    /// Rejects what has come to its shard too late.
    pub(super) fn reject(
        &self,
        late: Arrived<'_>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        let partial = late.partial;
        let groups = self.spec.groups_of(&[(partial.key, partial.state)])?;
        let span = span_of(partial);
        let bounds = Bounds::All(span);
        let batch = match self.spec.values_of(&groups, 0..1) {
            Ok(values) => self.spec.lay_out(&bounds, &groups.keys, &values, 1)?,
            Err(_) => self.spec.lay_out_deleted(&bounds, &groups.keys, 1)?,
        };
        // What had closed, the watermark was past.
        let seen = partial.closed.saturating_add(self.spec.allowed_lateness);
        let seen = seen.saturating_add(1);
        let fault = self.spec.lateness(WHICH, span, late.before.max(seen));
        let shown = self.spec.as_shown(batch);
        place.reject_derived(Some(late.record), &shown, 0, fault, fx);
        Ok(())
    }
}
