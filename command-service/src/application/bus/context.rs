use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::application::ports::{IdempotencyKey, QueuePlace, QueuedCommand};

/// Who sent a command, when, why, and on what conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub command_id: Uuid,
    pub actor: Actor,
    pub received_at: DateTime<Utc>,
    /// What caused the command: an event's id, or the command's own id where a client sent it.
    pub causation_id: Uuid,
    /// The same through the whole chain of causes.
    pub correlation_id: Uuid,
    /// W3C trace context of the request, carried on by the events.
    pub traceparent: Option<String>,
    /// Under which the client may send the command again.
    pub key: Option<IdempotencyKey>,
    /// The versions of the aggregate that the client wants the command run on.
    pub if_match: Option<VersionMatch>,
    /// The queue's row of a command that was accepted before.
    pub place: Option<QueuePlace>,
}

/// Who sent a command, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What the command and its events are recorded under.
    pub name: String,
    pub rights: Rights,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    /// Without authentication configured, and for what was authorised when it was accepted.
    Everything,
    /// The scopes that a token grants.
    Scopes(BTreeSet<String>),
}

impl Actor {
    /// Somebody, where no authentication is configured.
    pub fn anonymous() -> Self {
        Self::trusted("anonymous")
    }

    pub fn trusted(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            rights: Rights::Everything,
        }
    }

    pub fn may(&self, scope: &str) -> bool {
        match &self.rights {
            Rights::Everything => true,
            Rights::Scopes(scopes) => scopes.contains(scope),
        }
    }
}

/// The versions that an `If-Match` names; none named means any that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMatch(pub Vec<u64>);

impl VersionMatch {
    pub fn matches(&self, version: u64) -> bool {
        self.0.is_empty() || self.0.contains(&version)
    }
}

impl Context {
    /// Of a command that a client sent: it is its own cause, and its own correlation unless the client gave one.
    pub fn of_client(
        command_id: Uuid,
        received_at: DateTime<Utc>,
        actor: Actor,
        correlation_id: Option<Uuid>,
        traceparent: Option<String>,
    ) -> Self {
        Self {
            command_id,
            actor,
            received_at,
            causation_id: command_id,
            correlation_id: correlation_id.unwrap_or(command_id),
            traceparent,
            key: None,
            if_match: None,
            place: None,
        }
    }

    /// Of a command that was accepted before and stands in the queue at `place`.
    pub fn of_queued(queued: &QueuedCommand, place: QueuePlace) -> Self {
        Self {
            command_id: queued.command_id,
            actor: Actor::trusted(queued.actor.clone()),
            received_at: queued.received_at,
            causation_id: queued.causation_id,
            correlation_id: queued.correlation_id,
            traceparent: queued.traceparent.clone(),
            key: None,
            if_match: queued.if_match.clone().map(VersionMatch),
            place: Some(place),
        }
    }
}
