//! From the records of a source partition to its rows: decoded, checked, each with the watermark before it.

use std::sync::Arc;

use arrow::array::{
    Array, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt32Array,
};
use tidemill_plan::model::{Check, EventTime, Micros, Origin, Source};

use crate::clock::SourceClock;
use crate::decode::{Decoder, Limits, RegisteredSchema};
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::{RawRecord, Reason, Rejection};
use crate::reject::{Fault, Place};
use crate::rows::{Flow, Replaces};
use crate::steps::{isolate, truth};
use crate::table::Changes;
use crate::window::NEVER;

/// Reads one partition of a source.
pub(crate) struct Reader {
    /// Absent where rows are generated.
    decoder: Option<Box<Decoder>>,
    /// Present where the source is a table.
    changes: Option<Changes>,
    rejected: Vec<Rejection>,
    pub(crate) clock: SourceClock,
}

impl Reader {
    pub(crate) fn new(source: &Source) -> Result<Self> {
        let decoder = match &source.origin {
            Origin::Topic { .. } => {
                let schema = Arc::clone(&source.schema);
                let decoder =
                    Decoder::new(&source.format, &source.columns, schema, Limits::default())?;
                Some(Box::new(decoder))
            }
            Origin::Generator(_) => None,
        };
        Ok(Self {
            decoder,
            changes: Changes::of(source)?,
            rejected: Vec::new(),
            clock: SourceClock::default(),
        })
    }

    /// The partition's watermark.
    pub(crate) fn watermark(&self, time: Option<EventTime>) -> Option<Micros> {
        self.clock.watermark(time.map_or(0, |t| t.out_of_orderness))
    }

    pub(crate) fn missing_schema(&self, records: &[RawRecord<'_>]) -> Option<(usize, u32)> {
        self.decoder.as_ref()?.missing_schema(records)
    }

    pub(crate) fn learn_schema(&mut self, id: u32, schema: Result<&RegisteredSchema, &str>) {
        if let Some(decoder) = &mut self.decoder {
            decoder.learn(id, schema);
        }
    }

    /// Makes rows of the records in hand, without those that are invalid; of a table's records, the changes of its rows.
    pub(crate) fn read(
        &mut self,
        source: &Source,
        records: &[RawRecord<'_>],
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Flow> {
        let flow = self.decode(records, place, fx)?;
        let Some(changes) = &mut self.changes else {
            return self.admit(flow, source, place, fx);
        };
        let (rows, deleted) = changes.split(flow, records, &mut self.rejected)?;
        for rejection in self.rejected.drain(..) {
            place.reject_record(rejection, fx);
        }
        let rows = self.admit(rows, source, place, fx)?;
        match &self.changes {
            Some(changes) => changes.merge(rows, &deleted),
            None => Ok(rows),
        }
    }

    fn decode(
        &mut self,
        records: &[RawRecord<'_>],
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Flow> {
        let Some(decoder) = &mut self.decoder else {
            return Err(EngineError::Plan(
                "a source of generated rows was given records".to_owned(),
            ));
        };
        let decoded = decoder.decode(records, &mut self.rejected)?;
        if let Some(changes) = &mut self.changes {
            changes.claim(records, &mut self.rejected);
        }
        for rejection in self.rejected.drain(..) {
            place.reject_record(rejection, fx);
        }
        let record = decoded
            .record
            .unwrap_or_else(|| (0..decoded.batch.num_rows() as u32).collect());
        let replaces = decoded.deleted.map(|deleted| Replaces {
            key: None,
            deleted: Some(deleted),
        });
        Ok(Flow {
            replaces,
            ..Self::fresh(decoded.batch, Some(UInt32Array::from(record)))
        })
    }

    /// Takes rows that nobody has looked at yet.
    pub(crate) fn fresh(batch: RecordBatch, origin: Option<UInt32Array>) -> Flow {
        Flow {
            origin,
            ..Flow::derived(batch, NEVER, None)
        }
    }

    /// Rejects the rows that are invalid, and gives each of the others the watermark before it.
    pub(crate) fn admit(
        &mut self,
        flow: Flow,
        source: &Source,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Flow> {
        // Something has come, valid or not: the partition is neither idle nor at its end.
        self.clock.idle = false;
        self.clock.finished = None;
        let flow = match &source.check {
            Some(check) => match checked(flow, check, place, fx)? {
                Some(flow) => flow,
                None => {
                    return Ok(Self::fresh(
                        RecordBatch::new_empty(tidemill_plan::model::empty_schema()),
                        None,
                    ));
                }
            },
            None => flow,
        };
        match source.event_time {
            Some(time) => self.timed(flow, time, place, fx),
            None => Ok(flow),
        }
    }

    fn timed(
        &mut self,
        flow: Flow,
        time: EventTime,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Flow> {
        let mut flow = with_time(flow, time, place, fx)?;
        let times = time_column(&flow.batch, time.column)?;
        let mut before = Vec::with_capacity(times.len());
        for &t in times.values() {
            before.push(self.clock.watermark(time.out_of_orderness).unwrap_or(NEVER));
            self.clock.highest = self.clock.highest.max(Some(t));
        }
        flow.before = Int64Array::from(before);
        Ok(flow)
    }
}

fn time_column(batch: &RecordBatch, column: usize) -> Result<&TimestampMicrosecondArray> {
    let array = batch
        .columns()
        .get(column)
        .and_then(|c| c.as_any().downcast_ref::<TimestampMicrosecondArray>());
    array.ok_or_else(|| {
        EngineError::Plan("the event time column is not a Timestamp in microseconds".to_owned())
    })
}

/// Keeps the rows of which the check is true.
fn checked(flow: Flow, check: &Check, place: Place<'_>, fx: &mut Effects) -> Result<Option<Flow>> {
    if flow.len() == 0 {
        return Ok(None);
    }
    let Some((flow, mask)) = isolate(flow, None, place, fx, |batch| truth(&check.expr, batch))?
    else {
        return Ok(None);
    };
    if mask.true_count() == mask.len() {
        return Ok(Some(flow));
    }
    for row in (0..mask.len()).filter(|&row| !mask.value(row)) {
        let message = format!("the check `{}` is not true of it", check.text);
        let fault = Fault {
            stream: None,
            reason: Reason::CheckFailed,
            column: None,
            message,
        };
        place.reject_row(&flow, row, fault, fx);
    }
    Ok(Some(flow.filter(&mask)?))
}

/// Keeps the rows that have an event time.
fn with_time(flow: Flow, time: EventTime, place: Place<'_>, fx: &mut Effects) -> Result<Flow> {
    let times = time_column(&flow.batch, time.column)?;
    if times.null_count() == 0 {
        return Ok(flow);
    }
    let schema = flow.batch.schema();
    let column = schema.fields().get(time.column).map(|f| f.name().as_str());
    let keep: BooleanArray = times.iter().map(|t| Some(t.is_some())).collect();
    for row in (0..keep.len()).filter(|&row| !keep.value(row)) {
        let message = "the event time is missing or null".to_owned();
        place.reject_row(
            &flow,
            row,
            Fault {
                stream: None,
                reason: Reason::MissingRequired,
                column,
                message,
            },
            fx,
        );
    }
    flow.filter(&keep)
}
