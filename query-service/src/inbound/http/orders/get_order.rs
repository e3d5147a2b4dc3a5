use std::sync::Arc;

use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use sha2::{Digest as _, Sha256};
use shared_events::{AggregateType, ConsistencyToken};

use super::views::OrderDetailView;
use crate::application::queries::get_order::GetOrder;
use crate::inbound::http::consistency::{CONSISTENCY_TOKEN, PROJECTED_VERSION};
use crate::inbound::http::parameters::{Parameters, path_id};
use crate::inbound::http::problem::{Problem, ProblemBody};
use crate::inbound::http::query_api::{QueryApi, json};

/// One order with its lines.
///
/// Kept in memory for a while and read anew when it changes; with a token never older than that.
#[utoipa::path(
    get,
    path = "/v1/orders/{id}",
    tag = "orders",
    params(
        ("id" = Uuid, Path, description = "The order."),
        ("Consistency-Token" = Option<String>, Header, description = "From a command's answer: wait until the answer includes that version of that aggregate."),
        ("Prefer" = Option<String>, Header, description = "`wait=<seconds>`: how long to wait for the token; 2 if absent, 30 at most."),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` that the client has: 304 if it still holds."),
    ),
    responses(
        (status = 200, description = "The order.", body = OrderDetailView, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "Names the order at the version shown."),
            ("Projected-Version" = u64, description = "The version of the document."),
            ("Projection-Lag" = f64, description = "Seconds by which the projection is behind; absent while that is not known."),
            ("Age" = u64, description = "Seconds since the store was asked, of an answer from memory."),
        )),
        (status = 304, description = "The client has this representation."),
        (status = 400, description = "`malformed-id`, `malformed-token`, `malformed-header`, `invalid-parameter`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 405, description = "`method-not-allowed`, with `Allow`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 431, description = "`head-too-large`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "`internal-error`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`not-yet-visible`, `overloaded`, `unavailable`, `deadline-exceeded`, with `Retry-After`.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn get_order(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request)?;
    Parameters::of(&request).finish()?;
    let shown = api.ask(&request, &GetOrder { id }).await?;
    let version = shown.order.version;
    let token = ConsistencyToken {
        aggregate: AggregateType::Order,
        id,
        version,
    };
    let body = json(&OrderDetailView::from(Arc::unwrap_or_clone(shown.order)))?;
    let etag = etag(&body);
    let not_modified = holds(request.headers(), &etag);
    let mut response = match not_modified {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response
        .insert_header((header::ETAG, etag))
        .insert_header((CONSISTENCY_TOKEN, token.to_string()))
        .insert_header((PROJECTED_VERSION, version))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    if shown.age.as_secs() > 0 {
        response.insert_header((header::AGE, shown.age.as_secs()));
    }
    if not_modified {
        return Ok(response.finish());
    }
    Ok(response.content_type("application/json").body(body))
}

/// Names change without the order's version, so the version alone does not tell two representations apart.
fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let digits: String = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

fn holds(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|values| values.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}
