//! Rows as JSON.

use std::ops::Range;

use arrow::array::{RecordBatch, StringArray};

use crate::encode::{EncodeError, JsonEncoder, JsonOptions};
use crate::error::{EngineError, Result};

/// The rows of a batch as JSON, one after the other, and where each is.
pub(crate) struct Texts {
    arena: Vec<u8>,
    ranges: Vec<Range<u32>>,
}

impl Texts {
    pub(crate) fn of(batch: &RecordBatch) -> Result<Self> {
        let unwritable = |error: EncodeError| EngineError::Plan(error.to_string());
        let encoder = JsonEncoder::new(batch.schema_ref(), JsonOptions::default());
        let (mut arena, mut ranges) = (Vec::new(), Vec::with_capacity(batch.num_rows()));
        let encoder = encoder.map_err(unwritable)?;
        let encoded = encoder.encode(batch, &mut arena, &mut ranges);
        encoded.map_err(unwritable)?;
        Ok(Self { arena, ranges })
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let part = |range: &Range<u32>| self.arena.get(range.start as usize..range.end as usize);
        self.ranges
            .iter()
            .map(move |range| part(range).unwrap_or(b"null"))
    }

    pub(super) fn column(&self) -> StringArray {
        self.rows()
            .map(|row| Some(String::from_utf8_lossy(row)))
            .collect()
    }
}
