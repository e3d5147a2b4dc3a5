use crate::value::{AmountOverflow, Currency, Money};

/// Why an invoice refused a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefusal {
    #[error("an order without items cannot be invoiced")]
    EmptyOrder,
    #[error("the invoice is in {invoice}, not in {other}")]
    CurrencyMismatch { invoice: Currency, other: Currency },
    #[error("the invoice's total is too large")]
    AmountOverflow,
    #[error("{amount} is more than the {open} that are left to pay")]
    Overpayment { open: Money, amount: Money },
    #[error("the invoice was taken back by a credit note; it takes no payment any more")]
    Credited,
}

impl InvoiceRefusal {
    /// A stable name: recorded with the command, and the last part of the problem's type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::EmptyOrder => "empty-order",
            Self::CurrencyMismatch { .. } => "currency-mismatch",
            Self::AmountOverflow => "amount-overflow",
            Self::Overpayment { .. } => "overpayment",
            Self::Credited => "invoice-credited",
        }
    }
}

impl From<AmountOverflow> for InvoiceRefusal {
    fn from(AmountOverflow: AmountOverflow) -> Self {
        Self::AmountOverflow
    }
}
