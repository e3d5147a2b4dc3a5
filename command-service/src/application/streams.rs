//! Aggregates loaded from their streams, and decisions made on them.

use domain::{Aggregate, Refusal};

use super::bus::{CommandError, Decided, EncodedEvent};
use super::codec::{self, CodecError, Recorded};
use super::ports::{EventStore, StoredEvent, StreamId};

/// An aggregate as it is now.
pub(super) struct Loaded<A: Recorded> {
    pub id: A::Id,
    pub version: u64,
    pub state: A,
}

impl<A: Recorded> Loaded<A> {
    /// From a whole stream; `None` without events.
    pub fn from_stream(id: A::Id, events: &[StoredEvent]) -> Result<Option<Self>, CodecError> {
        let version = events.last().map_or(0, |event| event.version);
        let state = codec::replay::<A>(id, events)?;
        Ok(state.map(|state| Self { id, version, state }))
    }

    pub fn decide(&self, command: A::Command) -> Result<Decided, CommandError>
    where
        A::Refusal: Into<Refusal>,
    {
        let events = self.state.decide(command).map_err(refused)?;
        Ok(Decided {
            stream: A::stream(self.id),
            expected_version: self.version,
            events: encoded::<A>(self.id, &events)?,
        })
    }
}

/// The aggregate that a command is sent to, alone.
pub(super) async fn load<A: Recorded>(store: &impl EventStore, id: A::Id) -> Result<Loaded<A>, CommandError> {
    let stream = A::stream(id);
    let [events] = read(store, [stream], stream).await?;
    Loaded::from_stream(id, &events)?.ok_or(CommandError::NotFound(stream))
}

/// Streams of a fixed number in one round trip; `target` is the one that the command is about, for errors.
pub(super) async fn read<const N: usize>(
    store: &impl EventStore,
    streams: [StreamId; N],
    target: StreamId,
) -> Result<[Vec<StoredEvent>; N], CommandError> {
    read_all(store, &streams, target)
        .await?
        .try_into()
        .map_err(|_| miscounted())
}

/// Any number of streams in one round trip, as many answers as streams.
pub(super) async fn read_all(
    store: &impl EventStore,
    streams: &[StreamId],
    target: StreamId,
) -> Result<Vec<Vec<StoredEvent>>, CommandError> {
    let answers = store
        .read(streams)
        .await
        .map_err(|error| CommandError::of_store(error, target))?;
    if answers.len() == streams.len() {
        Ok(answers)
    } else {
        Err(miscounted())
    }
}

/// The start of a new stream. Nothing is read for it: that the stream is not there yet is checked by the append.
pub(super) fn create<A: Recorded>(id: A::Id, creation: A::Creation) -> Result<Decided, CommandError>
where
    A::Refusal: Into<Refusal>,
{
    let events = A::create(creation).map_err(refused)?;
    Ok(Decided {
        stream: A::stream(id),
        expected_version: 0,
        events: encoded::<A>(id, &events)?,
    })
}

fn refused(refusal: impl Into<Refusal>) -> CommandError {
    CommandError::Refused(refusal.into())
}

fn encoded<A: Recorded>(
    id: A::Id,
    events: &[<A as Aggregate>::Event],
) -> Result<Vec<EncodedEvent>, CodecError> {
    events.iter().map(|event| codec::encode::<A>(id, event)).collect()
}

fn miscounted() -> CommandError {
    CommandError::Failed(anyhow::anyhow!(
        "the event store answered another number of streams than asked for"
    ))
}
