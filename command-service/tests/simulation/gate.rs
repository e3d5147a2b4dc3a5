//! The ports as one process sees them: slow, failing, and silent while it is frozen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use command_service::application::ports::{
    AcceptedCommand, Backlog, CommandQueue, CommandStore, Commit, EventStore, IdempotencyKey, KeyedCommand,
    Lease, Leases, NumberSeries, Outbox, OutboxRow, Postponement, PublishError, Publisher, QueuePlace,
    QueuedCommand, Snapshot, StoreError, StoredStream, StreamId, TakenCommand, Waiting,
};
use command_service::outbound::bucket::bucket_of;
use command_service::outbound::memory::MemoryLeases;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::world::{Ends, Planted, World};

/// Whose leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    Relays,
    Workers,
}

pub struct Gate {
    pub world: Arc<World>,
    pub name: String,
    pub pool: Pool,
    pub ice: Arc<Ice>,
    /// What it was told last.
    pub leases: Mutex<Vec<Lease>>,
}

/// What a frozen process stands in. Those who wait go on in the order in which they came, unlike those of a watch channel.
#[derive(Default)]
pub struct Ice {
    frozen: AtomicBool,
    thaw: Notify,
}

impl Ice {
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }

    pub fn set_frozen(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Relaxed);
        if !frozen {
            self.thaw.notify_waiters();
        }
    }

    async fn thawed(&self) {
        while self.is_frozen() {
            self.thaw.notified().await;
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable(anyhow::anyhow!("as the dice say"))
}

impl Gate {
    async fn pause(&self, pause: Duration) {
        self.ice.thawed().await;
        tokio::time::sleep(pause).await;
        self.ice.thawed().await;
    }

    async fn call<T>(
        &self,
        what: &str,
        effect: impl Future<Output = Result<T, StoreError>>,
        told: impl FnOnce(&T) -> String,
    ) -> Result<T, StoreError> {
        let fate = self.world.fate();
        self.pause(fate.before).await;
        if fate.ends == Ends::Unsent {
            self.world.trace(format!("{} {what}: unsent", self.name));
            return Err(lost());
        }
        self.world.sync();
        let result = effect.await;
        let (ends, told) = match &result {
            Ok(done) => (fate.ends, told(done)),
            Err(error) => (fate.ends, format!("{error}")),
        };
        self.world.trace(format!("{} {what}: {told} {ends:?}", self.name));
        self.pause(fate.after).await;
        match fate.ends {
            Ends::Unanswered => Err(lost()),
            _ => result,
        }
    }

    fn pool(&self) -> &MemoryLeases {
        &self.world.worker_leases
    }

    fn planted(&self, planted: Planted) -> bool {
        self.world.planted == Some(planted)
    }

    async fn append(&self, mut commit: Commit) -> Result<(), StoreError> {
        let world = &self.world;
        let command = commit.command.command_id;
        let key = commit.key.as_ref().map(|key| format!("the key {}", key.key));
        if self.planted(Planted::KeyOutsideCommit) {
            commit.key = None;
        }
        let mut result = world.store.commit(commit.clone()).await;
        if self.planted(Planted::OutcomeNotKeyed) && matches!(result, Err(StoreError::DuplicateCommand)) {
            commit.command.command_id = Uuid::from_u128(u128::from(world.noted().dice.any()));
            result = world.store.commit(commit.clone()).await;
        }
        if result.is_ok() {
            world.committed(command, key);
            world.wake("relay", bucket_of(commit.command.stream.id));
        }
        result
    }
}

impl Leases for Gate {
    async fn balance(&self, owner: Uuid, busy: &[u16]) -> Result<Vec<Lease>, StoreError> {
        let effect = async {
            match self.pool {
                Pool::Workers => self.pool().balance(owner, busy).await,
                Pool::Relays => {
                    let leases = self.world.store.balance(owner, busy).await?;
                    self.world.granted(&leases);
                    *self.leases.lock().unwrap() = leases.clone();
                    Ok(leases)
                }
            }
        };
        self.call("balance", effect, |leases| format!("{} leases", leases.len()))
            .await
    }

    async fn release(&self, owner: Uuid) -> Result<(), StoreError> {
        let effect = async {
            match self.pool {
                Pool::Workers => self.pool().release(owner).await,
                Pool::Relays => self.world.store.release(owner).await,
            }
        };
        self.call("release", effect, |()| String::new()).await
    }

    async fn reserve(&self, _: Uuid, _: &[u16]) -> Result<Vec<Lease>, StoreError> {
        unreachable!("nobody reserves here")
    }

    async fn give_back(&self, _: Uuid, _: &[u16]) -> Result<(), StoreError> {
        unreachable!("nobody reserves here")
    }
}

impl Outbox for Gate {
    async fn pending(&self, buckets: &[u16], per_bucket: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let effect = async {
            let rows = self.world.store.pending(buckets, per_bucket).await?;
            self.world.saw_rows(&rows);
            if self.planted(Planted::MarksBeforePublishing) {
                let leases = self.leases.lock().unwrap().clone();
                let lease_of = |bucket| leases.iter().copied().find(|lease| lease.bucket == bucket);
                let marks: Vec<(Lease, i64)> = rows
                    .iter()
                    .filter_map(|row| Some((lease_of(row.bucket)?, row.id)))
                    .collect();
                self.world.mark(&marks).await?;
            }
            Ok(rows)
        };
        self.call("pending", effect, |rows| format!("{} rows", rows.len()))
            .await
    }

    async fn mark_published(&self, rows: &[(Lease, i64)]) -> Result<usize, StoreError> {
        let effect = self.world.mark(rows);
        self.call("mark", effect, |marked| {
            format!("{marked} of {} rows", rows.len())
        })
        .await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.world.store.backlog().await
    }
}

impl EventStore for Gate {
    async fn read(
        &self,
        streams: &[StreamId],
        snapshot_format: Option<i32>,
    ) -> Result<Vec<StoredStream>, StoreError> {
        let effect = self.world.store.read(streams, snapshot_format);
        self.call("read", effect, |streams| {
            let versions: Vec<u64> = streams.iter().map(StoredStream::version).collect();
            format!("versions {versions:?}")
        })
        .await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let what = format!(
            "commit of {} on {}",
            commit.command.command_id, commit.expected_version
        );
        if self.planted(Planted::AnswersBeforeCommit) && self.world.fate().ends == Ends::Unsent {
            return Ok(());
        }
        self.call(&what, self.append(commit), |()| "done".to_owned())
            .await
    }

    async fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
        format: i32,
    ) -> Result<(), StoreError> {
        self.world.store.save_snapshot(stream, snapshot, format).await
    }

    async fn last_number(&self, series: NumberSeries) -> Result<i64, StoreError> {
        self.world.store.last_number(series).await
    }
}

