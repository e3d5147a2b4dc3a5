//! A rebuild while what it works with is away for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use query_service::application::ports::{
    DocumentStore, DocumentWrite, FeedStanding, Feeds, Generation, Generations, PartitionStanding,
    Rebuildable, Revision, StoreError, WriteOutcome,
};
use query_service::application::projecting::ProjectorSettings;
use query_service::application::projecting::patience::Patience;
use query_service::application::rebuilding::{Plan, Rebuilding};
use query_service::outbound::memory::generations::MemoryGenerations;
use query_service::outbound::system::SystemClock;
use read_model::Kind;
use serde_json::json;
use shared_events::AggregateType;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const RECORDS: i64 = 10;

/// A feed of one partition, which is as far as it is set.
#[derive(Default)]
struct Fed(AtomicI64);

impl Feeds for Fed {
    async fn standing(&self, _: Generation) -> Result<FeedStanding, StoreError> {
        let standing = PartitionStanding {
            begin: 0,
            end: RECORDS,
            done: self.0.load(Ordering::Relaxed),
        };
        Ok(FeedStanding(BTreeMap::from([(
            (AggregateType::Order, 0),
            standing,
        )])))
    }

    async fn is_fed(&self, _: Generation) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn forget(&self, _: Generation) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Queries read the first generation; another stands beside it.
async fn two_generations(done: i64) -> (Rebuilding<MemoryGenerations, Fed>, Plan) {
    let rebuilding = Rebuilding {
        generations: Arc::new(MemoryGenerations::default()),
        feeds: Arc::new(Fed(AtomicI64::new(done))),
        patience: Patience::new(
            &ProjectorSettings::default(),
            CancellationToken::new(),
            Arc::new(SystemClock),
        ),
    };
    let queried = MemoryGenerations::first(Kind::Order);
    let next = Generation { number: 2, ..queried };
    rebuilding.generations.create(next).await.expect("it is made");
    let plan = Plan {
        kind: Kind::Order,
        queried: Some(queried),
        next,
        resumed: false,
    };
    (rebuilding, plan)
}

async fn write(store: &impl DocumentStore, version: u64, expected: Option<Revision>) -> Revision {
    let id = Uuid::from_u128(1);
    let body = json!({"id": id, "version": version}).to_string();
    let outcomes = store.write(vec![DocumentWrite { id, expected, body }]).await;
    match outcomes.expect("the store answers")[..] {
        [WriteOutcome::Written(revision)] => revision,
        ref other => panic!("{other:?}"),
    }
}

/// What queries read is ahead of the next one. Answers where that one stands.
async fn differ(rebuilding: &Rebuilding<MemoryGenerations, Fed>, plan: &Plan) -> Revision {
    let queried = MemoryGenerations::first(Kind::Order);
    write(&rebuilding.generations.store(queried), 2, None).await;
    write(&rebuilding.generations.store(plan.next), 1, None).await
}

#[tokio::test(start_paused = true)]
async fn a_difference_is_none_while_the_feed_is_behind() {
    let (rebuilding, plan) = two_generations(RECORDS - 1).await;
    let behind = differ(&rebuilding, &plan).await;
    let next = rebuilding.generations.store(plan.next);
    let (compared, ()) = tokio::join!(rebuilding.compare(&plan, |_| ()), async {
        // For as long as brokers may be away.
        sleep(Duration::from_secs(60)).await;
        write(&next, 2, Some(behind)).await;
        rebuilding.feeds.0.store(RECORDS, Ordering::Relaxed);
    });
    let comparison = compared.expect("it is compared").expect("with something");
    assert!(comparison.is_equal(), "{comparison}");
}

#[tokio::test(start_paused = true)]
async fn a_difference_of_level_generations_stands() {
    let (rebuilding, plan) = two_generations(RECORDS).await;
    differ(&rebuilding, &plan).await;
    let compared = rebuilding.compare(&plan, |_| ()).await;
    let comparison = compared.expect("it is compared").expect("with something");
    assert!(!comparison.is_equal(), "{comparison}");
}

#[tokio::test(start_paused = true)]
async fn a_swap_waits_out_an_outage_and_holds_nothing_afterwards() {
    let (rebuilding, plan) = two_generations(RECORDS).await;
    rebuilding.generations.set_unavailable(true);
    let (swapped, ()) = tokio::join!(rebuilding.swap(&plan), async {
        sleep(Duration::from_secs(60)).await;
        rebuilding.generations.set_unavailable(false);
    });
    swapped.expect("it is swapped in");
    let found = rebuilding.generations.find(&[Kind::Order]).await;
    let read = found
        .expect("the store answers")
        .into_iter()
        .find(|found| found.queried);
    assert_eq!(read.map(|found| found.generation), Some(plan.next));
    let earlier = rebuilding
        .generations
        .store(MemoryGenerations::first(Kind::Order));
    write(&earlier, 1, None).await;
}
