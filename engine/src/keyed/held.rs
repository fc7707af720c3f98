//! Rows by the stretch of time that they fall into, with the chunks of the changelog that hold them. A row is written
//! once, and only if it is still needed at the next flush; a stretch is forgotten as a whole. Rows may leave memory; they
//! are read where they are then, in their order, and forgotten with their stretch.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_plan::model::Micros;

use crate::aggregate::chunk::{self, ChunkKey};
use crate::aggregate::cold::{self, BATCH, damaged, ordered};
use crate::disk::{Disk, Row as DiskRow, Shelf};
use crate::effects::ChangelogRecord;
use crate::error::Result;
use crate::rowwise::{segment_of, start_of, stretch_for};
use crate::stamp::Stamp;
use crate::window::Pane;
use crate::wire::{self, Malformed, Reader, Writer};

/// A row with what it goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row<'a> {
    /// The event time. Rows are in its order, and those of a key and a time in that of the log that they were read from;
    /// rows that were not read from one are in that of their bytes.
    pub(super) time: Micros,
    /// The hash of the key.
    pub(super) hash: u64,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) row: &'a [u8],
    pub(super) key: &'a [u8],
}

impl<'a> Row<'a> {
    /// All but the key, as bytes.
    pub(super) fn state(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::default();
        writer.signed(self.time);
        writer.signed(i64::from(self.partition));
        writer.signed(self.offset);
        out.extend_from_slice(&writer.unsealed());
        out.extend_from_slice(self.row);
    }

    pub(super) fn mark(&self) -> Mark {
        (self.time, self.hash)
    }

    pub(super) fn read(key: &'a [u8], state: &'a [u8]) -> Result<Self, Malformed> {
        Self::hashed(wire::hash(key), key, state)
    }

    fn hashed(hash: u64, key: &'a [u8], state: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::unsealed(state);
        let time = reader.signed()?;
        let partition =
            i32::try_from(reader.signed()?).map_err(|_| "its source partition is out of range")?;
        Ok(Self {
            time,
            hash,
            partition,
            offset: reader.signed()?,
            row: reader.rest(),
            key,
        })
    }
}

/// Where a row is in its stretch's arena: key, then state.
#[derive(Debug, Clone, Copy)]
struct Entry {
    time: Micros,
    hash: u64,
    start: usize,
    key: usize,
    end: usize,
}

/// A time and the hash of a key, in the order of rows.
pub(super) type Mark = (Micros, u64);

/// The rows of a stretch of time.
#[derive(Debug, Default)]
struct Stretch {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    /// So many of the entries are in the changelog.
    logged: usize,
    /// How many were wanted when they were last looked through.
    wanted: usize,
    chunks: BTreeSet<u64>,
    /// Rows that have left memory; those that have gone on are among them.
    away: Option<Box<dyn Shelf>>,
    /// The last time of these.
    last: Option<Micros>,
}

impl Stretch {
    fn bytes_of(&self, entry: &Entry) -> Option<(&[u8], &[u8])> {
        Some((
            self.arena.get(entry.start..entry.key)?,
            self.arena.get(entry.key..entry.end)?,
        ))
    }

