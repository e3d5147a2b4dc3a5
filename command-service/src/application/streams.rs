//! Aggregates loaded from their streams, and decisions made on them.

use domain::{Aggregate, Refusal};

use super::bus::{CommandError, Context, Decided, EncodedEvent};
use super::codec::{self, CodecError, Recorded};
use super::ports::{EventStore, StoredStream, StreamId};

/// An aggregate as it is now.
pub(super) struct Loaded<A: Recorded> {
    pub id: A::Id,
    pub version: u64,
    pub state: A,
}

impl<A: Recorded> Loaded<A> {
    /// `None` for a stream that is not there.
    pub fn from_stream(id: A::Id, stream: &StoredStream) -> Result<Option<Self>, CodecError> {
        let version = stream.version();
        let state = codec::replay::<A>(id, &stream.events)?;
        Ok(state.map(|state| Self { id, version, state }))
    }

    pub fn decide(&self, command: A::Command) -> Result<Decided, CommandError>
    where
        A::Refusal: Into<Refusal>,
    {
        self.decided(&self.events(command)?)
    }

    /// What the aggregate decides, for use cases that have more to say about it.
    pub fn events(&self, command: A::Command) -> Result<Vec<A::Event>, CommandError>
    where
        A::Refusal: Into<Refusal>,
    {
        self.state.decide(command).map_err(refused)
    }

    /// With events that were decided before.
    pub fn decided(&self, events: &[A::Event]) -> Result<Decided, CommandError> {
        Ok(Decided {
            stream: A::stream(self.id),
            expected_version: self.version,
            events: encoded::<A>(self.id, events)?,
            told: vec![],
            claim: None,
        })
    }
}

/// The aggregate that a command is sent to, alone.
pub(super) async fn load<A: Recorded>(
    store: &impl EventStore,
    context: &Context,
    id: A::Id,
) -> Result<Loaded<A>, CommandError> {
    let stream = A::stream(id);
    let [stored] = read(store, [stream], stream).await?;
    target(context, id, &stored)
}

/// The aggregate that a command is sent to: it must be there, and at a version that the client wants.
pub(super) fn target<A: Recorded>(
    context: &Context,
    id: A::Id,
    stored: &StoredStream,
) -> Result<Loaded<A>, CommandError> {
    let stream = A::stream(id);
    let loaded = Loaded::from_stream(id, stored)?.ok_or(CommandError::NotFound(stream))?;
    match &context.if_match {
        Some(wanted) if !wanted.matches(loaded.version) => Err(CommandError::PreconditionFailed {
            stream,
            current: loaded.version,
        }),
        _ => Ok(loaded),
    }
}

/// Streams of a fixed number in one round trip; `target` is the one that the command is about, for errors.
pub(super) async fn read<const N: usize>(
    store: &impl EventStore,
    streams: [StreamId; N],
    target: StreamId,
) -> Result<[StoredStream; N], CommandError> {
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
) -> Result<Vec<StoredStream>, CommandError> {
    let answers = store
        .read(streams, None)
        .await
        .map_err(|error| CommandError::of_store(error, target))?;
    if answers.len() == streams.len() {
        Ok(answers)
    } else {
        Err(miscounted())
    }
}

/// The start of a new stream. Nothing is read for it: that the stream is not there yet is checked by the append. A client
/// that wants a version of it wants what cannot be.
pub(super) fn create<A: Recorded>(
    context: &Context,
    id: A::Id,
    creation: A::Creation,
) -> Result<Decided, CommandError>
where
    A::Refusal: Into<Refusal>,
{
    let stream = A::stream(id);
    if context.if_match.is_some() {
        return Err(CommandError::PreconditionFailed { stream, current: 0 });
    }
    let events = A::create(creation).map_err(refused)?;
    Ok(Decided {
        stream,
        expected_version: 0,
        events: encoded::<A>(id, &events)?,
        told: vec![],
        claim: None,
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
