use std::fmt::Write as _;

use actix_web::{HttpResponse, web};

use crate::inbound::health::{DependencyStatus, Health};

/// The state of this process for people. Always 200: the page is about failures, it is not one.
#[utoipa::path(
    get,
    path = "/healthcheck",
    tag = "operations",
    responses((status = 200, description = "A page with role, version, uptime, dependencies, outbox and queue.", body = String, content_type = "text/html"))
)]
pub async fn healthcheck(health: web::Data<Health>) -> HttpResponse {
    let (readiness, backlog, queue) = tokio::join!(health.readiness(), health.backlog(), health.queue());
    let mut rows = String::new();
    let mut row = |name: &str, value: &str, good: bool| {
        let class = if good { "good" } else { "bad" };
        _ = write!(rows, "<tr><th>{name}</th><td class=\"{class}\">{value}</td></tr>");
    };
    row("role", health.role.as_str(), true);
    row("version", env!("CARGO_PKG_VERSION"), true);
    row("uptime", &format!("{} s", health.uptime().as_secs()), true);
    row("status", &format!("{:?}", readiness.status), true);
    for dependency in &readiness.dependencies {
        let up = dependency.status == DependencyStatus::Up;
        let value = match (up, dependency.required) {
            (true, _) => format!("up, {:.1} ms", dependency.latency_ms),
            (false, true) => "down".to_owned(),
            (false, false) => "down (not needed to be ready)".to_owned(),
        };
        row(dependency.name, &value, up);
    }
    match backlog {
        Some(backlog) => {
            row("outbox", &format!("{} unpublished", backlog.rows), true);
            row(
                "oldest unpublished",
                &format!("{:.1} s", backlog.oldest_seconds),
                backlog.oldest_seconds < 5.0,
            );
        }
        None => row("outbox", "unknown", false),
    }
    match queue {
        Some(waiting) => {
            let commands: u64 = waiting.iter().map(|waiting| waiting.commands).sum();
            let oldest = waiting
                .iter()
                .map(|waiting| waiting.oldest_seconds)
                .fold(0.0, f64::max);
            row("queue", &format!("{commands} commands"), true);
            row("oldest command", &format!("{oldest:.1} s"), oldest < 5.0);
        }
        None => row("queue", "unknown", false),
    }
    let leases = health.leases();
    for (role, buckets) in &leases {
        row(
            &format!("leases owned, {role}"),
            &format!("{} {buckets:?}", buckets.len()),
            true,
        );
    }
    if leases.is_empty() {
        row(
            "leases owned",
            "none: this process neither relays nor works",
            true,
        );
    }
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">\
         <title>command-service</title><style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem}}\
         th{{text-align:left;padding-right:2rem}}.bad{{color:#b00020}}</style></head>\
         <body><h1>command-service</h1><table>{rows}</table>\
         <p><a href=\"/docs/\">API</a> · <a href=\"/metrics\">metrics</a> · <a href=\"/health/ready\">readiness</a></p>\
         </body></html>"
    ))
}
