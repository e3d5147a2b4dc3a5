pub mod health;
pub mod http;
pub mod kafka;
