//! The domain's no, of any aggregate.

use std::convert::Infallible;

use crate::order::OrderRefusal;

/// Why an aggregate refused a command that was well-formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Order(#[from] OrderRefusal),
}

impl Refusal {
    /// A stable name: recorded with the command, and the last part of the problem's type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Order(refusal) => refusal.kind(),
        }
    }
}

/// Of an aggregate that refuses nothing.
impl From<Infallible> for Refusal {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
