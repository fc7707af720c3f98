//! What the manifest says of a stream beside its SQL, and whether that applies to it.

use tidemill_crds::pipeline::{EmitWhen, LateRecords, OnMissing};

use super::{Readable, Results};
use crate::model::{Emit, Late, Micros, Missing};
use crate::pipeline::problem::Problems;
use crate::sql::{Query, Relation};

/// What the manifest says of a stream, beside its SQL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    emit: Emit,
    lateness: Micros,
    late: Late,
    /// What becomes of rows that find nothing, and how long they wait before.
    pub(super) missing: (Missing, Option<Micros>),
}

impl Said {
    /// Reads it, if the query has anything to which it applies.
    pub(super) fn read(
        stream: &Readable<'_>,
        parts: &[Query],
        problems: &mut Problems,
    ) -> Option<Self> {
        let (emit, right) = emit(stream, parts.last()?, problems);
        let manifest = stream.manifest;
        let windowed = parts.iter().any(|part| part.window().is_some());
        let in_order = parts.iter().any(|part| part.is_over() || part.is_join());
        let mut right = right;
        let mut refuse = |field: &str, message: &str, hint: &str| {
            right = false;
            let path = format!("{}.{field}", stream.path);
            problems.add(path, message, Some(hint.into()));
        };
        let no_window = ("without a window no record is late", "leave it out");
        if manifest.allowed_lateness.is_some() && !windowed {
            let (message, hint) = match in_order {
                true => (
                    "rows that are counted or joined, or have OVER, go on once, and wait for late ones no longer than the watermark does",
                    "set outOfOrderness of the source's eventTime",
                ),
                false => no_window,
            };
            refuse("allowedLateness", message, hint);
        }
        if manifest.late_records.is_some() && !windowed && !in_order {
            let (message, hint) = no_window;
            refuse("lateRecords", message, hint);
        }
        let missing = missing(stream, parts, problems)?;
        right.then(|| Self {
            emit,
            lateness: manifest.allowed_lateness.map_or(0, |d| d.as_micros()),
            late: match manifest.late_records.unwrap_or_default() {
                LateRecords::DeadLetter => Late::DeadLetter,
                LateRecords::Drop => Late::Drop,
            },
            missing,
        })
    }

    /// What of it holds for a part of the query: records are late for the windows that they come to first, and it is the
    /// last grouping whose results are handed on as they change.
    pub(super) fn of(self, query: &Query, input: &Relation, is_last: bool) -> Results {
        Results {
            emit: match is_last {
                true => self.emit,
                false => Emit::OnClose,
            },
            lateness: match query.window().is_some() && input.window.is_none() {
                true => self.lateness,
                false => 0,
            },
            late: self.late,
        }
    }
}

/// When results are handed on, and whether what the manifest says of that can be.
fn emit(stream: &Readable<'_>, query: &Query, problems: &mut Problems) -> (Emit, bool) {
    let path = &stream.path;
    let windowed = query.window().is_some();
    let mut right = true;
    let mut refuse = |field: &str, message: &str, hint: &str| {
        right = false;
        problems.add(format!("{path}.{field}"), message, Some(hint.into()));
    };
    let on_close = match &stream.manifest.emit {
        Some(_) if !query.is_grouped() => {
            let message = match query.is_counted() {
                true => "a window by count has one row, when it is full",
                false => "without GROUP BY each row is handed on by itself",
            };
            refuse("emit", message, "leave it out");
            true
        }
        Some(emit) if emit.when == EmitWhen::OnClose => {
            if !windowed {
                let hint = "group by a TUMBLE window, or write OnUpdate";
                refuse("emit.when", "without a window nothing closes", hint);
            }
            true
        }
        Some(_) => false,
        None => windowed,
    };
    let every = stream.manifest.emit.as_ref().and_then(|emit| emit.every);
    let emit = if on_close {
        Emit::OnClose
    } else {
        Emit::OnUpdate {
            every: every.map_or(0, |d| d.as_micros()),
        }
    };
    (emit, right)
}

/// Reads what the manifest says of rows that find nothing in a table, and how long they wait before.
fn missing(
    stream: &Readable<'_>,
    parts: &[Query],
    problems: &mut Problems,
) -> Option<(Missing, Option<Micros>)> {
    let path = format!("{}.onMissing", stream.path);
    match stream.manifest.on_missing {
        None => Some((Missing::Emit, None)),
        Some(_) if parts.iter().all(|part| part.tables().next().is_none()) => {
            let hint = Some("leave it out".into());
            problems.add(path, "the query joins no table", hint);
            None
        }
        Some(OnMissing::Emit) => Some((Missing::Emit, None)),
        Some(OnMissing::DeadLetter) => Some((Missing::DeadLetter, None)),
        Some(OnMissing::WaitFor(span)) if span.is_zero() => {
            let hint = Some("write how long rows wait, such as 5s, or Emit".into());
            problems.add(path, "0s is no time", hint);
            None
        }
        Some(OnMissing::WaitFor(span)) => Some((Missing::Emit, Some(span.as_micros()))),
    }
}
