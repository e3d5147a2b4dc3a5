pub mod elasticsearch;
pub mod kafka;
pub mod memory;
mod words;
