//! Single streams.

use std::collections::BTreeMap;

use super::sending::{Interrupted, STREAMS_AT_ONCE, Sender};
use super::{RepublishError, Republisher};
use crate::application::ports::{EventArchive, Leases, Outbox, Publisher, StreamId};

/// A stream to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamRequest {
    pub stream: StreamId,
    /// The first version that is wanted. More is sent where the order needs it.
    pub from_version: u64,
}

/// What became of single streams.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamsSummary {
    pub sent: u64,
    pub events: u64,
    /// Those that have no event from the version on.
    pub unknown: Vec<StreamId>,
    /// Told to stop before all were sent.
    pub stopped: bool,
}

impl<A: EventArchive, L: Leases, O: Outbox, P: Publisher> Republisher<A, L, O, P> {
    /// Sends the streams, bucket by bucket, each under the bucket's lease. Of several requests for one stream, the lowest
    /// version counts.
    pub async fn republish_streams(
        &self,
        requests: &[StreamRequest],
    ) -> Result<StreamsSummary, RepublishError> {
        let mut by_bucket: BTreeMap<u16, BTreeMap<StreamId, u64>> = BTreeMap::new();
        for request in requests {
            let bucket = self.ports.archive.bucket(request.stream.id);
            let wanted = by_bucket.entry(bucket).or_default();
            let from = wanted.entry(request.stream).or_insert(request.from_version);
            *from = (*from).min(request.from_version).max(1);
        }
        let mut sender = self.sender();
        let mut summary = StreamsSummary::default();
        let mut outcome = Ok(());
        for (bucket, wanted) in by_bucket {
            let wanted: Vec<(StreamId, u64)> = wanted.into_iter().collect();
            outcome = self
                .republish_bucket(&mut sender, bucket, &wanted, &mut summary)
                .await;
            sender.reservation.give_back(bucket).await;
            if outcome.is_err() {
                break;
            }
        }
        sender.reservation.release().await;
        match outcome {
            Ok(()) => Ok(summary),
            Err(Interrupted::Failed(error)) => Err(error),
            Err(Interrupted::Stopped | Interrupted::LeaseLost) => Ok(StreamsSummary {
                stopped: true,
                ..summary
            }),
        }
    }

    async fn republish_bucket(
        &self,
        sender: &mut Sender<A, L, P>,
        bucket: u16,
        wanted: &[(StreamId, u64)],
        summary: &mut StreamsSummary,
    ) -> Result<(), Interrupted> {
        for streams in wanted.chunks(STREAMS_AT_ONCE) {
            let counts = loop {
                if sender.held(bucket).is_err() {
                    sender.acquire(&[bucket]).await?;
                }
                match self.send_group(sender, bucket, streams).await {
                    Err(Interrupted::LeaseLost) => {
                        tracing::warn!(bucket, "the bucket was lost and is taken again");
                    }
                    other => break other?,
                }
            };
            for ((stream, _), events) in streams.iter().zip(counts) {
                match events {
                    0 => summary.unknown.push(*stream),
                    _ => summary.sent += 1,
                }
                summary.events += events;
            }
        }
        Ok(())
    }

    async fn send_group(
        &self,
        sender: &mut Sender<A, L, P>,
        bucket: u16,
        streams: &[(StreamId, u64)],
    ) -> Result<Vec<u64>, Interrupted> {
        if streams.iter().all(|(_, from)| *from == 1) {
            return sender.send(bucket, streams).await;
        }
        let lease = sender.held(bucket)?;
        let first = sender.read_first(streams).await?;
        let outbox = &self.ports.outbox;
        let waiting = sender.reservation.keeping(outbox.pending(&[bucket], 1)).await?;
        if waiting.is_empty() {
            return sender.send_from(lease, streams, first).await;
        }
        // What stands before may be among what waits.
        let whole: Vec<_> = streams.iter().map(|(stream, _)| (*stream, 1)).collect();
        sender.send(bucket, &whole).await
    }
}
