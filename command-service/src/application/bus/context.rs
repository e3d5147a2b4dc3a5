use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Who sent a command, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub command_id: Uuid,
    /// `anonymous` where no authentication is configured.
    pub actor: String,
    pub received_at: DateTime<Utc>,
    /// What caused the command: an event's id, or the command's own id where a client sent it.
    pub causation_id: Uuid,
    /// The same through the whole chain of causes.
    pub correlation_id: Uuid,
    /// W3C trace context of the request, carried on by the events.
    pub traceparent: Option<String>,
}

impl Context {
    /// Of a command that a client sent: it is its own cause, and its own correlation unless the client gave one.
    pub fn of_client(
        command_id: Uuid,
        received_at: DateTime<Utc>,
        actor: impl Into<String>,
        correlation_id: Option<Uuid>,
        traceparent: Option<String>,
    ) -> Self {
        Self {
            command_id,
            actor: actor.into(),
            received_at,
            causation_id: command_id,
            correlation_id: correlation_id.unwrap_or(command_id),
            traceparent,
        }
    }
}
