//! From a typed command to its answer.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use shared_events::AggregateType;
use utoipa::ToSchema;
use uuid::Uuid;

use super::admission::Admission;
use super::authentication::Authentication;
use super::command_request::Sent;
use super::problem::{Problem, ProblemKind};
use super::request_headers::{PREFERENCE_APPLIED, RESPOND_ASYNC};
use crate::application::UseCases;
use crate::application::bus::{
    Accepted, Answered, Command, CommandBus, CommandError, Context, Decided, Handler,
};
use crate::application::ports::{
    AcceptedCommand, Clock, CommandStore, EventStore, Ids, StoreError, StreamId,
};

pub const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");

/// The adapters behind the bus.
pub trait Wiring: 'static {
    type Store: EventStore + CommandStore;
    type Clock: Clock;
    type Ids: Ids;
}

/// The door to the bus: bounded in how many commands are in work, and for how long.
pub struct CommandApi<W: Wiring> {
    bus: CommandBus<W::Store, W::Clock, W::Ids>,
    store: Arc<W::Store>,
    clock: Arc<W::Clock>,
    pub(super) ids: Arc<W::Ids>,
    pub(super) admission: Arc<Admission>,
    deadline: Duration,
    pub(super) authentication: Arc<Authentication>,
}

impl<W: Wiring> CommandApi<W> {
    pub fn new(
        bus: CommandBus<W::Store, W::Clock, W::Ids>,
        store: Arc<W::Store>,
        clock: Arc<W::Clock>,
        ids: Arc<W::Ids>,
        admission: Arc<Admission>,
        deadline: Duration,
        authentication: Arc<Authentication>,
    ) -> Self {
        Self {
            bus,
            store,
            clock,
            ids,
            admission,
            deadline,
            authentication,
        }
    }

    /// An id for an aggregate that the client gave none.
    pub fn next_id(&self) -> Uuid {
        self.ids.next()
    }

    /// Has the command decided, or accepted to be decided later where the client prefers that.
    pub async fn execute<C>(&self, sent: Sent, command: &C) -> Result<Answer, Problem>
    where
        C: Command,
        UseCases<W::Store>: Handler<C, Answer = Decided>,
    {
        let respond_async = sent.respond_async;
        self.admission.may_add(respond_async)?;
        let context = Context {
            key: sent.key,
            if_match: sent.if_match,
            ..Context::of_client(
                sent.context.command_id,
                self.clock.now(),
                sent.actor,
                sent.context.correlation_id,
                sent.context.traceparent,
            )
        };
        let answered = self
            .bounded(C::TYPE, async {
                match respond_async {
                    true => self.bus.defer(&context, command).await,
                    false => self.bus.execute(&context, command).await,
                }
            })
            .await?;
        Ok(match answered {
            Answered::Accepted(accepted) => Answer::Accepted(accepted),
            Answered::Deferred(deferred) => Answer::Deferred {
                command_id: deferred.command_id,
                command_type: C::TYPE,
            },
        })
    }

    /// A command that was accepted, by whomever.
    pub async fn command(&self, id: Uuid) -> Result<Option<AcceptedCommand>, Problem> {
        let reading = async {
            self.store.command(id).await.map_err(|error| match error {
                StoreError::Unavailable(source) => CommandError::Unavailable(source),
                other => CommandError::Failed(other.into()),
            })
        };
        self.bounded("show-command", reading).await
    }

    async fn bounded<T>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<T, Problem> {
        let _place = self.admission.enter().await?;
        match tokio::time::timeout(self.deadline, work).await {
            Ok(done) => done.map_err(Problem::from),
            Err(_) => {
                tracing::warn!(command = name, deadline = ?self.deadline, "the deadline passed");
                Err(Problem::new(
                    ProblemKind::DeadlineExceeded,
                    "The command took too long. Whether it was carried out is unknown.",
                ))
            }
        }
    }
}

/// What a command's client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Accepted(Accepted),
    /// It will be decided later.
    Deferred {
        command_id: Uuid,
        command_type: &'static str,
    },
}

/// The least that a client needs to go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandAnswer {
    /// The aggregate's id.
    pub id: Uuid,
    /// The aggregate's version after the command.
    #[schema(minimum = 1, example = 3)]
    pub version: u64,
    /// A query that carries it shows at least this version.
    #[schema(example = "order:0190b5a0-0000-7000-8000-000000000000:3")]
    pub consistency_token: String,
}

impl CommandAnswer {
    pub fn of(stream: StreamId, version: u64) -> Self {
        Self {
            id: stream.id,
            version,
            consistency_token: Accepted { stream, version }.token().to_string(),
        }
    }
}

/// The answer to a command that will be decided later. A repeat under the same key is answered in the same words, so that
/// nothing here changes with time.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeferredAnswer {
    /// The command's id.
    pub id: Uuid,
    #[serde(rename = "type")]
    #[schema(example = "submit-order")]
    pub command_type: &'static str,
    /// As it was accepted.
    #[schema(example = "pending")]
    pub status: &'static str,
    /// Always null: `Location` shows it once it is there.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<()>,
}

/// 201 with the place of what was created, where the query service shows it.
pub fn created(answer: Answer) -> HttpResponse {
    let accepted = match answer {
        Answer::Accepted(accepted) => accepted,
        Answer::Deferred {
            command_id,
            command_type,
        } => return deferred(command_id, command_type),
    };
    let collection = match accepted.stream.aggregate {
        AggregateType::Customer => "customers",
        AggregateType::Product => "products",
        AggregateType::Order => "orders",
        AggregateType::Invoice => "invoices",
        AggregateType::OrderForInvoicing => "orders-for-invoicing",
        AggregateType::OrderForDelivery => "orders-for-delivery",
    };
    let mut response = HttpResponse::Created();
    response.insert_header((
        header::LOCATION,
        format!("/v1/{collection}/{}", accepted.stream.id),
    ));
    decided(response, accepted)
}

/// 200.
pub fn done(answer: Answer) -> HttpResponse {
    match answer {
        Answer::Accepted(accepted) => decided(HttpResponse::Ok(), accepted),
        Answer::Deferred {
            command_id,
            command_type,
        } => deferred(command_id, command_type),
    }
}

fn decided(mut response: HttpResponseBuilder, accepted: Accepted) -> HttpResponse {
    let answer = CommandAnswer::of(accepted.stream, accepted.version);
    response
        .insert_header((header::ETAG, format!("\"{}\"", accepted.version)))
        .insert_header((CONSISTENCY_TOKEN, answer.consistency_token.as_str()))
        .json(answer)
}

/// 202 with the place where the outcome will be.
fn deferred(command_id: Uuid, command_type: &'static str) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((header::LOCATION, format!("/v1/commands/{command_id}")))
        .insert_header((PREFERENCE_APPLIED, RESPOND_ASYNC))
        .json(DeferredAnswer {
            id: command_id,
            command_type,
            status: "pending",
            outcome: None,
        })
}
