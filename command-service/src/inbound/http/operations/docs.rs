//! The browsable page of the API; its assets are in the binary.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, SwaggerUi};

pub fn configure(app: &mut web::ServiceConfig) {
    app.service(web::resource("/docs").route(web::get().to(to_folder)))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")));
}

/// The page's assets are relative to the folder.
async fn to_folder() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/docs/"))
        .finish()
}
