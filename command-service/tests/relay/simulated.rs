//! The relay over the ports in memory, with a publisher that fails when told to and an outbox that freezes.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use command_service::application::ports::{
    BUCKETS, Backlog, EventStore, Lease, Leases, Outbox, OutboxRow, PublishError, Publisher, StoreError,
    StreamId,
};
use command_service::outbound::bucket::bucket_of;
use command_service::outbound::memory::{ManualClock, MemoryStore};
use command_service::relay::{Relay, RelaySettings};
use command_service::sharing::Wake;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::events::{append, new_customer};
use crate::support::{eventually, unique_id};

/// Notes what it is sent. Refuses the events that it is told to and takes those behind them all the same.
#[derive(Default)]
struct Broker {
    /// How many batches it was sent, answered or not.
    begun: Mutex<usize>,
    log: Mutex<Vec<(Uuid, u64)>>,
    refused: Mutex<HashSet<(Uuid, u64)>>,
}

impl Broker {
    fn refuse(&self, stream: StreamId, version: u64) {
        self.refused.lock().unwrap().insert((stream.id, version));
    }

    fn accept_all(&self) {
        self.refused.lock().unwrap().clear();
    }

    fn versions(&self, stream: StreamId) -> Vec<u64> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter(|(id, _)| *id == stream.id)
            .map(|(_, version)| *version)
            .collect()
    }
}

/// One relay's way to the broker, which can be slow or stuck.
struct Connection {
    broker: Arc<Broker>,
    stuck: watch::Receiver<bool>,
    delay: Duration,
}

impl Publisher for Connection {
    async fn publish(&self, rows: &[OutboxRow]) -> Vec<Result<(), PublishError>> {
        *self.broker.begun.lock().unwrap() += 1;
        thawed(&self.stuck).await;
        tokio::time::sleep(self.delay).await;
        let refused = self.broker.refused.lock().unwrap();
        let mut log = self.broker.log.lock().unwrap();
        rows.iter()
            .map(|row| {
                let event = (row.metadata.aggregate_id, row.metadata.version);
                if refused.contains(&event) {
                    return Err(PublishError::NotAcknowledged(anyhow::anyhow!("refused")));
                }
                log.push(event);
                Ok(())
            })
            .collect()
    }
}

/// The shared outbox and its leases as one relay sees them: nothing answers while it is frozen.
struct View {
    store: Arc<MemoryStore>,
    frozen: watch::Receiver<bool>,
}

async fn thawed(frozen: &watch::Receiver<bool>) {
    frozen.clone().wait_for(|frozen| !frozen).await.unwrap();
}

impl Leases for View {
    async fn balance(&self, owner: Uuid, busy: &[u16]) -> Result<Vec<Lease>, StoreError> {
        thawed(&self.frozen).await;
        self.store.balance(owner, busy).await
    }

    async fn release(&self, owner: Uuid) -> Result<(), StoreError> {
        self.store.release(owner).await
    }

    async fn reserve(&self, owner: Uuid, buckets: &[u16]) -> Result<Vec<Lease>, StoreError> {
        self.store.reserve(owner, buckets).await
    }

    async fn give_back(&self, owner: Uuid, buckets: &[u16]) -> Result<(), StoreError> {
        self.store.give_back(owner, buckets).await
    }
}

impl Outbox for View {
    async fn pending(&self, buckets: &[u16], per_bucket: usize) -> Result<Vec<OutboxRow>, StoreError> {
        thawed(&self.frozen).await;
        self.store.pending(buckets, per_bucket).await
    }

    async fn mark_published(&self, rows: &[(Lease, i64)]) -> Result<usize, StoreError> {
        thawed(&self.frozen).await;
        self.store.mark_published(rows).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.store.backlog().await
    }
}

struct World {
    broker: Arc<Broker>,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

struct RelayAtWork {
    wake: Arc<Wake>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    freeze: watch::Sender<bool>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self {
            broker: Arc::default(),
            store: Arc::new(MemoryStore::new(Arc::clone(&clock))),
            clock,
        }
    }

