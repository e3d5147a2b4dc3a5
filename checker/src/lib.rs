//! Says of a recorded history which of the system's promises it breaks, and by which events.
//!
//! A [`History`] is what clients asked and were answered, what pollers saw while it ran, and what stood in the stores when
//! all was at rest. It shares no folding code with the services: nothing here is used by them.

mod answered;
mod context;
pub mod fold;
pub mod history;
mod invariants;
mod reading;
mod report;
mod telling;

use context::Context;
pub use history::History;
pub use report::{Report, Verdict, Violation};

/// Holds the history against every invariant, I1 to I15.
pub fn check(history: &History) -> Report {
    let context = Context::of(history);
    Report {
        verdicts: invariants::ALL
            .iter()
            .map(|invariant| {
                let verdict = Verdict::new(invariant.id, invariant.name);
                (invariant.check)(history, &context, verdict)
            })
            .collect(),
    }
}
