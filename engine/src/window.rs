//! Which windows a time falls into. Everything that depends on the kind of window is here, but for sessions, which are
//! not made of panes: here they are as long as one row leaves them open.
//!
//! Rows are kept by *pane*, a stretch of time that lies wholly in or out of each window, so that windows which overlap
//! share what is kept. A window is put together from its panes when its results are wanted.

use arrow::array::UInt32Array;
use hashbrown::HashMap;
use tidemill_plan::model::{Micros, WindowKind};

use crate::error::{EngineError, Result};

/// Before any time: the watermark of a partition without a record yet.
pub(crate) const NEVER: Micros = Micros::MIN;

/// What is kept together: the rows of a stretch of time that count for its windows from one on. For rows that are on
/// time, that is the first there is; for others, the first that is still open. They are ordered by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pane {
    /// The end of the first window that the rows count for.
    pub(crate) first: Micros,
    /// The first microsecond of the stretch.
    pub(crate) start: Micros,
}

impl Pane {
    /// What is kept in no window: a table, or one of its buckets.
    pub(crate) fn bucket(number: i64) -> Self {
        Self {
            first: 0,
            start: number,
        }
    }
}

/// A window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its first microsecond.
    pub(crate) start: Micros,
    /// The first microsecond after it.
    pub(crate) end: Micros,
}

impl Span {
    /// The window of this kind that ends there.
    pub(crate) fn ending(kind: WindowKind, end: Micros) -> Self {
        let start = match kind {
            WindowKind::Tumble { size }
            | WindowKind::Hop { size, .. }
            | WindowKind::Session { gap: size } => end.saturating_sub(size),
            WindowKind::Cumulate { size, .. } => floor(end.saturating_sub(1), size),
        };
        Self { start, end }
    }

    /// Whether the rows of a pane count for it.
    pub(crate) fn holds(self, pane: Pane) -> bool {
        self.start <= pane.start && pane.start < self.end && pane.first <= self.end
    }
}

fn floor(time: Micros, to: Micros) -> Micros {
    time.saturating_sub(time.rem_euclid(to))
}

/// Refuses windows that have no length.
pub(crate) fn validate(kind: WindowKind) -> Result<()> {
    let (pane, size) = (kind.pane(), kind.size());
    if pane > 0 && size >= pane && size % pane == 0 {
        return Ok(());
    }
    let message = format!("a window of {size} µs in parts of {pane} µs cannot be");
    Err(EngineError::Plan(message))
}

/// The end of the first window that ends after a time.
pub(crate) fn next_end(kind: WindowKind, after: Micros) -> Micros {
    floor(after, kind.pane()).saturating_add(kind.pane())
}

/// The end of the last window that a pane which starts there lies in.
pub(crate) fn last_end(kind: WindowKind, start: Micros) -> Micros {
    match kind {
        WindowKind::Tumble { size }
        | WindowKind::Hop { size, .. }
        | WindowKind::Session { gap: size } => start.saturating_add(size),
        WindowKind::Cumulate { size, .. } => floor(start, size).saturating_add(size),
    }
}

/// The last window that a time falls into.
pub(crate) fn last_of(kind: WindowKind, time: Micros) -> Span {
    Span::ending(kind, last_end(kind, floor(time, kind.pane())))
}

/// The windows that rows of a pane count for and that end after a time, by their end.
pub(crate) fn spans_after(
    kind: WindowKind,
    pane: Pane,
    after: Micros,
) -> impl Iterator<Item = Span> {
    let last = last_end(kind, pane.start);
    let from = pane.first.max(next_end(kind, after));
    std::iter::successors(Some(from), move |&end| {
        end.checked_add(kind.pane()).filter(|&next| next > end)
    })
    .take_while(move |&end| end <= last && end > after)
    .map(move |end| Span::ending(kind, end))
}

/// The watermark of the rows that windows give, once all windows with an end up to `closed` have been closed. The time of
/// a row is the last microsecond of its window.
pub(crate) fn downstream(kind: WindowKind, closed: Micros) -> Micros {
    if closed == NEVER {
        return NEVER;
    }
    next_end(kind, closed).saturating_sub(1)
}

