//! Commands that do what a test wants: each appends one event, unless it is told to fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use command_service::application::bus::{Accepted, Answered, CommandError};
use command_service::application::ports::{
    CommandOutcome, Commit, EventStore, QueuedCommand, RecordedRefusal, StoreError, StreamId, TakenCommand,
};
use command_service::outbound::bucket::bucket_of;
use command_service::worker::RunStored;
use domain::Refusal;
use domain::order::OrderRefusal;
use tokio::sync::watch;
use uuid::Uuid;

use crate::support::events::{append, new_customer, some_time};
use crate::support::unique_id;

/// What becomes of a command's attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Unavailable,
    Conflict,
    Fault,
    Panic,
    Hang,
    Refusal,
}

/// Shared by all workers of a test.
#[derive(Default)]
pub struct Script {
    fates: Mutex<HashMap<Uuid, Fate>>,
    attempts: Mutex<HashMap<Uuid, usize>>,
}

impl Script {
    pub fn tell(&self, command: Uuid, fate: Fate) {
        self.fates.lock().unwrap().insert(command, fate);
    }

    /// From now on every command succeeds.
    pub fn heal(&self) {
        self.fates.lock().unwrap().clear();
    }

    pub fn attempts(&self, command: Uuid) -> usize {
        self.attempts.lock().unwrap().get(&command).copied().unwrap_or(0)
    }

    pub fn all_attempts(&self) -> usize {
        self.attempts.lock().unwrap().values().sum()
    }
}

/// One worker's way to the commands, which can be slow or stuck.
pub struct Scripted<S> {
    pub script: Arc<Script>,
    pub store: Arc<S>,
    pub frozen: watch::Receiver<bool>,
    pub delay: Duration,
}

pub async fn thawed(frozen: &watch::Receiver<bool>) {
    frozen.clone().wait_for(|frozen| !frozen).await.unwrap();
}

impl<S: EventStore> RunStored for Scripted<S> {
    async fn run_stored(&self, taken: &TakenCommand) -> Result<Answered, CommandError> {
        let command = &taken.command;
        let stream = command.stream;
        *self
            .script
            .attempts
            .lock()
            .unwrap()
            .entry(command.command_id)
            .or_default() += 1;
        tokio::time::sleep(self.delay).await;
        thawed(&self.frozen).await;
        let fate = self
            .script
            .fates
            .lock()
            .unwrap()
            .get(&command.command_id)
            .copied();
        match fate {
            Some(Fate::Unavailable) => Err(CommandError::Unavailable(anyhow::anyhow!("as told"))),
            Some(Fate::Conflict) => Err(CommandError::Conflict(stream)),
            Some(Fate::Fault) => Err(CommandError::Failed(anyhow::anyhow!("as told"))),
            Some(Fate::Panic) => panic!("as told"),
            Some(Fate::Hang) => std::future::pending().await,
            Some(Fate::Refusal) => {
                self.commit(taken, refused(append(stream, 0, 0))).await?;
                Err(CommandError::Refused(Refusal::from(OrderRefusal::EmptyOrder)))
            }
            None => {
                let read = self.store.read(&[stream], None).await;
                let version = read.map_err(|error| of_store(error, stream))?[0].version();
                self.commit(taken, append(stream, version, 1)).await
            }
        }
    }
}

impl<S: EventStore> Scripted<S> {
    async fn commit(&self, taken: &TakenCommand, mut commit: Commit) -> Result<Answered, CommandError> {
        let stream = taken.command.stream;
        let version = commit.expected_version + commit.events.len() as u64;
        commit.command.command_id = taken.command.command_id;
        commit.place = Some(taken.place);
        let committed = self.store.commit(commit).await;
        committed.map_err(|error| of_store(error, stream))?;
        Ok(Answered::Accepted(Accepted { stream, version }))
    }
}

fn refused(mut commit: Commit) -> Commit {
    commit.command.outcome = CommandOutcome::Refused(RecordedRefusal {
        kind: "empty-order".to_owned(),
        detail: "as told".to_owned(),
        pointer: None,
    });
    commit
}

fn of_store(error: StoreError, stream: StreamId) -> CommandError {
    match error {
        StoreError::Conflict => CommandError::Conflict(stream),
        StoreError::DuplicateCommand => CommandError::AlreadyDecided,
        StoreError::Unavailable(source) => CommandError::Unavailable(source),
        other => CommandError::Failed(other.into()),
    }
}

/// A command of a type that is watched.
pub fn queued(stream: StreamId) -> QueuedCommand {
    let command_id = unique_id();
    QueuedCommand {
        command_id,
        command_type: "rename-customer".to_owned(),
        stream,
        actor: "anonymous".to_owned(),
        received_at: some_time(),
        body: serde_json::json!({"name": "Customer"}),
        causation_id: command_id,
        correlation_id: command_id,
        traceparent: None,
        if_match: None,
    }
}

/// Long enough for a worker to look many times: what is then expected is that nothing came of it, which tells nobody.
pub async fn many_looks() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

pub fn in_the_same_bucket(stream: StreamId) -> StreamId {
    loop {
        let other = new_customer();
        if bucket_of(other.id) == bucket_of(stream.id) {
            return other;
        }
    }
}

pub fn up_to(last: u64) -> Vec<u64> {
    (1..=last).collect()
}
