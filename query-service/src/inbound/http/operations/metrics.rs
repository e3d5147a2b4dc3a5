use actix_web::{HttpResponse, web};

use crate::inbound::health::Health;
use crate::telemetry::prometheus;

#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "Metrics in Prometheus' text format.", body = String, content_type = "text/plain"))
)]
pub async fn metrics(health: web::Data<Health>) -> HttpResponse {
    // Lag is told as it is at the time of the scrape.
    health.set_gauges();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(prometheus::handle().render())
}
