//! The same figures as `/status`, for Prometheus. They are read from the status when they are asked for, so counting
//! costs nothing twice.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::status::{RuleStatus, Shared, StateStatus, Status, WebhookStatus};

/// The metrics of these pipelines in the OpenMetrics text format.
///
/// # Errors
/// Never for a `String`; the encoder's signature has it.
pub fn render(pipelines: &[Shared]) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("tidemill");
    let statuses = pipelines.iter().map(Shared::get).collect();
    registry.register_collector(Box::new(Snapshot(statuses)));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

#[derive(Debug)]
struct Snapshot(Vec<Status>);

type Labels<'a> = Vec<(&'static str, &'a str)>;

/// What a rule has raised, by whether its alerts are sent.
fn by_mode(rule: &RuleStatus) -> [(Labels<'_>, u64); 2] {
    let of = |mode| vec![("rule", rule.name.as_str()), ("mode", mode)];
    [
        (of("Enforce"), rule.fired),
        (of("Shadow"), rule.shadow_fired),
    ]
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        self.counters(
            &mut encoder,
            "commits",
            "Commits that are in the log",
            |s| vec![(vec![], s.commits)],
        )?;
        self.counters(
            &mut encoder,
            "rewinds",
            "Times that uncommitted work was done again",
            |s| vec![(vec![], s.rewinds)],
        )?;
        self.counters(
            &mut encoder,
            "late_dropped_records",
            "Late records that were dropped",
            |s| vec![(vec![], s.late_dropped)],
        )?;
        self.counters(
            &mut encoder,
            "duplicate_records",
            "Records that had been there before, and were dropped",
            |s| vec![(vec![], s.duplicates)],
        )?;
        self.counters(
            &mut encoder,
            "dead_letters",
            "Records that went to the dead letters",
            |s| {
                s.dead_letters
                    .iter()
                    .map(|(reason, n)| (vec![("reason", reason.as_str())], *n))
                    .collect()
            },
        )?;
        self.counters(
            &mut encoder,
            "alerts",
            "Alerts of rules; those of Shadow mode are counted and not sent",
            |s| {
                s.rules
                    .iter()
                    .flat_map(by_mode)
                    .filter(|(_, n)| *n > 0)
                    .collect()
            },
        )?;
        self.counters(
            &mut encoder,
            "alerts_suppressed",
            "Alerts of rules that were held back by suppressFor",
            |s| {
                s.rules
                    .iter()
                    .map(|rule| (vec![("rule", rule.name.as_str())], rule.suppressed))
                    .filter(|(_, n)| *n > 0)
                    .collect()
            },
        )?;
        self.counters(&mut encoder, "source_records", "Records read", |s| {
            s.sources
                .iter()
                .map(|x| (vec![("source", x.name.as_str())], x.records))
                .collect()
        })?;
        self.counters(
            &mut encoder,
            "source_bytes",
            "Bytes of the values read",
            |s| {
                s.sources
                    .iter()
                    .map(|x| (vec![("source", x.name.as_str())], x.bytes))
                    .collect()
            },
        )?;
        self.gauges(
            &mut encoder,
            "source_lag_records",
            "Records not read yet in the partitions held",
            |s| {
                s.sources
                    .iter()
                    .filter_map(|x| Some((vec![("source", x.name.as_str())], to_f64(x.lag?))))
                    .collect()
            },
        )?;
        self.gauges(
            &mut encoder,
            "source_watermark_timestamp_seconds",
            "Lowest watermark, Unix time",
            |s| {
                s.sources
                    .iter()
                    .filter_map(|x| {
                        Some((
                            vec![("source", x.name.as_str())],
                            to_f64(x.watermark?) / 1e6,
                        ))
                    })
                    .collect()
            },
        )?;
        self.counters(
            &mut encoder,
            "output_rows",
            "Rows committed to a sink",
            |s| {
                s.outputs
                    .iter()
                    .map(|x| {
                        (
                            vec![("stream", x.from.as_str()), ("sink", x.sink.as_str())],
                            x.rows,
                        )
                    })
                    .collect()
            },
        )?;
        type OfWebhook = fn(&WebhookStatus) -> u64;
        let webhooks: [(&str, &str, OfWebhook); 3] = [
            (
                "webhook_delivered_rows",
                "Rows that the receiver of a webhook has taken",
                |w| w.delivered,
            ),
            (
                "webhook_retries",
                "Times that a row was not taken by a webhook, and is posted again",
                |w| w.retries,
            ),
            (
                "webhook_given_up_rows",
                "Rows that a webhook does not take, and that are dead letters",
                |w| w.given_up,
            ),
        ];
        for (name, help, figure) in webhooks {
            self.counters(&mut encoder, name, help, |s| {
                let one = |w| (of_sink(w), figure(w));
                s.webhooks.iter().map(one).collect()
            })?;
        }
        self.gauges(
            &mut encoder,
            "webhook_waiting_rows",
            "Rows that a webhook has not taken yet",
            |s| {
                let waiting = |w: &WebhookStatus| i64::try_from(w.waiting).unwrap_or(i64::MAX);
                let one = |w| (of_sink(w), to_f64(waiting(w)));
                s.webhooks.iter().map(one).collect()
            },
        )?;
        type Figure = fn(&StateStatus) -> u64;
        let state: [(&str, &str, Figure); 4] = [
            (
                "state_groups",
                "Keys of tables and windows that are held",
                |s| s.groups,
            ),
            (
                "state_memory_bytes",
                "Memory that they and tables take",
                |s| s.memory_bytes,
            ),
            (
                "state_memory_limit_bytes",
                "Memory that they may take",
                |s| s.memory_limit_bytes,
            ),
            ("state_disk_bytes", "Local disk that they take", |s| {
                s.disk_bytes
            }),
        ];
        for (name, help, figure) in state {
            self.gauges(&mut encoder, name, help, |s| {
                let figure = i64::try_from(figure(&s.state)).unwrap_or(i64::MAX);
                vec![(vec![], to_f64(figure))]
            })?;
        }
        self.gauges(&mut encoder, "partitions", "Partitions held", |s| {
            vec![(
                vec![],
                to_f64(i64::try_from(s.partitions.len()).unwrap_or(i64::MAX)),
            )]
        })
    }
}

