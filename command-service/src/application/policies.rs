//! What follows from an event: commands of another context, queued in the transaction that commits the event.

use serde_json::Value;
use shared_events::Event;

use super::bus::Command;
use super::codec::CodecError;
use super::ports::StreamId;
use super::{invoicing, ordering};

/// The scope of commands that only policies send. No client is given it, and no endpoint takes such a command.
pub const INTERNAL_SCOPE: &str = "internal";

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

/// Asks each context what it does about an event of another. Fails for an event that holds what no command can.
pub fn follow_ups(event: &Event) -> Result<Vec<FollowUp>, CodecError> {
    let mut wanted = invoicing::policy::follow_ups(event)?;
    wanted.extend(ordering::policy::follow_ups(event));
    Ok(wanted)
}
