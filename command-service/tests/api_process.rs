//! The binary as it is deployed: its set-up, its roles, its end.
#![allow(clippy::unwrap_used, reason = "tests")]

mod api_support;
mod support;

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api_support::{Client, customer};
use stack::{ServiceProcess, Signal};
use support::{TestDatabase, topics::TestTopics};

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs to its end, with nothing in the environment but what is given.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_command-service"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn environment(database: &TestDatabase, topics: &TestTopics) -> Vec<(&'static str, String)> {
    vec![
        ("COMMAND_SERVICE__DATABASE__URL", database.app_url.clone()),
        ("COMMAND_SERVICE__DATABASE__OWNER_URL", database.owner_url.clone()),
        (
            "COMMAND_SERVICE__KAFKA__BOOTSTRAP_SERVERS",
            topics.kafka.bootstrap_servers.clone().unwrap(),
        ),
        (
            "COMMAND_SERVICE__KAFKA__TOPIC_PREFIX",
            topics.kafka.topic_prefix.clone(),
        ),
        (
            "COMMAND_SERVICE__SCHEMA_REGISTRY__URL",
            topics.registry.url.clone().unwrap(),
        ),
        // Unoptimised, the password's hash alone takes long on a busy machine.
        ("COMMAND_SERVICE__DATABASE__CONNECT_TIMEOUT", "20s".to_owned()),
        ("COMMAND_SERVICE__DATABASE__ACQUIRE_TIMEOUT", "20s".to_owned()),
        ("COMMAND_SERVICE__HTTP__REQUEST_DEADLINE", "30s".to_owned()),
        ("COMMAND_SERVICE__TELEMETRY__LOG_FORMAT", "json".to_owned()),
    ]
}

#[test]
fn a_wrong_configuration_is_named_and_ends_with_78() {
    let output = run(
        &["api"],
        &[
            (
                "COMMAND_SERVICE__DATABASE__URL",
                "postgres://app:hunter2@localhost/a",
            ),
            ("COMMAND_SERVICE__HTTP__PROT", "1"),
            ("COMMAND_SERVICE__HTTP__REQUEST_DEADLINE", "soon"),
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("COMMAND_SERVICE__HTTP__PROT"), "{said}");
    assert!(said.contains("COMMAND_SERVICE__HTTP__REQUEST_DEADLINE"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_named_and_ends_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(
        &["api"],
        &[
            ("COMMAND_SERVICE__DATABASE__URL", "postgres://app@localhost/a"),
            ("COMMAND_SERVICE__HTTP__PORT", &port),
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{said}"
    );
}

#[test]
fn the_document_is_printed_without_any_configuration() {
    let output = run(&["openapi"], &[]);
    assert!(output.status.success());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["openapi"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_setup_one_process_takes_commands_and_publishes_their_events() {
    let (database, topics) = (TestDatabase::create().await, TestTopics::create().await);
    let environment = environment(&database, &topics);
    let given: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for _ in 0..2 {
        let output = run(&["setup"], &given);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    let mut service = ServiceProcess::builder("command-service")
        .envs(environment)
        .spawn()
        .unwrap();
    service.wait_ready(PATIENCE).unwrap();
    let client = Client::new(([127, 0, 0, 1], service.port()).into());
    let ready = client.call("GET", "/health/ready").await.body;
    let names: Vec<_> = ready["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["database", "kafka", "schema_registry"]);

    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let caller = format!("00-{trace}-00f067aa0ba902b7-01");
    let request = client
        .request("POST", "/v1/customers")
        .header("traceparent", &caller);
    let traced = api_support::answer(request.json(&customer())).await.id();
    let untraced = client.a_customer().await;
    let records = topics
        .read_until("ordering.customers", |records| records.len() >= 2)
        .await;
    let traceparent = |id: uuid::Uuid| {
        let record = records
            .iter()
            .find(|record| record.key == id.to_string())
            .unwrap();
        record.header("traceparent").unwrap().to_owned()
    };
    let continued = traceparent(traced);
    assert!(
        continued.starts_with(&format!("00-{trace}-")) && continued.ends_with("-01"),
        "{continued}"
    );
    assert_ne!(continued, caller, "the event's parent is this service's span");
    assert!(
        traceparent(untraced).ends_with("-00"),
        "a trace has ids though it is not recorded"
    );

    let status = service.terminate(PATIENCE).unwrap();
    assert!(status.success(), "{status}: {}", service.log_text());
}

/// Four clients stop when readiness turns, as a balancer's would, and must not notice anything. Two go on until they are
/// refused: what they were not answered must not have happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_under_load_it_cuts_no_request() {
    let (database, topics) = (TestDatabase::create().await, TestTopics::create().await);
    let mut service = ServiceProcess::builder("command-service")
        .arg("api")
        .envs(environment(&database, &topics))
        .env("COMMAND_SERVICE__SHUTDOWN__DRAIN_DELAY", "2s")
        .spawn()
        .unwrap();
    service.wait_ready(PATIENCE).unwrap();
    let address = ([127, 0, 0, 1], service.port()).into();
    let (not_ready, mut clients) = (Arc::new(AtomicBool::new(false)), tokio::task::JoinSet::new());
    for obedient in [true, true, true, true, false, false] {
        let not_ready = Arc::clone(&not_ready);
        clients.spawn(async move {
            let client = Client::new(address);
            let mut accepted = 0;
            while !(obedient && not_ready.load(Ordering::Relaxed)) {
                match client
                    .request("POST", "/v1/customers")
                    .json(&customer())
                    .send()
                    .await
                {
                    Ok(response) => {
                        assert_eq!(response.status(), 201);
                        response.bytes().await.expect("a whole answer");
                        accepted += 1;
                    }
                    // Nobody was there to read the request.
                    Err(_) if !obedient && not_ready.load(Ordering::Relaxed) => break,
                    Err(error) => panic!("cut: {error:?}"),
                }
            }
            accepted
        });
    }
    let client = Client::new(address);
    while client.call("GET", "/metrics").await.text.lines().all(|line| {
        let done = line.strip_prefix("commands_total{type=\"register-customer\",outcome=\"succeeded\"} ");
        done.and_then(|count| count.parse::<u64>().ok())
            .is_none_or(|count| count < 50)
    }) {}

    service.signal(Signal::SIGTERM).unwrap();
    while client.call("GET", "/health/ready").await.status != 503 {}
    not_ready.store(true, Ordering::Relaxed);
    let mut accepted = 0;
    while let Some(done) = clients.join_next().await {
        accepted += done.unwrap();
    }
    let status = service.wait_exit(PATIENCE).unwrap();
    assert!(status.success(), "{status}: {}", service.log_text());

    let stored: i64 = database
        .as_app()
        .await
        .query_one("SELECT count(*) FROM events", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(stored, accepted, "what was stored and what was answered differ");
}
