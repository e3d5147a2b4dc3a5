use std::sync::Arc;

use super::{Accepted, Command, CommandError, Context, Decided, Handler};
use crate::application::ports::{
    Clock, CommandOutcome, CommandRecord, Commit, EventStore, Ids, NewEvent, StreamId,
};

/// Commits what the use case decided: events, outbox rows and the command's record at once or not at all. A command
/// that was refused, or that changed nothing, leaves its record alone.
pub struct Transactional<H, S, K, I> {
    pub inner: H,
    pub store: Arc<S>,
    pub clock: Arc<K>,
    pub ids: Arc<I>,
}

impl<C, H, S, K, I> Handler<C> for Transactional<H, S, K, I>
where
    C: Command,
    H: Handler<C, Answer = Decided>,
    S: EventStore,
    K: Clock,
    I: Ids,
{
    type Answer = Accepted;

    async fn handle(&self, context: &Context, command: &C) -> Result<Accepted, CommandError> {
        let result = match self.inner.handle(context, command).await {
            Ok(decided) => self.commit(context, command, decided).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &result
            && error.is_outcome()
        {
            self.record_refusal(context, command, error).await?;
        }
        result
    }
}

impl<H, S: EventStore, K: Clock, I: Ids> Transactional<H, S, K, I> {
    async fn commit<C: Command>(
        &self,
        context: &Context,
        command: &C,
        decided: Decided,
    ) -> Result<Accepted, CommandError> {
        let Decided {
            stream,
            expected_version,
            events,
        } = decided;
        let events: Vec<_> = events
            .into_iter()
            .map(|event| event.identified(self.ids.next()))
            .collect();
        let version = expected_version + events.len() as u64;
        let outcome = CommandOutcome::Succeeded { version };
        let commit = self.commit_of(context, command, stream, expected_version, events, outcome);
        match self.store.commit(commit).await {
            Ok(()) => Ok(Accepted { stream, version }),
            Err(error) => match CommandError::of_store(error, stream) {
                // Nobody can be overtaken in starting a stream: it is there, and stays there.
                CommandError::Conflict(stream) if expected_version == 0 => {
                    Err(CommandError::AlreadyExists(stream))
                }
                error => Err(error),
            },
        }
    }

    async fn record_refusal<C: Command>(
        &self,
        context: &Context,
        command: &C,
        refused: &CommandError,
    ) -> Result<(), CommandError> {
        let stream = command.stream();
        let outcome = CommandOutcome::Refused {
            kind: refused.kind(),
            detail: refused.to_string(),
        };
        let commit = self.commit_of(context, command, stream, 0, vec![], outcome);
        self.store
            .commit(commit)
            .await
            .map_err(|error| CommandError::of_store(error, stream))
    }

    fn commit_of<C: Command>(
        &self,
        context: &Context,
        command: &C,
        stream: StreamId,
        expected_version: u64,
        events: Vec<NewEvent>,
        outcome: CommandOutcome,
    ) -> Commit {
        Commit {
            command: CommandRecord {
                command_id: context.command_id,
                command_type: C::TYPE,
                stream,
                actor: context.actor.clone(),
                received_at: context.received_at,
                body: command.body(),
                causation_id: context.causation_id,
                correlation_id: context.correlation_id,
                outcome,
            },
            expected_version,
            events,
            occurred_at: self.clock.now(),
            traceparent: context.traceparent.clone(),
        }
    }
}
