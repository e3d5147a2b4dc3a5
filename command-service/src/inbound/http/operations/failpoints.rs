//! Sets fail points of a running process. Served in builds for tests only, and not part of the API that is documented.

use actix_web::{HttpResponse, web};

/// `PUT` with an action such as `1*return`, `5%return` or `off`.
pub async fn set(name: web::Path<String>, action: String) -> HttpResponse {
    match fail::cfg(name.into_inner(), &action) {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(cause) => HttpResponse::BadRequest().body(cause),
    }
}

pub fn configure(app: &mut web::ServiceConfig) {
    app.route("/test/failpoints/{name}", web::put().to(set));
}
