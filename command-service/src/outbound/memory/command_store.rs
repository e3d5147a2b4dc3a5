use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::MemoryStore;
use super::state::{Key, Queued, State};
use crate::application::ports::{
    AcceptedCommand, Clock, CommandQueue, CommandStatus, CommandStore, IdempotencyKey, KeyedCommand,
    Postponement, QueuePlace, QueuedCommand, StoreError, TakenCommand, Waiting,
};
use crate::outbound::bucket::bucket_of;

impl CommandStore for MemoryStore {
    async fn command(&self, command_id: Uuid) -> Result<Option<AcceptedCommand>, StoreError> {
        Ok(self.state().accepted(command_id))
    }

    async fn command_of_key(&self, actor: &str, key: &str) -> Result<Option<KeyedCommand>, StoreError> {
        tokio::task::yield_now().await;
        let state = self.state();
        let name = (actor.to_owned(), key.to_owned());
        Ok(state.keys.get(&name).and_then(|key| {
            Some(KeyedCommand {
                request_hash: key.request_hash,
                deferred: key.deferred,
                command: state.accepted(key.command_id)?,
            })
        }))
    }

    async fn enqueue(&self, command: QueuedCommand, key: Option<IdempotencyKey>) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let now = self.clock.now();
        let mut state = self.state();
        state.check_not_queued(command.command_id)?;
        if let Some(key) = key {
            state.keep_key(&command.actor, key, command.command_id, true, now)?;
        }
        state.queue(command, now);
        Ok(())
    }

    async fn forget_keys(&self, older_than: Duration, limit: usize) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        let mut old: Vec<_> = state
            .keys
            .iter()
            .filter(|(_, key)| (now - key.created_at).to_std().is_ok_and(|age| age > older_than))
            .map(|(name, key)| (key.created_at, name.clone()))
            .collect();
        old.sort();
        old.truncate(limit);
        for (_, name) in &old {
            state.keys.remove(name);
        }
        Ok(old.len())
    }
}

impl CommandQueue for MemoryStore {
    async fn take(&self, buckets: &[u16], per_bucket: usize) -> Result<Vec<TakenCommand>, StoreError> {
        tokio::task::yield_now().await;
        let now = self.clock.now();
        let mut state = self.state();
        let postponed: Vec<_> = state
            .queue
            .values()
            .filter(|queued| queued.retry_at.is_some_and(|at| at > now))
            .map(|queued| queued.command.stream)
            .collect();
        let mut counts: HashMap<u16, usize> = HashMap::new();
        let mut taken = Vec::new();
        for (place, queued) in &mut state.queue {
            if !buckets.contains(&place.bucket) || postponed.contains(&queued.command.stream) {
                continue;
            }
            let count = counts.entry(place.bucket).or_default();
            if *count < per_bucket {
                *count += 1;
                queued.running = true;
                taken.push(TakenCommand {
                    place: *place,
                    command: queued.command.clone(),
                    attempts: queued.attempts,
                    faults: queued.faults,
                });
            }
        }
        Ok(taken)
    }

    async fn postpone(&self, place: QueuePlace, postponement: Postponement) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let now = self.clock.now();
        let mut state = self.state();
        let Some(queued) = state.queue.get_mut(&place) else {
            return Ok(());
        };
        queued.attempts += 1;
        queued.faults += u32::from(postponement.is_fault);
        queued.last_error = Some(postponement.error);
        queued.retry_at = Some(now + TimeDelta::from_std(postponement.delay).unwrap_or(TimeDelta::MAX));
        let stream = queued.command.stream;
        for (_, queued) in state.queue.range_mut(place..) {
            if queued.command.stream == stream {
                queued.running = false;
            }
        }
        Ok(())
    }

    async fn remove(&self, place: QueuePlace) -> Result<(), StoreError> {
        self.state().queue.remove(&place);
        Ok(())
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        let now = self.clock.now();
        let state = self.state();
        let mut found: HashMap<String, (u64, DateTime<Utc>)> = HashMap::new();
        for queued in state.queue.values() {
            let entry = found
                .entry(queued.command.command_type.clone())
                .or_insert((0, queued.queued_at));
            entry.0 += 1;
            entry.1 = entry.1.min(queued.queued_at);
        }
        Ok(found
            .into_iter()
            .map(|(command_type, (commands, oldest))| Waiting {
                command_type,
                commands,
                oldest_seconds: (now - oldest).as_seconds_f64(),
            })
            .collect())
    }
}

impl State {
    fn check_not_queued(&self, command_id: Uuid) -> Result<(), StoreError> {
        let is_queued = self
            .queue
            .values()
            .any(|queued| queued.command.command_id == command_id);
        match is_queued {
            true => Err(StoreError::DuplicateCommand),
            false => Ok(()),
        }
    }

    pub fn keep_key(
        &mut self,
        actor: &str,
        key: IdempotencyKey,
        command_id: Uuid,
        deferred: bool,
        created_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let name = (actor.to_owned(), key.key);
        if self.keys.contains_key(&name) {
            return Err(StoreError::DuplicateKey);
        }
        let key = Key {
            request_hash: key.request_hash,
            command_id,
            deferred,
            created_at,
        };
        self.keys.insert(name, key);
        Ok(())
    }

    pub fn queue(&mut self, command: QueuedCommand, queued_at: DateTime<Utc>) {
        self.last_row += 1;
        let place = QueuePlace {
            bucket: bucket_of(command.stream.id),
            id: self.last_row,
        };
        let queued = Queued {
            command,
            queued_at,
            running: false,
            attempts: 0,
            faults: 0,
            last_error: None,
            retry_at: None,
        };
        self.queue.insert(place, queued);
    }

    fn accepted(&self, command_id: Uuid) -> Option<AcceptedCommand> {
        if let Some((record, decided_at)) = self.commands.get(&command_id) {
            return Some(AcceptedCommand {
                command_id,
                command_type: record.command_type.clone().into_owned(),
                stream: record.stream,
                actor: record.actor.clone(),
                received_at: record.received_at,
                causation_id: record.causation_id,
                correlation_id: record.correlation_id,
                status: CommandStatus::Decided {
                    outcome: record.outcome.clone(),
                    at: Some(*decided_at),
                },
            });
        }
        let queued = self
            .queue
            .values()
            .find(|queued| queued.command.command_id == command_id)?;
        let command = &queued.command;
        Some(AcceptedCommand {
            command_id,
            command_type: command.command_type.clone(),
            stream: command.stream,
            actor: command.actor.clone(),
            received_at: command.received_at,
            causation_id: command.causation_id,
            correlation_id: command.correlation_id,
            status: match queued.running {
                true => CommandStatus::Running,
                false => CommandStatus::Pending {
                    attempts: queued.attempts,
                    last_error: queued.last_error.clone(),
                },
            },
        })
    }
}
