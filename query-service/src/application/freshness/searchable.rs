//! What searches see: one small request at a time on behalf of all who wait.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use read_model::Kind;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::WaitError;
use crate::application::ports::StoreError;
use crate::application::ports::reading::VersionReader;

/// Ids in one request, at most; the rest is asked for right after.
const IDS_PER_REQUEST: usize = 500;

type Key = (Kind, Uuid);

#[derive(Default)]
pub(super) struct SearchWatch {
    /// The version that searches were last seen to see, by document; present while somebody waits for it.
    watched: Mutex<HashMap<Key, watch::Sender<u64>>>,
    arrival: Notify,
}

pub(super) enum Reached {
    Seen,
    /// The time is up; searches see this version.
    NotYet(u64),
}

impl SearchWatch {
    pub(super) async fn reached(&self, key: Key, version: u64, until: Instant) -> Result<Reached, WaitError> {
        let mut seen = self
            .lock()
            .entry(key)
            .or_insert_with(|| watch::channel(0).0)
            .subscribe();
        self.arrival.notify_one();
        let reached = async { seen.wait_for(|seen| *seen >= version).await.map(drop) };
        match tokio::time::timeout_at(until, reached).await {
            Ok(Ok(())) => Ok(Reached::Seen),
            Ok(Err(_)) => Err(WaitError::Store(StoreError::Unavailable(anyhow::anyhow!(
                "nobody can tell what searches see"
            )))),
            Err(_) => Ok(Reached::NotYet(*seen.borrow())),
        }
    }

    /// Looks as long as somebody waits, a `period` from one look's beginning to the next's.
    pub(super) async fn run(
        &self,
        reader: &impl VersionReader,
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
                for (kind, ids) in watched {
                    for ids in ids.chunks(IDS_PER_REQUEST) {
                        match reader.searchable_versions(kind, ids).await {
                            Ok(versions) => self.tell(kind, ids, &versions),
                            Err(error) => {
                                tracing::debug!("cannot tell what searches see: {error}");
                                self.give_up(kind, ids);
                            }
                        }
                    }
                }
                tokio::time::sleep_until(begun + period).await;
            }
        };
        cancelled.run_until_cancelled(look_on).await;
        for (kind, ids) in self.watched() {
            self.give_up(kind, &ids);
        }
    }

    /// The documents that somebody waits for; those that nobody does any more are forgotten.
    fn watched(&self) -> HashMap<Kind, Vec<Uuid>> {
        let mut watched = self.lock();
        watched.retain(|_, seen| seen.receiver_count() > 0);
        let mut by_kind = HashMap::<Kind, Vec<Uuid>>::new();
        for (kind, id) in watched.keys() {
            by_kind.entry(*kind).or_default().push(*id);
        }
        by_kind
    }

    fn tell(&self, kind: Kind, ids: &[Uuid], versions: &[Option<u64>]) {
        let watched = self.lock();
        for (id, version) in ids.iter().zip(versions) {
            if let (Some(seen), Some(version)) = (watched.get(&(kind, *id)), version) {
                seen.send_if_modified(|seen| {
                    let risen = version > seen;
                    *seen = (*seen).max(*version);
                    risen
                });
            }
        }
    }

    /// Those who wait for these learn that there will be no answer.
    fn give_up(&self, kind: Kind, ids: &[Uuid]) {
        let mut watched = self.lock();
        for id in ids {
            watched.remove(&(kind, *id));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<u64>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
