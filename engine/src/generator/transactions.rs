//! Transactions: mostly honest, with the fraud planted among them.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Decimal128Array, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use tidemill_plan::model::{self, Micros};

use super::fraud::{Fraud, Plan, Planted};
use super::people::{accounts, country, customer_ids};
use super::random::{Dice, Purpose};
use super::words::{CASH, CATEGORIES, COUNTRIES, Category, ELECTRONICS, GIFT_CARDS, TRANSFERS};
use super::{Column, TIMESTAMP, TimeSource, times, words};

/// An amount has two digits after the point.
const AMOUNT: (u8, i8) = (12, 2);

/// A prime, so that multiples of it spread ranks over any number of accounts without two meeting.
const PRIME: u128 = 2_654_435_761;

/// A transaction as a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transaction {
    id: u128,
    person: u64,
    cents: u64,
    currency: &'static str,
    category: &'static Category,
    merchant: &'static str,
    ts: Micros,
    fraud: Option<Fraud>,
}

/// Makes transactions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transactions {
    dice: Dice,
    people: u64,
    frauds: Plan,
}

impl Transactions {
    pub(super) fn new(spec: &model::Generator) -> Self {
        let dice = Dice::new(spec.seed);
        Self {
            dice,
            people: spec.accounts.max(1),
            frauds: Plan::new(dice, spec.fraud_ratio, spec.records),
        }
    }

    /// Makes one, of this number in the whole.
    pub(super) fn make(&self, index: u64, ts: Micros, time: TimeSource) -> Transaction {
        let planted = self.frauds.of(index, ts, time);
        let (fraud, person) = match planted {
            None => (None, self.person(index)),
            Some(Planted::Single(fraud)) => (Some(fraud), self.person(index)),
            Some(Planted::Burst(burst)) => (
                Some(Fraud::RapidActivity),
                self.dice.below(self.people, Purpose::BurstPerson, burst),
            ),
        };
        let (category, cents) = self.purchase(index, fraud);
        Transaction {
            id: self.id(index),
            person,
            cents,
            currency: self.currency(index, person),
            category,
            merchant: self
                .dice
                .choose(category.merchants, "", Purpose::Merchant, index),
            ts,
            fraud,
        }
    }

    /// Few have many transactions, many have few: the square of chance is the rank, and ranks are scattered over
    /// account numbers.
    fn person(&self, index: u64) -> u64 {
        let chance = self.dice.unit(Purpose::Person, index);
        let rank = ((chance * chance * self.people as f64) as u64).min(self.people - 1);
        let shift = self.dice.below(self.people, Purpose::Scatter, 0);
        ((u128::from(rank) * PRIME + u128::from(shift)) % u128::from(self.people)) as u64
    }

    /// What for, and how much.
    fn purchase(&self, index: u64, fraud: Option<Fraud>) -> (&'static Category, u64) {
        let extra = |bound| self.dice.below(bound, Purpose::Amount, index);
        match fraud {
            None => {
                let category = self.category(index);
                (category, self.usual(category, index))
            }
            Some(Fraud::RapidActivity) => (&GIFT_CARDS, self.usual(&GIFT_CARDS, index)),
            Some(Fraud::LargeAmount) if index.is_multiple_of(2) => {
                (&ELECTRONICS, 1_000_001 + extra(2_000_000))
            }
            Some(Fraud::LargeAmount) => (&TRANSFERS, 1_000_001 + extra(5_000_000)),
            Some(Fraud::NightTime) => (&CASH, 100_000 + extra(400_000)),
        }
    }

    fn category(&self, index: u64) -> &'static Category {
        let all = CATEGORIES.iter().map(|category| category.weight).sum();
        let mut left = self.dice.below(all, Purpose::Category, index);
        for category in &CATEGORIES {
            match left.checked_sub(category.weight) {
                Some(rest) => left = rest,
                None => return category,
            }
        }
        &ELECTRONICS
    }

    /// A usual amount: a product of chances, so that it is skewed as amounts are, from 1/16 to 5 times the category's.
    fn usual(&self, category: &Category, index: u64) -> u64 {
        let chance = self.dice.number(Purpose::Amount, index);
        (0..4).fold(category.cents, |cents, lane| {
            (cents * (0x8000 + ((chance >> (16 * lane)) & 0xffff))) >> 16
        })
    }

    /// Mostly the currency of where the person lives.
    fn currency(&self, index: u64, person: u64) -> &'static str {
        let home = country(&self.dice, person);
        let abroad = self
            .dice
            .below(20 * COUNTRIES.len() as u64, Purpose::Currency, index);
        COUNTRIES.get(abroad as usize).unwrap_or(&home).currency
    }

    /// A number that no other transaction has, in the form of a random UUID.
    fn id(&self, index: u64) -> u128 {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0x3 << 62;
        let high = u128::from(self.dice.number(Purpose::IdHigh, index));
        let id = high << 64 | u128::from(self.dice.number(Purpose::IdLow, index));
        id & !VERSION & !VARIANT | 0x4 << 76 | 0x2 << 62
    }
}

/// All columns of a transaction.
pub(super) fn columns() -> Vec<Column<Transaction>> {
    let (precision, scale) = AMOUNT;
    vec![
        Column::new("tx_id", DataType::Utf8, |rows| {
            uuids(rows.iter().map(|row| row.id))
        }),
        Column::new("customer_id", DataType::Utf8, |rows| {
            customer_ids(rows.iter().map(|row| row.person))
        }),
        Column::new("account", DataType::Int64, |rows| {
            accounts(rows.iter().map(|row| row.person))
        }),
        Column::new("amount", DataType::Decimal128(precision, scale), amounts),
        Column::new("currency", DataType::Utf8, |rows| {
            words(rows, |row| row.currency)
        }),
        Column::new("category", DataType::Utf8, |rows| {
            words(rows, |row| row.category.name)
        }),
        Column::new("merchant", DataType::Utf8, |rows| {
            words(rows, |row| row.merchant)
        }),
        Column::new("type", DataType::Utf8, |rows| {
            words(rows, |row| row.category.kind)
        }),
        Column::new("ts", TIMESTAMP, |rows| times(rows, |row| row.ts)),
        Column::new("is_fraud", DataType::Boolean, |rows| {
            Arc::new(BooleanArray::from_iter(
                rows.iter().map(|row| Some(row.fraud.is_some())),
            ))
        }),
        Column::new("fraud_kind", DataType::Utf8, |rows: &[Transaction]| {
            Arc::new(StringArray::from_iter(
                rows.iter().map(|row| row.fraud.map(Fraud::as_str)),
            ))
        })
        .nullable(),
    ]
}

fn amounts(rows: &[Transaction]) -> ArrayRef {
    let (precision, scale) = AMOUNT;
    let cents = Decimal128Array::from_iter_values(rows.iter().map(|row| i128::from(row.cents)));
    Arc::new(cents.with_data_type(DataType::Decimal128(precision, scale)))
}

fn uuids(ids: impl Iterator<Item = u128>) -> ArrayRef {
    let mut column = StringBuilder::new();
    for id in ids {
        column.append_value(std::str::from_utf8(&uuid(id)).unwrap_or_default());
    }
    Arc::new(column.finish())
}

/// The usual form: hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn uuid(id: u128) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
    for (digit, place) in places.enumerate() {
        text[place] = DIGITS[(id >> (124 - 4 * digit) & 0xf) as usize];
    }
    text
}
