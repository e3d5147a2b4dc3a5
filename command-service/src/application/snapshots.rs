//! Snapshots of long streams, taken after the fact: no command waits for one, and none depends on one.

use std::num::NonZeroU64;
use std::sync::Arc;

use domain::{Customer, Invoice, Order, Product};
use shared_events::AggregateType;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bus::CommandError;
use super::codec::snapshot::{SNAPSHOT_FORMAT, Snapshotted};
use super::ports::{EventStore, Snapshot, StreamId};
use super::streams;

/// Streams that wait for a snapshot at most; one more gets none until its next mark.
const WAITING: usize = 1024;

/// Where commits tell that a stream has passed a mark. Clones tell the same taker.
#[derive(Debug, Clone, Default)]
pub struct SnapshotMarks(Option<Marks>);

#[derive(Debug, Clone)]
struct Marks {
    every: NonZeroU64,
    passed: mpsc::Sender<StreamId>,
}

/// What the taker takes snapshots of.
#[derive(Debug)]
pub struct PassedMarks(mpsc::Receiver<StreamId>);

impl SnapshotMarks {
    /// No snapshots are taken.
    pub fn none() -> Self {
        Self::default()
    }

    /// A mark at every so many versions.
    pub fn every(versions: NonZeroU64) -> (Self, PassedMarks) {
        let (passed, taken) = mpsc::channel(WAITING);
        let marks = Marks {
            every: versions,
            passed,
        };
        (Self(Some(marks)), PassedMarks(taken))
    }

    /// After a commit that took the stream from one version to the other.
    pub(super) fn committed(&self, stream: StreamId, before: u64, after: u64) {
        if let Some(marks) = &self.0
            && before / marks.every < after / marks.every
        {
            if marks.passed.try_send(stream).is_err() {
                metrics::counter!("snapshots_total", "outcome" => "dropped").increment(1);
            }
            metrics::gauge!("snapshots_waiting").set((WAITING - marks.passed.capacity()) as f64);
        }
    }
}

/// Takes snapshots until told to stop. One that fails is left out: the next mark comes.
pub async fn take_snapshots<S: EventStore>(store: Arc<S>, mut marks: PassedMarks, stop: CancellationToken) {
    while let Some(Some(stream)) = stop.run_until_cancelled(marks.0.recv()).await {
        metrics::gauge!("snapshots_waiting").set(marks.0.len() as f64);
        let Some(taken) = stop.run_until_cancelled(take(&*store, stream)).await else {
            return;
        };
        let outcome = match taken {
            Ok(()) => "taken",
            Err(error) => {
                tracing::warn!(
                    aggregate = stream.aggregate.as_str(),
                    aggregate_id = %stream.id,
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "no snapshot was taken"
                );
                "failed"
            }
        };
        metrics::counter!("snapshots_total", "outcome" => outcome).increment(1);
    }
}

async fn take(store: &impl EventStore, stream: StreamId) -> Result<(), CommandError> {
    match stream.aggregate {
        AggregateType::Customer => take_of::<Customer>(store, stream).await,
        AggregateType::Product => take_of::<Product>(store, stream).await,
        AggregateType::Order => take_of::<Order>(store, stream).await,
        AggregateType::Invoice => take_of::<Invoice>(store, stream).await,
        // They are never read to decide anything.
        AggregateType::OrderForInvoicing | AggregateType::OrderForDelivery => Ok(()),
    }
}

async fn take_of<A: Snapshotted>(store: &impl EventStore, stream: StreamId) -> Result<(), CommandError>
where
    A::Id: From<Uuid>,
{
    let [stored] = streams::read(store, [stream], stream).await?;
    let Some(loaded) = streams::known::<A>(store, stream.id.into(), &stored).await? else {
        return Ok(());
    };
    let snapshot = Snapshot {
        version: loaded.version,
        state: loaded.state.to_snapshot().to_string().into_bytes(),
    };
    store
        .save_snapshot(stream, snapshot, SNAPSHOT_FORMAT)
        .await
        .map_err(|error| CommandError::of_store(error, stream))
}
