//! Lanes: each takes the records of its share of the aggregates in order, in three stages that overlap.
//!
//! 1. fold and write: one bulk request in flight for each lane;
//! 2. finish: compare names, bury, tell, acknowledge;
//! 3. carry renamings to the orders, which may take long and holds up nobody else.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use metrics::Gauge;
use read_model::NameSource;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use super::announcing::Announcing;
use super::finishing::{Finishing, Renamed};
use super::folded::Folded;
use super::folding::Folding;
use super::names::Names;
use super::patience::{Abandoned, Patience};
use super::recent::RecentDocuments;
use super::record::{Acknowledge, Incoming, Position, Record};
use super::renaming::Renaming;
use super::tally::Tally;
use super::{ProjectorSettings, spans};
use crate::application::ports::{
    ChangePublisher, DeadLetter, DeadLetters, DocumentStore, Generation, Generations, NameSources,
};

/// Written batches that may wait to be finished.
const UNFINISHED: usize = 2;
/// Renamings that may wait for those before them.
const RENAMINGS: usize = 256;
/// Those that wait go together, at most so many.
const RENAMINGS_AT_ONCE: usize = 64;

/// What the lanes of one generation use.
pub struct Ports<G, D, C, A> {
    pub generation: Generation,
    pub tally: Arc<Tally>,
    pub generations: Arc<G>,
    pub announcing: Arc<Announcing>,
    pub dead_letters: Arc<D>,
    pub changes: Arc<C>,
    pub acknowledge: Arc<A>,
}

/// The way into the lanes. When it is dropped they finish what they have and end.
pub struct Lanes {
    queues: Vec<LaneQueue>,
}

/// Bounded by the bytes of what has been taken in and is not finished.
pub struct LaneQueue {
    sender: mpsc::UnboundedSender<Queued>,
    room: Arc<Semaphore>,
    capacity: u32,
    used: Gauge,
}

struct Queued {
    incoming: Vec<Incoming>,
    _room: Room,
}

/// Room in a queue, given back when it is dropped.
pub struct Room {
    permit: OwnedSemaphorePermit,
    used: Gauge,
}

impl Room {
    fn bytes(&self) -> f64 {
        self.permit.num_permits() as f64 * 1024.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.decrement(self.bytes());
    }
}

struct Written {
    folded: Vec<Folded>,
    undecodable: Vec<(Position, DeadLetter)>,
    ignored: Vec<Position>,
    _room: Vec<Room>,
}

/// Starts the lanes as tasks of `tasks`. They leave what they have when `patience` ends.
pub fn start<G, D, C, A>(
    settings: &ProjectorSettings,
    ports: &Ports<G, D, C, A>,
    tasks: &mut JoinSet<()>,
    patience: &Patience,
) -> Lanes
where
    G: Generations + NameSources,
    D: DeadLetters,
    C: ChangePublisher,
    A: Acknowledge,
{
    let generation = ports.generation;
    let kind = generation.kind;
    let store = Arc::new(ports.generations.store(generation));
    let queues = (0..settings.lanes.get()).map(|lane| {
        let names = Names::new(Arc::clone(&ports.generations), patience.clone());
        let folding = Folding::new(
            kind,
            Arc::clone(&store),
            RecentDocuments::new(settings.recent_documents_bytes),
            patience.clone(),
        );
        let finishing = Finishing {
            generation,
            tally: Arc::clone(&ports.tally),
            store: Arc::clone(&store),
            dead_letters: Arc::clone(&ports.dead_letters),
            changes: Arc::clone(&ports.changes),
            announcing: Arc::clone(&ports.announcing),
            names: names.clone(),
            patience: patience.clone(),
            acknowledge: Arc::clone(&ports.acknowledge),
        };
        let renaming = Renaming {
            generation,
            store: Arc::clone(&store),
            generations: Arc::clone(&ports.generations),
            changes: Arc::clone(&ports.changes),
            announcing: Arc::clone(&ports.announcing),
            names,
            patience: patience.clone(),
            page: settings.renaming_page.get(),
        };
        let (queue, queued) = LaneQueue::new(generation, lane, settings.lane_queue_bytes);
        let (written, to_finish) = mpsc::channel(UNFINISHED);
        let (renamed, to_carry) = mpsc::channel(RENAMINGS);
        let waiting = metrics::gauge!(
            "projector_renamings_waiting",
            "index" => generation.to_string(),
            "lane" => lane.to_string()
        );
        let resting = Resting {
            announcing: Arc::clone(&ports.announcing),
            times: settings.catch_up_rest,
            patience: patience.clone(),
        };
        tasks.spawn(fold(
            folding,
            queued,
            written,
            settings.batch_records.get(),
            resting,
        ));
        tasks.spawn(finish(finishing, to_finish, renamed, waiting.clone()));
        tasks.spawn(carry(renaming, to_carry, Arc::clone(&ports.acknowledge), waiting));
        queue
    });
    Lanes {
        queues: queues.collect(),
    }
}

