//! The command bus: typed commands, one handler each, the same middleware round all of them.

mod chain;
mod command;
mod context;
mod error;
mod metrics;
mod retry;
mod tracing;
mod transaction;
mod validation;

pub use chain::CommandBus;
pub use command::{Accepted, Command, Decided, EncodedEvent, Handler};
pub use context::Context;
pub use error::CommandError;
pub use retry::RetryPolicy;
pub use validation::Invalid;
