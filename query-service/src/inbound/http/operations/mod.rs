//! What operators and their tools ask; served by every role, never shed.

use actix_web::web;

pub mod docs;
#[cfg(feature = "failpoints")]
mod failpoints;
pub mod healthcheck;
pub mod live;
pub mod metrics;
pub mod openapi;
pub mod ready;

use super::routes::resource;

pub fn configure(app: &mut web::ServiceConfig) {
    app.service(resource("/health/live", live::live))
        .service(resource("/health/ready", ready::ready))
        .service(resource("/healthcheck", healthcheck::healthcheck))
        .service(resource("/metrics", metrics::metrics))
        .service(resource("/openapi.json", openapi::openapi))
        .configure(docs::configure);
    #[cfg(feature = "failpoints")]
    app.configure(failpoints::configure);
}
