//! Order details kept in this replica's memory: the cache first, then the store, then kept.
//!
//! What must stay true, whatever overlaps: an answer is never against a consistency token; who reads an order here again
//! never sees less of it than before; an entry goes when its order changes. So the newest of what was read wins, a read of
//! the store that began before its order changed is not kept, and nobody joins a read that began before one that has
//! ended since.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use read_model::OrderDocument;
use shared_events::{AggregateType, ConsistencyToken};
use tokio::time::Instant;
use uuid::Uuid;

mod in_work;
mod kept;
mod settings;

use self::in_work::{InWork, Shared};
use self::kept::Kept;
pub use self::settings::CacheSettings;
use super::ports::{Change, StoreError};

/// What an answer has to include.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// What is kept will do.
    Anything,
    /// This version of the order itself.
    Version(u64),
    /// Everything that the store shows from now on.
    Now,
}

impl Demand {
    pub fn of(token: Option<ConsistencyToken>, order: Uuid) -> Self {
        match token {
            None => Self::Anything,
            Some(token) if (token.aggregate, token.id) == (AggregateType::Order, order) => {
                Self::Version(token.version)
            }
            // How much of a customer or product an order shows, its version does not say.
            Some(_) => Self::Now,
        }
    }

    fn is_met_by(self, kept: &Kept) -> bool {
        match self {
            Self::Anything => true,
            Self::Version(version) => kept.version() >= version,
            Self::Now => false,
        }
    }
}

/// An order as the store had it `age` ago, or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedOrder {
    pub order: Option<Arc<OrderDocument>>,
    /// Since the store was asked.
    pub age: Duration,
}

/// Shared by all workers of a process, each of which reads through a client of its own.
pub struct OrderCache {
    kept: moka::sync::Cache<Uuid, Arc<Kept>>,
    settings: CacheSettings,
    feed_is_up: AtomicBool,
    reads: Mutex<Reads>,
}

/// Reads of the store that are in work. Whatever is kept, is kept under this lock; what is kept is looked up without it.
#[derive(Default)]
struct Reads {
    in_work: HashMap<Uuid, InWork>,
}

impl OrderCache {
    pub fn new(settings: CacheSettings) -> Arc<Self> {
        let kept = moka::sync::Cache::builder()
            .max_capacity(settings.max_bytes)
            .weigher(|_, kept: &Arc<Kept>| kept.bytes())
            // What may be served at all; whether it is, is decided by its age when it is asked for.
            .time_to_live(settings.time_to_live.max(settings.stale_while_unavailable))
            .build();
        Arc::new(Self {
            kept,
            settings,
            feed_is_up: AtomicBool::new(false),
            reads: Mutex::default(),
        })
    }

    /// Answers what is kept where that meets the demand, else what `load` reads from the store. Those who ask for the
    /// same order in the meantime share that read. A store that has not answered within `patience` counts as unavailable
    /// where something is kept that may be shown instead.
    pub async fn read<F>(
        self: &Arc<Self>,
        id: Uuid,
        demand: Demand,
        patience: Duration,
        load: impl FnOnce() -> F,
    ) -> Result<CachedOrder, StoreError>
    where
        F: Future<Output = Result<Option<OrderDocument>, StoreError>> + Send + 'static,
    {
        if let Some(kept) = self.kept.get(&id)
            && demand.is_met_by(&kept)
            && kept.age() < self.time_to_live(&kept)
        {
            let outcome = if kept.order.is_some() { "hit" } else { "negative" };
            return Ok(self.answer(&kept, outcome));
        }
        let (shared, outcome) = self.join_or_begin(id, demand, load);
        let read = match tokio::time::timeout(patience, shared.clone()).await {
            Ok(read) => read,
            Err(_) => match self.instead(id, demand) {
                Some(kept) => return Ok(self.answer(&kept, "stale")),
                None => shared.await,
            },
        };
        match read {
            Ok(kept) => {
                count(outcome);
                Ok(CachedOrder {
                    order: kept.order.clone(),
                    age: kept.age(),
                })
            }
            Err(error) => match self.instead(id, demand) {
                Some(kept) if matches!(*error, StoreError::Unavailable(_)) => Ok(self.answer(&kept, "stale")),
                _ => Err(of_one(error)),
            },
        }
    }

    /// An order has changed: what is kept of it goes, unless it is newer than that.
    pub fn invalidate(&self, change: &Change) {
        if change.aggregate != AggregateType::Order {
            return;
        }
        let mut reads = self.reads();
        if let Some(in_work) = reads.in_work.get_mut(&change.id) {
            in_work.invalidate(change.version);
        }
        // An equal version may have got another name.
        if let Some(kept) = self.kept.get(&change.id)
            && kept.version() <= change.version
        {
            self.kept.invalidate(&change.id);
            metrics::counter!("order_cache_invalidated_total").increment(1);
        }
    }

