//! `query-service dead-letters` as somebody at a terminal sees it, on real servers.

use std::process::Output;

use query_service::application::ports::{DeadLetter, DeadLetters as _};
use read_model::Kind;
use serde_json::Value;
use shared_events::AggregateType;

use super::events::*;
use super::kafka::Sent;
use super::world::World;

async fn dead_letters(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_query-service"));
    command
        .env_clear()
        .arg("dead-letters")
        .args(arguments)
        .env(
            "QUERY_SERVICE__KAFKA__BOOTSTRAP_SERVERS",
            &world.kafka.bootstrap_servers,
        )
        .env("QUERY_SERVICE__KAFKA__TOPIC_PREFIX", &world.kafka.topic_prefix)
        .env("QUERY_SERVICE__SCHEMA_REGISTRY__URL", &world.registry.url)
        .env("QUERY_SERVICE__ELASTICSEARCH__URL", &world.elasticsearch.url)
        .env(
            "QUERY_SERVICE__ELASTICSEARCH__INDEX_PREFIX",
            &world.elasticsearch.index_prefix,
        )
        .env("QUERY_SERVICE__TELEMETRY__LOG", "off");
    let output = tokio::task::spawn_blocking(move || command.output());
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.expect("no panic").expect("the program starts");
    let text = String::from_utf8([stdout, stderr].concat()).expect("text");
    (status.code(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_listed_shown_replayed_and_discarded() {
    let world = World::new().await;
    // Of these, one can be read by now.
    let good = created(id(7), id(500), "Ada");
    let sent = world.sent(&good);
    let headers = sent.headers.iter();
    let readable = DeadLetter {
        topic: world.kafka.topic(AggregateType::Order.topic()),
        partition: 0,
        offset: 41,
        key: Some(sent.key.clone().into_bytes()),
        payload: sent.payload.clone(),
        headers: headers
            .map(|(name, value)| (name.clone(), Some(value.clone().into_bytes())))
            .collect(),
        kind: "unknown-event-type",
        cause: "the build of that day did not know it".to_owned(),
        projection: Some("orders".to_owned()),
    };
    world.letters().bury(readable).await.expect("it is kept");
    // The other one never.
    let running = world.start();
    let bad = Sent {
        payload: Some(b"nonsense".to_vec()),
        ..world.sent(&created(id(8), id(500), "\u{1b}[31mBob"))
    };
    world.send(AggregateType::Order, &bad).await;
    let listed = world
        .until_some("the bad record is buried", async || {
            let (status, text) = dead_letters(&world, &["list"]).await;
            assert_eq!(status, Some(0), "{text}");
            text.contains("2 dead letters").then_some(text)
        })
        .await;
    assert!(
        listed.contains("unknown-event-type") && listed.contains("not-framed"),
        "{listed}"
    );
    assert!(listed.contains("\torders\t"), "{listed}");
    let bad = listed
        .lines()
        .find(|line| line.contains("not-framed"))
        .expect("a line");
    let bad = bad.split('\t').next().expect("its place");

    let (status, shown) = dead_letters(&world, &["show", bad]).await;
    assert_eq!(status, Some(0), "{shown}");
    for part in [
        "not in the Confluent wire format",
        "ce_id",
        "6e 6f 6e 73",
        &id(8).to_string(),
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    let (status, dry) = dead_letters(&world, &["replay", "--all", "--dry-run"]).await;
    assert!(status == Some(0) && dry.contains("2 dead letters"), "{dry}");
    assert_eq!(world.document(Kind::Order, id(7)).await, Value::Null);

    let (status, replayed) = dead_letters(&world, &["replay", "--all"]).await;
    assert_eq!(status, Some(1), "{replayed}");
    assert!(replayed.contains("1 replayed, 1 stay"), "{replayed}");
    assert!(
        replayed.contains(&format!("{bad} stays: not-framed")),
        "{replayed}"
    );
    assert_eq!(world.document(Kind::Order, id(7)).await["version"], 1);
    let (_, listed) = dead_letters(&world, &["list"]).await;
    assert!(listed.contains("1 dead letters"), "{listed}");

    let (status, discarded) = dead_letters(&world, &["discard", bad]).await;
    assert!(
        status == Some(0) && discarded.contains(&format!("{bad} discarded")),
        "{discarded}"
    );
    let (_, listed) = dead_letters(&world, &["list"]).await;
    assert!(listed.contains("0 dead letters"), "{listed}");
    let (status, again) = dead_letters(&world, &["discard", bad]).await;
    assert!(
        status == Some(1) && again.contains("no open dead letter"),
        "{again}"
    );
    running.stop().await;
}
