use domain::Refusal;

use super::Invalid;
use crate::application::codec::CodecError;
use crate::application::ports::{StoreError, StreamId};

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
            Self::Conflict(_) => "version-conflict",
            Self::Unavailable(_) => "unavailable",
            Self::Failed(_) => "internal-error",
        }
    }

    /// Whether this is the outcome of the command for good, to be recorded with it: the service looked, decided, and
    /// said no. Otherwise the command was not run to its end, and may be sent again.
    pub fn is_outcome(&self) -> bool {
        match self {
            Self::Refused(_) | Self::NotFound(_) | Self::UnknownReference { .. } | Self::AlreadyExists(_) => {
                true
            }
            Self::Invalid(_) | Self::Conflict(_) | Self::Unavailable(_) | Self::Failed(_) => false,
        }
    }

    /// What the store says of a command on `stream`.
    pub(crate) fn of_store(error: StoreError, stream: StreamId) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict(stream),
            StoreError::Unavailable(source) => Self::Unavailable(source),
            error @ (StoreError::DuplicateCommand | StoreError::Failed(_)) => Self::Failed(error.into()),
        }
    }
}

/// Bytes that this service wrote and cannot read, or cannot write: never the client's fault.
impl From<CodecError> for CommandError {
    fn from(error: CodecError) -> Self {
        Self::Failed(error.into())
    }
}
