//! What keeps events from being changed.

use command_service::application::ports::EventStore;
use command_service::outbound::postgres::{PgEventStore, Wakes, setup};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::TestDatabase;
use crate::support::events::{append, new_customer};

const CHANGES: [&str; 4] = [
    "UPDATE events SET actor = 'somebody else'",
    "UPDATE events SET version = version WHERE false",
    "DELETE FROM events",
    "TRUNCATE events",
];

async fn refused(client: &Client, statement: &str) {
    let error = client.batch_execute(statement).await.unwrap_err();
    assert_eq!(
        error.code(),
        Some(&SqlState::INSUFFICIENT_PRIVILEGE),
        "{statement}: {error:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_events() {
    let database = TestDatabase::create().await;
    let store = PgEventStore::new(database.open(), Wakes::default());
    store.commit(append(new_customer(), 0, 3)).await.unwrap();
    let (app, owner) = (database.as_app().await, database.as_owner().await);
    for statement in CHANGES {
        refused(&app, statement).await;
        refused(&owner, statement).await;
    }
    for statement in [
        "DROP TABLE events",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "CREATE TABLE more (id int)",
    ] {
        refused(&app, statement).await;
    }
    let count: i64 = app
        .query_one("SELECT count(*) FROM events", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(count, 3);
}

/// What the service never does to a table, its role may not do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_may_do_no_more_than_it_does() {
    let database = TestDatabase::create().await;
    let store = PgEventStore::new(database.open(), Wakes::default());
    store.commit(append(new_customer(), 0, 1)).await.unwrap();
    let app = database.as_app().await;
    for statement in [
        // Outcomes are for good.
        "UPDATE commands SET actor = ''",
        "UPDATE commands SET outcome = outcome WHERE false",
        "DELETE FROM commands",
        "TRUNCATE commands",
        "UPDATE outbox SET payload = ''",
        "TRUNCATE outbox",
        // A series that begins anew would give its numbers twice.
        "INSERT INTO number_series (series, last) VALUES ('another', 0)",
        "DELETE FROM number_series",
        "TRUNCATE number_series",
        "TRUNCATE command_queue",
        "TRUNCATE idempotency_keys",
        "TRUNCATE snapshots",
        "TRUNCATE relay_leases, relays, worker_leases, workers",
        "ALTER TABLE commands DROP CONSTRAINT commands_id",
        "ALTER TABLE number_series DISABLE TRIGGER ALL",
        "DROP TABLE command_queue",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ] {
        refused(&app, statement).await;
    }
    app.batch_execute("UPDATE number_series SET last = last WHERE false")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setting_up_again_changes_nothing_and_several_at_once_agree() {
    let database = TestDatabase::create().await;
    let (first, second) = tokio::join!(setup(&database.settings), setup(&database.settings));
    first.unwrap();
    second.unwrap();
    let as_owner = command_service::outbound::postgres::PostgresSettings {
        url: Some(database.owner_url.clone().into()),
        ..database.settings.clone()
    };
    let error = setup(&as_owner)
        .await
        .expect_err("the owner is no role to work as");
    assert!(error.to_string().contains("another role"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_larger_than_the_broker_takes_is_not_appended() {
    let database = TestDatabase::create().await;
    let store = PgEventStore::new(database.open(), Wakes::default());
    let mut commit = append(new_customer(), 0, 2);
    commit.events[1].payload = vec![0; shared_events::codec::MAX_BODY_BYTES + 1];
    let stream = commit.command.stream;
    store.commit(commit).await.expect_err("it is too large");
    let stored = store.read(&[stream], None).await.unwrap();
    assert_eq!(stored[0].events, []);
}
