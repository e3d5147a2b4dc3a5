//! Every refusal of the API as a problem detail (RFC 9457). Its kinds are listed in `docs/problems.md`.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

pub const MEDIA_TYPE: &str = "application/problem+json";

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

            /// The last part of the type: the name that a refusal is recorded under.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$kind => $slug),* }
            }

            pub fn of_slug(slug: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.slug() == slug)
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
    MalformedJson = "malformed-json", BAD_REQUEST, "The body is not JSON";
    MalformedId = "malformed-id", BAD_REQUEST, "An id in the path is not a UUID";
    MalformedHeader = "malformed-header", BAD_REQUEST, "A header is malformed";
    MalformedRequest = "malformed-request", BAD_REQUEST, "The request is malformed";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A valid bearer token is needed";
    Forbidden = "forbidden", FORBIDDEN, "The token does not grant this";
    UnknownPath = "unknown-path", NOT_FOUND, "There is nothing at this path";
    NotFound = "not-found", NOT_FOUND, "What the path names does not exist";
    ItemNotInOrder = "item-not-in-order", NOT_FOUND, "The order has no such item";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    SlowClient = "slow-client", REQUEST_TIMEOUT, "The request took too long to arrive";
    AlreadyExists = "already-exists", CONFLICT, "There is one with this id already";
    IdempotencyKeyInFlight = "idempotency-key-in-flight", CONFLICT, "The first command under this key still runs";
    VersionConflict = "version-conflict", CONFLICT, "Others kept changing it at the same time";
    NotADraft = "not-a-draft", CONFLICT, "The order is no longer a draft";
    IllegalTransition = "illegal-transition", CONFLICT, "The order's status does not allow it";
    EmptyOrder = "empty-order", CONFLICT, "The order has no items";
    PriceChanged = "price-changed", CONFLICT, "The price is not the expected one";
    PriceDiffersFromLine = "price-differs-from-line", CONFLICT, "The order has this product at another price";
    ProductDiscontinued = "product-discontinued", CONFLICT, "The product is discontinued";
    Overpayment = "overpayment", CONFLICT, "The payment is more than is left to pay";
    InvoiceCredited = "invoice-credited", CONFLICT, "The invoice was taken back by a credit note";
    PreconditionFailed = "precondition-failed", PRECONDITION_FAILED, "It is at another version";
    PreconditionRequired = "precondition-required", PRECONDITION_REQUIRED, "If-Match is needed here";
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The media type is not supported";
    InvalidBody = "invalid-body", UNPROCESSABLE_ENTITY, "The body is not what this command takes";
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The key was used for another request";
    TooManyItems = "too-many-items", UNPROCESSABLE_ENTITY, "The command has too many items";
    UnknownReference = "unknown-reference", UNPROCESSABLE_ENTITY, "What the body names does not exist";
    CurrencyMismatch = "currency-mismatch", UNPROCESSABLE_ENTITY, "The order or the invoice has another currency";
    TooManyLines = "too-many-lines", UNPROCESSABLE_ENTITY, "The order would have too many lines";
    QuantityTooLarge = "quantity-too-large", UNPROCESSABLE_ENTITY, "The line would have too many pieces";
    AmountOverflow = "amount-overflow", UNPROCESSABLE_ENTITY, "The total would be too large";
    HeadTooLarge = "head-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large";
    InternalError = "internal-error", INTERNAL_SERVER_ERROR, "Something went wrong here";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too many commands are in work";
    OutboxFull = "outbox-full", SERVICE_UNAVAILABLE, "Too many events wait to be published";
    QueueFull = "queue-full", SERVICE_UNAVAILABLE, "Too many commands wait to be decided";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The event store is unavailable";
    DeadlineExceeded = "deadline-exceeded", SERVICE_UNAVAILABLE, "The command took too long";
}

/// One place in the body and what is wrong with it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InvalidField {
    /// A JSON pointer as a URI fragment.
    #[schema(example = "#/items/0/quantity")]
    pub pointer: String,
    pub detail: String,
}

/// A refusal, with what its answer needs beside its kind.
#[derive(Debug, Clone)]
pub struct Problem {
    pub kind: ProblemKind,
    pub detail: Cow<'static, str>,
    /// Where in the body the mistakes are.
    pub errors: Vec<InvalidField>,
    /// What the status needs: `Allow` of a 405, `WWW-Authenticate` of a 401.
    pub header: Option<(HeaderName, String)>,
}

/// After how many seconds a 503, or a key that is in flight, may be tried again.
const RETRY_AFTER_SECONDS: &str = "1";

/// The same of what is full until a server comes back.
const RETRY_AFTER_SECONDS_FULL: &str = "5";

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            header: None,
        }
    }

    /// Reveals nothing; the cause is logged where it is met.
    pub fn internal_error() -> Self {
        Self::new(
            ProblemKind::InternalError,
            "The command failed; its Correlation-Id finds it in the logs.",
        )
    }

    pub fn method_not_allowed(allowed: &str) -> Self {
        Self {
            header: Some((header::ALLOW, allowed.to_owned())),
            ..Self::new(ProblemKind::MethodNotAllowed, format!("Allowed are: {allowed}."))
        }
    }

    /// Nobody is known to send the request; `challenge` is what `WWW-Authenticate` says of it.
    pub fn unauthenticated(detail: impl Into<Cow<'static, str>>, challenge: String) -> Self {
        Self {
            header: Some((header::WWW_AUTHENTICATE, challenge)),
            ..Self::new(ProblemKind::Unauthenticated, detail)
        }
    }

    /// The token does not grant `scope`.
    pub fn forbidden(scope: &str) -> Self {
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        Self {
            header: Some((header::WWW_AUTHENTICATE, challenge)),
            ..Self::new(ProblemKind::Forbidden, format!("The scope {scope} is needed."))
        }
    }

    /// As JSON.
    pub fn body(&self) -> ProblemBody<'_> {
        ProblemBody {
            kind: self.kind.type_uri(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        }
    }

    /// A refusal of one place in the body.
    pub fn at(kind: ProblemKind, pointer: String, detail: String) -> Self {
        Self {
            errors: vec![InvalidField {
                detail: detail.clone(),
                pointer,
            }],
            ..Self::new(kind, detail)
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
    #[schema(example = "/problems/invalid-body")]
    kind: &'a str,
    title: &'a str,
    #[schema(example = 422)]
    status: u16,
    detail: &'a str,
    /// Where in the body the mistakes are, if they are there.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [InvalidField],
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.kind.status();
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE || self.kind == ProblemKind::IdempotencyKeyInFlight {
            let seconds = match self.kind {
                ProblemKind::OutboxFull | ProblemKind::QueueFull => RETRY_AFTER_SECONDS_FULL,
                _ => RETRY_AFTER_SECONDS,
            };
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.json(self.body())
    }
}
