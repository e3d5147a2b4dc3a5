//! Events that are late, lost, or come in whatever order their topics bring them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use query_service::application::projecting::{Position, ProjectorSettings};
use query_service::outbound::memory::gaps::{MemoryEvents, MemoryRepairRequests};
use read_model::Kind;
use shared_events::{AggregateType, RepairRequest};

use super::events::*;
use super::shop::{End, assert_as_expected, invoice_of, order, story};
use super::world::World;

/// Whoever waits is looked after at once, and asked for once.
fn at_once() -> ProjectorSettings {
    ProjectorSettings {
        gap_patience: Duration::ZERO,
        retry_min: Duration::from_millis(1),
        retry_max: Duration::from_millis(5),
        repair_first: Duration::from_secs(3_600),
        repair_longest: Duration::from_secs(3_600),
        ..ProjectorSettings::default()
    }
}

fn publish(events: &MemoryEvents, told: Told) {
    let (topic, target) = (told.event.aggregate(), told.id);
    let position = Position {
        topic,
        partition: 0,
        offset: 0,
        assignment: 0,
    };
    events.publish(told.at(position, target));
}

fn asked(aggregate: AggregateType, n: u128, from_version: u64) -> RepairRequest {
    RepairRequest {
        aggregate,
        id: id(n),
        from_version,
    }
}

fn orders_first_version(from_version: u64) -> Vec<RepairRequest> {
    vec![asked(AggregateType::Order, 101, from_version)]
}

/// A partition that goes to another projector and comes back: what was remembered of its documents is old.
#[tokio::test]
async fn what_others_wrote_meanwhile_is_no_gap() {
    let mut first = World::new();
    first.project([created(id(101), id(1), "Ada")]).await;
    let mut second = World::over(Arc::clone(&first.store));
    second.project([item_added(id(101), 2, id(11), "Engine")]).await;
    first.project([quantity_changed(id(101), 3, id(11), 9)]).await;
    let order = first.order(id(101));
    assert_eq!(
        (&order["version"], &order["items"][0]["quantity"]),
        (&3.into(), &9.into())
    );
    assert_eq!(
        first.store.conflicts(),
        0,
        "it was read, rather than taken for a gap"
    );
}

#[tokio::test]
async fn an_event_that_was_missed_is_found_in_its_topic() {
    let mut world = World::new();
    let (events, repairs) = (MemoryEvents::default(), Arc::default());
    world
        .project([
            created(id(101), id(1), "Ada"),
            quantity_changed(id(101), 3, id(11), 9),
            quantity_changed(id(101), 4, id(11), 8),
        ])
        .await;
    // A repetition and an earlier one stand there, too.
    publish(&events, created(id(101), id(1), "Ada"));
    publish(&events, item_added(id(101), 2, id(11), "Engine"));
    publish(&events, quantity_changed(id(101), 3, id(11), 9));
    let mut gaps = world.gaps(at_once(), Kind::Order, &events, &repairs);
    world.refresh(Kind::Order).await;
    gaps.sweep().await.expect("nobody stops it");
    let order = world.order(id(101));
    assert_eq!(
        (&order["version"], &order["items"][0]["quantity"]),
        (&4.into(), &8.into())
    );
    assert_eq!(repairs.take(), []);
    assert!(
        world
            .changes()
            .iter()
            .any(|change| change.id == id(101) && change.version == 4)
    );
    // Nothing waits any more, whether a search has seen that or not.
    gaps.sweep().await.expect("nobody stops it");
    world.refresh(Kind::Order).await;
    gaps.sweep().await.expect("nobody stops it");
    assert_eq!(repairs.take(), []);
}

#[tokio::test]
async fn what_stands_nowhere_is_asked_for_and_not_at_every_look() {
    let mut world = World::new();
    let (events, repairs) = (MemoryEvents::default(), Arc::<MemoryRepairRequests>::default());
    let mut gaps = world.gaps(at_once(), Kind::Order, &events, &repairs);
    world.project([quantity_changed(id(101), 3, id(11), 9)]).await;
    world.refresh(Kind::Order).await;
    gaps.sweep().await.expect("nobody stops it");
    assert_eq!(repairs.take(), orders_first_version(1));
    gaps.sweep().await.expect("nobody stops it");
    assert_eq!(repairs.take(), []);
    // A part of it comes: what is missing now is another event.
    world.project([created(id(101), id(1), "Ada")]).await;
    world.refresh(Kind::Order).await;
    gaps.sweep().await.expect("nobody stops it");
    assert_eq!(repairs.take(), orders_first_version(2));
    world.project([item_added(id(101), 2, id(11), "Engine")]).await;
    world.refresh(Kind::Order).await;
    gaps.sweep().await.expect("nobody stops it");
    assert_eq!(repairs.take(), []);
    assert_eq!(world.order(id(101))["version"], 3);
}

