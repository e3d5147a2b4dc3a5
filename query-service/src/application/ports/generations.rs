//! A projection may be stored more than once: while it is rebuilt, the new generation is fed beside the one that queries
//! read, and after the swap the earlier one stays level until it is dropped.

use std::fmt;
use std::future::Future;

use read_model::{CurrentName, Kind, NameSource};

use super::{DocumentStore, StoreError};

/// One index of a kind. Displayed as its name, without the prefix of the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation {
    pub kind: Kind,
    /// The version of the mapping that it was made with.
    pub mapping: u32,
    /// From 1, anew for each mapping. 0: it was made before generations had numbers.
    pub number: u32,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            mapping,
            number,
        } = self;
        match number {
            0 => write!(f, "{}-v{mapping}", kind.name()),
            _ => write!(f, "{}-v{mapping}-{number}", kind.name()),
        }
    }
}

/// A generation that is there and may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundGeneration {
    pub generation: Generation,
    /// Queries read this one.
    pub queried: bool,
}

/// Which generations there are. Each has a store of its own.
pub trait Generations: Send + Sync + 'static {
    type Store: DocumentStore;

    /// The mapping that this build writes: it feeds the generations that have it.
    fn mapping(&self, kind: Kind) -> u32;

    /// Those of these kinds that are there now, of whatever mapping.
    fn find(&self, kinds: &[Kind]) -> impl Future<Output = Result<Vec<FoundGeneration>, StoreError>> + Send;

    /// Whether it is there or not.
    fn store(&self, generation: Generation) -> Self::Store;
}

/// The names that orders show, as their owners' documents have them now.
pub trait NameSources: Send + Sync + 'static {
    /// In the order of `sources`; `None` where the owner's first event has not come.
    fn names(
        &self,
        sources: &[NameSource],
    ) -> impl Future<Output = Result<Vec<Option<CurrentName>>, StoreError>> + Send;
}
