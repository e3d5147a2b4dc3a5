//! Given / when / then, mothers and builders. All of it panics where a test is written wrongly.

mod builders;
mod mothers;
mod scenario;

pub use builders::{ItemBuilder, an_item};
pub use mothers::{
    a_confirmed_order, a_credited_invoice, a_delivered_order, a_discontinued_product, a_draft_of,
    a_draft_order, a_paid_invoice, a_product, a_registered_customer, a_shipped_order, a_submitted_order,
    an_added_product, an_address, an_invoice, an_issued_invoice, an_order_that_is, cancellation_reason,
    cancelled, credit_note_number, customer_id, email, eur, invoice_id, invoice_number, money, name,
    order_id, payment, payment_reference, price, product_id, quantity, size, the_customer, tracking_number,
    weight,
};
pub use scenario::Scenario;
