//! The rows that others may still belong to, by stretches of the time at which they are due to go, with the chunks of the
//! changelog that hold them. A stretch is in memory, on disk, or in part here and in part there; it is forgotten as a whole.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use hashbrown::HashTable;
use tidemill_plan::model::Micros;

use super::away::{self, Away};
use super::row::{Both, Due, Row, Rows, Stored};
use crate::aggregate::chunk::{self, ChunkKey};
use crate::aggregate::cold::{self, Cold, Walk, ordered};
use crate::disk::{Disk, Row as DiskRow};
use crate::effects::ChangelogRecord;
use crate::error::Result;
use crate::rowwise::{segment_of, start_of, stretch_for};
use crate::stamp::Stamp;
use crate::wire::Malformed;

/// The shortest whose rows are forgotten together here.
const SHORT: Micros = 1_000_000;

/// Bytes that a row costs beside itself, roughly: to be found by its key, and when it is due.
const ENTRY_BYTES: usize = 28;

/// No row before this.
const NONE: u32 = u32::MAX;

/// The rows that are due in a stretch of time.
#[derive(Debug, Default)]
struct Stretch {
    /// Those in memory.
    rows: Rows,
    /// Of each, the one before it that has the same key.
    before: Vec<u32>,
    /// The last row of each key.
    last: HashTable<u32>,
    /// Rows that go on if they belong to none, by when they are due.
    due: BinaryHeap<Reverse<(Micros, u32)>>,
    /// So many of the rows in memory are in the changelog.
    logged: usize,
    away: Option<Away>,
    /// When the last of them is due.
    last_due: Micros,
}

impl Stretch {
    fn add(&mut self, row: &Row<'_>, due: Micros, goes_on_alone: bool) {
        let place = self.rows.len() as u32;
        self.rows.add(row);
        self.last_due = self.last_due.max(due);
        if goes_on_alone && !row.is_matched {
            self.due.push(Reverse((due, place)));
        }
        let (rows, hash) = (&self.rows, self.rows.hash(place as usize));
        let same = |&at: &u32| {
            let at = at as usize;
            rows.hash(at) == hash && rows.get(at).is_some_and(|it| it.key == row.key)
        };
        let before = match self.last.find_mut(hash, same) {
            Some(last) => std::mem::replace(last, place),
            None => {
                let hash_of = |&at: &u32| rows.hash(at as usize);
                self.last.insert_unique(hash, place, hash_of);
                NONE
            }
        };
        self.before.push(before);
    }

    /// The rows in memory of a key and a side with times from one to another, in the order of time and number.
    fn of_key(
        &self,
        hash: u64,
        key: &[u8],
        is_right: bool,
        span: (Micros, Micros),
    ) -> Vec<Row<'_>> {
        let same = |&at: &u32| {
            let at = at as usize;
            self.rows.hash(at) == hash && self.rows.get(at).is_some_and(|it| it.key == key)
        };
        let mut found = Vec::new();
        let mut next = self.last.find(hash, same).copied().unwrap_or(NONE);
        while let Some(row) = self.rows.get(next as usize) {
            if row.is_right == is_right && (span.0..=span.1).contains(&row.time) {
                found.push(row);
            }
            next = self.before.get(next as usize).copied().unwrap_or(NONE);
        }
        found.sort_unstable_by_key(|row| (row.time, row.number));
        found
    }

    fn bytes(&self) -> usize {
        let away = self.away.as_ref().map_or(0, Away::bytes);
        self.rows.bytes() + self.rows.len() * ENTRY_BYTES + away
    }
}

#[derive(Debug)]
pub(super) struct Kept {
    /// By the first microsecond at which their rows are due.
    stretches: BTreeMap<Micros, Stretch>,
    /// The length of a stretch.
    length: Micros,
    /// Rows on disk that go on if they belong to none, by when they are due.
    alone: Option<Cold>,
    /// Of these, those that have been found to belong to others.
    taken: Vec<Due>,
    /// So long after its time a row goes.
    lasts: Both<Micros>,
    /// Whether rows that belong to none go on.
    go_on_alone: Both<bool>,
    /// The chunks of each stretch of the changelog, which may be shorter, by its first microsecond.
    chunks: BTreeMap<Micros, BTreeSet<u64>>,
    /// The length of these.
    stretch: Micros,
    /// Rows in the changelog that were found to belong to others since.
    matched: Vec<Due>,
    /// The last number given to a row.
    pub(super) numbered: u64,
}

