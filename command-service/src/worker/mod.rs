//! Runs the commands that are queued: what clients want decided later, and what policies want.
//!
//! # Why each command has one outcome, and those of one aggregate come in order
//!
//! An aggregate's commands are all in one bucket, and an outcome is committed under the command's primary key in the
//! statement that takes its row out of the queue. So nobody can commit a second one, whatever it holds or believes.
//!
//! A batch takes a bucket's oldest commands and runs those of one stream one after the other. It goes on from n to n + 1
//! only when n is decided: by itself, or by another, which it knows from the primary key. Where it cannot tell, or n could
//! not be run, it leaves the rest of the stream; n keeps its row, and as long as it has to wait, so does what is behind
//! it. So whoever begins n + 1 does so after the outcome of n was committed, and decides on what n has left.
//!
//! That says nothing of who holds the lease. A worker that freezes in mid-batch, loses its lease and wakes runs commands
//! that its successor runs too, each after its predecessor; it finds them decided, or is the one to decide, and adds no
//! second outcome and no new order. An attempt that was given up at its deadline may still be committed afterwards: it is
//! then the outcome, and a later attempt finds it. Leases only keep work from being done twice.

mod batch;
mod cleanup;
mod settings;
mod watch;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use cleanup::forget_old_keys;
pub use settings::WorkerSettings;
pub use watch::QueueWatch;

use crate::application::bus::{Answered, CommandError};
use crate::application::ports::{Clock, CommandQueue, EventStore, Ids, Lease, Leases, TakenCommand};
use crate::sharing::{Report, Sharer, Wake, Work};

/// Takes a stored command through the bus to its outcome.
pub trait RunStored: Send + Sync + 'static {
    /// Answers once the outcome is recorded: success, or an error that is an outcome. Any other error means that none was
    /// recorded by this call.
    fn run_stored(&self, taken: &TakenCommand)
    -> impl Future<Output = Result<Answered, CommandError>> + Send;
}

/// One worker. Any number of them share the buckets.
pub struct Worker<L, S, R, K, I>(Sharer<L, Running<S, R, K, I>>);

impl<L, S, R, K, I> Worker<L, S, R, K, I>
where
    L: Leases,
    S: EventStore + CommandQueue,
    R: RunStored,
    K: Clock,
    I: Ids,
{
    /// `owner` names this worker among all and is never used again by another.
    pub fn new(
        leases: Arc<L>,
        running: Running<S, R, K, I>,
        wake: Arc<Wake>,
        owner: Uuid,
        settings: &WorkerSettings,
    ) -> Self {
        Self(Sharer::new(
            leases,
            Arc::new(running),
            wake,
            owner,
            settings.sharing(),
        ))
    }

    /// Runs commands until told to stop; then finishes what is in work, within the setting's bound, and gives its buckets
    /// back.
    pub async fn run(self, stop: CancellationToken) {
        self.0.run(stop).await;
    }
}

/// What the buckets' commands are run with.
pub struct Running<S, R, K, I> {
    store: Arc<S>,
    commands: R,
    clock: Arc<K>,
    /// The source of randomness for the pauses.
    ids: Arc<I>,
    /// One for each stream that may be in work, in all lanes together.
    permits: Semaphore,
    settings: WorkerSettings,
}

impl<S, R, K, I> Running<S, R, K, I> {
    pub fn new(store: Arc<S>, commands: R, clock: Arc<K>, ids: Arc<I>, settings: WorkerSettings) -> Self {
        Self {
            store,
            commands,
            clock,
            ids,
            permits: Semaphore::new(settings.streams_at_once.get()),
            settings,
        }
    }
}

impl<S, R, K, I> Work for Running<S, R, K, I>
where
    S: EventStore + CommandQueue,
    R: RunStored,
    K: Clock,
    I: Ids,
{
    async fn run(&self, leases: Vec<Lease>) -> Vec<Report> {
        self.run_batch(&leases).await
    }
}
