//! What every adapter of `Generations`, `Rebuildable` and `NameSources` keeps to, in memory and on the real Elasticsearch.

// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use query_service::application::ports::{
    DocumentStore, DocumentWrite, Generation, Generations, NameSource, NameSources, Rebuildable, Scan,
    StoreError, WriteOutcome,
};
use query_service::outbound::elasticsearch::{ElasticsearchSettings, setup};
use query_service::outbound::memory::generations::MemoryGenerations;
use read_model::Kind::{self, Customer, Order, Product};
use serde_json::{Value, json};
use uuid::Uuid;

#[path = "support/indices.rs"]
mod indices;

const FIRST: Generation = Generation {
    kind: Order,
    mapping: 4,
    number: 1,
};
const SECOND: Generation = Generation { number: 2, ..FIRST };

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_b5a0_0000_7000_8000_0000_0000_0000 + n)
}

async fn put(store: &impl DocumentStore, n: u128, body: &Value) {
    let write = DocumentWrite {
        id: id(n),
        expected: None,
        body: body.to_string(),
    };
    let outcomes = store.write(vec![write]).await.expect("the store answers");
    assert!(matches!(outcomes[..], [WriteOutcome::Written(_)]), "{outcomes:?}");
}

async fn versions(store: &impl DocumentStore, ids: &[u128]) -> Vec<Option<u64>> {
    let ids: Vec<Uuid> = ids.iter().map(|n| id(*n)).collect();
    let stored = store.load(&ids).await.expect("the store answers");
    let version = |body: Value| body["version"].as_u64();
    stored.into_iter().map(|stored| version(stored?.body)).collect()
}

async fn found(generations: &impl Generations, kind: Kind) -> Vec<(u32, bool)> {
    let found = generations.find(&[kind]).await.expect("the store answers");
    found
        .into_iter()
        .map(|found| (found.generation.number, found.queried))
        .collect()
}

async fn a_second_generation_has_documents_of_its_own(generations: impl Rebuildable) {
    assert_eq!(generations.mapping(Order), FIRST.mapping);
    generations.create(SECOND).await.expect("it is made");
    // Again is no error, and empties nothing.
    let (first, second) = (generations.store(FIRST), generations.store(SECOND));
    put(&first, 1, &json!({"id": id(1), "version": 1})).await;
    put(&second, 1, &json!({"id": id(1), "version": 7})).await;
    put(&second, 2, &json!({"id": id(2), "version": 8})).await;
    generations.create(SECOND).await.expect("it is there");
    assert_eq!(versions(&first, &[1, 2]).await, [Some(1), None]);
    assert_eq!(versions(&second, &[1, 2]).await, [Some(7), Some(8)]);
    assert_eq!(found(&generations, Order).await, [(1, true), (2, false)]);
    assert_eq!(found(&generations, Customer).await, [(1, true)]);
}

async fn queries_read_one_generation_and_are_pointed_to_another_in_one_step(generations: impl Rebuildable) {
    generations.create(SECOND).await.expect("it is made");
    generations
        .point_queries(Some(FIRST), SECOND)
        .await
        .expect("they are pointed there");
    assert_eq!(found(&generations, Order).await, [(1, false), (2, true)]);
    // Somebody else was faster.
    let late = generations.point_queries(Some(FIRST), SECOND).await;
    assert!(late.is_err());
    assert_eq!(found(&generations, Order).await, [(1, false), (2, true)]);
    generations
        .point_queries(Some(SECOND), FIRST)
        .await
        .expect("there is a way back");
    assert_eq!(found(&generations, Order).await, [(1, true), (2, false)]);
}

async fn a_held_generation_is_read_and_not_written_until_it_is_let_go(generations: impl Rebuildable) {
    let store = generations.store(FIRST);
    put(&store, 1, &json!({"id": id(1), "version": 1})).await;
    // To let go what nobody holds is no error.
    generations.let_go(FIRST).await.expect("it is free");
    generations.hold(FIRST).await.expect("it is held");
    let write = DocumentWrite {
        id: id(2),
        expected: None,
        body: json!({"id": id(2), "version": 1}).to_string(),
    };
    let refused = store.write(vec![write.clone()]).await;
    let waits = match &refused {
        Err(StoreError::Unavailable(_)) => true,
        Ok(outcomes) => matches!(outcomes.as_slice(), [WriteOutcome::Unavailable(_)]),
        Err(StoreError::Failed(_)) => false,
    };
    assert!(waits, "{refused:?}");
    assert_eq!(versions(&store, &[1, 2]).await, [Some(1), None]);
    generations.let_go(FIRST).await.expect("it is let go");
    store.write(vec![write]).await.expect("it is written");
    assert_eq!(versions(&store, &[1, 2]).await, [Some(1), Some(1)]);
}

async fn a_dropped_generation_is_gone_and_is_not_made_by_a_write(generations: impl Rebuildable) {
    generations.create(SECOND).await.expect("it is made");
    let second = generations.store(SECOND);
    put(&second, 1, &json!({"id": id(1), "version": 1})).await;
    for _again in 0..2 {
        generations.drop_generation(SECOND).await.expect("it is dropped");
    }
    assert_eq!(found(&generations, Order).await, [(1, true)]);
    let gone = generations.store(SECOND);
    let loaded = gone.load(&[id(1)]).await;
    assert!(matches!(loaded, Err(StoreError::Unavailable(_))), "{loaded:?}");
}

