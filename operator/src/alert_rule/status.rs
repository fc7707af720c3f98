//! The status of an AlertRule: pure, from its manifest, the Pipeline that it watches, and what the workers say.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use tidemill_crds::alert_rule::Mode;
use tidemill_crds::reasons::{self, condition};
use tidemill_crds::{AlertRule, AlertRuleStatus, Pipeline};

use crate::condition::{Verdict, stamp};
use crate::pipeline::observe::Figures;
use crate::pipeline::raised::RuleFigures;
use crate::pipeline::validate::{Refused, Valid};

/// What is seen of what a rule watches.
pub struct Seen<'a> {
    /// The Pipeline, if it is there and can be read.
    pub pipeline: Option<&'a Pipeline>,
    /// What came of checking that, with the rules that watch it.
    pub checked: Option<Result<&'a Valid, &'a Refused>>,
    /// What its workers say.
    pub figures: &'a Figures,
}

/// What is to be said of a rule.
#[must_use]
pub fn status(
    rule: &AlertRule,
    seen: &Seen<'_>,
    previous: &AlertRuleStatus,
    now: &Time,
) -> AlertRuleStatus {
    let name = rule.metadata.name.as_deref().unwrap_or_default();
    let version = match seen.checked {
        Some(Ok(valid)) => valid.rules.version(name),
        _ => None,
    };
    let figures = seen.figures.rules.get(name);
    let generation = rule.metadata.generation;
    let verdicts = verdicts(rule, seen, version);
    // A worker that was not asked yet says nothing.
    let total = figures.map(|figures| figures.total);
    AlertRuleStatus {
        observed_generation: generation,
        conditions: stamp(verdicts, &previous.conditions, generation, now),
        version,
        workers: version.map(|version| workers(figures, version)),
        fired: total.map(|total| total.fired).or(previous.fired),
        suppressed: total.map(|total| total.suppressed).or(previous.suppressed),
        shadow_fired: total
            .map(|total| total.shadow_fired)
            .or(previous.shadow_fired),
        last_fired: total
            .and_then(|total| time(total.last_fired?))
            .or_else(|| previous.last_fired.clone()),
        agreement: total
            .and_then(|total| total.agreement)
            .or(previous.agreement),
    }
}

/// The status without what moves all the time.
#[must_use]
pub fn without_figures(status: &AlertRuleStatus) -> AlertRuleStatus {
    AlertRuleStatus {
        fired: None,
        suppressed: None,
        shadow_fired: None,
        last_fired: None,
        agreement: None,
        ..status.clone()
    }
}

fn time(millis: i64) -> Option<Time> {
    let seconds = Timestamp::from_second(millis.div_euclid(1_000)).ok();
    seconds.map(Time)
}

/// In how many workers a version is in force.
fn workers(figures: Option<&RuleFigures>, version: i64) -> u32 {
    let of = figures.and_then(|figures| figures.versions.get(&version));
    of.copied().unwrap_or_default()
}

fn verdicts(rule: &AlertRule, seen: &Seen<'_>, version: Option<i64>) -> Vec<Verdict> {
    let resolved = resolved(rule, seen.pipeline);
    let accepted = accepted(rule, seen, version, &resolved);
    let ready = match (rule.spec.mode, accepted.holds, resolved.holds) {
        (Mode::Disabled, Some(true), Some(true)) => {
            let off = "it is switched off, as the manifest says";
            Verdict::yes(condition::READY, reasons::DISABLED, off)
        }
        (_, Some(true), Some(true)) => ready(rule, seen.figures),
        _ => Verdict::ready(&accepted, &resolved, reasons::READY, ""),
    };
    vec![accepted, resolved, ready]
}

