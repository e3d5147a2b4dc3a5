//! Every refusal of the API as a problem detail (RFC 9457).

use std::borrow::Cow;
use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::application::freshness::NotYetVisible;
use crate::application::ports::StoreError;
use crate::application::queries::get_delivery::NoDelivery;
use crate::application::queries::get_order_as_of::NotThen;
use crate::application::queries::lists::UnusableCursor;
use crate::application::queries::order_history::NoHistory;
use crate::application::queries::{NotFound, QueryError};

pub const MEDIA_TYPE: &str = "application/problem+json";

/// After how many seconds a 503 may be tried again.
const RETRY_AFTER_SECONDS: &str = "1";

/// Declares the kinds: their stable type, their status, their title.
macro_rules! problem_kinds {
    ($($(#[$meta:meta])* $kind:ident = $slug:literal, $status:ident, $title:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemKind { $($(#[$meta])* $kind),* }

        impl ProblemKind {
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The stable, relative URI that names the kind.
            pub const fn type_uri(self) -> &'static str {
                match self { $(Self::$kind => concat!("/problems/", $slug)),* }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status),* }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title),* }
            }
        }
    };
}

problem_kinds! {
    MalformedId = "malformed-id", BAD_REQUEST, "An id in the path is not a UUID";
    MalformedHeader = "malformed-header", BAD_REQUEST, "A header is malformed";
    MalformedToken = "malformed-token", BAD_REQUEST, "The consistency token is malformed";
    InvalidParameter = "invalid-parameter", BAD_REQUEST, "A parameter is unknown or its value is not valid";
    ForgedCursor = "forged-cursor", BAD_REQUEST, "The cursor was not given out for this query";
    UnknownPath = "unknown-path", NOT_FOUND, "There is nothing at this path";
    NotFound = "not-found", NOT_FOUND, "What the path names does not exist";
    UnknownVersion = "unknown-version", NOT_FOUND, "The order has no such version";
    NotYetCreated = "not-yet-created", NOT_FOUND, "The order did not exist yet at that time";
    CursorExpired = "cursor-expired", GONE, "The cursor's point in time is gone";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    ResumePointGone = "resume-point-gone", GONE, "What followed is not kept any more";
    HeadTooLarge = "head-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large";
    InternalError = "internal-error", INTERNAL_SERVER_ERROR, "Something went wrong here";
    NotYetVisible = "not-yet-visible", SERVICE_UNAVAILABLE, "What the token names cannot be seen yet";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too many queries are in work";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The document store is unavailable";
    ChangesUnavailable = "changes-unavailable", SERVICE_UNAVAILABLE, "The changes cannot be read";
    DeadlineExceeded = "deadline-exceeded", SERVICE_UNAVAILABLE, "The query took too long";
}

/// One parameter and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidParameter {
    #[schema(example = "limit")]
    pub parameter: String,
    pub detail: String,
}

/// A refusal, with what its answer needs beside its kind.
#[derive(Debug, Clone)]
pub struct Problem {
    pub kind: ProblemKind,
    pub detail: Cow<'static, str>,
    pub errors: Vec<InvalidParameter>,
    /// Of a 405.
    pub allow: Option<&'static str>,
    pub not_yet_visible: Option<Box<NotYetVisible>>,
    /// Where another version was asked for.
    pub current_version: Option<u64>,
}

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            allow: None,
            not_yet_visible: None,
            current_version: None,
        }
    }

    pub fn method_not_allowed(allowed: &'static str) -> Self {
        Self {
            allow: Some(allowed),
            ..Self::new(ProblemKind::MethodNotAllowed, format!("Allowed are: {allowed}."))
        }
    }

    pub fn invalid_parameters(errors: Vec<InvalidParameter>) -> Self {
        let details: Vec<String> = errors
            .iter()
            .map(|error| format!("{}: {}", error.parameter, error.detail))
            .collect();
        Self {
            errors,
            ..Self::new(ProblemKind::InvalidParameter, details.join("; "))
        }
    }
}

