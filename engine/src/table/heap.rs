//! Rows as bytes in large segments.
//!
//! What is forgotten stays until an eighth of all bytes is dead; then the segments with the most of it are written anew.

use crate::error::{EngineError, Result};

/// What a segment holds, a few rows in the engine's own tests; a longer row has one of its own.
const SEGMENT: usize = if cfg!(test) { 1024 } else { 1 << 20 };
/// Bytes of the length before each row.
const LENGTH: usize = size_of::<u32>();

/// Where a row lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    segment: u32,
    offset: u32,
}

impl Place {
    /// Where no row lies.
    pub(super) const NOWHERE: Self = Self {
        segment: u32::MAX,
        offset: 0,
    };
    /// That of a row which has left the heap for the disk.
    pub(super) const ON_DISK: Self = Self {
        segment: u32::MAX,
        offset: 1,
    };
}

/// Segments whose rows are to leave the heap, by their numbers.
pub(super) struct Leaving(Vec<bool>);

impl Leaving {
    pub(super) fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    /// Whether a row lies in one of them.
    pub(super) fn has(&self, at: Place) -> bool {
        let leaves = self.0.get(at.segment as usize);
        leaves.copied().unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Segment {
    bytes: Vec<u8>,
    dead: usize,
}

/// Rows of any length.
#[derive(Debug, Default)]
pub(super) struct Heap {
    segments: Vec<Segment>,
    free: Vec<u32>,
    /// The segment that is written to.
    open: Option<u32>,
    used: usize,
    dead: usize,
}

impl Heap {
    /// Bytes of memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.segments.iter().map(|s| s.bytes.capacity()).sum()
    }

    /// The bytes of a row.
    pub(super) fn get(&self, at: Place) -> &[u8] {
        let bytes = self.segments.get(at.segment as usize);
        let rest = bytes.and_then(|s| s.bytes.get(at.offset as usize..));
        let split = rest.and_then(<[u8]>::split_first_chunk::<LENGTH>);
        let row = split.and_then(|(length, rest)| rest.get(..u32::from_le_bytes(*length) as usize));
        row.unwrap_or_default()
    }

    pub(super) fn write(&mut self, row: &[u8]) -> Result<Place> {
        let wanted = row.len() + LENGTH;
        let length = u32::try_from(row.len());
        let length = length.map_err(|_| EngineError::Plan("a row is too long".to_owned()))?;
        let room = |s: &Segment| s.bytes.len() + wanted <= s.bytes.capacity();
        let open = self
            .open
            .filter(|&i| self.segments.get(i as usize).is_some_and(room));
        let number = match open {
            Some(number) => number,
            None => self.new_segment(wanted),
        };
        let Some(segment) = self.segments.get_mut(number as usize) else {
            return Err(EngineError::Plan("a table lost a segment".to_owned()));
        };
        let offset = segment.bytes.len() as u32;
        segment.bytes.extend_from_slice(&length.to_le_bytes());
        segment.bytes.extend_from_slice(row);
        self.used += wanted;
        Ok(Place {
            segment: number,
            offset,
        })
    }

    pub(super) fn forget(&mut self, at: Place) {
        let length = self.get(at).len() + LENGTH;
        self.dead += length;
        if let Some(segment) = self.segments.get_mut(at.segment as usize) {
            segment.dead += length;
        }
    }

    /// Whether so much is dead that it is worth the work to give it back.
    pub(super) fn is_stale(&self) -> bool {
        self.dead * 8 > self.used.max(SEGMENT)
    }

    /// Writes the living rows of stale segments, which are all in `places`, anew, and gives the segments back.
    pub(super) fn compact(&mut self, places: &mut [Place]) -> Result<()> {
        let stale = self.segments.iter().map(|s| s.dead * 8 > s.bytes.len());
        let stale = Leaving(stale.collect());
        let is_stale = |open: &u32| stale.0.get(*open as usize) == Some(&true);
        self.open = self.open.filter(|open| !is_stale(open));
        let mut row = Vec::new();
        for place in places.iter_mut().filter(|p| stale.has(**p)) {
            row.clear();
            row.extend_from_slice(self.get(*place));
            *place = self.write(&row)?;
        }
        self.give_back(&stale);
        Ok(())
    }

    /// The segments that have to go for the heap to take no more than so many bytes. The one that is written to stays.
    pub(super) fn leaving(&self, bytes: usize) -> Leaving {
        let mut taken = self.bytes();
        let leaves = self.segments.iter().enumerate().map(|(number, segment)| {
            let capacity = segment.bytes.capacity();
            let leaves = taken > bytes && capacity > 0 && self.open != Some(number as u32);
            taken -= if leaves { capacity } else { 0 };
            leaves
        });
        Leaving(leaves.collect())
    }

    /// Gives segments back.
    pub(super) fn give_back(&mut self, leaving: &Leaving) {
        let segments = self.segments.iter_mut().zip(&leaving.0).enumerate();
        for (number, (segment, _)) in segments.filter(|(_, (_, leaves))| **leaves) {
            self.used -= segment.bytes.len();
            self.dead -= segment.dead;
            *segment = Segment::default();
            self.free.push(number as u32);
        }
    }

    fn new_segment(&mut self, wanted: usize) -> u32 {
        let fresh = Segment {
            bytes: Vec::with_capacity(wanted.max(SEGMENT)),
            dead: 0,
        };
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.segments.push(Segment::default());
                (self.segments.len() - 1) as u32
            }
        };
        if let Some(place) = self.segments.get_mut(number as usize) {
            *place = fresh;
        }
        self.open = Some(number);
        number
    }
}