    fn row(&self, entry: &Entry) -> Option<Result<Row<'_>, Malformed>> {
        let (key, state) = self.bytes_of(entry)?;
        Some(Row::hashed(entry.hash, key, state))
    }

    fn add(&mut self, row: &Row<'_>) {
        let start = self.arena.len();
        self.arena.extend_from_slice(row.key);
        let key = self.arena.len();
        row.state(&mut self.arena);
        self.entries.push(Entry {
            time: row.time,
            hash: row.hash,
            start,
            key,
            end: self.arena.len(),
        });
    }

    /// Has the rows leave memory.
    fn leave(&mut self, disk: &dyn Disk, number: &mut u64) -> Result<()> {
        let shelf = match &mut self.away {
            Some(shelf) => shelf,
            none => none.insert(disk.shelf()?),
        };
        let entries = std::mem::take(&mut self.entries);
        let arena = std::mem::take(&mut self.arena);
        self.last = entries.iter().map(|e| e.time).max().max(self.last);
        let mut rows: Vec<(Mark, u64, &Entry)> = Vec::with_capacity(entries.len());
        for entry in &entries {
            *number += 1;
            rows.push(((entry.time, entry.hash), *number, entry));
        }
        rows.sort_unstable_by_key(|(mark, number, _)| (*mark, *number));
        let mut changes = rows.iter().map(|(mark, number, entry)| {
            let key = arena.get(entry.start..entry.key).unwrap_or_default();
            let mut writer = Writer::default();
            writer.bytes(key);
            let mut value = writer.unsealed();
            value.extend_from_slice(arena.get(entry.key..entry.end).unwrap_or_default());
            (place(*mark, *number), Some(value))
        });
        shelf.put(&mut changes)?;
        (self.logged, self.wanted) = (0, 0);
        Ok(())
    }

    /// Drops the rows before a time.
    fn drop_before(&mut self, time: Micros) {
        self.entries.retain(|e| e.time >= time);
        self.logged = self.entries.len();
        self.compact();
    }

    /// Drops the rows that are not wanted, which is said of each.
    fn retain(&mut self, wanted: &[bool]) {
        let is_wanted = |row: usize| wanted.get(row).copied().unwrap_or(true);
        self.logged = (0..self.logged).filter(|&row| is_wanted(row)).count();
        let mut row = 0..;
        self.entries.retain(|_| row.next().is_some_and(is_wanted));
        self.wanted = self.entries.len();
        self.compact();
    }

    /// Roughly how many bytes of memory it holds.
    fn bytes(&self) -> usize {
        self.arena.len() + self.entries.len() * size_of::<Entry>() + self.chunks.len() * 16
    }

    /// Drops bytes that are of no row when they are most of all.
    fn compact(&mut self) {
        let needed: usize = self.entries.iter().map(|e| e.end - e.start).sum();
        if needed * 2 >= self.arena.len() {
            return;
        }
        let mut arena = Vec::with_capacity(needed);
        for entry in &mut self.entries {
            let start = arena.len();
            arena.extend_from_slice(self.arena.get(entry.start..entry.end).unwrap_or_default());
            entry.key = start + (entry.key - entry.start);
            entry.start = start;
            entry.end = arena.len();
        }
        self.arena = arena;
    }
}

/// Rows that wait for their time, or are still needed after it.
#[derive(Debug)]
pub(super) struct Held {
    /// By its first microsecond.
    stretches: BTreeMap<Micros, Stretch>,
    /// The length of a stretch.
    length: Micros,
    /// For so long after its time a row is needed.
    span: Micros,
    /// Bytes of rows that have come since the last flush.
    fresh: usize,
    /// The last number given to a row on disk.
    number: u64,
}

/// Fewer rows than this are not worth while to be looked through.
const FEW: usize = 16;

impl Held {
    pub(super) fn new(span: Micros) -> Self {
        Self {
            stretches: BTreeMap::new(),
            length: stretch_for(span),
            span,
            fresh: 0,
            number: 0,
        }
    }

    pub(super) fn add(&mut self, row: &Row<'_>) {
        self.fresh += row.key.len() + row.row.len() + size_of::<Entry>();
        let start = start_of(row.time, self.length);
        self.stretches.entry(start).or_default().add(row);
    }

