//! Logs, traces and metrics of this process.
//!
//! Spans get valid ids whether or not they are exported, so that every event carries a trace context. Without an OTLP
//! endpoint nothing is recorded, and only a caller's sampling decision is passed on.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{LogFormat, TelemetrySettings};

mod in_work;
pub mod traceparent;

pub use in_work::InWork;

/// Buckets of every duration, in seconds: a command takes about a millisecond, its deadline is ten seconds.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Their spans would be about the export itself, and would cause more of it.
const NOT_TRACED: [&str; 5] = ["h2", "hyper", "hyper_util", "tonic", "tower"];

/// Flushes what is left when it is shut down.
pub struct Telemetry {
    tracer_provider: SdkTracerProvider,
}

/// Installs the process's subscriber and metrics recorder. Call it within a runtime that has more than one worker:
/// tonic's exporter can dead-lock on a single one (opentelemetry-rust 2715).
pub fn init(settings: &TelemetrySettings, role: &'static str) -> anyhow::Result<Telemetry> {
    metrics_handle();
    let tracer_provider = tracer_provider(settings, role)?;
    let traced = Targets::new()
        .with_default(match settings.otlp_endpoint {
            Some(_) => LevelFilter::INFO,
            // Ids are wanted for the roots only: the rest of the spans would be made for nobody.
            None => LevelFilter::OFF,
        })
        .with_target(traceparent::ROOT_SPANS, LevelFilter::INFO)
        .with_targets(NOT_TRACED.map(|target| (target, LevelFilter::OFF)));
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer_provider.tracer("command-service"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(traced);
    let filter = EnvFilter::try_new(&settings.log).context("telemetry.log")?;
    let lines = tracing_subscriber::fmt::layer();
    let lines = match settings.log_format {
        LogFormat::Text => lines.with_ansi(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry()
        .with(spans)
        .with(lines)
        .try_init()
        .context("a subscriber is installed already")?;
    Ok(Telemetry { tracer_provider })
}

fn tracer_provider(settings: &TelemetrySettings, role: &'static str) -> anyhow::Result<SdkTracerProvider> {
    let resource = Resource::builder()
        .with_service_name("command-service")
        .with_attribute(opentelemetry::KeyValue::new(
            "service.version",
            env!("CARGO_PKG_VERSION"),
        ))
        .with_attribute(opentelemetry::KeyValue::new("service.role", role))
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    Ok(match &settings.otlp_endpoint {
        Some(endpoint) => {
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .with_timeout(Duration::from_secs(5))
                .build()
                .context("telemetry.otlp_endpoint")?;
            builder
                .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                    settings.sample_ratio,
                ))))
                .with_batch_exporter(exporter)
                .build()
        }
        None => builder
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
            .build(),
    })
}

impl Telemetry {
    /// Sends the spans that are left. Blocking inside, so it leaves the async threads; bounded, so that a collector
    /// that hangs does not hold the process.
    pub async fn shut_down(self) {
        let provider = self.tracer_provider;
        let stopped =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(Duration::from_secs(3))).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "some spans were not exported");
        }
    }
}

/// The process's metrics, as Prometheus reads them. The recorder is global to a process and so is this.
pub fn metrics_handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            // Only an empty list of buckets is refused.
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed: /metrics stays empty");
        }
        handle
    })
}
