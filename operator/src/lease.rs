//! Leader election: one operator works, others wait. Whoever holds the Lease renews it; whoever sees it unchanged for
//! its whole duration takes it over. Time is measured by each for itself, so clocks need not agree.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

/// The Lease's name.
pub const NAME: &str = "tidemill-operator";
/// A Lease that was not renewed for so long is up for the taking.
const DURATION: Duration = Duration::from_secs(15);
/// A leader that could not renew for so long is none any more; shorter than the duration, so there are never two.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often the Lease is renewed, or looked at by those who wait.
const INTERVAL: Duration = Duration::from_secs(4);
/// How soon a renewal that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// One of those who want to lead.
pub struct Candidate {
    api: Api<Lease>,
    identity: String,
    /// The Lease's version as last seen, and since when.
    seen: Option<(String, Instant)>,
    /// The Lease as it was last written by this one: it can be renewed without being read again.
    held: Option<Lease>,
}

/// What to do about a Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Make,
    Take,
    Renew,
    Wait,
}

impl Candidate {
    /// Someone of this name.
    #[must_use]
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            identity,
            seen: None,
            held: None,
        }
    }

    /// Waits until the Lease is held.
    pub async fn acquire(&mut self) {
        loop {
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the Lease cannot be had"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Renews the Lease, and returns when it is lost.
    pub async fn hold(&mut self) {
        let mut renewed = Instant::now();
        let mut pause = INTERVAL;
        while renewed.elapsed() < DEADLINE {
            tokio::time::sleep(pause).await;
            let began = Instant::now();
            let left = DEADLINE.saturating_sub(renewed.elapsed());
            pause = RETRY;
            match tokio::time::timeout(left, self.attempt()).await {
                Ok(Ok(true)) => (renewed, pause) = (began, INTERVAL),
                Ok(Ok(false)) => return,
                Ok(Err(error)) => tracing::warn!(%error, "the Lease cannot be renewed"),
                Err(_) => {}
            }
        }
    }

    /// Lets go of the Lease, so that another need not wait.
    pub async fn release(&mut self) {
        let Ok(Some(mut lease)) = self.api.get_opt(NAME).await else {
            return;
        };
        if holder(&lease) == Some(&self.identity) {
            if let Some(spec) = &mut lease.spec {
                spec.holder_identity = Some(String::new());
            }
            let _ = self.api.replace(NAME, &PostParams::default(), &lease).await;
        }
    }

    /// Whether the Lease is held now.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let lease = match self.held.take() {
            Some(held) => Some(held),
            None => self.api.get_opt(NAME).await?,
        };
        let unchanged = self.age(lease.as_ref());
        let step = step(lease.as_ref(), &self.identity, unchanged);
        let params = PostParams::default();
        let written = match (step, lease) {
            (Step::Wait, _) => return Ok(false),
            (_, None) => {
                self.api
                    .create(&params, &mine(None, &self.identity, step))
                    .await
            }
            (_, Some(lease)) => {
                let lease = mine(Some(lease), &self.identity, step);
                self.api.replace(NAME, &params, &lease).await
            }
        };
        match written {
            Ok(lease) => {
                self.held = Some(lease);
                Ok(true)
            }
            // Somebody was quicker; or somebody has touched it, and a leader finds that it is still its own.
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let lease = self.api.get_opt(NAME).await?;
                let is_mine = lease.as_ref().and_then(holder) == Some(&self.identity);
                self.held = lease.filter(|_| is_mine);
                Ok(is_mine)
            }
            Err(error) => Err(error),
        }
    }

    /// For how long a Lease has been as it is, as far as has been seen here.
    fn age(&mut self, lease: Option<&Lease>) -> Duration {
        let version = lease.and_then(|lease| lease.metadata.resource_version.clone());
        if self.seen.as_ref().map(|(seen, _)| seen) != version.as_ref() {
            self.seen = version.map(|version| (version, Instant::now()));
        }
        self.seen
            .as_ref()
            .map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }
}

fn holder(lease: &Lease) -> Option<&String> {
    lease
        .spec
        .as_ref()?
        .holder_identity
        .as_ref()
        .filter(|holder| !holder.is_empty())
}

fn step(lease: Option<&Lease>, me: &str, unchanged: Duration) -> Step {
    match lease {
        None => Step::Make,
        Some(lease) => match holder(lease) {
            Some(holder) if holder == me => Step::Renew,
            Some(_) if unchanged < duration(lease) => Step::Wait,
            _ => Step::Take,
        },
    }
}

fn duration(lease: &Lease) -> Duration {
    let seconds = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds);
    seconds
        .and_then(|s| u64::try_from(s).ok())
        .map_or(DURATION, Duration::from_secs)
}

fn mine(lease: Option<Lease>, me: &str, step: Step) -> Lease {
    let now = MicroTime(Timestamp::now());
    let mut lease = lease.unwrap_or_else(|| Lease {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            ..ObjectMeta::default()
        },
        ..Lease::default()
    });
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    spec.holder_identity = Some(me.to_owned());
    spec.lease_duration_seconds = i32::try_from(DURATION.as_secs()).ok();
    spec.renew_time = Some(now.clone());
    if step != Step::Renew {
        spec.acquire_time = Some(now);
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default().saturating_add(1));
    }
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_taken_only_when_nobody_keeps_it() {
        let of = |holder: &str| {
            let mut lease = mine(None, holder, Step::Make);
            lease.metadata.resource_version = Some("1".to_owned());
            lease
        };
        let short = Duration::from_secs(14);
        assert_eq!(step(None, "me", short), Step::Make);
        assert_eq!(step(Some(&of("me")), "me", short), Step::Renew);
        assert_eq!(step(Some(&of("other")), "me", short), Step::Wait);
        assert_eq!(step(Some(&of("other")), "me", DURATION), Step::Take);
        assert_eq!(step(Some(&of("")), "me", Duration::ZERO), Step::Take);
    }

    #[test]
    fn a_leader_gives_up_before_another_takes_over() {
        assert!(DEADLINE + INTERVAL < DURATION);
        let taken = mine(Some(mine(None, "a", Step::Make)), "b", Step::Take);
        let spec = taken.spec.unwrap_or_default();
        assert_eq!(spec.holder_identity.as_deref(), Some("b"));
        assert_eq!(spec.lease_transitions, Some(2));
    }
}
