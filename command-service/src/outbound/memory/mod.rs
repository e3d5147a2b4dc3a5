//! The ports in memory: for fast tests, and for simulations that a seed repeats. Time moves only when told to.

mod archive;
mod clock;
mod command_store;
mod event_store;
mod ids;
mod leases;
mod outbox;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use uuid::Uuid;

pub use clock::ManualClock;
pub use ids::CountingIds;
pub use leases::MemoryLeases;

use crate::application::ports::{CommandRecord, QueuedCommand, StoredEvent, StreamId};
use state::State;

/// Events, outbox and commands, which share what one commit writes; and the leases of the relays.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<ManualClock>,
    relay_leases: MemoryLeases,
    state: Mutex<State>,
}

impl MemoryStore {
    /// How long a lease, and an owner's sign of life, lasts on the clock.
    pub const LEASE_TIME: TimeDelta = TimeDelta::seconds(10);

    pub fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            relay_leases: MemoryLeases::new(Arc::clone(&clock), Self::LEASE_TIME),
            clock,
            state: Mutex::default(),
        }
    }

    /// What was recorded of a command.
    pub fn command(&self, id: Uuid) -> Option<CommandRecord> {
        self.state().commands.get(&id).map(|(record, _)| record.clone())
    }

    /// The events of a stream, in version order.
    pub fn events(&self, stream: StreamId) -> Vec<StoredEvent> {
        self.state().streams.get(&stream).cloned().unwrap_or_default()
    }

    /// The commands that wait, in the order in which they were accepted.
    pub fn queued(&self) -> Vec<QueuedCommand> {
        let state = self.state();
        let mut rows: Vec<_> = state.queue.iter().collect();
        rows.sort_by_key(|(place, _)| place.id);
        rows.into_iter()
            .map(|(_, queued)| queued.command.clone())
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is made at once or not at all: a panicking test leaves no half.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