/// Finds the pane of each time, remembering the one before: times come close together.
pub(crate) struct Finder {
    kind: WindowKind,
    start: Micros,
    first: Micros,
    last: Micros,
}

impl Finder {
    pub(crate) fn new(kind: WindowKind) -> Self {
        // An empty stretch, so that the first time is looked up.
        Self {
            kind,
            start: 0,
            first: 0,
            last: 0,
        }
    }

    /// The pane of a time for a row that came when all windows with an end up to `closed` were closed; `None` if that
    /// leaves it none.
    pub(crate) fn find(&mut self, time: Micros, closed: Micros) -> Option<Pane> {
        // A pane is as long as it takes until the first of its windows ends.
        if time < self.start || time >= self.first {
            self.start = floor(time, self.kind.pane());
            self.first = next_end(self.kind, time);
            self.last = last_end(self.kind, self.start);
        }
        reachable(self.kind, self.start, self.first, self.last, closed)
    }
}

/// The pane for rows of another that come when all windows with an end up to `closed` were closed.
pub(crate) fn still_open(kind: WindowKind, pane: Pane, closed: Micros) -> Option<Pane> {
    reachable(
        kind,
        pane.start,
        pane.first,
        last_end(kind, pane.start),
        closed,
    )
}

fn reachable(
    kind: WindowKind,
    start: Micros,
    first: Micros,
    last: Micros,
    closed: Micros,
) -> Option<Pane> {
    if first > closed {
        return Some(Pane { first, start });
    }
    (last > closed).then(|| Pane {
        first: next_end(kind, closed),
        start,
    })
}

/// The rows of a batch that fall into one pane.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) pane: Pane,
    /// Indices of the rows; `None` is all of them.
    pub(crate) rows: Option<UInt32Array>,
}

