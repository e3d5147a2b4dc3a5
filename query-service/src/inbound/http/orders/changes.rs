//! Changes of orders as Server-Sent Events.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::views::OrderView;
use crate::application::ports::OrderSummary;
use crate::application::pushing::{ChangeLog, Positions, Push, PushError, Pushing};
use crate::inbound::http::parameters::{Parameters, path_id};
use crate::inbound::http::problem::{Problem, ProblemBody, ProblemKind};
use crate::inbound::http::query_api::json;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// After which a client that was cut comes again.
const COME_AGAIN_AFTER: Duration = Duration::from_secs(1);

type Opened = Result<BoxStream<'static, Vec<Push>>, PushError>;
type Open = dyn Fn(Option<Uuid>, Option<Positions>) -> BoxFuture<'static, Opened> + Send + Sync;

/// The door to the pushes, without the type of what they are read from.
pub struct ChangesApi {
    open: Box<Open>,
    /// Ends every stream: a server that stops waits for its answers.
    stopping: CancellationToken,
}

impl ChangesApi {
    pub fn new<L: ChangeLog>(pushing: Arc<Pushing<L>>, stopping: CancellationToken) -> Self {
        let open = move |order, resume| -> BoxFuture<'static, Opened> {
            let pushing = pushing.clone();
            Box::pin(async move {
                let pushes = pushing.open(order, resume).await?;
                let pushes = stream::unfold(pushes, |mut pushes| async move {
                    let next = pushes.next().await?;
                    Some((next, pushes))
                });
                Ok(pushes.boxed())
            })
        };
        Self {
            open: Box::new(open),
            stopping,
        }
    }

    async fn answer(&self, request: &HttpRequest, order: Option<Uuid>) -> Result<HttpResponse, Problem> {
        Parameters::of(request).finish()?;
        let resume = last_event_id(request.headers())?;
        let pushes = (self.open)(order, resume).await?;
        let pushes = pushes.take_until(self.stopping.clone().cancelled_owned());
        Ok(HttpResponse::Ok()
            .content_type("text/event-stream")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            // A proxy that collects answers would hold changes back.
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(events(pushes)))
    }
}

/// The data of an event. Lines are what ends it, and JSON on one line has none.
pub fn show(order: &OrderSummary) -> Bytes {
    json(&OrderView::from(order.clone())).map_or_else(|_| Bytes::from_static(b"{}"), Bytes::from)
}

fn events(pushes: impl Stream<Item = Vec<Push>>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let greeting = format!("retry: {}\n\n", COME_AGAIN_AFTER.as_millis());
    stream::iter([Bytes::from(greeting)])
        .chain(pushes.map(|pushes| {
            let mut text = Vec::new();
            for push in pushes {
                write(&mut text, &push);
            }
            Bytes::from(text)
        }))
        .map(Ok)
}

fn write(text: &mut Vec<u8>, push: &Push) {
    let mut head = String::new();
    // Into a string nothing fails.
    match push {
        // Without data no event is dispatched; the client notes the id all the same.
        Push::Position(positions) => {
            _ = write!(head, ": nothing new\nid: {positions}\n\n");
            text.extend_from_slice(head.as_bytes());
        }
        Push::Changed { positions, order } => {
            _ = write!(head, "event: order-changed\nid: {positions}\ndata: ");
            text.extend_from_slice(head.as_bytes());
            text.extend_from_slice(order);
            text.extend_from_slice(b"\n\n");
        }
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Positions>, Problem> {
    let mut given = headers.get_all(&LAST_EVENT_ID);
    let Some(id) = given.next() else {
        return Ok(None);
    };
    let malformed = |cause: String| {
        Problem::new(
            ProblemKind::MalformedHeader,
            format!("Last-Event-ID: {cause}. It is the id of an event as it was given out here."),
        )
    };
    if given.next().is_some() {
        return Err(malformed("may be given once".to_owned()));
    }
    let id = id.to_str().map_err(|_| malformed("not ASCII".to_owned()))?;
    let positions: Result<Positions, _> = id.parse();
    positions.map(Some).map_err(|error| malformed(error.to_string()))
}

impl From<PushError> for Problem {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full => Self::new(
                ProblemKind::Overloaded,
                "As many clients as this replica takes are told of changes. Try again soon.",
            ),
            PushError::Unavailable(cause) => {
                tracing::warn!("changes cannot be pushed: {cause:#}");
                Self::new(
                    ProblemKind::ChangesUnavailable,
                    "The changes cannot be read for now. Try again soon.",
                )
            }
            PushError::Gone => Self::new(
                ProblemKind::ResumePointGone,
                "Changes since this Last-Event-ID are not kept any more. Read the orders, and begin without it.",
            ),
        }
    }
}

/// Changes of all orders, pushed as they are seen.
///
/// Server-Sent Events: `event: order-changed` with the order's summary as `data`. Each event's `id` is where the stream
/// stands; with it as `Last-Event-ID` any replica goes on right behind it. An order may be told of more than once at one
/// version: its names change without it. A comment comes when there was nothing for a while.
#[utoipa::path(
    get,
    path = "/v1/orders/changes",
    tag = "orders",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has; from now on if absent."),
    ),
    responses(
        (status = 200, description = "Events, until the client leaves, falls behind or the service stops.", body = String, content_type = "text/event-stream"),
        (status = 400, description = "`malformed-header`, `invalid-parameter`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 405, description = "`method-not-allowed`, with `Allow`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`resume-point-gone`: what followed is not kept any more.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 431, description = "`head-too-large`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`overloaded`, `changes-unavailable`, with `Retry-After`.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn all_changes(
    request: HttpRequest,
    changes: web::Data<ChangesApi>,
) -> Result<HttpResponse, Problem> {
    changes.answer(&request, None).await
}

/// Changes of one order, pushed as they are seen.
///
/// As `/v1/orders/changes`, of this order only. Nothing is said of an order that is not there, until it is.
#[utoipa::path(
    get,
    path = "/v1/orders/{id}/changes",
    tag = "orders",
    params(
        ("id" = Uuid, Path, description = "The order."),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has; from now on if absent."),
    ),
    responses(
        (status = 200, description = "Events, until the client leaves, falls behind or the service stops.", body = String, content_type = "text/event-stream"),
        (status = 400, description = "`malformed-id`, `malformed-header`, `invalid-parameter`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 405, description = "`method-not-allowed`, with `Allow`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`resume-point-gone`: what followed is not kept any more.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 431, description = "`head-too-large`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`overloaded`, `changes-unavailable`, with `Retry-After`.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn order_changes(
    request: HttpRequest,
    changes: web::Data<ChangesApi>,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id")?;
    changes.answer(&request, Some(id)).await
}