fn accepted(
    rule: &AlertRule,
    seen: &Seen<'_>,
    version: Option<i64>,
    resolved: &Verdict,
) -> Verdict {
    let about = condition::ACCEPTED;
    let name = rule.metadata.name.as_deref().unwrap_or_default();
    match seen.checked {
        _ if rule.spec.mode == Mode::Disabled => Verdict::accepted(),
        Some(Ok(valid)) => match valid.rules.refused.get(name) {
            None => Verdict::accepted(),
            // That is said elsewhere.
            Some(_) if resolved.holds == Some(false) => Verdict::accepted(),
            Some(wrong) => {
                let reason = match wrong.not_yet {
                    true => reasons::UNSUPPORTED,
                    false => reasons::INVALID,
                };
                let goes_on = match version {
                    Some(version) => format!("\nversion {version} goes on"),
                    None => String::new(),
                };
                Verdict::no(about, reason, format!("{}{goes_on}", wrong.message))
            }
        },
        Some(Err(_)) => Verdict::unknown(
            about,
            reasons::PENDING,
            "its Pipeline is not accepted, and with that nobody can tell (see the Pipeline's status)",
        ),
        None => Verdict::unknown(about, reasons::PENDING, "its Pipeline is not there"),
    }
}

/// Whether all workers judge by what the manifest says.
fn ready(rule: &AlertRule, figures: &Figures) -> Verdict {
    let about = condition::READY;
    let name = rule.metadata.name.as_deref().unwrap_or_default();
    let wanted = rule.metadata.generation.unwrap_or(1);
    let there = workers(figures.rules.get(name), wanted) as usize;
    let all = figures.phases.len();
    if all == 0 || there < all {
        let message = format!("{there} of {all} workers judge by version {wanted}");
        return Verdict::no(about, reasons::WORKERS_NOT_READY, message);
    }
    match rule.spec.mode {
        Mode::Shadow => {
            let message = "its alerts are counted, and not sent";
            Verdict::yes(about, reasons::SHADOW, message)
        }
        Mode::Enforce | Mode::Disabled => {
            let message = format!("all workers judge by version {wanted}");
            Verdict::yes(about, reasons::READY, message)
        }
    }
}