/// Splits rows by pane, panes in the order in which they first occur.
pub(crate) fn split(panes: &[Pane]) -> Vec<Share> {
    let Some(&first) = panes.first() else {
        return Vec::new();
    };
    let Some(other) = panes.iter().position(|&pane| pane != first) else {
        return vec![Share {
            pane: first,
            rows: None,
        }];
    };
    let mut shares = vec![(first, (0..other as u32).collect::<Vec<u32>>())];
    let mut places: HashMap<Pane, usize> = HashMap::new();
    places.insert(first, 0);
    let (mut last, mut place) = (first, 0usize);
    for (row, &pane) in panes.iter().enumerate().skip(other) {
        if pane != last {
            last = pane;
            place = *places.entry(pane).or_insert_with(|| {
                shares.push((pane, Vec::new()));
                shares.len() - 1
            });
        }
        if let Some((_, rows)) = shares.get_mut(place) {
            rows.push(row as u32);
        }
    }
    shares
        .into_iter()
        .map(|(pane, rows)| Share {
            pane,
            rows: Some(UInt32Array::from(rows)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TUMBLE: WindowKind = WindowKind::Tumble { size: 10 };
    const HOP: WindowKind = WindowKind::Hop { slide: 5, size: 15 };
    const CUMULATE: WindowKind = WindowKind::Cumulate { step: 5, size: 15 };

    fn pane(kind: WindowKind, time: Micros, closed: Micros) -> Option<(Micros, Micros)> {
        let found = Finder::new(kind).find(time, closed);
        found.map(|p| (p.start, p.first))
    }

    /// The windows that a row counts for, by the panes.
    fn windows(kind: WindowKind, time: Micros, closed: Micros) -> Vec<(Micros, Micros)> {
        let Some(pane) = Finder::new(kind).find(time, closed) else {
            return Vec::new();
        };
        let spans: Vec<Span> = spans_after(kind, pane, NEVER).collect();
        assert!(spans.iter().all(|span| span.holds(pane)));
        spans.iter().map(|s| (s.start, s.end)).collect()
    }

    /// The same, by their definition.
    fn defined(kind: WindowKind, time: Micros, closed: Micros) -> Vec<(Micros, Micros)> {
        let bounds = |end: Micros| match kind {
            WindowKind::Tumble { size } => (end % size == 0).then(|| (end - size, end)),
            WindowKind::Hop { slide, size } => (end % slide == 0).then(|| (end - size, end)),
            WindowKind::Cumulate { step, size } => {
                let start = (-10..10).map(|i| i * size).rfind(|&s| s < end);
                (end % step == 0).then(|| (start.unwrap(), end))
            }
            WindowKind::Session { .. } => None,
        };
        let all = (-60..60).filter(|&end| end > closed).filter_map(bounds);
        all.filter(|&(start, end)| start <= time && time < end)
            .collect()
    }

    #[test]
    fn a_row_counts_for_the_windows_that_hold_its_time_and_are_open() {
        for kind in [TUMBLE, HOP, CUMULATE] {
            for time in -31..31 {
                for closed in [NEVER, -20, -3, 0, 4, 5, 9, 10, 14, 15, 20, 40] {
                    assert_eq!(
                        windows(kind, time, closed),
                        defined(kind, time, closed),
                        "{kind:?}, time {time}, closed {closed}"
                    );
                }
            }
        }
    }

    #[test]
    fn windows_are_half_open_and_aligned_to_the_epoch() {
        for (time, start) in [(0, 0), (9, 0), (10, 10), (-1, -10), (-10, -10), (-11, -20)] {
            assert_eq!(
                pane(TUMBLE, time, NEVER),
                Some((start, start + 10)),
                "{time}"
            );
        }
        for kind in [TUMBLE, HOP, CUMULATE] {
            let first = Finder::new(kind).find(i64::MIN, NEVER).unwrap();
            assert!(last_end(kind, first.start) >= first.first, "no overflow");
            assert!(
                Finder::new(kind).find(i64::MAX, i64::MAX).is_none(),
                "no overflow"
            );
            assert_eq!(last_end(kind, i64::MAX - 1), i64::MAX, "no overflow");
        }
    }

    #[test]
    fn a_late_row_counts_for_the_windows_that_are_still_open() {
        assert_eq!(pane(HOP, 12, 14), Some((10, 15)));
        assert_eq!(pane(HOP, 12, 15), Some((10, 20)), "the first has closed");
        assert_eq!(pane(HOP, 12, 24), Some((10, 25)), "only the last has not");
        assert_eq!(pane(HOP, 12, 25), None);
        assert_eq!(pane(CUMULATE, 7, 10), Some((5, 15)));
        assert_eq!(pane(CUMULATE, 7, 15), None);
    }

    #[test]
    fn what_comes_downstream_is_of_the_next_window() {
        assert_eq!(downstream(TUMBLE, 19), 19);
        assert_eq!(downstream(TUMBLE, 20), 29);
        assert_eq!(downstream(HOP, 20), 24);
        assert_eq!(downstream(CUMULATE, 20), 24);
        assert_eq!(downstream(CUMULATE, 29), 29);
        assert_eq!(downstream(CUMULATE, 30), 34);
        assert_eq!(downstream(HOP, NEVER), NEVER);
    }

    fn panes(times: &[Micros]) -> Vec<Pane> {
        let mut finder = Finder::new(TUMBLE);
        times
            .iter()
            .map(|&t| finder.find(t, NEVER).unwrap())
            .collect()
    }

    #[test]
    fn rows_of_one_pane_are_not_copied() {
        let shares = split(&panes(&[3, 9, 0]));
        assert_eq!(shares.len(), 1);
        assert!(shares[0].rows.is_none());
    }

    #[test]
    fn rows_are_split_by_pane_in_order() {
        let shares = split(&panes(&[3, 12, 9, 25, 11]));
        let found: Vec<(i64, Vec<u32>)> = shares
            .iter()
            .map(|s| (s.pane.start, s.rows.as_ref().unwrap().values().to_vec()))
            .collect();
        assert_eq!(found, [(0, vec![0, 2]), (10, vec![1, 4]), (20, vec![3])]);
    }
}
