//! Events from Kafka: read, decoded, shared out to a projection's lanes, committed once they are done.

pub mod changes_feed;
pub mod decoding;
pub mod lag_watch;
pub mod letters;
pub mod offsets;
pub mod past_changes;
pub mod pipeline;
pub mod projector;
pub mod rereading;
pub mod resuming;

mod group;
mod lag;
mod reading;
mod source;
mod standstill;
mod topic_bounds;
mod unknown_schemas;

pub use pipeline::Pipeline;
pub use projector::{Feeding, Projector};