    /// The rows in memory from a mark on and before another, in order.
    pub(super) fn between(&self, from: Mark, until: Mark) -> Result<Vec<Row<'_>>, Malformed> {
        let mut rows = Vec::new();
        for (_, stretch) in self.within(from, until) {
            let wanted = |e: &&Entry| (from..until).contains(&(e.time, e.hash));
            let found = stretch.entries.iter().filter(wanted);
            for row in found.filter_map(|e| stretch.row(e)) {
                rows.push(row?);
            }
        }
        rows.sort_unstable();
        Ok(rows)
    }

    /// The stretches that have times from one mark on and before another.
    fn within(&self, from: Mark, until: Mark) -> impl Iterator<Item = (Micros, &Stretch)> {
        let first = start_of(from.0, self.length);
        let range = (from < until).then(|| self.stretches.range(first..=until.0));
        range.into_iter().flatten().map(|(&start, s)| (start, s))
    }

    /// Goes through the rows that have left memory, from a mark on and before another.
    pub(super) fn away(&self, from: Mark, until: Mark) -> Away<'_> {
        Away {
            held: self,
            next: from,
            until,
        }
    }

    /// The stretches that are not over at a time, and of which it is worth while to look for rows that are not wanted: they
    /// are twice what they were when that was last done.
    pub(super) fn crowded(&self, at: Micros) -> Vec<Micros> {
        let is_crowded = |s: &Stretch| s.entries.len() >= 2 * s.wanted + FEW;
        let open = self.stretches.iter();
        let open = open.filter(|(start, _)| start.saturating_add(self.length) > at);
        open.filter(|(_, s)| is_crowded(s))
            .map(|(&start, _)| start)
            .collect()
    }

    /// The rows of a stretch, as they came.
    pub(super) fn of_stretch(&self, start: Micros) -> Result<Vec<Row<'_>>, Malformed> {
        let Some(stretch) = self.stretches.get(&start) else {
            return Ok(Vec::new());
        };
        stretch
            .entries
            .iter()
            .filter_map(|e| stretch.row(e))
            .collect()
    }

    /// Drops the rows of a stretch that are not wanted, which is said of each.
    pub(super) fn retain(&mut self, start: Micros, wanted: &[bool]) {
        if let Some(stretch) = self.stretches.get_mut(&start) {
            stretch.retain(wanted);
        }
    }

    /// All rows, as they are sent on; then there are none.
    pub(super) fn take(&mut self, mut with: impl FnMut(u64, &[u8], &[u8])) {
        self.fresh = 0;
        for stretch in std::mem::take(&mut self.stretches).into_values() {
            for entry in &stretch.entries {
                if let Some((key, state)) = stretch.bytes_of(entry) {
                    with(entry.hash, key, state);
                }
            }
        }
    }

    /// The last time of a row.
    pub(super) fn last_time(&self) -> Option<Micros> {
        let times = self.stretches.values().flat_map(|s| &s.entries);
        let away = self.stretches.values().filter_map(|s| s.last);
        times.map(|e| e.time).chain(away).max()
    }

    /// The first time of which rows are needed when all before `settled` have gone on.
    pub(super) fn needed_from(&self, settled: Micros) -> Micros {
        settled.saturating_sub(self.span)
    }

    /// Writes the rows to the changelog that it does not have, and forgets what is needed no longer.
    pub(super) fn log(
        &mut self,
        stream: &str,
        stamp: Stamp,
        settled: Micros,
        sequence: &mut u64,
        out: &mut Vec<ChangelogRecord>,
    ) {
        let needed = self.needed_from(settled);
        let length = self.length;
        self.fresh = 0;
        self.stretches.retain(|&start, stretch| {
            let key = ChunkKey {
                stream,
                segment: segment_of(start, length),
                sequence: 0,
            };
            let end = start.saturating_add(length);
            if end <= needed {
                let chunks = stretch.chunks.iter();
                out.extend(chunks.map(|&sequence| ChunkKey { sequence, ..key }.tombstone()));
                return false;
            }
            let fresh = stretch.entries.iter().skip(stretch.logged);
            let fresh = fresh.filter(|e| e.time >= needed);
            let rows = fresh.filter_map(|e| stretch.bytes_of(e));
            let written = chunk::write(key, stamp, rows, sequence, out);
            stretch.chunks.extend(written.into_iter().map(|(n, _)| n));
            stretch.logged = stretch.entries.len();
            if start < settled {
                stretch.drop_before(settled);
            }
            if end <= settled {
                (stretch.away, stretch.last) = (None, None);
            }
            !stretch.entries.is_empty() || !stretch.chunks.is_empty()
        });
    }

    /// Has rows leave memory until no more than so many bytes are left, the last ones first. All of them are in the
    /// changelog.
    pub(super) fn shed(&mut self, goal: usize, disk: &dyn Disk) -> Result<()> {
        let mut bytes = self.bytes();
        for stretch in self.stretches.values_mut().rev() {
            if bytes <= goal {
                break;
            }
            if !stretch.entries.is_empty() {
                bytes = bytes.saturating_sub(stretch.bytes());
                stretch.leave(disk, &mut self.number)?;
                bytes += stretch.bytes();
            }
        }
        Ok(())
    }

    /// Takes back a chunk of the changelog, without the rows that are needed no longer where all before `settled` have
    /// gone on.
    pub(super) fn restore(
        &mut self,
        key: ChunkKey<'_>,
        rows: &[(&[u8], &[u8])],
        settled: Micros,
    ) -> Result<(), Malformed> {
        let needed = self.needed_from(settled);
        for (row_key, state) in rows {
            let row = Row::read(row_key, state)?;
            if row.time < needed {
                continue;
            }
            let start = start_of(row.time, self.length);
            let stretch = self.stretches.entry(start).or_default();
            stretch.add(&row);
            stretch.logged = stretch.entries.len();
        }
        let stretch = self.stretches.entry(key.segment.start).or_default();
        stretch.chunks.insert(key.sequence);
        Ok(())
    }

    /// Notes that a chunk is no longer there. What it held is needed no longer: stretches go as a whole.
    pub(super) fn forget(&mut self, key: ChunkKey<'_>) {
        if let Some(stretch) = self.stretches.get_mut(&key.segment.start) {
            stretch.chunks.remove(&key.sequence);
        }
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.stretches.values().map(Stretch::bytes).sum()
    }

    /// Roughly how many of them have come since the last flush.
    pub(super) fn fresh_bytes(&self) -> usize {
        self.fresh
    }
}

