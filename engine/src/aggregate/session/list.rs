//! The sessions of one key: which of them a row joins, and their bytes.

use tidemill_plan::model::Micros;

use crate::window::Span;
use crate::wire::{Malformed, Reader, Writer};

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) span: Span,
    /// Changed since it was last handed on.
    pub(super) fresh: bool,
    /// As what it was handed on before, while it is open; several where those have become one.
    pub(super) shown: Vec<Span>,
    pub(super) state: Box<[u8]>,
}

/// A session with what has come since the last flush.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) span: Span,
    /// The slot of the accumulators where that is; none if nothing has.
    pub(super) slot: Option<usize>,
    /// The stored sessions that it goes on from.
    pub(super) kept: Vec<Kept>,
}

impl From<Kept> for Session {
    fn from(kept: Kept) -> Self {
        Self {
            span: kept.span,
            slot: None,
            kept: vec![kept],
        }
    }
}

/// Slots of accumulators, some of which belong together: each leads to another one of its session, or to itself.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<usize>);

impl Slots {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self) -> usize {
        self.0.push(self.0.len());
        self.0.len() - 1
    }

    /// The one slot of a session that all its slots lead to.
    pub(super) fn root(&mut self, mut slot: usize) -> usize {
        while let Some(&next) = self.0.get(slot)
            && next != slot
        {
            let after = self.0.get(next).copied().unwrap_or(next);
            if let Some(place) = self.0.get_mut(slot) {
                *place = after;
            }
            slot = next;
        }
        slot
    }

    fn join(&mut self, one: Option<usize>, other: Option<usize>) -> Option<usize> {
        let (Some(one), Some(other)) = (one, other) else {
            return one.or(other);
        };
        let (one, other) = (self.root(one), self.root(other));
        if let Some(place) = self.0.get_mut(other) {
            *place = one;
        }
        Some(one)
    }
}

/// Puts the span of a row, or of a session in part, among the sessions of its key, which are in the order of their
/// ends: it joins those it overlaps or touches, other than those with an end up to `closed`. Gives the slot of the
/// session that it is then in; `None` if it joins none and would be closed itself.
pub(super) fn put(
    sessions: &mut Vec<Session>,
    span: Span,
    closed: Micros,
    slots: &mut Slots,
) -> Option<usize> {
    let first = sessions.partition_point(|s| s.span.end < span.start || s.span.end <= closed);
    let joined = |s: &Session| s.span.start <= span.end;
    let mut found = (first..sessions.len()).filter(|&i| sessions.get(i).is_some_and(joined));
    let Some(at) = found.next() else {
        if span.end <= closed {
            return None;
        }
        let slot = slots.add();
        let new = Session {
            span,
            slot: Some(slot),
            kept: Vec::new(),
        };
        let at = sessions.partition_point(|s| s.span.end <= span.end);
        sessions.insert(at, new);
        return Some(slot);
    };
    let others = found.count();
    let mut whole = sessions.remove(at);
    if others > 0 {
        let mut index = at;
        while let Some(next) = sessions.get(index) {
            if joined(next) {
                let next = sessions.remove(index);
                whole.span = cover(whole.span, next.span);
                whole.slot = slots.join(whole.slot, next.slot);
                whole.kept.extend(next.kept);
            } else {
                index += 1;
            }
        }
    }
    whole.span = cover(whole.span, span);
    let slot = *whole.slot.get_or_insert_with(|| slots.add());
    let end = whole.span.end;
    let at = at
        + sessions
            .get(at..)
            .map_or(0, |rest| rest.partition_point(|s| s.span.end <= end));
    sessions.insert(at, whole);
    Some(slot)
}

fn cover(one: Span, other: Span) -> Span {
    Span {
        start: one.start.min(other.start),
        end: one.end.max(other.end),
    }
}

const FRESH: u8 = 1;
/// It was handed on as it is.
const SHOWN: u8 = 2;

/// The bytes of a key's sessions.
pub(super) fn write<'a>(sessions: impl ExactSizeIterator<Item = &'a Kept>) -> Box<[u8]> {
    let mut writer = Writer::default();
    if sessions.len() > 0 {
        writer.unsigned(sessions.len() as u64);
    }
    for kept in sessions {
        let as_it_is = kept.shown == [kept.span];
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        writer.byte(flag(kept.fresh, FRESH) | flag(as_it_is, SHOWN));
        write_span(&mut writer, kept.span);
        if !as_it_is {
            writer.unsigned(kept.shown.len() as u64);
            kept.shown.iter().for_each(|&s| write_span(&mut writer, s));
        }
        writer.bytes(&kept.state);
    }
    writer.unsealed().into()
}

fn write_span(writer: &mut Writer, span: Span) {
    writer.signed(span.start);
    writer.signed(span.end);
}

