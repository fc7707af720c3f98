//! How far a task is in event time, and the text of it that is stored with committed offsets: a line that a person can
//! read, of less than 4,000 bytes with up to 1,500 source partitions.

use std::collections::BTreeMap;
use std::fmt::Write;

use tidemill_plan::model::Micros;

use crate::error::{EngineError, Result};
use crate::shuffle::Word;
use crate::window::NEVER;

/// What the text may take: Kafka allows 4,096 bytes.
const MAX_TEXT: usize = 3_900;

/// The version of the text.
const VERSION: &str = "2";

/// The event time of one source partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SourceClock {
    /// The highest event time seen.
    pub(crate) highest: Option<Micros>,
    /// A watermark set from outside.
    pub(crate) advanced: Option<Micros>,
    /// It holds nothing back.
    pub(crate) idle: bool,
    /// Its input has ended, before this offset.
    pub(crate) finished: Option<i64>,
    /// How many partitions its source had when it was first read: those that have come since are new.
    pub(crate) among: Option<u32>,
    /// The edition of the rules that its rows are read under.
    pub(crate) edition: Option<i64>,
}

impl SourceClock {
    /// The watermark, given how far records may be out of order.
    pub(crate) fn watermark(&self, out_of_orderness: Micros) -> Option<Micros> {
        self.highest
            .map(|t| t.saturating_sub(out_of_orderness))
            .max(self.advanced)
    }
}

/// What a shard knows of one source partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Heard {
    heard: bool,
    watermark: Option<Micros>,
    idle: bool,
    last: bool,
}

/// What a shard knows of one of those that send to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Sender {
    /// By number of the partition; at least as many as it is known to have.
    partitions: Vec<Heard>,
    /// How many partitions it has; nothing can be said before that is known.
    expected: usize,
}

/// The event time of a shard: of all partitions that send to it, the one furthest behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ShardClock {
    /// The watermark; it never goes back.
    pub(crate) watermark: Option<Micros>,
    /// By their [origins](crate::shuffle::origin).
    senders: BTreeMap<u64, Sender>,
}

impl ShardClock {
    /// A clock that hears these origins.
    pub(crate) fn new(origins: impl IntoIterator<Item = u64>) -> Self {
        let sender = |origin| (origin, Sender::default());
        Self {
            watermark: None,
            senders: origins.into_iter().map(sender).collect(),
        }
    }

    /// Takes over what was stored. Who does not send any more is forgotten.
    pub(crate) fn take_over(&mut self, stored: ShardClock) {
        self.watermark = self.watermark.max(stored.watermark);
        for (origin, sender) in stored.senders {
            if let Some(mine) = self.senders.get_mut(&origin) {
                mine.partitions = sender.partitions;
                mine.make_room();
            }
        }
        self.recompute();
    }

    /// The same clock as of an earlier time.
    pub(crate) fn at(&self, stored: ShardClock) -> Self {
        let mut then = Self::new(self.senders.keys().copied());
        for (origin, sender) in &self.senders {
            let told = u32::try_from(sender.expected).unwrap_or(u32::MAX);
            then.expect(*origin, stored.told(*origin).unwrap_or(told));
        }
        then.take_over(stored);
        then
    }

    /// Sets how many partitions an origin has.
    pub(crate) fn expect(&mut self, origin: u64, partitions: u32) {
        if let Some(sender) = self.senders.get_mut(&origin) {
            sender.expected = partitions as usize;
            sender.make_room();
        }
        self.recompute();
    }

    /// How many partitions an origin has, if that is known.
    pub(crate) fn told(&self, origin: u64) -> Option<u32> {
        let told = self.senders.get(&origin)?.expected;
        u32::try_from(told).ok().filter(|told| *told > 0)
    }

    /// Takes a partition at its word.
    pub(crate) fn hear(&mut self, word: Word) {
        let Ok(partition) = usize::try_from(word.partition) else {
            return;
        };
        let Some(sender) = self.senders.get_mut(&word.origin) else {
            return;
        };
        let partitions = &mut sender.partitions;
        if partitions.len() <= partition {
            partitions.resize(partition + 1, Heard::default());
        }
        if let Some(heard) = partitions.get_mut(partition) {
            *heard = Heard {
                heard: true,
                watermark: heard.watermark.max(word.watermark),
                idle: word.idle,
                last: word.last,
            };
        }
        self.recompute();
    }

