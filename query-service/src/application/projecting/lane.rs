//! Lanes: each takes the records of its share of the aggregates in order, in three stages that overlap.
//!
//! 1. fold and write: one bulk request in flight for each lane;
//! 2. finish: compare names, bury, tell, acknowledge;
//! 3. carry renamings to the orders, which may take long and holds up nobody else.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use metrics::Gauge;
use read_model::Kind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::finishing::{Finishing, Renamed};
use super::folding::{Folded, Folding};
use super::names::Names;
use super::patience::{Abandoned, Patience};
use super::recent::RecentDocuments;
use super::record::{Acknowledge, Incoming, Position, Record};
use super::renaming::Renaming;
use super::{ProjectorSettings, spans};
use crate::application::ports::{ChangePublisher, DeadLetter, DeadLetters, DocumentStore};

/// Written batches that may wait to be finished.
const UNFINISHED: usize = 2;
/// Renamings that may wait for those before them.
const RENAMINGS: usize = 256;

/// The ports that the lanes use.
pub struct Ports<S, D, C, A> {
    pub store: Arc<S>,
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
    _room: Vec<Room>,
}

/// Starts the lanes as tasks of `tasks`. On `abandon` they leave what they have.
pub fn start<S, D, C, A>(
    settings: &ProjectorSettings,
    ports: &Ports<S, D, C, A>,
    tasks: &mut JoinSet<()>,
    abandon: &CancellationToken,
) -> Lanes
where
    S: DocumentStore,
    D: DeadLetters,
    C: ChangePublisher,
    A: Acknowledge,
{
    let patience = Patience::new(settings, abandon.clone());
    let queues = (0..settings.lanes.get()).map(|lane| {
        let names = Names::new(Arc::clone(&ports.store), patience.clone());
        let folding = Folding::new(
            Arc::clone(&ports.store),
            RecentDocuments::new(settings.recent_documents_bytes),
            patience.clone(),
        );
        let finishing = Finishing {
            dead_letters: Arc::clone(&ports.dead_letters),
            changes: Arc::clone(&ports.changes),
            names: names.clone(),
            patience: patience.clone(),
            acknowledge: Arc::clone(&ports.acknowledge),
        };
        let renaming = Renaming {
            store: Arc::clone(&ports.store),
            changes: Arc::clone(&ports.changes),
            names,
            patience: patience.clone(),
            page: settings.renaming_page.get(),
        };
        let (queue, queued) = LaneQueue::new(lane, settings.lane_queue_bytes);
        let (written, to_finish) = mpsc::channel(UNFINISHED);
        let (renamed, to_carry) = mpsc::channel(RENAMINGS);
        tasks.spawn(fold(folding, queued, written, settings.batch_records.get()));
        tasks.spawn(finish(finishing, to_finish, renamed));
        tasks.spawn(carry(renaming, to_carry, Arc::clone(&ports.acknowledge)));
        queue
    });
    Lanes {
        queues: queues.collect(),
    }
}

impl Lanes {
    /// The lane of an aggregate: always the same.
    pub fn of(&self, kind: Kind, id: Uuid) -> usize {
        let mut hasher = DefaultHasher::new();
        (kind, id).hash(&mut hasher);
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
    fn new(lane: usize, bytes: usize) -> (Self, mpsc::UnboundedReceiver<Queued>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let capacity = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).max(1);
        let room = Arc::new(Semaphore::new(capacity as usize));
        (
            Self {
                sender,
                room,
                capacity,
                used: metrics::gauge!("projector_queue_bytes", "lane" => lane.to_string()),
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

async fn fold<S: DocumentStore>(
    mut folding: Folding<S>,
    mut queued: mpsc::UnboundedReceiver<Queued>,
    written: mpsc::Sender<Written>,
    batch_records: usize,
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
        let (records, undecodable) = split(incoming);
        let spans = spans::spans(&records);
        let folded = folding.fold(records).instrument(spans.batch.clone()).await;
        drop(spans);
        let Ok(folded) = folded else { return };
        let batch = Written {
            folded,
            undecodable,
            _room: room,
        };
        if written.send(batch).await.is_err() {
            return;
        }
    }
}

fn split(incoming: Vec<Incoming>) -> (Vec<Arc<Record>>, Vec<(Position, DeadLetter)>) {
    let mut records = Vec::with_capacity(incoming.len());
    let mut undecodable = Vec::new();
    for one in incoming {
        match one {
            Incoming::Event(record) => records.push(record),
            Incoming::Undecodable { position, letter } => undecodable.push((position, *letter)),
        }
    }
    (records, undecodable)
}

async fn finish<S, D, C, A>(
    finishing: Finishing<S, D, C, A>,
    mut written: mpsc::Receiver<Written>,
    renamed: mpsc::Sender<Renamed>,
) where
    S: DocumentStore,
    D: DeadLetters,
    C: ChangePublisher,
    A: Acknowledge,
{
    while let Some(batch) = written.recv().await {
        let Ok(renamings) = finishing.finish(batch.folded, batch.undecodable).await else {
            return;
        };
        for renaming in renamings {
            if renamed.send(renaming).await.is_err() {
                return;
            }
        }
    }
}

async fn carry<S, C, A>(renaming: Renaming<S, C>, mut renamed: mpsc::Receiver<Renamed>, acknowledge: Arc<A>)
where
    S: DocumentStore,
    C: ChangePublisher,
    A: Acknowledge,
{
    while let Some(Renamed { source, positions }) = renamed.recv().await {
        match renaming.propagate(source).await {
            Ok(()) => acknowledge.done(&positions),
            Err(Abandoned) => return,
        }
    }
}
