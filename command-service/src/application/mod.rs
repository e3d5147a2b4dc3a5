//! What the service does, without the technology it does it with.
//!
//! A command comes in through [`bus::CommandBus`], passes its middleware, is decided by its handler in [`commands`] and
//! committed through a port of [`ports`].

pub mod bus;
pub mod codec;
pub mod commands;
pub mod ports;
mod streams;
