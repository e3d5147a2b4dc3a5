//! Ordering's use cases: one file each, the command and its handler.

mod add_order_item;
mod add_product;
mod change_order_item_quantity;
mod change_product_price;
mod create_order;
mod items;
mod register_customer;
mod remove_order_item;
mod rename_customer;
mod rename_product;
mod submit_order;

pub use add_order_item::AddOrderItem;
pub use add_product::AddProduct;
pub use change_order_item_quantity::ChangeOrderItemQuantity;
pub use change_product_price::ChangeProductPrice;
pub use create_order::CreateOrder;
pub use items::OrderItem;
pub use register_customer::RegisterCustomer;
pub use remove_order_item::RemoveOrderItem;
pub use rename_customer::RenameCustomer;
pub use rename_product::RenameProduct;
pub use submit_order::SubmitOrder;
