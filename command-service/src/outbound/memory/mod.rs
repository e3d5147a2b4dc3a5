//! The ports in memory: for fast tests, and for simulations that a seed repeats. Time moves only when told to.

mod clock;
mod event_store;
mod ids;
mod outbox;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use uuid::Uuid;

pub use clock::ManualClock;
pub use ids::CountingIds;

use crate::application::ports::{CommandRecord, StoredEvent, StreamId};
use state::State;

/// Event store and outbox, which share what one commit writes.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<ManualClock>,
    lease_time: TimeDelta,
    state: Mutex<State>,
}

impl MemoryStore {
    /// How long a lease, and a relay's sign of life, lasts on the clock.
    pub const LEASE_TIME: TimeDelta = TimeDelta::seconds(10);

    pub fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            clock,
            lease_time: Self::LEASE_TIME,
            state: Mutex::default(),
        }
    }

    /// What was recorded of a command.
    pub fn command(&self, id: Uuid) -> Option<CommandRecord> {
        self.state().commands.get(&id).cloned()
    }

    /// The events of a stream, in version order.
    pub fn events(&self, stream: StreamId) -> Vec<StoredEvent> {
        self.state().streams.get(&stream).cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is made at once or not at all: a panicking test leaves no half.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