    fn partitions(&self) -> impl Iterator<Item = &Heard> {
        self.senders.values().flat_map(|s| &s.partitions)
    }

    fn recompute(&mut self) {
        if self.senders.values().any(|s| s.expected == 0) {
            return;
        }
        let mut lowest = None;
        for p in self.partitions().filter(|p| !p.idle) {
            let Some(watermark) = p.watermark else { return };
            lowest = Some(lowest.map_or(watermark, |l: Micros| l.min(watermark)));
        }
        self.watermark = self.watermark.max(lowest);
    }

    /// Moves the watermark from outside.
    pub(crate) fn advance(&mut self, watermark: Micros) {
        self.watermark = self.watermark.max(Some(watermark));
    }

    /// Takes back that any partition has said its last word.
    pub(crate) fn reopen(&mut self) {
        for partition in self.senders.values_mut().flat_map(|s| &mut s.partitions) {
            partition.last = false;
        }
    }

    /// Whether the last word of every partition was its last.
    pub(crate) fn finished(&self) -> bool {
        !self.senders.is_empty()
            && self.senders.values().all(|s| s.expected > 0)
            && self.partitions().all(|p| p.heard && p.last)
    }

    /// The partition that holds the watermark back, and its origin: one that has said nothing yet, or else the one
    /// furthest behind. None is where all are idle.
    pub(crate) fn held_back_by(&self) -> Option<(u64, i32)> {
        let all = self.senders.iter().flat_map(|(origin, sender)| {
            let partitions = sender.partitions.iter().enumerate();
            partitions.map(|(i, p)| (*origin, i, p))
        });
        let behind = all
            .filter(|(_, _, p)| !p.idle)
            .min_by_key(|(_, _, p)| p.watermark);
        behind.and_then(|(origin, i, _)| Some((origin, i32::try_from(i).ok()?)))
    }
}

impl Sender {
    fn make_room(&mut self) {
        if self.partitions.len() < self.expected {
            self.partitions.resize(self.expected, Heard::default());
        }
    }
}

/// What a stream with a grouping keeps with the clock. Streams go by a hash of their names, so that other streams
/// can come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// Hash of the stream's name.
    pub(crate) stream: u64,
    /// The highest end of a window that was closed before the watermark demanded it.
    pub(crate) closed: Option<Micros>,
    /// The last chunk of the changelog whose rows have been handed on.
    pub(crate) emitted: Option<u64>,
    /// The time, and the hash of the key or the number, from which on rows have not gone on yet that the watermark has
    /// passed.
    pub(crate) left: Option<(Micros, u64)>,
}

/// The clock as text.
pub(crate) fn write_source(clock: &SourceClock, marks: &[Marks]) -> String {
    let mut text = String::from(VERSION);
    field(&mut text, "m", clock.highest);
    field(&mut text, "a", clock.advanced);
    field(&mut text, "i", clock.idle.then_some(1));
    field(&mut text, "f", clock.finished);
    field(&mut text, "n", clock.among.map(i64::from));
    field(&mut text, "r", clock.edition);
    write_marks(&mut text, marks);
    text
}

/// The clock as text. Where it would become too long, what was heard of each source partition is rounded down; the
/// shard's own watermark is always exact, so nothing closes early or twice.
pub(crate) fn write_shard(clock: &ShardClock, marks: &[Marks]) -> String {
    let mut text = String::new();
    for unit in [1, 1_000, 1_000_000, 60_000_000, 3_600_000_000] {
        text = shard_text(clock, unit, marks);
        if text.len() <= MAX_TEXT {
            break;
        }
    }
    text
}

fn shard_text(clock: &ShardClock, unit: Micros, marks: &[Marks]) -> String {
    let mut text = String::from(VERSION);
    field(&mut text, "w", clock.watermark);
    let top = clock.partitions().filter_map(|p| p.watermark).max();
    field(&mut text, "t", top);
    field(&mut text, "u", Some(unit));
    for (origin, sender) in &clock.senders {
        let _ = write!(text, ";p{origin:x}=");
        for (i, p) in sender.partitions.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            write_heard(&mut text, p, top.unwrap_or(0), unit);
        }
        // One that it was not told of may have spoken all the same.
        if sender.expected != sender.partitions.len() {
            let _ = write!(text, ";x{origin:x}={}", sender.expected);
        }
    }
    write_marks(&mut text, marks);
    text
}

