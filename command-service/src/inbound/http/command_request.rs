//! A command's request as a whole: who sends it, how it is to be run, and what it says.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use super::authentication::authenticate;
use super::body::{self, Body};
use super::problem::{Problem, ProblemKind};
use super::request_context::{RequestContext, path_id};
use super::request_hash::request_hash;
use super::request_headers::{idempotency_key, if_match, prefers_async};
use crate::application::bus::{Actor, VersionMatch};
use crate::application::ports::IdempotencyKey;

/// Read in this order, the first mistake is answered: who sends it, its headers, its body.
pub struct CommandRequest<B> {
    pub sent: Sent,
    pub body: B,
}

/// All of a command's request but its body.
pub struct Sent {
    pub context: RequestContext,
    pub actor: Actor,
    pub key: Option<IdempotencyKey>,
    pub if_match: Option<VersionMatch>,
    /// Whether the client wants to look for the outcome later.
    pub respond_async: bool,
    request: HttpRequest,
}

impl Sent {
    /// An id in the path.
    pub fn id(&self, name: &'static str) -> Result<Uuid, Problem> {
        path_id(&self.request, name)
    }
}

impl<B: Body> FromRequest for CommandRequest<B> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = body::read(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let actor = authenticate(&request).await?;
            let context = RequestContext::take(&request)?;
            let headers = request.headers();
            let key = idempotency_key(headers)?;
            let if_match = if_match(headers)?;
            if context.needs_if_match && if_match.is_none() {
                return Err(Problem::new(
                    ProblemKind::PreconditionRequired,
                    "If-Match is needed here: the version in quotes that the command is meant for, as an ETag shows it.",
                ));
            }
            B::check(&request)?;
            let text = reading.await?;
            let body = B::parse(&text)?;
            let key = key
                .map(|key| {
                    let target = request
                        .uri()
                        .path_and_query()
                        .map_or("/", |target| target.as_str());
                    let method = request.method().as_str();
                    let request_hash = request_hash(method, target, if_match.as_ref(), &text)?;
                    Ok::<_, Problem>(IdempotencyKey { key, request_hash })
                })
                .transpose()?;
            let respond_async = prefers_async(headers);
            let sent = Sent {
                context,
                actor,
                key,
                if_match,
                respond_async,
                request,
            };
            Ok(Self { sent, body })
        })
    }
}
