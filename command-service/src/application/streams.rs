//! Aggregates loaded from their streams, and decisions made on them.

use domain::{Aggregate, Refusal};

use super::bus::{CommandError, Context, Decided, EncodedEvent};
use super::codec::snapshot::{SNAPSHOT_FORMAT, Snapshotted};
use super::codec::{self, CodecError, Recorded};
use super::ports::{EventStore, StoredStream, StreamId};
use crate::failpoints;

/// An aggregate as it is now.
pub(super) struct Loaded<A: Recorded> {
    pub id: A::Id,
    pub version: u64,
    pub state: A,
}

impl<A: Recorded> Loaded<A> {
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
pub(super) async fn load<A: Snapshotted>(
    store: &impl EventStore,
    context: &Context,
    id: A::Id,
) -> Result<Loaded<A>, CommandError> {
    let stream = A::stream(id);
    let [stored] = read(store, [stream], stream).await?;
    target(store, context, id, &stored).await
}

/// The aggregate that a command is sent to: it must be there, and at a version that the client wants.
pub(super) async fn target<A: Snapshotted>(
    store: &impl EventStore,
    context: &Context,
    id: A::Id,
    stored: &StoredStream,
) -> Result<Loaded<A>, CommandError> {
    let stream = A::stream(id);
    let loaded = known(store, id, stored).await?;
    let loaded = loaded.ok_or(CommandError::NotFound(stream))?;
    match &context.if_match {
        _ if failpoints::planted("planted::if_match_ignored") => Ok(loaded),
        Some(wanted) if !wanted.matches(loaded.version) => Err(CommandError::PreconditionFailed {
            stream,
            current: loaded.version,
        }),
        _ => Ok(loaded),
    }
}

/// The aggregate that `stored` has; `None` for a stream that is not there. A snapshot that is of no use is as good as none:
/// then the stream is read again, whole.
pub(super) async fn known<A: Snapshotted>(
    store: &impl EventStore,
    id: A::Id,
    stored: &StoredStream,
) -> Result<Option<Loaded<A>>, CommandError> {
    let error = match restored(id, stored) {
        Err(error) if stored.snapshot.is_some() => error,
        answer => return Ok(answer?),
    };
    let stream = A::stream(id);
    tracing::warn!(
        aggregate = stream.aggregate.as_str(),
        aggregate_id = %stream.id,
        error = format!("{:#}", anyhow::Error::new(error)),
        "a snapshot is not used"
    );
    metrics::counter!("snapshots_total", "outcome" => "not-used").increment(1);
    let whole = answered(store, &[stream], stream, None).await?;
    let whole = whole.first().ok_or_else(miscounted)?;
    Ok(restored(id, whole)?)
}

fn restored<A: Snapshotted>(id: A::Id, stored: &StoredStream) -> Result<Option<Loaded<A>>, CodecError> {
    let version = stored.version();
    let state = codec::restore::<A>(id, stored)?;
    Ok(state.map(|state| Loaded { id, version, state }))
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
    answered(store, streams, target, Some(SNAPSHOT_FORMAT)).await
}

async fn answered(
    store: &impl EventStore,
    streams: &[StreamId],
    target: StreamId,
    snapshot_format: Option<i32>,
) -> Result<Vec<StoredStream>, CommandError> {
    let answers = store
        .read(streams, snapshot_format)
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