fn resolved(rule: &AlertRule, pipeline: Option<&Pipeline>) -> Verdict {
    let about = condition::RESOLVED_REFS;
    let name = &rule.spec.pipeline_ref.name;
    let Some(pipeline) = pipeline else {
        let message = format!(
            "spec.pipelineRef: there is no Pipeline `{name}` in the rule's namespace (create it, or correct the name)"
        );
        return Verdict::no(about, reasons::PIPELINE_NOT_FOUND, message);
    };
    let streams = pipeline.spec.streams.iter().map(|stream| &stream.name);
    let mut known = pipeline
        .spec
        .sources
        .iter()
        .map(|source| &source.name)
        .chain(streams);
    if known.clone().any(|stream| *stream == rule.spec.stream) {
        return Verdict::resolved();
    }
    let first: Vec<String> = known
        .by_ref()
        .take(12)
        .map(|stream| format!("`{stream}`"))
        .collect();
    let message = format!(
        "spec.stream: the Pipeline `{name}` has no source or stream `{}`; there is {}",
        rule.spec.stream,
        first.join(", ")
    );
    Verdict::no(about, reasons::STREAM_NOT_FOUND, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::collections::BTreeMap;

    use tidemill_worker::status::Phase;

    use super::*;
    use crate::pipeline::raised::Total;
    use crate::pipeline::testing::found;
    use crate::pipeline::validate::{Found, validate};

    fn rule(spec: &str) -> AlertRule {
        let head = "metadata: {name: r, namespace: bank, generation: 4}\nspec: {pipelineRef: {name: payments}";
        serde_saphyr::from_str(&format!("{head}, {spec}}}")).unwrap()
    }

    fn pipeline(rule: &AlertRule) -> Found {
        let mut found = found(include_str!("../pipeline/build/golden/least.yaml"));
        let alerts = serde_json::json!({"from": "alerts", "sink": "alerts"});
        found
            .pipeline
            .spec
            .outputs
            .push(serde_json::from_value(alerts).unwrap());
        found.rules = [("r".to_owned(), Some(rule.clone()))].into();
        found
    }

    fn figures(workers: usize, versions: &[(i64, u32)]) -> Figures {
        let total = Total {
            fired: 7,
            last_fired: Some(1_700_000_000_123),
            ..Total::default()
        };
        let rule = RuleFigures {
            versions: versions.iter().copied().collect(),
            total,
        };
        Figures {
            phases: (0..workers)
                .map(|i| (format!("pod-{i}"), Phase::default()))
                .collect(),
            rules: BTreeMap::from([("r".to_owned(), rule)]),
            ..Figures::default()
        }
    }

    fn said(rule: &AlertRule, there: bool, figures: &Figures) -> AlertRuleStatus {
        let found = pipeline(rule);
        let valid = validate(&found);
        let seen = Seen {
            pipeline: there.then_some(&found.pipeline),
            checked: there.then_some(valid.as_ref()),
            figures,
        };
        let now = Time(Timestamp::UNIX_EPOCH);
        status(rule, &seen, &AlertRuleStatus::default(), &now)
    }

    fn of<'s>(status: &'s AlertRuleStatus, about: &str) -> (&'s str, &'s str, &'s str) {
        let mut conditions = status.conditions.iter();
        let it = conditions.find(|it| it.type_ == about).unwrap();
        (&it.status, &it.reason, &it.message)
    }

    #[test]
    fn a_rule_is_ready_once_all_workers_judge_by_it() {
        let rule = rule("stream: payments, when: 'amount > 5'");
        for (workers, versions, ready) in [
            (2, &[(4, 2)][..], "True"),
            (2, &[(4, 1), (3, 1)][..], "False"),
            (2, &[(3, 2)][..], "False"),
            (0, &[][..], "False"),
        ] {
            let status = said(&rule, true, &figures(workers, versions));
            assert_eq!(of(&status, "Accepted").0, "True");
            assert_eq!(of(&status, "Ready").0, ready, "{versions:?}");
            assert_eq!(status.version, Some(4));
        }
        let status = said(&rule, true, &figures(2, &[(4, 2)]));
        assert_eq!((status.workers, status.fired), (Some(2), Some(7)));
        let last = status.last_fired.unwrap().0.to_string();
        assert_eq!(last, "2023-11-14T22:13:20Z");
    }

    #[test]
    fn a_rule_that_does_not_plan_says_where() {
        let status = said(
            &rule("stream: payments, when: 'amuont > 5'"),
            true,
            &Figures::default(),
        );
        let (holds, reason, message) = of(&status, "Accepted");
        assert_eq!((holds, reason), ("False", reasons::INVALID));
        assert!(
            message.starts_with("spec.when, line 1, column 1: there is no column `amuont`"),
            "{message}"
        );
        assert_eq!(of(&status, "Ready").1, reasons::NOT_ACCEPTED);
    }

    #[test]
    fn a_rule_that_rests_is_ready() {
        let rests = rule("stream: payments, when: 'nonsense', mode: Disabled");
        let status = said(&rests, true, &Figures::default());
        assert_eq!(of(&status, "Ready").1, reasons::DISABLED);
        assert_eq!(status.version, None);
        let shadow = rule("stream: payments, when: 'amount > 5', mode: Shadow");
        let status = said(&shadow, true, &figures(1, &[(4, 1)]));
        assert_eq!(of(&status, "Ready").1, reasons::SHADOW);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let rule_of = |stream: &str| rule(&format!("stream: {stream}, when: 'amount > 5'"));
        let status = said(&rule_of("large"), false, &Figures::default());
        assert_eq!(of(&status, "ResolvedRefs").1, reasons::PIPELINE_NOT_FOUND);
        let status = said(&rule_of("lrage"), true, &Figures::default());
        let (_, reason, message) = of(&status, "ResolvedRefs");
        assert_eq!(reason, reasons::STREAM_NOT_FOUND);
        assert!(
            message.ends_with("there is `payments`, `large`"),
            "{message}"
        );
        assert_eq!(of(&status, "Ready").1, reasons::STREAM_NOT_FOUND);
    }
}
