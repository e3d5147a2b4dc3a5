use std::future::Future;

use shared_events::{ConsistencyToken, Event};
use uuid::Uuid;

use super::{CommandError, Context, Invalid};
use crate::application::ports::{NewEvent, NumberClaim, NumberSeries, StreamId};

/// What somebody wants done, made of the domain's values.
pub trait Command: Sized + Send + Sync + 'static {
    /// The stable name that the command is recorded, measured and traced under: `submit-order`.
    const TYPE: &'static str;

    /// What a client's token must grant to send it.
    const SCOPE: &'static str;

    /// The series that the command may take a number of.
    const SERIES: Option<NumberSeries> = None;

    /// The stream that the command appends to.
    fn stream(&self) -> StreamId;

    /// The command as its record keeps it: the JSON of the HTTP contract, with the ids of the path.
    fn body(&self) -> serde_json::Value;

    /// The command out of what [`Command::body`] answered, perhaps an earlier build's.
    fn from_body(body: serde_json::Value) -> Result<Self, UnreadableBody>;

    /// What the types of the fields cannot say.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// A queued command's body that this build cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the command's body cannot be read: {0}")]
pub struct UnreadableBody(pub String);

/// Takes a command to an answer. Use cases answer with what they decided, the bus with what was committed; each
/// middleware is a handler round another one.
pub trait Handler<C: Command>: Send + Sync + 'static {
    type Answer: Send;

    fn handle(
        &self,
        context: &Context,
        command: &C,
    ) -> impl Future<Output = Result<Self::Answer, CommandError>> + Send;
}

/// What a use case decided, to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub stream: StreamId,
    /// The version that was decided on; 0 for a stream that the events start.
    pub expected_version: u64,
    /// The Avro records without an identity yet; none where the command changes nothing.
    pub events: Vec<EncodedEvent>,
    /// What other contexts are told of them.
    pub told: Vec<Told>,
    /// The number that was given out, to be taken with the commit.
    pub claim: Option<NumberClaim>,
}

/// An event's record, and encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvent {
    pub record: Event,
    pub event_type: &'static str,
    pub payload: Vec<u8>,
}

/// An event for another context, at its place in the stream of such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub stream: StreamId,
    pub version: u64,
    pub event: EncodedEvent,
}

impl EncodedEvent {
    pub(super) fn identified(self, event_id: Uuid) -> NewEvent {
        NewEvent {
            event_id,
            event_type: self.event_type,
            payload: self.payload,
        }
    }
}

/// The answer of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Accepted(Accepted),
    Deferred(Deferred),
}

impl From<Accepted> for Answered {
    fn from(accepted: Accepted) -> Self {
        Self::Accepted(accepted)
    }
}

impl From<Deferred> for Answered {
    fn from(deferred: Deferred) -> Self {
        Self::Deferred(deferred)
    }
}

/// The answer to a command that a worker will decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deferred {
    pub command_id: Uuid,
}

/// The answer to a command that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    pub stream: StreamId,
    /// The stream's version after the command, 1 at least; unchanged where the command changed nothing.
    pub version: u64,
}

impl Accepted {
    /// A query with it shows at least this version.
    pub fn token(&self) -> ConsistencyToken {
        ConsistencyToken {
            aggregate: self.stream.aggregate,
            id: self.stream.id,
            version: self.version,
        }
    }
}
