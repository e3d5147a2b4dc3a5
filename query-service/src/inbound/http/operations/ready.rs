use actix_web::{HttpResponse, web};

use crate::inbound::health::{Health, Readiness, ReadinessStatus};

/// Whether this process should get requests: its required dependencies answer and it was not asked to stop.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operations",
    responses(
        (status = 200, description = "Ready, with each dependency by name.", body = Readiness),
        (status = 503, description = "A required dependency is down, or the process stops.", body = Readiness),
    )
)]
pub async fn ready(health: web::Data<Health>) -> HttpResponse {
    let readiness = health.readiness().await;
    let mut response = match readiness.status {
        ReadinessStatus::Ready => HttpResponse::Ok(),
        ReadinessStatus::NotReady | ReadinessStatus::Stopping => HttpResponse::ServiceUnavailable(),
    };
    response.json(readiness)
}