impl CommandStore for Gate {
    async fn command(&self, command_id: Uuid) -> Result<Option<AcceptedCommand>, StoreError> {
        CommandStore::command(&*self.world.store, command_id).await
    }

    async fn command_of_key(&self, actor: &str, key: &str) -> Result<Option<KeyedCommand>, StoreError> {
        let effect = self.world.store.command_of_key(actor, key);
        self.call("look up a key", effect, |found| {
            format!("known: {}", found.is_some())
        })
        .await
    }

    async fn enqueue(&self, command: QueuedCommand, key: Option<IdempotencyKey>) -> Result<(), StoreError> {
        let bucket = bucket_of(command.stream.id);
        let what = format!("queue {}", command.command_id);
        let effect = async {
            self.world.store.enqueue(command, key).await?;
            self.world.wake("worker", bucket);
            Ok(())
        };
        self.call(&what, effect, |()| "done".to_owned()).await
    }

    async fn forget_keys(&self, older_than: Duration, limit: usize) -> Result<usize, StoreError> {
        self.world.store.forget_keys(older_than, limit).await
    }
}

impl CommandQueue for Gate {
    async fn take(&self, buckets: &[u16], per_bucket: usize) -> Result<Vec<TakenCommand>, StoreError> {
        let effect = async {
            let mut taken = self.world.store.take(buckets, per_bucket).await?;
            if self.planted(Planted::TakesOutOfOrder) {
                taken.reverse();
            }
            Ok(taken)
        };
        self.call("take", effect, |taken| format!("{} commands", taken.len()))
            .await
    }

    async fn postpone(&self, place: QueuePlace, postponement: Postponement) -> Result<(), StoreError> {
        let effect = self.world.store.postpone(place, postponement);
        self.call("postpone", effect, |()| format!("row {}", place.id))
            .await
    }

    async fn remove(&self, place: QueuePlace) -> Result<(), StoreError> {
        let effect = self.world.store.remove(place);
        self.call("remove", effect, |()| format!("row {}", place.id))
            .await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        self.world.store.waiting().await
    }
}

impl Publisher for Gate {
    /// What was sent may be taken in after the sender has died, and after others have sent; of an answer, a part may be lost.
    async fn publish(&self, rows: &[OutboxRow]) -> Vec<Result<(), PublishError>> {
        let fate = self.world.fate();
        self.ice.thawed().await;
        let (taken, skipped) = {
            let mut noted = self.world.noted();
            let all = rows.len() as u64;
            let taken = match (noted.broker_is_up, fate.ends) {
                (false, _) => 0,
                (true, Ends::Unsent) => noted.dice.roll(all + 1),
                (true, _) => all,
            };
            (taken as usize, noted.dice.roll(all) as usize)
        };
        let leaves_out = self.planted(Planted::LeavesOneOut) && fate.ends == Ends::Unsent;
        let (world, name, sent) = (Arc::clone(&self.world), self.name.clone(), rows.to_vec());
        let request = tokio::spawn(async move {
            for (at, row) in sent.iter().enumerate() {
                if at % 8 == 0 {
                    tokio::time::sleep(fate.before).await;
                }
                if (at < taken || leaves_out) && !(leaves_out && at == skipped) {
                    world.took_in(row);
                }
            }
            world.trace(format!("{name} publish: {taken} of {} taken in", sent.len()));
        });
        _ = request.await;
        self.pause(fate.after).await;
        let acknowledged = match fate.ends {
            Ends::Unanswered => self.world.roll(taken as u64 + 1) as usize,
            _ => taken,
        };
        (0..rows.len())
            .map(|at| match leaves_out {
                false => at < acknowledged,
                true => at != skipped,
            })
            .map(|ok| match ok {
                true => Ok(()),
                false => Err(PublishError::NotAcknowledged(anyhow::anyhow!("as the dice say"))),
            })
            .collect()
    }
}
