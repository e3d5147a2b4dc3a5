//! Given / when / then, mothers and builders. All of it panics where a test is written wrongly.

mod builders;
mod mothers;
mod scenario;

pub use builders::{ItemBuilder, an_item};
pub use mothers::{
    a_draft_of, a_draft_order, a_product, a_registered_customer, a_submitted_order, an_added_product,
    an_address, customer_id, email, eur, money, name, order_id, price, product_id, quantity, the_customer,
};
pub use scenario::Scenario;
