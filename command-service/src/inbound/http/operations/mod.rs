//! What operators and their tools ask; served by every role, never shed.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{Error, Resource, web};

pub mod docs;
#[cfg(feature = "failpoints")]
mod failpoints;
pub mod healthcheck;
pub mod live;
pub mod metrics;
pub mod openapi;
pub mod ready;

use super::observed::measure;
use super::routes::{MethodRoute, get, resource};

pub fn configure(app: &mut web::ServiceConfig) {
    app.service(measured("/health/live", get(live::live)))
        .service(measured("/health/ready", get(ready::ready)))
        .service(measured("/healthcheck", get(healthcheck::healthcheck)))
        .service(measured("/metrics", get(metrics::metrics)))
        .service(measured("/openapi.json", get(openapi::openapi)))
        .configure(docs::configure);
    #[cfg(feature = "failpoints")]
    app.configure(failpoints::configure);
}

fn measured(
    path: &'static str,
    route: MethodRoute,
) -> Resource<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    resource(path, [route]).wrap(from_fn(move |request, next| measure(path, request, next)))
}
