//! What comes in: HTTP.

pub mod health;
pub mod http;