impl Lanes {
    /// The lane of a document: always the same.
    pub fn of(&self, id: Uuid) -> usize {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        (hasher.finish() % self.queues.len() as u64) as usize
    }

    pub fn len(&self) -> usize {
        self.queues.len()
    }

    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    pub fn queue(&self, lane: usize) -> &LaneQueue {
        &self.queues[lane]
    }
}

/// The lanes have ended, because one of them failed.
#[derive(Debug, thiserror::Error)]
#[error("a lane has ended")]
pub struct LaneEnded;

impl LaneQueue {
    fn new(generation: Generation, lane: usize, bytes: usize) -> (Self, mpsc::UnboundedReceiver<Queued>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let capacity = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).max(1);
        let room = Arc::new(Semaphore::new(capacity as usize));
        (
            Self {
                sender,
                room,
                capacity,
                used: metrics::gauge!(
                    "projector_queue_bytes",
                    "index" => generation.to_string(),
                    "lane" => lane.to_string()
                ),
            },
            receiver,
        )
    }

    /// Waits until there is room for so many bytes. What is more than the whole queue takes all of it.
    pub async fn room_for(&self, bytes: usize) -> Result<Room, LaneEnded> {
        let wanted = u32::try_from(bytes.div_ceil(1024))
            .unwrap_or(u32::MAX)
            .clamp(1, self.capacity);
        match Arc::clone(&self.room).acquire_many_owned(wanted).await {
            Ok(permit) => {
                let used = self.used.clone();
                let room = Room { permit, used };
                room.used.increment(room.bytes());
                Ok(room)
            }
            Err(_) => Err(LaneEnded),
        }
    }

    pub fn push(&self, incoming: Vec<Incoming>, room: Room) -> Result<(), LaneEnded> {
        self.sender
            .send(Queued {
                incoming,
                _room: room,
            })
            .map_err(|_| LaneEnded)
    }
}

/// What fills an index that nobody reads leaves the store to the queries most of the time.
struct Resting {
    announcing: Arc<Announcing>,
    times: u32,
    patience: Patience,
}

impl Resting {
    async fn after(&self, worked: Duration) -> Result<(), Abandoned> {
        if self.announcing.is_on() {
            return Ok(());
        }
        let rest = tokio::time::sleep(worked * self.times);
        self.patience.unless_abandoned(rest).await
    }
}

