//! Result rows of groups, and why some have none.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use chrono::{DateTime, SecondsFormat};
use datafusion_common::DataFusionError;
use tidemill_plan::model::{Emit, Micros, Window};

use super::delta::Merger;
use super::spec::{Bounds, Groups, Spec};
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::Reason;
use crate::reject::{Fault, Place};
use crate::rows::{Flow, Replaces, batch_of};
use crate::steps::{check_digits, failing};
use crate::window::Span;

impl Spec {
    /// The results of groups. Where a function fails, the groups at fault are found and rejected.
    pub(crate) fn results(
        &self,
        bounds: &Bounds,
        groups: Groups,
        before: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        if groups.len == 0 {
            return Ok(Vec::new());
        }
        if let Ok(values) = self.values_of(&groups, 0..groups.len) {
            let flow = self.flow(bounds, &groups.keys, &values, groups.len, before)?;
            return Ok(vec![flow]);
        }
        let mut faults = Vec::new();
        failing(
            0..groups.len,
            &|rows| self.values_of(&groups, rows).map(drop),
            &mut faults,
        );
        let keys = batch_of(&self.key_schema, groups.keys.clone(), groups.len)?;
        let mut flows = Vec::new();
        let mut next = 0;
        let end = (groups.len, String::new());
        for (row, message) in faults.into_iter().chain([end]) {
            if next < row {
                let values = self.values_of(&groups, next..row)?;
                flows.push(self.flow(
                    &bounds.slice(next..row),
                    &slice(&groups.keys, next..row),
                    &values,
                    row - next,
                    before,
                )?);
            }
            if row < groups.len {
                let stream = Some(self.stream.as_str());
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

    /// The results of some of the groups.
    pub(crate) fn values_of(
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
        let mut merger = Merger::new(self, len).map_err(external)?;
        let all: Vec<usize> = (0..len).collect();
        merger
            .merge(&self.columns_of(part), &all)
            .map_err(external)?;
        let values = merger.values().map_err(external)?;
        check_digits(&values)?;
        Ok(values)
    }

    pub(crate) fn flow(
        &self,
        bounds: &Bounds,
        keys: &[ArrayRef],
        values: &[ArrayRef],
        rows: usize,
        before: Micros,
    ) -> Result<Flow> {
        let batch = self.lay_out(bounds, keys, values, rows)?;
        let replaces = match self.emit {
            Emit::OnClose => None,
            Emit::OnUpdate { .. } => Some(Replaces {
                key: Some(Arc::clone(&self.result_key)),
                deleted: None,
            }),
        };
        Ok(Flow::derived(batch, before, replaces))
    }

    /// That a window closed before a row of it came; `which` is how the row would call it.
    pub(crate) fn lateness(&self, which: &str, span: Span, before: Micros) -> Fault<'_> {
        let due = span.end.saturating_add(self.allowed_lateness);
        let window = format!(
            "{which} from {} to {}",
            instant(span.start),
            instant(span.end)
        );
        let message = if due <= before {
            let late = before.saturating_sub(due);
            format!(
                "{window} closed {} before it: the watermark was {}",
                length(late),
                instant(before)
            )
        } else {
            format!("{window} had been closed already")
        };
        Fault {
            stream: Some(&self.stream),
            reason: Reason::Late,
            column: None,
            message,
        }
    }

    pub(crate) fn without_time<'a>(&'a self, flow: &'a Flow, window: Window) -> Fault<'a> {
        let column = flow
            .batch
            .schema_ref()
            .fields()
            .get(window.time)
            .map(|f| f.name().as_str());
        Fault {
            stream: Some(&self.stream),
            reason: Reason::MissingRequired,
            column,
            message: "the time that decides about its window is null".to_owned(),
        }
    }
}

fn slice(columns: &[ArrayRef], rows: Range<usize>) -> Vec<ArrayRef> {
    columns
        .iter()
        .map(|c| c.slice(rows.start, rows.len()))
        .collect()
}

/// A time for a person.
pub(crate) fn instant(time: Micros) -> String {
    match DateTime::from_timestamp_micros(time) {
        Some(t) => t.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{time} µs"),
    }
}

/// A span of time for a person.
pub(crate) fn length(micros: Micros) -> String {
    match micros {
        m if m < 1_000 => format!("{m} µs"),
        m if m < 1_000_000 => format!("{} ms", m / 1_000),
        m => format!("{}.{:03} s", m / 1_000_000, m % 1_000_000 / 1_000),
    }
}
