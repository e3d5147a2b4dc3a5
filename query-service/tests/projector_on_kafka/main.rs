//! The projector on a real Kafka, schema registry and Elasticsearch.

// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

mod documents;
#[path = "../projecting/events.rs"]
#[allow(dead_code)]
mod events;
#[path = "../support/indices.rs"]
mod indices;
mod kafka;
mod made_anew;
mod outages;
mod pausing;
mod proxy;
mod rereading;
mod resolving;
mod world;

use std::time::Duration;

use elasticsearch::indices::IndicesDeleteParts;
use query_service::application::ports::{DocumentStore as _, Generations as _};
use query_service::outbound::elasticsearch::setup;
use query_service::outbound::kafka::dead_letters;
use read_model::Kind;
use shared_events::AggregateType;
use shared_events::topic::{CHANGES, DEAD_LETTERS};
use shared_events::wire;
use tokio::net::{TcpListener, TcpStream};

use events::*;
use kafka::{Read, Sent};
use world::{World, first};

fn orders(count: u128) -> Vec<Told> {
    (0..count)
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_become_documents_are_told_and_are_not_read_again() {
    let world = World::new().await;
    let mut running = world.start();
    world
        .produce(&[registered(id(1), "Ada"), product_added(id(11), "Engine")])
        .await;
    world.produce(&orders(50)).await;
    world
        .until_versions(Kind::Order, (0..50).map(|n| (id(1_000 + n), 3)))
        .await;
    let order = world.document(Kind::Order, id(1_000)).await;
    assert_eq!(order["total"]["amount"], 9 * 250);
    assert_eq!(order["customer_name"], "Ada");

    world.produce(&[customer_renamed(id(1), 2, "Ada King")]).await;
    world
        .until("every order shows the new name", async || {
            let customer = world.document(Kind::Customer, id(1)).await;
            customer["propagated_version"] == 2
        })
        .await;
    for n in 0..50 {
        let order = world.document(Kind::Order, id(1_000 + n)).await;
        assert_eq!(order["customer_name"], "Ada King");
    }
    running.stop().await;
    assert_eq!(world.committed().await, 2 + 150 + 1);
    let told = world.read(CHANGES).await;
    for n in 0..50 {
        let key = id(1_000 + n).to_string();
        let last = told
            .iter()
            .rfind(|record| record.key == key)
            .expect("the order was told");
        let change: serde_json::Value = serde_json::from_slice(&last.payload).expect("a change is JSON");
        assert_eq!(change["version"], 3);
        assert_eq!(change["aggregate"], "order");
    }

    // Nothing is read a second time: what was told stays as it is.
    running = world.start();
    world.produce(&[created(id(5_000), id(1), "Ada King")]).await;
    world.until_versions(Kind::Order, [(id(5_000), 1)]).await;
    running.stop().await;
    let again = world.read(CHANGES).await;
    // Counted, as two reads may come upon the partitions in another order.
    let of_others = |told: &[Read]| {
        let key = id(5_000).to_string();
        told.iter().filter(|record| record.key != key).count()
    };
    assert_eq!(of_others(&again), of_others(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_be_an_event_is_buried_between_good_ones() {
    let world = World::new().await;
    let running = world.start();
    let good = created(id(1), id(2), "Ada");
    let framed = world.framed(&good);
    let cases: Vec<(&str, Sent)> = vec![
        (
            "not-framed",
            Sent {
                payload: None,
                ..world.sent(&good)
            },
        ),
        (
            "not-framed",
            Sent {
                payload: Some(vec![]),
                ..world.sent(&good)
            },
        ),
        (
            "not-framed",
            Sent {
                payload: Some(b"\x07\0\0\0\x01rest".to_vec()),
                ..world.sent(&good)
            },
        ),
        (
            "not-framed",
            Sent {
                payload: Some(vec![0, 0, 0]),
                ..world.sent(&good)
            },
        ),
        (
            "unknown-schema",
            Sent {
                payload: Some(wire::frame(u32::MAX / 2, b"body")),
                ..world.sent(&good)
            },
        ),
        (
            "undecodable",
            Sent {
                payload: Some(framed[..framed.len() - 3].to_vec()),
                ..world.sent(&good)
            },
        ),
        (
            "undecodable",
            Sent {
                payload: Some([&framed[..], b"more"].concat()),
                ..world.sent(&good)
            },
        ),
        // A string whose length lies.
        (
            "undecodable",
            Sent {
                payload: Some([&framed[..5], &[0xfe, 0xff, 0xff, 0xff, 0x0f]].concat()),
                ..world.sent(&good)
            },
        ),
        (
            "malformed-headers",
            Sent {
                headers: vec![],
                ..world.sent(&good)
            },
        ),
        (
            "malformed-headers",
            world.sent(&good).with_header("ce_streamversion", "0"),
        ),
        (
            "malformed-headers",
            world.sent(&good).with_header("ce_streamversion", "-3"),
        ),
        (
            "type-mismatch",
            world
                .sent(&good)
                .with_header("ce_type", "ordering.orders.OrderSubmittedV1"),
        ),
        (
            "key-mismatch",
            Sent {
                key: id(99).to_string(),
                ..world.sent(&good)
            },
        ),
    ];
    for (n, (_, bad)) in cases.iter().enumerate() {
        world.send(AggregateType::Order, bad).await;
        world.produce(&[created(id(100 + n as u128), id(2), "Ada")]).await;
    }
    world
        .until_versions(Kind::Order, (0..cases.len()).map(|n| (id(100 + n as u128), 1)))
        .await;
    let expected = cases.len();
    let letters = world
        .until_some("every bad record is buried", async || {
            let letters = world.read(DEAD_LETTERS).await;
            (letters.len() >= expected).then_some(letters)
        })
        .await;
    let mut kinds: Vec<_> = letters
        .iter()
        .map(|letter| letter.header(dead_letters::KIND))
        .collect();
    let mut wanted: Vec<_> = cases.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    kinds.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(kinds, wanted);
    for letter in &letters {
        assert!(letter.header(dead_letters::TOPIC).ends_with("ordering.orders"));
        assert!(!letter.header(dead_letters::CAUSE).is_empty());
    }
    assert!(world.document(Kind::Order, id(1)).await.is_null());
    running.stop().await;
    assert_eq!(world.committed().await as usize, 2 * cases.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_down_at_the_start_is_waited_for() {
    let mut world = World::new().await;
    let port = stack::free_port().expect("a port is free");
    let registry = world.registry.url.clone();
    let (_, rest) = registry
        .trim_start_matches("http://")
        .split_once('/')
        .expect("a path");
    world.registry.url = format!("http://127.0.0.1:{port}/{rest}");
    let address = registry
        .trim_start_matches("http://")
        .split('/')
        .next()
        .expect("a host")
        .to_owned();
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port is free");
    let running = world.start();
    world.produce(&orders(5)).await;
    // Who asks is cut off, three times.
    for _ in 0..3 {
        drop(listener.accept().await.expect("somebody asks"));
    }
    assert!(world.document(Kind::Order, id(1_000)).await.is_null());
    let proxy = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let address = address.clone();
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect(address).await {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    world
        .until_versions(Kind::Order, (0..5).map(|n| (id(1_000 + n), 3)))
        .await;
    running.stop().await;
    proxy.abort();
    assert!(world.read(DEAD_LETTERS).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_indices_are_waited_for_and_one_that_goes_takes_nothing_along() {
    let world = World::new().await;
    world.delete_indices().await;
    let running = world.start();
    world.produce(&orders(5)).await;
    let kinds = Kind::AGGREGATES;
    setup::create_missing(&world.generations, &world.elasticsearch, &kinds)
        .await
        .expect("indices can be created");
    world
        .until_versions(Kind::Order, (0..5).map(|n| (id(1_000 + n), 3)))
        .await;
    let index = world.generations.naming().index(first(Kind::Product));
    let parts = IndicesDeleteParts::Index(&[&index]);
    let deleted = world.client.indices().delete(parts).send().await;
    assert!(deleted.expect("Elasticsearch answers").status_code().is_success());
    world
        .produce(&[registered(id(1), "Ada"), created(id(2_000), id(1), "Ada")])
        .await;
    world.until_versions(Kind::Customer, [(id(1), 1)]).await;
    running.stop().await;
    assert!(world.read(DEAD_LETTERS).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_lose_nothing() {
    let world = World::new().await;
    let steady = world.start();
    let all = orders(400);
    for part in all.chunks(200) {
        let visitor = world.start();
        world.produce(part).await;
        // How long a visitor stays: what is tested is that members go at any point of a rebalance.
        tokio::time::sleep(Duration::from_millis(700)).await;
        visitor.stop().await;
    }
    world
        .until_versions(Kind::Order, (0..400).map(|n| (id(1_000 + n), 3)))
        .await;
    steady.stop().await;
    assert!(world.read(DEAD_LETTERS).await.is_empty());
    assert_eq!(world.committed().await, all.len() as i64);
    let ids: Vec<_> = (0..400).map(|n| id(1_000 + n)).collect();
    let stored = world
        .generations
        .store(first(Kind::Order))
        .load(&ids)
        .await
        .expect("the store answers");
    for order in stored {
        let body = order.expect("it was written").body;
        assert_eq!(body["total"]["amount"], 9 * 250);
        assert!(body.get("parked").is_none());
    }
}
