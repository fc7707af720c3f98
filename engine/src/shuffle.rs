//! Records of a shuffle topic: partial aggregates of one source partition for one shard, and how far that partition is.

use tidemill_plan::model::{Exchange, Micros};

use crate::effects::ShuffleRecord;
use crate::error::EngineError;
use crate::stamp::Stamp;
use crate::window::{NEVER, Pane};
use crate::wire::{Malformed, Reader, Writer};

/// The format of values.
const VERSION: u8 = 5;

/// No record grows beyond this by more than one row.
const MAX_BYTES: usize = 256 * 1024;

/// More source partitions than any topic has: a number beyond is damage.
const MAX_PARTITIONS: i32 = 100_000;

const IDLE: u8 = 1;
const LAST: u8 = 2;
const TIMED: u8 = 4;

const PANE: u8 = 1;
const ROW: u8 = 2;
const CLOSED: u8 = 3;

/// How far a source partition is, as it says with each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    /// Whose partition it is: see [`origin`].
    pub(crate) origin: u64,
    /// The source partition.
    pub(crate) partition: i32,
    /// Its watermark.
    pub(crate) watermark: Option<Micros>,
    /// It holds nothing back until it sends again.
    pub(crate) idle: bool,
    /// Its input has ended.
    pub(crate) last: bool,
    /// The newest edition of the rules that its rows may have been read under.
    pub(crate) edition: i64,
}

/// What a source, or a stream whose shards are read, goes by among those that send to a shard: a hash of its name, so that
/// others can come and go.
pub(crate) fn origin(name: &str) -> u64 {
    crate::wire::hash(name.as_bytes())
}

/// The shard of a key.
pub(crate) fn shard_of(hash: u64, shards: u32) -> usize {
    (hash % u64::from(shards.max(1))) as usize
}

/// What a source task sends to the shards of one stream.
pub(crate) struct Sender {
    stream: usize,
    stamp: Stamp,
    shards: Vec<Outgoing>,
}

#[derive(Default)]
struct Outgoing {
    /// The last word that the shard was told.
    told: Option<Word>,
    body: Writer,
    pane: Option<Pane>,
    closed: Option<Micros>,
}

/// A partial aggregate on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shuffled<'a> {
    /// Its pane; of a session, the first microsecond and, as `first`, the one after it.
    pub(crate) pane: Pane,
    /// Of a row that may be late: up to where sessions had closed for it in its source partition. Else never.
    pub(crate) closed: Micros,
    pub(crate) key: &'a [u8],
    pub(crate) state: &'a [u8],
}

/// A partial aggregate that has come to its shard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived<'a> {
    pub(crate) partial: Shuffled<'a>,
    /// The record it came with, by its place in the batch.
    pub(crate) record: usize,
    /// The shard's watermark before that record.
    pub(crate) before: Micros,
}

impl Sender {
    /// Of the stream with this index and name; none where rows meet without being sent.
    pub(crate) fn of(
        index: usize,
        name: &str,
        stamp: Stamp,
        exchange: &Exchange,
    ) -> Result<Option<Self>, EngineError> {
        match *exchange {
            Exchange::Local => Ok(None),
            Exchange::Shuffle { shards: 0 } => Err(EngineError::Plan(format!(
                "stream `{name}` is spread over no shards"
            ))),
            Exchange::Shuffle { shards } => Ok(Some(Self::new(index, stamp, shards))),
        }
    }

    fn new(stream: usize, stamp: Stamp, shards: u32) -> Self {
        Self {
            stream,
            stamp,
            shards: (0..shards).map(|_| Outgoing::default()).collect(),
        }
    }