    /// Changes may have been missed: nothing that was read before this is kept.
    pub fn invalidate_all(&self) {
        let mut reads = self.reads();
        for in_work in reads.in_work.values_mut() {
            in_work.invalidate(u64::MAX);
        }
        // By key: `invalidate_all` of the cache goes by its clock, on which an entry may be of the same instant.
        let ids: Vec<Uuid> = self.kept.iter().map(|(id, _)| *id).collect();
        for id in &ids {
            self.kept.invalidate(id);
        }
        tracing::info!(orders = ids.len(), "the cache was emptied");
    }

    /// While it is not told of changes, entries live shortly.
    pub fn feed_is_up(&self, up: bool) {
        self.feed_is_up.store(up, Ordering::Release);
    }

    /// Does what was put off, and says how much is kept.
    pub fn upkeep(&self) {
        self.kept.run_pending_tasks();
        metrics::gauge!("order_cache_bytes").set(self.kept.weighted_size() as f64);
        metrics::gauge!("order_cache_entries").set(self.kept.entry_count() as f64);
    }

    fn time_to_live(&self, kept: &Kept) -> Duration {
        let live = match kept.order {
            Some(_) => self.settings.time_to_live,
            None => self.settings.negative_time_to_live,
        };
        match self.feed_is_up.load(Ordering::Acquire) {
            true => live,
            false => live.min(self.settings.without_feed_time_to_live),
        }
    }

    fn answer(&self, kept: &Kept, outcome: &'static str) -> CachedOrder {
        count(outcome);
        let age = kept.age();
        metrics::histogram!("order_cache_age_seconds").record(age.as_secs_f64());
        CachedOrder {
            order: kept.order.clone(),
            age,
        }
    }

    /// What may be shown while the store is away.
    fn instead(&self, id: Uuid, demand: Demand) -> Option<Arc<Kept>> {
        self.kept.get(&id).filter(|kept| {
            kept.order.is_some()
                && demand.is_met_by(kept)
                && kept.age() <= self.settings.stale_while_unavailable
        })
    }

    fn join_or_begin<F>(
        self: &Arc<Self>,
        id: Uuid,
        demand: Demand,
        load: impl FnOnce() -> F,
    ) -> (Shared, &'static str)
    where
        F: Future<Output = Result<Option<OrderDocument>, StoreError>> + Send + 'static,
    {
        let mut reads = self.reads();
        let in_work = reads.in_work.entry(id).or_default();
        if demand == Demand::Anything
            && let Some(shared) = in_work.joinable()
        {
            return (shared, "joined");
        }
        let begun_at = Instant::now();
        // Registered before the store is asked: what changes from here on is noticed.
        let read = ReadInWork {
            cache: self.clone(),
            id,
            begun: in_work.begin(),
        };
        let load = load();
        let shared = async move {
            let loaded = load.await.map_err(Arc::new)?;
            Ok::<_, Arc<StoreError>>(read.end(Arc::new(Kept::new(loaded, begun_at))))
        }
        .boxed()
        .shared();
        in_work.let_join(&shared);
        (shared, "miss")
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One read of the store, from before it is asked until what it answered is kept or not.
struct ReadInWork {
    cache: Arc<OrderCache>,
    id: Uuid,
    begun: u64,
}

impl ReadInWork {
    /// The newest that is known of the order.
    fn end(self, loaded: Arc<Kept>) -> Arc<Kept> {
        let mut reads = self.cache.reads();
        let Some(in_work) = reads.in_work.get_mut(&self.id) else {
            // It is there until this read is dropped.
            return loaded;
        };
        let newest = in_work.end(loaded);
        if let Some(kept) = self.cache.kept.get(&self.id)
            && kept.stands_against(&newest, self.cache.settings.time_to_live)
        {
            return kept;
        }
        if in_work.is_invalidated(self.begun, newest.version()) {
            // Nothing that is older than what is answered here stays.
            self.cache.kept.invalidate(&self.id);
        } else {
            self.cache.kept.insert(self.id, newest.clone());
        }
        newest
    }
}

impl Drop for ReadInWork {
    fn drop(&mut self) {
        if let Entry::Occupied(mut in_work) = self.cache.reads().in_work.entry(self.id)
            && in_work.get_mut().leave()
        {
            in_work.remove();
        }
    }
}

/// The error for one of those who shared a read.
fn of_one(shared: Arc<StoreError>) -> StoreError {
    Arc::try_unwrap(shared).unwrap_or_else(|shared| match &*shared {
        StoreError::Unavailable(cause) => StoreError::Unavailable(anyhow::anyhow!("{cause:#}")),
        StoreError::Failed(cause) => StoreError::Failed(anyhow::anyhow!("{cause:#}")),
    })
}

fn count(outcome: &'static str) {
    metrics::counter!("order_cache_reads_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests;
