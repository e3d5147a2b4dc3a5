use std::sync::Arc;

use uuid::Uuid;

use super::authorisation::Authorised;
use super::idempotency::{Idempotent, KeysInFlight};
use super::metrics::Measured;
use super::queueing::Queueing;
use super::retry::{Retried, RetryPolicy};
use super::tracing::Traced;
use super::transaction::Transactional;
use super::turns::InTurn;
use super::validation::Validated;
use super::{Actor, Answered, Command, CommandError, Context, Decided, Handler};
use crate::application::UseCases;
use crate::application::ports::{Clock, CommandStore, EventStore, Ids};
use crate::application::snapshots::SnapshotMarks;

/// The middleware round every command, outermost first.
type Guarded<H, S> = Traced<Measured<Authorised<Validated<Idempotent<H, S>>>>>;

/// What decides a command, outermost first.
type Deciding<S, K, I> = Retried<InTurn<Transactional<UseCases<S>, S, K, I>>, I>;

/// Takes each command through the middleware to its one handler, or into the queue. A command without a handler does not
/// compile.
pub struct CommandBus<S, K, I> {
    now: Guarded<Deciding<S, K, I>, S>,
    later: Guarded<Queueing<S>, S>,
    clock: Arc<K>,
    ids: Arc<I>,
}

impl<S: EventStore + CommandStore, K: Clock, I: Ids> CommandBus<S, K, I> {
    /// `in_flight` is shared by all buses of the process. No snapshots are taken.
    pub fn new(
        store: Arc<S>,
        clock: Arc<K>,
        ids: Arc<I>,
        retry: RetryPolicy,
        in_flight: KeysInFlight,
    ) -> Self {
        Self::with_snapshots(store, clock, ids, retry, in_flight, SnapshotMarks::none())
    }

    /// One that tells `snapshots` of every commit.
    pub fn with_snapshots(
        store: Arc<S>,
        clock: Arc<K>,
        ids: Arc<I>,
        retry: RetryPolicy,
        in_flight: KeysInFlight,
        snapshots: SnapshotMarks,
    ) -> Self {
        let deciding = Retried {
            inner: InTurn(Transactional {
                inner: UseCases::new(Arc::clone(&store)),
                store: Arc::clone(&store),
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                snapshots,
            }),
            policy: retry,
            ids: Arc::clone(&ids),
        };
        let queueing = Queueing {
            store: Arc::clone(&store),
        };
        Self {
            now: guarded(deciding, Arc::clone(&store), in_flight.clone()),
            later: guarded(queueing, store, in_flight),
            clock,
            ids,
        }
    }

    /// Decides the command.
    pub async fn execute<C>(&self, context: &Context, command: &C) -> Result<Answered, CommandError>
    where
        C: Command,
        UseCases<S>: Handler<C, Answer = Decided>,
    {
        self.now.handle(context, command).await
    }

    /// Accepts the command, for a worker to decide.
    pub async fn defer<C: Command>(&self, context: &Context, command: &C) -> Result<Answered, CommandError> {
        self.later.handle(context, command).await
    }

    /// The context of a command that a client sends now.
    pub fn context(
        &self,
        actor: Actor,
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

fn guarded<H, S>(inner: H, store: Arc<S>, in_flight: KeysInFlight) -> Guarded<H, S> {
    Traced(Measured(Authorised(Validated(Idempotent {
        inner,
        store,
        in_flight,
    }))))
}
