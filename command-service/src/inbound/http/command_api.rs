//! From a typed command to its answer.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName};
use serde::Serialize;
use shared_events::AggregateType;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::{Problem, ProblemKind};
use super::request_context::RequestContext;
use crate::application::UseCases;
use crate::application::bus::{Accepted, Actor, Answered, Command, CommandBus, Context, Decided, Handler};
use crate::application::ports::{Clock, CommandStore, EventStore, Ids};

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
    clock: Arc<W::Clock>,
    pub(super) ids: Arc<W::Ids>,
    /// Shared by all workers of the process.
    in_flight: Arc<Semaphore>,
    deadline: Duration,
}

impl<W: Wiring> CommandApi<W> {
    pub fn new(
        bus: CommandBus<W::Store, W::Clock, W::Ids>,
        clock: Arc<W::Clock>,
        ids: Arc<W::Ids>,
        in_flight: Arc<Semaphore>,
        deadline: Duration,
    ) -> Self {
        Self {
            bus,
            clock,
            ids,
            in_flight,
            deadline,
        }
    }

    /// An id for an aggregate that the client gave none.
    pub fn next_id(&self) -> Uuid {
        self.ids.next()
    }

    pub async fn execute<C>(&self, request: RequestContext, command: &C) -> Result<Accepted, Problem>
    where
        C: Command,
        UseCases<W::Store>: Handler<C, Answer = Decided>,
    {
        let Ok(_permit) = self.in_flight.try_acquire() else {
            metrics::counter!("http_commands_shed_total").increment(1);
            return Err(Problem::new(
                ProblemKind::Overloaded,
                "As many commands as this service takes are in work. Try again soon.",
            ));
        };
        let context = Context::of_client(
            request.command_id,
            self.clock.now(),
            Actor::anonymous(),
            request.correlation_id,
            request.traceparent,
        );
        match tokio::time::timeout(self.deadline, self.bus.execute(&context, command)).await {
            Ok(Ok(Answered::Accepted(accepted))) => Ok(accepted),
            Ok(Ok(Answered::Deferred(_))) => Err(Problem::internal_error()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => {
                tracing::warn!(command = C::TYPE, deadline = ?self.deadline, "the deadline passed");
                Err(Problem::new(
                    ProblemKind::DeadlineExceeded,
                    "The command took too long. Whether it was carried out is unknown.",
                ))
            }
        }
    }
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

/// 201 with the place of what was created; the query service shows it there.
pub fn created(accepted: Accepted) -> HttpResponse {
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
    answer(response, accepted)
}

/// 200.
pub fn done(accepted: Accepted) -> HttpResponse {
    answer(HttpResponse::Ok(), accepted)
}

fn answer(mut response: actix_web::HttpResponseBuilder, accepted: Accepted) -> HttpResponse {
    let consistency_token = accepted.token().to_string();
    response
        .insert_header((header::ETAG, format!("\"{}\"", accepted.version)))
        .insert_header((CONSISTENCY_TOKEN, consistency_token.as_str()))
        .json(CommandAnswer {
            id: accepted.stream.id,
            version: accepted.version,
            consistency_token,
        })
}
