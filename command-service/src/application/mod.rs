//! What the service does, without the technology it does it with.
//!
//! A command comes in through [`bus::CommandBus`], passes its middleware, is decided by its handler in [`ordering`] or
//! [`invoicing`] and committed through a port of [`ports`]. What follows from its events is in [`policies`]; how queued commands are run, with the
//! list of all commands, in [`stored`].

pub mod backlog;
pub mod backpressure;
mod body;
pub mod bus;
pub mod codec;
pub mod invoicing;
pub mod ordering;
pub mod policies;
pub mod ports;
pub mod snapshots;
pub mod stored;
mod streams;
mod use_cases;

pub use use_cases::UseCases;
