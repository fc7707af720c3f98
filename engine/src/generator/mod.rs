//! Records made by seed, in place of a topic: transactions of made-up people, with fraud planted among them, and the
//! people themselves; and the events of Nexmark.
//!
//! Record `i` of partition `p` of `n` is record `i * n + p` of the whole. What a record holds depends on the seed, that
//! number and its time alone: not on how it is batched, nor on who makes the other partitions.

mod fraud;
mod nexmark;
mod people;
mod random;
mod transactions;
mod words;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use tidemill_plan::model::{self, GeneratorKind, Micros};

use crate::encode::{EncodeError, JsonEncoder, JsonOptions};
use people::Customer;
use random::{Dice, Purpose};
use transactions::{Transaction, Transactions};

/// Synthetic times are early by less than this (microseconds): an `outOfOrderness` of 2 s makes no record late.
const JITTER: f64 = 2_000_000.0;

/// Where the time of a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeSource {
    /// Record `g` of the whole is at `start + g * step`, less up to 2 s that depend on the seed, so that records are a
    /// little out of order. The same on every run. Of Nexmark, `g` is the number among events of all kinds.
    Synthetic {
        /// Time of the first record.
        start: Micros,
        /// Time between records.
        step: Micros,
    },
    /// Every record is at this time: now, by the clock of whoever paces the records.
    At(Micros),
}

