use std::sync::Arc;

use proptest::prelude::*;
use read_model::Kind;

use super::events::*;
use super::world::World;

/// Three orders of two customers with two products, and what happened to all of them.
fn story() -> Vec<Told> {
    let (ada, bob) = (id(1), id(2));
    let (engine, loom) = (id(11), id(12));
    let mut story = vec![
        registered(ada, "Ada"),
        registered(bob, "Bob"),
        product_added(engine, "Engine"),
        product_added(loom, "Loom"),
        customer_renamed(ada, 2, "Ada King"),
        price_changed(engine, 2, 300),
        product_renamed(engine, 3, "Difference engine"),
        product_renamed(engine, 4, "Analytical engine"),
        price_changed(engine, 5, 400),
    ];
    for (order, customer, name) in [(101, ada, "Ada"), (102, bob, "Bob"), (103, ada, "Ada")] {
        story.extend([
            created(id(order), customer, name),
            item_added(id(order), 2, engine, "Engine"),
            item_added(id(order), 3, loom, "Loom"),
            quantity_changed(id(order), 4, loom, 7),
        ]);
    }
    story
}

async fn told_in_order() -> World {
    let mut world = World::of_all(Arc::default());
    for event in story() {
        world.project([event]).await;
    }
    world
}

fn assert_same(world: &World, expected: &World) {
    for kind in Kind::ALL {
        assert_eq!(world.documents(kind), expected.documents(kind));
    }
}

#[tokio::test]
async fn a_story_told_in_order_ends_as_it_should() {
    let world = told_in_order().await;
    let order = world.order(id(101));
    assert_eq!(order["version"], 4);
    assert_eq!(order["customer_name"], "Ada King");
    assert_eq!(order["items"][0]["product_name"], "Analytical engine");
    assert_eq!(order["total"]["amount"], 2 * 250 + 7 * 250);
    assert_eq!(world.document(Kind::Customer, id(1))["propagated_version"], 2);
    assert_eq!(world.document(Kind::Product, id(11))["propagated_version"], 5);
    assert!(world.letters().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shuffled_doubled_and_split_anyhow_it_ends_the_same(
        deliveries in Just([story(), story()].concat()).prop_shuffle(),
        batch in 1..20usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let expected = told_in_order().await;
            let mut world = World::of_all(Arc::default());
            let mut sent = Vec::new();
            for part in deliveries.chunks(batch) {
                sent.extend(world.send(part.to_vec()).await);
            }
            world.done(&sent).await;
            assert_same(&world, &expected);
            assert!(world.letters().is_empty());
        });
    }
}

#[tokio::test]
async fn what_was_written_before_a_crash_is_superseded_after_it_and_told_again() {
    let mut world = World::of_all(Arc::default());
    world.project(story()).await;
    let told = world.changes();
    let store = world.crash().await;
    let before = store.memory.queried(Kind::Order).all();

    let mut world = World::of_all(store);
    world.project(story()).await;
    assert_eq!(world.documents(Kind::Order), before);
    for change in told {
        let again = world
            .changes()
            .iter()
            .any(|again| again.id == change.id && again.version >= change.version);
        assert!(again, "{change:?}");
    }
}

#[tokio::test]
async fn a_gap_waits_and_closes() {
    let mut world = World::of_all(Arc::default());
    world
        .project([
            item_added(id(101), 2, id(11), "Engine"),
            quantity_changed(id(101), 3, id(11), 9),
        ])
        .await;
    let waiting = world.order(id(101));
    assert_eq!(waiting["version"], 0);
    assert_eq!(waiting["parked"].as_object().map(|parked| parked.len()), Some(2));
    assert!(world.changes().is_empty());

    // Another process has the partition by now.
    let mut world = World::of_all(world.crash().await);
    world.project([created(id(101), id(1), "Ada")]).await;
    let order = world.order(id(101));
    assert_eq!(
        (&order["version"], &order["items"][0]["quantity"]),
        (&3.into(), &9.into())
    );
    assert!(order.get("parked").is_none());
}
