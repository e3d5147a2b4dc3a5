use std::sync::Arc;

use query_service::application::ports::{Change, Generation, OrderSummary, Rebuildable as _};
use query_service::outbound::memory::generations::MemoryGenerations;
use read_model::Kind;
use shared_events::AggregateType;

use super::events::*;
use super::world::{Stores, World};

const ORDERS: u128 = 20;

fn orders() -> Vec<Told> {
    (0..ORDERS)
        .flat_map(|n| {
            let order = id(1_000 + n);
            [
                created(order, id(1), "Ada"),
                item_added(order, 2, id(11), "Engine"),
            ]
        })
        .collect()
}

fn assert_every_order_shows(world: &World, customer: &str, product: &str) {
    let orders = world.documents(Kind::Order);
    assert_eq!(orders.len() as u128, ORDERS);
    for order in orders.values() {
        assert_eq!(order["customer_name"], customer);
        assert_eq!(order["items"][0]["product_name"], product);
    }
}

#[tokio::test]
async fn a_renaming_reaches_every_order_page_by_page_and_then_says_so() {
    let mut world = World::new();
    world
        .project([registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.project(orders()).await;
    let before = world.changes().len();
    world.project([customer_renamed(id(1), 2, "Ada King")]).await;
    assert_every_order_shows(&world, "Ada King", "Engine");
    assert_eq!(world.document(Kind::Customer, id(1))["propagated_version"], 2);
    let told = world.changes().split_off(before);
    let names: Vec<&str> = told
        .iter()
        .filter(|change| change.aggregate == AggregateType::Order)
        .map(|change| shown(change).customer_name.as_str())
        .collect();
    assert_eq!(names, ["Ada King"; ORDERS as usize]);
}

fn shown(change: &Change) -> &OrderSummary {
    change.order.as_ref().expect("what is told of an order shows it")
}

#[tokio::test]
async fn an_order_that_comes_after_the_renaming_shows_the_new_name() {
    let mut world = World::new();
    world
        .project([
            registered(id(1), "Ada"),
            product_added(id(11), "Engine"),
            customer_renamed(id(1), 2, "Ada King"),
            product_renamed(id(11), 2, "Loom"),
        ])
        .await;
    world.project(orders()).await;
    assert_every_order_shows(&world, "Ada King", "Loom");
    // The last that is told of an order is how it stands.
    for n in 0..ORDERS {
        let changes = world.changes();
        let told = changes.iter().rfind(|change| change.id == id(1_000 + n));
        assert_eq!(shown(told.expect("it is told")).customer_name, "Ada King");
    }
}

#[tokio::test]
async fn a_line_added_as_of_an_earlier_version_keeps_the_newer_name() {
    let mut world = World::new();
    world
        .project([registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.project(orders()).await;
    world.project([product_renamed(id(11), 2, "Loom")]).await;
    world.project([item_added(id(1_000), 3, id(11), "Engine")]).await;
    let order = world.order(id(1_000));
    assert_eq!(order["items"][0]["product_name"], "Loom");
    assert_eq!(order["items"][0]["quantity"], 4);
}

#[tokio::test]
async fn a_crash_before_the_names_were_compared_is_made_up_for() {
    // Written by a projector that died right after.
    let mut world = World::new();
    world.project(orders()).await;
    let store = world.crash().await;
    // The renaming looked for orders before they were written: it found none, and says that it is done.
    let mut world = World::new();
    world
        .project([
            registered(id(1), "Ada"),
            customer_renamed(id(1), 2, "Ada King"),
            product_added(id(11), "Engine"),
        ])
        .await;
    let renamed = world.documents(Kind::Customer);
    put(&store, Kind::Customer, renamed).await;
    put(&store, Kind::Product, world.documents(Kind::Product)).await;

    let mut world = World::over(store);
    world.project(orders()).await;
    assert_every_order_shows(&world, "Ada King", "Engine");
}

async fn put(
    store: &Stores,
    kind: Kind,
    documents: std::collections::BTreeMap<uuid::Uuid, serde_json::Value>,
) {
    use query_service::application::ports::{DocumentStore as _, DocumentWrite};
    for (id, body) in documents {
        let write = DocumentWrite {
            id,
            expected: None,
            body: body.to_string(),
        };
        store
            .memory
            .queried(kind)
            .write(vec![write])
            .await
            .expect("the store is there");
    }
}

/// Two projectors, one with the orders and one with the customer and the product, at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renaming_and_orders_at_the_same_time_end_in_the_new_name() {
    for round in 0..50 {
        let store = Arc::new(Stores::default());
        let mut of_orders = World::over(Arc::clone(&store));
        let mut of_names = World::over(Arc::clone(&store));
        of_names
            .project([registered(id(1), "Ada"), product_added(id(11), "Engine")])
            .await;
        let ordering = async {
            for part in orders().chunks(1 + round % 7) {
                of_orders.project(part.to_vec()).await;
            }
            of_orders
        };
        let renaming = async {
            for version in 2..6 {
                let name = format!("name as of {version}");
                of_names
                    .project([
                        customer_renamed(id(1), version, &name),
                        product_renamed(id(11), version, &name),
                    ])
                    .await;
            }
            of_names
        };
        let (of_orders, of_names) = tokio::join!(ordering, renaming);
        assert_every_order_shows(&of_orders, "name as of 5", "name as of 5");
        let customer = of_names.document(Kind::Customer, id(1));
        assert_eq!(customer["propagated_version"], 5);
        assert!(of_orders.letters().is_empty() && of_names.letters().is_empty());
    }
}

/// An index that an earlier build fed, and one that is being filled.
#[tokio::test]
async fn a_renaming_reaches_every_generation_and_keeps_what_this_build_does_not_know() {
    use query_service::application::ports::{DocumentStore as _, DocumentWrite, Generations as _};

    let first = MemoryGenerations::first(Kind::Order);
    let next = Generation { number: 2, ..first };
    let earlier = Generation { mapping: 2, ..first };
    let store = Arc::new(Stores::default());
    store.memory.make(next);
    store.memory.make(earlier);
    let of_names = [Kind::Customer, Kind::Product].map(|kind| (MemoryGenerations::first(kind), true));
    let mut world = World::feeding(
        Arc::clone(&store),
        of_names.into_iter().chain([(first, true), (next, false)]),
    );
    let mut body = serde_json::json!({"id": id(7), "version": 3, "customer_id": id(1), "customer_name": "Ada",
        "customer_version": 1, "of another build": true, "items": []});
    let write = DocumentWrite {
        id: id(7),
        expected: None,
        body: body.to_string(),
    };
    let of_earlier = store.memory.store(earlier);
    of_earlier.write(vec![write]).await.expect("the store is there");
    world
        .project([registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.project(orders()).await;
    let before = world.changes().len();
    world.project([customer_renamed(id(1), 2, "Ada King")]).await;

    assert_every_order_shows(&world, "Ada King", "Engine");
    assert_eq!(store.memory.store(next).all(), world.documents(Kind::Order));
    body["customer_name"] = "Ada King".into();
    body["customer_version"] = 2.into();
    assert_eq!(of_earlier.all()[&id(7)], body);
    // Only of what queries read.
    let told = world.changes().split_off(before);
    let orders = told
        .iter()
        .filter(|change| change.aggregate == AggregateType::Order);
    assert_eq!(orders.count() as u128, ORDERS);
}

#[tokio::test]
async fn a_renaming_goes_on_where_queries_read_another_generation_and_the_one_they_read_is_dropped() {
    let first = MemoryGenerations::first(Kind::Order);
    let next = Generation { number: 2, ..first };
    let store = Arc::new(Stores::default());
    store.memory.make(next);
    let of_names = [Kind::Customer, Kind::Product].map(|kind| (MemoryGenerations::first(kind), true));
    let orders_of = [(first, true), (next, true)];
    let mut world = World::feeding(Arc::clone(&store), of_names.into_iter().chain(orders_of));
    world
        .project([registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.project(orders()).await;
    let memory = &store.memory;
    memory.hold(first).await.expect("the store is there");
    let renamed = world.send([customer_renamed(id(1), 2, "Ada King")]).await;
    // It is carried to what queries read, which takes no writes.
    store.called(100).await;
    memory
        .point_queries(Some(first), next)
        .await
        .expect("queries read the first");
    memory.drop_generation(first).await.expect("the store is there");
    world.done(&renamed).await;
    assert_every_order_shows(&world, "Ada King", "Engine");
    assert_eq!(world.document(Kind::Customer, id(1))["propagated_version"], 2);
}

#[tokio::test]
async fn what_is_written_where_nobody_reads_is_not_told() {
    let first = MemoryGenerations::first(Kind::Order);
    let next = Generation { number: 2, ..first };
    let store = Arc::new(Stores::default());
    store.memory.make(next);
    let mut world = World::feeding(Arc::clone(&store), [(next, false)]);
    world.project([created(id(101), id(1), "Ada")]).await;
    assert!(world.changes().is_empty());
    let mut world = World::feeding(store, [(next, true)]);
    // Somebody else may have written it and died before telling.
    world.project([created(id(101), id(1), "Ada")]).await;
    assert_eq!(world.changes().len(), 1);
}
