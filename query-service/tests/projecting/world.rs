//! One projector over stores in memory, and what it did.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use query_service::application::ports::{
    Change, ChangePublisher, DeadLetter, DeadLetters, DocumentStore, DocumentWrite, FoundGeneration,
    Generation, Generations, NameSource, NameSources, StoreError, StoredDocument, Waiting, WriteOutcome,
};
use query_service::application::projecting::aside::Aside;
use query_service::application::projecting::gaps::Gaps;
use query_service::application::projecting::patience::Patience;
use query_service::application::projecting::tally::Tally;
use query_service::application::projecting::{
    Acknowledge, Announcing, Incoming, Lanes, Ports, Position, ProjectorSettings, lane,
};
use query_service::outbound::memory::documents::MemoryDocuments;
use query_service::outbound::memory::gaps::{MemoryEvents, MemoryRepairRequests};
use query_service::outbound::memory::generations::MemoryGenerations;
use query_service::outbound::system::SystemClock;
use read_model::{CurrentName, Kind};
use serde_json::Value;
use shared_events::AggregateType;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::events::Told;

/// The stores in memory, giving way to others before and after each call so that they come between.
#[derive(Default)]
pub struct Stores {
    pub memory: MemoryGenerations,
    calls: Arc<Calls>,
}

#[derive(Default)]
struct Calls {
    count: AtomicUsize,
    conflicts: AtomicUsize,
    called: Notify,
}

pub struct Yielding {
    store: MemoryDocuments,
    calls: Arc<Calls>,
}

impl Calls {
    async fn give_way(&self) {
        let call = self.count.fetch_add(1, Ordering::SeqCst);
        self.called.notify_waiters();
        for _ in 0..call % 4 {
            tokio::task::yield_now().await;
        }
    }

    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        self.give_way().await;
        let answer = call.await;
        self.give_way().await;
        answer
    }
}

impl Stores {
    /// Waits until a store has been called so many times more.
    pub async fn called(&self, times: usize) {
        let calls = &self.calls;
        let until = calls.count.load(Ordering::SeqCst) + times;
        let reached = async {
            loop {
                let called = calls.called.notified();
                if calls.count.load(Ordering::SeqCst) >= until {
                    return;
                }
                called.await;
            }
        };
        within("the store is called", reached).await;
    }

    /// How many writes have lost to others.
    pub fn conflicts(&self) -> usize {
        self.calls.conflicts.load(Ordering::SeqCst)
    }
}

impl Generations for Stores {
    type Store = Yielding;

    fn mapping(&self, kind: Kind) -> u32 {
        self.memory.mapping(kind)
    }

    async fn find(&self, kinds: &[Kind]) -> Result<Vec<FoundGeneration>, StoreError> {
        self.calls.around(self.memory.find(kinds)).await
    }

    fn store(&self, generation: Generation) -> Yielding {
        Yielding {
            store: self.memory.store(generation),
            calls: Arc::clone(&self.calls),
        }
    }
}

impl NameSources for Stores {
    async fn names(&self, sources: &[NameSource]) -> Result<Vec<Option<CurrentName>>, StoreError> {
        self.calls.around(self.memory.names(sources)).await
    }
}

