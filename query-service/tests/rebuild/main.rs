//! `query-service rebuild` on a real Kafka, schema registry and Elasticsearch.

// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

#[path = "../projecting/events.rs"]
#[allow(dead_code)]
mod events;
#[path = "../support/indices.rs"]
mod indices;
#[path = "../projector_on_kafka/kafka.rs"]
#[allow(dead_code)]
mod kafka;
mod run;
#[path = "../projector_on_kafka/world.rs"]
#[allow(dead_code)]
mod world;

use std::sync::atomic::{AtomicBool, Ordering};

use query_service::application::ports::{
    DocumentStore as _, DocumentWrite, Generation, Generations as _, Rebuildable as _,
};
use read_model::Kind;
use serde_json::{Value, json};
use uuid::Uuid;

use events::*;
use run::{Rebuild, rebuild};
use world::{World, first};

const SECOND: Generation = Generation {
    kind: Kind::Order,
    mapping: 4,
    number: 2,
};

fn orders(numbers: std::ops::Range<u128>) -> Vec<Told> {
    numbers
        .flat_map(|n| {
            let order = id(1_000 + n);
            [
                created(order, id(1), "Ada"),
                item_added(order, 2, id(11), "Engine"),
                quantity_changed(order, 3, id(11), 9),
            ]
        })
        .collect()
}

async fn queried(world: &World) -> u32 {
    let found = world.generations.find(&[Kind::Order]).await.expect("it answers");
    let queried = found
        .iter()
        .find(|found| found.queried)
        .expect("queries read one");
    queried.generation.number
}

async fn stored(world: &World, generation: Generation, id: Uuid) -> Option<Value> {
    let store = world.generations.store(generation);
    // An index that was made a moment ago does not answer yet.
    let stored = store.load(&[id]).await.ok()?.pop();
    stored.flatten().map(|stored| stored.body)
}

