//! What the application needs from outside. Each port has one contract suite in `query-service/tests` that its in-memory and
//! its real adapter both pass.

mod buried_letters;
mod changes;
mod dead_letters;
mod documents;
mod gaps;
mod generations;
pub mod reading;
mod rebuilding;

use chrono::{DateTime, Utc};

pub use buried_letters::{
    BuriedLetters, Letter, LetterDecoder, LetterHead, LetterId, MalformedLetterId, Resolution,
};
pub use changes::{Change, ChangePublisher};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use documents::{DocumentStore, DocumentWrite, Revision, StoredDocument, Waiting, WriteOutcome};
pub use gaps::{Missing, PublishedEvents, RepairRequests};
pub use generations::{FoundGeneration, Generation, Generations, NameSources};
pub use read_model::{Kind, NameSource};
pub use reading::OrderSummary;
pub use rebuilding::{FeedStanding, Feeds, PartitionStanding, Rebuildable, Scan};

/// What time it is.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    fn now(&self) -> DateTime<Utc>;
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is overloaded or refuses for now: the same request may succeed later.
    #[error("the document store is unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// The store answered what it never should.
    #[error("the document store failed")]
    Failed(#[source] anyhow::Error),
}
