//! The HTTP contract on a real event store, each test with a database of its own.
#![allow(clippy::unwrap_used, reason = "tests")]

mod api_support;
mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use api_support::{Client, customer, with};
use command_service::bootstrap::{Running, start};
use command_service::outbound::postgres::PostgresSettings;
use command_service::settings::{Role, Settings, ShutdownSettings};
use futures_util::future::join_all;
use serde_json::json;
use support::TestDatabase;
use uuid::Uuid;

struct Api {
    client: Client,
    running: Running,
}

impl std::ops::Deref for Api {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

async fn an_api_on(database: &PostgresSettings) -> Api {
    let mut settings = Settings {
        database: PostgresSettings {
            // Unoptimised, the password's hash alone takes long on a busy machine.
            connect_timeout: Duration::from_secs(20),
            acquire_timeout: Duration::from_secs(20),
            ..database.clone()
        },
        shutdown: ShutdownSettings {
            drain_delay: Duration::ZERO,
            ..ShutdownSettings::default()
        },
        ..Settings::default()
    };
    settings.http.port = 0;
    settings.http.request_deadline = Duration::from_secs(30);
    let running = start(Role::Api, &settings).await.unwrap();
    Api {
        client: Client::new(running.address),
        running,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_answered_once_its_events_stand() {
    let database = TestDatabase::create().await;
    let api = an_api_on(&database.settings).await;
    let product = api.a_product().await;
    let order = api.a_draft(product).await;
    api.call("POST", &format!("/v1/orders/{order}/submit"))
        .await
        .is_command_answer(200, 3);

    let rows = database
        .as_app()
        .await
        .query(
            "SELECT event_type, actor FROM events WHERE aggregate = 'order' AND stream_id = $1 ORDER BY version",
            &[&order],
        )
        .await
        .unwrap();
    let types: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let expected = ["OrderCreatedV1", "OrderItemAddedV1", "OrderSubmittedV1"];
    assert_eq!(types, expected.map(|name| format!("ordering.orders.{name}")));
    assert!(rows.iter().all(|row| row.get::<_, &str>(1) == "anonymous"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_command_leaves_its_record_and_no_event() {
    let database = TestDatabase::create().await;
    let api = an_api_on(&database.settings).await;
    let order = api.a_submitted_order(api.a_product().await).await;
    let refused = api.call("POST", &format!("/v1/orders/{order}/submit")).await;
    refused.is_problem(409, "not-a-draft");

    let command: Uuid = refused.header("correlation-id").parse().unwrap();
    let app = database.as_app().await;
    let count = async |table: &str| -> i64 {
        let query = format!("SELECT count(*) FROM {table} WHERE command_id = $1");
        app.query_one(&query, &[&command]).await.unwrap().get(0)
    };
    assert_eq!((count("commands").await, count("events").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_choose_the_id_once() {
    let database = TestDatabase::create().await;
    let api = an_api_on(&database.settings).await;
    let body = with(customer(), "/customer_id", json!(Uuid::from_u128(7)));
    let answers = join_all((0..8).map(|_| api.send("POST", "/v1/customers", &body))).await;
    let (created, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(created.len(), 1);
    for answer in refused {
        answer.is_problem(409, "already-exists");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rivals_for_one_order_all_come_through_at_versions_of_their_own() {
    let database = TestDatabase::create().await;
    let api = an_api_on(&database.settings).await;
    let product = api.a_product().await;
    let order = api.a_draft(product).await;
    let (path, item) = (
        format!("/v1/orders/{order}/items"),
        json!({"product_id": product, "quantity": 1}),
    );
    let answers = join_all((0..12).map(|_| api.send("POST", &path, &item))).await;
    let mut versions = BTreeSet::new();
    for answer in &answers {
        match answer.status.as_u16() {
            200 => assert!(versions.insert(answer.body["version"].as_u64().unwrap())),
            _ => answer.is_problem(409, "version-conflict"),
        }
    }
    let expected: BTreeSet<u64> = (3..3 + versions.len() as u64).collect();
    assert_eq!(versions, expected);
    assert!(!versions.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_the_process_lives_and_says_so() {
    let nobody = closed_port();
    let settings = PostgresSettings {
        url: Some(format!("postgres://app:secret@{nobody}/none").into()),
        ..PostgresSettings::default()
    };
    let api = an_api_on(&settings).await;
    let refused = api.send("POST", "/v1/customers", &customer()).await;
    refused.is_problem(503, "unavailable");
    assert!(!refused.text.contains("secret"));
    assert_eq!(api.call("GET", "/health/live").await.status, 200);
    let ready = api.call("GET", "/health/ready").await;
    assert_eq!(ready.status, 503);
    let dependencies = ready.body["dependencies"].as_array().unwrap();
    assert_eq!(
        dependencies.len(),
        1,
        "the api needs its database and nothing else"
    );
    assert_eq!(dependencies[0]["status"], "down");
    assert!(api.call("GET", "/healthcheck").await.text.contains("down"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_lets_go_of_its_port_and_its_connections() {
    let database = TestDatabase::create().await;
    let mut api = an_api_on(&database.settings).await;
    api.a_customer().await;
    assert_eq!(api.call("GET", "/health/ready").await.status, 200);
    api.running.stop().await.unwrap();
    let again = tokio::net::TcpStream::connect(api.client.address).await;
    assert!(again.is_err(), "it still listens");
}

/// An address where nothing listens.
fn closed_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A relay that is elsewhere, or stopped, shows in the figures of a process that only takes commands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backlog_is_told_without_a_relay() {
    let database = TestDatabase::create().await;
    let api = an_api_on(&database.settings).await;
    api.a_customer().await;
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let metrics = api.call("GET", "/metrics").await.text;
        if metrics.lines().any(|line| line == "outbox_depth 1") {
            break;
        }
        assert!(Instant::now() < deadline, "{metrics}");
    }
    let page = api.call("GET", "/healthcheck").await.text;
    assert!(page.contains("1 unpublished"), "{page}");
    assert!(page.contains("neither relays nor works"), "{page}");
}
