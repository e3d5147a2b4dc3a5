//! Adapters of the application's ports, one folder for each technology.

pub mod bucket;
pub mod kafka;
pub mod memory;
pub mod postgres;
pub mod system;
