//! Rows of a table that have left memory: on disk, by their numbers.
//!
//! What is there of a number counts only while the table says that its row is on disk. So nothing is taken away there: what a
//! row leaves that is written anew, or forgotten, is written over when a row of its number leaves memory again.

use hashbrown::HashMap;

use crate::aggregate::cold::damaged;
use crate::disk::{Disk, Shelf};
use crate::error::Result;

/// Where the rows are.
pub(super) struct Cold(Box<dyn Shelf>);

/// Rows that were read back, by their numbers.
#[derive(Default)]
pub(super) struct Fetched(HashMap<u32, Vec<u8>>);

impl Fetched {
    pub(super) fn get(&self, number: u32) -> &[u8] {
        self.0.get(&number).map_or(&[], Vec::as_slice)
    }
}

impl Cold {
    pub(super) fn new(disk: &dyn Disk) -> Result<Self> {
        Ok(Self(disk.shelf()?))
    }

    /// Takes rows, in the order of their numbers.
    pub(super) fn put<'a>(&mut self, rows: impl Iterator<Item = (u32, &'a [u8])>) -> Result<()> {
        let mut rows = rows.map(|(number, row)| (place(number), Some(row.to_vec())));
        Ok(self.0.put(&mut rows)?)
    }

    /// Reads rows back that are here.
    pub(super) fn fetch(&self, mut numbers: Vec<u32>) -> Result<Fetched> {
        numbers.sort_unstable();
        numbers.dedup();
        let places: Vec<Vec<u8>> = numbers.iter().map(|number| place(*number)).collect();
        let rows = self.0.get(&places)?;
        let rows = numbers.into_iter().zip(rows);
        let rows = rows.map(|(number, row)| Ok((number, row.ok_or_else(damaged)?)));
        Ok(Fetched(rows.collect::<Result<_>>()?))
    }
}

fn place(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}