/// What a query reads at this moment.
async fn as_queried(http: &reqwest::Client, world: &World, id: Uuid) -> (u16, Value) {
    let alias = world.generations.naming().queried(Kind::Order);
    let url = format!("{}/{alias}/_source/{id}", world.elasticsearch.url);
    let answer = http.get(url).send().await.expect("it answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a text");
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_is_rebuilt_beside_live_writes_and_swapped_without_a_wrong_answer() {
    let world = World::new().await;
    let projector = world.start();
    world
        .produce(&[registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.produce(&orders(0..100)).await;
    world
        .until_versions(Kind::Order, (0..100).map(|n| (id(1_000 + n), 3)))
        .await;

    let over = AtomicBool::new(false);
    let writing = async {
        let mut written = 100;
        while !over.load(Ordering::Relaxed) {
            world.produce(&orders(written..written + 5)).await;
            let version = u64::try_from(written / 5).expect("small") - 18;
            let name = format!("Ada as of {version}");
            world.produce(&[customer_renamed(id(1), version, &name)]).await;
            written += 5;
            // No faster than the projector.
            world
                .until_versions(Kind::Order, [(id(1_000 + written - 1), 3)])
                .await;
        }
        written
    };
    let asking = async {
        let http = reqwest::Client::new();
        let (mut seen, mut asked) = (0, 0);
        while !over.load(Ordering::Relaxed) {
            let (status, order) = as_queried(&http, &world, id(1_000)).await;
            assert_eq!((status, &order["version"]), (200, &json!(3)));
            // The name of the customer never goes back either.
            let name = order["customer_version"].as_u64().expect("a version");
            assert!(name >= seen, "{name} after {seen}");
            seen = name;
            asked += 1;
        }
        asked
    };
    let rebuilding = async {
        let rebuilt = rebuild(&world, &["orders"]).await;
        over.store(true, Ordering::Relaxed);
        rebuilt
    };
    let (written, asked, Rebuild { code, text }) = tokio::join!(writing, asking, rebuilding);
    assert!(asked > 0);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("orders: begins orders-v4-2"), "{text}");
    assert!(text.contains("differing: 0"), "{text}");
    assert!(text.contains("queries read orders-v4-2 now"), "{text}");
    assert_eq!(queried(&world).await, 2);

    // Both are fed on, and every name reaches both.
    let last = id(1_000 + written - 1);
    for generation in [first(Kind::Order), SECOND] {
        world
            .until("both have everything", async || {
                let order = stored(&world, generation, last).await.unwrap_or_default();
                order["version"] == 3 && order["customer_version"] == json!(written / 5 - 19)
            })
            .await;
    }

    let back = rebuild(&world, &["orders", "--rollback"]).await;
    assert_eq!(back.code, Some(0), "{}", back.text);
    assert_eq!(queried(&world).await, 1);
    let again = rebuild(&world, &["orders", "--rollback"]).await;
    assert_eq!(again.code, Some(1), "{}", again.text);
    assert!(again.text.contains("there is no way back"), "{}", again.text);

    let dropped = rebuild(&world, &["orders", "--drop-old"]).await;
    assert_eq!(dropped.code, Some(0), "{}", dropped.text);
    assert!(dropped.text.contains("orders-v4-2 dropped"), "{}", dropped.text);
    let left = world.generations.find(&[Kind::Order]).await.expect("it answers");
    assert_eq!(left.len(), 1);
    // One of the same name begins anew: nothing of what its group had done counts.
    let anew = rebuild(&world, &["orders"]).await;
    assert_eq!(anew.code, Some(0), "{}", anew.text);
    assert!(anew.text.contains("begins orders-v4-2"), "{}", anew.text);
    assert!(stored(&world, SECOND, id(1_000)).await.is_some());
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_was_killed_goes_on_where_it_was_and_needs_no_projector() {
    let world = World::new().await;
    let projector = world.start();
    world
        .produce(&[registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.produce(&orders(0..300)).await;
    world
        .until_versions(Kind::Order, (0..300).map(|n| (id(1_000 + n), 3)))
        .await;
    projector.stop().await;

    let mut begun = run::spawn(&world, &["orders"]);
    world
        .until("it has written something", async || {
            let found = world.generations.find(&[Kind::Order]).await.expect("it answers");
            found.len() == 2 && stored(&world, SECOND, id(1_000)).await.is_some()
        })
        .await;
    begun.kill();
    assert_eq!(queried(&world).await, 1);
    // What comes while nothing projects.
    world.produce(&orders(300..310)).await;

    let Rebuild { code, text } = rebuild(&world, &["orders"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("orders: goes on with orders-v4-2"), "{text}");
    assert!(text.contains("equal: 310"), "{text}");
    assert_eq!(queried(&world).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_is_found_named_and_not_swapped_in() {
    let world = World::new().await;
    let projector = world.start();
    world
        .produce(&[registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.produce(&orders(0..20)).await;
    world
        .until_versions(Kind::Order, (0..20).map(|n| (id(1_000 + n), 3)))
        .await;
    // One that no event made, and one whose status somebody changed.
    let store = world.generations.store(first(Kind::Order));
    let loaded = store.load(&[id(1_003)]).await.expect("it answers").remove(0);
    let loaded = loaded.expect("it is there");
    let mut changed = loaded.body.clone();
    changed["status"] = "shipped".into();
    let invented = json!({"id": id(9), "version": 1, "status": "draft"});
    let writes = vec![
        DocumentWrite {
            id: id(1_003),
            expected: Some(loaded.revision),
            body: changed.to_string(),
        },
        DocumentWrite {
            id: id(9),
            expected: None,
            body: invented.to_string(),
        },
    ];
    store.write(writes).await.expect("it answers");

    let Rebuild { code, text } = rebuild(&world, &["orders"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("orders-v4-1 (queried): 21 documents"), "{text}");
    assert!(text.contains("orders-v4-2 (next): 20 documents"), "{text}");
    assert!(text.contains("equal: 19"), "{text}");
    assert!(text.contains(&format!("differing: 1: {}", id(1_003))), "{text}");
    assert!(
        text.contains(&format!("only in orders-v4-1: 1: {}", id(9))),
        "{text}"
    );
    assert_eq!(queried(&world).await, 1);

    let forced = rebuild(&world, &["orders", "--force"]).await;
    assert_eq!(forced.code, Some(0), "{}", forced.text);
    assert_eq!(queried(&world).await, 2);
    projector.stop().await;
}

/// As after an upgrade whose mapping is another: nobody feeds the earlier index any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_mapping_is_replaced_by_the_command_that_the_log_names() {
    let world = World::new().await;
    let before = Generation {
        mapping: 2,
        number: 0,
        ..SECOND
    };
    let orders_are = first(Kind::Order);
    run::make_earlier(&world, before).await;
    world
        .generations
        .point_queries(Some(orders_are), before)
        .await
        .expect("it answers");
    let earlier = DocumentWrite {
        id: id(1_000),
        expected: None,
        body: json!({"id": id(1_000), "version": 2, "of the earlier build": true}).to_string(),
    };
    let store = world.generations.store(before);
    store.write(vec![earlier]).await.expect("it answers");
    world
        .produce(&[registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.produce(&orders(0..3)).await;
    let said = run::refusal_of_the_api(&world).await;
    assert!(said.contains("run: query-service rebuild orders"), "{said}");

    let Rebuild { code, text } = rebuild(&world, &["orders"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("goes on with orders-v4-1"), "{text}");
    let http = reqwest::Client::new();
    let (status, order) = as_queried(&http, &world, id(1_000)).await;
    assert_eq!((status, &order["version"]), (200, &json!(3)));
    let dropped = rebuild(&world, &["orders", "--drop-old"]).await;
    assert!(dropped.text.contains("orders-v2 dropped"), "{}", dropped.text);
}
