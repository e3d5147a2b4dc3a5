//! Finds or starts the servers that the system needs, and the two services on top of them.
//!
//! Blocking and light on purpose: this crate is compiled before anything else may start. Tests of other crates use
//! [`for_tests`], [`binary`], [`free_port`], [`ServiceProcess`] and [`schemas::register`]; the launcher `xtask` uses the
//! rest.

mod http;
mod log;
mod port;
pub mod schemas;
mod service;
mod testing;
pub mod workspace;

pub use port::free_port;
pub use service::{ServiceBuilder, ServiceProcess, Signal};
pub use testing::{TestServers, for_tests};
pub use workspace::binary;
