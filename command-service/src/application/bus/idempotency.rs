use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Accepted, Answered, Command, CommandError, Context, Deferred, Handler};
use crate::application::ports::{CommandOutcome, CommandStatus, CommandStore, IdempotencyKey};

/// Answers a command that was sent before under the same key with the first one's outcome.
///
/// The key is committed with the outcome and nowhere else, so that a key without an outcome does not exist: a command that
/// was not run to its end leaves nothing behind, and may be sent again. Of two at once in this process the second is
/// told to wait; of two in different processes the store lets one commit, and the other answers what that one did.
pub struct Idempotent<H, S> {
    pub inner: H,
    pub store: Arc<S>,
    pub in_flight: KeysInFlight,
}

impl<C, H, S> Handler<C> for Idempotent<H, S>
where
    C: Command,
    H: Handler<C, Answer: Into<Answered>>,
    S: CommandStore,
{
    type Answer = Answered;

    async fn handle(&self, context: &Context, command: &C) -> Result<Answered, CommandError> {
        let Some(key) = &context.key else {
            return self.inner.handle(context, command).await.map(Into::into);
        };
        let actor = &context.actor.name;
        if let Some(first) = self.first_answer(actor, key, command).await? {
            return first;
        }
        // Only who would run the command is kept from doing so: repeats of one that is decided do not wait for each other.
        // If the first is decided just now, the commit says so.
        let _turn = self.in_flight.enter(actor, key)?;
        match self.inner.handle(context, command).await {
            Err(CommandError::DuplicateKey) => self
                .first_answer(actor, key, command)
                .await?
                .unwrap_or(Err(CommandError::KeyInFlight)),
            answer => answer.map(Into::into),
        }
    }
}

impl<H: Sync, S: CommandStore> Idempotent<H, S> {
    /// `None` where the key is new.
    async fn first_answer<C: Command>(
        &self,
        actor: &str,
        key: &IdempotencyKey,
        command: &C,
    ) -> Result<Option<Result<Answered, CommandError>>, CommandError> {
        let first = self
            .store
            .command_of_key(actor, &key.key)
            .await
            .map_err(|error| CommandError::of_store(error, command.stream()))?;
        let Some(first) = first else {
            return Ok(None);
        };
        if first.request_hash != key.request_hash {
            return Err(CommandError::KeyReused);
        }
        metrics::counter!("command_repeats_total", "type" => C::TYPE).increment(1);
        Ok(Some(match first.command.status {
            _ if first.deferred => Ok(Answered::Deferred(Deferred {
                command_id: first.command.command_id,
            })),
            CommandStatus::Decided { outcome, .. } => match outcome {
                CommandOutcome::Succeeded { version } => Ok(Answered::Accepted(Accepted {
                    stream: first.command.stream,
                    version,
                })),
                CommandOutcome::Refused(refusal) => Err(CommandError::Recorded(refusal)),
                CommandOutcome::Failed { detail } => Err(CommandError::Failed(anyhow::anyhow!(detail))),
            },
            CommandStatus::Pending { .. } | CommandStatus::Running => Err(CommandError::KeyInFlight),
        }))
    }
}

/// An actor, and one of its keys.
type KeyName = (String, String);

/// The keys of the commands that this process is working on, with what was sent under them. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct KeysInFlight(Arc<Mutex<HashMap<KeyName, [u8; 32]>>>);

impl KeysInFlight {
    fn enter(&self, actor: &str, key: &IdempotencyKey) -> Result<Turn, CommandError> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.entry((actor.to_owned(), key.key.clone())) {
            Entry::Occupied(first) if *first.get() != key.request_hash => Err(CommandError::KeyReused),
            Entry::Occupied(_) => Err(CommandError::KeyInFlight),
            Entry::Vacant(free) => {
                let name = free.key().clone();
                free.insert(key.request_hash);
                Ok(Turn {
                    keys: self.clone(),
                    name,
                })
            }
        }
    }
}

/// Frees the key when the command ends, however it does.
struct Turn {
    keys: KeysInFlight,
    name: KeyName,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut keys = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&self.name);
    }
}
