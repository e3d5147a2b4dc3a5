use domain::Refusal;

use super::Invalid;
use crate::application::codec::CodecError;
use crate::application::ports::{RecordedRefusal, StoreError, StreamId};

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The aggregate said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The command's parts do not go together.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The aggregate that the command is sent to is not there.
    #[error("there is no {} {}", .0.aggregate, .0.id)]
    NotFound(StreamId),
    /// The command names an aggregate that is not there.
    #[error("there is no {} {}, which {pointer} names", .reference.aggregate, .reference.id)]
    UnknownReference {
        reference: StreamId,
        /// The place in the command's body, as a JSON pointer.
        pointer: String,
    },
    /// The aggregate that the command creates is there already.
    #[error("there is a {} {} already", .0.aggregate, .0.id)]
    AlreadyExists(StreamId),
    /// The aggregate is not at a version that the client wants the command run on.
    #[error("the {} {} is at version {current}", .stream.aggregate, .stream.id)]
    PreconditionFailed {
        stream: StreamId,
        /// 0 where it is not there.
        current: u64,
    },
    /// What was answered when the command was first sent under its key.
    #[error("{}", .0.detail)]
    Recorded(RecordedRefusal),
    /// The actor may not send such commands.
    #[error("the scope {scope} is needed")]
    Forbidden { scope: &'static str },
    /// Something else was sent under the same idempotency key before.
    #[error("another request was sent under this idempotency key before")]
    KeyReused,
    /// The command that was first sent under the key has not come to its end.
    #[error("the first command under this idempotency key still runs")]
    KeyInFlight,
    /// Another process was faster with a command under the same key; its answer is the answer.
    #[error("the idempotency key was used meanwhile")]
    DuplicateKey,
    /// The command has an outcome already.
    #[error("the command is decided already")]
    AlreadyDecided,
    /// Others changed the aggregate each time that this command was decided.
    #[error("the {} {} was changed by others", .0.aggregate, .0.id)]
    Conflict(StreamId),
    /// The store does not answer. Whether the command was committed is unknown.
    #[error("the event store is unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// A bug or a broken store; what it was is for the log and not for the client.
    #[error("the command failed")]
    Failed(#[source] anyhow::Error),
}

impl CommandError {
    /// A stable name: the label of metrics, the kind in the command's record, the last part of the problem's type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::Invalid(invalid) => invalid.kind(),
            Self::NotFound(_) => "not-found",
            Self::UnknownReference { .. } => "unknown-reference",
            Self::AlreadyExists(_) => "already-exists",
            Self::PreconditionFailed { .. } => "precondition-failed",
            Self::Recorded(_) => "refused-before",
            Self::Forbidden { .. } => "forbidden",
            Self::KeyReused => "idempotency-key-reused",
            Self::KeyInFlight => "idempotency-key-in-flight",
            Self::DuplicateKey | Self::AlreadyDecided => "decided-elsewhere",
            Self::Conflict(_) => "version-conflict",
            Self::Unavailable(_) => "unavailable",
            Self::Failed(_) => "internal-error",
        }
    }

    /// The refusal to be recorded with the command, where this is its outcome for good: the service looked, decided,
    /// and said no. Otherwise the command was not run to its end, and may be sent again.
    pub fn outcome(&self) -> Option<RecordedRefusal> {
        let pointer = match self {
            Self::Refused(_)
            | Self::NotFound(_)
            | Self::AlreadyExists(_)
            | Self::PreconditionFailed { .. } => None,
            Self::UnknownReference { pointer, .. } => Some(pointer.clone()),
            Self::Recorded(_)
            | Self::Forbidden { .. }
            | Self::KeyReused
            | Self::KeyInFlight
            | Self::DuplicateKey
            | Self::AlreadyDecided
            | Self::Invalid(_)
            | Self::Conflict(_)
            | Self::Unavailable(_)
            | Self::Failed(_) => return None,
        };
        Some(RecordedRefusal {
            kind: self.kind().to_owned(),
            detail: self.to_string(),
            pointer,
        })
    }

    /// What the store says of a command on `stream`.
    pub(crate) fn of_store(error: StoreError, stream: StreamId) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict(stream),
            StoreError::Unavailable(source) => Self::Unavailable(source),
            StoreError::DuplicateCommand => Self::AlreadyDecided,
            StoreError::DuplicateKey => Self::DuplicateKey,
            error @ StoreError::Failed(_) => Self::Failed(error.into()),
        }
    }
}

/// Bytes that this service wrote and cannot read, or cannot write: never the client's fault.
impl From<CodecError> for CommandError {
    fn from(error: CodecError) -> Self {
        Self::Failed(error.into())
    }
}
