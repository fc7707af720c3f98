//! Logs and traces: structured lines on standard error, and spans by OTLP when a collector is named.

pub mod metrics;

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::WithHttpConfig as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::registry::tls;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// For a person.
    Plain,
    /// One JSON object a line, for a log collector.
    Json,
}

/// Keeps telemetry going; dropping it sends what is left.
#[derive(Debug)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Starts logs (to standard error; `RUST_LOG` chooses, `default_filter` where it is not set) and, if
/// `OTEL_EXPORTER_OTLP_ENDPOINT` is set, the export of spans over OTLP/HTTP. Without it no span is even made.
///
/// # Errors
/// Says what is wrong with the endpoint.
pub fn start(service: &str, lines: Lines, default_filter: &str) -> Result<Telemetry, String> {
    let provider = match std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
        Ok(endpoint) if !endpoint.is_empty() => Some(exporter(service, &endpoint)?),
        _ => None,
    };
    let filter =
        || EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let format = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = match lines {
        Lines::Plain => format.with_target(false).with_filter(filter()).boxed(),
        Lines::Json => format.json().with_filter(filter()).boxed(),
    };
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("tidemill"))
            .with_filter(EnvFilter::new(
                "off,tidemill_worker=info,tidemill_cli=info,tidemill_operator=info",
            ))
    });
    tracing_subscriber::registry()
        .with(logs)
        .with(spans)
        .try_init()
        .map_err(|e| format!("telemetry was started twice: {e}"))?;
    Ok(Telemetry { provider })
}

fn exporter(service: &str, endpoint: &str) -> Result<SdkTracerProvider, String> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client()?)
        .build()
        .map_err(|e| format!("OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}: {e}"))?;
    let resource = opentelemetry_sdk::Resource::builder()
        .with_service_name(service.to_owned())
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// A client for the collector. Its own default is one that cannot be made before there is a provider of cryptography.
fn client() -> Result<reqwest::blocking::Client, String> {
    tls::provide();
    // It waits for a thread of its own, which it may not where a runtime's tasks are run.
    let made = std::thread::spawn(|| reqwest::blocking::Client::builder().build());
    let made = made.join().map_err(|_| "no thread for it".to_owned());
    made.and_then(|made| made.map_err(|e| e.to_string()))
        .map_err(|e| format!("OTLP: no HTTP client can be made: {e}"))
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take() {
            // A collector that is gone must not keep the process from ending.
            let _ = provider.shutdown();
        }
    }
}

/// The W3C `traceparent` of a span; `None` when nothing is exported.
#[must_use]
pub fn traceparent(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        let flags = span.trace_flags().to_u8();
        format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id())
    })
}

/// Makes a span a child of another, which may have ended.
pub fn continues(span: &tracing::Span, parent: &tracing::Span) {
    // A span that is not exported has no context to change.
    let _ = span.set_parent(parent.context());
}

/// Makes the current span a child of the trace that a record's `traceparent` header names; nothing on a header that
/// is not one.
pub fn follow(traceparent: &str) {
    if let Some(parent) = parse(traceparent) {
        let context = opentelemetry::Context::new().with_remote_span_context(parent);
        // A span that is not exported has no context to change.
        let _ = tracing::Span::current().set_parent(context);
    }
}

fn parse(text: &str) -> Option<opentelemetry::trace::SpanContext> {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2
        || version == "ff"
        || trace.len() != 32
        || span.len() != 16
        || flags.len() != 2
    {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_the_w3c_says() {
        let context = parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let context = context.map(|c| {
            (
                c.trace_id().to_string(),
                c.span_id().to_string(),
                c.is_sampled(),
            )
        });
        let expected = (
            "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            "00f067aa0ba902b7".to_owned(),
            true,
        );
        assert_eq!(context, Some(expected));
    }

    #[test]
    fn what_is_no_traceparent_is_passed_over() {
        for text in [
            "",
            "00",
            "hello",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bé-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
