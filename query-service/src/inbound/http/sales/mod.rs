//! The sales figures, one file for each query.

pub mod daily_sales;
pub mod orders_by_status;
pub mod product_sales;
