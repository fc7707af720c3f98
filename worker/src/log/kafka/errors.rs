//! What librdkafka's errors mean to the person who runs a pipeline.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::log::LogError;

/// An error of a call: `doing` says of what, by topic or group name; `context` is what the client last complained of.
pub(super) fn explain(
    servers: &str,
    doing: &str,
    error: &KafkaError,
    context: Option<String>,
) -> LogError {
    let context = context.map(|c| format!(" ({c})")).unwrap_or_default();
    match error.rdkafka_error_code() {
        Some(code) => from_code(servers, doing, code, &format!("{code}{context}")),
        None => LogError::Unavailable(format!("Kafka at {servers}: {doing}: {error}{context}")),
    }
}

/// The same from a code and its text.
pub(super) fn from_code(servers: &str, doing: &str, code: Code, text: &str) -> LogError {
    let (final_, advice) = advice(code);
    let text = format!("Kafka at {servers}: {doing}: {text}; {advice}");
    if final_ {
        LogError::Refused(text)
    } else {
        LogError::Unavailable(text)
    }
}

/// Whether it is no use trying again, and what to do.
fn advice(code: Code) -> (bool, &'static str) {
    match code {
        Code::SaslAuthenticationFailed | Code::Authentication => (
            true,
            "check the user and password in the Secret of kafka.auth",
        ),
        Code::SSL => (true, "check the certificates in the Secret of kafka.auth"),
        Code::TopicAuthorizationFailed => (true, "allow this user to read and write the topic"),
        Code::GroupAuthorizationFailed => (true, "allow this user to read the group"),
        Code::TransactionalIdAuthorizationFailed => (
            true,
            "allow this user to write transactional ids that begin with the group's name",
        ),
        Code::ClusterAuthorizationFailed => {
            (true, "allow this user idempotent writes on the cluster")
        }
        Code::FencedInstanceId | Code::Fenced | Code::ProducerFenced => (
            true,
            "another worker runs with the same identity; give each its own",
        ),
        Code::InvalidTopic => (true, "correct the topic's name"),
        Code::InvalidConfig | Code::InvalidPartitions | Code::PolicyViolation => (
            true,
            "correct the topic's settings, or create it beforehand",
        ),
        // We ask for the brokers' default, so it is not us who ask for too many.
        Code::InvalidReplicationFactor => (
            false,
            "start as many brokers as their default.replication.factor says",
        ),
        Code::InvalidTransactionTimeout => (
            true,
            "raise the brokers' transaction.max.timeout.ms to 10 s at least",
        ),
        Code::InvalidSessionTimeout => (
            true,
            "lower the brokers' group.min.session.timeout.ms to 6 s",
        ),
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            (false, "create the topic, or correct its name")
        }
        Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve => {
            (false, "check bootstrapServers, and that the brokers are up")
        }
        _ => (false, "it is tried again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_what_why_and_what_to_do() {
        let error = explain(
            "b:1",
            "reading topic t",
            &KafkaError::MetadataFetch(Code::BrokerTransportFailure),
            Some("refused".into()),
        );
        let text = error.to_string();
        assert!(matches!(error, LogError::Unavailable(_)));
        for part in ["b:1", "topic t", "refused", "check bootstrapServers"] {
            assert!(text.contains(part), "{text}");
        }
    }

    /// While brokers start, too few of them count: a worker that starts with them waits.
    #[test]
    fn too_few_brokers_for_the_default_replication_are_waited_for() {
        let error = from_code(
            "b:1",
            "creating topic t",
            Code::InvalidReplicationFactor,
            "no",
        );
        assert!(
            matches!(&error, LogError::Unavailable(text) if text.contains("default.replication.factor")),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_password_is_not_tried_again() {
        assert!(matches!(
            from_code("b:1", "x", Code::SaslAuthenticationFailed, "no"),
            LogError::Refused(_)
        ));
    }
}