/// Why records cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GeneratorError {
    /// A column is asked for that there is not.
    #[error("generated {kind} have no column {column:?}; they have {known}")]
    NoSuchColumn {
        /// The column.
        column: String,
        /// What is generated.
        kind: &'static str,
        /// The columns there are.
        known: String,
    },
    /// A column is asked for by another type.
    #[error("generated column {column:?} is of type {data_type}, not {asked}")]
    OtherType {
        /// The column.
        column: String,
        /// Its type.
        data_type: DataType,
        /// The type asked for.
        asked: DataType,
    },
    /// A column that is null in some records is required.
    #[error("generated column {column:?} is null in some records and cannot be required")]
    SometimesNull {
        /// The column.
        column: String,
    },
    /// A partition is asked for that there is not.
    #[error("there is no partition {partition}: the records are spread over {partitions}")]
    NoSuchPartition {
        /// The partition.
        partition: u32,
        /// How many there are.
        partitions: u32,
    },
    /// The batch cannot be put together.
    #[error("generated records do not fit together: {0}")]
    Batch(#[from] ArrowError),
    /// The records cannot be written as JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// All columns of a kind of record, in their order.
#[must_use]
pub fn schema(kind: GeneratorKind) -> SchemaRef {
    let fields = match kind {
        GeneratorKind::Transactions => fields(transactions::columns()),
        GeneratorKind::Customers => fields(people::columns()),
        GeneratorKind::NexmarkPeople => fields(nexmark::people()),
        GeneratorKind::NexmarkAuctions => fields(nexmark::auctions()),
        GeneratorKind::NexmarkBids => fields(nexmark::bids()),
    };
    Arc::new(Schema::new(fields))
}

fn fields<R>(columns: Vec<Column<R>>) -> Vec<FieldRef> {
    columns.into_iter().map(|column| column.field).collect()
}

/// Makes the records of one partition.
#[derive(Debug, Clone)]
pub struct Generator {
    dice: Dice,
    schema: SchemaRef,
    rows: Rows,
    accounts: u64,
    records: Option<u64>,
    partition: u64,
    partitions: u64,
}

/// What is made, and the wanted columns of it.
#[derive(Debug, Clone)]
enum Rows {
    Transactions(Transactions, Vec<Make<Transaction>>),
    Customers(Vec<Make<Customer>>),
    People(Vec<Make<nexmark::Person>>),
    Auctions(Vec<Make<nexmark::Auction>>),
    Bids(Vec<Make<nexmark::Bid>>),
}

impl Rows {
    /// Of Nexmark, which events they are.
    fn nexmark(&self) -> Option<nexmark::Kind> {
        match self {
            Self::Transactions(..) | Self::Customers(_) => None,
            Self::People(_) => Some(nexmark::Kind::Person),
            Self::Auctions(_) => Some(nexmark::Kind::Auction),
            Self::Bids(_) => Some(nexmark::Kind::Bid),
        }
    }
}

impl Generator {
    /// A generator of one partition's records, with the columns of `schema`: any of [`schema()`], in any order.
    ///
    /// # Errors
    /// [`GeneratorError`] when a column or the partition is not one there is.
    pub fn new(
        spec: &model::Generator,
        schema: SchemaRef,
        partition: u32,
    ) -> Result<Self, GeneratorError> {
        let partitions = spec.partitions;
        if partition >= partitions {
            return Err(GeneratorError::NoSuchPartition {
                partition,
                partitions,
            });
        }
        let rows = match spec.kind {
            GeneratorKind::Transactions => {
                let columns = wanted(&schema, transactions::columns(), "transactions")?;
                Rows::Transactions(Transactions::new(spec), columns)
            }
            GeneratorKind::Customers => {
                Rows::Customers(wanted(&schema, people::columns(), "customers")?)
            }
            GeneratorKind::NexmarkPeople => {
                Rows::People(wanted(&schema, nexmark::people(), "people of Nexmark")?)
            }
            GeneratorKind::NexmarkAuctions => {
                Rows::Auctions(wanted(&schema, nexmark::auctions(), "auctions of Nexmark")?)
            }
            GeneratorKind::NexmarkBids => {
                Rows::Bids(wanted(&schema, nexmark::bids(), "bids of Nexmark")?)
            }
        };
        Ok(Self {
            dice: Dice::new(spec.seed),
            schema,
            rows,
            accounts: spec.accounts.max(1),
            records: spec.records,
            partition: u64::from(partition),
            partitions: u64::from(partitions),
        })
    }

    /// How many records the partition has; `None` where there is no end.
    #[must_use]
    pub fn records(&self) -> Option<u64> {
        self.records.map(|records| {
            records
                .saturating_sub(self.partition)
                .div_ceil(self.partitions)
        })
    }

    /// Makes records `from`, `from + 1`, … of the partition: `count` of them, or fewer where it ends.
    ///
    /// # Errors
    /// [`GeneratorError::Batch`], which would be a fault of this module.
    pub fn batch(
        &self,
        from: u64,
        count: usize,
        time: TimeSource,
    ) -> Result<RecordBatch, GeneratorError> {
        // Beyond the last number there is, a partition without end ends too.
        let end = self.records().unwrap_or(u64::MAX / self.partitions - 1);
        let to = from.saturating_add(count as u64).min(end);
        let indices = (from..to).map(|i| i * self.partitions + self.partition);
        let timed = indices.map(|index| (index, self.time_of(index, time)));
        let dice = &self.dice;
        let (rows, columns) = match &self.rows {
            Rows::Transactions(transactions, columns) => filled(
                timed.map(|(index, ts)| transactions.make(index, ts, time)),
                columns,
            ),
            Rows::Customers(columns) => filled(
                timed.map(|(index, ts)| Customer::make(dice, index % self.accounts, ts)),
                columns,
            ),
            Rows::People(columns) => filled(
                timed
                    .map(|(i, ts)| nexmark::Person::make(dice, nexmark::Kind::Person.event(i), ts)),
                columns,
            ),
            Rows::Auctions(columns) => filled(
                timed.map(|(i, ts)| {
                    nexmark::Auction::make(dice, nexmark::Kind::Auction.event(i), ts)
                }),
                columns,
            ),
            Rows::Bids(columns) => filled(
                timed.map(|(i, ts)| nexmark::Bid::make(dice, nexmark::Kind::Bid.event(i), ts)),
                columns,
            ),
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &options,
        )?)
    }

    /// Appends the same records as lines of JSON, and says how many they are.
    ///
    /// # Errors
    /// As [`Generator::batch`], and [`GeneratorError::Encode`] beyond 4 GiB in one call.
    pub fn json_lines(
        &self,
        from: u64,
        count: usize,
        time: TimeSource,
        out: &mut Vec<u8>,
    ) -> Result<usize, GeneratorError> {
        let batch = self.batch(from, count, time)?;
        let encoder = JsonEncoder::new(&self.schema, JsonOptions::default())?;
        let (mut arena, mut rows) = (Vec::new(), Vec::new());
        encoder.encode(&batch, &mut arena, &mut rows)?;
        out.reserve(arena.len() + rows.len());
        for row in rows {
            out.extend_from_slice(
                arena
                    .get(row.start as usize..row.end as usize)
                    .unwrap_or_default(),
            );
            out.push(b'\n');
        }
        Ok(batch.num_rows())
    }

    fn time_of(&self, index: u64, time: TimeSource) -> Micros {
        match time {
            TimeSource::At(now) => now,
            TimeSource::Synthetic { start, step } => {
                // Events of Nexmark are of one sequence, whichever of them are made.
                let number = self.rows.nexmark().map_or(index, |kind| kind.event(index));
                let index_or_last = i64::try_from(number).unwrap_or(i64::MAX);
                let nominal = start.saturating_add(step.saturating_mul(index_or_last));
                let early = self.dice.unit(Purpose::Jitter, index);
                // Mostly a few milliseconds, rarely more than a second.
                nominal.saturating_sub((early * early * early * early * JITTER) as Micros)
            }
        }
    }
}