impl Kept {
    pub(super) fn new(lasts: Both<Micros>, go_on_alone: Both<bool>) -> Self {
        let (left, right) = (lasts.left.saturating_abs(), lasts.right.saturating_abs());
        let longest = left.max(right);
        Self {
            stretches: BTreeMap::new(),
            length: (longest / 4).max(SHORT),
            alone: None,
            taken: Vec::new(),
            lasts,
            go_on_alone,
            chunks: BTreeMap::new(),
            stretch: stretch_for(longest),
            matched: Vec::new(),
            numbered: 0,
        }
    }

    /// When a row is due to go: when the watermark is past this. One that belongs to none waits for none.
    pub(super) fn due(&self, row: &Row<'_>) -> Micros {
        match row.is_single {
            true => Micros::MIN,
            false => self.due_at(row.is_right, row.time),
        }
    }

    fn due_at(&self, is_right: bool, time: Micros) -> Micros {
        time.saturating_add(*self.lasts.of(is_right))
    }

    /// Keeps a row until it is due. Its number is higher than those before.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        let due = self.due(row);
        self.numbered = self.numbered.max(row.number);
        let alone = *self.go_on_alone.of(row.is_right);
        let stretch = self.stretches.entry(start_of(due, self.length));
        stretch.or_default().add(row, due, alone);
    }

    /// Goes through the rows of a key and a side with times from one to another, in the order of time and number, wherever
    /// they are.
    pub(super) fn visit(
        &self,
        (hash, key): (u64, &[u8]),
        is_right: bool,
        span: (Micros, Micros),
        mut with: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        if span.0 > span.1 {
            return Ok(());
        }
        let due = |time| start_of(self.due_at(is_right, time), self.length);
        for stretch in self.stretches.range(due(span.0)..=due(span.1)) {
            let stretch = stretch.1;
            let here = stretch.of_key(hash, key, is_right, span);
            let mut here = here.iter().peekable();
            if let Some(away) = &stretch.away {
                let mut walk = away.walk(hash, is_right, span);
                while let Some(value) = walk.next()? {
                    let row = away::read(&value)?;
                    let place = (row.time, row.number);
                    while let Some(first) = here.next_if(|it| (it.time, it.number) < place) {
                        with(first)?;
                    }
                    // Another key may have the same hash.
                    if row.key == key {
                        with(&row)?;
                    }
                }
            }
            here.try_for_each(&mut with)?;
        }
        Ok(())
    }

    /// Notes that a row belongs to one of the other side.
    pub(super) fn set_matched(&mut self, (due, number): Due) {
        let stretch = self.stretches.get_mut(&start_of(due, self.length));
        let here = stretch.and_then(|s| Some((s.rows.find(number)?, s)));
        match here {
            Some((place, stretch)) => {
                if stretch.rows.set_matched(place) && place < stretch.logged {
                    self.matched.push((due, number));
                }
            }
            None => self.taken.push((due, number)),
        }
    }

    /// Has the disk know of the rows that belong to others.
    pub(super) fn settle_matched(&mut self) -> Result<()> {
        let taken = std::mem::take(&mut self.taken);
        let Some(alone) = self.alone.as_mut().filter(|_| !taken.is_empty()) else {
            return Ok(());
        };
        for (place, _) in alone.take(taken.into_iter().map(place_of).collect())? {
            self.matched.push(due_of(&place)?);
        }
        Ok(())
    }

    /// Goes through the rows that are due before a time and belong to none, in the order in which they are due: about so
    /// many of those that are due from the one on that it had stopped at before; gives where it stops now. Then they are
    /// gone, and all that are in no stretch that lasts longer.
    pub(super) fn take_due(
        &mut self,
        from: Due,
        before: Micros,
        most: usize,
        mut with: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<Option<Due>> {
        let here = self.due_here(before);
        let row_at = |start: Micros, place: u32| {
            let stretch = self.stretches.get(&start)?;
            stretch.rows.get(place as usize)
        };
        let mut here = here.into_iter().peekable();
        let (first, until) = (place_of(from), place_of((before, 0)));
        let alone = self.alone.as_ref().filter(|alone| alone.len() > 0);
        let mut walk = alone.map(|alone| alone.walk_until(first, Some(until)));
        let (mut gone, mut count, mut left) = (Vec::new(), 0, None);
        let mut next = next_of(&mut walk)?;
        loop {
            let first = here.peek().map(|(due, ..)| *due);
            let away = next.as_ref().map(|(due, _)| *due);
            let Some(due) = first.into_iter().chain(away).min() else {
                break;
            };
            if count >= most && due >= from {
                left = Some(due);
                break;
            }
            count += usize::from(due >= from);
            if first == Some(due)
                && let Some((_, start, at)) = here.next()
            {
                row_at(start, at).map_or(Ok(()), |row| with(&row))?;
            } else if let Some((due, value)) = next {
                with(&away::read(&value)?)?;
                gone.push(place_of(due));
                next = next_of(&mut walk)?;
            }
        }
        for ((due, _), start, at) in here {
            if let Some(stretch) = self.stretches.get_mut(&start) {
                stretch.due.push(Reverse((due, at)));
            }
        }
        if let Some(alone) = &mut self.alone {
            alone.forget(gone.into_iter())?;
        }
        let (length, (gone, _)) = (self.length, left.unwrap_or((before, 0)));
        self.stretches
            .retain(|start, _| start.saturating_add(length) > gone);
        Ok(left)
    }

    /// The rows in memory that are due before a time and belong to none, with their stretches and places; they are due no
    /// more.
    fn due_here(&mut self, before: Micros) -> Vec<(Due, Micros, u32)> {
        let mut here = Vec::new();
        for (&start, stretch) in self.stretches.range_mut(..before) {
            while let Some(Reverse((due, place))) = stretch.due.peek().copied()
                && due < before
            {
                stretch.due.pop();
                let row = stretch.rows.get(place as usize);
                if let Some(row) = row.filter(|row| !row.is_matched) {
                    here.push(((due, row.number), start, place));
                }
            }
        }
        here.sort_unstable();
        here
    }

    /// When the last of the rows is due.
    pub(super) fn last_due(&self) -> Option<Micros> {
        self.stretches.values().map(|s| s.last_due).max()
    }

    /// Writes to the changelog what it does not have, and forgets stretches whose rows are all gone.
    pub(super) fn log(
        &mut self,
        (stream, stamp): (&str, Stamp),
        settled: Micros,
        sequence: &mut u64,
        out: &mut Vec<ChangelogRecord>,
    ) {
        let length = self.stretch;
        let mut fresh: BTreeMap<Micros, Written> = BTreeMap::new();
        let lasts = self.lasts;
        for stretch in self.stretches.values_mut() {
            let new = stretch.logged..stretch.rows.len();
            for row in new.filter_map(|place| stretch.rows.get(place)) {
                let due = row.time.saturating_add(*lasts.of(row.is_right));
                if due >= settled {
                    let written = fresh.entry(start_of(due, length)).or_default();
                    written.add(row.key, |out| row.state(out));
                }
            }
            stretch.logged = stretch.rows.len();
        }
        for matched in std::mem::take(&mut self.matched) {
            if matched.0 >= settled {
                let written = fresh.entry(start_of(matched.0, length)).or_default();
                written.add(&[], |out| Stored::matched(matched, out));
            }
        }
        let key = |start: Micros, sequence: u64| ChunkKey {
            stream,
            segment: segment_of(start, length),
            sequence,
        };
        for (start, rows) in fresh {
            let written = chunk::write(key(start, 0), stamp, rows.iter(), sequence, out);
            let chunks = self.chunks.entry(start).or_default();
            chunks.extend(written.into_iter().map(|(sequence, _)| sequence));
        }
        self.chunks.retain(|&start, chunks| {
            let is_gone = start.saturating_add(length) <= settled;
            if is_gone {
                out.extend(chunks.iter().map(|&n| key(start, n).tombstone()));
            }
            !is_gone
        });
    }

    /// Has rows leave memory until no more than so many bytes are left, those that are due first before others. All of
    /// them are in the changelog.
    pub(super) fn shed(&mut self, goal: usize, settled: Micros, disk: &dyn Disk) -> Result<()> {
        let (lasts, mut bytes) = (self.lasts, self.bytes());
        for stretch in self.stretches.values_mut() {
            if bytes <= goal {
                break;
            }
            if stretch.rows.is_empty() {
                continue;
            }
            bytes = bytes.saturating_sub(stretch.bytes());
            let left = std::mem::take(stretch);
            let due = |row: &Row<'_>| row.time.saturating_add(*lasts.of(row.is_right));
            let open = || {
                let rows = (0..left.rows.len()).filter_map(|at| Some((at, left.rows.get(at)?)));
                rows.filter(|(_, row)| due(row) >= settled)
            };
            let mut away = match left.away {
                Some(away) => away,
                None => Away::new(disk, left.rows.len())?,
            };
            away.put(open().map(|(at, row)| (left.rows.hash(at), row)))?;
            let alone = open().map(|(_, row)| row);
            let alone = alone.filter(|row| !row.is_matched && *self.go_on_alone.of(row.is_right));
            let alone = alone.map(|row| (place_of((due(&row), row.number)), away::value(&row)));
            let mut alone: Vec<DiskRow> = alone.collect();
            if !alone.is_empty() {
                alone.sort_unstable();
                let cold = match &mut self.alone {
                    Some(cold) => cold,
                    none => none.insert(Cold::new(disk)?),
                };
                cold.put(alone.into_iter())?;
            }
            stretch.away = Some(away);
            stretch.last_due = left.last_due;
            bytes += stretch.bytes();
        }
        Ok(())
    }

    /// Takes back what a chunk holds, without the rows that had been due before others.
    pub(super) fn restore(
        &mut self,
        key: ChunkKey<'_>,
        rows: &[(&[u8], &[u8])],
        gone: Due,
    ) -> Result<Result<(), Malformed>> {
        let chunks = self.chunks.entry(key.segment.start).or_default();
        chunks.insert(key.sequence);
        for (row_key, state) in rows {
            match Stored::read(row_key, state) {
                Err(problem) => return Ok(Err(problem)),
                Ok(Stored::Matched(row)) => self.set_matched(row),
                Ok(Stored::Row(row)) => {
                    self.numbered = self.numbered.max(row.number);
                    if (self.due(&row), row.number) >= gone {
                        self.add(&row);
                    }
                }
            }
        }
        for stretch in self.stretches.values_mut() {
            stretch.logged = stretch.rows.len();
        }
        self.settle_matched()?;
        // The changelog knows already.
        self.matched.clear();
        Ok(Ok(()))
    }

    /// Notes that a chunk is no longer there.
    pub(super) fn forget(&mut self, key: ChunkKey<'_>) {
        if let Some(chunks) = self.chunks.get_mut(&key.segment.start) {
            chunks.remove(&key.sequence);
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        let away = |s: &Stretch| s.away.as_ref().map_or(0, Away::len);
        self.stretches
            .values()
            .map(|s| s.rows.len() + away(s))
            .sum()
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        let alone = self.alone.as_ref().map_or(0, Cold::bytes);
        self.stretches.values().map(Stretch::bytes).sum::<usize>() + alone
    }
}

/// Rows as they are written to the changelog, in one piece of memory.
#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    /// Where the key, the state and the row end.
    ends: Vec<(usize, usize)>,
}

impl Written {
    fn add(&mut self, key: &[u8], state: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.extend_from_slice(key);
        let end = self.bytes.len();
        state(&mut self.bytes);
        self.ends.push((end, self.bytes.len()));
    }

    /// Keys and states.
    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().filter_map(move |&(key, end)| {
            let start = std::mem::replace(&mut start, end);
            Some((self.bytes.get(start..key)?, self.bytes.get(key..end)?))
        })
    }
}

/// The next row on disk that is due.
fn next_of(walk: &mut Option<Walk<'_>>) -> Result<Option<(Due, Vec<u8>)>> {
    match walk.as_mut().map(Walk::next).transpose()?.flatten() {
        Some((place, value)) => Ok(Some((due_of(&place)?, value))),
        None => Ok(None),
    }
}

/// Where a row is on disk among those that are due.
fn place_of((due, number): Due) -> Vec<u8> {
    [ordered(due), number.to_be_bytes()].concat()
}

fn due_of(place: &[u8]) -> Result<Due> {
    let (due, number) = cold::time_of(place)?;
    Ok((due, cold::split(number)?.0))
}
