//! What every adapter of `DocumentStore` keeps to, in memory and on the real Elasticsearch.

// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ::elasticsearch::Elasticsearch;
use query_service::application::ports::{
    DocumentStore, DocumentWrite, Generation, Generations as _, NameSource, Revision, StoreError, Waiting,
    WriteOutcome,
};
use query_service::outbound::elasticsearch::{
    ElasticsearchDocuments, ElasticsearchGenerations, ElasticsearchSettings, Naming, connect,
};
use query_service::outbound::memory::documents::{Faults, MemoryDocuments};
use read_model::Kind::Order;
use serde_json::{Value, json};
use uuid::Uuid;

#[path = "support/indices.rs"]
mod indices;

/// All documents here are orders, in as far as it matters.
const FIRST: Generation = Generation {
    kind: Order,
    mapping: 4,
    number: 1,
};

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_b5a0_0000_7000_8000_0000_0000_0000 + n)
}

/// As much of an order as this port looks at.
fn order(n: u128, customer_version: u64, lines: &[(u128, u64)]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(product, version)| json!({"product_id": id(*product), "product_version": version}))
        .collect();
    json!({"id": id(n), "version": 1, "customer_id": id(1), "customer_version": customer_version, "items": lines})
}

fn write(n: u128, expected: Option<Revision>, body: &Value) -> DocumentWrite {
    DocumentWrite {
        id: id(n),
        expected,
        body: body.to_string(),
    }
}

async fn written<S: DocumentStore>(store: &S, n: u128, expected: Option<Revision>, body: &Value) -> Revision {
    let outcomes = store
        .write(vec![write(n, expected, body)])
        .await
        .expect("the store answers");
    match outcomes[..] {
        [WriteOutcome::Written(revision)] => revision,
        _ => panic!("{outcomes:?}"),
    }
}

async fn a_load_sees_the_last_write_at_once_and_keeps_the_order_of_ids(store: impl DocumentStore) {
    let first = written(&store, 1, None, &json!({"id": id(1), "version": 1})).await;
    written(&store, 2, None, &json!({"id": id(2), "version": 7})).await;
    written(&store, 1, Some(first), &json!({"id": id(1), "version": 2})).await;
    let loaded = store
        .load(&[id(2), id(3), id(1)])
        .await
        .expect("the store answers");
    let versions: Vec<_> = loaded
        .iter()
        .map(|stored| stored.as_ref().map(|stored| stored.body["version"].as_u64()))
        .collect();
    assert_eq!(versions, [Some(Some(7)), None, Some(Some(2))]);
}

async fn of_two_writers_one_wins(store: impl DocumentStore) {
    let body = json!({"id": id(1), "version": 1});
    let at = written(&store, 1, None, &body).await;
    let again = store
        .write(vec![write(1, None, &body)])
        .await
        .expect("the store answers");
    assert_eq!(again, [WriteOutcome::Conflict]);
    let later = written(&store, 1, Some(at), &body).await;
    assert_ne!(later, at);
    let stale = store
        .write(vec![write(1, Some(at), &body)])
        .await
        .expect("the store answers");
    assert_eq!(stale, [WriteOutcome::Conflict]);
    let loaded = store.load(&[id(1)]).await.expect("the store answers");
    assert_eq!(loaded[0].as_ref().map(|stored| stored.revision), Some(later));
}

async fn a_document_that_went_away_is_not_made_again_by_a_guarded_write(store: impl DocumentStore) {
    let never = Revision {
        seq_no: 5,
        primary_term: 1,
    };
    let outcomes = store
        .write(vec![write(9, Some(never), &json!({"id": id(9), "version": 1}))])
        .await
        .expect("the store answers");
    assert_eq!(outcomes, [WriteOutcome::Conflict]);
}

async fn each_write_of_a_request_has_an_answer_of_its_own(store: impl DocumentStore) {
    written(&store, 2, None, &json!({"id": id(2), "version": 1})).await;
    let outcomes = store
        .write(vec![
            write(1, None, &json!({"id": id(1), "version": 1})),
            write(2, None, &json!({"id": id(2), "version": 1})),
            write(3, None, &json!({"id": id(3), "no such field": 1})),
            write(4, None, &json!({"id": id(4), "version": 1})),
        ])
        .await
        .expect("the store answers");
    assert!(
        matches!(
            outcomes[..],
            [
                WriteOutcome::Written(_),
                WriteOutcome::Conflict,
                WriteOutcome::Refused(_),
                WriteOutcome::Written(_)
            ]
        ),
        "{outcomes:?}"
    );
}

