//! Logs, traces and metrics of this process.
//!
//! Logs go to standard output. Spans are only made for OTLP when an endpoint is set. Metrics are read from `/metrics`.

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{LogFormat, TelemetrySettings};

pub mod prometheus;
pub mod traceparent;

/// The exporter's own work: its spans would cause more of them.
const EXPORTER_TARGETS: [&str; 5] = ["h2", "hyper", "hyper_util", "tonic", "tower"];

/// Flushes what is left when it is shut down.
pub struct Telemetry {
    spans: Option<SdkTracerProvider>,
}

/// Installs the process's subscriber and metrics recorder. Call it within a runtime that has more than one worker:
/// tonic's exporter can dead-lock on a single one (opentelemetry-rust 2715).
pub fn init(settings: &TelemetrySettings, role: &'static str) -> anyhow::Result<Telemetry> {
    prometheus::handle();
    let spans = settings
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| exporter(endpoint, settings.sample_ratio, role))
        .transpose()?;
    let exported = spans.as_ref().map(|provider| {
        let targets = Targets::new()
            .with_default(LevelFilter::INFO)
            .with_targets(EXPORTER_TARGETS.map(|target| (target, LevelFilter::OFF)));
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("query-service"))
            .with_location(false)
            .with_threads(false)
            .with_filter(targets)
    });
    let filter = EnvFilter::try_new(&settings.log).context("telemetry.log")?;
    let lines = tracing_subscriber::fmt::layer();
    let lines = match settings.log_format {
        LogFormat::Text => lines.with_ansi(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry()
        .with(exported)
        .with(lines)
        .try_init()
        .context("a subscriber is installed already")?;
    Ok(Telemetry { spans })
}

fn exporter(endpoint: &str, sample_ratio: f64, role: &'static str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(Duration::from_secs(5))
        .build()
        .context("telemetry.otlp_endpoint")?;
    let resource = Resource::builder()
        .with_service_name("query-service")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.role", role))
        .build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sample_ratio)));
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler)
        .with_batch_exporter(exporter)
        .build())
}

impl Telemetry {
    /// Sends the spans that are left. It blocks inside, so it leaves the async threads; bounded, so that a collector that
    /// hangs does not hold the process.
    pub async fn shut_down(self) {
        let Some(provider) = self.spans else { return };
        let stopped =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(Duration::from_secs(3))).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "some spans were not exported");
        }
    }
}
