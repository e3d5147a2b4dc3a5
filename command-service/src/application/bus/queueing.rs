use std::sync::Arc;

use super::{Command, CommandError, Context, Deferred, Handler};
use crate::application::ports::{CommandStore, QueuedCommand};

/// Accepts a command to be decided later, in place of deciding it.
pub struct Queueing<S> {
    pub store: Arc<S>,
}

impl<C: Command, S: CommandStore> Handler<C> for Queueing<S> {
    type Answer = Deferred;

    async fn handle(&self, context: &Context, command: &C) -> Result<Deferred, CommandError> {
        let stream = command.stream();
        let queued = QueuedCommand {
            command_id: context.command_id,
            command_type: C::TYPE.to_owned(),
            stream,
            actor: context.actor.name.clone(),
            received_at: context.received_at,
            body: command.body(),
            causation_id: context.causation_id,
            correlation_id: context.correlation_id,
            traceparent: context.traceparent.clone(),
            if_match: context.if_match.clone().map(|versions| versions.0),
        };
        self.store
            .enqueue(queued, context.key.clone())
            .await
            .map_err(|error| CommandError::of_store(error, stream))?;
        Ok(Deferred {
            command_id: context.command_id,
        })
    }
}
