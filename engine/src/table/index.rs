//! Rows of a table by the values of columns that are not its key.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use hashbrown::HashTable;

use super::store::codec;
use crate::aggregate::rowbytes::RowCodec;
use crate::aggregate::with_one_zero;
use crate::error::Result;
use crate::wire;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// The rows of one hash.
#[derive(Debug, Clone, Copy)]
struct Head {
    hash: u64,
    first: u32,
}

/// A row in the list of those with the same hash.
#[derive(Debug, Clone, Copy)]
struct Link {
    hash: u64,
    previous: u32,
    next: u32,
}

/// Finds the numbers of rows by the hash of their values in some columns.
pub(super) struct Index {
    columns: Vec<usize>,
    codec: RowCodec,
    heads: HashTable<Head>,
    /// By the row's number.
    links: Vec<Link>,
}

impl Index {
    pub(super) fn new(schema: &SchemaRef, columns: &[usize]) -> Result<Self> {
        Ok(Self {
            columns: columns.to_vec(),
            codec: codec(schema, columns)?,
            heads: HashTable::new(),
            links: Vec::new(),
        })
    }

    /// Whether it is over these columns.
    pub(super) fn is_of(&self, columns: &[usize]) -> bool {
        self.columns == columns
    }

    /// Bytes of memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.heads.capacity() * (size_of::<Head>() + 1) + self.links.capacity() * size_of::<Link>()
    }

    /// The hashes of a table's rows.
    pub(super) fn hashes(&self, batch: &RecordBatch) -> Result<Vec<u64>> {
        let columns = self.columns.iter();
        let columns = columns.filter_map(|&i| batch.columns().get(i).cloned());
        self.hash(columns.collect())
    }

    /// The hashes of values, a column for each of the index.
    pub(super) fn hash(&self, values: Vec<ArrayRef>) -> Result<Vec<u64>> {
        let rows = values.first().map_or(0, |c| c.len());
        let values = values.into_iter().map(with_one_zero).collect();
        let encoded = self.codec.encode(values)?;
        Ok((0..rows).map(|row| wire::hash(encoded.row(row))).collect())
    }

    /// Takes in a row that is not in it.
    pub(super) fn insert(&mut self, number: u32, hash: u64) {
        let place = number as usize;
        if self.links.len() <= place {
            let empty = Link {
                hash: 0,
                previous: NONE,
                next: NONE,
            };
            self.links.resize(place + 1, empty);
        }
        let next = match self.heads.find_mut(hash, |head| head.hash == hash) {
            Some(head) => std::mem::replace(&mut head.first, number),
            None => {
                let head = Head {
                    hash,
                    first: number,
                };
                self.heads.insert_unique(hash, head, |head| head.hash);
                NONE
            }
        };
        if let Some(link) = self.links.get_mut(next as usize) {
            link.previous = number;
        }
        if let Some(link) = self.links.get_mut(place) {
            *link = Link {
                hash,
                previous: NONE,
                next,
            };
        }
    }

    /// Takes a row out that is in it.
    pub(super) fn remove(&mut self, number: u32) {
        let Some(Link {
            hash,
            previous,
            next,
        }) = self.links.get(number as usize).copied()
        else {
            return;
        };
        if let Some(link) = self.links.get_mut(next as usize) {
            link.previous = previous;
        }
        if let Some(link) = self.links.get_mut(previous as usize) {
            link.next = next;
            return;
        }
        if let Ok(mut head) = self.heads.find_entry(hash, |head| head.hash == hash) {
            match next {
                NONE => drop(head.remove()),
                next => head.get_mut().first = next,
            }
        }
    }

    /// The rows with this hash.
    pub(super) fn find(&self, hash: u64) -> impl Iterator<Item = u32> {
        let head = self.heads.find(hash, |head| head.hash == hash);
        let next = |number: &u32| {
            let link = self.links.get(*number as usize)?;
            (link.next != NONE).then_some(link.next)
        };
        std::iter::successors(head.map(|head| head.first), next)
    }
}
