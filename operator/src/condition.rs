//! Conditions: what is known now, joined with since when.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use tidemill_crds::reasons::{self, condition};

/// The longest message that the API server takes.
const MESSAGE: usize = 32_768;

/// One aspect of an object as it is judged now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The condition's type.
    pub about: &'static str,
    /// Whether it is so; `None` is unknown.
    pub holds: Option<bool>,
    /// One of [`tidemill_crds::reasons`].
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

impl Verdict {
    /// It is so.
    pub fn yes(about: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(about, Some(true), reason, message)
    }

    /// It is not so.
    pub fn no(about: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(about, Some(false), reason, message)
    }

    /// It is not known.
    pub fn unknown(about: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(about, None, reason, message)
    }

    /// `Accepted`.
    #[must_use]
    pub fn accepted() -> Self {
        Self::yes(
            condition::ACCEPTED,
            reasons::ACCEPTED,
            "the manifest makes sense",
        )
    }

    /// `ResolvedRefs`.
    #[must_use]
    pub fn resolved() -> Self {
        Self::yes(
            condition::RESOLVED_REFS,
            reasons::RESOLVED_REFS,
            "everything that the manifest names is there",
        )
    }

    /// `Ready` of what runs no workers of its own: as `Accepted` and `ResolvedRefs` are, and if both hold, for this reason.
    #[must_use]
    pub fn ready(
        accepted: &Self,
        resolved: &Self,
        reason: &'static str,
        message: &'static str,
    ) -> Self {
        let about = condition::READY;
        match (accepted.holds, resolved.holds) {
            (Some(true), Some(true)) => Self::yes(about, reason, message),
            (Some(true), _) => Self::no(about, resolved.reason, resolved.message.clone()),
            _ => Self::no(about, reasons::NOT_ACCEPTED, accepted.message.clone()),
        }
    }

    fn new(
        about: &'static str,
        holds: Option<bool>,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            about,
            holds,
            reason,
            message: message.into(),
        }
    }

    fn status(&self) -> &'static str {
        match self.holds {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        }
    }
}

/// The verdicts as conditions. `lastTransitionTime` moves only where the status does.
#[must_use]
pub fn stamp(
    verdicts: Vec<Verdict>,
    previous: &[Condition],
    generation: Option<i64>,
    now: &Time,
) -> Vec<Condition> {
    let stamped = |verdict: Verdict| {
        let status = verdict.status();
        let since = previous
            .iter()
            .find(|before| before.type_ == verdict.about && before.status == status)
            .map_or(now, |before| &before.last_transition_time);
        Condition {
            type_: verdict.about.to_owned(),
            status: status.to_owned(),
            reason: verdict.reason.to_owned(),
            message: shortened(verdict.message),
            observed_generation: generation,
            last_transition_time: since.clone(),
        }
    };
    verdicts.into_iter().map(stamped).collect()
}

fn shortened(mut message: String) -> String {
    if message.len() > MESSAGE {
        let end = (0..=MESSAGE - 4)
            .rev()
            .find(|&at| message.is_char_boundary(at));
        message.truncate(end.unwrap_or_default());
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn at(text: &str) -> Time {
        Time(text.parse().unwrap())
    }

    #[test]
    fn the_time_moves_only_with_the_status() {
        let (first, later) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
        let before = stamp(
            vec![
                Verdict::no("Ready", "WorkersNotReady", "0 of 2"),
                Verdict::unknown("Flowing", "Pending", ""),
            ],
            &[],
            Some(1),
            &first,
        );
        let after = stamp(
            vec![
                Verdict::no("Ready", "WorkersNotReady", "1 of 2"),
                Verdict::yes("Flowing", "Flowing", ""),
            ],
            &before,
            Some(2),
            &later,
        );
        assert_eq!(after[0].last_transition_time, first);
        assert_eq!(after[0].message, "1 of 2");
        assert_eq!(after[0].observed_generation, Some(2));
        assert_eq!(after[1].last_transition_time, later);
    }

    #[test]
    fn a_message_is_never_longer_than_the_api_server_takes() {
        let long = "ü".repeat(40_000);
        let stamped = stamp(
            vec![Verdict::no("Accepted", "Invalid", long)],
            &[],
            None,
            &at("2026-01-01T00:00:00Z"),
        );
        assert!(stamped[0].message.len() <= MESSAGE && stamped[0].message.ends_with('…'));
    }
}