async fn a_scan_brings_every_document_once(generations: impl Rebuildable) {
    let store = generations.store(FIRST);
    for n in 0..5 {
        put(&store, n, &json!({"id": id(n), "version": n + 1})).await;
    }
    store.refresh().await.expect("the store answers");
    let mut scan = generations.scan(FIRST);
    let mut scanned = Vec::new();
    loop {
        let page = scan.next().await.expect("the store answers");
        if page.is_empty() {
            break;
        }
        scanned.extend(page);
        // Nor one that comes meanwhile.
        let later = 100 + scanned.len() as u128;
        put(&store, later, &json!({"id": id(later), "version": 1})).await;
    }
    scanned.sort_by_key(|(id, _)| *id);
    let scanned: Vec<_> = scanned
        .iter()
        .map(|(id, body)| (*id, body["version"].as_u64()))
        .collect();
    let all: Vec<_> = (0..5).map(|n| (id(n), Some(n as u64 + 1))).collect();
    assert_eq!(scanned, all);
}

async fn names_are_those_of_the_generation_that_queries_read(generations: impl Rebuildable + NameSources) {
    let first = Generation {
        kind: Customer,
        ..FIRST
    };
    let address = json!({"name": "Ada", "street": "12 St James's Square", "postal_code": "SW1Y 4JH",
        "city": "London", "country": "GB"});
    let customer = |name: &str, version: u64| {
        json!({"id": id(1), "version": version, "name": name, "name_version": version,
            "propagated_version": 1, "billing_address": address, "delivery_address": address, "email": null,
            "own_delivery_address": false, "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z"})
    };
    put(&generations.store(first), 1, &customer("Ada King", 2)).await;
    put(
        &generations.store(first),
        2,
        &json!({"id": id(2), "version": 0, "parked": {}}),
    )
    .await;
    let second = Generation { number: 2, ..first };
    generations.create(second).await.expect("it is made");
    put(&generations.store(second), 1, &customer("Ada", 1)).await;
    let names = generations
        .names(&[
            NameSource::Product(id(1)),
            NameSource::Customer(id(1)),
            NameSource::Customer(id(2)),
            NameSource::Customer(id(3)),
        ])
        .await
        .expect("the store answers");
    let names: Vec<_> = names
        .iter()
        .map(|name| name.as_ref().map(|name| (name.name.as_str(), name.name_version)))
        .collect();
    assert_eq!(names, [None, Some(("Ada King", 2)), None, None]);
}

async fn own_settings() -> ElasticsearchSettings {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let servers = tokio::task::spawn_blocking(stack::for_tests)
        .await
        .expect("no panic")
        .expect("the servers for tests run or can be started");
    let begun = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_millis();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ElasticsearchSettings {
        url: servers.elasticsearch,
        index_prefix: format!("g{begun}-{}-{number}-", std::process::id()),
        ..ElasticsearchSettings::default()
    }
}

macro_rules! contract {
    ($($promise:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::MemoryGenerations::default()).await;
            })*
        }

        mod on_elasticsearch {
            $(#[tokio::test]
            async fn $promise() {
                let settings = super::own_settings().await;
                let kinds = [super::Customer, super::Product, super::Order];
                let generations = super::indices::make(&settings, &kinds).await;
                let client = generations.client().clone();
                super::$promise(generations).await;
                let deleted = super::indices::delete(&client, &settings).await;
                deleted.expect("Elasticsearch answers");
            })*
        }
    };
}

contract! {
    a_second_generation_has_documents_of_its_own
    queries_read_one_generation_and_are_pointed_to_another_in_one_step
    a_dropped_generation_is_gone_and_is_not_made_by_a_write
    a_scan_brings_every_document_once
    names_are_those_of_the_generation_that_queries_read
    a_held_generation_is_read_and_not_written_until_it_is_let_go
}

/// An index that an earlier build made is read until it is replaced, and none beside it.
#[tokio::test]
async fn setup_leaves_queries_where_they_are_and_says_what_to_run() {
    let settings = own_settings().await;
    let generations = indices::make(&settings, &[Customer]).await;
    let naming = generations.naming();
    let before = Generation {
        kind: Order,
        mapping: 2,
        number: 0,
    };
    let aliases = json!({ naming.queried(Order): {}, naming.projected(before): {} });
    let made = reqwest::Client::new()
        .put(format!("{}/{}", settings.url, naming.index(before)))
        .header("content-type", "application/json")
        .body(json!({ "aliases": aliases }).to_string())
        .send()
        .await
        .expect("Elasticsearch answers");
    assert!(made.status().is_success(), "{:?}", made.text().await);
    for _again in 0..2 {
        setup::create_missing(&generations, &settings, &[Order])
            .await
            .expect("indices can be created");
    }
    let found = generations.find(&[Order]).await.expect("Elasticsearch answers");
    let found: Vec<_> = found
        .into_iter()
        .map(|found| (found.generation, found.queried))
        .collect();
    assert_eq!(found, [(before, true), (FIRST, false)]);
    let refusal = setup::check(&generations, &[Customer, Order]).await;
    let refusal = refusal.expect_err("queries read another mapping").to_string();
    assert!(
        refusal.ends_with("run: query-service rebuild orders"),
        "{refusal}"
    );
    generations
        .point_queries(Some(before), FIRST)
        .await
        .expect("queries are pointed there");
    setup::check(&generations, &[Customer, Order])
        .await
        .expect("queries read this build's mapping");
    let missing = setup::check(&generations, &[Product]).await;
    let missing = missing.expect_err("it was not made").to_string();
    assert!(missing.contains("query-service setup"), "{missing}");
    generations
        .drop_generation(before)
        .await
        .expect("Elasticsearch answers");
    indices::delete(generations.client(), &settings)
        .await
        .expect("Elasticsearch answers");
}
