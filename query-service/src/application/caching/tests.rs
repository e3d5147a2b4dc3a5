use chrono::DateTime;
use read_model::OrderStatus;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};

use super::*;

mod overlapping;

const ORDER: Uuid = Uuid::from_u128(7);
const PATIENCE: Duration = Duration::from_secs(2);

type Loaded = Result<Option<OrderDocument>, StoreError>;

fn order(version: u64) -> OrderDocument {
    named(version, 1)
}

/// With the customer's name as of that version of the customer.
fn named(version: u64, customer_version: u64) -> OrderDocument {
    OrderDocument {
        id: ORDER,
        version,
        status: OrderStatus::Draft,
        customer_id: Uuid::from_u128(1),
        customer_name: format!("name {customer_version}"),
        customer_version,
        items: Vec::new(),
        item_count: 0,
        total: None,
        invoice_id: None,
        tracking_number: None,
        cancellation_reason: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn change(version: u64) -> Change {
    Change {
        aggregate: AggregateType::Order,
        id: ORDER,
        version,
        order: None,
    }
}

fn cache() -> Arc<OrderCache> {
    let cache = OrderCache::new(CacheSettings::default());
    cache.feed_is_up(true);
    cache
}

/// A read that is under way: `store` is the store's answer, if it is asked.
struct Asked {
    store: oneshot::Sender<Loaded>,
    read: JoinHandle<Result<CachedOrder, StoreError>>,
}

impl Asked {
    async fn answered(self, loaded: Loaded) -> Result<CachedOrder, StoreError> {
        self.store.send(loaded).expect("the store was asked");
        self.read.await.expect("no panic")
    }

    async fn shown(self, loaded: OrderDocument) -> u64 {
        version(self.answered(Ok(Some(loaded))).await)
    }

    /// Without the store.
    async fn shown_at_once(self) -> CachedOrder {
        assert!(self.store.is_closed(), "the store was asked");
        self.read.await.expect("no panic").expect("an answer")
    }
}

/// Returns when the store is asked, or the answer is there without it.
async fn ask(cache: &Arc<OrderCache>, demand: Demand) -> Asked {
    let (store, loaded) = oneshot::channel();
    let cache = cache.clone();
    let read = tokio::spawn(async move {
        let load = || async { loaded.await.expect("the test answers") };
        cache.read(ORDER, demand, PATIENCE, load).await
    });
    for _ in 0..3 {
        yield_now().await;
    }
    Asked { store, read }
}

fn version(read: Result<CachedOrder, StoreError>) -> u64 {
    read.expect("an answer").order.map_or(0, |order| order.version)
}

async fn keep(cache: &Arc<OrderCache>, order: OrderDocument) {
    ask(cache, Demand::Now).await.shown(order).await;
}

async fn kept(cache: &Arc<OrderCache>) -> u64 {
    let shown = ask(cache, Demand::Anything).await.shown_at_once().await;
    shown.order.map_or(0, |order| order.version)
}

async fn asks_the_store(cache: &Arc<OrderCache>, demand: Demand) -> bool {
    let asked = ask(cache, demand).await;
    let open = !asked.store.is_closed();
    asked.read.abort();
    _ = asked.read.await;
    open
}

fn away() -> Loaded {
    Err(StoreError::Unavailable(anyhow::anyhow!("away")))
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_shown_again_with_its_age_until_its_time_is_over() {
    let cache = cache();
    assert_eq!(ask(&cache, Demand::Anything).await.shown(order(1)).await, 1);
    tokio::time::advance(Duration::from_secs(59)).await;
    let shown = ask(&cache, Demand::Anything).await.shown_at_once().await;
    assert_eq!(shown.age, Duration::from_secs(59));
    assert_eq!(shown.order.as_deref(), Some(&order(1)));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(asks_the_store(&cache, Demand::Anything).await);
}

#[tokio::test(start_paused = true)]
async fn that_there_is_none_is_believed_for_a_second() {
    let cache = cache();
    let none = ask(&cache, Demand::Anything).await.answered(Ok(None)).await;
    assert_eq!(version(none), 0);
    assert_eq!(kept(&cache).await, 0);
    assert!(asks_the_store(&cache, Demand::Version(1)).await);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(asks_the_store(&cache, Demand::Anything).await);
}

#[tokio::test(start_paused = true)]
async fn without_its_feed_it_believes_nothing_longer_than_a_second() {
    let cache = cache();
    keep(&cache, order(1)).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(kept(&cache).await, 1);
    cache.feed_is_up(false);
    assert!(asks_the_store(&cache, Demand::Anything).await);
    cache.feed_is_up(true);
    assert_eq!(kept(&cache).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_answered_from_what_includes_it_and_else_by_the_store() {
    let cache = cache();
    keep(&cache, order(3)).await;
    let shown = ask(&cache, Demand::Version(3)).await.shown_at_once().await;
    assert_eq!(shown.order.map(|order| order.version), Some(3));
    assert_eq!(ask(&cache, Demand::Version(4)).await.shown(order(4)).await, 4);
    // What a token made it read, others see too.
    assert_eq!(kept(&cache).await, 4);
    assert!(asks_the_store(&cache, Demand::Now).await);
}

#[test]
fn a_token_of_something_else_is_not_told_from_the_order() {
    let token = |aggregate, id| ConsistencyToken {
        aggregate,
        id,
        version: 4,
    };
    let demand = |token| Demand::of(token, ORDER);
    assert_eq!(demand(None), Demand::Anything);
    assert_eq!(
        demand(Some(token(AggregateType::Order, ORDER))),
        Demand::Version(4)
    );
    assert_eq!(
        demand(Some(token(AggregateType::Order, Uuid::nil()))),
        Demand::Now
    );
    assert_eq!(demand(Some(token(AggregateType::Customer, ORDER))), Demand::Now);
}

#[tokio::test(start_paused = true)]
async fn those_who_ask_at_the_same_time_share_one_read() {
    let cache = cache();
    let first = ask(&cache, Demand::Anything).await;
    let second = ask(&cache, Demand::Anything).await;
    assert!(second.store.is_closed());
    first.store.send(Ok(Some(order(1)))).expect("the store was asked");
    assert_eq!(version(first.read.await.expect("no panic")), 1);
    assert_eq!(version(second.read.await.expect("no panic")), 1);
}

#[tokio::test(start_paused = true)]
async fn who_joined_is_answered_although_the_first_one_left() {
    let cache = cache();
    let first = ask(&cache, Demand::Anything).await;
    let second = ask(&cache, Demand::Anything).await;
    first.read.abort();
    assert!(first.read.await.is_err());
    first.store.send(Ok(Some(order(1)))).expect("the read goes on");
    assert_eq!(version(second.read.await.expect("no panic")), 1);
    assert_eq!(kept(&cache).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_everybody_left_is_begun_anew() {
    let cache = cache();
    let first = ask(&cache, Demand::Anything).await;
    first.read.abort();
    _ = first.read.await;
    assert!(first.store.is_closed());
    assert!(cache.reads().in_work.is_empty());
    assert_eq!(ask(&cache, Demand::Anything).await.shown(order(1)).await, 1);
    assert!(cache.reads().in_work.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_read_that_began_before_a_change_is_neither_kept_nor_joined() {
    let cache = cache();
    let before = ask(&cache, Demand::Anything).await;
    cache.invalidate(&change(2));
    let after = ask(&cache, Demand::Anything).await;
    assert!(!after.store.is_closed(), "it joined a read of before");
    assert_eq!(before.shown(order(1)).await, 1);
    assert!(asks_the_store(&cache, Demand::Anything).await);
    assert_eq!(after.shown(order(2)).await, 2);
    assert_eq!(kept(&cache).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_shows_more_than_the_change_is_kept() {
    let cache = cache();
    let before = ask(&cache, Demand::Anything).await;
    cache.invalidate(&change(2));
    assert_eq!(before.shown(order(3)).await, 3);
    assert_eq!(kept(&cache).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_change_drops_what_is_not_newer() {
    let cache = cache();
    keep(&cache, order(3)).await;
    cache.invalidate(&change(2));
    cache.invalidate(&Change {
        aggregate: AggregateType::Customer,
        ..change(9)
    });
    assert_eq!(kept(&cache).await, 3);
    // It may have got another name.
    cache.invalidate(&change(3));
    assert!(asks_the_store(&cache, Demand::Anything).await);
}

#[tokio::test(start_paused = true)]
async fn who_has_seen_a_version_by_a_token_joins_no_earlier_read() {
    let cache = cache();
    let early = ask(&cache, Demand::Anything).await;
    assert_eq!(ask(&cache, Demand::Version(5)).await.shown(order(5)).await, 5);
    // As if it had been evicted.
    cache.kept.invalidate(&ORDER);
    let again = ask(&cache, Demand::Anything).await;
    assert!(!again.store.is_closed(), "it joined an earlier read");
    assert_eq!(early.shown(order(4)).await, 5);
    assert_eq!(again.shown(order(5)).await, 5);
    assert_eq!(kept(&cache).await, 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_never_lowered_by_an_earlier_read() {
    let cache = cache();
    let early = ask(&cache, Demand::Anything).await;
    keep(&cache, order(5)).await;
    assert_eq!(early.shown(order(4)).await, 5);
    assert_eq!(kept(&cache).await, 5);
    keep(&cache, order(4)).await;
    assert_eq!(kept(&cache).await, 5);
}

#[tokio::test(start_paused = true)]
async fn of_one_version_the_later_name_wins() {
    let cache = cache();
    let early = ask(&cache, Demand::Anything).await;
    keep(&cache, named(3, 2)).await;
    let shown = early.answered(Ok(Some(named(3, 1)))).await.expect("an answer");
    assert_eq!(shown.order.as_deref(), Some(&named(3, 2)));
    let early = ask(&cache, Demand::Now).await;
    cache.invalidate(&change(3));
    early.answered(Ok(Some(named(3, 2)))).await.expect("an answer");
    assert!(asks_the_store(&cache, Demand::Anything).await);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_what_is_kept_is_shown_but_never_against_a_token() {
    let cache = cache();
    keep(&cache, order(3)).await;
    tokio::time::advance(Duration::from_secs(600)).await;
    let shown = ask(&cache, Demand::Anything).await.answered(away()).await;
    assert_eq!(
        shown.as_ref().map(|shown| shown.age).ok(),
        Some(Duration::from_secs(600))
    );
    assert_eq!(version(shown), 3);
    for demand in [Demand::Version(4), Demand::Now] {
        let refused = ask(&cache, demand).await.answered(away()).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{demand:?}");
    }
    let broken = Err(StoreError::Failed(anyhow::anyhow!("broken")));
    let broken = ask(&cache, Demand::Anything).await.answered(broken).await;
    assert!(matches!(broken, Err(StoreError::Failed(_))));
    tokio::time::advance(Duration::from_secs(1)).await;
    let too_old = ask(&cache, Demand::Anything).await.answered(away()).await;
    assert!(matches!(too_old, Err(StoreError::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_counts_as_away_where_something_may_be_shown_instead() {
    let cache = cache();
    keep(&cache, order(3)).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let hanging = ask(&cache, Demand::Anything).await;
    let token = ask(&cache, Demand::Version(4)).await;
    let begun = Instant::now();
    assert_eq!(version(hanging.read.await.expect("no panic")), 3);
    assert_eq!(begun.elapsed(), PATIENCE);
    tokio::time::advance(PATIENCE * 2).await;
    assert_eq!(token.shown(order(4)).await, 4);
}

#[tokio::test(start_paused = true)]
async fn what_changed_is_not_shown_while_the_store_is_away() {
    let cache = cache();
    keep(&cache, order(3)).await;
    cache.invalidate(&change(4));
    let refused = ask(&cache, Demand::Anything).await.answered(away()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn where_changes_may_have_been_missed_nothing_from_before_is_kept() {
    let cache = cache();
    keep(&cache, order(3)).await;
    let before = ask(&cache, Demand::Now).await;
    cache.invalidate_all();
    assert_eq!(before.shown(order(3)).await, 3);
    assert!(asks_the_store(&cache, Demand::Anything).await);
    keep(&cache, order(3)).await;
    assert_eq!(kept(&cache).await, 3);
}

#[tokio::test(start_paused = true)]
async fn an_index_made_anew_has_the_last_word_when_the_time_is_over() {
    let cache = cache();
    keep(&cache, order(5)).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(ask(&cache, Demand::Anything).await.shown(order(2)).await, 2);
    assert_eq!(kept(&cache).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_bounded_in_bytes() {
    let cache = OrderCache::new(CacheSettings {
        max_bytes: 100_000,
        ..CacheSettings::default()
    });
    for n in 0..2_000 {
        let id = Uuid::from_u128(n);
        let loaded = OrderDocument { id, ..order(1) };
        let read = cache.read(id, Demand::Anything, PATIENCE, || async { Ok(Some(loaded)) });
        read.await.expect("an answer");
    }
    cache.upkeep();
    assert!(cache.kept.weighted_size() <= 100_000);
    assert!(cache.kept.entry_count() > 50);
}

#[tokio::test(start_paused = true)]
async fn without_room_nothing_is_kept() {
    let cache = OrderCache::new(CacheSettings {
        max_bytes: 0,
        ..CacheSettings::default()
    });
    keep(&cache, order(1)).await;
    assert!(asks_the_store(&cache, Demand::Anything).await);
}
