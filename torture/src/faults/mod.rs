//! What is done to the system: each kind of fault by its name, alone and several at once, from a seeded schedule.

mod elasticsearch;
mod kafka;
mod kinds;
mod links;
mod postgres;
mod postgres_disk;
mod postgres_sessions;
mod probing;
mod reads;
mod records;
mod recovery;
mod registry;
mod roles;
mod scene;
mod schedule;
mod topics;
mod unknown_schema;
mod versions;

pub use kinds::{FaultKind, all};
pub use schedule::{Injected, Moment, Rounds, run_schedule};
pub use topics::PLANTED;
