use serde::Serialize;
use shared_events::AggregateType;
use uuid::Uuid;

use crate::application::ports::StreamId;

/// Which invariant is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A version is missing in a stream.
    VersionGap,
    /// An event cannot be decoded, or does not fit what came before.
    DoesNotFold,
    /// Events of a kind that this build does not know.
    UnknownAggregate,
    /// An event's command is not recorded.
    CommandMissing,
    /// An event's command is recorded as refused or failed.
    CommandNotSucceeded,
    /// A row waits in the outbox for longer than the bound.
    OutboxOld,
    /// A row in the outbox is not of an event in the store.
    OutboxWithoutEvent,
    /// A command waits in the queue for longer than the bound.
    QueueOld,
    /// An idempotency key names no command.
    KeyWithoutCommand,
    /// A submitted order has no invoice after the bound.
    InvoiceMissing,
    /// An invoice's id is not the one that its order gives it.
    InvoiceIdForeign,
    /// An invoice, or what others were told, of an order that does not call for it.
    OrderUnfit,
    /// An invoiced order was cancelled and has no credit note after the bound.
    CreditNoteMissing,
    /// A paid invoice's order is not confirmed after the bound.
    ConfirmationMissing,
    /// What another context was told is not what the order says.
    ToldMismatch,
    /// A number in a series was never used.
    NumberMissing,
    /// A number was used twice.
    NumberTwice,
    /// A number beyond the last that the series gave.
    NumberBeyondLast,
}

impl Kind {
    pub const ALL: [Self; 18] = [
        Self::VersionGap,
        Self::DoesNotFold,
        Self::UnknownAggregate,
        Self::CommandMissing,
        Self::CommandNotSucceeded,
        Self::OutboxOld,
        Self::OutboxWithoutEvent,
        Self::QueueOld,
        Self::KeyWithoutCommand,
        Self::InvoiceMissing,
        Self::InvoiceIdForeign,
        Self::OrderUnfit,
        Self::CreditNoteMissing,
        Self::ConfirmationMissing,
        Self::ToldMismatch,
        Self::NumberMissing,
        Self::NumberTwice,
        Self::NumberBeyondLast,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::VersionGap => "version_gap",
            Self::DoesNotFold => "does_not_fold",
            Self::UnknownAggregate => "unknown_aggregate",
            Self::CommandMissing => "command_missing",
            Self::CommandNotSucceeded => "command_not_succeeded",
            Self::OutboxOld => "outbox_old",
            Self::OutboxWithoutEvent => "outbox_without_event",
            Self::QueueOld => "queue_old",
            Self::KeyWithoutCommand => "key_without_command",
            Self::InvoiceMissing => "invoice_missing",
            Self::InvoiceIdForeign => "invoice_id_foreign",
            Self::OrderUnfit => "order_unfit",
            Self::CreditNoteMissing => "credit_note_missing",
            Self::ConfirmationMissing => "confirmation_missing",
            Self::ToldMismatch => "told_mismatch",
            Self::NumberMissing => "number_missing",
            Self::NumberTwice => "number_twice",
            Self::NumberBeyondLast => "number_beyond_last",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One place where an invariant is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    /// The kind of the stream, as the store has it.
    pub aggregate: Option<String>,
    pub stream: Option<Uuid>,
    pub version: Option<i64>,
    pub explanation: String,
}

impl Finding {
    pub fn of(kind: Kind, stream: StreamId, explanation: impl Into<String>) -> Self {
        Self {
            kind,
            aggregate: Some(AggregateType::as_str(stream.aggregate).to_owned()),
            stream: Some(stream.id),
            version: None,
            explanation: explanation.into(),
        }
    }

    pub fn at(self, version: u64) -> Self {
        Self {
            version: i64::try_from(version).ok(),
            ..self
        }
    }

    /// Of the store and no stream.
    pub fn of_store(kind: Kind, explanation: impl Into<String>) -> Self {
        Self {
            kind,
            aggregate: None,
            stream: None,
            version: None,
            explanation: explanation.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_in_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::json!(kind), kind.as_str());
            assert_eq!(Kind::of_name(kind.as_str()), Some(kind));
        }
    }
}
