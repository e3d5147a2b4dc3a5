use actix_web::HttpResponse;

/// Answers while the process runs, whatever its dependencies do: a restart would not mend those.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "operations",
    responses((status = 200, description = "The process runs.", body = String, content_type = "text/plain", example = "live"))
)]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("live")
}