/// What every query may be refused for, in one place.
impl<R: Into<Problem>> From<QueryError<R>> for Problem {
    fn from(error: QueryError<R>) -> Self {
        match error {
            QueryError::Refused(refusal) => refusal.into(),
            QueryError::NotYetVisible(state) => Self {
                not_yet_visible: Some(Box::new(state)),
                ..Self::new(
                    ProblemKind::NotYetVisible,
                    format!(
                        "{state}; version {} can. Ask again, or wait longer with Prefer: wait=.",
                        state.seen
                    ),
                )
            },
            QueryError::TooManyWaiting => Self::new(
                ProblemKind::Overloaded,
                "As many queries as may wait for a consistency token do so. Try again soon.",
            ),
            QueryError::TooManyPoints => Self::new(
                ProblemKind::Overloaded,
                "As many walks by cursor as this service takes are under way. Try again soon.",
            ),
            QueryError::DeadlineExceeded => Self::new(
                ProblemKind::DeadlineExceeded,
                "The query was given up because it took too long. Try again soon.",
            ),
            QueryError::Store(StoreError::Unavailable(_)) => Self::new(
                ProblemKind::Unavailable,
                "The document store does not answer or takes no more for now. Try again soon.",
            ),
            // The cause is in the logs, where it was met.
            QueryError::Store(StoreError::Failed(_)) => {
                Self::new(ProblemKind::InternalError, "The query failed.")
            }
        }
    }
}

impl From<NotFound> for Problem {
    fn from(refusal: NotFound) -> Self {
        Self::new(ProblemKind::NotFound, format!("{refusal}."))
    }
}

impl From<NoDelivery> for Problem {
    fn from(refusal: NoDelivery) -> Self {
        Self::new(ProblemKind::NotFound, format!("{refusal}."))
    }
}

impl From<NoHistory> for Problem {
    fn from(refusal: NoHistory) -> Self {
        match refusal {
            NoHistory::NotFound(refusal) => refusal.into(),
            NoHistory::Cursor(refusal) => refusal.into(),
        }
    }
}

impl From<NotThen> for Problem {
    fn from(refusal: NotThen) -> Self {
        let kind = match refusal {
            NotThen::NoOrder(_) => ProblemKind::NotFound,
            NotThen::NoVersion { .. } => ProblemKind::UnknownVersion,
            NotThen::Before(_) => ProblemKind::NotYetCreated,
        };
        let current_version = match refusal {
            NotThen::NoVersion { current, .. } => Some(current),
            NotThen::NoOrder(_) | NotThen::Before(_) => None,
        };
        Self {
            current_version,
            ..Self::new(kind, format!("{refusal}."))
        }
    }
}

impl From<UnusableCursor> for Problem {
    fn from(refusal: UnusableCursor) -> Self {
        let kind = match refusal {
            UnusableCursor::Forged(_) => ProblemKind::ForgedCursor,
            UnusableCursor::Expired | UnusableCursor::Outdated => ProblemKind::CursorExpired,
        };
        Self {
            errors: vec![InvalidParameter {
                parameter: "cursor".to_owned(),
                detail: refusal.to_string(),
            }],
            ..Self::new(kind, format!("{refusal}."))
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.type_uri(), self.detail)
    }
}

impl std::error::Error for Problem {}

/// A problem detail (RFC 9457). `type` is stable; `title` and `detail` are for people.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid-parameter")]
    kind: &'a str,
    title: &'a str,
    #[schema(example = 400)]
    status: u16,
    detail: &'a str,
    /// Which parameters are wrong, if they are.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [InvalidParameter],
    /// Of `not-yet-visible`: what was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency_token: Option<String>,
    /// Of `not-yet-visible`: the version that can be seen, 0 if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_seen: Option<u64>,
    /// Of `unknown-version`: the last version there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<u64>,
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.kind.status();
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if let Some(methods) = self.allow {
            response.insert_header((header::ALLOW, methods));
        }
        response.json(ProblemBody {
            kind: self.kind.type_uri(),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
            consistency_token: self.not_yet_visible.as_ref().map(|state| state.token.to_string()),
            version_seen: self.not_yet_visible.as_ref().map(|state| state.seen),
            current_version: self.current_version,
        })
    }
}
