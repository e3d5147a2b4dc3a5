//! What is known about a request before its body is read.

use actix_web::http::header::HeaderName;
use actix_web::{HttpMessage as _, HttpRequest};
use uuid::Uuid;

use super::problem::{Problem, ProblemKind};

pub const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

/// Put into each command's request by [`super::observed`].
#[derive(Debug, Clone)]
pub struct RequestContext {
    pub command_id: Uuid,
    /// The client's, if it sent one.
    pub correlation_id: Option<Uuid>,
    /// Names the request's span, for what follows from the command.
    pub traceparent: Option<String>,
    /// Whether the path takes no command without a version that it is meant for.
    pub needs_if_match: bool,
}

impl RequestContext {
    pub fn take(request: &HttpRequest) -> Result<Self, Problem> {
        request.extensions_mut().remove::<Self>().ok_or_else(|| {
            tracing::error!("a command's route is not observed");
            Problem::internal_error()
        })
    }
}

/// The client's correlation id, if it sent one.
pub fn correlation_id(request: &HttpRequest) -> Result<Option<Uuid>, Problem> {
    request
        .headers()
        .get(&CORRELATION_ID)
        .map(|value| {
            value
                .to_str()
                .ok()
                .and_then(parse_uuid)
                .ok_or_else(|| Problem::new(ProblemKind::MalformedHeader, "Correlation-Id must be a UUID."))
        })
        .transpose()
}

/// An id in the path. One that is no UUID names nothing that could ever be: 400 rather than 404, which a client might
/// wait out.
pub fn path_id(request: &HttpRequest, name: &'static str) -> Result<Uuid, Problem> {
    request
        .match_info()
        .get(name)
        .and_then(parse_uuid)
        .ok_or_else(|| {
            Problem::new(
                ProblemKind::MalformedId,
                format!("The path's {{{name}}} must be a UUID."),
            )
        })
}

/// The hyphenated form only, in either case.
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| text.parse().ok()).flatten()
}
