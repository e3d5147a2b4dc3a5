//! What operators and their tools ask; served by every role, never shed.

use actix_web::web;

pub mod docs;
pub mod healthcheck;
pub mod live;
pub mod metrics;
pub mod openapi;
pub mod ready;

use super::routes::{get, resource};

pub fn configure(app: &mut web::ServiceConfig) {
    app.service(resource("/health/live", [get(live::live)]))
        .service(resource("/health/ready", [get(ready::ready)]))
        .service(resource("/healthcheck", [get(healthcheck::healthcheck)]))
        .service(resource("/metrics", [get(metrics::metrics)]))
        .service(resource("/openapi.json", [get(openapi::openapi)]))
        .configure(docs::configure);
}
