//! The queue's figures, and old keys.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use command_service::application::backpressure::Backpressure;
use command_service::application::ports::{
    CommandQueue, CommandStore, IdempotencyKey, Postponement, QueuePlace, StoreError, TakenCommand, Waiting,
};
use command_service::outbound::memory::{ManualClock, MemoryStore};
use command_service::telemetry::metrics_handle;
use command_service::worker::{QueueWatch, forget_old_keys};
use tokio_util::sync::CancellationToken;

use crate::script::queued;
use crate::support::events::new_customer;
use crate::support::eventually;

/// The queue behind a connection that can be cut.
struct Cut {
    store: Arc<MemoryStore>,
    cut: AtomicBool,
}

impl CommandQueue for Cut {
    async fn take(&self, buckets: &[u16], per_bucket: usize) -> Result<Vec<TakenCommand>, StoreError> {
        self.store.take(buckets, per_bucket).await
    }

    async fn postpone(&self, place: QueuePlace, postponement: Postponement) -> Result<(), StoreError> {
        self.store.postpone(place, postponement).await
    }

    async fn remove(&self, place: QueuePlace) -> Result<(), StoreError> {
        self.store.remove(place).await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        match self.cut.load(Ordering::Relaxed) {
            true => Err(StoreError::Unavailable(anyhow::anyhow!("cut"))),
            false => self.store.waiting().await,
        }
    }
}

fn figure(line: &str) -> f64 {
    let rendered = metrics_handle().render();
    let found = rendered.lines().find_map(|found| found.strip_prefix(line));
    found
        .unwrap_or_else(|| panic!("no {line} in {rendered}"))
        .trim()
        .parse()
        .unwrap()
}

async fn figure_is(line: &str, holds: impl Fn(f64) -> bool) {
    eventually(line, async || holds(figure(line))).await;
}

/// One test alone: the gauges are those of the process.
#[tokio::test]
async fn the_gauges_tell_what_waits_also_when_it_is_gone_or_cannot_be_seen() {
    const DEPTH: &str = "command_queue_depth{type=\"issue-invoice\"}";
    const AGE: &str = "command_queue_oldest_age_seconds{type=\"issue-invoice\"}";
    metrics_handle();
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    let queue = Arc::new(Cut {
        store: Arc::clone(&store),
        cut: AtomicBool::new(false),
    });
    let mut command = queued(new_customer());
    command.command_type = "issue-invoice".to_owned();
    store.enqueue(command, None).await.unwrap();
    clock.advance(TimeDelta::seconds(61));
    let room = Arc::new(Backpressure::new("command_queue", NonZeroU64::MIN));
    let watch = QueueWatch::new(Arc::clone(&queue), Duration::from_secs(60), Arc::clone(&room));
    let watch = Arc::new(watch);
    let stop = CancellationToken::new();
    let watching = tokio::spawn({
        let (watch, stop) = (Arc::clone(&watch), stop.clone());
        async move { watch.run(Duration::from_millis(5), stop).await }
    });
    watch.measure().await.unwrap();
    figure_is(DEPTH, |depth| depth == 1.0).await;
    assert!(room.is_full());
    figure_is(AGE, |age| age >= 61.0).await;
    figure_is("invoice_wait_seconds", |age| age >= 61.0).await;
    assert_eq!(figure("invoice_wait_limit_seconds"), 60.0);

    queue.cut.store(true, Ordering::Relaxed);
    // The store's clock stands still: only what is added while it is not seen lets the age grow.
    figure_is(AGE, |age| age >= 61.2).await;

    queue.cut.store(false, Ordering::Relaxed);
    let taken = store.take(&(0..16).collect::<Vec<_>>(), 1).await.unwrap();
    store.remove(taken[0].place).await.unwrap();
    figure_is(DEPTH, |depth| depth == 0.0).await;
    assert!(!room.is_full());
    figure_is(AGE, |age| age == 0.0).await;
    figure_is("invoice_wait_seconds", |age| age == 0.0).await;
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn old_keys_are_forgotten_however_many_there_are() {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    let keep = async |key: String| {
        let key = IdempotencyKey {
            key,
            request_hash: [7; 32],
        };
        store.enqueue(queued(new_customer()), Some(key)).await.unwrap();
    };
    for n in 0..2500 {
        keep(format!("old {n}")).await;
    }
    clock.advance(TimeDelta::hours(2));
    keep("young".to_owned()).await;
    let stop = CancellationToken::new();
    let hour = Duration::from_secs(3600);
    let forgetting = tokio::spawn(forget_old_keys(Arc::clone(&store), hour, hour, stop.clone()));
    for n in [0, 1300, 2499] {
        while store
            .command_of_key("anonymous", &format!("old {n}"))
            .await
            .unwrap()
            .is_some()
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let young = store.command_of_key("anonymous", "young").await.unwrap();
    assert!(young.is_some());
    stop.cancel();
    forgetting.await.unwrap();
}
