//! Generations made, compared, swapped and dropped.

use std::collections::BTreeMap;
use std::future::Future;

use serde_json::Value;
use shared_events::AggregateType;
use uuid::Uuid;

use super::{Generation, Generations, StoreError};

pub trait Rebuildable: Generations {
    type Scan: Scan;

    /// An empty generation of this build's mapping, which queries do not read. No error where it is there already.
    fn create(&self, generation: Generation) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Every query begun after this reads `to`; in one step, so that none finds neither or both. An error where queries do
    /// not read `from` any more.
    fn point_queries(
        &self,
        from: Option<Generation>,
        to: Generation,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// From this answer on nothing is written to it until it is let go: whoever writes waits, as in an outage.
    fn hold(&self, generation: Generation) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// No error where it was not held.
    fn let_go(&self, generation: Generation) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// With all its documents. No error where it is gone already.
    fn drop_generation(&self, generation: Generation) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Every document of a generation as of its last refresh before the first page.
    fn scan(&self, generation: Generation) -> Self::Scan;
}

pub trait Scan: Send {
    /// The next page; empty at the end.
    fn next(&mut self) -> impl Future<Output = Result<Vec<(Uuid, Value)>, StoreError>> + Send;
}

/// How far generations are fed, by all who feed them.
pub trait Feeds: Send + Sync + 'static {
    fn standing(
        &self,
        generation: Generation,
    ) -> impl Future<Output = Result<FeedStanding, StoreError>> + Send;

    /// Whether anybody feeds it now.
    fn is_fed(&self, generation: Generation) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whoever feeds a generation of this name begins at the beginning again. Waits until nobody feeds it.
    fn forget(&self, generation: Generation) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// By partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedStanding(pub BTreeMap<(AggregateType, i32), PartitionStanding>);

/// Offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionStanding {
    /// Of the first record that there is.
    pub begin: i64,
    /// Behind the last record.
    pub end: i64,
    /// Behind the last record that is done.
    pub done: i64,
}

impl FeedStanding {
    pub fn records(&self) -> u64 {
        self.sum(|partition| partition.end - partition.begin)
    }

    pub fn done(&self) -> u64 {
        self.sum(|partition| partition.done - partition.begin)
    }

    /// Everything is done that was there at `earlier`.
    pub fn has_passed(&self, earlier: &Self) -> bool {
        earlier.0.iter().all(|(partition, earlier)| {
            self.0
                .get(partition)
                .is_some_and(|now| now.done >= earlier.end || earlier.end == earlier.begin)
        })
    }

    fn sum(&self, of: impl Fn(&PartitionStanding) -> i64) -> u64 {
        self.0
            .values()
            .map(|partition| u64::try_from(of(partition)).unwrap_or(0))
            .sum()
    }
}
