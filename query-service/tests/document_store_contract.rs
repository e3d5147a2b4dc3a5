//! What every adapter of `DocumentStore` keeps to, in memory and on the real Elasticsearch.

// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use ::elasticsearch::Elasticsearch;
use ::elasticsearch::indices::IndicesDeleteParts;
use query_service::application::ports::{
    DocumentStore, DocumentWrite, NameSource, Revision, StoreError, WriteOutcome,
};
use query_service::outbound::elasticsearch::{
    ElasticsearchDocuments, ElasticsearchSettings, connect, indices,
};
use query_service::outbound::memory::documents::MemoryDocuments;
use read_model::Kind::{self, Customer, Order, Product};
use serde_json::{Value, json};
use uuid::Uuid;

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

fn write(kind: Kind, n: u128, expected: Option<Revision>, body: &Value) -> DocumentWrite {
    DocumentWrite {
        kind,
        id: id(n),
        expected,
        body: body.to_string(),
    }
}

async fn written<S: DocumentStore>(
    store: &S,
    kind: Kind,
    n: u128,
    expected: Option<Revision>,
    body: &Value,
) -> Revision {
    let outcomes = store
        .write(vec![write(kind, n, expected, body)])
        .await
        .expect("the store answers");
    match outcomes[..] {
        [WriteOutcome::Written(revision)] => revision,
        _ => panic!("{outcomes:?}"),
    }
}

async fn a_load_sees_the_last_write_at_once_and_keeps_the_order_of_ids(store: impl DocumentStore) {
    let first = written(&store, Customer, 1, None, &json!({"id": id(1), "version": 1})).await;
    written(&store, Customer, 2, None, &json!({"id": id(2), "version": 7})).await;
    written(
        &store,
        Customer,
        1,
        Some(first),
        &json!({"id": id(1), "version": 2}),
    )
    .await;
    let loaded = store
        .load(Customer, &[id(2), id(3), id(1)])
        .await
        .expect("the store answers");
    let versions: Vec<_> = loaded
        .iter()
        .map(|stored| stored.as_ref().map(|stored| stored.body["version"].as_u64()))
        .collect();
    assert_eq!(versions, [Some(Some(7)), None, Some(Some(2))]);
    // Another kind has other documents.
    assert_eq!(
        store.load(Product, &[id(1)]).await.expect("the store answers"),
        [None]
    );
}

async fn of_two_writers_one_wins(store: impl DocumentStore) {
    let body = json!({"id": id(1), "version": 1});
    let at = written(&store, Order, 1, None, &body).await;
    let again = store
        .write(vec![write(Order, 1, None, &body)])
        .await
        .expect("the store answers");
    assert_eq!(again, [WriteOutcome::Conflict]);
    let later = written(&store, Order, 1, Some(at), &body).await;
    assert_ne!(later, at);
    let stale = store
        .write(vec![write(Order, 1, Some(at), &body)])
        .await
        .expect("the store answers");
    assert_eq!(stale, [WriteOutcome::Conflict]);
    let loaded = store.load(Order, &[id(1)]).await.expect("the store answers");
    assert_eq!(loaded[0].as_ref().map(|stored| stored.revision), Some(later));
}

async fn a_document_that_went_away_is_not_made_again_by_a_guarded_write(store: impl DocumentStore) {
    let never = Revision {
        seq_no: 5,
        primary_term: 1,
    };
    let outcomes = store
        .write(vec![write(
            Order,
            9,
            Some(never),
            &json!({"id": id(9), "version": 1}),
        )])
        .await
        .expect("the store answers");
    assert_eq!(outcomes, [WriteOutcome::Conflict]);
}

