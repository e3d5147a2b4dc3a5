//! Some streams of one bucket, from the store to the brokers.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::reservation::{Reservation, Stopped};
use super::throttle::Throttle;
use super::{RepublishError, RepublishingSettings};
use crate::application::ports::{
    ArchivedEvent, EventArchive, Lease, Leases, OutboxRow, Publisher, StoreError, StreamId,
};

/// Streams that are read at once, ...
pub const STREAMS_AT_ONCE: usize = 16;
/// ... each up to so many events; a longer one goes on alone, ...
const EVENTS_AT_ONCE: usize = 32;
/// ... so many events at a time. Together that bounds what is in memory.
const EVENTS_OF_ONE: usize = 500;

const RETRY_AFTER: Duration = Duration::from_millis(100);
const RETRY_AFTER_AT_MOST: Duration = Duration::from_secs(2);
/// How long a batch in work may take to finish when told to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Sender<A, L, P> {
    pub archive: Arc<A>,
    pub publisher: Arc<P>,
    pub reservation: Reservation<L>,
    pub throttle: Throttle,
    pub stop: CancellationToken,
    pub settings: RepublishingSettings,
}

/// Why streams were not sent to their end.
#[derive(Debug)]
pub enum Interrupted {
    /// The bucket may have gone to somebody else.
    LeaseLost,
    Stopped,
    Failed(RepublishError),
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl<A: EventArchive, L: Leases, P: Publisher> Sender<A, L, P> {
    pub async fn acquire(&mut self, buckets: &[u16]) -> Result<(), Interrupted> {
        match self
            .reservation
            .acquire(buckets, self.settings.bucket_timeout, &self.stop)
            .await
        {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Stopped)) => Err(Interrupted::Stopped),
            Err(error) => Err(Interrupted::Failed(error)),
        }
    }

    /// Sends streams of one bucket, [`STREAMS_AT_ONCE`] at most, each from a version on to its end. Answers the number of
    /// events of each.
    pub async fn send(&mut self, bucket: u16, streams: &[(StreamId, u64)]) -> Result<Vec<u64>, Interrupted> {
        let lease = self.held(bucket)?;
        let first = self.read(streams, EVENTS_AT_ONCE).await?;
        self.send_from(lease, streams, first).await
    }

    /// The first events of each stream.
    pub async fn read_first(
        &mut self,
        streams: &[(StreamId, u64)],
    ) -> Result<Vec<Vec<ArchivedEvent>>, Interrupted> {
        Ok(self.read(streams, EVENTS_AT_ONCE).await?)
    }

    /// As [`Self::send`], with what [`Self::read_first`] answered.
    pub async fn send_from(
        &mut self,
        lease: Lease,
        streams: &[(StreamId, u64)],
        first: Vec<Vec<ArchivedEvent>>,
    ) -> Result<Vec<u64>, Interrupted> {
        let mut counts: Vec<u64> = first.iter().map(|events| events.len() as u64).collect();
        let mut longer = Vec::new();
        for ((place, (stream, _)), events) in streams.iter().enumerate().zip(&first) {
            if let (EVENTS_AT_ONCE, Some(last)) = (events.len(), events.last()) {
                longer.push((place, *stream, last.metadata.version + 1));
            }
        }
        self.publish(lease, first.into_iter().flatten()).await?;
        for (place, stream, mut from) in longer {
            loop {
                let events = self.read(&[(stream, from)], EVENTS_OF_ONE).await?.remove(0);
                let Some(last) = events.last() else { break };
                from = last.metadata.version + 1;
                counts[place] += events.len() as u64;
                let is_end = events.len() < EVENTS_OF_ONE;
                self.publish(lease, events.into_iter()).await?;
                if is_end {
                    break;
                }
            }
        }
        Ok(counts)
    }

    pub fn held(&self, bucket: u16) -> Result<Lease, Interrupted> {
        self.reservation.lease(bucket).ok_or(Interrupted::LeaseLost)
    }

    async fn read(
        &mut self,
        streams: &[(StreamId, u64)],
        per_stream: usize,
    ) -> Result<Vec<Vec<ArchivedEvent>>, StoreError> {
        let archive = Arc::clone(&self.archive);
        let events = self
            .reservation
            .keeping(archive.events(streams, per_stream))
            .await?;
        match events.len() == streams.len() {
            true => Ok(events),
            false => Err(StoreError::Failed(anyhow::anyhow!(
                "the archive answered another number of streams than asked for"
            ))),
        }
    }

    async fn publish(
        &mut self,
        lease: Lease,
        events: impl Iterator<Item = ArchivedEvent>,
    ) -> Result<(), Interrupted> {
        let rows: Vec<OutboxRow> = events.map(|event| event.into_row(lease.bucket)).collect();
        for batch in rows.chunks(self.throttle.batch()) {
            let turn = self.throttle.turn(batch.len());
            self.wait(tokio::time::sleep_until(turn)).await?;
            self.publish_batch(lease, batch).await?;
            metrics::counter!("republished_events_total").increment(batch.len() as u64);
        }
        Ok(())
    }

    async fn publish_batch(&mut self, lease: Lease, batch: &[OutboxRow]) -> Result<(), Interrupted> {
        let mut left = batch;
        let mut attempts = 0;
        let mut pause = RETRY_AFTER;
        while let Some(next) = left.first() {
            if self.reservation.lease(lease.bucket) != Some(lease) {
                return Err(Interrupted::LeaseLost);
            }
            let publisher = Arc::clone(&self.publisher);
            let stop = self.stop.clone();
            let too_late = async {
                stop.cancelled().await;
                tokio::time::sleep(STOP_TIMEOUT).await;
            };
            let publishing = async {
                tokio::select! {
                    results = publisher.publish(left) => Some(results),
                    () = too_late => None,
                }
            };
            let Some(results) = self.reservation.keeping(publishing).await else {
                return Err(Interrupted::Stopped);
            };
            let acknowledged = results.iter().take_while(|result| result.is_ok()).count();
            let failure = results.into_iter().find_map(Result::err);
            left = left.get(acknowledged..).unwrap_or_default();
            let Some(source) = failure else { break };
            attempts = if acknowledged > 0 { 1 } else { attempts + 1 };
            if attempts >= self.settings.attempts.get() {
                return Err(Interrupted::Failed(RepublishError::NotPublished {
                    stream: StreamId {
                        aggregate: next.metadata.aggregate,
                        id: next.metadata.aggregate_id,
                    },
                    attempts,
                    source,
                }));
            }
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::new(source)),
                "a batch was not published and is sent again"
            );
            self.wait(tokio::time::sleep(pause)).await?;
            pause = (pause * 2).min(RETRY_AFTER_AT_MOST);
        }
        match self.stop.is_cancelled() {
            true => Err(Interrupted::Stopped),
            false => Ok(()),
        }
    }

    /// Waits with the leases kept, unless told to stop.
    pub async fn wait(&mut self, until: impl Future<Output = ()>) -> Result<(), Interrupted> {
        let stop = self.stop.clone();
        match self.reservation.keeping(stop.run_until_cancelled(until)).await {
            Some(()) => Ok(()),
            None => Err(Interrupted::Stopped),
        }
    }
}