fn write_heard(text: &mut String, p: &Heard, top: Micros, unit: Micros) {
    if !p.heard {
        return;
    }
    match p.watermark {
        Some(w) => {
            let lag = i128::from(top) - i128::from(w);
            let _ = write!(text, "{}", (lag + i128::from(unit) - 1) / i128::from(unit));
        }
        None => text.push('-'),
    }
    text.push_str(if p.idle { "i" } else { "" });
    text.push_str(if p.last { "f" } else { "" });
}

fn field(text: &mut String, name: &str, value: Option<i64>) {
    if let Some(value) = value {
        let _ = write!(text, ";{name}={value}");
    }
}

fn write_marks(text: &mut String, marks: &[Marks]) {
    for mark in marks {
        if let Some(closed) = mark.closed {
            let _ = write!(text, ";c{:x}={closed}", mark.stream);
        }
        if let Some(emitted) = mark.emitted {
            let _ = write!(text, ";e{:x}={emitted}", mark.stream);
        }
        if let Some((time, hash)) = mark.left {
            let _ = write!(text, ";l{:x}={time}/{hash:x}", mark.stream);
        }
    }
}

/// The fields of a text, after its version.
fn fields(text: &str) -> Result<impl Iterator<Item = Result<(&str, &str)>>> {
    let mut parts = text.split(';');
    match parts.next() {
        Some(VERSION) => {}
        _ => return Err(bad(text, "it is of a version that is not known here")),
    }
    Ok(parts.map(move |part| {
        part.split_once('=')
            .ok_or_else(|| bad(text, "a field has no value"))
    }))
}

fn bad(text: &str, why: &str) -> EngineError {
    EngineError::Clock(format!("{why}: `{text}`"))
}

fn number<T: std::str::FromStr>(value: &str, text: &str) -> Result<T> {
    value
        .parse()
        .map_err(|_| bad(text, "a number cannot be read"))
}

/// Reads the text of a source's clock.
pub(crate) fn read_source(text: &str) -> Result<(SourceClock, Vec<Marks>)> {
    let mut clock = SourceClock::default();
    let mut marks = Vec::new();
    for item in fields(text)? {
        match item? {
            ("m", v) => clock.highest = Some(number(v, text)?),
            ("a", v) => clock.advanced = Some(number(v, text)?),
            ("i", _) => clock.idle = true,
            ("f", v) => clock.finished = Some(number(v, text)?),
            ("n", v) => clock.among = Some(number(v, text)?),
            ("r", v) => clock.edition = Some(number(v, text)?),
            (name, v) => read_mark(name, v, text, &mut marks)?,
        }
    }
    Ok((clock, marks))
}

/// Reads the text of a shard's clock.
pub(crate) fn read_shard(text: &str) -> Result<(ShardClock, Vec<Marks>)> {
    let mut clock = ShardClock::default();
    let mut marks = Vec::new();
    let (mut top, mut unit) = (0i64, 1i64);
    let (mut senders, mut told) = (Vec::new(), BTreeMap::new());
    for item in fields(text)? {
        match item? {
            ("w", v) => clock.watermark = Some(number(v, text)?),
            ("t", v) => top = number(v, text)?,
            ("u", v) => unit = number(v, text)?,
            (name, v) => {
                if let Some(origin) = name.strip_prefix('p') {
                    senders.push((hexadecimal(origin, text)?, v));
                } else if let Some(origin) = name.strip_prefix('x') {
                    told.insert(hexadecimal(origin, text)?, number(v, text)?);
                } else {
                    read_mark(name, v, text, &mut marks)?;
                }
            }
        }
    }
    for (origin, partitions) in senders {
        let heard = partitions.split(',').filter(|_| !partitions.is_empty());
        let heard = heard.map(|p| read_heard(p, top, unit, text));
        let partitions: Vec<Heard> = heard.collect::<Result<_>>()?;
        let sender = Sender {
            expected: told.get(&origin).copied().unwrap_or(partitions.len()),
            partitions,
        };
        clock.senders.insert(origin, sender);
    }
    Ok((clock, marks))
}

fn hexadecimal(text: &str, of: &str) -> Result<u64> {
    u64::from_str_radix(text, 16).map_err(|_| bad(of, "a field is not known"))
}

