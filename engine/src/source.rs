//! From the records of a source partition to its rows: decoded, checked, each with the watermark before it.

use arrow::array::{
    Array, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt32Array,
};
use tidemill_plan::model::{Check, EventTime, Micros};

use crate::clock::SourceClock;
use crate::decode::{Decoder, RegisteredSchema};
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::{RawRecord, Reason, Rejection};
use crate::reject::{Fault, Place};
use crate::rows::{Flow, Replaces};
use crate::steps::{isolate, truth};
use crate::window::NEVER;

/// Reads one partition of a source.
pub(crate) struct Reader {
    /// Absent where rows are generated.
    decoder: Option<Box<Decoder>>,
    rejected: Vec<Rejection>,
    pub(crate) clock: SourceClock,
}

impl Reader {
    pub(crate) fn new(decoder: Option<Box<Decoder>>) -> Self {
        Self {
            decoder,
            rejected: Vec::new(),
            clock: SourceClock::default(),
        }
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

    /// Makes rows of the records in hand.
    pub(crate) fn read(
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
        check: Option<&Check>,
        time: Option<EventTime>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Flow> {
        // Something has come, valid or not: the partition is neither idle nor at its end.
        self.clock.idle = false;
        self.clock.finished = None;
        let flow = match check {
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
        match time {
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
