//! From deltas to stored state and back: merging into segments, the changelog, partial aggregates for shards.

use std::collections::BTreeMap;

use tidemill_plan::model::Emit;

use super::Panes;
use super::chunk::{self, ChunkKey};
use super::cold;
use super::delta::{Delta, Merger};
use super::rowbytes::Encoded;
use super::segment::{Quota, bucket};
use super::spec::{Groups, Spec};
use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::shuffle::{Sender, Shuffled, Word};
use crate::window::{NEVER, Pane};
use crate::wire;

/// A delta that has been merged into its segments.
pub(super) struct Settled {
    /// The groups of the delta with their states, now of all time.
    pub(super) groups: Groups,
    /// Where they are, by segment.
    pub(super) places: BTreeMap<Pane, Vec<u32>>,
}

impl Panes {
    fn segment_of(&self, pane: Pane, hash: u64) -> Pane {
        if self.spec.window.is_some() {
            pane
        } else {
            Pane::bucket(bucket(hash))
        }
    }

    /// Merges a delta into the segments.
    pub(super) fn settle(&mut self, pane: Pane, delta: Delta) -> Result<Settled> {
        let groups = delta.into_groups()?;
        let keys = self.spec.key_codec.encode(groups.keys.clone())?;
        let hashes: Vec<u64> = (0..groups.len)
            .map(|row| wire::hash(keys.row(row)))
            .collect();
        self.fetch(pane, &keys, &hashes)?;
        let groups = self.with_base(pane, groups, &keys, &hashes)?;
        let states = self.spec.state_codec.encode(groups.states.clone())?;
        let mut places: BTreeMap<Pane, Vec<u32>> = BTreeMap::new();
        for (row, &hash) in hashes.iter().enumerate() {
            let id = self.segment_of(pane, hash);
            let passing = self.spec.passing.as_ref();
            let nothing = passing.and_then(|passing| passing.instead(&groups, row));
            let segment = self.segments.entry(id).or_default();
            let state = nothing.unwrap_or_else(|| states.row(row));
            let place = segment.set(hash, keys.row(row), state);
            places.entry(id).or_default().push(place);
            if nothing.is_some() {
                self.note_passed(id, hash, keys.row(row));
            }
        }
        self.unlogged.extend(places.keys());
        Ok(Settled { groups, places })
    }

    /// Brings groups into memory, if they are on disk.
    fn fetch(&mut self, pane: Pane, keys: &Encoded, hashes: &[u64]) -> Result<()> {
        if !self.is_spilled {
            return Ok(());
        }
        let mut wanted: BTreeMap<Pane, Vec<(u64, &[u8])>> = BTreeMap::new();
        for (row, &hash) in hashes.iter().enumerate() {
            let id = self.segment_of(pane, hash);
            wanted.entry(id).or_default().push((hash, keys.row(row)));
        }
        for (id, keys) in wanted {
            if let Some(segment) = self.segments.get_mut(&id) {
                segment.fetch(keys.into_iter())?;
            }
        }
        Ok(())
    }

    /// Has state leave memory until it takes no more than that: first what is not in use.
    pub(super) fn shed(&mut self, goal: usize) -> Result<()> {
        let Some(room) = &self.room else {
            return Ok(());
        };
        let mut held = self.bytes();
        for all in [false, true] {
            for segment in self.segments.values_mut() {
                if held <= goal {
                    return Ok(());
                }
                let before = segment.bytes();
                segment.shed(all, room.disk.as_ref())?;
                held = (held + segment.bytes()).saturating_sub(before);
                self.is_spilled = true;
            }
        }
        Ok(())
    }

