//! Raw text: the whole record is the only column.

use arrow::datatypes::SchemaRef;
use tidemill_plan::model::Column;

use super::convert::Value;
use super::fault::{Fault, found_text};
use super::scan::Kind;
use super::table::{Made, Table, check_utf8};
use super::{DecodeError, Decoded, Limits, SchemaError};
use crate::record::{RawRecord, Rejection};

/// Decodes records into batches of one column, or of none.
pub struct RawDecoder {
    table: Table,
}

impl RawDecoder {
    /// A decoder into this schema.
    pub(super) fn new(
        columns: &[Column],
        schema: SchemaRef,
        limits: Limits,
    ) -> Result<Self, SchemaError> {
        let slots = vec![0; columns.len()];
        let table = Table::new(columns, schema, limits, &slots)?;
        Ok(Self { table })
    }

    /// Decodes records, in their order. Each either becomes a row or is added to `rejected`; one without bytes is an empty
    /// text.
    ///
    /// # Errors
    /// When there are more than 2 GiB of them; nothing is decoded or rejected then.
    pub fn decode(
        &mut self,
        records: &[RawRecord<'_>],
        rejected: &mut Vec<Rejection>,
    ) -> Result<Decoded, DecodeError> {
        self.table.fill(records, rejected, |table, record| {
            let text = record.value.ok_or(Fault::Null)?;
            if text.len() > table.limits.max_record_bytes {
                return Err(Fault::TooLarge);
            }
            check_utf8(text)?;
            for (column, label) in table.columns.iter_mut().zip(&table.labels) {
                let kind = Kind::RichText;
                column
                    .builder
                    .push(Value { kind, text })
                    .map_err(|misfit| Fault::misfit(label, &found_text(text), misfit))?;
            }
            Ok(Made::Row)
        })
    }
}
