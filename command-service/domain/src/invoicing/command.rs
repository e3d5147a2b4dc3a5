use crate::value::{
    Address, CreditNoteNumber, CustomerId, InvoiceNumber, Name, OrderId, PaymentAmount, PaymentReference,
    ProductId, Quantity, UnitPrice,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueInvoice {
    pub number: InvoiceNumber,
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub billing_address: Address,
    /// At least one, all in one currency.
    pub lines: Vec<LineToInvoice>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineToInvoice {
    pub product_id: ProductId,
    pub product_name: Name,
    pub quantity: Quantity,
    pub unit_price: UnitPrice,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvoiceCommand {
    ReceivePayment {
        amount: PaymentAmount,
        reference: PaymentReference,
    },
    /// Done already where there is one.
    IssueCreditNote { number: CreditNoteNumber },
}
