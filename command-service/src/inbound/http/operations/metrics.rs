use actix_web::{HttpResponse, web};

use crate::inbound::health::Health;
use crate::telemetry::metrics_handle;

/// Prometheus metrics
///
/// Outbox and queue are measured for each scrape; while the store does not answer, their figures are estimates that grow.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "Metrics in Prometheus' text format.", body = String, content_type = "text/plain"))
)]
pub async fn metrics(health: web::Data<Health>) -> HttpResponse {
    // Measuring the queue sets its gauges.
    tokio::join!(health.backlog(), health.queue());
    health.seen_backlog.tell();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics_handle().render())
}