    /// Adds a partial aggregate; `word` is what will be said with the last record.
    pub(crate) fn add(
        &mut self,
        hash: u64,
        partial: Shuffled<'_>,
        word: Word,
        out: &mut Vec<ShuffleRecord>,
    ) {
        let shard = shard_of(hash, self.shards.len() as u32);
        let (stream, stamp) = (self.stream, self.stamp);
        let Some(outgoing) = self.shards.get_mut(shard) else {
            return;
        };
        let Shuffled {
            pane,
            closed,
            key,
            state,
        } = partial;
        if outgoing.pane != Some(pane) {
            outgoing.pane = Some(pane);
            outgoing.body.byte(PANE);
            outgoing.body.signed(pane.first);
            outgoing.body.signed(pane.start);
        }
        if outgoing.closed.unwrap_or(NEVER) != closed {
            outgoing.closed = Some(closed);
            outgoing.body.byte(CLOSED);
            outgoing.body.signed(closed);
        }
        outgoing.body.byte(ROW);
        outgoing.body.bytes(key);
        outgoing.body.bytes(state);
        if outgoing.body.len() >= MAX_BYTES {
            // More may follow for the same windows, so the watermark must not move yet.
            let watermark = outgoing.told.and_then(|w| w.watermark);
            let early = Word {
                watermark,
                idle: false,
                last: false,
                ..word
            };
            out.push(ShuffleRecord {
                stream,
                shard: shard as u32,
                value: outgoing.take(early, stamp),
            });
        }
    }

    /// Sends what has been added, and tells every shard the word if it has changed.
    pub(crate) fn send(&mut self, word: Word, out: &mut Vec<ShuffleRecord>) {
        let (stream, stamp) = (self.stream, self.stamp);
        for (shard, outgoing) in self.shards.iter_mut().enumerate() {
            if !outgoing.body.is_empty() || outgoing.told != Some(word) {
                out.push(ShuffleRecord {
                    stream,
                    shard: shard as u32,
                    value: outgoing.take(word, stamp),
                });
            }
        }
    }
}

impl Outgoing {
    fn take(&mut self, word: Word, stamp: Stamp) -> Vec<u8> {
        self.told = Some(word);
        self.pane = None;
        self.closed = None;
        let mut writer = Writer::default();
        writer.byte(VERSION);
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        writer.byte(
            flag(word.idle, IDLE) | flag(word.last, LAST) | flag(word.watermark.is_some(), TIMED),
        );
        writer.fixed(word.origin);
        writer.signed(i64::from(word.partition));
        writer.signed(word.edition);
        if let Some(watermark) = word.watermark {
            writer.signed(watermark);
        }
        stamp.write(&mut writer);
        writer.append(&std::mem::take(&mut self.body));
        writer.sealed()
    }
}

/// A record that was received.
pub(crate) struct Received<'a> {
    pub(crate) word: Word,
    pub(crate) stamp: Stamp,
    pub(crate) partials: Vec<Shuffled<'a>>,
}

/// The newest edition of the rules that a record's rows may have been read under; none of what cannot be read.
pub(crate) fn edition(value: &[u8]) -> Option<i64> {
    let mut reader = Reader::unsealed(value);
    let is_known = reader.byte().is_ok_and(|version| version == VERSION);
    let head = Head::read(&mut reader);
    head.ok().filter(|_| is_known).map(|head| head.edition)
}

/// What a record begins with, after its version.
struct Head {
    flags: u8,
    origin: u64,
    partition: i32,
    edition: i64,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.byte()?;
        let origin = reader.fixed()?;
        let partition =
            i32::try_from(reader.signed()?).map_err(|_| "its source partition is out of range")?;
        if !(0..MAX_PARTITIONS).contains(&partition) {
            return Err("its source partition is out of range");
        }
        Ok(Self {
            flags,
            origin,
            partition,
            edition: reader.signed()?,
        })
    }
}

