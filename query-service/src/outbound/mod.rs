pub mod elasticsearch;
pub mod kafka;
pub mod memory;
pub mod system;
mod words;