async fn each_write_of_a_request_has_an_answer_of_its_own(store: impl DocumentStore) {
    written(&store, Order, 2, None, &json!({"id": id(2), "version": 1})).await;
    let outcomes = store
        .write(vec![
            write(Order, 1, None, &json!({"id": id(1), "version": 1})),
            write(Order, 2, None, &json!({"id": id(2), "version": 1})),
            write(Order, 3, None, &json!({"id": id(3), "no such field": 1})),
            write(Customer, 4, None, &json!({"id": id(4), "version": 1})),
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
    written(&store, Order, 1, None, &body).await;
    let loaded = store.load(Order, &[id(1)]).await.expect("the store answers");
    assert_eq!(loaded[0].as_ref().map(|stored| &stored.body), Some(&body));
}

async fn orders_are_found_by_the_names_they_show_after_a_refresh(store: impl DocumentStore) {
    written(&store, Order, 11, None, &order(11, 1, &[(21, 1)])).await;
    written(&store, Order, 12, None, &order(12, 3, &[(21, 2), (22, 5)])).await;
    written(&store, Order, 13, None, &order(13, 2, &[])).await;
    store.refresh(Order).await.expect("the store answers");
    let found = async |source, below, after, limit| {
        store
            .orders_showing(source, below, after, limit)
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
}

fn memory() -> MemoryDocuments {
    let store = MemoryDocuments::default();
    store.refuse_containing("no such field");
    store
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
    let client = connect(&settings).expect("the URL is one");
    indices::create(&client, &settings)
        .await
        .expect("indices can be created");
    let store = ElasticsearchDocuments::new(client.clone(), &settings);
    test(settings.clone(), client.clone(), store).await;
    let made = Kind::ALL.map(|kind| indices::index(&settings.index_prefix, kind));
    client
        .indices()
        .delete(IndicesDeleteParts::Index(&made.each_ref().map(String::as_str)))
        .send()
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
}

/// What an outage looks like is Elasticsearch's own.
mod outages {
    use ::elasticsearch::indices::{
        IndicesCloseParts, IndicesCreateParts, IndicesExistsParts, IndicesGetAliasParts,
        IndicesPutSettingsParts,
    };

    use super::*;

    async fn none_is_refused(store: &ElasticsearchDocuments) {
        let outcomes = store
            .write(vec![write(Order, 1, None, &json!({"id": id(1), "version": 1}))])
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
        let store = ElasticsearchDocuments::new(client.clone(), &settings);
        none_is_refused(&store).await;
        let loaded = store.load(Order, &[id(1)]).await;
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

    /// An index that an earlier build made is read until it is replaced, and none beside it.
    #[tokio::test]
    async fn queries_never_read_two_indices() {
        let settings = own_indices(|_| {}).await;
        let client = connect(&settings).expect("the URL is one");
        let alias = indices::alias(&settings.index_prefix, Order);
        let earlier = format!("{alias}-v1");
        let made = client
            .indices()
            .create(IndicesCreateParts::Index(&earlier))
            .body(json!({"aliases": {alias.as_str(): {}}}))
            .send()
            .await
            .expect("Elasticsearch answers");
        assert!(made.status_code().is_success());
        for _again in 0..2 {
            indices::create(&client, &settings)
                .await
                .expect("indices can be created");
        }
        let read: serde_json::Value = client
            .indices()
            .get_alias(IndicesGetAliasParts::Name(&[&alias]))
            .send()
            .await
            .expect("Elasticsearch answers")
            .json()
            .await
            .expect("JSON");
        let read: Vec<&String> = read.as_object().expect("by index").keys().collect();
        assert_eq!(read, [&earlier]);
        // The projector's own index is there.
        let store = ElasticsearchDocuments::new(client.clone(), &settings);
        let loaded = store.load(Order, &[id(1)]).await.expect("the store answers");
        assert_eq!(loaded, [None]);
        let mut all = Kind::ALL
            .map(|kind| indices::index(&settings.index_prefix, kind))
            .to_vec();
        all.push(earlier);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        client
            .indices()
            .delete(IndicesDeleteParts::Index(&all))
            .send()
            .await
            .expect("Elasticsearch answers");
    }

    #[tokio::test]
    async fn a_write_block_is_an_outage() {
        over_own_indices(
            |_| {},
            async |settings, client, store| {
                let index = indices::index(&settings.index_prefix, Order);
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
                let index = indices::index(&settings.index_prefix, Order);
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
        let store = ElasticsearchDocuments::new(connect(&settings).expect("the URL is one"), &settings);
        let answered = store
            .write(vec![write(Order, 1, None, &json!({"id": id(1), "version": 1}))])
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
                .map(|n| write(Order, n, None, &order(n, 1, &[(21, 1)])))
                .collect();
            let outcomes = store.write(writes).await.expect("the store answers");
            assert_eq!(outcomes.len(), 40);
            let all = outcomes
                .iter()
                .all(|outcome| matches!(outcome, WriteOutcome::Written(_)));
            assert!(all, "{outcomes:?}");
            let ids: Vec<_> = (0..40).map(id).collect();
            let loaded = store.load(Order, &ids).await.expect("the store answers");
            for (stored, id) in loaded.iter().zip(&ids) {
                let body = &stored.as_ref().expect("it was written").body;
                assert_eq!(body["id"], id.to_string().as_str());
            }
        })
        .await;
    }
}