async fn what_is_parked_is_nobodys_business_but_the_projectors(store: impl DocumentStore) {
    let body =
        json!({"id": id(1), "version": 0, "parked": {"3": {"body": "AA==", "any": {"depth": [1, "x"]}}}});
    written(&store, 1, None, &body).await;
    let loaded = store.load(&[id(1)]).await.expect("the store answers");
    assert_eq!(loaded[0].as_ref().map(|stored| &stored.body), Some(&body));
}

async fn orders_are_found_by_the_names_they_show_after_a_refresh(store: impl DocumentStore) {
    written(&store, 11, None, &order(11, 1, &[(21, 1)])).await;
    written(&store, 12, None, &order(12, 3, &[(21, 2), (22, 5)])).await;
    written(&store, 13, None, &order(13, 2, &[])).await;
    store.refresh().await.expect("the store answers");
    let found = async |source, below, after, limit| {
        store
            .orders_showing(&[(source, below)], after, limit)
            .await
            .expect("the store answers")
    };
    let customer = NameSource::Customer(id(1));
    assert_eq!(found(customer, 9, None, 10).await, [id(11), id(12), id(13)]);
    assert_eq!(found(customer, 3, None, 10).await, [id(11), id(13)]);
    assert_eq!(found(customer, 9, None, 2).await, [id(11), id(12)]);
    assert_eq!(found(customer, 9, Some(id(12)), 2).await, [id(13)]);
    assert_eq!(
        found(NameSource::Customer(id(2)), 9, None, 10).await,
        Vec::<Uuid>::new()
    );
    let product = NameSource::Product(id(21));
    assert_eq!(found(product, 3, None, 10).await, [id(11), id(12)]);
    // Another line's older name may bring an order too many; one that shows the name as of before is never left out.
    assert!(found(product, 2, None, 10).await.contains(&id(11)));
    assert_eq!(
        found(NameSource::Product(id(23)), 9, None, 10).await,
        Vec::<Uuid>::new()
    );
    let any = [(customer, 2), (NameSource::Product(id(22)), 6)];
    let found = store.orders_showing(&any, None, 10).await;
    assert_eq!(found.expect("the store answers"), [id(11), id(12)]);
}

async fn documents_that_wait_are_found_the_longest_first(store: impl DocumentStore) {
    let at = |minute: u32| format!("2026-01-01T00:{minute:02}:00Z");
    let waiting = |n, version: u64, minute| {
        let parked = json!({ (version + 2).to_string(): {} });
        json!({"id": id(n), "version": version, "parked": parked, "waits_since": at(minute)})
    };
    written(&store, 1, None, &waiting(1, 4, 3)).await;
    written(&store, 2, None, &waiting(2, 0, 1)).await;
    written(&store, 3, None, &waiting(3, 1, 2)).await;
    written(&store, 4, None, &order(4, 1, &[])).await;
    store.refresh().await.expect("the store answers");
    let found = async |minute, limit| {
        let since = at(minute).parse().expect("a time");
        let found = store.waiting(since, limit).await.expect("the store answers");
        let found: Vec<_> = found
            .into_iter()
            .map(|Waiting { id, version, .. }| (id, version))
            .collect();
        found
    };
    assert_eq!(found(9, 9).await, [(id(2), 0), (id(3), 1), (id(1), 4)]);
    assert_eq!(found(2, 9).await, [(id(2), 0), (id(3), 1)]);
    assert_eq!(found(9, 1).await, [(id(2), 0)]);
    assert_eq!(found(0, 9).await, []);
}

fn memory() -> MemoryDocuments {
    let faults = Faults {
        refused: ["no such field".to_owned()].into(),
        ..Faults::default()
    };
    MemoryDocuments::with_faults(Arc::new(Mutex::new(faults)))
}

async fn own_indices(settle: impl FnOnce(&mut ElasticsearchSettings)) -> ElasticsearchSettings {
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
    let mut settings = ElasticsearchSettings {
        url: servers.elasticsearch,
        index_prefix: format!("d{begun}-{}-{number}-", std::process::id()),
        ..ElasticsearchSettings::default()
    };
    settle(&mut settings);
    settings
}

/// Runs a test over indices of its own, and deletes them where it succeeded.
async fn over_own_indices<T: Future<Output = ()>>(
    settle: impl FnOnce(&mut ElasticsearchSettings),
    test: impl FnOnce(ElasticsearchSettings, Elasticsearch, ElasticsearchDocuments) -> T,
) {
    let settings = own_indices(settle).await;
    let generations = indices::make(&settings, &[Order]).await;
    let client = generations.client().clone();
    test(settings.clone(), client.clone(), generations.store(FIRST)).await;
    indices::delete(&client, &settings)
        .await
        .expect("Elasticsearch answers");
}

