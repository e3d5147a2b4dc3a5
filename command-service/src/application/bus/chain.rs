use std::sync::Arc;

use uuid::Uuid;

use super::metrics::Measured;
use super::retry::{Retried, RetryPolicy};
use super::tracing::Traced;
use super::transaction::Transactional;
use super::validation::Validated;
use super::{Accepted, Command, CommandError, Context, Decided, Handler};
use crate::application::commands::UseCases;
use crate::application::ports::{Clock, EventStore, Ids};

/// The middleware round every use case, outermost first.
type Chain<S, K, I> = Traced<Measured<Validated<Retried<Transactional<UseCases<S>, S, K, I>, I>>>>;

/// Takes each command through the middleware to its one handler. A command without a handler does not compile.
pub struct CommandBus<S, K, I> {
    chain: Chain<S, K, I>,
    clock: Arc<K>,
    ids: Arc<I>,
}

impl<S: EventStore, K: Clock, I: Ids> CommandBus<S, K, I> {
    pub fn new(store: Arc<S>, clock: Arc<K>, ids: Arc<I>, retry: RetryPolicy) -> Self {
        let transactional = Transactional {
            inner: UseCases::new(Arc::clone(&store)),
            store,
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
        };
        let retried = Retried {
            inner: transactional,
            policy: retry,
            ids: Arc::clone(&ids),
        };
        Self {
            chain: Traced(Measured(Validated(retried))),
            clock,
            ids,
        }
    }

    pub async fn execute<C>(&self, context: &Context, command: &C) -> Result<Accepted, CommandError>
    where
        C: Command,
        UseCases<S>: Handler<C, Answer = Decided>,
    {
        self.chain.handle(context, command).await
    }

    /// The context of a command that a client sends now.
    pub fn context(
        &self,
        actor: impl Into<String>,
        correlation_id: Option<Uuid>,
        traceparent: Option<String>,
    ) -> Context {
        Context::of_client(
            self.ids.next(),
            self.clock.now(),
            actor,
            correlation_id,
            traceparent,
        )
    }

    /// An id for an aggregate that the client gave none.
    pub fn next_id(&self) -> Uuid {
        self.ids.next()
    }
}
