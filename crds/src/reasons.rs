//! The types of conditions, and the reasons that they give.
//!
//! A condition's `type` says what it is about, its `status` whether it is so, its `reason` is one of these words for
//! programs and its `message` is for people. There is one `Ready` and never a `NotReady`.

/// The types of conditions.
pub mod condition {
    /// On all: the manifest makes sense.
    pub const ACCEPTED: &str = "Accepted";
    /// On all: everything that the manifest names is there.
    pub const RESOLVED_REFS: &str = "ResolvedRefs";
    /// On all: it does what the manifest says; also a suspended pipeline is, with reason `Suspended`.
    pub const READY: &str = "Ready";
    /// On Pipeline: workers are being started, stopped or replaced.
    pub const PROGRESSING: &str = "Progressing";
    /// On Pipeline: every source can be read.
    pub const SOURCE_REACHABLE: &str = "SourceReachable";
    /// On Pipeline: every sink can be written.
    pub const SINKS_REACHABLE: &str = "SinksReachable";
    /// On Pipeline: records come through, or there are none to come.
    pub const FLOWING: &str = "Flowing";
    /// On Pipeline: it works, but less well than it should.
    pub const DEGRADED: &str = "Degraded";
    /// On Sink: the table or topic that is there has the columns and types of the stream.
    pub const SCHEMA_MATCHES: &str = "SchemaMatches";
}

/// For `Accepted` that is true: nothing to object to.
pub const ACCEPTED: &str = "Accepted";
/// For `Accepted` that is false: a field has a value that it cannot have, or a query does not plan; the message says where.
pub const INVALID: &str = "Invalid";
/// For `Accepted` that is false: a field is set that this version does nothing with yet; the message names it.
pub const UNSUPPORTED: &str = "Unsupported";
/// For `Accepted` that is false: an edit cannot keep a stream's state, and `onIncompatibleChange` is `Block`.
pub const INCOMPATIBLE_CHANGE: &str = "IncompatibleChange";

/// For `ResolvedRefs` that is true: all that is named is there.
pub const RESOLVED_REFS: &str = "ResolvedRefs";
/// For `ResolvedRefs` that is false: a Pipeline that is named is not there.
pub const PIPELINE_NOT_FOUND: &str = "PipelineNotFound";
/// For `ResolvedRefs` that is false: the stream that is named is not one of the pipeline's.
pub const STREAM_NOT_FOUND: &str = "StreamNotFound";
/// For `ResolvedRefs` that is false: a Sink that is named is not there.
pub const SINK_NOT_FOUND: &str = "SinkNotFound";
/// For `ResolvedRefs` that is false: a Secret that is named is not there.
pub const SECRET_NOT_FOUND: &str = "SecretNotFound";
/// For `ResolvedRefs` that is false: a Secret lacks a key that it needs.
pub const SECRET_INVALID: &str = "SecretInvalid";
/// For `ResolvedRefs` that is false: a ConfigMap that is named, or its key, is not there.
pub const CONFIG_MAP_NOT_FOUND: &str = "ConfigMapNotFound";

/// For `Ready` that is true: it runs.
pub const READY: &str = "Ready";
/// For `Ready` that is true: it is suspended, as the manifest says.
pub const SUSPENDED: &str = "Suspended";
/// For `Ready` that is true: the rule is counted and kept, not sent.
pub const SHADOW: &str = "Shadow";
/// For `Ready` that is true: the rule is switched off, as the manifest says.
pub const DISABLED: &str = "Disabled";
/// For `Ready` that is false: another condition stands in the way; the message names it.
pub const NOT_ACCEPTED: &str = "NotAccepted";
/// For `Ready` that is false: not all workers run yet.
pub const WORKERS_NOT_READY: &str = "WorkersNotReady";

/// For `Progressing` that is true: workers are being replaced.
pub const ROLLING_OUT: &str = "RollingOut";
/// For `Progressing` that is true: workers are being started or stopped to have the number wanted.
pub const SCALING: &str = "Scaling";
/// For `Progressing` that is true: workers load the state of their partitions.
pub const RESTORING: &str = "Restoring";
/// For `Progressing` that is false: all workers are as they should be.
pub const STABLE: &str = "Stable";

/// For `SourceReachable` and `SinksReachable` that are true.
pub const REACHABLE: &str = "Reachable";
/// For `SourceReachable` and `SinksReachable` that are false: nothing answers, or not in time.
pub const UNREACHABLE: &str = "Unreachable";
/// For `SourceReachable` and `SinksReachable` that are false: credentials are refused, or lack a right.
pub const UNAUTHORIZED: &str = "Unauthorized";
/// For `SourceReachable` and `SinksReachable` that are false: the topic or table is not there.
pub const NOT_FOUND: &str = "NotFound";

/// For `Flowing` that is true: records come through.
pub const FLOWING: &str = "Flowing";
/// For `Flowing` that is true: everything has been read, and nothing new comes.
pub const IDLE: &str = "Idle";
/// For `Flowing` that is false: there are records to read, and none comes through.
pub const STALLED: &str = "Stalled";

/// For `Degraded` that is false: nothing is wrong.
pub const HEALTHY: &str = "Healthy";
/// For `Degraded` that is true: some workers do not run.
pub const WORKERS_MISSING: &str = "WorkersMissing";
/// For `Degraded` that is true: records come faster than they are read.
pub const FALLING_BEHIND: &str = "FallingBehind";
/// For `Degraded` that is true: records go to the dead letters.
pub const DEAD_LETTERS: &str = "DeadLetters";

/// For `SchemaMatches` that is true.
pub const SCHEMA_MATCHES: &str = "SchemaMatches";
/// For `SchemaMatches` that is false: the message names each column that differs, and how.
pub const SCHEMA_DIFFERS: &str = "SchemaDiffers";

/// For any condition that is unknown: it has not been looked at yet.
pub const PENDING: &str = "Pending";
