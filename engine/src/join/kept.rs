//! The rows that others may still belong to: by key and side in the order of their time, and by when they are due to go,
//! with the chunks of the changelog that hold them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use hashbrown::HashMap;
use tidemill_plan::model::Micros;

use super::row::{Both, Row, Stored};
use crate::aggregate::chunk::{self, ChunkKey};
use crate::effects::ChangelogRecord;
use crate::stamp::Stamp;
use crate::window::Pane;

/// A row, by its place.
pub(super) type Place = u32;

/// The rows of a key, in the order of their time.
type Sides = Both<VecDeque<(Micros, Place)>>;

/// The longest and the shortest stretch of time whose rows are forgotten together by the changelog.
const LONGEST: Micros = 3_600_000_000;
const SHORTEST: Micros = 10_000_000;

/// Bytes that a row costs beside itself, and a key, roughly.
const ENTRY_BYTES: usize = 48;
const KEY_BYTES: usize = 128;

#[derive(Debug)]
pub(super) struct Kept {
    rows: Vec<Option<Row>>,
    free: Vec<Place>,
    keys: HashMap<Vec<u8>, Sides>,
    due: BinaryHeap<Reverse<(Micros, Place)>>,
    /// So long after its time a row goes.
    lasts: Both<Micros>,
    /// The chunks of each stretch of the time at which rows are due, by its first microsecond.
    chunks: BTreeMap<Micros, BTreeSet<u64>>,
    /// The length of a stretch.
    stretch: Micros,
    /// Rows that the changelog does not have.
    unlogged: Vec<Place>,
    /// Numbers of rows in the changelog that were found to belong to others since, with the time they are due.
    matched: Vec<(u64, Micros)>,
    /// The last number given to a row.
    numbered: u64,
    /// What was restored of rows that belong to others.
    restored: (HashMap<u64, Place>, Vec<u64>),
    bytes: usize,
}

impl Kept {
    pub(super) fn new(lasts: Both<Micros>) -> Self {
        let (left, right) = (lasts.left.saturating_abs(), lasts.right.saturating_abs());
        Self {
            rows: Vec::new(),
            free: Vec::new(),
            keys: HashMap::new(),
            due: BinaryHeap::new(),
            lasts,
            chunks: BTreeMap::new(),
            stretch: (left.max(right) / 4).clamp(SHORTEST, LONGEST),
            unlogged: Vec::new(),
            matched: Vec::new(),
            numbered: 0,
            restored: (HashMap::new(), Vec::new()),
            bytes: 0,
        }
    }

    /// When a row is due to go: when the watermark is past this. One that belongs to none waits for none.
    pub(super) fn due(&self, row: &Row) -> Micros {
        match row.is_single {
            true => Micros::MIN,
            false => row.time.saturating_add(*self.lasts.of(row.is_right)),
        }
    }

    pub(super) fn get(&self, place: Place) -> Option<&Row> {
        self.rows.get(place as usize)?.as_ref()
    }

    /// Finds the rows of the other side with the key of a row, whose times are from one to another.
    pub(super) fn others(
        &self,
        row: &Row,
        (from, to): (Micros, Micros),
    ) -> impl Iterator<Item = Place> {
        let sides = match row.is_single {
            true => None,
            false => self.keys.get(row.key()),
        };
        let others = sides.map(|sides| sides.of(!row.is_right));
        others.into_iter().flat_map(move |rows| {
            let first = rows.partition_point(|(time, _)| *time < from);
            let found = rows.range(first..).take_while(move |(time, _)| *time <= to);
            found.map(|(_, place)| *place)
        })
    }

    /// Keeps a row until it is due.
    pub(super) fn add(&mut self, row: Row) -> Place {
        let place = self.put(row);
        self.unlogged.push(place);
        place
    }

    fn put(&mut self, row: Row) -> Place {
        let due = self.due(&row);
        self.bytes += row.bytes() + ENTRY_BYTES;
        let place = self.free.pop().unwrap_or_else(|| {
            self.rows.push(None);
            (self.rows.len() - 1) as Place
        });
        if !row.is_single {
            let sides = self.keys.entry_ref(row.key()).or_default();
            let rows = sides.of_mut(row.is_right);
            let after = rows.partition_point(|(time, _)| *time <= row.time);
            rows.insert(after, (row.time, place));
        }
        self.due.push(Reverse((due, place)));
        if let Some(slot) = self.rows.get_mut(place as usize) {
            *slot = Some(row);
        }
        place
    }

    /// Notes that rows of both sides belong to a row.
    pub(super) fn set_matched(&mut self, place: Place) {
        if let Some(Some(row)) = self.rows.get_mut(place as usize)
            && !std::mem::replace(&mut row.is_matched, true)
            && row.number > 0
        {
            let due = row.time.saturating_add(*self.lasts.of(row.is_right));
            self.matched.push((row.number, due));
        }
    }

