//! The aggregate function `tidemill_records`: the last records of a group, as alerts of a rule show them. It is for the
//! queries that are made of rules.
//!
//! A record is a text that begins with where it is in order ([`record`]), and ends with its JSON. Of these the greatest are
//! kept, so that the result does not depend on the order in which rows come.

use std::any::Any;
use std::collections::BTreeSet;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use crate::model::{Micros, SHOWN};

/// What a query calls it.
pub(super) const NAME: &str = "tidemill_records";

/// How long the part of a record is that tells its place.
const PLACE: usize = 16 + 8 + 16;

/// What is between records: no JSON on a line of its own has it.
const BETWEEN: char = '\n';

/// A record as the function takes it: its time, where it is, and its JSON.
#[must_use]
pub fn record(time: Micros, partition: i32, offset: i64, json: &str) -> String {
    // Numbers that are negative come first.
    let long = |number: i64| number.cast_unsigned() ^ (1 << 63);
    let short = partition.cast_unsigned() ^ (1 << 31);
    format!("{:016x}{short:08x}{:016x}{json}", long(time), long(offset))
}

pub(super) fn records() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Records {
        signature: Signature::exact(vec![DataType::Utf8], Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Records {
    signature: Signature,
}

impl AggregateUDFImpl for Records {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn state_fields(&self, _: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new("records", DataType::Utf8, true))])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Last::default()))
    }
}

/// The greatest records.
#[derive(Debug, Default)]
struct Last {
    records: BTreeSet<String>,
    /// How long they are together.
    bytes: usize,
}

impl Last {
    fn add(&mut self, record: &str) {
        let is_full = self.records.len() >= SHOWN;
        if is_full
            && self
                .records
                .first()
                .is_some_and(|first| record <= first.as_str())
        {
            return;
        }
        if self.records.insert(record.to_owned()) {
            self.bytes += record.len();
        }
        if self.records.len() > SHOWN
            && let Some(gone) = self.records.pop_first()
        {
            self.bytes -= gone.len();
        }
    }

    fn joined<'r>(&'r self, part: impl Fn(&'r str) -> &'r str, between: &str) -> ScalarValue {
        let parts: Vec<&str> = self.records.iter().map(|record| part(record)).collect();
        ScalarValue::Utf8(Some(parts.join(between)))
    }
}

impl Accumulator for Last {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let texts = values
            .first()
            .and_then(|values| values.as_string_opt::<i32>());
        let records = texts.into_iter().flat_map(|texts| texts.iter().flatten());
        records.for_each(|record| self.add(record));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let texts = states
            .first()
            .and_then(|states| states.as_string_opt::<i32>());
        let states = texts.into_iter().flat_map(|texts| texts.iter().flatten());
        let records = states.flat_map(|state| state.split(BETWEEN));
        records
            .filter(|it| !it.is_empty())
            .for_each(|it| self.add(it));
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.joined(|record| record, &BETWEEN.to_string())])
    }

    /// The JSON of each, with commas between.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.joined(|record| record.get(PLACE..).unwrap_or_default(), ","))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.records.len() * (size_of::<String>() + 16)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::StringArray;

    use super::*;

    fn column(records: &[String]) -> Vec<ArrayRef> {
        vec![Arc::new(StringArray::from_iter_values(records))]
    }

    fn given(last: &mut Last) -> String {
        let ScalarValue::Utf8(Some(text)) = last.evaluate().unwrap() else {
            unreachable!()
        };
        text
    }

    #[test]
    fn the_last_are_kept_whatever_the_order() {
        let of = |i: i64| {
            record(
                i - 30,
                i32::try_from(i % 3).unwrap() - 1,
                -i,
                &i.to_string(),
            )
        };
        let all: Vec<String> = (0..50).map(of).collect();
        let mut forwards = Last::default();
        forwards.update_batch(&column(&all)).unwrap();
        let mut parts: Vec<Last> = (0..3).map(|_| Last::default()).collect();
        for (i, one) in all.iter().rev().enumerate() {
            let part = parts.get_mut(i % 3).unwrap();
            part.update_batch(&column(std::slice::from_ref(one)))
                .unwrap();
        }
        let mut merged = Last::default();
        for part in &mut parts {
            let state = part.state().unwrap();
            let state: Vec<ArrayRef> = state.iter().map(|s| s.to_array().unwrap()).collect();
            merged.merge_batch(&state).unwrap();
        }
        let expected: Vec<String> = (30..50).map(|i| i.to_string()).collect();
        assert_eq!(given(&mut forwards), expected.join(","));
        assert_eq!(given(&mut merged), expected.join(","));
    }

    #[test]
    fn time_comes_before_partition_and_offset() {
        let places = [(-5, 7, 9), (0, -1, 5), (0, 0, -3), (0, 0, 2), (3, -9, 0)];
        let texts = places.map(|(time, partition, offset)| record(time, partition, offset, "{}"));
        assert!(texts.is_sorted(), "{texts:?}");
        assert!(texts.iter().all(|text| text.len() == PLACE + 2));
    }

    #[test]
    fn of_none_there_is_nothing() {
        let mut none = Last::default();
        let state = none.state().unwrap();
        let state: Vec<ArrayRef> = state.iter().map(|s| s.to_array().unwrap()).collect();
        none.merge_batch(&state).unwrap();
        assert_eq!(given(&mut none), "");
    }
}
