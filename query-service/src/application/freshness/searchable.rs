//! What searches see: one small request at a time on behalf of all who wait.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared_events::ConsistencyToken;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{NotYetVisible, WaitError};
use crate::application::ports::{OrderReader, StoreError};

/// Ids in one request, at most; the rest is asked for right after.
const IDS_PER_REQUEST: usize = 500;

#[derive(Default)]
pub(super) struct SearchWatch {
    /// The version that searches were last seen to see, by order; present while somebody waits for it.
    watched: Mutex<HashMap<Uuid, watch::Sender<u64>>>,
    arrival: Notify,
}

impl SearchWatch {
    pub(super) async fn reached(&self, token: ConsistencyToken, until: Instant) -> Result<(), WaitError> {
        let mut seen = self
            .lock()
            .entry(token.id)
            .or_insert_with(|| watch::channel(0).0)
            .subscribe();
        self.arrival.notify_one();
        let reached = async { seen.wait_for(|seen| *seen >= token.version).await.map(drop) };
        match tokio::time::timeout_at(until, reached).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(WaitError::Store(StoreError::Unavailable(anyhow::anyhow!(
                "nobody can tell what searches see"
            )))),
            Err(_) => Err(WaitError::NotYetVisible(NotYetVisible {
                token,
                seen: *seen.borrow(),
            })),
        }
    }

    /// Looks as long as somebody waits, a `period` from one look's beginning to the next's.
    pub(super) async fn run(
        &self,
        reader: &impl OrderReader,
        period: Duration,
        cancelled: CancellationToken,
    ) {
        let look_on = async {
            loop {
                let begun = Instant::now();
                let watched = self.watched();
                if watched.is_empty() {
                    self.arrival.notified().await;
                    continue;
                }
                for ids in watched.chunks(IDS_PER_REQUEST) {
                    match reader.searchable_versions(ids).await {
                        Ok(versions) => self.tell(ids, &versions),
                        Err(error) => {
                            tracing::debug!("cannot tell what searches see: {error}");
                            self.give_up(ids);
                        }
                    }
                }
                tokio::time::sleep_until(begun + period).await;
            }
        };
        cancelled.run_until_cancelled(look_on).await;
        let watched = self.watched();
        self.give_up(&watched);
    }

    /// The orders that somebody waits for; those that nobody does any more are forgotten.
    fn watched(&self) -> Vec<Uuid> {
        let mut watched = self.lock();
        watched.retain(|_, seen| seen.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    fn tell(&self, ids: &[Uuid], versions: &[Option<u64>]) {
        let watched = self.lock();
        for (id, version) in ids.iter().zip(versions) {
            if let (Some(seen), Some(version)) = (watched.get(id), version) {
                seen.send_if_modified(|seen| {
                    let risen = version > seen;
                    *seen = (*seen).max(*version);
                    risen
                });
            }
        }
    }

    /// Those who wait for these learn that there will be no answer.
    fn give_up(&self, ids: &[Uuid]) {
        let mut watched = self.lock();
        for id in ids {
            watched.remove(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<u64>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