    /// Groups with what their segments hold of them merged in.
    fn with_base(
        &self,
        pane: Pane,
        groups: Groups,
        keys: &Encoded,
        hashes: &[u64],
    ) -> Result<Groups> {
        let mut known: Vec<usize> = Vec::new();
        let mut rows: Vec<(&[u8], &[u8])> = Vec::new();
        for (row, &hash) in hashes.iter().enumerate() {
            let segment = self.segments.get(&self.segment_of(pane, hash));
            if let Some(state) = segment.and_then(|s| s.base.get(hash, keys.row(row))) {
                known.push(row);
                rows.push((keys.row(row), state));
            }
        }
        if known.is_empty() {
            return Ok(groups);
        }
        let mut merger = Merger::new(&self.spec, groups.len)?;
        merger.merge(&self.spec.columns_of(self.spec.groups_of(&rows)?), &known)?;
        let (keys, len) = (groups.keys.clone(), groups.len);
        let all: Vec<usize> = (0..len).collect();
        merger.merge(&self.spec.columns_of(groups), &all)?;
        Ok(Groups {
            keys,
            states: merger.states()?,
            len,
        })
    }

    /// Writes what has been merged to the changelog.
    pub(super) fn log(&mut self, fx: &mut Effects) -> Result<()> {
        let mut quota = Quota::default();
        for id in std::mem::take(&mut self.unlogged) {
            if let Some(segment) = self.segments.get_mut(&id) {
                let key = ChunkKey {
                    stream: &self.spec.stream,
                    segment: id,
                    sequence: 0,
                };
                let (stamp, passing) = (self.spec.stamp, self.spec.passing.is_some());
                let (sequence, out) = (&mut self.sequence, &mut fx.changelog);
                segment.write(key, stamp, passing, sequence, &mut quota, out)?;
                if segment.is_gone() {
                    self.segments.remove(&id);
                }
            }
        }
        Ok(())
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        self.sequence = self.sequence.max(key.sequence);
        let Some(value) = value else {
            self.stale.remove(&(key.segment, key.sequence));
            if let Some(segment) = self.segments.get_mut(&key.segment)
                && !segment.drop_chunk(key.sequence)
            {
                self.segments.remove(&key.segment);
            }
            return Ok(());
        };
        let stream = &self.spec.stream;
        let chunk = chunk::read(value).map_err(|problem| EngineError::Stored {
            stream: stream.clone(),
            problem: problem.to_owned(),
        })?;
        if !self.spec.owns(chunk.stamp)? {
            self.stale.insert((key.segment, key.sequence));
            return Ok(());
        }
        let now_and_then = matches!(self.spec.emit, Emit::OnUpdate { every } if every > 0);
        let segment = self.segments.entry(key.segment).or_default();
        segment.note(key.sequence, chunk.rows.len());
        if chunk.anew {
            segment.begin_anew();
        }
        segment.fetch(chunk.rows.iter().map(|(key, _)| (wire::hash(key), *key)))?;
        let passing = self.spec.passing.as_ref();
        for (row_key, state) in chunk.rows {
            let hash = wire::hash(row_key);
            let has_passed = passing.is_some_and(|passing| passing.has_passed(state));
            if has_passed && !now_and_then {
                segment.base.remove(hash, row_key);
                continue;
            }
            let place = segment.base.set(hash, row_key, state);
            if now_and_then && key.sequence > self.emitted {
                segment.base.mark_pending(place);
                self.pending.insert(key.segment);
            }
            if has_passed {
                let passed = self.passed.entry(key.segment).or_default();
                passed.push((hash, row_key.into()));
            }
        }
        let allowed = self.allowed();
        if self.bytes() > allowed {
            self.shed(cold::keeps(allowed))?;
        }
        Ok(())
    }
}

/// Sends deltas to their shards.
pub(super) fn send(
    spec: &Spec,
    sender: &mut Sender,
    deltas: BTreeMap<Pane, Delta>,
    word: Word,
    fx: &mut Effects,
) -> Result<()> {
    for (pane, delta) in deltas {
        let groups = delta.into_groups()?;
        let keys = spec.key_codec.encode(groups.keys)?;
        let states = spec.state_codec.encode(groups.states)?;
        for row in 0..groups.len {
            let key = keys.row(row);
            sender.add(
                wire::hash(key),
                Shuffled {
                    pane,
                    closed: NEVER,
                    key,
                    state: states.row(row),
                },
                word,
                &mut fx.shuffle,
            );
        }
    }
    sender.send(word, &mut fx.shuffle);
    Ok(())
}