impl DocumentStore for Yielding {
    async fn load(&self, ids: &[Uuid]) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        self.calls.around(self.store.load(ids)).await
    }

    async fn write(&self, writes: Vec<DocumentWrite>) -> Result<Vec<WriteOutcome>, StoreError> {
        let outcomes = self.calls.around(self.store.write(writes)).await?;
        let conflicts = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, WriteOutcome::Conflict));
        self.calls
            .conflicts
            .fetch_add(conflicts.count(), Ordering::SeqCst);
        Ok(outcomes)
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.calls.around(self.store.refresh()).await
    }

    async fn orders_showing(
        &self,
        older: &[(NameSource, u64)],
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let shown = self.store.orders_showing(older, after, limit);
        self.calls.around(shown).await
    }

    async fn waiting(&self, since_before: DateTime<Utc>, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        self.calls.around(self.store.waiting(since_before, limit)).await
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

/// What a projector feeds; a pipeline for each.
type Pipelines = Vec<(Generation, Lanes)>;

pub struct World {
    pub store: Arc<Stores>,
    letters: Arc<Letters>,
    pub changes: Arc<Changes>,
    acknowledged: Arc<Acknowledged>,
    pipelines: Pipelines,
    tasks: JoinSet<()>,
    abandon: CancellationToken,
    offset: i64,
}

impl World {
    pub fn new() -> Self {
        Self::over(Arc::default())
    }

    /// A projector that knows nothing of the store yet: another process, or the same after a crash.
    pub fn over(store: Arc<Stores>) -> Self {
        let first = Kind::AGGREGATES.map(|kind| (MemoryGenerations::first(kind), true));
        Self::feeding(store, first)
    }

    /// One of every projection.
    pub fn of_all(store: Arc<Stores>) -> Self {
        let first = Kind::ALL.map(|kind| (MemoryGenerations::first(kind), true));
        Self::feeding(store, first)
    }

    /// One that feeds these generations alone, and tells of what it writes into some.
    pub fn feeding(store: Arc<Stores>, generations: impl IntoIterator<Item = (Generation, bool)>) -> Self {
        let settings = ProjectorSettings {
            retry_min: Duration::from_millis(1),
            retry_max: Duration::from_millis(5),
            renaming_page: const { std::num::NonZeroUsize::new(3).unwrap() },
            ..ProjectorSettings::default()
        };
        let (letters, changes) = (Arc::default(), Arc::default());
        let acknowledged: Arc<Acknowledged> = Arc::default();
        let mut tasks = JoinSet::new();
        let abandon = CancellationToken::new();
        let mut pipelines = Pipelines::new();
        for (generation, told) in generations {
            let announcing: Arc<Announcing> = Arc::default();
            announcing.set_queried(told);
            let ports = Ports {
                generation,
                tally: Arc::new(Tally::new(generation)),
                generations: Arc::clone(&store),
                announcing,
                dead_letters: Arc::clone(&letters),
                changes: Arc::clone(&changes),
                acknowledge: Arc::clone(&acknowledged),
            };
            let patience = Patience::new(&settings, abandon.clone(), Arc::new(SystemClock));
            let lanes = lane::start(&settings, &ports, &mut tasks, &patience);
            pipelines.push((generation, lanes));
        }
        Self {
            store,
            letters,
            changes,
            acknowledged,
            pipelines,
            tasks,
            abandon,
            offset: 0,
        }
    }

    /// Hands over a batch without waiting for it.
    pub async fn send(&mut self, events: impl IntoIterator<Item = Told>) -> Vec<Position> {
        let events: Vec<Told> = events.into_iter().collect();
        let mut positions = Vec::new();
        for (generation, lanes) in &self.pipelines {
            let mut shares: Vec<Vec<Incoming>> = (0..lanes.len()).map(|_| Vec::new()).collect();
            for (offset, told) in (self.offset..).zip(&events) {
                let Some(target) = generation.kind.target(&told.metadata(), &told.event) else {
                    continue;
                };
                let position = Position {
                    topic: told.event.aggregate(),
                    partition: 0,
                    offset,
                    // Apart from those of the other pipelines.
                    assignment: generation.kind as u64 * 1_000 + u64::from(generation.number),
                };
                positions.push(position);
                let record = told.clone().at(position, target);
                shares[lanes.of(target)].push(Incoming::Event(Arc::new(record)));
            }
            Self::push(lanes, shares).await;
        }
        self.offset += events.len() as i64;
        positions
    }

    async fn push(lanes: &Lanes, shares: Vec<Vec<Incoming>>) {
        for (lane, incoming) in shares.into_iter().enumerate() {
            if incoming.is_empty() {
                continue;
            }
            let queue = lanes.queue(lane);
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

    /// A record that could not be decoded, or that a projection makes nothing of.
    async fn project_one(&mut self, incoming: impl FnOnce(Position) -> Incoming) {
        let position = Position {
            topic: AggregateType::Order,
            partition: 0,
            offset: self.offset,
            assignment: 1,
        };
        self.offset += 1;
        let (_, lanes) = self
            .pipelines
            .iter()
            .find(|(generation, _)| generation.kind == Kind::Order)
            .expect("orders are projected");
        Self::push(lanes, vec![vec![incoming(position)]]).await;
        self.done(&[position]).await;
    }

    pub async fn project_undecodable(&mut self, letter: DeadLetter) {
        let letter = Box::new(letter);
        self.project_one(|position| Incoming::Undecodable { position, letter })
            .await;
    }

    pub async fn project_ignored(&mut self) {
        self.project_one(Incoming::Ignored).await;
    }

    /// What looks after the gaps of a projection's first generation.
    pub fn gaps(
        &self,
        settings: ProjectorSettings,
        kind: Kind,
        events: &MemoryEvents,
        repairs: &Arc<MemoryRepairRequests>,
    ) -> Gaps<Stores, MemoryEvents, MemoryRepairRequests, Changes> {
        let generation = MemoryGenerations::first(kind);
        let patience = Patience::new(&settings, self.abandon.clone(), Arc::new(SystemClock));
        let announcing: Arc<Announcing> = Arc::default();
        announcing.set_queried(true);
        let aside = Aside::new(
            &settings,
            generation,
            &self.store,
            &self.changes,
            &announcing,
            &patience,
        );
        Gaps::new(
            generation,
            Arc::new(self.store.store(generation)),
            events.clone(),
            Arc::clone(repairs),
            aside,
            patience,
            settings,
        )
    }

    /// What was written can be found by searches.
    pub async fn refresh(&self, kind: Kind) {
        let store = self.store.store(MemoryGenerations::first(kind));
        store.refresh().await.expect("the store is there");
    }

    /// Stops at once, as a crash does.
    pub async fn crash(self) -> Arc<Stores> {
        let Self {
            store,
            pipelines,
            mut tasks,
            abandon,
            ..
        } = self;
        abandon.cancel();
        drop(pipelines);
        while tasks.join_next().await.is_some() {}
        store
    }

    /// As queries read it.
    pub fn document(&self, kind: Kind, id: Uuid) -> Value {
        self.documents(kind).remove(&id).unwrap_or_default()
    }

    pub fn order(&self, id: Uuid) -> Value {
        self.document(Kind::Order, id)
    }

    pub fn documents(&self, kind: Kind) -> BTreeMap<Uuid, Value> {
        self.store.memory.queried(kind).all()
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
