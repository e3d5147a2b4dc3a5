//! What is looked at while the system runs, past the clients: documents, lag beside the truth, memory, rebuilds.

mod lag;
mod memory;
mod rebuilds;
mod sightings;

pub use lag::Lags;
pub use memory::Memory;
pub use rebuilds::Rebuilds;
pub use sightings::Sightings;
