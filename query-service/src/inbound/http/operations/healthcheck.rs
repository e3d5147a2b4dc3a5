use std::fmt::Write as _;

use actix_web::{HttpResponse, web};

use crate::inbound::health::{DependencyStatus, Health};

/// The state of this process for people. Always 200: the page is about failures, it is not one.
#[utoipa::path(
    get,
    path = "/healthcheck",
    tag = "operations",
    responses((status = 200, description = "A page with role, version, uptime, dependencies and lag.", body = String, content_type = "text/html"))
)]
pub async fn healthcheck(health: web::Data<Health>) -> HttpResponse {
    let readiness = health.readiness().await;
    let mut rows = String::new();
    let mut row = |name: &str, value: &str, good: bool| {
        let class = if good { "good" } else { "bad" };
        _ = write!(rows, "<tr><th>{name}</th><td class=\"{class}\">{value}</td></tr>");
    };
    row("role", health.role.as_str(), true);
    row("version", env!("CARGO_PKG_VERSION"), true);
    row("uptime", &format!("{} s", health.uptime().as_secs()), true);
    row("status", readiness.status.as_str(), true);
    for dependency in &readiness.dependencies {
        let up = dependency.status == DependencyStatus::Up;
        let value = match (up, dependency.required) {
            (true, _) => format!("up, {:.1} ms", dependency.latency_ms),
            (false, true) => "down".to_owned(),
            (false, false) => "down (not needed to be ready)".to_owned(),
        };
        row(dependency.name, &value, up);
    }
    for (name, figure) in health.figures() {
        row(name, &figure, true);
    }
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">\
         <title>query-service</title><style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem}}\
         th{{text-align:left;padding-right:2rem}}.bad{{color:#b00020}}</style></head>\
         <body><h1>query-service</h1><table>{rows}</table>\
         <p><a href=\"/docs/\">API</a> · <a href=\"/metrics\">metrics</a> · <a href=\"/health/ready\">readiness</a></p>\
         </body></html>"
    ))
}