fn read_heard(part: &str, top: i64, unit: i64, text: &str) -> Result<Heard> {
    if part.is_empty() {
        return Ok(Heard::default());
    }
    let (rest, last) = part.strip_suffix('f').map_or((part, false), |r| (r, true));
    let (rest, idle) = rest.strip_suffix('i').map_or((rest, false), |r| (r, true));
    let watermark = if rest == "-" {
        None
    } else {
        let lag = number::<i128>(rest, text)?.checked_mul(i128::from(unit));
        let lag = lag.ok_or_else(|| bad(text, "a number cannot be read"))?;
        Some(i64::try_from(i128::from(top).saturating_sub(lag)).unwrap_or(NEVER))
    };
    Ok(Heard {
        heard: true,
        watermark,
        idle,
        last,
    })
}

fn read_mark(name: &str, value: &str, text: &str, marks: &mut Vec<Marks>) -> Result<()> {
    let mut letters = name.chars();
    let kind = letters.next();
    let stream = hexadecimal(letters.as_str(), text)?;
    let mark = Marks {
        stream,
        ..Marks::default()
    };
    match kind {
        Some('c') => marks.push(Marks {
            closed: Some(number(value, text)?),
            ..mark
        }),
        Some('e') => marks.push(Marks {
            emitted: Some(number(value, text)?),
            ..mark
        }),
        Some('l') => {
            let (time, hash) = value.split_once('/').unwrap_or((value, "0"));
            marks.push(Marks {
                left: Some((number(time, text)?, hexadecimal(hash, text)?)),
                ..mark
            });
        }
        _ => return Err(bad(text, "a field is not known")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ONE: u64 = 7;
    const OTHER: u64 = u64::MAX;

    fn word(partition: i32, watermark: Option<i64>) -> Word {
        Word {
            origin: ONE,
            partition,
            watermark,
            idle: false,
            last: false,
            edition: 0,
        }
    }

    #[test]
    fn the_partition_furthest_behind_holds_a_shard_back() {
        let mut clock = ShardClock::new([ONE]);
        clock.hear(word(0, Some(50)));
        assert_eq!(
            clock.watermark, None,
            "how many partitions there are is not known"
        );
        clock.expect(ONE, 3);
        clock.hear(word(2, Some(40)));
        assert_eq!(
            (clock.watermark, clock.held_back_by()),
            (None, Some((ONE, 1))),
            "one has said nothing yet"
        );
        clock.hear(word(1, Some(60)));
        assert_eq!(
            (clock.watermark, clock.held_back_by()),
            (Some(40), Some((ONE, 2)))
        );
        clock.hear(Word {
            idle: true,
            ..word(2, Some(40))
        });
        assert_eq!(
            (clock.watermark, clock.held_back_by()),
            (Some(50), Some((ONE, 0))),
            "an idle one is left out"
        );
        clock.hear(word(2, Some(45)));
        assert_eq!(
            (clock.watermark, clock.held_back_by()),
            (Some(50), Some((ONE, 2))),
            "and never sets it back"
        );
        for p in 0..3 {
            assert!(!clock.finished());
            clock.hear(Word {
                last: true,
                ..word(p, Some(70))
            });
        }
        assert!(clock.finished());
        clock.hear(word(1, Some(80)));
        assert!(
            !clock.finished(),
            "data after the end means that it was not the end"
        );
        clock.expect(ONE, 4);
        assert_eq!(
            clock.held_back_by(),
            Some((ONE, 3)),
            "a new partition holds back until it says something"
        );
        for p in 0..3 {
            clock.hear(word(p, Some(90)));
        }
        assert_eq!(clock.watermark, Some(70));
        clock.hear(word(3, Some(20)));
        assert_eq!(clock.watermark, Some(70), "and does not set it back");
        clock.hear(word(3, Some(95)));
        assert_eq!(clock.watermark, Some(90));
    }

    #[test]
    fn a_shard_waits_for_all_that_send_to_it() {
        let mut clock = ShardClock::new([ONE, OTHER]);
        clock.expect(ONE, 1);
        clock.hear(word(0, Some(50)));
        assert_eq!(clock.watermark, None, "the other is not known");
        clock.expect(OTHER, 1);
        assert_eq!(
            (clock.watermark, clock.held_back_by()),
            (None, Some((OTHER, 0)))
        );
        clock.hear(Word {
            origin: OTHER,
            last: true,
            ..word(0, Some(20))
        });
        assert_eq!((clock.watermark, clock.finished()), (Some(20), false));
        clock.hear(Word {
            origin: 1,
            ..word(0, Some(3))
        });
        let (stored, _) = read_shard(&write_shard(&clock, &[])).unwrap();
        let mut alone = ShardClock::new([ONE]);
        alone.expect(ONE, 1);
        alone.take_over(stored.clone());
        assert_eq!(
            alone.watermark,
            Some(50),
            "who does not send any more holds nothing back"
        );
        assert_eq!(clock.at(stored), clock);
    }

    #[test]
    fn how_many_partitions_a_shard_was_told_of_is_kept_though_others_have_spoken() {
        let mut clock = ShardClock::new([ONE, OTHER]);
        clock.expect(ONE, 2);
        for partition in 0..2 {
            clock.hear(word(partition, Some(50)));
        }
        let told = |clock: &ShardClock| {
            let (stored, _) = read_shard(&write_shard(clock, &[])).unwrap();
            (stored.told(ONE), stored.told(OTHER))
        };
        assert_eq!(told(&clock), (Some(2), None));
        clock.hear(word(3, Some(60)));
        assert_eq!(told(&clock), (Some(2), None));
        clock.expect(ONE, 4);
        assert_eq!(told(&clock), (Some(4), None));
    }

    #[test]
    fn text_comes_back() {
        let marks = [
            Marks {
                stream: u64::MAX,
                closed: Some(-5),
                ..Marks::default()
            },
            Marks {
                stream: 7,
                emitted: Some(12),
                ..Marks::default()
            },
            Marks {
                stream: 8,
                left: Some((-7, u64::MAX - 1)),
                ..Marks::default()
            },
        ];
        let source = SourceClock {
            highest: Some(1_700_000_000_000_000),
            advanced: Some(-3),
            idle: true,
            finished: Some(9),
            among: Some(3),
            edition: Some(12),
        };
        assert_eq!(
            read_source(&write_source(&source, &marks)).unwrap(),
            (source, marks.to_vec())
        );
        let none = SourceClock::default();
        assert_eq!(
            read_source(&write_source(&none, &[])).unwrap(),
            (none, vec![])
        );

        let mut shard = ShardClock::new([ONE, OTHER]);
        assert_eq!(
            read_shard(&write_shard(&shard, &[])).unwrap(),
            (shard.clone(), vec![])
        );
        shard.hear(word(1, Some(i64::MIN)));
        shard.hear(word(2, Some(i64::MAX)));
        shard.hear(Word {
            idle: true,
            last: true,
            ..word(4, None)
        });
        shard.hear(Word {
            last: true,
            ..word(5, Some(17))
        });
        shard.hear(Word {
            origin: OTHER,
            ..word(1, Some(9))
        });
        shard.watermark = Some(3);
        assert_eq!(
            read_shard(&write_shard(&shard, &marks)).unwrap(),
            (shard, marks.to_vec())
        );
        for text in [
            "", "1", "2;m", "2;q=3", "2;m=x", "2;p=1", "2;p7=1,z", "2;czz=1",
        ] {
            assert!(
                read_source(text).is_err() && read_shard(text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn the_text_fits_with_many_partitions() {
        for (partitions, spread) in [
            (128, 3_600_000_000),
            (256, i64::MAX / 1024),
            (1500, 3_600_000_000i64),
        ] {
            let mut clock = ShardClock::new([ONE]);
            for p in 0..partitions {
                let watermark =
                    1_700_000_000_000_000 - i64::from(p) * (spread / i64::from(partitions));
                clock.hear(word(p, Some(watermark)));
            }
            clock.watermark = Some(1_234_567_890_123_456);
            let text = write_shard(&clock, &[]);
            assert!(text.len() < 4_000, "{partitions}: {}", text.len());
            let (back, _) = read_shard(&text).unwrap();
            assert_eq!(back.watermark, clock.watermark);
            assert_eq!(back.partitions().count(), clock.partitions().count());
            let mut pairs = back.partitions().zip(clock.partitions());
            assert!(
                pairs.all(|(b, c)| b.watermark <= c.watermark),
                "rounded down, never up"
            );
        }
    }
}
