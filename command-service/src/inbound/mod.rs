//! What comes in: HTTP, and requests to send streams again.

pub mod health;
pub mod http;
pub mod kafka;
