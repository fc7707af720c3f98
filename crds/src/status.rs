//! What the statuses of the three resources share.

/// One aspect of a resource's state, in the manner of the Gateway API.
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// An instant, written as RFC 3339.
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
