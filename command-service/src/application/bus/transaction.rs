use std::sync::Arc;

use super::{Accepted, Command, CommandError, Context, Decided, EncodedEvent, Handler};
use crate::application::codec::CodecError;
use crate::application::policies::follow_ups;
use crate::application::ports::{
    Clock, CommandOutcome, CommandRecord, Commit, EventStore, Ids, NewEvent, QueuedCommand, StreamId,
    ToldEvent,
};
use crate::application::snapshots::SnapshotMarks;

/// Commits what the use case decided: events, outbox rows, what other contexts are told, the commands that policies want,
/// and the command's record, at once or not at all. A command that was refused, or that changed nothing, leaves its
/// record alone.
pub struct Transactional<H, S, K, I> {
    pub inner: H,
    pub store: Arc<S>,
    pub clock: Arc<K>,
    pub ids: Arc<I>,
    pub snapshots: SnapshotMarks,
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
            && let Some(refusal) = error.outcome()
        {
            let outcome = CommandOutcome::Refused(refusal);
            self.record(context, command, command.stream(), outcome).await?;
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
            told,
            claim,
        } = decided;
        let mut next = Consequences {
            context,
            ids: &*self.ids,
            queued: vec![],
        };
        let events = events
            .into_iter()
            .map(|event| next.take(event))
            .collect::<Result<Vec<_>, _>>()?;
        let told = told
            .into_iter()
            .map(|told| {
                Ok(ToldEvent {
                    stream: told.stream,
                    version: told.version,
                    event: next.take(told.event)?,
                })
            })
            .collect::<Result<_, CodecError>>()?;
        let version = expected_version + events.len() as u64;
        let outcome = CommandOutcome::Succeeded { version };
        let mut follow_ups = next.queued;
        let commit = self.commit_of(context, command, stream, outcome);
        for queued in &mut follow_ups {
            queued.received_at = commit.occurred_at;
        }
        let commit = Commit {
            expected_version,
            events,
            told,
            follow_ups,
            claim,
            ..commit
        };
        match self.store.commit(commit).await {
            Ok(()) => {
                self.snapshots.committed(stream, expected_version, version);
                Ok(Accepted { stream, version })
            }
            Err(error) => match CommandError::of_store(error, stream) {
                // Nobody can be overtaken in starting a stream: it is there, and stays there. A number can be.
                CommandError::Conflict(stream) if expected_version == 0 && claim.is_none() => {
                    Err(CommandError::AlreadyExists(stream))
                }
                error => Err(error),
            },
        }
    }

    async fn record<C: Command>(
        &self,
        context: &Context,
        command: &C,
        stream: StreamId,
        outcome: CommandOutcome,
    ) -> Result<(), CommandError> {
        let commit = self.commit_of(context, command, stream, outcome);
        self.store
            .commit(commit)
            .await
            .map_err(|error| CommandError::of_store(error, stream))
    }

    /// Of the command and its outcome, without events.
    fn commit_of<C: Command>(
        &self,
        context: &Context,
        command: &C,
        stream: StreamId,
        outcome: CommandOutcome,
    ) -> Commit {
        let record = CommandRecord {
            command_id: context.command_id,
            command_type: C::TYPE.into(),
            stream,
            actor: context.actor.name.clone(),
            received_at: context.received_at,
            body: command.body(),
            causation_id: context.causation_id,
            correlation_id: context.correlation_id,
            outcome,
        };
        Commit {
            key: context.key.clone(),
            place: context.place,
            traceparent: context.traceparent.clone(),
            ..Commit::of(record, self.clock.now())
        }
    }
}

/// Gives events their identity, and collects the commands that policies want for them.
struct Consequences<'a, I> {
    context: &'a Context,
    ids: &'a I,
    queued: Vec<QueuedCommand>,
}

impl<I: Ids> Consequences<'_, I> {
    fn take(&mut self, event: EncodedEvent) -> Result<NewEvent, CodecError> {
        let event_id = self.ids.next();
        for wanted in follow_ups(&event.record)? {
            self.queued.push(QueuedCommand {
                command_id: self.ids.next(),
                command_type: wanted.command_type.to_owned(),
                stream: wanted.stream,
                actor: format!("policy:{}", wanted.policy),
                received_at: self.context.received_at,
                body: wanted.body,
                causation_id: event_id,
                correlation_id: self.context.correlation_id,
                traceparent: self.context.traceparent.clone(),
                if_match: None,
            });
        }
        Ok(event.identified(event_id))
    }
}
