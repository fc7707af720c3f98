//! The aggregate function `latest`: of all rows the one that came last. It is for changes of tables, whose rows come in the
//! order in which they hold; a query cannot call it.

use std::any::Any;
use std::mem::size_of_val;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue, internal_datafusion_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

static LATEST: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
    Arc::new(AggregateUDF::from(Latest {
        signature: Signature::any(1, Volatility::Immutable),
    }))
});

/// The function: of all rows the one that came last.
#[must_use]
pub fn latest() -> Arc<AggregateUDF> {
    Arc::clone(&LATEST)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Latest {
    signature: Signature,
}

impl AggregateUDFImpl for Latest {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        "latest"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        let first = args.first().cloned();
        first.ok_or_else(|| internal_datafusion_err!("latest is of one column"))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let value = args.return_field.data_type().clone();
        Ok(vec![
            Arc::new(Field::new("value", value, true)),
            Arc::new(Field::new("is_there", DataType::Boolean, true)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Last {
            value: ScalarValue::try_from(args.return_field.data_type())?,
            is_there: false,
        }))
    }
}

#[derive(Debug)]
struct Last {
    value: ScalarValue,
    /// Whether a row has come.
    is_there: bool,
}

impl Last {
    fn set(&mut self, values: &ArrayRef, row: usize) -> Result<()> {
        self.value = ScalarValue::try_from_array(values, row)?;
        self.value.compact();
        self.is_there = true;
        Ok(())
    }
}

impl Accumulator for Last {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match values.first() {
            Some(values) if !values.is_empty() => self.set(values, values.len() - 1),
            _ => Ok(()),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, are_there] = states else {
            return Err(internal_datafusion_err!(
                "a state of latest has two columns"
            ));
        };
        let are_there = are_there.as_boolean_opt();
        let last = are_there.and_then(|flags| (0..flags.len()).rev().find(|&i| flags.value(i)));
        match last {
            Some(row) => self.set(values, row),
            None => Ok(()),
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), ScalarValue::from(self.is_there)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) - size_of_val(&self.value) + self.value.size()
    }
}
