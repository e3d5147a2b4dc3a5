use std::future::Future;

use shared_events::ConsistencyToken;

use super::{CommandError, Context, Invalid};
use crate::application::ports::{NewEvent, StreamId};

/// What somebody wants done, made of the domain's values.
pub trait Command: Send + Sync + 'static {
    /// The stable name that the command is recorded, measured and traced under: `submit-order`.
    const TYPE: &'static str;

    /// The stream that the command appends to.
    fn stream(&self) -> StreamId;

    /// The command as its record keeps it: the JSON of the HTTP contract, with the ids of the path.
    fn body(&self) -> serde_json::Value;

    /// What the types of the fields cannot say.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

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
}

/// An event's record, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvent {
    pub event_type: &'static str,
    pub payload: Vec<u8>,
}

impl EncodedEvent {
    pub(super) fn identified(self, event_id: uuid::Uuid) -> NewEvent {
        NewEvent {
            event_id,
            event_type: self.event_type,
            payload: self.payload,
        }
    }
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
