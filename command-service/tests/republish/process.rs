//! The commands as an operator runs them.

use std::process::{Command, Output};

use command_service::application::ports::EventStore;
use command_service::relay::RelaySettings;

use crate::CUSTOMERS;
use crate::support::TestDatabase;
use crate::support::events::{append, new_customer};
use crate::support::relaying::Running;
use crate::support::topics::TestTopics;

async fn run(database: &TestDatabase, topics: &TestTopics, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command-service"));
    command
        .args(arguments)
        .env_clear()
        .env("COMMAND_SERVICE__DATABASE__URL", &database.app_url)
        .env("COMMAND_SERVICE__DATABASE__CONNECT_TIMEOUT", "20s")
        .env("COMMAND_SERVICE__DATABASE__ACQUIRE_TIMEOUT", "20s")
        .env(
            "COMMAND_SERVICE__KAFKA__BOOTSTRAP_SERVERS",
            topics.kafka.bootstrap_servers.as_ref().unwrap(),
        )
        .env("COMMAND_SERVICE__KAFKA__TOPIC_PREFIX", &topics.kafka.topic_prefix)
        .env(
            "COMMAND_SERVICE__SCHEMA_REGISTRY__URL",
            topics.registry.url.as_ref().unwrap(),
        );
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_say_what_they_did_and_end_accordingly() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let customer = new_customer();
    running.store.commit(append(customer, 0, 3)).await.unwrap();
    running.drained().await;

    let dry = run(&database, &topics, &["republish", "--all", "--dry-run"]).await;
    assert_eq!(dry.status.code(), Some(0), "{}", said(&dry));
    assert!(
        said(&dry).contains("would send 1 streams of customer"),
        "{}",
        said(&dry)
    );
    let one = run(
        &database,
        &topics,
        &["republish", "--stream", &format!("customer:{}", customer.id)],
    )
    .await;
    assert_eq!(one.status.code(), Some(0), "{}", said(&one));
    assert!(
        said(&one).contains("sent 1 streams with 3 events"),
        "{}",
        said(&one)
    );
    let absent = format!("order:{}", customer.id);
    let absent = run(&database, &topics, &["republish", "--stream", &absent]).await;
    assert_eq!(absent.status.code(), Some(1), "{}", said(&absent));
    let resumed = run(&database, &topics, &["republish", "--all", "--resume"]).await;
    assert_eq!(resumed.status.code(), Some(1), "{}", said(&resumed));
    let all = run(
        &database,
        &topics,
        &["republish", "--aggregate", "customer", "--rate", "100"],
    )
    .await;
    assert_eq!(all.status.code(), Some(0), "{}", said(&all));
    assert!(
        said(&all).contains("1 streams with 3 events sent again, 16 of 16"),
        "{}",
        said(&all)
    );
    let records = topics.read_until(CUSTOMERS, |records| records.len() >= 9).await;
    assert_eq!(records.len(), 9);
    running.stop().await;

    let sound = run(&database, &topics, &["verify", "--json"]).await;
    assert_eq!(sound.status.code(), Some(0), "{}", said(&sound));
    let report: serde_json::Value = serde_json::from_slice(&sound.stdout).unwrap();
    assert_eq!(report["checked"]["events"], 3);
    assert_eq!(report["findings"], serde_json::json!([]));
    let owner = database.as_owner().await;
    owner
        .batch_execute("UPDATE number_series SET last = 1 WHERE series = 'invoice'")
        .await
        .unwrap();
    let damaged = run(&database, &topics, &["verify"]).await;
    assert_eq!(damaged.status.code(), Some(1), "{}", said(&damaged));
    assert!(
        said(&damaged).contains("1 × number_missing"),
        "{}",
        said(&damaged)
    );

    topics.lose().await;
    let lost = run(
        &database,
        &topics,
        &["republish", "--stream", &format!("customer:{}", customer.id)],
    )
    .await;
    assert_eq!(lost.status.code(), Some(1), "{}", said(&lost));
    assert!(said(&lost).contains("republish --all"), "{}", said(&lost));
}
