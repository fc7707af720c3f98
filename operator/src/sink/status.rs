//! The status of a Sink: pure, from its manifest and what it names.

use tidemill_crds::Sink;
use tidemill_crds::reasons::{self, condition};
use tidemill_crds::sink::SinkKind;
use tidemill_crds::webhook::Fault;

use crate::condition::Verdict;

/// What is to be said of a Sink; `is_there` knows which Secrets there are.
#[must_use]
pub fn verdicts(sink: &Sink, is_there: impl Fn(&str) -> bool) -> Vec<Verdict> {
    let accepted = accepted(sink);
    let resolved = resolved(sink, is_there);
    let usable = "pipelines can write to it";
    let ready = Verdict::ready(&accepted, &resolved, reasons::READY, usable);
    vec![accepted, resolved, ready]
}

fn accepted(sink: &Sink) -> Verdict {
    let about = condition::ACCEPTED;
    let hint = "write to a topic of the pipeline's Kafka, or to standard output";
    let unsupported =
        |what: &str| Verdict::no(about, reasons::UNSUPPORTED, format!("{what} ({hint})"));
    match sink.spec.kind() {
        Some(SinkKind::Kafka(kafka)) if kafka.auth.is_some() => Verdict::no(
            about,
            reasons::UNSUPPORTED,
            "spec.kafka.auth: credentials of a Sink's own are not supported yet (leave it out: the pipeline's are used)",
        ),
        Some(SinkKind::Webhook(webhook)) => webhook.fault().map_or_else(Verdict::accepted, refused),
        Some(SinkKind::Kafka(_) | SinkKind::Stdout(_)) => Verdict::accepted(),
        Some(SinkKind::Postgres(_)) => {
            unsupported("spec.postgres: PostgreSQL tables are not supported in a cluster yet")
        }
        Some(SinkKind::Iceberg(_)) => {
            unsupported("spec.iceberg: Iceberg tables are not supported yet")
        }
        Some(SinkKind::Sqlite(_)) => unsupported(
            "spec.sqlite: a SQLite file is for local use, it would be lost with the worker's pod",
        ),
        None => Verdict::no(
            about,
            reasons::INVALID,
            "spec: a sink is of one kind: write one of `kafka: {topic: ...}`, `webhook: {url: ...}` or `stdout: {}`",
        ),
    }
}

fn refused(fault: Fault) -> Verdict {
    let message = format!("spec.{}: {} ({})", fault.field, fault.message, fault.hint);
    Verdict::no(condition::ACCEPTED, reasons::INVALID, message)
}

fn resolved(sink: &Sink, is_there: impl Fn(&str) -> bool) -> Verdict {
    let missing = sink
        .spec
        .secrets()
        .into_iter()
        .find(|(_, secret)| !is_there(&secret.name));
    match missing {
        Some((field, secret)) => {
            let message = format!(
                "{field}: there is no Secret `{}` in the Sink's namespace (create it, or correct the name)",
                secret.name
            );
            Verdict::no(condition::RESOLVED_REFS, reasons::SECRET_NOT_FOUND, message)
        }
        None => Verdict::resolved(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn said(spec: &str, secrets: &[&str]) -> Vec<String> {
        let text = format!(
            "apiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {{name: s}}\nspec: {{{spec}}}"
        );
        let sink: Sink = serde_saphyr::from_str(&text).unwrap();
        verdicts(&sink, |name| secrets.contains(&name))
            .iter()
            .map(|v| format!("{}={:?} {}", v.about, v.holds, v.reason))
            .collect()
    }

    #[test]
    fn a_topic_is_ready() {
        assert_eq!(
            said("kafka: {topic: t}", &[]),
            [
                "Accepted=Some(true) Accepted",
                "ResolvedRefs=Some(true) ResolvedRefs",
                "Ready=Some(true) Ready"
            ]
        );
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        let spec = "postgres: {secretRef: {name: k}, table: t}";
        assert_eq!(
            said(spec, &[])[1],
            "ResolvedRefs=Some(false) SecretNotFound"
        );
        assert_eq!(
            said(spec, &["k"])[1],
            "ResolvedRefs=Some(true) ResolvedRefs"
        );
    }

    #[test]
    fn a_webhook_is_ready_unless_it_cannot_be_posted_to() {
        let spec = "webhook: {url: 'http://hooks/a', secretRef: {name: k}}";
        assert_eq!(said(spec, &["k"])[2], "Ready=Some(true) Ready");
        assert_eq!(
            said(spec, &[])[1],
            "ResolvedRefs=Some(false) SecretNotFound"
        );
        let spec = "webhook: {url: 'http://hooks/a', headers: {Host: a}}";
        assert_eq!(said(spec, &[])[0], "Accepted=Some(false) Invalid");
    }

    #[test]
    fn what_a_cluster_cannot_do_yet_is_said() {
        for spec in [
            "postgres: {secretRef: {name: db}, table: t}",
            "sqlite: {path: a.db, table: t}",
            "kafka: {topic: t, auth: {secretRef: {name: db}}}",
            "iceberg: {catalog: {rest: {uri: 'http://x', warehouse: w}}, table: a.b}",
        ] {
            assert_eq!(
                said(spec, &["db"])[0],
                "Accepted=Some(false) Unsupported",
                "{spec}"
            );
            assert_eq!(
                said(spec, &["db"])[2],
                "Ready=Some(false) NotAccepted",
                "{spec}"
            );
        }
    }
}
