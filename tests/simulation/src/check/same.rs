//! Holds what has been found against what is wanted.

use std::collections::BTreeMap;

use super::written::show;
use crate::oracle::{Letter, Row};

/// Something that is compared, for a person.
pub(super) trait Shown: Ord + Clone {
    fn shown(&self) -> String;
}

impl Shown for Row {
    fn shown(&self) -> String {
        show(self)
    }
}

impl Shown for Letter {
    fn shown(&self) -> String {
        let (stream, source, partition, offset) = self;
        format!("{source}/{partition} at {offset} by `{stream}`")
    }
}

pub(super) fn same<T: Shown>(of: &str, found: Vec<T>, wanted: Vec<T>) -> Result<(), String> {
    compared(of, found, wanted, |found, wanted| found == wanted)
}

/// That nothing has been found but what is wanted.
pub(super) fn none_but<T: Shown>(of: &str, found: Vec<T>, wanted: Vec<T>) -> Result<(), String> {
    compared(of, found, wanted, |found, wanted| found <= wanted)
}

/// Holds how often each was found against how often it is wanted.
fn compared<T: Shown>(
    of: &str,
    found: Vec<T>,
    wanted: Vec<T>,
    is_right: impl Fn(u32, u32) -> bool,
) -> Result<(), String> {
    let mut counts: BTreeMap<T, (u32, u32)> = BTreeMap::new();
    for one in found {
        counts.entry(one).or_default().0 += 1;
    }
    for one in wanted {
        counts.entry(one).or_default().1 += 1;
    }
    let odd = counts
        .iter()
        .filter(|(_, (found, wanted))| !is_right(*found, *wanted));
    let lines: Vec<String> = odd
        .take(8)
        .map(|(one, (found, wanted))| format!("\n  {}: {found} times, not {wanted}", one.shown()))
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    Err(format!("{of}:{}", lines.concat()))
}
