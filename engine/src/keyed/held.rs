//! Rows by the stretch of time that they fall into, with the chunks of the changelog that hold them. A row is written
//! once, and only if it is still needed at the next flush; a stretch is forgotten as a whole.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_plan::model::Micros;

use crate::aggregate::chunk::{self, ChunkKey};
use crate::effects::ChangelogRecord;
use crate::stamp::Stamp;
use crate::window::Pane;
use crate::wire::{Malformed, Reader, Writer};

/// A row with what it goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row<'a> {
    /// The event time. Rows are in its order, and then in that of the log that they were read from; rows that were
    /// not read from one are in that of their bytes.
    pub(super) time: Micros,
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

    pub(super) fn read(key: &'a [u8], state: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::unsealed(state);
        let time = reader.signed()?;
        let partition =
            i32::try_from(reader.signed()?).map_err(|_| "its source partition is out of range")?;
        Ok(Self {
            time,
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
    start: usize,
    key: usize,
    end: usize,
}

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
}

impl Stretch {
    fn row(&self, entry: &Entry) -> Option<(&[u8], &[u8])> {
        Some((
            self.arena.get(entry.start..entry.key)?,
            self.arena.get(entry.key..entry.end)?,
        ))
    }

    fn add(&mut self, row: &Row<'_>) {
        let start = self.arena.len();
        self.arena.extend_from_slice(row.key);
        let key = self.arena.len();
        row.state(&mut self.arena);
        self.entries.push(Entry {
            time: row.time,
            start,
            key,
            end: self.arena.len(),
        });
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
}

/// The longest and the shortest stretch.
const LONGEST: Micros = 3_600_000_000;
const SHORTEST: Micros = 10_000_000;

/// Fewer rows than this are not worth while to be looked through.
const FEW: usize = 16;

impl Held {
    pub(super) fn new(span: Micros) -> Self {
        Self {
            stretches: BTreeMap::new(),
            length: (span / 4).clamp(SHORTEST, LONGEST),
            span,
        }
    }

    pub(super) fn add(&mut self, row: &Row<'_>) {
        let start = row.time.saturating_sub(row.time.rem_euclid(self.length));
        self.stretches.entry(start).or_default().add(row);
    }

    /// The rows from a time on and before another, in order.
    pub(super) fn between(&self, from: Micros, until: Micros) -> Result<Vec<Row<'_>>, Malformed> {
        let mut rows = Vec::new();
        if from >= until {
            return Ok(rows);
        }
        let first = from.saturating_sub(self.length);
        for stretch in self.stretches.range(first..until).map(|(_, s)| s) {
            let wanted = |e: &&Entry| e.time >= from && e.time < until;
            let found = stretch.entries.iter().filter(wanted);
            for (key, state) in found.filter_map(|e| stretch.row(e)) {
                rows.push(Row::read(key, state)?);
            }
        }
        rows.sort_unstable();
        Ok(rows)
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
        let rows = stretch.entries.iter().filter_map(|e| stretch.row(e));
        rows.map(|(key, state)| Row::read(key, state)).collect()
    }

    /// Drops the rows of a stretch that are not wanted, which is said of each.
    pub(super) fn retain(&mut self, start: Micros, wanted: &[bool]) {
        if let Some(stretch) = self.stretches.get_mut(&start) {
            stretch.retain(wanted);
        }
    }

    /// All rows, as they are sent on; then there are none.
    pub(super) fn take(&mut self, mut with: impl FnMut(&[u8], &[u8])) {
        for stretch in std::mem::take(&mut self.stretches).into_values() {
            let rows = stretch.entries.iter().filter_map(|e| stretch.row(e));
            rows.for_each(|(key, state)| with(key, state));
        }
    }

    /// The last time of a row.
    pub(super) fn last_time(&self) -> Option<Micros> {
        let times = self.stretches.values().flat_map(|s| &s.entries);
        times.map(|e| e.time).max()
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
        self.stretches.retain(|&start, stretch| {
            let key = ChunkKey {
                stream,
                segment: segment(start, length),
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
            let rows = fresh.filter_map(|e| stretch.row(e));
            let written = chunk::write(key, stamp, rows, sequence, out);
            stretch.chunks.extend(written.into_iter().map(|(n, _)| n));
            stretch.logged = stretch.entries.len();
            if start < settled {
                stretch.drop_before(settled);
            }
            !stretch.entries.is_empty() || !stretch.chunks.is_empty()
        });
    }

    /// Takes back a chunk of the changelog.
    pub(super) fn restore(
        &mut self,
        key: ChunkKey<'_>,
        rows: &[(&[u8], &[u8])],
    ) -> Result<(), Malformed> {
        for (row_key, state) in rows {
            let row = Row::read(row_key, state)?;
            let start = row.time.saturating_sub(row.time.rem_euclid(self.length));
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
        let bytes = |s: &Stretch| {
            s.arena.len() + s.entries.len() * size_of::<Entry>() + s.chunks.len() * 16
        };
        self.stretches.values().map(bytes).sum()
    }
}

/// The segment of the changelog that a stretch is: no bucket of keys ends where a stretch does.
fn segment(start: Micros, length: Micros) -> Pane {
    Pane {
        first: start.saturating_add(length),
        start,
    }
}

/// Whether a segment is a stretch of time, rather than a bucket of keys.
pub(super) fn is_stretch(segment: Pane) -> bool {
    segment.first > segment.start
}
