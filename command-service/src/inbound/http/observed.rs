//! What every command's request goes through first: a span that continues the caller's trace, a correlation id, a bound
//! on its head, a measurement of its answer.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::admission::Admission;
use super::problem::{Problem, ProblemKind};
use super::request_context::{CORRELATION_ID, RequestContext, correlation_id};
use crate::application::ports::Ids;
use crate::inbound::health::Health;
use crate::telemetry::traceparent;

/// What a path's observation needs beside the request.
pub struct Observed<I> {
    /// The path's pattern: a label with few values, unlike the path.
    pub route: &'static str,
    pub max_head_bytes: usize,
    /// The methods that take no command without `If-Match`.
    pub if_match_needed: Vec<Method>,
    pub ids: Arc<I>,
    pub health: Arc<Health>,
    pub admission: Arc<Admission>,
}

pub async fn observe<I: Ids>(
    observed: Rc<Observed<I>>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Observed {
        route,
        max_head_bytes,
        if_match_needed,
        ids,
        health,
        admission,
    } = &*observed;
    let (route, max_head_bytes) = (*route, *max_head_bytes);
    let started = Instant::now();
    let method = method_label(&request);
    let span = tracing::info_span!(
        target: traceparent::ROOT_SPANS,
        "request",
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        correlation_id = Empty,
    );
    if let Some(header) = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
    {
        traceparent::continue_from(&span, header);
    }
    let command_id = ids.next();
    let given = bound_head(&request, max_head_bytes).and_then(|()| correlation_id(request.request()));
    let answered = given.as_ref().ok().copied().flatten().unwrap_or(command_id);
    let given = given.and_then(|given| {
        admission.look()?;
        if *request.method() != Method::GET {
            admission.may_add(false)?;
        }
        Ok(given)
    });
    span.record("correlation_id", tracing::field::display(answered));

    let answer = match given {
        Err(problem) => Ok(request.into_response(problem.error_response())),
        Ok(correlation_id) => {
            request.extensions_mut().insert(RequestContext {
                command_id,
                correlation_id,
                traceparent: traceparent::of(&span),
                needs_if_match: if_match_needed.contains(request.method()),
            });
            next.call(request)
                .instrument(span.clone())
                .await
                .map(ServiceResponse::map_into_boxed_body)
        }
    };
    let mut answer = answer?;
    if let Ok(value) = HeaderValue::try_from(answered.to_string()) {
        answer.headers_mut().insert(CORRELATION_ID, value);
    }
    if health.is_stopping() {
        // The client sends its next request over another connection, to another process.
        answer
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let status = answer.status();
    let elapsed = started.elapsed();
    span.record("http.response.status_code", status.as_u16());
    record(method, route, status, elapsed);
    span.in_scope(|| tracing::debug!(status = status.as_u16(), ?elapsed, "answered"));
    Ok(answer)
}

/// What is left of it for paths that take no command: its measurement.
pub async fn measure(
    route: &'static str,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let method = method_label(&request);
    let answer = next.call(request).await?.map_into_boxed_body();
    record(method, route, answer.status(), started.elapsed());
    Ok(answer)
}

fn record(method: &'static str, route: &'static str, status: StatusCode, elapsed: Duration) {
    metrics::histogram!(
        "http_server_request_duration_seconds",
        "method" => method,
        "route" => route,
        "status" => status_label(status),
    )
    .record(elapsed.as_secs_f64());
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

fn method_label(request: &ServiceRequest) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        201 => "201",
        202 => "202",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        412 => "412",
        413 => "413",
        415 => "415",
        422 => "422",
        428 => "428",
        431 => "431",
        500 => "500",
        503 => "503",
        _ => "other",
    }
}
