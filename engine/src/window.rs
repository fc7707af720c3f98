//! Which windows a time falls into. Everything that depends on the kind of window is here.

use arrow::array::UInt32Array;
use hashbrown::HashMap;
use tidemill_plan::model::{Micros, WindowKind};

use crate::error::{EngineError, Result};

/// Before any time: the watermark of a partition without a record yet.
pub(crate) const NEVER: Micros = Micros::MIN;

/// Refuses windows that have no length.
pub(crate) fn validate(kind: WindowKind) -> Result<()> {
    match kind {
        WindowKind::Tumble { size } if size > 0 => Ok(()),
        WindowKind::Tumble { size } => Err(EngineError::Plan(format!(
            "a window of {size} µs has no length"
        ))),
    }
}

/// The start of the window that a time falls into.
pub(crate) fn assign(kind: WindowKind, time: Micros) -> Micros {
    match kind {
        WindowKind::Tumble { size } => time.saturating_sub(time.rem_euclid(size)),
    }
}

/// The first microsecond after the window that starts there.
pub(crate) fn end(kind: WindowKind, start: Micros) -> Micros {
    match kind {
        WindowKind::Tumble { size } => start.saturating_add(size),
    }
}

/// The watermark of the rows that windows give, once all windows with an end up to `closed` have been closed: the
/// earliest time that a window still open can hold.
pub(crate) fn downstream(kind: WindowKind, closed: Micros) -> Micros {
    if closed == NEVER {
        return NEVER;
    }
    assign(kind, closed)
}

/// Finds the window of each time, remembering the one before: times come close together.
pub(crate) struct Finder {
    kind: WindowKind,
    start: Micros,
    end: Micros,
}

impl Finder {
    pub(crate) fn new(kind: WindowKind) -> Self {
        // An empty range, so that the first time is looked up.
        Self {
            kind,
            start: 0,
            end: 0,
        }
    }

    /// Start and end of the window of a time.
    pub(crate) fn find(&mut self, time: Micros) -> (Micros, Micros) {
        if time < self.start || time >= self.end {
            self.start = assign(self.kind, time);
            self.end = end(self.kind, self.start);
        }
        (self.start, self.end)
    }
}

/// The rows of a batch that fall into one window.
#[derive(Debug)]
pub(crate) struct Share {
    /// The window's start.
    pub(crate) start: Micros,
    /// Indices of the rows; `None` is all of them.
    pub(crate) rows: Option<UInt32Array>,
}

/// Splits rows by window, windows in the order in which they first occur.
pub(crate) fn split(kind: WindowKind, times: &[Micros]) -> Vec<Share> {
    let mut finder = Finder::new(kind);
    let Some(first) = times.first().map(|&t| finder.find(t).0) else {
        return Vec::new();
    };
    let Some(other) = times.iter().position(|&t| finder.find(t).0 != first) else {
        return vec![Share {
            start: first,
            rows: None,
        }];
    };
    let mut shares = vec![(first, (0..other as u32).collect::<Vec<u32>>())];
    let mut places: HashMap<Micros, usize> = HashMap::new();
    places.insert(first, 0);
    let (mut last, mut place) = (first, 0usize);
    for (row, &time) in times.iter().enumerate().skip(other) {
        let start = finder.find(time).0;
        if start != last {
            last = start;
            place = *places.entry(start).or_insert_with(|| {
                shares.push((start, Vec::new()));
                shares.len() - 1
            });
        }
        if let Some((_, rows)) = shares.get_mut(place) {
            rows.push(row as u32);
        }
    }
    shares
        .into_iter()
        .map(|(start, rows)| Share {
            start,
            rows: Some(UInt32Array::from(rows)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEN: WindowKind = WindowKind::Tumble { size: 10 };

    #[test]
    fn windows_are_half_open_and_aligned_to_the_epoch() {
        for (time, start) in [(0, 0), (9, 0), (10, 10), (-1, -10), (-10, -10), (-11, -20)] {
            assert_eq!(assign(TEN, time), start, "{time}");
            assert_eq!(end(TEN, start), start + 10);
        }
        assert_eq!(assign(TEN, i64::MIN), i64::MIN, "no overflow");
        assert_eq!(end(TEN, i64::MAX), i64::MAX, "no overflow");
    }

    #[test]
    fn rows_of_one_window_are_not_copied() {
        let shares = split(TEN, &[3, 9, 0]);
        assert_eq!(shares.len(), 1);
        assert!(shares[0].rows.is_none());
    }

    #[test]
    fn rows_are_split_by_window_in_order() {
        let shares = split(TEN, &[3, 12, 9, 25, 11]);
        let found: Vec<(i64, Vec<u32>)> = shares
            .iter()
            .map(|s| (s.start, s.rows.as_ref().unwrap().values().to_vec()))
            .collect();
        assert_eq!(found, [(0, vec![0, 2]), (10, vec![1, 4]), (20, vec![3])]);
    }
}
