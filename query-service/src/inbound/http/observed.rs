//! What every query's request goes through first: a span that continues the caller's trace, a bound on its head, a
//! measurement of its answer.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, ResponseError as _, web};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::problem::{Problem, ProblemKind};
use super::query_api::AnswerLag;
use crate::inbound::health::Health;
use crate::telemetry::traceparent;

/// `route` is the path's pattern: a label with few values, unlike the path.
pub async fn observe(
    route: &'static str,
    max_head_bytes: usize,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.name = route,
        http.request.method = request.method().as_str(),
        http.route = route,
        http.response.status_code = Empty,
        trace_id = Empty,
    );
    if let Some(header) = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
    {
        traceparent::continue_from(&span, header);
        if let Some(trace_id) = traceparent::trace_id(header) {
            span.record("trace_id", trace_id);
        }
    }
    let stopping = request
        .app_data::<web::Data<Health>>()
        .is_some_and(|health| health.is_stopping());
    let answer = match bound_head(&request, max_head_bytes) {
        Err(problem) => Ok(request.into_response(problem.error_response())),
        Ok(()) => next
            .call(request)
            .instrument(span.clone())
            .await
            .map(ServiceResponse::map_into_boxed_body),
    };
    let mut answer = answer?;
    let lag = answer.request().extensions().get::<AnswerLag>().copied();
    if let Some((name, value)) = lag.map(AnswerLag::header)
        && let Ok(value) = HeaderValue::try_from(value)
    {
        answer.headers_mut().insert(name, value);
    }
    if stopping {
        // The client takes its next request elsewhere, instead of meeting a connection that is being closed.
        answer
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let status = answer.status();
    let elapsed = begun.elapsed();
    span.record("http.response.status_code", status.as_u16());
    metrics::histogram!(
        "http_server_request_duration_seconds",
        "route" => route,
        "status" => status_label(status),
    )
    .record(elapsed.as_secs_f64());
    span.in_scope(|| tracing::debug!(status = status.as_u16(), ?elapsed, "answered"));
    Ok(answer)
}

fn bound_head(request: &ServiceRequest, max_bytes: usize) -> Result<(), Problem> {
    let head: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if head + target > max_bytes {
        return Err(Problem::new(
            ProblemKind::HeadTooLarge,
            format!("The request's target and headers may have {max_bytes} bytes."),
        ));
    }
    Ok(())
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        304 => "304",
        400 => "400",
        404 => "404",
        405 => "405",
        410 => "410",
        431 => "431",
        500 => "500",
        503 => "503",
        _ => "other",
    }
}
