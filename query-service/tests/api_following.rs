//! What a replica keeps and tells by what it hears: its cache, its pushes, its figures; over the adapters in memory.

// Outside the test functions too.
#![allow(clippy::expect_used)]

mod support;

use std::time::Duration;

use query_service::application::following::FeedEvent;
use query_service::application::freshness::lag::Look;
use query_service::application::ports::{Change, OrderSummary};
use query_service::outbound::memory::reading::MemoryReader;
use read_model::{Kind, OrderDocument};
use reqwest::Method;
use rstest::rstest;
use shared_events::AggregateType;
use support::Fixture as _;
use support::api::{Answer, Api};
use support::events::Events;
use support::following::REMEMBERED;
use support::memory::Memory;
use support::mothers::{an_order, id};

async fn an_api() -> (Memory, Api<MemoryReader>) {
    let memory = Memory::new().await;
    let api = Api::over(memory.reader());
    (memory, api)
}

/// As the projector tells it.
fn told(order: &OrderDocument) -> Change {
    Change {
        aggregate: AggregateType::Order,
        id: order.id,
        version: order.version,
        order: Some(OrderSummary::from(order)),
    }
}

fn at(n: u128, version: u64) -> OrderDocument {
    OrderDocument {
        version,
        ..an_order(n)
    }
}

#[tokio::test]
async fn a_detail_is_kept_until_its_order_changes_and_a_token_is_never_answered_with_less() {
    let (memory, api) = an_api().await;
    let path = format!("/v1/orders/{}", id(1));
    memory.put(&at(1, 1)).await;
    assert_eq!(api.get(&path).await.ok()["version"], 1);
    memory.put(&at(1, 2)).await;
    // Nobody told it yet.
    assert_eq!(api.get(&path).await.ok()["version"], 1);
    let with_token = api.get_with_token(&path, &format!("order:{}:2", id(1)), 0).await;
    assert_eq!(with_token.ok()["version"], 2);
    assert_eq!(with_token.header("projected-version"), "2");
    // And nobody sees less from then on.
    assert_eq!(api.get(&path).await.ok()["version"], 2);
    memory.put(&at(1, 3)).await;
    api.announce(&told(&at(1, 3)));
    assert_eq!(api.get(&path).await.ok()["version"], 3);
    api.stop().await;
}

#[tokio::test]
async fn a_customers_token_is_not_answered_with_the_name_of_before() {
    let (memory, api) = an_api().await;
    let path = format!("/v1/orders/{}", id(1));
    memory.put(&an_order(1)).await;
    assert_eq!(api.get(&path).await.ok()["customer_name"], "Ada Lovelace");
    memory
        .put(&OrderDocument {
            customer_name: "Ada King".to_owned(),
            customer_version: 2,
            ..an_order(1)
        })
        .await;
    memory.propagate(Kind::Customer, id(900_001), 2).await;
    let token = format!("customer:{}:2", id(900_001));
    let answer = api.get_with_token(&path, &token, 1).await;
    assert_eq!(answer.ok()["customer_name"], "Ada King");
    assert_eq!(api.get(&path).await.ok()["customer_name"], "Ada King");
    api.stop().await;
}

#[tokio::test]
async fn while_the_store_is_away_an_answer_from_memory_says_how_old_it_is() {
    let (memory, api) = an_api().await;
    let path = format!("/v1/orders/{}", id(1));
    memory.put(&an_order(1)).await;
    let fresh = api.get(&path).await;
    assert_eq!((fresh.status.as_u16(), fresh.header("age")), (200, ""));
    memory.0.set_unavailable(true);
    api.following.followers.on(FeedEvent::Up(false));
    let mut old = api.get(&path).await;
    for _ in 0..100 {
        if !old.header("age").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        old = api.get(&path).await;
    }
    assert_eq!(old.ok()["version"], 1);
    assert!(old.header("age").parse::<u64>().expect("seconds") >= 1);
    let refused = api.get_with_token(&path, &format!("order:{}:2", id(1)), 0).await;
    refused.problem(503, "unavailable");
    api.stop().await;
}

#[tokio::test]
async fn an_answer_says_how_far_what_it_was_read_from_is_behind() {
    let (memory, api) = an_api().await;
    memory.put(&an_order(1)).await;
    let path = format!("/v1/orders/{}", id(1));
    assert_eq!(api.get(&path).await.header("projection-lag"), "");
    let now = tokio::time::Instant::now();
    let look = |behind_since| Look {
        at: now,
        behind_since,
    };
    api.following
        .lags
        .record(Kind::Order, look(Some(now - Duration::from_secs(7))));
    for path in [path.as_str(), "/v1/orders", "/v1/orders/search?q=ada"] {
        let answer = api.get(path).await;
        let lag: f64 = answer.header("projection-lag").parse().expect("seconds");
        assert!((7.0..20.0).contains(&lag), "{path}: {lag}");
    }
    let etag = api.get(&path).await.header("etag").to_owned();
    let unchanged = Answer::of(api.request(Method::GET, &path).header("If-None-Match", etag)).await;
    assert_eq!(unchanged.status.as_u16(), 304);
    assert!(!unchanged.header("projection-lag").is_empty());
    api.stop().await;
}

