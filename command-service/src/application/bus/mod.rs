//! The command bus: typed commands, one handler each, the same middleware round all of them.

mod authorisation;
mod chain;
mod command;
mod context;
mod error;
mod idempotency;
mod metrics;
mod queueing;
mod retry;
mod tracing;
mod transaction;
mod turns;
mod validation;

pub use chain::CommandBus;
pub use command::{
    Accepted, Answered, Command, Decided, Deferred, EncodedEvent, Handler, Told, UnreadableBody,
};
pub use context::{Actor, Context, Rights, VersionMatch};
pub use error::CommandError;
pub use idempotency::KeysInFlight;
pub use retry::RetryPolicy;
pub use validation::Invalid;
