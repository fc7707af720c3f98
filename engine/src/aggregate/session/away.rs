//! Keys whose sessions are on disk, and the order in which they are to be looked after.

use tidemill_plan::model::Micros;

use super::list;
use crate::aggregate::cold::{self, Cold, Walk};
use crate::disk::{Disk, DiskError};
use crate::error::Result;
use crate::wire::{Reader, Writer};

/// A key with its sessions, as it goes and comes back.
pub(super) struct Row {
    pub(super) hash: u64,
    pub(super) key: Box<[u8]>,
    pub(super) sessions: Box<[u8]>,
    /// The chunk that it was in, or a later one.
    pub(super) chunk: u64,
    /// The end of its first session.
    pub(super) end: Micros,
}

/// All of them.
pub(super) struct Away {
    rows: Cold,
    /// Times with places, without values. What is here of a key that has come back counts for nothing.
    due: Cold,
    /// What is due before has been looked at.
    from: Vec<u8>,
    /// Nothing is due before, or nothing at all.
    next: Option<Micros>,
}

impl Away {
    pub(super) fn new(disk: &dyn Disk) -> Result<Self> {
        Ok(Self {
            rows: Cold::new(disk)?,
            due: Cold::new(disk)?,
            from: Vec::new(),
            next: None,
        })
    }

    /// Puts keys away that are not here.
    pub(super) fn put(&mut self, mut rows: Vec<Row>) -> Result<()> {
        rows.sort_unstable_by(|a, b| (a.hash, &a.key).cmp(&(b.hash, &b.key)));
        let due = rows
            .iter()
            .map(|row| due_at(row.end, &cold::place(row.hash, &row.key)));
        let mut due: Vec<Vec<u8>> = due.collect();
        due.sort_unstable();
        if let Some(first) = due.first() {
            let first_due = time_of(first)?.0;
            self.next = Some(self.next.map_or(first_due, |next| next.min(first_due)));
            if *first < self.from {
                self.from.clone_from(first);
            }
        }
        self.rows.put(rows.into_iter().map(|row| {
            let mut value = Writer::default();
            value.unsigned(row.chunk);
            value.bytes(&row.sessions);
            (cold::place(row.hash, &row.key), value.unsealed())
        }))?;
        self.due.put(due.into_iter().map(|due| (due, Vec::new())))
    }

    /// Takes keys back, those that are here.
    pub(super) fn take<'k>(
        &mut self,
        keys: impl Iterator<Item = (u64, &'k [u8])>,
    ) -> Result<Vec<Row>> {
        self.take_places(keys.map(|(hash, key)| cold::place(hash, key)).collect())
    }

    fn take_places(&mut self, places: Vec<Vec<u8>>) -> Result<Vec<Row>> {
        let rows = self.rows.take(places)?.into_iter();
        let rows = rows.map(|(place, value)| {
            let (hash, key) = cold::split(&place)?;
            let (chunk, sessions) = read(&value)?;
            let end = list::first_end(sessions).map_err(|_| cold::damaged())?;
            Ok(Row {
                hash,
                key: key.into(),
                sessions: sessions.into(),
                chunk,
                end: end.ok_or_else(cold::damaged)?,
            })
        });
        rows.collect()
    }

    /// Takes keys back that are due until a time: some of those, where [`Away::next_due`] still says so after it.
    pub(super) fn take_due(&mut self, until: Micros) -> Result<Vec<Row>> {
        let mut walk = self.due.walk(self.from.clone());
        let end = until.checked_add(1).map(|end| due_at(end, &[]));
        walk.look()?;
        let due: Vec<Vec<u8>> = walk
            .take_before(end.as_deref())
            .map(|(due, _)| due)
            .collect();
        let next = walk.look()?.front();
        self.next = next
            .map(|(next, _)| Ok::<_, DiskError>(time_of(next)?.0))
            .transpose()?;
        if let Some(last) = due.last() {
            self.from = cold::after(last);
        }
        let places = due.iter().map(|due| Ok(time_of(due)?.1.to_vec()));
        let places: Vec<Vec<u8>> = places.collect::<Result<_, DiskError>>()?;
        self.due.forget(due.into_iter())?;
        self.take_places(places)
    }

    /// Nothing is due before that, or nothing at all.
    pub(super) fn next_due(&self) -> Option<Micros> {
        self.next
    }

    /// Goes through the keys from a hash on; [`read`] makes sense of the values.
    pub(super) fn walk(&self, from: u64) -> Walk<'_> {
        self.rows.walk(cold::place(from, &[]))
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.rows.bytes() + self.due.bytes()
    }
}

/// The chunk and the sessions that a value is made of.
pub(super) fn read(value: &[u8]) -> Result<(u64, &[u8]), DiskError> {
    let mut reader = Reader::unsealed(value);
    let chunk = reader.unsigned().map_err(|_| cold::damaged())?;
    Ok((chunk, reader.bytes().map_err(|_| cold::damaged())?))
}

/// A time and a place, in the order of times.
fn due_at(time: Micros, place: &[u8]) -> Vec<u8> {
    cold::place(time.cast_unsigned() ^ (1 << 63), place)
}

fn time_of(due: &[u8]) -> Result<(Micros, &[u8]), DiskError> {
    let (time, place) = cold::split(due)?;
    Ok(((time ^ (1 << 63)).cast_signed(), place))
}
