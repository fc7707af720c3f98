//! The types of conditions, and the reasons that they give.
//!
//! A condition's `type` says what it is about, its `status` whether it is so, its `reason` is one of these words for
//! programs and its `message` is for people. There is one `Ready` and never a `NotReady`.

/// Constants, and with them a table of each word with what it says.
macro_rules! words {
    ($($(#[doc = $meaning:literal])+ $name:ident = $word:literal;)+) => {
        $($(#[doc = $meaning])+ pub const $name: &str = $word;)+
        /// Every word with its meaning.
        pub const ALL: &[(&str, &str)] = &[$(($word, concat!($($meaning),+))),+];
    };
}

/// The types of conditions.
pub mod condition {
    words! {
        /// On all: the manifest makes sense.
        ACCEPTED = "Accepted";
        /// On all: everything that the manifest names is there.
        RESOLVED_REFS = "ResolvedRefs";
        /// On all: it does what the manifest says; also a suspended pipeline is, with reason `Suspended`.
        READY = "Ready";
        /// On Pipeline: workers are being started, stopped or replaced.
        PROGRESSING = "Progressing";
        /// On Pipeline: every source can be read.
        SOURCE_REACHABLE = "SourceReachable";
        /// On Pipeline: every sink can be written.
        SINKS_REACHABLE = "SinksReachable";
        /// On Pipeline: records come through, or there are none to come.
        FLOWING = "Flowing";
        /// On Pipeline: it works, but less well than it should.
        DEGRADED = "Degraded";
        /// On Sink: the table or topic that is there has the columns and types of the stream.
        SCHEMA_MATCHES = "SchemaMatches";
    }
}

words! {
    /// For `Accepted` that is true: nothing to object to.
    ACCEPTED = "Accepted";
    /// For `Accepted` that is false: a field has a value that it cannot have, or a query does not plan; the message says where.
    INVALID = "Invalid";
    /// For `Accepted` that is false: a field is set that this version does nothing with yet; the message names it.
    UNSUPPORTED = "Unsupported";
    /// For `Accepted` that is false: the object is not one that this version can read, such as one from before an upgrade.
    MALFORMED = "Malformed";
    /// For `Accepted` that is false: an edit cannot keep a stream's state, and `onIncompatibleChange` is `Block`.
    INCOMPATIBLE_CHANGE = "IncompatibleChange";

    /// For `ResolvedRefs` that is true: all that is named is there.
    RESOLVED_REFS = "ResolvedRefs";
    /// For `ResolvedRefs` that is false: a Pipeline that is named is not there.
    PIPELINE_NOT_FOUND = "PipelineNotFound";
    /// For `ResolvedRefs` that is false: the stream that is named is not one of the pipeline's.
    STREAM_NOT_FOUND = "StreamNotFound";
    /// For `ResolvedRefs` that is false: a Sink that is named is not there.
    SINK_NOT_FOUND = "SinkNotFound";
    /// For `ResolvedRefs` that is false: a Secret that is named is not there.
    SECRET_NOT_FOUND = "SecretNotFound";
    /// For `ResolvedRefs` that is false: a Secret lacks a key that it needs.
    SECRET_INVALID = "SecretInvalid";
    /// For `ResolvedRefs` that is false: a ConfigMap that is named, or its key, is not there.
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound";

    /// For `Ready` that is true: it runs.
    READY = "Ready";
    /// For `Ready` that is true: it is suspended, as the manifest says.
    SUSPENDED = "Suspended";
    /// For `Ready` that is true: the rule is counted and kept, not sent.
    SHADOW = "Shadow";
    /// For `Ready` that is true: the rule is switched off, as the manifest says.
    DISABLED = "Disabled";
    /// For `Ready` that is false: another condition stands in the way; the message names it.
    NOT_ACCEPTED = "NotAccepted";
    /// For `Ready` that is false: the cluster refuses what is to be made; the message says what and why.
    NOT_APPLIED = "NotApplied";
    /// For `Ready` that is false: not all workers run yet.
    WORKERS_NOT_READY = "WorkersNotReady";

    /// For `Progressing` that is true: workers are being replaced.
    ROLLING_OUT = "RollingOut";
    /// For `Progressing` that is true: workers are being started or stopped to have the number wanted.
    SCALING = "Scaling";
    /// For `Progressing` that is true: workers load the state of their partitions.
    RESTORING = "Restoring";
    /// For `Progressing` that is false: all workers are as they should be.
    STABLE = "Stable";

    /// For `SourceReachable` and `SinksReachable` that are true.
    REACHABLE = "Reachable";
    /// For `SourceReachable` and `SinksReachable` that are false: nothing answers, or not in time.
    UNREACHABLE = "Unreachable";
    /// For `SourceReachable` and `SinksReachable` that are false: credentials are refused, or lack a right.
    UNAUTHORIZED = "Unauthorized";
    /// For `SourceReachable` and `SinksReachable` that are false: the topic or table is not there.
    NOT_FOUND = "NotFound";

    /// For `Flowing` that is true: records come through.
    FLOWING = "Flowing";
    /// For `Flowing` that is true: everything has been read, and nothing new comes.
    IDLE = "Idle";
    /// For `Flowing` that is false: there are records to read, and none comes through.
    STALLED = "Stalled";

    /// For `Degraded` that is false: nothing is wrong.
    HEALTHY = "Healthy";
    /// For `Degraded` that is true: some workers do not run.
    WORKERS_MISSING = "WorkersMissing";
    /// For `Degraded` that is true: records come faster than they are read.
    FALLING_BEHIND = "FallingBehind";
    /// For `Degraded` that is true: records go to the dead letters.
    DEAD_LETTERS = "DeadLetters";

    /// For `SchemaMatches` that is true.
    SCHEMA_MATCHES = "SchemaMatches";
    /// For `SchemaMatches` that is false: the message names each column that differs, and how.
    SCHEMA_DIFFERS = "SchemaDiffers";

    /// For any condition that is unknown: it has not been looked at yet.
    PENDING = "Pending";

    /// For `status.autoscale`: lag and rate ask for no other number of workers.
    ON_TARGET = "OnTarget";
    /// For `status.autoscale`: fewer workers can do the work.
    SPARE_CAPACITY = "SpareCapacity";
    /// For `status.autoscale`: the bounds, or the partitions, ask for another number of workers.
    BOUNDS = "Bounds";
    /// For `status.autoscale`: the number is held, as lag or partitions cannot be read.
    LAG_UNKNOWN = "LagUnknown";
    /// For `status.autoscale`: the number is held for a while after it was changed.
    COOL_DOWN = "CoolDown";

    /// For events: the number of workers was changed.
    SCALED = "Scaled";
    /// For events: a deleted pipeline's internal topics and offsets are gone.
    CLEANED_UP = "CleanedUp";
    /// For events: a deleted pipeline's internal topics or offsets could not be deleted, and stay.
    LEFT_BEHIND = "LeftBehind";
}

/// The types of conditions and their reasons as a page of the documentation.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Conditions and reasons\n\nWhat the statuses of Pipelines, AlertRules and Sinks say. Made from \
         `crds/src/reasons.rs` by `cargo run -p tidemill-crds --bin crdgen`.\n",
    );
    for (title, words) in [("Condition", condition::ALL), ("Reason", ALL)] {
        page.push_str(&format!("\n| {title} | Meaning |\n|---|---|\n"));
        for (word, meaning) in words {
            page.push_str(&format!("| `{word}` | {} |\n", meaning.trim()));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_is_that_of_the_constants() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reasons.md");
        let on_disk = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            on_disk == page(),
            "docs/reasons.md is not what the constants say: run `cargo run -p tidemill-crds --bin crdgen`"
        );
    }

    #[test]
    fn every_word_is_one_that_the_api_server_takes_and_is_there_once() {
        for words in [ALL, condition::ALL] {
            let distinct: BTreeSet<_> = words.iter().map(|(word, _)| word).collect();
            assert_eq!(distinct.len(), words.len());
            for (word, meaning) in words {
                assert!(word.chars().all(|c| c.is_ascii_alphabetic()), "{word}");
                assert!(meaning.trim().ends_with('.'), "{word}: {meaning}");
            }
        }
    }
}
