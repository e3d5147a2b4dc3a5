//! Says of a recorded history which of the system's promises it breaks, and by which events.
//!
//! A [`History`] is what clients asked and were answered, what pollers saw while it ran, and what stood in the stores when
//! all was at rest. It shares no folding code with the services: nothing here is used by them.

pub mod history;

pub use history::History;