/// How many rows there are, and their columns.
fn filled<R>(rows: impl Iterator<Item = R>, columns: &[Make<R>]) -> (usize, Vec<ArrayRef>) {
    let rows: Vec<R> = rows.collect();
    let columns = columns.iter().map(|column| column(&rows)).collect();
    (rows.len(), columns)
}

/// Makes one column of rows.
type Make<R> = fn(&[R]) -> ArrayRef;

/// A column that can be made of rows.
struct Column<R> {
    field: FieldRef,
    make: Make<R>,
}

impl<R> Column<R> {
    fn new(name: &str, data_type: DataType, make: Make<R>) -> Self {
        Self {
            field: Arc::new(Field::new(name, data_type, false)),
            make,
        }
    }

    fn nullable(self) -> Self {
        Self {
            field: Arc::new(self.field.as_ref().clone().with_nullable(true)),
            make: self.make,
        }
    }
}

/// Times, as the plan has them.
const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// A column of times.
fn times<R>(rows: &[R], time: impl Fn(&R) -> Micros) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(
        rows.iter().map(time),
    ))
}

/// A column of words that there are few of.
fn words<R>(rows: &[R], word: impl Fn(&R) -> &'static str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(word)))
}

/// Picks the columns of `schema`.
fn wanted<R>(
    schema: &Schema,
    columns: Vec<Column<R>>,
    kind: &'static str,
) -> Result<Vec<Make<R>>, GeneratorError> {
    let pick = |field: &FieldRef| {
        let column = field.name().clone();
        let Some(found) = columns
            .iter()
            .find(|column| column.field.name() == field.name())
        else {
            let known = columns
                .iter()
                .map(|column| column.field.name().as_str())
                .collect::<Vec<_>>()
                .join(", ");
            return Err(GeneratorError::NoSuchColumn {
                column,
                kind,
                known,
            });
        };
        if found.field.data_type() != field.data_type() {
            let (data_type, asked) = (found.field.data_type().clone(), field.data_type().clone());
            return Err(GeneratorError::OtherType {
                column,
                data_type,
                asked,
            });
        }
        if found.field.is_nullable() && !field.is_nullable() {
            return Err(GeneratorError::SometimesNull { column });
        }
        Ok(found.make)
    };
    schema.fields().iter().map(pick).collect()
}

#[cfg(test)]
mod tests;
