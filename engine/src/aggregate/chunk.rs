//! The changelog's records. State is not written key by key but in chunks: the keys of one segment that changed in one
//! commit, with their states. A chunk with a higher number wins over the ones before it.

use crate::aggregate::cold::{self, Walk};
use crate::disk::Row;
use crate::effects::ChangelogRecord;
use crate::error::Result;
use crate::stamp::Stamp;
use crate::window::Pane;
use crate::wire::{Malformed, Reader, Writer};

/// The format of keys.
const KEYS: u8 = 2;
/// The format of values.
const VALUES: u8 = 2;
/// What a value begins with that says that all of its segment follows.
const ANEW: u8 = 3;

/// No chunk grows beyond this by more than one row.
const MAX_BYTES: usize = 256 * 1024;

/// What a chunk holds and which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkKey<'a> {
    /// The stream's name.
    pub(crate) stream: &'a str,
    /// A pane of windows, or a bucket of a table.
    pub(crate) segment: Pane,
    /// Ascending over the commits of a stream.
    pub(crate) sequence: u64,
}

impl<'a> ChunkKey<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(KEYS);
        writer.bytes(self.stream.as_bytes());
        writer.signed(self.segment.first);
        writer.signed(self.segment.start);
        writer.unsigned(self.sequence);
        writer.sealed()
    }

    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::sealed(bytes)?;
        if reader.byte()? != KEYS {
            return Err("it is of a version that is not known here");
        }
        let stream =
            std::str::from_utf8(reader.bytes()?).map_err(|_| "its stream's name is not UTF-8")?;
        Ok(Self {
            stream,
            segment: Pane {
                first: reader.signed()?,
                start: reader.signed()?,
            },
            sequence: reader.unsigned()?,
        })
    }

    fn record(&self, value: Option<Vec<u8>>) -> ChangelogRecord {
        ChangelogRecord {
            key: self.encode(),
            value,
        }
    }

    /// Forgets the chunk.
    pub(crate) fn tombstone(&self) -> ChangelogRecord {
        self.record(None)
    }
}

/// Writes rows as chunks. Gives the sequence and the number of rows of each; `sequence` is the last one that was used.
pub(crate) fn write<'r>(
    mut key: ChunkKey<'_>,
    stamp: Stamp,
    rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
    sequence: &mut u64,
    out: &mut Vec<ChangelogRecord>,
) -> Vec<(u64, usize)> {
    let mut written = Vec::new();
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut writer = Writer::default();
        writer.byte(VALUES);
        stamp.write(&mut writer);
        let mut count = 0;
        while writer.len() < MAX_BYTES
            && let Some((key, state)) = rows.next()
        {
            writer.bytes(key);
            writer.bytes(state);
            count += 1;
        }
        *sequence += 1;
        key.sequence = *sequence;
        written.push((*sequence, count));
        out.push(key.record(Some(writer.sealed())));
    }
    written
}

/// Rows as one chunk, however large.
pub(crate) fn whole<'r>(
    key: ChunkKey<'_>,
    stamp: Stamp,
    rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
) -> ChangelogRecord {
    let mut writer = Writer::default();
    writer.byte(VALUES);
    stamp.write(&mut writer);
    for (row, state) in rows {
        writer.bytes(row);
        writer.bytes(state);
    }
    key.record(Some(writer.sealed()))
}

/// Writes that all of a segment follows: keys that do not are no longer there, whatever is left of the chunks before. What
/// compaction takes away of these is not said: it may be the one that told of a key's end.
pub(crate) fn begin_anew(
    mut key: ChunkKey<'_>,
    stamp: Stamp,
    sequence: &mut u64,
    out: &mut Vec<ChangelogRecord>,
) -> (u64, usize) {
    let mut writer = Writer::default();
    writer.byte(ANEW);
    stamp.write(&mut writer);
    *sequence += 1;
    key.sequence = *sequence;
    out.push(key.record(Some(writer.sealed())));
    (*sequence, 0)
}

/// Writes rows that are on disk as chunks, up to a place; `state` is what a row's value is to be written as, if it is.
pub(crate) fn write_cold(
    key: ChunkKey<'_>,
    stamp: Stamp,
    (rows, end): (&mut Walk<'_>, Option<&[u8]>),
    state: impl Fn(&[u8]) -> Result<Option<&[u8]>>,
    sequence: &mut u64,
    out: &mut Vec<ChangelogRecord>,
) -> Result<Vec<(u64, usize)>> {
    let mut written = Vec::new();
    loop {
        rows.look()?;
        let batch: Vec<Row> = rows.take_before(end).collect();
        if batch.is_empty() {
            return Ok(written);
        }
        let mut kept = Vec::with_capacity(batch.len());
        for (place, value) in &batch {
            if let Some(state) = state(value)? {
                kept.push((cold::split(place)?.1, state));
            }
        }
        written.extend(write(key, stamp, kept.into_iter(), sequence, out));
    }
}

/// What a chunk holds.
pub(crate) struct Chunk<'a> {
    pub(crate) stamp: Stamp,
    /// Whether all that the segment had before is outdated.
    pub(crate) anew: bool,
    pub(crate) rows: Vec<(&'a [u8], &'a [u8])>,
}

/// Reads a chunk.
pub(crate) fn read(value: &[u8]) -> Result<Chunk<'_>, Malformed> {
    let mut reader = Reader::sealed(value)?;
    let anew = match reader.byte()? {
        VALUES => false,
        ANEW => true,
        _ => return Err("it is of a version that is not known here"),
    };
    let stamp = Stamp::read(&mut reader)?;
    let mut rows = Vec::new();
    while !reader.is_empty() {
        rows.push((reader.bytes()?, reader.bytes()?));
    }
    Ok(Chunk { stamp, anew, rows })
}

/// The epoch that a chunk is of.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) fn epoch(value: &[u8]) -> u32 {
    read(value).unwrap().stamp.epoch
}
