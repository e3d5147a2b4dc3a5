//! What every projection is: an event folded into a document.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// An event with what a fold may look at.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'a, E> {
    pub event: &'a E,
    /// Its place in its stream.
    pub version: u64,
    pub occurred_at: DateTime<Utc>,
}

/// A document that one stream feeds, in version order and without a gap.
pub trait Fold: Sized + Serialize + DeserializeOwned {
    type Event;

    fn version(&self) -> u64;

    /// The document that a stream's first event makes.
    fn begin(occurrence: Occurrence<'_, Self::Event>) -> Result<Self, FoldError>;

    /// Folds in the next event; leaves the document as it was if it fails.
    fn evolve(&mut self, occurrence: Occurrence<'_, Self::Event>) -> Result<(), FoldError>;
}

/// An event that does not fit what came before it, which the command service never writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    #[error("the stream does not begin with its creation")]
    NotCreated,
    #[error("the stream is created a second time")]
    CreatedTwice,
    #[error("the event is of {found}, but stands in the stream of {stream}")]
    WrongStream { stream: Uuid, found: Uuid },
    #[error("the order has no line for product {0}")]
    NoSuchLine(Uuid),
    #[error("the order has product {0} at another price")]
    OtherPrice(Uuid),
    #[error("a line cannot have a quantity of {0}")]
    Quantity(i64),
    #[error("an order in {order} cannot have a line in {line}")]
    Currency { order: String, line: String },
    #[error("the amount is beyond what can be stored")]
    Overflow,
    #[error("{0} is no stream version")]
    Version(i64),
}

/// A stream version as events carry it.
pub(crate) fn stream_version(version: i64) -> Result<u64, FoldError> {
    u64::try_from(version)
        .ok()
        .filter(|version| *version > 0)
        .ok_or(FoldError::Version(version))
}
