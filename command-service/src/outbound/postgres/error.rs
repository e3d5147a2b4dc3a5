//! What an error of the driver means to the application.

use diesel::result::{DatabaseErrorKind, Error};

use crate::application::ports::StoreError;

const STREAM_VERSION: &str = "events_stream_version";
const COMMAND_ID: &str = "commands_id";
const QUEUED_COMMAND_ID: &str = "command_queue_command_id";
const IDEMPOTENCY_KEY: &str = "idempotency_keys_key";

/// A unique violation is told by its SQLSTATE and the constraint's name.
///
/// Of most other states diesel keeps only the text. What is left there is the server shutting down, full, out of
/// connections, giving a statement up, or not set up yet: all of it passes without the command being at fault, so it
/// counts as unavailable.
pub fn store_error(error: Error) -> StoreError {
    match &error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told) => match told.constraint_name() {
            Some(STREAM_VERSION) => StoreError::Conflict,
            Some(COMMAND_ID | QUEUED_COMMAND_ID) => StoreError::DuplicateCommand,
            Some(IDEMPOTENCY_KEY) => StoreError::DuplicateKey,
            _ => StoreError::Failed(error.into()),
        },
        Error::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::Unknown,
            _,
        )
        | Error::BrokenTransactionManager => StoreError::Unavailable(error.into()),
        _ => StoreError::Failed(error.into()),
    }
}