    async fn commit(&self, stream: StreamId, expected_version: u64, events: u64) {
        self.store
            .commit(append(stream, expected_version, events))
            .await
            .unwrap();
    }

    fn start(&self, delay: Duration, rows_per_bucket: usize) -> RelayAtWork {
        let (freeze, frozen) = watch::channel(false);
        let wake = Arc::new(Wake::default());
        let stop = CancellationToken::new();
        let view = Arc::new(View {
            store: Arc::clone(&self.store),
            frozen: frozen.clone(),
        });
        let connection = Connection {
            broker: Arc::clone(&self.broker),
            stuck: frozen,
            delay,
        };
        let settings = RelaySettings {
            rows_per_bucket: std::num::NonZeroUsize::new(rows_per_bucket).unwrap(),
            heartbeat: Duration::from_millis(20),
            poll_max: Duration::from_millis(20),
            back_off_min: Duration::from_millis(1),
            back_off_max: Duration::from_millis(10),
            stop_timeout: Duration::from_millis(200),
            ..RelaySettings::default()
        };
        let relay = Relay::new(
            Arc::clone(&view),
            view,
            Arc::new(connection),
            Arc::clone(&wake),
            unique_id(),
            &settings,
        );
        RelayAtWork {
            wake,
            task: tokio::spawn(relay.run(stop.clone())),
            stop,
            freeze,
        }
    }

    fn start_relay(&self) -> RelayAtWork {
        self.start(Duration::ZERO, 100)
    }

    async fn drained(&self) {
        eventually("the outbox is empty", async || {
            self.store.backlog().await.unwrap().rows == 0
        })
        .await;
    }

    async fn left(&self, stream: StreamId) -> Vec<u64> {
        let rows = self.store.pending(&[bucket_of(stream.id)], 1000).await.unwrap();
        rows.iter()
            .filter(|row| row.metadata.aggregate_id == stream.id)
            .map(|row| row.metadata.version)
            .collect()
    }
}

impl RelayAtWork {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn first_occurrences(mut versions: Vec<u64>) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    versions.retain(|version| seen.insert(*version));
    versions
}

/// A customer in another bucket than the given one.
fn in_another_bucket(stream: StreamId) -> StreamId {
    loop {
        let other = new_customer();
        if bucket_of(other.id) != bucket_of(stream.id) {
            return other;
        }
    }
}

