//! Rows as lines of JSON, for people and pipes.

use std::io::Write;
use std::ops::Range;

use arrow::array::RecordBatch;

use super::{ExternalSink, Rows, SinkError};
use crate::log::{Position, TopicPartition};

/// Writes each row of a batch as JSON into the bytes, without a line's end, and adds where it lies.
pub type Encode =
    Box<dyn FnMut(&RecordBatch, &mut Vec<u8>, &mut Vec<Range<u32>>) -> Result<(), String> + Send>;

/// One JSON object a line, nothing else; a deletion has `"_deleted":true` in front. What has been printed cannot be
/// taken back, and there is nowhere to note progress: after a crash rows are printed again, so this is at least once.
pub struct Lines<W> {
    out: W,
    encode: Encode,
    bytes: Vec<u8>,
    places: Vec<Range<u32>>,
}

/// Lines on the standard output of the process.
#[must_use]
pub fn stdout(encode: Encode) -> Lines<std::io::Stdout> {
    Lines::new(std::io::stdout(), encode)
}

impl<W: Write + Send> Lines<W> {
    /// Lines to wherever.
    pub fn new(out: W, encode: Encode) -> Self {
        Self {
            out,
            encode,
            bytes: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Puts the lines of a batch behind `lines`.
    fn lines(&mut self, rows: &Rows, lines: &mut Vec<u8>) -> Result<(), SinkError> {
        self.bytes.clear();
        self.places.clear();
        (self.encode)(&rows.batch, &mut self.bytes, &mut self.places)
            .map_err(SinkError::Refused)?;
        for (row, place) in self.places.iter().enumerate() {
            let place = place.start as usize..place.end as usize;
            let json = self.bytes.get(place).unwrap_or_default();
            match json.strip_prefix(b"{") {
                Some(rest) if rows.is_deleted(row) => {
                    lines.extend_from_slice(b"{\"_deleted\":true");
                    lines.extend_from_slice(if rest == b"}" { b"" } else { b"," });
                    lines.extend_from_slice(rest);
                }
                _ => lines.extend_from_slice(json),
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

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

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
        let encode: Encode = Box::new(|batch, bytes, places| {
            for v in batch.column(0).as_primitive::<Int64Type>().values() {
                let start = bytes.len() as u32;
                bytes.extend_from_slice(format!("{{\"v\":{v}}}").as_bytes());
                places.push(start..bytes.len() as u32);
            }
            Ok(())
        });
        let out = Shared::default();
        let mut sink = Lines::new(out.clone(), encode);
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("v", column)]).unwrap();
        let deleted = Some(vec![false, true].into());
        sink.write(&[Rows { batch, deleted }], &[]).unwrap();
        let written = out.0.lock().unwrap().clone();
        let written = String::from_utf8(written).unwrap();
        assert_eq!(written, "{\"v\":1}\n{\"_deleted\":true,\"v\":2}\n");
    }
}
