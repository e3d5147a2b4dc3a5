//! Folds records into documents, writes them, and brings what follows from it to an end before a record is done.
//!
//! Records come in any order, late and more than once; see [`read_model::sequenced`] for why that does no harm.

pub mod announcing;
pub mod aside;
pub mod finishing;
pub mod folded;
pub mod folding;
pub mod gaps;
pub mod lane;
pub mod names;
pub mod patience;
pub mod recent;
pub mod record;
pub mod renaming;
pub mod settings;
mod showing;
mod spans;
pub mod tally;

pub use announcing::Announcing;
pub use lane::{LaneEnded, Lanes, Ports};
pub use record::{Acknowledge, Incoming, Position, RawHeaders, RawRecord, Record};
pub use settings::ProjectorSettings;
