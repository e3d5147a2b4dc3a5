//! One projector over stores in memory, and what it did.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use query_service::application::ports::{
    Change, ChangePublisher, DeadLetter, DeadLetters, DocumentStore, DocumentWrite, NameSource, StoreError,
    StoredDocument, WriteOutcome,
};
use query_service::application::projecting::{
    Acknowledge, Incoming, Lanes, Ports, Position, ProjectorSettings, lane,
};
use query_service::outbound::memory::documents::MemoryDocuments;
use read_model::Kind;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::events::Told;

/// The store in memory, giving way to others before and after each call so that they come between.
#[derive(Default)]
pub struct Yielding {
    pub memory: MemoryDocuments,
    calls: AtomicUsize,
    called: Notify,
}

impl Yielding {
    async fn give_way(&self) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.called.notify_waiters();
        for _ in 0..call % 4 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the store has been called so many times more.
    pub async fn called(&self, times: usize) {
        let until = self.calls.load(Ordering::SeqCst) + times;
        let reached = async {
            loop {
                let called = self.called.notified();
                if self.calls.load(Ordering::SeqCst) >= until {
                    return;
                }
                called.await;
            }
        };
        within("the store is called", reached).await;
    }
}

impl DocumentStore for Yielding {
    async fn load(&self, kind: Kind, ids: &[Uuid]) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        self.give_way().await;
        let loaded = self.memory.load(kind, ids).await;
        self.give_way().await;
        loaded
    }

    async fn write(&self, writes: Vec<DocumentWrite>) -> Result<Vec<WriteOutcome>, StoreError> {
        self.give_way().await;
        let written = self.memory.write(writes).await;
        self.give_way().await;
        written
    }

    async fn refresh(&self, kind: Kind) -> Result<(), StoreError> {
        self.give_way().await;
        self.memory.refresh(kind).await
    }

    async fn orders_showing(
        &self,
        source: NameSource,
        below: u64,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.give_way().await;
        let found = self.memory.orders_showing(source, below, after, limit).await;
        self.give_way().await;
        found
    }
}

#[derive(Default)]
pub struct Letters(Mutex<Vec<DeadLetter>>);

impl DeadLetters for Letters {
    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError> {
        self.0.lock().expect("no panic").push(letter);
        Ok(())
    }
}

#[derive(Default)]
pub struct Changes(Mutex<Vec<Change>>);

impl ChangePublisher for Changes {
    async fn publish(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.0.lock().expect("no panic").extend_from_slice(changes);
        Ok(())
    }
}

#[derive(Default)]
pub struct Acknowledged {
    positions: Mutex<HashSet<Position>>,
    more: Notify,
}

impl Acknowledge for Acknowledged {
    fn done(&self, positions: &[Position]) {
        self.positions.lock().expect("no panic").extend(positions);
        self.more.notify_waiters();
    }
}

pub struct World {
    pub store: Arc<Yielding>,
    letters: Arc<Letters>,
    changes: Arc<Changes>,
    acknowledged: Arc<Acknowledged>,
    lanes: Lanes,
    tasks: JoinSet<()>,
    abandon: CancellationToken,
    offset: i64,
}

impl World {
    pub fn new() -> Self {
        Self::over(Arc::default())
    }

    /// A projector that knows nothing of the store yet: another process, or the same after a crash.
    pub fn over(store: Arc<Yielding>) -> Self {
        let settings = ProjectorSettings {
            retry_min: Duration::from_millis(1),
            retry_max: Duration::from_millis(5),
            renaming_page: const { std::num::NonZeroUsize::new(3).unwrap() },
            ..ProjectorSettings::default()
        };
        let (letters, changes) = (Arc::default(), Arc::default());
        let acknowledged: Arc<Acknowledged> = Arc::default();
        let ports = Ports {
            store: Arc::clone(&store),
            dead_letters: Arc::clone(&letters),
            changes: Arc::clone(&changes),
            acknowledge: Arc::clone(&acknowledged),
        };
        let mut tasks = JoinSet::new();
        let abandon = CancellationToken::new();
        let lanes = lane::start(&settings, &ports, &mut tasks, &abandon);
        Self {
            store,
            letters,
            changes,
            acknowledged,
            lanes,
            tasks,
            abandon,
            offset: 0,
        }
    }

    /// Hands over a batch without waiting for it.
    pub async fn send(&mut self, events: impl IntoIterator<Item = Told>) -> Vec<Position> {
        let mut shares: Vec<Vec<Incoming>> = (0..self.lanes.len()).map(|_| Vec::new()).collect();
        let mut positions = Vec::new();
        for told in events {
            let position = Position {
                topic: told.topic(),
                partition: 0,
                offset: self.offset,
                assignment: 1,
            };
            self.offset += 1;
            positions.push(position);
            shares[self.lanes.of(told.topic(), told.id)].push(Incoming::Event(Arc::new(told.at(position))));
        }
        self.push(shares).await;
        positions
    }

    async fn push(&self, shares: Vec<Vec<Incoming>>) {
        for (lane, incoming) in shares.into_iter().enumerate() {
            if incoming.is_empty() {
                continue;
            }
            let queue = self.lanes.queue(lane);
            let bytes = incoming.iter().map(Incoming::bytes).sum();
            let room = within("room in the lane", queue.room_for(bytes))
                .await
                .expect("the lane runs");
            queue.push(incoming, room).expect("the lane runs");
        }
    }

    pub async fn done(&self, positions: &[Position]) {
        let all = async {
            loop {
                let more = self.acknowledged.more.notified();
                if self.are_done(positions) {
                    return;
                }
                more.await;
            }
        };
        within("every record is acknowledged", all).await;
    }

    pub fn are_done(&self, positions: &[Position]) -> bool {
        let done = self.acknowledged.positions.lock().expect("no panic");
        positions.iter().all(|position| done.contains(position))
    }

    /// Hands over one batch and waits until all of it is done.
    pub async fn project(&mut self, events: impl IntoIterator<Item = Told>) {
        let positions = self.send(events).await;
        self.done(&positions).await;
    }

    /// A record that could not be decoded.
    pub async fn project_undecodable(&mut self, letter: DeadLetter) {
        let position = Position {
            topic: Kind::Order,
            partition: 0,
            offset: self.offset,
            assignment: 1,
        };
        self.offset += 1;
        let letter = Box::new(letter);
        self.push(vec![vec![Incoming::Undecodable { position, letter }]])
            .await;
        self.done(&[position]).await;
    }

    /// Stops at once, as a crash does.
    pub async fn crash(self) -> Arc<Yielding> {
        let Self {
            store,
            lanes,
            mut tasks,
            abandon,
            ..
        } = self;
        abandon.cancel();
        drop(lanes);
        while tasks.join_next().await.is_some() {}
        store
    }

    pub fn document(&self, kind: Kind, id: Uuid) -> Value {
        self.documents(kind).remove(&id).unwrap_or_default()
    }

    pub fn order(&self, id: Uuid) -> Value {
        self.document(Kind::Order, id)
    }

    pub fn documents(&self, kind: Kind) -> BTreeMap<Uuid, Value> {
        self.store.memory.all(kind)
    }

    pub fn letters(&self) -> Vec<DeadLetter> {
        self.letters.0.lock().expect("no panic").clone()
    }

    pub fn changes(&self) -> Vec<Change> {
        self.changes.0.lock().expect("no panic").clone()
    }
}

async fn within<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(30), awaited).await {
        Ok(ready) => ready,
        Err(_) => panic!("30 s were not enough until {what}"),
    }
}
