//! Every way in which a command can fail, as a problem. Exhaustive: a new refusal does not compile until it is here.

use domain::Refusal;
use domain::order::OrderRefusal;

use super::problem::{Problem, ProblemKind};
use crate::application::bus::{CommandError, Invalid};

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let kind = match &error {
            CommandError::Refused(Refusal::Order(refusal)) => order_refusal(refusal),
            CommandError::Invalid(invalid @ Invalid::TooManyItems { .. }) => {
                let pointer = format!("#{}", invalid.pointer());
                return Self::at(ProblemKind::TooManyItems, pointer, error.to_string());
            }
            CommandError::UnknownReference { pointer, .. } => {
                let pointer = format!("#{pointer}");
                return Self::at(ProblemKind::UnknownReference, pointer, error.to_string());
            }
            CommandError::NotFound(_) => ProblemKind::NotFound,
            CommandError::AlreadyExists(_) => ProblemKind::AlreadyExists,
            CommandError::Conflict(_) => ProblemKind::VersionConflict,
            CommandError::Unavailable(_) => {
                return Self::new(
                    ProblemKind::Unavailable,
                    "The event store does not answer. Whether the command was carried out is unknown.",
                );
            }
            CommandError::Failed(_) => return Self::internal_error(),
        };
        Self::new(kind, error.to_string())
    }
}

fn order_refusal(refusal: &OrderRefusal) -> ProblemKind {
    match refusal {
        OrderRefusal::NotADraft { .. } => ProblemKind::NotADraft,
        OrderRefusal::EmptyOrder => ProblemKind::EmptyOrder,
        OrderRefusal::PriceChanged { .. } => ProblemKind::PriceChanged,
        OrderRefusal::PriceDiffersFromLine { .. } => ProblemKind::PriceDiffersFromLine,
        OrderRefusal::CurrencyMismatch { .. } => ProblemKind::CurrencyMismatch,
        OrderRefusal::ItemNotInOrder { .. } => ProblemKind::ItemNotInOrder,
        OrderRefusal::TooManyLines => ProblemKind::TooManyLines,
        OrderRefusal::QuantityTooLarge { .. } => ProblemKind::QuantityTooLarge,
        OrderRefusal::AmountOverflow => ProblemKind::AmountOverflow,
    }
}