/// Goes through rows that have left memory, in pieces.
pub(super) struct Away<'a> {
    held: &'a Held,
    /// Where the next piece begins.
    next: Mark,
    until: Mark,
}

/// Some of them.
pub(super) struct Piece {
    rows: Vec<DiskRow>,
    /// All rows before this are in this piece or those before it.
    pub(super) end: Mark,
}

impl Piece {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = Result<Row<'_>>> {
        self.rows.iter().map(|(place, value)| {
            let hash = cold::split(cold::time_of(place)?.1)?.0;
            let mut reader = Reader::unsealed(value);
            let key = reader.bytes().map_err(|_| damaged())?;
            let row = Row::hashed(hash, key, reader.rest());
            Ok(row.map_err(|_| damaged())?)
        })
    }
}

impl Away<'_> {
    /// The next piece; none when all have been read. The rows of a key with one time are in one piece.
    pub(super) fn next(&mut self) -> Result<Option<Piece>> {
        let stretches = self.held.within(self.next, self.until);
        for (start, stretch) in stretches {
            let Some(shelf) = &stretch.away else {
                continue;
            };
            let end = start.saturating_add(self.held.length);
            let (rows, end) = read(shelf.as_ref(), self.next, self.until.min((end, 0)))?;
            self.next = end;
            return Ok(Some(Piece { rows, end }));
        }
        Ok(None)
    }
}

/// Some rows from a mark on and before another: and up to where all have been read.
fn read(shelf: &dyn Shelf, from: Mark, until: Mark) -> Result<(Vec<DiskRow>, Mark)> {
    let mut limit = BATCH;
    loop {
        let (first, end) = (place(from, 0), place(until, 0));
        let mut rows = shelf.scan(&first, Some(&end), limit)?;
        if rows.len() < limit {
            return Ok((rows, until));
        }
        let last = rows.last().map_or(Ok(until), |(place, _)| mark_of(place))?;
        let mut whole = 0;
        for (place, _) in &rows {
            whole += usize::from(mark_of(place)? < last);
        }
        if whole > 0 {
            rows.truncate(whole);
            return Ok((rows, last));
        }
        limit = limit.saturating_mul(2);
    }
}

/// Where a row is on disk.
fn place((time, hash): Mark, number: u64) -> Vec<u8> {
    [ordered(time), hash.to_be_bytes(), number.to_be_bytes()].concat()
}

fn mark_of(place: &[u8]) -> Result<Mark> {
    let (time, rest) = cold::time_of(place)?;
    Ok((time, cold::split(rest)?.0))
}

/// Whether a segment is a stretch of time, rather than a bucket of keys.
pub(super) fn is_stretch(segment: Pane) -> bool {
    segment.first > segment.start
}
