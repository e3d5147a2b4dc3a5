//! Servers that fail while the projector runs, each in its own way: it waits, goes on by itself, and buries nothing.

use elasticsearch::http::Method;
use elasticsearch::http::headers::HeaderMap;
use query_service::outbound::elasticsearch::{ElasticsearchGenerations, ElasticsearchSettings, connect};
use read_model::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use shared_events::topic::DEAD_LETTERS;
use std::sync::Arc;
use std::time::Duration;

use super::events::*;
use super::orders;
use super::proxy::{Network, Proxy};
use super::world::{World, first};

/// A projector of this world behind a proxy before Elasticsearch.
pub async fn through_a_proxy(world: &World) -> (Proxy, Arc<ElasticsearchGenerations>) {
    let proxy = Proxy::before(&world.elasticsearch.url).await;
    let settings = ElasticsearchSettings {
        url: proxy.url.clone(),
        request_timeout: Duration::from_millis(500),
        ..world.elasticsearch.clone()
    };
    let client = connect(&settings).expect("the URL is one");
    let generations = Arc::new(ElasticsearchGenerations::new(client, &settings));
    (proxy, generations)
}

#[rstest]
#[case::frozen(Network::Frozen)]
#[case::cut(Network::Cut)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_elasticsearch_that_does_not_answer(#[case] network: Network) {
    let world = World::new().await;
    let (proxy, generations) = through_a_proxy(&world).await;
    let running = world.start_over(generations);
    world.produce(&orders(2)).await;
    world
        .until_versions(Kind::Order, [(id(1_000), 3), (id(1_001), 3)])
        .await;
    proxy.set(network);
    world.produce(&[created(id(5_000), id(1), "Ada")]).await;
    proxy.tried(3).await;
    assert_eq!(world.document(Kind::Order, id(5_000)).await, Value::Null);
    proxy.set(Network::Up);
    world.until_versions(Kind::Order, [(id(5_000), 1)]).await;
    running.stop().await;
    assert!(world.read(DEAD_LETTERS).await.is_empty());
}

async fn ask(world: &World, method: Method, path: &str, body: Option<Value>) {
    let body = body.map(|body| body.to_string());
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().expect("a value"));
    let answer = world
        .client
        .send(method, path, headers, Option::<&()>::None, body, None)
        .await
        .expect("Elasticsearch answers");
    let status = answer.status_code();
    assert!(status.is_success(), "{status}: {:?}", answer.text().await);
}

/// Elasticsearch answers, and what it answers is no verdict on any record.
#[rstest]
#[case::under_a_write_block(true)]
#[case::closed(false)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_takes_no_writes(#[case] blocked: bool) {
    let world = World::new().await;
    let (proxy, generations) = through_a_proxy(&world).await;
    let index = format!("{}{}", world.elasticsearch.index_prefix, first(Kind::Order));
    let set = async |takes_none: bool| match (blocked, takes_none) {
        (true, _) => {
            let settings = json!({"index.blocks.write": takes_none});
            ask(
                &world,
                Method::Put,
                &format!("/{index}/_settings"),
                Some(settings),
            )
            .await;
        }
        (false, true) => ask(&world, Method::Post, &format!("/{index}/_close"), None).await,
        (false, false) => ask(&world, Method::Post, &format!("/{index}/_open"), None).await,
    };
    let running = world.start_over(generations);
    world.produce(&orders(1)).await;
    world.until_versions(Kind::Order, [(id(1_000), 3)]).await;
    set(true).await;
    world.produce(&[created(id(5_000), id(1), "Ada")]).await;
    // Some of what is tried are other requests. Too few, the test shows less and fails no sooner.
    proxy.tried(20).await;
    set(false).await;
    world.until_versions(Kind::Order, [(id(5_000), 1)]).await;
    running.stop().await;
    assert!(world.read(DEAD_LETTERS).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_goes_away_leaves_known_schemas_and_holds_up_unknown_ones() {
    let mut world = World::new().await;
    let proxy = Proxy::before(&world.registry.url).await;
    world.registry.url.clone_from(&proxy.url);
    let running = world.start();
    world.produce(&[created(id(1), id(2), "Ada")]).await;
    world.until_versions(Kind::Order, [(id(1), 1)]).await;
    proxy.set(Network::Cut);
    // Its schema has not been asked for yet.
    world.produce(&[item_added(id(1), 2, id(11), "Engine")]).await;
    proxy.tried(3).await;
    world.produce(&[created(id(3), id(2), "Ada")]).await;
    world.until_versions(Kind::Order, [(id(3), 1)]).await;
    assert_eq!(world.document(Kind::Order, id(1)).await["version"], 1);
    proxy.set(Network::Up);
    world.until_versions(Kind::Order, [(id(1), 2)]).await;
    running.stop().await;
    assert!(world.read(DEAD_LETTERS).await.is_empty());
}
