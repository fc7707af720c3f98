//! What the workers of a pipeline say of rules, together. A worker that was started anew counts from zero.

use std::collections::BTreeMap;

use tidemill_crds::alert_rule::Agreement;
use tidemill_worker::status::{RuleStatus, Status};

/// What a rule does in all workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleFigures {
    /// In how many workers each version is in force.
    pub versions: BTreeMap<i64, u32>,
    /// What it has raised.
    pub total: Total,
}

/// What a rule has raised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Alerts that were sent.
    pub fired: u64,
    /// Alerts that were counted in Shadow mode.
    pub shadow_fired: u64,
    /// Alerts that were held back.
    pub suppressed: u64,
    /// When it last raised one, in milliseconds since the epoch.
    pub last_fired: Option<i64>,
    /// How far it agreed with the rule that it is tried beside.
    pub agreement: Option<Agreement>,
}

impl Total {
    fn of(rule: &RuleStatus) -> Self {
        Self {
            fired: rule.fired,
            shadow_fired: rule.shadow_fired,
            suppressed: rule.suppressed,
            last_fired: rule.last_fired,
            agreement: rule.agreement,
        }
    }

    fn add(&mut self, more: Self) {
        self.fired += more.fired;
        self.shadow_fired += more.shadow_fired;
        self.suppressed += more.suppressed;
        self.last_fired = self.last_fired.max(more.last_fired);
        if let Some(more) = more.agreement {
            self.agreement.get_or_insert_default().add(more);
        }
    }

    fn is_less(self, before: Self) -> bool {
        let both = |it: Self| it.agreement.map_or(0, |agreement| agreement.both);
        let counts = |it: Self| [it.fired, it.shadow_fired, it.suppressed, both(it)];
        let pairs = counts(self).into_iter().zip(counts(before));
        pairs.into_iter().any(|(now, before)| now < before)
    }
}

/// What rules have raised, over time.
#[derive(Debug, Clone, Default)]
pub(super) struct Raised {
    /// In workers that there are, by pod and rule.
    now: BTreeMap<String, BTreeMap<String, Total>>,
    /// In workers that are gone.
    gone: BTreeMap<String, Total>,
}

impl Raised {
    /// Takes in what the workers say now: the page of each pod, `None` where it did not answer.
    pub(super) fn take(
        &mut self,
        pages: &[(String, Option<Status>)],
    ) -> BTreeMap<String, RuleFigures> {
        let there = |pod: &String| pages.iter().any(|(page, _)| page == pod);
        let gone = self.now.extract_if(.., |pod, _| !there(pod));
        for (rule, total) in gone.flat_map(|(_, rules)| rules) {
            self.gone.entry(rule).or_default().add(total);
        }
        let answered = || {
            pages
                .iter()
                .filter_map(|(pod, page)| Some((pod, page.as_ref()?)))
        };
        for (pod, status) in answered() {
            self.count(pod, status);
        }
        let mut figures: BTreeMap<String, RuleFigures> = BTreeMap::new();
        for rule in answered().flat_map(|(_, status)| &status.rules) {
            let versions = &mut figures.entry(rule.name.clone()).or_default().versions;
            *versions.entry(rule.version).or_default() += 1;
        }
        for (rule, figures) in &mut figures {
            let now = self.now.values().filter_map(|rules| rules.get(rule));
            for total in now.chain(self.gone.get(rule)) {
                figures.total.add(*total);
            }
        }
        figures
    }

    fn count(&mut self, pod: &str, status: &Status) {
        let known = self.now.entry(pod.to_owned()).or_default();
        for rule in &status.rules {
            let total = Total::of(rule);
            if let Some(before) = known.insert(rule.name.clone(), total)
                && total.is_less(before)
            {
                self.gone.entry(rule.name.clone()).or_default().add(before);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn page(pod: &str, rules: &[(&str, i64, u64)]) -> (String, Option<Status>) {
        let rules = rules.iter().map(|&(name, version, fired)| RuleStatus {
            name: name.to_owned(),
            version,
            fired,
            last_fired: (fired > 0).then_some(fired.cast_signed()),
            ..RuleStatus::default()
        });
        let status = Status {
            rules: rules.collect(),
            ..Status::default()
        };
        (pod.to_owned(), Some(status))
    }

    #[test]
    fn what_workers_raise_is_counted_also_when_they_are_gone() {
        let mut raised = Raised::default();
        let figures = raised.take(&[page("a", &[("r", 1, 5)]), page("b", &[("r", 2, 7)])]);
        assert_eq!(figures["r"].total.fired, 12);
        assert_eq!(figures["r"].total.last_fired, Some(7));
        assert_eq!(figures["r"].versions, [(1, 1), (2, 1)].into());
        let figures = raised.take(&[page("a", &[("r", 2, 1)]), ("b".to_owned(), None)]);
        assert_eq!(figures["r"].total.fired, 5 + 1 + 7, "a was started anew");
        assert_eq!(figures["r"].versions, [(2, 1)].into(), "b did not answer");
        let figures = raised.take(&[page("a", &[("r", 2, 3)])]);
        assert_eq!(figures["r"].total.fired, 5 + 3 + 7, "b is gone");
        let figures = raised.take(&[page("a", &[("s", 1, 0)])]);
        assert_eq!(figures.keys().collect::<Vec<_>>(), ["s"], "r is gone");
    }
}
