//! Dead letters: a rejected row, told by the record that it came from or, where there is none, by the row itself.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use tidemill_plan::stream_of;

use crate::effects::Effects;
use crate::record::{DeadLetter, RawBatch, Reason, Rejection};
use crate::rows::Flow;

/// Where the rows in hand come from.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The topic that the task reads.
    pub(crate) topic: &'a str,
    /// Its partition.
    pub(crate) partition: i32,
    /// The records in hand; none when windows close by themselves.
    pub(crate) raw: Option<&'a RawBatch<'a>>,
    /// The edition of the rules that is in force here.
    pub(crate) edition: i64,
}

/// Why a row is rejected, and by whom.
pub(crate) struct Fault<'a> {
    /// The stream; `None` is the source.
    pub(crate) stream: Option<&'a str>,
    pub(crate) reason: Reason,
    pub(crate) column: Option<&'a str>,
    pub(crate) message: String,
}

impl Place<'_> {
    /// The offset of the record that a row was made of, if it was made of one.
    pub(crate) fn offset(&self, flow: &Flow, row: usize) -> Option<i64> {
        let record = *flow.origin.as_ref()?.values().get(row)?;
        Some(self.raw?.records.get(record as usize)?.offset)
    }

    /// Rejects a row of a flow.
    pub(crate) fn reject_row(&self, flow: &Flow, row: usize, fault: Fault<'_>, fx: &mut Effects) {
        let record = flow
            .origin
            .as_ref()
            .and_then(|o| o.values().get(row))
            .map(|&r| r as usize);
        let mut letter = self.letter(record, fault);
        if letter.value.is_none() {
            letter.value = Some(row_json(&flow.batch, row).into_bytes());
        }
        fx.dead_letters.push(letter);
    }

    /// Rejects a row that was made in the shard from a record of the shuffle topic.
    pub(crate) fn reject_derived(
        &self,
        record: Option<usize>,
        batch: &RecordBatch,
        row: usize,
        fault: Fault<'_>,
        fx: &mut Effects,
    ) {
        let mut letter = self.letter(record, fault);
        letter.key = None;
        letter.headers = Vec::new();
        letter.value = Some(row_json(batch, row).into_bytes());
        fx.dead_letters.push(letter);
    }

    /// Rejects a record that could not be decoded.
    pub(crate) fn reject_record(&self, rejection: Rejection, fx: &mut Effects) {
        let Rejection {
            record,
            reason,
            column,
            message,
        } = rejection;
        let fault = Fault {
            stream: None,
            reason,
            column: column.as_deref(),
            message,
        };
        fx.dead_letters.push(self.letter(Some(record), fault));
    }

    fn letter(&self, record: Option<usize>, fault: Fault<'_>) -> DeadLetter {
        let found =
            record.and_then(|i| self.raw.and_then(|raw| Some((raw, i, raw.records.get(i)?))));
        DeadLetter {
            topic: self.topic.to_owned(),
            partition: self.partition,
            offset: found.map_or(-1, |(_, _, r)| r.offset),
            timestamp: found.map_or(-1, |(_, _, r)| r.timestamp),
            key: found.and_then(|(_, _, r)| r.key.map(<[u8]>::to_vec)),
            value: found.and_then(|(_, _, r)| r.value.map(<[u8]>::to_vec)),
            headers: found
                .map(|(raw, i, _)| (raw.headers)(i))
                .unwrap_or_default(),
            stream: fault.stream.map(|it| stream_of(it).to_owned()),
            reason: fault.reason,
            column: fault.column.map(str::to_owned),
            message: fault.message,
        }
    }
}

/// A row as a JSON object, for a person to read.
pub(crate) fn row_json(batch: &RecordBatch, row: usize) -> String {
    let mut out = String::from("{");
    for (i, (field, column)) in batch
        .schema_ref()
        .fields()
        .iter()
        .zip(batch.columns())
        .enumerate()
    {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(field.name().as_str()).to_string());
        out.push(':');
        out.push_str(&value_json(column.as_ref(), row));
    }
    out.push('}');
    out
}

fn value_json(column: &dyn Array, row: usize) -> String {
    if row >= column.len() || column.is_null(row) {
        return "null".to_owned();
    }
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(column, &options)
        .and_then(|f| f.value(row).try_to_string())
        .unwrap_or_else(|_| String::from("?"));
    let bare = match column.data_type() {
        DataType::Boolean => true,
        DataType::Decimal128(..) => true,
        other => other.is_numeric() && text.parse::<f64>().is_ok_and(f64::is_finite),
    };
    if bare {
        text
    } else {
        serde_json::Value::from(text).to_string()
    }
}
