pub mod freshness;
pub mod ports;
pub mod projecting;
pub mod queries;
pub mod rebuilding;