#[tokio::test]
async fn who_does_not_answer_is_asked_again_with_growing_pauses() {
    let mut world = World::new();
    let (events, repairs) = (MemoryEvents::default(), Arc::<MemoryRepairRequests>::default());
    let settings = ProjectorSettings {
        repair_first: Duration::from_millis(20),
        repair_longest: Duration::from_millis(80),
        ..at_once()
    };
    let mut gaps = world.gaps(settings, Kind::Order, &events, &repairs);
    world.project([quantity_changed(id(101), 3, id(11), 9)]).await;
    world.refresh(Kind::Order).await;
    let began = std::time::Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 {
        gaps.sweep().await.expect("nobody stops it");
        for request in repairs.take() {
            assert_eq!(request, orders_first_version(1)[0]);
            times.push(began.elapsed());
        }
        tokio::task::yield_now().await;
    }
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, least) in pauses.iter().zip([20, 40, 80, 80]) {
        assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
    }
}

#[tokio::test]
async fn an_event_that_lies_among_the_dead_letters_is_not_asked_for() {
    let mut world = World::new();
    let (events, repairs) = (MemoryEvents::default(), Arc::<MemoryRepairRequests>::default());
    let mut gaps = world.gaps(at_once(), Kind::Order, &events, &repairs);
    let without_its_line = quantity_changed(id(101), 2, id(11), 5);
    publish(&events, without_its_line.clone());
    world
        .project([
            created(id(101), id(1), "Ada"),
            without_its_line,
            item_added(id(101), 3, id(11), "Engine"),
        ])
        .await;
    assert_eq!(world.letters().len(), 1);
    world.refresh(Kind::Order).await;
    for _ in 0..3 {
        gaps.sweep().await.expect("nobody stops it");
    }
    assert_eq!(repairs.take(), []);
    assert_eq!(world.letters().len(), 1, "it was buried once more");
    assert_eq!(world.order(id(101))["version"], 1);
}

#[tokio::test]
async fn topics_that_cannot_be_read_are_no_reason_to_ask() {
    let mut world = World::new();
    let (events, repairs) = (MemoryEvents::default(), Arc::<MemoryRepairRequests>::default());
    let settings = ProjectorSettings {
        repair_first: Duration::from_millis(1),
        ..at_once()
    };
    let mut gaps = world.gaps(settings, Kind::Order, &events, &repairs);
    world.project([item_added(id(101), 2, id(11), "Engine")]).await;
    publish(&events, created(id(101), id(1), "Ada"));
    events.set_unavailable(true);
    world.refresh(Kind::Order).await;
    gaps.sweep().await.expect("nobody stops it");
    assert_eq!(repairs.take(), []);
    events.set_unavailable(false);
    while world.order(id(101))["version"] != 2 {
        gaps.sweep().await.expect("nobody stops it");
        tokio::task::yield_now().await;
    }
    assert_eq!(repairs.take(), []);
}

#[tokio::test]
async fn a_renaming_that_was_missed_reaches_the_orders_when_it_is_found() {
    let mut world = World::new();
    let (events, repairs) = (MemoryEvents::default(), Arc::default());
    world
        .project([
            registered(id(1), "Ada"),
            created(id(101), id(1), "Ada"),
            customer_renamed(id(1), 3, "Ada King"),
        ])
        .await;
    assert_eq!(world.order(id(101))["customer_name"], "Ada");
    publish(&events, customer_renamed(id(1), 2, "Ada Byron"));
    let mut gaps = world.gaps(at_once(), Kind::Customer, &events, &repairs);
    world.refresh(Kind::Customer).await;
    gaps.sweep().await.expect("nobody stops it");
    assert_eq!(world.order(id(101))["customer_name"], "Ada King");
    assert_eq!(world.document(Kind::Customer, id(1))["propagated_version"], 3);
}

