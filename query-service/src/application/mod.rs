pub mod caching;
pub mod following;
pub mod freshness;
pub mod ports;
pub mod projecting;
pub mod pushing;
pub mod queries;
pub mod rebuilding;
