use super::LineToInvoice;
use crate::value::{
    Address, AmountOverflow, CreditNoteNumber, CustomerId, InvoiceNumber, Money, Name, OrderId,
    PaymentAmount, PaymentReference, ProductId, Quantity, UnitPrice,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvoiceEvent {
    Issued {
        number: InvoiceNumber,
        order_id: OrderId,
        customer_id: CustomerId,
        billing_address: Address,
        lines: Vec<InvoiceLine>,
        total: Money,
    },
    PaymentReceived {
        amount: PaymentAmount,
        reference: PaymentReference,
        /// The sum of the payments, this one included.
        paid: Money,
    },
    /// In full.
    Paid { order_id: OrderId },
    /// Over the whole total, whatever was paid of it.
    CreditNoteIssued {
        number: CreditNoteNumber,
        order_id: OrderId,
        total: Money,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLine {
    pub product_id: ProductId,
    pub product_name: Name,
    pub quantity: Quantity,
    pub unit_price: UnitPrice,
    /// What the pieces cost together.
    pub subtotal: Money,
}

impl InvoiceLine {
    pub fn of(line: LineToInvoice) -> Result<Self, AmountOverflow> {
        let LineToInvoice {
            product_id,
            product_name,
            quantity,
            unit_price,
        } = line;
        Ok(Self {
            product_id,
            product_name,
            quantity,
            unit_price,
            subtotal: unit_price.times(quantity)?,
        })
    }
}
