//! A stream: its steps, and the one operator that brings rows together.

use arrow::datatypes::SchemaRef;

use super::{Aggregate, Await, Input, Join, Lookup, Over, Step};

/// One stream: a query, broken into what is done before grouping, the grouping, and what is done to its results.
#[derive(Debug)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// What it reads, one after the other in no order: all give rows of the same columns.
    pub inputs: Vec<Input>,
    /// Row by row, on the input's rows.
    pub before: Vec<Step>,
    /// What brings rows of a key together, if there is anything of the kind.
    pub operator: Option<Operator>,
    /// Row by row, on the operator's rows; empty without an operator.
    pub after: Vec<Step>,
    /// What is put behind the columns of its rows in the end.
    pub behind: Option<Behind>,
    /// The schema of its rows.
    pub schema: SchemaRef,
    /// Whether its rows are added or replace each other.
    pub changes: Changes,
    /// How often it was reset: what is stored of fewer resets is not its own.
    pub epoch: u32,
    /// What becomes of other stored state that it cannot go on from.
    pub misfit: Misfit,
}

impl Stream {
    /// The grouping, if that is what it does.
    #[must_use]
    pub fn aggregate(&self) -> Option<&Aggregate> {
        match self.operator.as_ref()? {
            Operator::Aggregate(aggregate) => Some(aggregate),
            Operator::Over(_) | Operator::Join(_) | Operator::Await(_) => None,
        }
    }

    /// The joins with tables.
    pub fn lookups(&self) -> impl Iterator<Item = &Lookup> {
        let waiting = match &self.operator {
            Some(Operator::Await(wait)) => wait.steps.as_slice(),
            _ => &[],
        };
        let steps = self.before.iter().chain(waiting);
        steps.filter_map(|step| match step {
            Step::Lookup(lookup) => Some(lookup),
            _ => None,
        })
    }

    /// Where rows with the same key meet, if they must.
    #[must_use]
    pub fn exchange(&self) -> Option<&Exchange> {
        self.operator.as_ref().map(Operator::exchange)
    }
}

/// What rules want to know of rows: it is a last column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// The record that a row is: [`RECORD`](super::RECORD).
    Record {
        /// The column of the row's time.
        time: usize,
        /// The topic that the records are of, if they are of one.
        topic: Option<String>,
    },
    /// The records that a row was made of: [`EVIDENCE`](super::EVIDENCE).
    Evidence,
    /// The edition of the rules: [`EDITION`](super::EDITION).
    Edition,
}

/// What brings rows of a key together, and has state for that.
#[derive(Debug)]
pub enum Operator {
    /// One row of the results for each group.
    Aggregate(Aggregate),
    /// Each row, with what functions give of the rows up to it.
    Over(Over),
    /// Rows of two streams, each with those of the other that belong to it.
    Join(Join),
    /// Joins of which rows wait for what they find nothing of.
    Await(Await),
}

impl Operator {
    /// Where rows with the same key meet.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        match self {
            Self::Aggregate(aggregate) => &aggregate.exchange,
            Self::Over(over) => &over.exchange,
            Self::Join(join) => &join.exchange,
            Self::Await(_) => &Exchange::Local,
        }
    }

    /// The same, to be set; none where they need not meet.
    pub fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        match self {
            Self::Aggregate(aggregate) => Some(&mut aggregate.exchange),
            Self::Over(over) => Some(&mut over.exchange),
            Self::Join(join) => Some(&mut join.exchange),
            Self::Await(_) => None,
        }
    }
}

/// Where rows with the same key meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// They are in one source partition already.
    Local,
    /// Partial aggregates of every source partition travel through an internal topic with this many shards.
    Shuffle {
        /// The internal topic's partitions.
        shards: u32,
    },
}

/// What becomes of a late record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It goes to the dead letters.
    DeadLetter,
    /// It is counted, and dropped.
    Drop,
}

/// What becomes of stored state that a stream cannot go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// The stream does not start.
    Refuse,
    /// It starts without that state.
    Drop,
}

/// Whether a stream's rows are added or replace each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Every row is new and final.
    Append,
    /// A row replaces the one before with the same values in these columns (indices into the stream's schema); a
    /// deletion takes it away.
    Upsert {
        /// The columns that identify a row.
        key: Vec<usize>,
    },
}
