//! What the answer to a request means for its row.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

/// So many characters of an answer are shown.
const SHOWN: usize = 200;
/// So many bytes of an answer are worth reading: characters have up to four.
pub(super) const READ: usize = 4 * SHOWN;

/// What posting a row has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The receiver has it.
    Delivered,
    /// It is to be posted again: the receiver may have it or not.
    Failed {
        /// Why.
        why: String,
        /// How long the receiver wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The receiver will not take it, and says why.
    Refused(String),
}

impl Attempt {
    /// No answer.
    pub(super) fn unanswered(why: impl Into<String>) -> Self {
        Self::Failed {
            why: why.into(),
            retry_after: None,
        }
    }

    /// What an answer means: its status, its header `Retry-After`, and how its body begins. It came at this time.
    pub(super) fn of(
        status: StatusCode,
        retry_after: Option<&str>,
        body: &[u8],
        now: SystemTime,
    ) -> Self {
        if status.is_success() {
            return Self::Delivered;
        }
        let why = said(status, body);
        if is_final(status) {
            return Self::Refused(why);
        }
        Self::Failed {
            why: match status.is_redirection() {
                true => format!("{why} (redirects are not followed)"),
                false => why,
            },
            retry_after: retry_after.and_then(|it| wanted_pause(it, now)),
        }
    }
}

/// Whether the same request would get the same answer for ever. A request that took too long, came too early or was one too
/// many would not.
fn is_final(status: StatusCode) -> bool {
    let passing = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_client_error() && !passing.contains(&status)
}

/// Status and text of an answer, in one line.
fn said(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let shown: String = text.trim().chars().take(SHOWN).collect();
    let shown = shown.replace(char::is_control, " ");
    match shown.is_empty() {
        true => status.to_string(),
        false => format!("{status}: {shown}"),
    }
}

/// What `Retry-After` says: seconds, or a date.
fn wanted_pause(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    let left = date
        .to_utc()
        .signed_duration_since(DateTime::<Utc>::from(now));
    Some(left.to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// 2015-10-21T07:28:00Z.
    const NOW: Duration = Duration::from_secs(1_445_412_480);

    fn attempt(status: u16, retry_after: Option<&str>, body: &[u8]) -> Attempt {
        let now = SystemTime::UNIX_EPOCH + NOW;
        Attempt::of(
            StatusCode::from_u16(status).unwrap(),
            retry_after,
            body,
            now,
        )
    }

    #[test]
    fn an_answer_delivers_delays_or_ends_a_row() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(attempt(status, None, b"x"), Attempt::Delivered);
        }
        for status in [301, 302, 307, 408, 425, 429, 500, 502, 503, 504, 599] {
            let it = attempt(status, None, b"");
            assert!(matches!(it, Attempt::Failed { .. }), "{status}: {it:?}");
        }
        for status in [400, 401, 403, 404, 405, 409, 410, 413, 422, 451] {
            let it = attempt(status, None, b"");
            assert!(matches!(it, Attempt::Refused(_)), "{status}: {it:?}");
        }
    }

    #[test]
    fn what_the_receiver_says_is_shown_in_one_line_of_200_characters() {
        let said = |body: &[u8]| match attempt(400, None, body) {
            Attempt::Refused(why) => why,
            other => format!("{other:?}"),
        };
        assert_eq!(said(b" \r\n"), "400 Bad Request");
        assert_eq!(said(b" no\nsuch\xff "), "400 Bad Request: no such\u{fffd}");
        let long = said("ä".repeat(500).as_bytes());
        assert_eq!(long, format!("400 Bad Request: {}", "ä".repeat(200)));
    }

    #[test]
    fn a_receiver_says_when_it_wants_to_be_asked_again() {
        let after = |text: &str| match attempt(503, Some(text), b"") {
            Attempt::Failed { retry_after, .. } => retry_after.map(|it| it.as_secs()),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Wed, 21 Oct 2015 07:29:30 GMT"), Some(90));
        assert_eq!(after("Wed, 21 Oct 2015 07:00:00 GMT"), Some(0));
        for text in ["", "soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(after(text), None, "{text}");
        }
    }
}
