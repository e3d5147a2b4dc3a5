//! Who waits for which aggregate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared_events::{AggregateType, ConsistencyToken};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use uuid::Uuid;

use super::WaitError;
use crate::application::ports::Change;

type Key = (AggregateType, Uuid);

pub(super) struct Waiters {
    /// The last version announced to those who wait for the key; present while somebody does.
    waiting: Mutex<HashMap<Key, watch::Sender<u64>>>,
    places: Arc<Semaphore>,
}

impl Waiters {
    pub(super) fn new(max_waiting: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            places: Arc::new(Semaphore::new(max_waiting)),
        }
    }

    pub(super) fn register(self: &Arc<Self>, token: ConsistencyToken) -> Result<Waiter, WaitError> {
        let place = self
            .places
            .clone()
            .try_acquire_owned()
            .map_err(|_| WaitError::TooManyWaiting)?;
        metrics::gauge!("consistency_waiting").increment(1);
        let key = (token.aggregate, token.id);
        let announced = self
            .lock()
            .entry(key)
            .or_insert_with(|| watch::channel(0).0)
            .subscribe();
        Ok(Waiter {
            announced,
            version: token.version,
            registration: Arc::new(Registration {
                waiters: self.clone(),
                key,
                _place: place,
            }),
        })
    }

    pub(super) fn announce(&self, change: &Change) {
        if let Some(waiting) = self.lock().get(&(change.aggregate, change.id)) {
            waiting.send_replace(change.version);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<u64>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Waiter {
    // Dropped in this order.
    announced: watch::Receiver<u64>,
    version: u64,
    registration: Arc<Registration>,
}

impl Waiter {
    /// Returns with the next announcement that may be what is waited for.
    pub(super) async fn changed(&mut self) {
        while self.announced.changed().await.is_ok() {
            let announced = *self.announced.borrow_and_update();
            // A customer or product is announced with its own version; how far its name has got is another matter.
            if announced >= self.version || self.registration.key.0 != AggregateType::Order {
                return;
            }
        }
        // The sender goes with the last registration, of which one is held here.
        std::future::pending().await
    }
}

/// One place among those who may wait.
pub(super) struct Registration {
    waiters: Arc<Waiters>,
    key: Key,
    _place: OwnedSemaphorePermit,
}

impl Drop for Registration {
    fn drop(&mut self) {
        metrics::gauge!("consistency_waiting").decrement(1);
        let mut waiting = self.waiters.lock();
        // The waiter's own receiver went before: it is the field before this one.
        if let Some(sender) = waiting.get(&self.key)
            && sender.receiver_count() == 0
        {
            waiting.remove(&self.key);
        }
    }
}