/// Reads a key's sessions.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Kept>, Malformed> {
    let mut reader = Reader::unsealed(bytes);
    if reader.is_empty() {
        return Ok(Vec::new());
    }
    let count = reader.unsigned()?;
    let mut sessions = Vec::new();
    for _ in 0..count {
        let flags = reader.byte()?;
        let span = read_span(&mut reader)?;
        let mut shown = Vec::new();
        if flags & SHOWN != 0 {
            shown.push(span);
        } else {
            for _ in 0..reader.unsigned()? {
                shown.push(read_span(&mut reader)?);
            }
        }
        sessions.push(Kept {
            span,
            fresh: flags & FRESH != 0,
            shown,
            state: reader.bytes()?.into(),
        });
    }
    Ok(sessions)
}

fn read_span(reader: &mut Reader<'_>) -> Result<Span, Malformed> {
    Ok(Span {
        start: reader.signed()?,
        end: reader.signed()?,
    })
}

/// The end of the first session.
pub(super) fn first_end(bytes: &[u8]) -> Result<Option<Micros>, Malformed> {
    let mut reader = Reader::unsealed(bytes);
    if reader.is_empty() {
        return Ok(None);
    }
    reader.unsigned()?;
    reader.byte()?;
    Ok(Some(read_span(&mut reader)?.end))
}

/// How many sessions bytes hold.
pub(super) fn count(bytes: &[u8]) -> usize {
    let count = Reader::unsealed(bytes).unsigned();
    count.map_or(0, |n| n as usize)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::window::NEVER;

    fn put_all(rows: &[(Micros, Micros)]) -> (Vec<(Micros, Micros)>, Vec<Option<usize>>) {
        let (mut sessions, mut slots) = (Vec::new(), Slots::default());
        let mut places = Vec::new();
        for &(time, closed) in rows {
            let span = Span {
                start: time,
                end: time + 10,
            };
            places.push(put(&mut sessions, span, closed, &mut slots));
        }
        let ends: Vec<Micros> = sessions.iter().map(|s| s.span.end).collect();
        assert!(ends.is_sorted(), "{ends:?}");
        let roots = places.into_iter().map(|p| p.map(|s| slots.root(s)));
        (
            sessions
                .iter()
                .map(|s| (s.span.start, s.span.end))
                .collect(),
            roots.collect(),
        )
    }

    #[test]
    fn rows_that_overlap_or_touch_are_one_session() {
        assert_eq!(put_all(&[(0, NEVER), (10, NEVER)]).0, [(0, 20)]);
        assert_eq!(put_all(&[(10, NEVER), (0, NEVER)]).0, [(0, 20)]);
        assert_eq!(put_all(&[(0, NEVER), (11, NEVER)]).0, [(0, 10), (11, 21)]);
    }

    #[test]
    fn a_row_between_two_sessions_makes_them_one() {
        let (sessions, slots) = put_all(&[(0, NEVER), (40, NEVER), (20, NEVER), (10, NEVER)]);
        assert_eq!(sessions, [(0, 30), (40, 50)]);
        assert_eq!(slots, [Some(0), Some(1), Some(0), Some(0)]);
        let (sessions, slots) = put_all(&[
            (0, NEVER),
            (40, NEVER),
            (20, NEVER),
            (10, NEVER),
            (30, NEVER),
        ]);
        assert_eq!(sessions, [(0, 50)]);
        assert!(slots.iter().all(|s| *s == slots[0]), "{slots:?}");
    }

    #[test]
    fn a_session_that_has_closed_is_not_joined() {
        assert_eq!(put_all(&[(0, NEVER), (8, 10)]).0, [(0, 10), (8, 18)]);
        assert_eq!(put_all(&[(0, NEVER), (8, 9)]).0, [(0, 18)]);
        let (sessions, slots) = put_all(&[(0, NEVER), (2, 12)]);
        assert_eq!((sessions.len(), slots[1]), (1, None), "late");
        // One that is late by itself, but not for the session that it joins.
        assert_eq!(put_all(&[(0, NEVER), (9, NEVER), (1, 12)]).0, [(0, 19)]);
        // It reaches back over one that has closed.
        assert_eq!(
            put_all(&[(0, NEVER), (8, 12), (-1, 12)]).0,
            [(0, 10), (-1, 18)]
        );
    }

    #[test]
    fn bytes_come_back() {
        let span = |start, end| Span { start, end };
        let sessions = [
            Kept {
                span: span(-5, 9),
                fresh: false,
                shown: vec![span(-5, 9)],
                state: Box::from(&b"one"[..]),
            },
            Kept {
                span: span(20, 90),
                fresh: true,
                shown: vec![span(20, 30), span(40, 90)],
                state: Box::from(&b""[..]),
            },
        ];
        let bytes = write(sessions.iter());
        assert_eq!(
            (read(&bytes).unwrap(), count(&bytes)),
            (sessions.to_vec(), 2)
        );
        assert_eq!(first_end(&bytes).unwrap(), Some(9));
        assert_eq!(first_end(&[]).unwrap(), None);
        assert!(write([].iter()).is_empty() && read(&[]).unwrap().is_empty());
        for cut in 1..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