fn of_sink(webhook: &WebhookStatus) -> Labels<'_> {
    vec![("sink", webhook.sink.as_str())]
}

#[allow(clippy::cast_precision_loss)] // a gauge
fn to_f64(value: i64) -> f64 {
    value as f64
}

impl Snapshot {
    fn counters<'a>(
        &'a self,
        encoder: &mut DescriptorEncoder,
        name: &str,
        help: &str,
        values: impl Fn(&'a Status) -> Vec<(Labels<'a>, u64)>,
    ) -> Result<(), Error> {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for status in &self.0 {
            for (mut labels, value) in values(status) {
                labels.push(("pipeline", &status.pipeline));
                ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn gauges<'a>(
        &'a self,
        encoder: &mut DescriptorEncoder,
        name: &str,
        help: &str,
        values: impl Fn(&'a Status) -> Vec<(Labels<'a>, f64)>,
    ) -> Result<(), Error> {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for status in &self.0 {
            for (mut labels, value) in values(status) {
                labels.push(("pipeline", &status.pipeline));
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::status::{OutputStatus, SourceStatus};

    #[test]
    fn figures_have_standard_names_and_labels() {
        let shared = Shared::default();
        shared.update(|s| {
            s.pipeline = "payments".to_owned();
            s.commits = 7;
            s.state.memory_bytes = 11;
            s.dead_letters.insert("TooLarge".to_owned(), 2);
            s.sources.push(SourceStatus {
                name: "tx".to_owned(),
                records: 10,
                watermark: Some(1_500_000),
                ..SourceStatus::default()
            });
            s.outputs.push(OutputStatus {
                from: "spend".to_owned(),
                sink: "out".to_owned(),
                rows: 3,
            });
            s.webhooks.push(WebhookStatus {
                sink: "hook".to_owned(),
                delivered: 5,
                waiting: 2,
                ..WebhookStatus::default()
            });
        });
        let text = render(&[shared]).unwrap();
        for line in [
            "tidemill_commits_total{pipeline=\"payments\"} 7",
            "tidemill_state_memory_bytes{pipeline=\"payments\"} 11.0",
            "tidemill_dead_letters_total{reason=\"TooLarge\",pipeline=\"payments\"} 2",
            "tidemill_source_records_total{source=\"tx\",pipeline=\"payments\"} 10",
            "tidemill_source_watermark_timestamp_seconds{source=\"tx\",pipeline=\"payments\"} 1.5",
            "tidemill_output_rows_total{stream=\"spend\",sink=\"out\",pipeline=\"payments\"} 3",
            "tidemill_webhook_delivered_rows_total{sink=\"hook\",pipeline=\"payments\"} 5",
            "tidemill_webhook_waiting_rows{sink=\"hook\",pipeline=\"payments\"} 2.0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(
            !text.contains("lag_records{"),
            "an unknown lag is not shown as zero:\n{text}"
        );
    }
}
