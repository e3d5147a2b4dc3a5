use actix_web::{HttpResponse, web};

use crate::inbound::health::Health;
use crate::telemetry::metrics_handle;

/// The outbox is measured when it is asked for, so that the figures are never older than the scrape.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "Metrics in Prometheus' text format.", body = String, content_type = "text/plain"))
)]
pub async fn metrics(health: web::Data<Health>) -> HttpResponse {
    let backlog = health.backlog().await;
    // Not a number, rather than an old one, where the store does not answer.
    metrics::gauge!("outbox_depth_rows").set(backlog.map_or(f64::NAN, |backlog| backlog.rows as f64));
    metrics::gauge!("outbox_oldest_age_seconds")
        .set(backlog.map_or(f64::NAN, |backlog| backlog.oldest_seconds));
    if let Some(leases) = health.leases() {
        metrics::gauge!("relay_leases_owned").set(leases.len() as f64);
    }
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics_handle().render())
}