#[tokio::test]
async fn what_is_committed_is_published_in_order_and_leaves_the_outbox() {
    let world = World::new();
    let relay = world.start_relay();
    let customers: Vec<_> = (0..30).map(|_| new_customer()).collect();
    for version in [0, 3, 6] {
        for customer in &customers {
            world.commit(*customer, version, 3).await;
        }
    }
    world.drained().await;
    relay.stop().await;
    for customer in customers {
        assert_eq!(world.broker.versions(customer), (1..=9).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_bucket_stops_at_its_first_failure_and_others_go_on() {
    let world = World::new();
    let failing = new_customer();
    let other = in_another_bucket(failing);
    world.broker.refuse(failing, 2);
    world.commit(failing, 0, 3).await;
    world.commit(other, 0, 3).await;
    let relay = world.start_relay();
    eventually("it was tried again", async || {
        world.broker.versions(failing).len() > 4
    })
    .await;
    assert_eq!(
        world.left(failing).await,
        [2, 3],
        "3 was acknowledged, but stands behind 2"
    );
    assert_eq!(world.left(other).await, [] as [u64; 0]);
    world.broker.accept_all();
    world.drained().await;
    relay.stop().await;
    assert_eq!(
        world.broker.versions(failing).last(),
        Some(&3),
        "3 was sent again after 2"
    );
}

#[tokio::test]
async fn a_wake_is_enough_and_polling_is_too() {
    let world = World::new();
    let relay = world.start_relay();
    let (told, found) = (new_customer(), new_customer());
    world.commit(told, 0, 1).await;
    relay.wake.committed(bucket_of(told.id));
    world.drained().await;
    world.commit(found, 0, 1).await;
    world.drained().await;
    relay.stop().await;
}

#[tokio::test]
async fn who_dies_is_replaced_once_its_leases_run_out() {
    let world = World::new();
    let first = world.start_relay();
    let customer = new_customer();
    world.commit(customer, 0, 2).await;
    world.drained().await;
    first.task.abort();
    assert!(first.task.await.unwrap_err().is_cancelled());
    world.commit(customer, 2, 2).await;
    let second = world.start_relay();
    world
        .clock
        .advance(MemoryStore::LEASE_TIME + TimeDelta::seconds(1));
    world.drained().await;
    second.stop().await;
    assert_eq!(world.broker.versions(customer), [1, 2, 3, 4]);
}

#[tokio::test]
async fn who_stops_gives_its_buckets_back() {
    let world = World::new();
    let relay = world.start_relay();
    let customer = new_customer();
    world.commit(customer, 0, 2).await;
    world.drained().await;
    relay.stop().await;
    let successor = world.store.balance(unique_id(), &[]).await.unwrap();
    assert_eq!(successor.len(), usize::from(BUCKETS));
}

#[tokio::test]
async fn who_stops_finishes_its_batch() {
    let world = World::new();
    let customer = new_customer();
    world.commit(customer, 0, 2).await;
    let relay = world.start(Duration::from_millis(50), 100);
    eventually("a batch is in work", async || {
        *world.broker.begun.lock().unwrap() > 0
    })
    .await;
    relay.stop().await;
    assert_eq!(world.broker.versions(customer), [1, 2]);
    assert_eq!(world.left(customer).await, [] as [u64; 0]);
}

#[tokio::test]
async fn who_stops_gives_up_a_batch_that_is_stuck() {
    let world = World::new();
    let relay = world.start_relay();
    let customer = new_customer();
    world.commit(new_customer(), 0, 1).await;
    world.drained().await;
    let frozen = relay.freeze.clone();
    frozen.send(true).unwrap();
    world.commit(customer, 0, 2).await;
    relay.stop().await;
    assert_eq!(world.left(customer).await, [1, 2]);
    let successor = world.start_relay();
    world.drained().await;
    successor.stop().await;
    assert_eq!(world.broker.versions(customer), [1, 2]);
}

#[tokio::test]
async fn a_relay_that_freezes_in_mid_batch_does_no_harm_when_it_wakes() {
    let world = World::new();
    let customer = new_customer();
    world.commit(customer, 0, 3).await;
    let sleeper = world.start(Duration::from_millis(30), 100);
    eventually("a batch is in work", async || {
        *world.broker.begun.lock().unwrap() > 0
    })
    .await;
    sleeper.freeze.send(true).unwrap();
    world
        .clock
        .advance(MemoryStore::LEASE_TIME + TimeDelta::seconds(1));
    let successor = world.start_relay();
    world.commit(customer, 3, 3).await;
    world.drained().await;
    sleeper.freeze.send(false).unwrap();
    world.commit(customer, 6, 3).await;
    world.drained().await;
    sleeper.stop().await;
    successor.stop().await;
    assert_eq!(
        first_occurrences(world.broker.versions(customer)),
        (1..=9).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_with_more_work_than_it_can_do_shares_it_with_a_newcomer() {
    let world = World::new();
    let customers: Vec<_> = (0..200).map(|_| new_customer()).collect();
    for customer in &customers {
        world.commit(*customer, 0, 40).await;
    }
    let first = world.start(Duration::from_millis(5), 5);
    eventually("the first is at work", async || {
        !world.broker.log.lock().unwrap().is_empty()
    })
    .await;
    let newcomer = unique_id();
    eventually("the newcomer has its half", async || {
        world.store.balance(newcomer, &[]).await.unwrap().len() == usize::from(BUCKETS) / 2
    })
    .await;
    assert!(
        world.store.backlog().await.unwrap().rows > 0,
        "while the first had work"
    );
    world.store.release(newcomer).await.unwrap();
    world.drained().await;
    first.stop().await;
    for customer in customers {
        assert_eq!(
            first_occurrences(world.broker.versions(customer)),
            (1..=40).collect::<Vec<_>>()
        );
    }
}