/// Reads a record.
pub(crate) fn read(value: &[u8]) -> Result<Received<'_>, Malformed> {
    let mut reader = Reader::sealed(value)?;
    if reader.byte()? != VERSION {
        return Err("it is of a version that is not known here");
    }
    let Head {
        flags,
        origin,
        partition,
        edition,
    } = Head::read(&mut reader)?;
    let watermark = if flags & TIMED != 0 {
        Some(reader.signed()?)
    } else {
        None
    };
    let stamp = Stamp::read(&mut reader)?;
    let mut partials = Vec::new();
    let (mut pane, mut closed) = (Pane::bucket(0), NEVER);
    while !reader.is_empty() {
        match reader.byte()? {
            PANE => {
                pane = Pane {
                    first: reader.signed()?,
                    start: reader.signed()?,
                }
            }
            CLOSED => closed = reader.signed()?,
            ROW => partials.push(Shuffled {
                pane,
                closed,
                key: reader.bytes()?,
                state: reader.bytes()?,
            }),
            _ => return Err("it holds something unknown"),
        }
    }
    let word = Word {
        origin,
        partition,
        watermark,
        idle: flags & IDLE != 0,
        last: flags & LAST != 0,
        edition,
    };
    Ok(Received {
        word,
        stamp,
        partials,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::hash;

    const STAMP: Stamp = Stamp {
        epoch: 300,
        fingerprint: 77,
    };

    fn word(watermark: i64) -> Word {
        Word {
            origin: u64::MAX,
            partition: 3,
            watermark: Some(watermark),
            idle: false,
            last: false,
            edition: 7,
        }
    }

    fn in_time<'a>(pane: Pane, key: &'a [u8], state: &'a [u8]) -> Shuffled<'a> {
        Shuffled {
            pane,
            closed: NEVER,
            key,
            state,
        }
    }

    #[test]
    fn rows_that_may_be_late_come_back_with_what_had_closed() {
        let mut sender = Sender::new(0, STAMP, 1);
        let mut out = Vec::new();
        let sent = [NEVER, 5, 5, NEVER, 7].map(|closed| Shuffled {
            closed,
            ..in_time(Pane { first: 9, start: 3 }, b"k", b"s")
        });
        for partial in sent {
            sender.add(0, partial, word(9), &mut out);
        }
        sender.send(word(9), &mut out);
        assert_eq!(read(&out[0].value).unwrap().partials, sent);
    }

    #[test]
    fn partials_come_back_with_the_word() {
        let mut sender = Sender::new(5, STAMP, 4);
        let mut out = Vec::new();
        let keys = ["a", "b", "c", "d", "e", "f"];
        for (i, key) in keys.iter().enumerate() {
            let window = Pane::bucket((i as i64 % 2) * 10);
            sender.add(
                hash(key.as_bytes()),
                in_time(window, key.as_bytes(), b"1"),
                word(9),
                &mut out,
            );
        }
        assert!(out.is_empty());
        sender.send(word(9), &mut out);
        assert_eq!(out.len(), 4, "every shard is told, with or without rows");
        let mut found = Vec::new();
        for record in &out {
            let received = read(&record.value).unwrap();
            assert_eq!(
                (received.word, received.stamp, record.stream),
                (word(9), STAMP, 5)
            );
            for Shuffled {
                pane, key, state, ..
            } in received.partials
            {
                assert_eq!(shard_of(hash(key), 4), record.shard as usize);
                found.push((
                    String::from_utf8(key.to_vec()).unwrap(),
                    pane,
                    state.to_vec(),
                ));
            }
        }
        found.sort();
        let wanted = keys.iter().enumerate().map(|(i, k)| {
            (
                (*k).to_owned(),
                Pane::bucket((i as i64 % 2) * 10),
                b"1".to_vec(),
            )
        });
        assert_eq!(found, wanted.collect::<Vec<_>>());

        out.clear();
        sender.send(word(9), &mut out);
        assert!(out.is_empty(), "nothing new is not said again");
        sender.send(word(10), &mut out);
        assert_eq!(out.len(), 4, "a watermark that moves is");
    }

    #[test]
    fn the_watermark_comes_with_the_last_part_only() {
        let mut sender = Sender::new(0, STAMP, 1);
        let mut out = Vec::new();
        sender.send(word(1), &mut out);
        let state = vec![0; 1000];
        for i in 0..1000u64 {
            sender.add(
                i,
                in_time(Pane::bucket(0), &i.to_le_bytes(), &state),
                word(50),
                &mut out,
            );
        }
        sender.send(word(50), &mut out);
        assert!(out.len() > 3);
        let watermarks: Vec<_> = out
            .iter()
            .map(|r| read(&r.value).unwrap().word.watermark.unwrap())
            .collect();
        assert!(
            watermarks[..out.len() - 1].iter().all(|&w| w == 1),
            "{watermarks:?}"
        );
        assert_eq!(watermarks.last(), Some(&50));
        assert_eq!(
            out.iter()
                .map(|r| read(&r.value).unwrap().partials.len())
                .sum::<usize>(),
            1000
        );
    }
}
