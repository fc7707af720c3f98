//! The people whom transactions belong to. Person `k` is the same in both kinds of record.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, StringBuilder};
use arrow::datatypes::DataType;
use tidemill_plan::model::Micros;

use super::random::{Dice, Purpose};
use super::words::{COUNTRIES, Country, FIRST_NAMES, LAST_NAMES};
use super::{Column, TIMESTAMP, times, words};

/// Days since the epoch of 1940-01-01 and of 2007-01-01.
const BIRTHDATES: (i32, i32) = (-10_957, 13_514);

/// A customer as a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    person: u64,
    first_name: &'static str,
    last_name: &'static str,
    birthdate: i32,
    country: &'static str,
    ts: Micros,
}

impl Customer {
    /// Person `k`, as of a time.
    pub(super) fn make(dice: &Dice, person: u64, ts: Micros) -> Self {
        let (first, last) = BIRTHDATES;
        Self {
            person,
            first_name: dice.choose(&FIRST_NAMES, "Robin", Purpose::FirstName, person),
            last_name: dice.choose(&LAST_NAMES, "Ashwood", Purpose::LastName, person),
            birthdate: first + dice.below((last - first) as u64, Purpose::Birthdate, person) as i32,
            country: country(dice, person).code,
            ts,
        }
    }
}

/// Where a person lives.
pub(super) fn country(dice: &Dice, person: u64) -> Country {
    dice.choose(
        &COUNTRIES,
        Country {
            code: "DE",
            currency: "EUR",
        },
        Purpose::Country,
        person,
    )
}

/// A person's `customer_id`s.
pub(super) fn customer_ids(people: impl Iterator<Item = u64>) -> ArrayRef {
    texts(people, |text, person| write!(text, "C{person:06}"))
}

/// People's `account`s.
pub(super) fn accounts(people: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(
        people.map(|person| (person as i64).wrapping_add(1_000)),
    ))
}

/// All columns of a customer.
pub(super) fn columns() -> Vec<Column<Customer>> {
    vec![
        Column::new("customer_id", DataType::Utf8, |rows| {
            customer_ids(rows.iter().map(|row| row.person))
        }),
        Column::new("account", DataType::Int64, |rows| {
            accounts(rows.iter().map(|row| row.person))
        }),
        Column::new("name", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| {
                write!(text, "{} {}", row.first_name, row.last_name)
            })
        }),
        Column::new("email", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| {
                write!(
                    text,
                    "{}.{}.{}@example.com",
                    row.first_name, row.last_name, row.person
                )?;
                text.make_ascii_lowercase();
                Ok(())
            })
        }),
        Column::new("birthdate", DataType::Date32, |rows| {
            Arc::new(Date32Array::from_iter_values(
                rows.iter().map(|row| row.birthdate),
            ))
        }),
        Column::new("country", DataType::Utf8, |rows| {
            words(rows, |row| row.country)
        }),
        Column::new("ts", TIMESTAMP, |rows| times(rows, |row| row.ts)),
    ]
}

/// A column of texts, each written into the same buffer.
pub(super) fn texts<R>(
    rows: impl Iterator<Item = R>,
    write: impl Fn(&mut String, R) -> std::fmt::Result,
) -> ArrayRef {
    let mut column = StringBuilder::new();
    let mut text = String::new();
    for row in rows {
        text.clear();
        // Writing to a String cannot fail.
        let _ = write(&mut text, row);
        column.append_value(&text);
    }
    Arc::new(column.finish())
}
