//! What the workers say of themselves, taken together: pure.

use std::collections::BTreeMap;

use tidemill_worker::status::Status;

/// A worker's pod.
#[derive(Debug, Clone, Default)]
pub(super) struct Worker {
    pub(super) pod: String,
    pub(super) ready: bool,
    /// Whether it is about to go.
    pub(super) leaving: bool,
    /// Why its container does not run.
    pub(super) trouble: Option<String>,
    /// What it says.
    pub(super) page: Option<Status>,
    /// What it said before.
    pub(super) earlier: Option<Status>,
}

/// What workers say, if all of them do.
pub(super) struct Pages<'a> {
    pub(super) all: Vec<(&'a Status, Option<&'a Status>)>,
    pub(super) complete: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn of(workers: &'a [Worker]) -> Self {
        let stay = || workers.iter().filter(|worker| !worker.leaving);
        let all: Vec<_> = stay()
            .filter_map(|worker| Some((worker.page.as_ref()?, worker.earlier.as_ref())))
            .collect();
        Self {
            complete: !all.is_empty() && all.len() == stay().count(),
            all,
        }
    }

    /// The sum over all workers; `None` while one is not known.
    pub(super) fn sum(&self, of: impl Fn(&Status) -> Option<u64>) -> Option<u64> {
        let sum = self
            .all
            .iter()
            .map(|(page, _)| of(page))
            .sum::<Option<u64>>();
        sum.filter(|_| self.complete)
    }

    /// By how much a figure grows in a second.
    pub(super) fn rate(&self, of: impl Fn(&Status) -> Option<u64>) -> Option<u64> {
        let rates = self.all.iter().map(|(page, earlier)| {
            let earlier = (*earlier)?;
            let millis = page
                .uptime_ms
                .checked_sub(earlier.uptime_ms)
                .filter(|span| *span > 0)?;
            let grown = of(page)?.saturating_sub(of(earlier)?);
            Some(grown.saturating_mul(1_000) / millis)
        });
        rates.sum::<Option<u64>>().filter(|_| self.complete)
    }

    pub(super) fn dead_letters(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        if !self.complete {
            return sums;
        }
        for (reason, count) in self.all.iter().flat_map(|(page, _)| &page.dead_letters) {
            *sums.entry(reason.clone()).or_default() += count;
        }
        sums.retain(|_, count| *count > 0);
        sums
    }
}
