//! Stores of a test's own round the one in memory.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use command_service::application::ports::{
    Commit, EventStore, NumberSeries, Snapshot, StoreError, StoredStream, StreamId,
};
use command_service::outbound::memory::MemoryStore;
use tokio::sync::Notify;

/// Passes what such a store does with accepted commands on to the store in its field `memory`.
macro_rules! commands_in_memory {
    ($store:ty) => {
        const _: () = {
            use std::time::Duration;

            use command_service::application::ports::{
                AcceptedCommand, CommandStore, IdempotencyKey, KeyedCommand, QueuedCommand, StoreError,
            };
            use uuid::Uuid;

            impl CommandStore for $store {
                async fn command(&self, id: Uuid) -> Result<Option<AcceptedCommand>, StoreError> {
                    CommandStore::command(&*self.memory, id).await
                }

                async fn command_of_key(
                    &self,
                    actor: &str,
                    key: &str,
                ) -> Result<Option<KeyedCommand>, StoreError> {
                    self.memory.command_of_key(actor, key).await
                }

                async fn enqueue(
                    &self,
                    command: QueuedCommand,
                    key: Option<IdempotencyKey>,
                ) -> Result<(), StoreError> {
                    self.memory.enqueue(command, key).await
                }

                async fn forget_keys(&self, older_than: Duration, limit: usize) -> Result<usize, StoreError> {
                    self.memory.forget_keys(older_than, limit).await
                }
            }
        };
    };
}

/// What becomes of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Committed,
    Unavailable,
    Conflict,
    /// The next one waits until it is let go; those after it are committed.
    HeldUp,
}

/// A store whose commits end as told.
pub struct Fated {
    pub memory: Arc<MemoryStore>,
    fate: Mutex<Fate>,
    /// That were tried.
    commits: AtomicU32,
    held_up: Notify,
    let_go: Notify,
}

impl Fated {
    pub fn new(memory: Arc<MemoryStore>) -> Arc<Self> {
        Arc::new(Self {
            memory,
            fate: Mutex::new(Fate::Committed),
            commits: AtomicU32::new(0),
            held_up: Notify::new(),
            let_go: Notify::new(),
        })
    }

    pub fn end(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
    }

    pub fn commits(&self) -> u32 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Runs a command until its commit is held up.
    pub async fn until_held_up<T: std::fmt::Debug>(&self, command: impl Future<Output = T>) {
        tokio::select! {
            biased;
            answer = command => panic!("it was not held up: {answer:?}"),
            () = self.held_up.notified() => {}
        }
    }

    pub fn let_go(&self) {
        self.let_go.notify_one();
    }
}

impl EventStore for Fated {
    async fn read(
        &self,
        streams: &[StreamId],
        snapshot_format: Option<i32>,
    ) -> Result<Vec<StoredStream>, StoreError> {
        self.memory.read(streams, snapshot_format).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        let fate = *self.fate.lock().unwrap();
        match fate {
            Fate::Committed => {}
            Fate::Unavailable => return Err(StoreError::Unavailable(anyhow::anyhow!("connection reset"))),
            Fate::Conflict => return Err(StoreError::Conflict),
            Fate::HeldUp => {
                self.end(Fate::Committed);
                self.held_up.notify_one();
                self.let_go.notified().await;
            }
        }
        self.memory.commit(commit).await
    }

    async fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
        format: i32,
    ) -> Result<(), StoreError> {
        self.memory.save_snapshot(stream, snapshot, format).await
    }

    async fn last_number(&self, series: NumberSeries) -> Result<i64, StoreError> {
        self.memory.last_number(series).await
    }
}

commands_in_memory!(Fated);
