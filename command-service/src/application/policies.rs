//! What follows from an event: commands of another context, queued in the transaction that commits the event.

use serde_json::Value;
use shared_events::Event;

use super::bus::Command;
use super::ports::StreamId;

/// A command that a policy wants run.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowUp {
    /// The policy's name: who the command is recorded to come from.
    pub policy: &'static str,
    pub command_type: &'static str,
    pub stream: StreamId,
    pub body: Value,
}

impl FollowUp {
    pub fn of<C: Command>(policy: &'static str, command: &C) -> Self {
        Self {
            policy,
            command_type: C::TYPE,
            stream: command.stream(),
            body: command.body(),
        }
    }
}

/// Asks each context what it does about an event of another.
pub fn follow_ups(event: &Event) -> Vec<FollowUp> {
    let _ = event;
    vec![]
}
