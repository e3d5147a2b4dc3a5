//! Invoicing's use cases, one file each, and its policy. It sees of ordering only what ordering tells it.

mod issue_credit_note;
mod issue_invoice;
mod numbers;
pub(in crate::application) mod policy;
mod receive_payment;

pub use issue_credit_note::IssueCreditNote;
pub use issue_invoice::IssueInvoice;
pub use receive_payment::ReceivePayment;
