use actix_web::HttpResponse;

use crate::telemetry::prometheus;

#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "Metrics in Prometheus' text format.", body = String, content_type = "text/plain"))
)]
pub async fn metrics() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(prometheus::handle().render())
}
