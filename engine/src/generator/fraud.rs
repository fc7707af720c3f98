//! Where fraud is planted, and which.

use tidemill_plan::model::Micros;

use super::TimeSource;
use super::random::{Dice, Purpose};

/// A kind of planted fraud: what `fraud_kind` says, and what is true of the record then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fraud {
    /// An amount over 10,000; no honest one is.
    LargeAmount,
    /// One of 5 to 8 payments from one account within a minute.
    RapidActivity,
    /// A withdrawal of 1,000 or more between 01:00 and 05:00 UTC; no honest withdrawal is as large.
    NightTime,
}

impl Fraud {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::LargeAmount => "LargeAmount",
            Self::RapidActivity => "RapidActivity",
            Self::NightTime => "NightTime",
        }
    }
}

/// A planted fraud that a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
    /// One record.
    Single(Fraud),
    /// Neighbours of one account; the number names the burst.
    Burst(u64),
}

/// Bursts lie in blocks of this many neighbouring records, from the block's start on.
const BLOCK: u64 = 8;
const SHORTEST_BURST: u64 = 5;
const MEAN_BURST: f64 = 6.5;

const SECOND: Micros = 1_000_000;
const HOUR: Micros = 3_600 * SECOND;

/// How fraud is planted: half of it in bursts, half in single records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    dice: Dice,
    /// The chance of a block to begin with a burst.
    burst: f64,
    /// The chance of any record outside bursts.
    single: f64,
    records: Option<u64>,
}

impl Plan {
    /// Plants so that `ratio` of all records belong to a fraud.
    pub(super) fn new(dice: Dice, ratio: f64, records: Option<u64>) -> Self {
        let half = ratio.clamp(0.0, 1.0) / 2.0;
        Self {
            dice,
            burst: half * BLOCK as f64 / MEAN_BURST,
            single: half / (1.0 - half),
            records,
        }
    }

    /// The fraud that a record belongs to.
    pub(super) fn of(&self, index: u64, ts: Micros, time: TimeSource) -> Option<Planted> {
        match self.burst_of(index) {
            Some(burst) if within_a_minute(time) => Some(Planted::Burst(burst)),
            // Records too far apart for a burst are suspicious one by one, so that the ratio stays what it is.
            Some(_) => Some(Planted::Single(self.single_kind(index, ts))),
            None if self.dice.unit(Purpose::Single, index) < self.single => {
                Some(Planted::Single(self.single_kind(index, ts)))
            }
            None => None,
        }
    }

    fn burst_of(&self, index: u64) -> Option<u64> {
        let (block, place) = (index / BLOCK, index % BLOCK);
        let whole = self.records.is_none_or(|records| block < records / BLOCK);
        let burst = whole && self.dice.unit(Purpose::Burst, block) < self.burst;
        let length = || {
            SHORTEST_BURST
                + self
                    .dice
                    .below(BLOCK - SHORTEST_BURST + 1, Purpose::BurstLength, block)
        };
        (burst && place < length()).then_some(block)
    }

    fn single_kind(&self, index: u64, ts: Micros) -> Fraud {
        let night = (HOUR..5 * HOUR).contains(&ts.rem_euclid(24 * HOUR));
        if night && self.dice.below(2, Purpose::SingleKind, index) == 0 {
            Fraud::NightTime
        } else {
            Fraud::LargeAmount
        }
    }
}

/// Whether the records of a block are within a minute, the jitter included.
fn within_a_minute(time: TimeSource) -> bool {
    match time {
        TimeSource::At(_) => true,
        TimeSource::Synthetic { step, .. } => {
            step.saturating_abs() <= 58 * SECOND / BLOCK as Micros
        }
    }
}
