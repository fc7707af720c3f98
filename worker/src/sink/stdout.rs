//! Rows as lines of JSON, for people and pipes.

use std::io::Write;
use std::ops::Range;

use tidemill_engine::encode::JsonEncoder;

use super::{ExternalSink, Rows, SinkError, push_deleted};
use crate::log::{Position, TopicPartition};

/// One JSON object a line, nothing else; a deletion has `"_deleted":true` in front. What has been printed cannot be
/// taken back, and there is nowhere to note progress: after a crash rows are printed again, so this is at least once.
pub struct Lines<W> {
    out: W,
    encoder: JsonEncoder,
    bytes: Vec<u8>,
    places: Vec<Range<u32>>,
}

/// Lines on the standard output of the process.
#[must_use]
pub fn stdout(encoder: JsonEncoder) -> Lines<std::io::Stdout> {
    Lines::new(std::io::stdout(), encoder)
}

impl<W: Write + Send> Lines<W> {
    /// Lines to wherever.
    pub fn new(out: W, encoder: JsonEncoder) -> Self {
        Self {
            out,
            encoder,
            bytes: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Puts the lines of a batch behind `lines`.
    fn lines(&mut self, rows: &Rows, lines: &mut Vec<u8>) -> Result<(), SinkError> {
        self.bytes.clear();
        self.places.clear();
        let encoded = self
            .encoder
            .encode(&rows.batch, &mut self.bytes, &mut self.places);
        encoded.map_err(|e| SinkError::Refused(e.to_string()))?;
        for (row, place) in self.places.iter().enumerate() {
            let place = place.start as usize..place.end as usize;
            let json = self.bytes.get(place).unwrap_or_default();
            match rows.is_deleted(row) {
                true => push_deleted(json, lines),
                false => lines.extend_from_slice(json),
            }
            lines.push(b'\n');
        }
        Ok(())
    }
}

impl<W: Write + Send> ExternalSink for Lines<W> {
    fn claim(&mut self, partitions: &[TopicPartition]) -> Result<Vec<Option<Position>>, SinkError> {
        Ok(vec![None; partitions.len()])
    }

    fn write(
        &mut self,
        rows: &[Rows],
        _positions: &[(TopicPartition, Position)],
    ) -> Result<(), SinkError> {
        let mut lines = Vec::new();
        for rows in rows {
            self.lines(rows, &mut lines)?;
        }
        // In one piece, so that the lines of several sinks do not mix.
        let written = self.out.write_all(&lines).and_then(|()| self.out.flush());
        written.map_err(|e| SinkError::Unavailable(format!("standard output: {e}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use tidemill_engine::encode::JsonOptions;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_row_is_a_line() {
        let out = Shared::default();
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("v", column)]).unwrap();
        let encoder = JsonEncoder::new(&batch.schema(), JsonOptions::default()).unwrap();
        let mut sink = Lines::new(out.clone(), encoder);
        let deleted = Some(vec![false, true].into());
        sink.write(&[Rows { batch, deleted }], &[]).unwrap();
        let written = out.0.lock().unwrap().clone();
        let written = String::from_utf8(written).unwrap();
        assert_eq!(written, "{\"v\":1}\n{\"_deleted\":true,\"v\":2}\n");
    }
}
