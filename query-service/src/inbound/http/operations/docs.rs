//! The browsable page of the API; its assets are in the binary.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::inbound::http::routes::resource;

pub fn configure(app: &mut web::ServiceConfig) {
    app.service(resource("/docs", to_folder))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")));
}

/// The page's assets are relative to the folder.
async fn to_folder() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/docs/"))
        .finish()
}
