//! What every adapter of the published events keeps to, in memory and on the real Kafka; and what is asked for where they
//! do not have it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use query_service::application::ports::{Missing, PublishedEvents, RepairRequests, StoreError};
use query_service::application::projecting::{Position, Record};
use query_service::inbound::kafka::rereading::Rereading;
use query_service::outbound::kafka::SchemaLookups;
use query_service::outbound::memory::gaps::{MemoryEvents, MemoryRepairRequests};
use read_model::Kind;
use shared_events::topic::REPAIR_REQUESTS;
use shared_events::{AggregateType, RepairRequest};

use super::events::*;
use super::kafka::Sent;
use super::world::World;

trait Publishing: PublishedEvents {
    async fn publish(&self, told: Told);
}

impl Publishing for MemoryEvents {
    async fn publish(&self, told: Told) {
        let (topic, target) = (told.event.aggregate(), told.id);
        let position = Position {
            topic,
            partition: 0,
            offset: 0,
            assignment: 0,
        };
        MemoryEvents::publish(self, told.at(position, target));
    }
}

struct OnKafka {
    world: World,
    rereading: Rereading,
}

impl OnKafka {
    async fn new() -> Self {
        let world = World::new().await;
        let schemas = SchemaLookups::new(&world.registry).expect("the settings are good");
        Self {
            rereading: Rereading::new(Kind::Order, world.kafka.clone(), Arc::new(schemas)),
            world,
        }
    }
}

impl PublishedEvents for OnKafka {
    async fn find(&self, wanted: &[Missing]) -> Result<Vec<Arc<Record>>, StoreError> {
        self.rereading.find(wanted).await
    }
}

impl Publishing for OnKafka {
    async fn publish(&self, told: Told) {
        self.world.produce(&[told]).await;
    }
}

fn missing(n: u128, from_version: u64, after: Option<DateTime<Utc>>) -> Missing {
    Missing {
        aggregate: AggregateType::Order,
        id: id(n),
        from_version,
        after,
    }
}

async fn found(events: &impl PublishedEvents, wanted: &[Missing]) -> Vec<(u128, u64)> {
    let found = events.find(wanted).await.expect("an answer");
    found
        .iter()
        .map(|record| {
            assert_eq!(record.target, record.metadata.aggregate_id);
            let n = record.metadata.aggregate_id.as_u128() - id(0).as_u128();
            (n, record.metadata.version)
        })
        .collect()
}

async fn wanted_streams_are_found_from_the_wanted_version_on(events: &impl Publishing) {
    for n in 1..=20 {
        events.publish(created(id(n), id(500), "Ada")).await;
        events.publish(item_added(id(n), 2, id(501), "Engine")).await;
        events.publish(quantity_changed(id(n), 3, id(501), 7)).await;
    }
    events.publish(item_added(id(3), 2, id(501), "Engine")).await;
    let mut all = found(
        events,
        &[missing(3, 2, None), missing(17, 1, None), missing(99, 1, None)],
    )
    .await;
    let of_three: Vec<u64> = all
        .iter()
        .filter(|(n, _)| *n == 3)
        .map(|(_, version)| *version)
        .collect();
    assert_eq!(of_three, [2, 3, 2], "in the order in which they stand there");
    all.sort_unstable();
    assert_eq!(all, [(3, 2), (3, 2), (3, 3), (17, 1), (17, 2), (17, 3)]);
    assert_eq!(found(events, &[]).await, []);
}

async fn a_stream_that_is_not_there_is_not_found(events: &impl Publishing) {
    assert_eq!(found(events, &[missing(1, 1, None)]).await, []);
    events.publish(created(id(1), id(500), "Ada")).await;
    assert_eq!(found(events, &[missing(1, 2, None)]).await, []);
}

mod in_memory {
    use super::*;

    #[tokio::test]
    async fn wanted_streams_are_found_from_the_wanted_version_on() {
        super::wanted_streams_are_found_from_the_wanted_version_on(&MemoryEvents::default()).await;
    }

    #[tokio::test]
    async fn a_stream_that_is_not_there_is_not_found() {
        super::a_stream_that_is_not_there_is_not_found(&MemoryEvents::default()).await;
    }
}

mod on_kafka {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn wanted_streams_are_found_from_the_wanted_version_on() {
        super::wanted_streams_are_found_from_the_wanted_version_on(&OnKafka::new().await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stream_that_is_not_there_is_not_found() {
        super::a_stream_that_is_not_there_is_not_found(&OnKafka::new().await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_can_never_be_an_event_is_passed_by_and_what_is_older_is_not_looked_at() {
        let events = OnKafka::new().await;
        let world = &events.world;
        let good = created(id(1), id(500), "Ada");
        let bad = Sent {
            payload: Some(b"nonsense".to_vec()),
            ..world.sent(&good)
        };
        world.send(AggregateType::Order, &bad).await;
        world.produce(&[good]).await;
        let now = DateTime::<Utc>::from(std::time::SystemTime::now());
        let (lately, in_an_hour) = (now - TimeDelta::minutes(1), now + TimeDelta::hours(1));
        assert_eq!(found(&events, &[missing(1, 1, Some(lately))]).await, [(1, 1)]);
        assert_eq!(found(&events, &[missing(1, 1, Some(in_an_hour))]).await, []);
    }

    /// The projector by itself: what waits is asked for, once, and folded when it comes.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_projector_asks_for_what_its_topic_does_not_have() {
        let world = World::new().await;
        let running = world.start();
        let order = id(7);
        world
            .produce(&[
                created(order, id(500), "Ada"),
                quantity_changed(order, 3, id(501), 7),
            ])
            .await;
        let asked = world
            .until_some("a repair is asked for", async || {
                let asked = world.read(REPAIR_REQUESTS).await;
                (!asked.is_empty()).then_some(asked)
            })
            .await;
        assert_eq!(asked[0].key, order.to_string());
        let expected = RepairRequest {
            aggregate: AggregateType::Order,
            id: order,
            from_version: 2,
        };
        assert_eq!(
            RepairRequest::decode(&asked[0].payload).expect("a request"),
            expected
        );
        world.produce(&[item_added(order, 2, id(501), "Engine")]).await;
        world.until_versions(Kind::Order, [(order, 3)]).await;
        running.stop().await;
    }
}

async fn requests_are_kept_in_their_order(repairs: &impl RepairRequests, requests: &[RepairRequest]) {
    repairs.send(requests).await.expect("they are kept");
    repairs.send(&[]).await.expect("nothing is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_kept_whole_in_memory_and_on_kafka() {
    let mut requests: Vec<RepairRequest> = AggregateType::ALL
        .into_iter()
        .map(|aggregate| RepairRequest {
            aggregate,
            id: id(7),
            from_version: 3,
        })
        .collect();
    let memory = MemoryRepairRequests::default();
    requests_are_kept_in_their_order(&memory, &requests).await;
    assert_eq!(memory.take(), requests);

    let world = World::new().await;
    requests_are_kept_in_their_order(&world.repair_requests(), &requests).await;
    let mut kept: Vec<RepairRequest> = world
        .read(REPAIR_REQUESTS)
        .await
        .iter()
        .map(|record| RepairRequest::decode(&record.payload).expect("a request"))
        .collect();
    kept.sort_unstable_by_key(|request| request.aggregate);
    requests.sort_unstable_by_key(|request| request.aggregate);
    assert_eq!(kept, requests);
}
