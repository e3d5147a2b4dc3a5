use chrono::{DateTime, Utc};
use shared_events::EventMetadata;

use super::MemoryStore;
use super::state::{State, Unpublished};
use crate::application::ports::{
    ArchivedEvent, Clock, Commit, EventStore, NewEvent, NumberSeries, OutboxRow, Snapshot, StoreError,
    StoredEvent, StoredStream, StreamId,
};
use crate::outbound::bucket::bucket_of;

impl EventStore for MemoryStore {
    async fn read(
        &self,
        streams: &[StreamId],
        snapshot_format: Option<i32>,
    ) -> Result<Vec<StoredStream>, StoreError> {
        // Others get their turn between a read and the commit that follows, as they do round a network.
        tokio::task::yield_now().await;
        let state = self.state();
        Ok(streams
            .iter()
            .map(|stream| state.stored(*stream, snapshot_format))
            .collect())
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let now = self.clock.now();
        let mut state = self.state();
        if state.commands.contains_key(&commit.command.command_id) {
            return Err(StoreError::DuplicateCommand);
        }
        if !commit.events.is_empty() && state.version(commit.command.stream) != commit.expected_version {
            return Err(StoreError::Conflict);
        }
        if commit
            .told
            .iter()
            .any(|told| told.version <= state.version(told.stream))
        {
            return Err(StoreError::Conflict);
        }
        if let Some(claim) = commit.claim
            && state.numbers.get(&claim.series).copied().unwrap_or_default() != claim.number - 1
        {
            return Err(StoreError::Conflict);
        }
        let command_id = commit.command.command_id;
        if let Some(key) = commit.key.clone() {
            // The last check: what is kept here stays.
            state.keep_key(&commit.command.actor, key, command_id, false, now)?;
        }
        if let Some(claim) = commit.claim {
            state.numbers.insert(claim.series, claim.number);
        }
        if let Some(place) = commit.place {
            state.queue.remove(&place);
        }
        for (event, version) in commit.events.iter().zip(commit.expected_version + 1..) {
            append(&mut state, &commit, commit.command.stream, version, event, now);
        }
        for told in &commit.told {
            append(&mut state, &commit, told.stream, told.version, &told.event, now);
        }
        for command in commit.follow_ups {
            state.queue(command, now);
        }
        state
            .commands
            .insert(command_id, (commit.command, commit.occurred_at));
        Ok(())
    }

    async fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
        format: i32,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let is_older = state
            .snapshots
            .get(&stream)
            .is_some_and(|(kept_format, kept)| *kept_format == format && kept.version >= snapshot.version);
        if !is_older {
            state.snapshots.insert(stream, (format, snapshot));
        }
        Ok(())
    }

    async fn last_number(&self, series: NumberSeries) -> Result<i64, StoreError> {
        Ok(self.state().numbers.get(&series).copied().unwrap_or_default())
    }
}

impl State {
    fn version(&self, stream: StreamId) -> u64 {
        self.streams.get(&stream).map_or(0, |events| events.len() as u64)
    }

    fn stored(&self, stream: StreamId, snapshot_format: Option<i32>) -> StoredStream {
        let snapshot = self
            .snapshots
            .get(&stream)
            .filter(|(format, _)| Some(*format) == snapshot_format)
            .map(|(_, snapshot)| snapshot.clone());
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let events = self.streams.get(&stream).into_iter().flatten();
        StoredStream {
            events: events.filter(|event| event.version > after).cloned().collect(),
            snapshot,
        }
    }
}

fn append(
    state: &mut State,
    commit: &Commit,
    stream: StreamId,
    version: u64,
    event: &NewEvent,
    created_at: DateTime<Utc>,
) {
    let command = &commit.command;
    let bucket = bucket_of(stream.id);
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
    let archived = ArchivedEvent {
        metadata: EventMetadata {
            traceparent: None,
            ..metadata.clone()
        },
        payload: event.payload.clone(),
    };
    let name = (stream.aggregate.as_str(), stream.id);
    state.archive.entry(name).or_default().push(archived);
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