macro_rules! contract {
    ($($promise:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::memory()).await;
            })*
        }

        mod on_elasticsearch {
            $(#[tokio::test]
            async fn $promise() {
                super::over_own_indices(|_| {}, |_, _, store| super::$promise(store)).await;
            })*
        }
    };
}

contract! {
    a_load_sees_the_last_write_at_once_and_keeps_the_order_of_ids
    of_two_writers_one_wins
    a_document_that_went_away_is_not_made_again_by_a_guarded_write
    each_write_of_a_request_has_an_answer_of_its_own
    what_is_parked_is_nobodys_business_but_the_projectors
    orders_are_found_by_the_names_they_show_after_a_refresh
    documents_that_wait_are_found_the_longest_first
}

/// What an outage looks like is Elasticsearch's own.
mod outages {
    use ::elasticsearch::indices::{IndicesCloseParts, IndicesExistsParts, IndicesPutSettingsParts};

    use super::*;

    async fn none_is_refused(store: &ElasticsearchDocuments) {
        let outcomes = store
            .write(vec![write(1, None, &json!({"id": id(1), "version": 1}))])
            .await
            .expect("the store answers");
        assert!(
            matches!(outcomes[..], [WriteOutcome::Unavailable(_)]),
            "{outcomes:?}"
        );
    }

    #[tokio::test]
    async fn a_missing_index_is_waited_for_and_not_made() {
        let settings = own_indices(|_| {}).await;
        let client = connect(&settings).expect("the URL is one");
        let store = ElasticsearchGenerations::new(client.clone(), &settings).store(FIRST);
        none_is_refused(&store).await;
        let loaded = store.load(&[id(1)]).await;
        assert!(matches!(loaded, Err(StoreError::Unavailable(_))), "{loaded:?}");
        let pattern = format!("{}*", settings.index_prefix);
        let exists = client
            .indices()
            .exists(IndicesExistsParts::Index(&[&pattern]))
            .allow_no_indices(false)
            .send()
            .await
            .expect("Elasticsearch answers");
        assert_eq!(exists.status_code().as_u16(), 404);
    }

    #[tokio::test]
    async fn a_write_block_is_an_outage() {
        over_own_indices(
            |_| {},
            async |settings, client, store| {
                let index = Naming::of(&settings).index(FIRST);
                client
                    .indices()
                    .put_settings(IndicesPutSettingsParts::Index(&[&index]))
                    .body(json!({"index.blocks.write": true}))
                    .send()
                    .await
                    .expect("Elasticsearch answers");
                none_is_refused(&store).await;
            },
        )
        .await;
    }

    #[tokio::test]
    async fn a_closed_index_is_an_outage() {
        over_own_indices(
            |_| {},
            async |settings, client, store| {
                let index = Naming::of(&settings).index(FIRST);
                client
                    .indices()
                    .close(IndicesCloseParts::Index(&[&index]))
                    .send()
                    .await
                    .expect("Elasticsearch answers");
                none_is_refused(&store).await;
            },
        )
        .await;
    }

    #[tokio::test]
    async fn nobody_there_is_an_outage() {
        let settings = ElasticsearchSettings {
            url: format!("http://127.0.0.1:{}", stack::free_port().expect("a port is free")),
            ..ElasticsearchSettings::default()
        };
        let client = connect(&settings).expect("the URL is one");
        let store = ElasticsearchGenerations::new(client, &settings).store(FIRST);
        let answered = store
            .write(vec![write(1, None, &json!({"id": id(1), "version": 1}))])
            .await;
        assert!(
            matches!(answered, Err(StoreError::Unavailable(_))),
            "{answered:?}"
        );
    }

    #[tokio::test]
    async fn a_request_that_would_grow_too_large_is_split() {
        let small = |settings: &mut ElasticsearchSettings| settings.bulk_max_bytes = 2_000;
        over_own_indices(small, async |_, _, store| {
            let writes = (0..40)
                .map(|n| write(n, None, &order(n, 1, &[(21, 1)])))
                .collect();
            let outcomes = store.write(writes).await.expect("the store answers");
            assert_eq!(outcomes.len(), 40);
            let all = outcomes
                .iter()
                .all(|outcome| matches!(outcome, WriteOutcome::Written(_)));
            assert!(all, "{outcomes:?}");
            let ids: Vec<_> = (0..40).map(id).collect();
            let loaded = store.load(&ids).await.expect("the store answers");
            for (stored, id) in loaded.iter().zip(&ids) {
                let body = &stored.as_ref().expect("it was written").body;
                assert_eq!(body["id"], id.to_string().as_str());
            }
        })
        .await;
    }
}
