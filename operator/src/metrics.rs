//! What the operator counts, for Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What is counted.
pub struct Metrics {
    registry: Registry,
    reconciled: Family<Outcome, Counter<u64, AtomicU64>>,
    took: Family<Kind, Histogram>,
    written: Family<Kind, Counter>,
    leads: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tidemill_operator");
        let reconciled = Family::default();
        registry.register("reconciled", "Objects looked at", reconciled.clone());
        let took: Family<Kind, Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 8)));
        registry.register_with_unit(
            "reconcile_duration",
            "How long that took",
            Unit::Seconds,
            took.clone(),
        );
        let written = Family::default();
        registry.register("status_writes", "Statuses written", written.clone());
        let leads = Gauge::default();
        registry.register(
            "leads",
            "1 for the operator that holds the Lease",
            leads.clone(),
        );
        Self {
            registry,
            reconciled,
            took,
            written,
            leads,
        }
    }
}

impl Metrics {
    /// An object was looked at.
    pub fn reconciled(&self, kind: &'static str, well: bool, took: Duration) {
        let outcome = if well { "ok" } else { "error" };
        self.reconciled
            .get_or_create(&Outcome { kind, outcome })
            .inc();
        self.took
            .get_or_create(&Kind { kind })
            .observe(took.as_secs_f64());
    }

    /// A status was written.
    pub fn status_written(&self, kind: &'static str) {
        self.written.get_or_create(&Kind { kind }).inc();
    }

    /// This operator leads.
    pub fn leads(&self) {
        self.leads.set(1);
    }

    /// In the OpenMetrics text format.
    ///
    /// # Errors
    /// Never for a `String`; the encoder's signature has it.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn figures_have_standard_names_and_labels() {
        let metrics = Metrics::default();
        metrics.reconciled("Pipeline", true, Duration::from_millis(2));
        metrics.status_written("Sink");
        metrics.leads();
        let text = metrics.render().unwrap();
        for line in [
            "tidemill_operator_reconciled_total{kind=\"Pipeline\",outcome=\"ok\"} 1",
            "tidemill_operator_reconcile_duration_seconds_count{kind=\"Pipeline\"} 1",
            "tidemill_operator_status_writes_total{kind=\"Sink\"} 1",
            "tidemill_operator_leads 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
