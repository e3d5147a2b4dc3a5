use shared_events::EventMetadata;

use super::MemoryStore;
use super::state::{State, Unpublished};
use crate::application::ports::{Clock, Commit, EventStore, OutboxRow, StoreError, StoredEvent, StreamId};
use crate::outbound::bucket::bucket_of;

impl EventStore for MemoryStore {
    async fn read(&self, streams: &[StreamId]) -> Result<Vec<Vec<StoredEvent>>, StoreError> {
        // Others get their turn between a read and the commit that follows, as they do round a network.
        tokio::task::yield_now().await;
        let state = self.state();
        Ok(streams
            .iter()
            .map(|stream| state.streams.get(stream).cloned().unwrap_or_default())
            .collect())
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let now = self.clock.now();
        let mut state = self.state();
        if state.commands.contains_key(&commit.command.command_id) {
            return Err(StoreError::DuplicateCommand);
        }
        if !commit.events.is_empty() {
            let version = state
                .streams
                .get(&commit.command.stream)
                .map_or(0, |events| events.len() as u64);
            if version != commit.expected_version {
                return Err(StoreError::Conflict);
            }
        }
        append(&mut state, &commit, now);
        state.commands.insert(commit.command.command_id, commit.command);
        Ok(())
    }
}

fn append(state: &mut State, commit: &Commit, created_at: chrono::DateTime<chrono::Utc>) {
    let command = &commit.command;
    let stream = command.stream;
    let bucket = bucket_of(stream.id);
    for (event, version) in commit.events.iter().zip(commit.expected_version + 1..) {
        state.last_row += 1;
        let id = state.last_row;
        let metadata = EventMetadata {
            event_id: event.event_id,
            event_type: event.event_type.to_owned(),
            aggregate: stream.aggregate,
            aggregate_id: stream.id,
            version,
            occurred_at: commit.occurred_at,
            actor: command.actor.clone(),
            command_id: command.command_id,
            causation_id: command.causation_id,
            correlation_id: command.correlation_id,
            traceparent: commit.traceparent.clone(),
        };
        let row = OutboxRow {
            bucket,
            id,
            topic: stream.aggregate.topic().to_owned(),
            metadata,
            payload: event.payload.clone(),
        };
        state.outbox.insert((bucket, id), Unpublished { row, created_at });
        state.streams.entry(stream).or_default().push(StoredEvent {
            version,
            event_type: event.event_type.to_owned(),
            payload: event.payload.clone(),
        });
    }
}
