//! Events: what a person should know, when it happens. The same thing said again soon is counted, not repeated.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tidemill_crds::reasons::{self, condition};

use crate::names;

/// The longest note that the API server takes, in bytes.
const NOTE: usize = 1_024;

/// Publishes events.
pub struct Events(Recorder);

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Whether somebody should look.
    pub is_warning: bool,
    /// One word.
    pub reason: String,
    /// For people.
    pub note: String,
}

impl Events {
    /// Publishes as this pod.
    #[must_use]
    pub fn new(client: Client, pod: &str) -> Self {
        let reporter = Reporter {
            controller: names::MANAGER.to_owned(),
            instance: Some(pod.to_owned()),
        };
        Self(Recorder::new(client, reporter))
    }

    /// Publishes; one that cannot be is only logged, as nothing depends on it.
    pub async fn publish(&self, about: &ObjectReference, news: News) {
        let event = Event {
            type_: if news.is_warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: news.reason,
            note: Some(shortened(news.note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.0.publish(&event, about).await {
            tracing::warn!(%error, reason = event.reason, "an event cannot be published");
        }
    }
}

fn shortened(mut note: String) -> String {
    if note.len() > NOTE {
        let end = (0..=NOTE - 4).rev().find(|&at| note.is_char_boundary(at));
        note.truncate(end.unwrap_or_default());
        note.push('…');
    }
    note
}

/// The conditions that stand for what is right, and whose turns are news.
const RIGHT: [&str; 5] = [
    condition::ACCEPTED,
    condition::RESOLVED_REFS,
    condition::READY,
    condition::SOURCE_REACHABLE,
    condition::SINKS_REACHABLE,
];

/// What is new between two statuses: what has gone wrong, for another reason than before, and what is well again.
#[must_use]
pub fn news(previous: &[Condition], next: &[Condition]) -> Vec<News> {
    let turned = next.iter().filter_map(|now| {
        let before = previous.iter().find(|before| before.type_ == now.type_);
        let same =
            before.is_some_and(|before| before.status == now.status && before.reason == now.reason);
        let is_warning = if same { None } else { warns(now, before) };
        is_warning.map(|is_warning| News {
            is_warning,
            reason: now.reason.clone(),
            note: format!("{}: {}", now.type_, now.message),
        })
    });
    turned.collect()
}

/// Whether a condition that has turned is a warning; `None` if it is no news.
fn warns(now: &Condition, before: Option<&Condition>) -> Option<bool> {
    let is_right = RIGHT.contains(&now.type_.as_str());
    match (now.type_.as_str(), now.status.as_str()) {
        (condition::DEGRADED, "True") => Some(true),
        // What keeps something from being ready is told where it is, and starting is no failure.
        (condition::READY, "False") => (now.reason == reasons::NOT_APPLIED).then_some(true),
        (condition::READY, "True") => Some(false),
        (_, "False") if is_right => Some(true),
        (_, "True") if is_right => before
            .filter(|before| before.status == "False")
            .map(|_| false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::condition::{Verdict, stamp};

    fn conditions(verdicts: Vec<Verdict>) -> Vec<Condition> {
        let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        stamp(verdicts, &[], None, &now)
    }

    fn told(before: Vec<Verdict>, now: Vec<Verdict>) -> Vec<String> {
        let sign = |news: &News| if news.is_warning { "!" } else { "" };
        news(&conditions(before), &conditions(now))
            .iter()
            .map(|n| format!("{}{}", sign(n), n.reason))
            .collect()
    }

    #[test]
    fn what_goes_wrong_and_what_is_well_again_is_news_once() {
        let wrong = || vec![Verdict::no("Accepted", "Invalid", "x")];
        let well = || vec![Verdict::yes("Accepted", "Accepted", "x")];
        assert_eq!(told(vec![], wrong()), ["!Invalid"]);
        assert_eq!(told(wrong(), wrong()), [""; 0]);
        assert_eq!(
            told(
                wrong(),
                vec![Verdict::no("Accepted", "IncompatibleChange", "x")]
            ),
            ["!IncompatibleChange"]
        );
        assert_eq!(told(wrong(), well()), ["Accepted"]);
        assert_eq!(told(vec![], well()), [""; 0]);
    }

    #[test]
    fn a_start_is_not_told_as_a_failure() {
        let starting = || vec![Verdict::no("Ready", "WorkersNotReady", "0 of 1")];
        assert_eq!(told(vec![], starting()), [""; 0]);
        assert_eq!(
            told(
                starting(),
                vec![Verdict::yes("Ready", "Ready", "1 worker runs")]
            ),
            ["Ready"]
        );
        assert_eq!(
            told(vec![Verdict::yes("Ready", "Ready", "")], starting()),
            [""; 0],
            "a scaling is no failure"
        );
        assert_eq!(
            told(vec![], vec![Verdict::yes("Flowing", "Idle", "")]),
            [""; 0]
        );
    }

    #[test]
    fn what_somebody_must_look_at_is_a_warning() {
        let well = || vec![Verdict::no("Degraded", "Healthy", "")];
        let crashing = || {
            vec![Verdict::yes(
                "Degraded",
                "WorkersMissing",
                "CrashLoopBackOff",
            )]
        };
        assert_eq!(told(well(), crashing()), ["!WorkersMissing"]);
        assert_eq!(told(crashing(), well()), [""; 0]);
        assert_eq!(
            told(vec![], vec![Verdict::no("Ready", "NotApplied", "quota")]),
            ["!NotApplied"]
        );
    }

    #[test]
    fn a_note_is_never_longer_than_the_api_server_takes() {
        assert!(shortened("ü".repeat(2_000)).len() <= NOTE);
    }
}