#[tokio::test]
async fn changes_are_pushed_as_summaries_and_resumed_by_their_id() {
    let (_, api) = an_api().await;
    let mut events = Events::open(&api, "/v1/orders/changes", None)
        .await
        .opened()
        .await;
    api.announce(&told(&at(1, 1)));
    api.announce(&told(&at(2, 1)));
    let (event, data) = events.next().await.expect("it goes on");
    assert_eq!(event, "order-changed");
    let mut shown: Vec<&String> = data.as_object().expect("an object").keys().collect();
    shown.sort_unstable();
    let fields = [
        "created_at",
        "customer_id",
        "customer_name",
        "id",
        "item_count",
        "status",
        "total",
        "updated_at",
        "version",
    ];
    assert_eq!(shown, fields);
    assert_eq!(data["id"], id(1).to_string());
    let first = events.last_id.clone();
    assert_eq!(
        events.next().await.expect("it goes on").1["id"],
        id(2).to_string()
    );
    drop(events);
    let mut resumed = Events::open(&api, "/v1/orders/changes", Some(&first)).await;
    assert_eq!(
        resumed.next().await.expect("it goes on").1["id"],
        id(2).to_string()
    );
    api.announce(&told(&at(3, 1)));
    assert_eq!(
        resumed.next().await.expect("it goes on").1["id"],
        id(3).to_string()
    );
    api.stop().await;
}

#[tokio::test]
async fn of_one_order_nothing_else_is_told_and_the_topic_makes_up_for_what_is_forgotten() {
    let (_, api) = an_api().await;
    let path = format!("/v1/orders/{}/changes", id(1));
    for n in 0..3 * REMEMBERED as u64 {
        api.announce(&told(&at(2, n + 1)));
        if n % 100 == 0 {
            api.announce(&told(&at(1, n / 100 + 1)));
        }
    }
    let mut events = Events::open(&api, &path, Some("0:0")).await;
    for version in 1..=3 {
        let (_, data) = events.next().await.expect("it goes on");
        assert_eq!(
            (&data["id"], &data["version"]),
            (&id(1).to_string().into(), &version.into())
        );
    }
    api.announce(&told(&at(1, 4)));
    assert_eq!(events.next().await.expect("it goes on").1["version"], 4);
    api.stop().await;
}

#[rstest]
#[case::not_an_id("nonsense")]
#[case::a_number("17")]
#[case::twice("0:1,0:2")]
#[tokio::test]
async fn an_id_that_was_not_given_out_is_a_400(#[case] last_id: &str) {
    let (_, api) = an_api().await;
    let request = api.request(Method::GET, "/v1/orders/changes");
    let problem = Answer::of(request.header("Last-Event-ID", last_id)).await;
    let problem = problem.problem(400, "malformed-header");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|text| text.contains("Last-Event-ID"))
    );
    api.stop().await;
}

#[tokio::test]
async fn what_cannot_be_pushed_says_why() {
    let (_, api) = an_api().await;
    for version in 1..=2 * REMEMBERED as u64 {
        api.announce(&told(&at(1, version)));
    }
    api.following.topic.forget_below(50);
    let ask = |path: &str, id: &str| Answer::of(api.request(Method::GET, path).header("Last-Event-ID", id));
    for gone in ["0:49", "0:1000000"] {
        ask("/v1/orders/changes", gone)
            .await
            .problem(410, "resume-point-gone");
    }
    api.get("/v1/orders/changes?limit=3")
        .await
        .problem(400, "invalid-parameter");
    api.get("/v1/orders/x/changes").await.problem(400, "malformed-id");
    let post = Answer::of(api.request(Method::POST, "/v1/orders/changes")).await;
    post.problem(405, "method-not-allowed");
    let clients = [
        Events::open(&api, "/v1/orders/changes", None).await,
        Events::open(&api, "/v1/orders/changes", None).await,
    ];
    api.get("/v1/orders/changes").await.problem(503, "overloaded");
    drop(clients);
    api.stop().await;
}

#[tokio::test]
async fn a_service_that_stops_ends_its_streams() {
    let (_, api) = an_api().await;
    let mut events = Events::open(&api, "/v1/orders/changes", None)
        .await
        .opened()
        .await;
    let (ended, ()) = tokio::join!(events.next(), api.stop());
    assert_eq!(ended, None);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_finds_everything_when_it_resumes() {
    let (_, api) = an_api().await;
    let mut events = Events::open(&api, "/v1/orders/changes", None)
        .await
        .opened()
        .await;
    // More than the sockets between the two take, and than is remembered.
    let order = OrderDocument {
        customer_name: "x".repeat(100_000),
        ..an_order(1)
    };
    let all = 5 * REMEMBERED as u64;
    for version in 1..=all {
        api.announce(&told(&OrderDocument {
            version,
            ..order.clone()
        }));
        tokio::task::yield_now().await;
    }
    let mut seen = Vec::new();
    let mut cuts = 0;
    while seen.len() < usize::try_from(all).expect("small") {
        match events.next().await {
            Some((_, data)) => seen.push(data["version"].as_u64().expect("a version")),
            None => {
                cuts += 1;
                let last_id = events.last_id.clone();
                events = Events::open(&api, "/v1/orders/changes", Some(&last_id)).await;
            }
        }
    }
    assert!(cuts > 0, "it was not cut");
    assert_eq!(seen, (1..=all).collect::<Vec<_>>());
    drop(events);
    api.stop().await;
}
