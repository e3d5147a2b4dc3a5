//! Every way in which a command can fail, as a problem. Exhaustive: a new refusal does not compile until it is here.

use domain::Refusal;
use domain::invoicing::InvoiceRefusal;
use domain::order::OrderRefusal;
use domain::product::ProductRefusal;

use super::problem::{Problem, ProblemKind};
use crate::application::bus::{CommandError, Invalid};
use crate::application::ports::RecordedRefusal;

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let kind = match &error {
            CommandError::Refused(Refusal::Product(refusal)) => product_refusal(refusal),
            CommandError::Refused(Refusal::Order(refusal)) => order_refusal(refusal),
            CommandError::Refused(Refusal::Invoice(refusal)) => invoice_refusal(refusal),
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
            CommandError::PreconditionFailed { .. } => ProblemKind::PreconditionFailed,
            CommandError::Recorded(refusal) => return Self::recorded(refusal),
            CommandError::Forbidden { scope } => return Self::forbidden(scope),
            CommandError::KeyReused => ProblemKind::IdempotencyKeyReused,
            CommandError::KeyInFlight => ProblemKind::IdempotencyKeyInFlight,
            CommandError::Conflict(_) => ProblemKind::VersionConflict,
            CommandError::Unavailable(_) => {
                return Self::new(
                    ProblemKind::Unavailable,
                    "The event store does not answer. Whether the command was carried out is unknown.",
                );
            }
            // The bus answers neither to a client.
            CommandError::DuplicateKey | CommandError::AlreadyDecided | CommandError::Failed(_) => {
                return Self::internal_error();
            }
        };
        debug_assert_eq!(
            kind.slug(),
            error.kind(),
            "a repeat must be answered as the first was"
        );
        Self::new(kind, error.to_string())
    }
}

impl Problem {
    /// The answer that was given when the refusal was recorded.
    pub fn recorded(refusal: &RecordedRefusal) -> Self {
        let Some(kind) = ProblemKind::of_slug(&refusal.kind) else {
            tracing::error!(
                kind = refusal.kind,
                "a recorded refusal is of a kind that is not known"
            );
            return Self::internal_error();
        };
        match &refusal.pointer {
            Some(pointer) => Self::at(kind, format!("#{pointer}"), refusal.detail.clone()),
            None => Self::new(kind, refusal.detail.clone()),
        }
    }
}

fn product_refusal(refusal: &ProductRefusal) -> ProblemKind {
    match refusal {
        ProductRefusal::Discontinued => ProblemKind::ProductDiscontinued,
    }
}

fn order_refusal(refusal: &OrderRefusal) -> ProblemKind {
    match refusal {
        OrderRefusal::NotADraft { .. } => ProblemKind::NotADraft,
        OrderRefusal::IllegalTransition { .. } => ProblemKind::IllegalTransition,
        OrderRefusal::ProductDiscontinued { .. } => ProblemKind::ProductDiscontinued,
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

fn invoice_refusal(refusal: &InvoiceRefusal) -> ProblemKind {
    match refusal {
        InvoiceRefusal::EmptyOrder => ProblemKind::EmptyOrder,
        InvoiceRefusal::CurrencyMismatch { .. } => ProblemKind::CurrencyMismatch,
        InvoiceRefusal::AmountOverflow => ProblemKind::AmountOverflow,
        InvoiceRefusal::Overpayment { .. } => ProblemKind::Overpayment,
        InvoiceRefusal::Credited => ProblemKind::InvoiceCredited,
    }
}