    /// The rows that are due before a time, and those that wait for none. They are to be removed.
    pub(super) fn take_due(&mut self, before: Micros) -> Vec<Place> {
        let mut due = Vec::new();
        while let Some(Reverse((time, place))) = self.due.peek()
            && (*time < before || *time == Micros::MIN)
        {
            due.push(*place);
            self.due.pop();
        }
        due
    }

    /// Removes rows that were due.
    pub(super) fn remove(&mut self, places: &[Place]) {
        for &place in places {
            let Some(row) = self.rows.get_mut(place as usize).and_then(Option::take) else {
                continue;
            };
            self.bytes = self.bytes.saturating_sub(row.bytes() + ENTRY_BYTES);
            self.free.push(place);
            if row.is_single {
                continue;
            }
            let Some(sides) = self.keys.get_mut(row.key()) else {
                continue;
            };
            // It is one of the first.
            let rows = sides.of_mut(row.is_right);
            if let Some(at) = rows.iter().position(|(_, p)| *p == place) {
                rows.remove(at);
            }
            if sides.left.is_empty() && sides.right.is_empty() {
                self.keys.remove(row.key());
            }
        }
    }

    /// When the last of the rows is due.
    pub(super) fn last_due(&self) -> Option<Micros> {
        self.due.iter().map(|Reverse((due, _))| *due).max()
    }

    /// Writes to the changelog what it does not have, and forgets stretches whose rows are all gone.
    pub(super) fn log(
        &mut self,
        (stream, stamp): (&str, Stamp),
        settled: Micros,
        sequence: &mut u64,
        out: &mut Vec<ChangelogRecord>,
    ) {
        let stretch = self.stretch;
        let mut fresh: BTreeMap<Micros, Vec<(Vec<u8>, Vec<u8>)>> = BTreeMap::new();
        for place in std::mem::take(&mut self.unlogged) {
            // The place may be another row's by now, which comes later.
            let Some(Some(row)) = self.rows.get_mut(place as usize) else {
                continue;
            };
            if row.number > 0 || row.is_single {
                continue;
            }
            self.numbered += 1;
            row.number = self.numbered;
            let due = row.time.saturating_add(*self.lasts.of(row.is_right));
            let rows = fresh.entry(start(due, stretch)).or_default();
            rows.push((row.key().to_vec(), row.state()));
        }
        for (number, due) in std::mem::take(&mut self.matched) {
            if due >= settled {
                let rows = fresh.entry(start(due, stretch)).or_default();
                rows.push((Vec::new(), Stored::matched(number)));
            }
        }
        let key = |start: Micros, sequence: u64| ChunkKey {
            stream,
            segment: segment(start, stretch),
            sequence,
        };
        for (start, rows) in fresh {
            let rows = rows.iter().map(|(k, s)| (k.as_slice(), s.as_slice()));
            let written = chunk::write(key(start, 0), stamp, rows, sequence, out);
            let chunks = self.chunks.entry(start).or_default();
            chunks.extend(written.into_iter().map(|(sequence, _)| sequence));
        }
        self.chunks.retain(|&start, chunks| {
            let is_gone = start.saturating_add(stretch) <= settled;
            if is_gone {
                out.extend(chunks.iter().map(|&n| key(start, n).tombstone()));
            }
            !is_gone
        });
    }

    /// Takes back what a chunk holds, without the rows that had been due before a time.
    pub(super) fn restore(&mut self, key: ChunkKey<'_>, stored: Vec<Stored>, settled: Micros) {
        let chunks = self.chunks.entry(key.segment.start).or_default();
        chunks.insert(key.sequence);
        for it in stored {
            match it {
                Stored::Matched(number) => self.restored.1.push(number),
                Stored::Row(row) => {
                    let number = row.number;
                    self.numbered = self.numbered.max(number);
                    if self.due(&row) >= settled {
                        let place = self.put(row);
                        self.restored.0.insert(number, place);
                    }
                }
            }
        }
    }

    /// Notes that a chunk is no longer there.
    pub(super) fn forget(&mut self, key: ChunkKey<'_>) {
        if let Some(chunks) = self.chunks.get_mut(&key.segment.start) {
            chunks.remove(&key.sequence);
        }
    }

    /// Puts to use what was restored.
    pub(super) fn make_ready(&mut self) {
        let (places, matched) = std::mem::take(&mut self.restored);
        for place in matched.iter().filter_map(|number| places.get(number)) {
            if let Some(Some(row)) = self.rows.get_mut(*place as usize) {
                row.is_matched = true;
            }
        }
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Roughly how many bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.keys.len() * KEY_BYTES
    }
}

fn start(time: Micros, stretch: Micros) -> Micros {
    time.saturating_sub(time.rem_euclid(stretch))
}

/// The segment of the changelog that a stretch is.
fn segment(start: Micros, stretch: Micros) -> Pane {
    Pane {
        first: start.saturating_add(stretch),
        start,
    }
}
