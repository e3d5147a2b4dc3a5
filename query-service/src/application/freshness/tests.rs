use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use shared_events::AggregateType;
use uuid::Uuid;

use super::*;

/// A store whose versions the test sets.
#[derive(Default)]
struct Versions {
    visible: Mutex<HashMap<Uuid, u64>>,
    searchable: Mutex<HashMap<Uuid, u64>>,
    looks: AtomicUsize,
    searches: AtomicUsize,
}

impl VersionReader for Versions {
    async fn visible_version(&self, watched: Watched) -> Result<Option<u64>, StoreError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let (Watched::Document(_, id) | Watched::Names(_, id)) = watched;
        Ok(self.visible.lock().expect("not poisoned").get(&id).copied())
    }

    async fn searchable_versions(&self, _: Kind, ids: &[Uuid]) -> Result<Vec<Option<u64>>, StoreError> {
        self.searches.fetch_add(1, Ordering::Relaxed);
        let searchable = self.searchable.lock().expect("not poisoned");
        Ok(ids.iter().map(|id| searchable.get(id).copied()).collect())
    }
}

const PACE: Pace = Pace {
    max_waiting: 2,
    search_check: Duration::from_millis(20),
    recheck_first: Duration::from_millis(50),
    recheck_longest: Duration::from_millis(250),
};

fn freshness() -> Arc<Freshness<Versions>> {
    Arc::new(Freshness::new(Arc::default(), PACE))
}

fn token(aggregate: AggregateType, version: u64) -> ConsistencyToken {
    ConsistencyToken {
        aggregate,
        id: Uuid::from_u128(7),
        version,
    }
}

fn in_ms(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}

async fn visible(
    freshness: &Freshness<Versions>,
    token: ConsistencyToken,
    until: Instant,
) -> Result<(), WaitError> {
    let mut wait = freshness.wait_for(token, until)?;
    freshness.visible(&mut wait, watched(token), token.version).await
}

fn watched(token: ConsistencyToken) -> Watched {
    Watched::Document(Kind::Order, token.id)
}

async fn searchable(
    freshness: &Freshness<Versions>,
    token: ConsistencyToken,
    until: Instant,
) -> Result<(), WaitError> {
    let mut wait = freshness.wait_for(token, until)?;
    freshness
        .searchable(&mut wait, Kind::Order, token.id, token.version)
        .await
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_not_waited_for() {
    let freshness = freshness();
    freshness
        .reader
        .visible
        .lock()
        .expect("not poisoned")
        .insert(Uuid::from_u128(7), 3);
    let begun = Instant::now();
    visible(&freshness, token(AggregateType::Order, 3), in_ms(0))
        .await
        .expect("visible");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_announcement_wakes_at_once_and_an_earlier_version_does_not() {
    let freshness = freshness();
    let mut wait = freshness
        .wait_for(token(AggregateType::Order, 2), in_ms(2_000))
        .expect("there is place");
    let announce = |version| {
        freshness
            .reader
            .visible
            .lock()
            .expect("not poisoned")
            .insert(Uuid::from_u128(7), version);
        freshness.announce(&Change {
            aggregate: AggregateType::Order,
            id: Uuid::from_u128(7),
            version,
            order: None,
        });
    };
    let begun = Instant::now();
    let (waited, ()) = tokio::join!(
        freshness.visible(&mut wait, watched(token(AggregateType::Order, 2)), 2),
        async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            announce(1);
            tokio::time::sleep(Duration::from_millis(5)).await;
            announce(2);
        }
    );
    waited.expect("announced");
    assert_eq!(begun.elapsed(), Duration::from_millis(10));
    assert_eq!(freshness.reader.looks.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn an_announcement_between_registration_and_first_look_is_not_lost() {
    let freshness = freshness();
    let mut wait = freshness
        .wait_for(token(AggregateType::Order, 1), in_ms(2_000))
        .expect("there is place");
    freshness.announce(&Change {
        aggregate: AggregateType::Order,
        id: Uuid::from_u128(7),
        version: 1,
        order: None,
    });
    let begun = Instant::now();
    wait.pause(0).await.expect("time is left");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn without_announcements_it_looks_again_and_at_last_says_what_it_saw() {
    let freshness = freshness();
    freshness
        .reader
        .visible
        .lock()
        .expect("not poisoned")
        .insert(Uuid::from_u128(7), 4);
    let begun = Instant::now();
    let error = visible(&freshness, token(AggregateType::Customer, 5), in_ms(2_000))
        .await
        .expect_err("version 5 never comes");
    assert!(
        matches!(error, WaitError::NotYetVisible(NotYetVisible { seen: 4, .. })),
        "{error:?}"
    );
    assert_eq!(begun.elapsed(), Duration::from_millis(2_000));
    // At 0, 50, 150, 350, then every 250 ms, and at the end.
    assert_eq!(freshness.reader.looks.load(Ordering::Relaxed), 11);
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_nothing_looks_twice_at_most() {
    let freshness = freshness();
    let error = visible(&freshness, token(AggregateType::Order, 1), in_ms(0))
        .await
        .expect_err("it is not there");
    assert!(matches!(
        error,
        WaitError::NotYetVisible(NotYetVisible { seen: 0, .. })
    ));
    assert!(freshness.reader.looks.load(Ordering::Relaxed) <= 2);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_may_wait_and_places_become_free_again() {
    let freshness = freshness();
    let wait = || freshness.wait_for(token(AggregateType::Order, 1), in_ms(1_000));
    let (first, _second) = (wait().expect("first"), wait().expect("second"));
    assert!(matches!(wait(), Err(WaitError::TooManyWaiting)));
    drop(first);
    wait().expect("a place is free again");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_search_share_one_request() {
    let freshness = freshness();
    let cancelled = CancellationToken::new();
    let run = tokio::spawn({
        let (freshness, cancelled) = (freshness.clone(), cancelled.clone());
        async move { freshness.run(cancelled).await }
    });
    let id = Uuid::from_u128(7);
    freshness
        .reader
        .visible
        .lock()
        .expect("not poisoned")
        .insert(id, 1);
    let begun = Instant::now();
    let one = || searchable(&freshness, token(AggregateType::Order, 1), in_ms(2_000));
    let (first, second, ()) = tokio::join!(one(), one(), async {
        tokio::time::sleep(Duration::from_millis(90)).await;
        freshness
            .reader
            .searchable
            .lock()
            .expect("not poisoned")
            .insert(id, 1);
    });
    first.and(second).expect("refreshed");
    assert_eq!(begun.elapsed(), Duration::from_millis(100));
    assert_eq!(freshness.reader.searches.load(Ordering::Relaxed), 6);
    // Nobody waits, nothing is asked.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(freshness.reader.searches.load(Ordering::Relaxed) <= 7);
    cancelled.cancel();
    run.await.expect("it stops");
}

#[tokio::test(start_paused = true)]
async fn a_search_that_never_sees_it_is_not_yet_visible() {
    let freshness = freshness();
    freshness
        .reader
        .visible
        .lock()
        .expect("not poisoned")
        .insert(Uuid::from_u128(7), 9);
    let cancelled = CancellationToken::new();
    let run = freshness.run(cancelled.clone());
    let wait = async {
        let error = searchable(&freshness, token(AggregateType::Order, 9), in_ms(300))
            .await
            .expect_err("no refresh");
        assert!(
            matches!(error, WaitError::NotYetVisible(NotYetVisible { seen: 0, .. })),
            "{error:?}"
        );
        cancelled.cancel();
    };
    tokio::join!(run, wait);
}