/// Delivery is told in a topic of its own, which may lose what the order's says that there is.
#[tokio::test]
async fn what_delivery_was_told_first_is_asked_for_because_the_order_says_that_it_was() {
    let mut world = World::of_all(Arc::default());
    let (events, repairs) = (MemoryEvents::default(), Arc::<MemoryRepairRequests>::default());
    let mut all = order(101, End::Confirmed);
    let lost = all.pop().expect("what delivery is told comes last");
    assert_eq!(lost.event.aggregate(), AggregateType::OrderForDelivery);
    world.project(all).await;
    world.refresh(Kind::Delivery).await;
    let mut gaps = world.gaps(at_once(), Kind::Delivery, &events, &repairs);
    gaps.sweep().await.expect("nobody stops it");
    assert_eq!(repairs.take(), [asked(AggregateType::OrderForDelivery, 101, 1)]);
    world.project([lost]).await;
    let delivery = world.document(Kind::Delivery, id(101));
    assert_eq!(
        (&delivery["version"], &delivery["status"]),
        (&1.into(), &"requested".into())
    );
    assert!(delivery.get("waits_since").is_none());
}

/// In every topic the cancellation comes first, and the rest from the last to the first.
#[tokio::test]
async fn a_cancellation_before_its_order_ends_as_cancelled_in_every_read_model() {
    let mut world = World::of_all(Arc::default());
    let masters = [registered(id(1), "Ada"), product_added(id(11), "Engine")];
    world.project(masters).await;
    let mut all = order(105, End::CancelledWhenConfirmed);
    all.sort_by_key(|told| std::cmp::Reverse(told.version));
    for told in all {
        world.project([told]).await;
    }
    for (kind, id, status) in [
        (Kind::Order, id(105), "cancelled"),
        (Kind::Sale, id(105), "cancelled"),
        (Kind::Delivery, id(105), "cancelled"),
        (Kind::InvoiceAccount, invoice_of(id(105)), "credited"),
    ] {
        assert_eq!(world.document(kind, id)["status"], status, "{kind}");
    }
    let sale = world.document(Kind::Sale, id(105));
    assert!(sale["sold"].as_array().is_none_or(Vec::is_empty), "{sale}");
    assert_eq!(world.documents(Kind::OrderHistory).len(), 7);
    assert!(world.letters().is_empty());
}

#[tokio::test]
async fn the_story_told_in_order_is_as_the_tests_fold_it() {
    let mut world = World::of_all(Arc::default());
    for told in story() {
        world.project([told]).await;
    }
    assert_as_expected(&world, &story());
}

/// A record that is lost with all its repetitions. One behind it comes, or nobody could know.
fn losable() -> Vec<usize> {
    let story = story();
    let follows = |told: &Told| {
        story.iter().any(|other| {
            (other.event.aggregate(), other.id) == (told.event.aggregate(), told.id)
                && other.version > told.version
        })
    };
    (0..story.len()).filter(|at| follows(&story[*at])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any interleaving of the topics, each record twice, one lost that is sent again when it is asked for.
    #[test]
    fn whatever_comes_in_whatever_order_ends_as_the_tests_fold_it(
        lost in proptest::sample::select(losable()),
        deliveries in Just((0..2 * story().len()).collect::<Vec<_>>()).prop_shuffle(),
        batch in 1..20usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let story = story();
            let mut world = World::of_all(Arc::default());
            let (events, repairs) = (MemoryEvents::default(), Arc::<MemoryRepairRequests>::default());
            let mut sent = Vec::new();
            let came: Vec<Told> = deliveries
                .iter()
                .map(|at| at % story.len())
                .filter(|at| *at != lost)
                .map(|at| story[at].clone())
                .collect();
            for part in came.chunks(batch) {
                sent.extend(world.send(part.to_vec()).await);
            }
            world.done(&sent).await;
            let mut answered = HashSet::new();
            for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_create_only()) {
                world.refresh(kind).await;
                let mut gaps = world.gaps(at_once(), kind, &events, &repairs);
                gaps.sweep().await.expect("nobody stops it");
                for request in repairs.take() {
                    let missing = &story[lost];
                    prop_assert_eq!((request.aggregate, request.id), (missing.event.aggregate(), missing.id));
                    prop_assert!(request.from_version <= missing.version);
                    answered.insert(request);
                }
            }
            prop_assert!(!answered.is_empty(), "nobody asked for {:?}", story[lost]);
            // As the command service answers: the stream from there on.
            for request in answered {
                let stream: Vec<Told> = story
                    .iter()
                    .filter(|told| (told.event.aggregate(), told.id) == (request.aggregate, request.id))
                    .filter(|told| told.version >= request.from_version)
                    .cloned()
                    .collect();
                world.project(stream).await;
            }
            assert_as_expected(&world, &story);
            prop_assert!(world.letters().is_empty());
            Ok(())
        })?;
    }
}
