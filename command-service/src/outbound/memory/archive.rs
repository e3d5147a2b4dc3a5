use shared_events::AggregateType;
use uuid::Uuid;

use super::MemoryStore;
use crate::application::ports::{
    ArchivedEvent, BUCKETS, BucketProgress, Clock, EventArchive, RepublishRun, RepublishRuns, StoreError,
    StreamId,
};
use crate::outbound::bucket::bucket_of;

impl EventArchive for MemoryStore {
    async fn streams(
        &self,
        aggregate: AggregateType,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        tokio::task::yield_now().await;
        let state = self.state();
        let ids = state.archive.keys();
        Ok(ids
            .filter(|(name, id)| *name == aggregate.as_str() && after.is_none_or(|after| *id > after))
            .map(|(_, id)| *id)
            .take(limit)
            .collect())
    }

    async fn events(
        &self,
        streams: &[(StreamId, u64)],
        per_stream: usize,
    ) -> Result<Vec<Vec<ArchivedEvent>>, StoreError> {
        tokio::task::yield_now().await;
        let state = self.state();
        let events = |stream: &StreamId, from: u64| -> Vec<ArchivedEvent> {
            let events = state.archive.get(&(stream.aggregate.as_str(), stream.id));
            events
                .into_iter()
                .flatten()
                .filter(|event| event.metadata.version >= from)
                .take(per_stream)
                .cloned()
                .collect()
        };
        Ok(streams
            .iter()
            .map(|(stream, from)| events(stream, *from))
            .collect())
    }

    fn bucket(&self, aggregate_id: Uuid) -> u16 {
        bucket_of(aggregate_id)
    }
}

impl RepublishRuns for MemoryStore {
    async fn begin(
        &self,
        id: Uuid,
        scope: Option<AggregateType>,
        new_topics: bool,
    ) -> Result<RepublishRun, StoreError> {
        let run = RepublishRun {
            id,
            scope,
            new_topics,
            started_at: self.clock.now(),
            buckets: (0..BUCKETS)
                .map(|bucket| BucketProgress {
                    bucket,
                    after: None,
                    streams: 0,
                    events: 0,
                    finished: false,
                })
                .collect(),
        };
        self.state().republish_runs.insert(scope, run.clone());
        Ok(run)
    }

    async fn unfinished(&self, scope: Option<AggregateType>) -> Result<Option<RepublishRun>, StoreError> {
        let run = self.state().republish_runs.get(&scope).cloned();
        Ok(run.filter(|run| run.buckets.iter().any(|bucket| !bucket.finished)))
    }

    async fn advance(&self, run: Uuid, progress: BucketProgress) -> Result<(), StoreError> {
        let mut state = self.state();
        let runs = state.republish_runs.values_mut().filter(|known| known.id == run);
        for bucket in runs.flat_map(|run| &mut run.buckets) {
            if bucket.bucket == progress.bucket {
                *bucket = progress;
            }
        }
        Ok(())
    }
}
