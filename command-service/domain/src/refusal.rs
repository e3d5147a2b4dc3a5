//! The domain's no, of any aggregate.

use std::convert::Infallible;

use crate::invoicing::InvoiceRefusal;
use crate::order::OrderRefusal;
use crate::product::ProductRefusal;

/// Why an aggregate refused a command that was well-formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Product(#[from] ProductRefusal),
    #[error(transparent)]
    Order(#[from] OrderRefusal),
    #[error(transparent)]
    Invoice(#[from] InvoiceRefusal),
}

impl Refusal {
    /// A stable name: recorded with the command, and the last part of the problem's type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Product(refusal) => refusal.kind(),
            Self::Order(refusal) => refusal.kind(),
            Self::Invoice(refusal) => refusal.kind(),
        }
    }
}

/// Of an aggregate that refuses nothing.
impl From<Infallible> for Refusal {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