async fn fold<S: DocumentStore>(
    mut folding: Folding<S>,
    mut queued: mpsc::UnboundedReceiver<Queued>,
    written: mpsc::Sender<Written>,
    batch_records: usize,
    resting: Resting,
) {
    let mut next = None;
    loop {
        let Some(first) = (match next.take() {
            Some(queued) => Some(queued),
            None => queued.recv().await,
        }) else {
            return;
        };
        let mut incoming = first.incoming;
        let mut room = vec![first._room];
        // What waits already comes along.
        while let Ok(more) = queued.try_recv() {
            if incoming.len() + more.incoming.len() > batch_records {
                next = Some(more);
                break;
            }
            incoming.extend(more.incoming);
            room.push(more._room);
        }
        let Sorted {
            records,
            undecodable,
            ignored,
        } = Sorted::from(incoming);

        let began = Instant::now();
        let spans = spans::spans(&records);
        let folded = folding.fold(records).instrument(spans.batch.clone()).await;
        drop(spans);
        let Ok(folded) = folded else { return };
        let worked = began.elapsed();
        let batch = Written {
            folded,
            undecodable,
            ignored,
            _room: room,
        };
        if written.send(batch).await.is_err() || resting.after(worked).await.is_err() {
            return;
        }
    }
}

#[derive(Default)]
struct Sorted {
    records: Vec<Arc<Record>>,
    undecodable: Vec<(Position, DeadLetter)>,
    ignored: Vec<Position>,
}

impl From<Vec<Incoming>> for Sorted {
    fn from(incoming: Vec<Incoming>) -> Self {
        let mut sorted = Self::default();
        sorted.records.reserve(incoming.len());
        for one in incoming {
            match one {
                Incoming::Event(record) => sorted.records.push(record),
                Incoming::Undecodable { position, letter } => sorted.undecodable.push((position, *letter)),
                Incoming::Ignored(position) => sorted.ignored.push(position),
            }
        }
        sorted
    }
}

async fn finish<G, D, C, A>(
    finishing: Finishing<G, D, C, A>,
    mut written: mpsc::Receiver<Written>,
    renamed: mpsc::Sender<Renamed>,
    waiting: Gauge,
) where
    G: Generations + NameSources,
    D: DeadLetters,
    C: ChangePublisher,
    A: Acknowledge,
{
    while let Some(batch) = written.recv().await {
        let Ok(renamings) = finishing
            .finish(batch.folded, batch.undecodable, batch.ignored)
            .await
        else {
            return;
        };
        for renaming in renamings {
            if renamed.send(renaming).await.is_err() {
                return;
            }
            waiting.set((renamed.max_capacity() - renamed.capacity()) as f64);
        }
    }
}

async fn carry<G, C, A>(
    renaming: Renaming<G, C>,
    mut renamed: mpsc::Receiver<Renamed>,
    acknowledge: Arc<A>,
    waiting: Gauge,
) where
    G: Generations + NameSources,
    C: ChangePublisher,
    A: Acknowledge,
{
    let mut batch = Vec::with_capacity(RENAMINGS_AT_ONCE);
    while renamed.recv_many(&mut batch, RENAMINGS_AT_ONCE).await > 0 {
        waiting.set(renamed.len() as f64);
        let mut sources: Vec<NameSource> = batch.iter().map(|renamed| renamed.source).collect();
        sources.sort_unstable();
        sources.dedup();
        let Ok(()) = renaming.propagate(&sources).await else {
            return;
        };
        for Renamed { positions, .. } in batch.drain(..) {
            acknowledge.done(&positions);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::application::ports::Clock;

    #[derive(Debug)]
    struct Standing;

    impl Clock for Standing {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_catches_up_beside_what_queries_read_rests() {
        let stop = CancellationToken::new();
        let announcing: Arc<Announcing> = Arc::default();
        let resting = Resting {
            announcing: Arc::clone(&announcing),
            times: 3,
            patience: Patience::new(&ProjectorSettings::default(), stop.clone(), Arc::new(Standing)),
        };
        let worked = Duration::from_millis(100);
        let rested = async |queried| {
            announcing.set_queried(queried);
            let began = Instant::now();
            (resting.after(worked).await, began.elapsed())
        };
        assert_eq!(rested(true).await, (Ok(()), Duration::ZERO));
        assert_eq!(rested(false).await, (Ok(()), 3 * worked));
        stop.cancel();
        assert_eq!(rested(false).await, (Err(Abandoned), Duration::ZERO));
        announcing.set_level();
        assert_eq!(rested(false).await, (Ok(()), Duration::ZERO));
    }
}
