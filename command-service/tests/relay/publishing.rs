//! From a commit to a record.

use std::collections::BTreeMap;

use command_service::application::ports::{BUCKETS, EventStore, Outbox};
use command_service::relay::RelaySettings;
use shared_events::codec::WriterSchema;
use shared_events::{AggregateType, CustomerEvent, EventMetadata, wire};
use uuid::Uuid;

use crate::support::events::{TRACE_PARENT, append, customer_event, new_customer, some_time};
pub use crate::support::relaying::{Running, first_occurrences};
use crate::support::topics::TestTopics;
use crate::support::{TestDatabase, unique_id};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_in_order_framed_and_with_their_headers() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let customers: Vec<_> = (0..20).map(|_| new_customer()).collect();
    let mut commands = BTreeMap::new();
    for version in [0, 2, 4] {
        for customer in &customers {
            let commit = append(*customer, version, 2);
            for (event, version) in commit.events.iter().zip(version + 1..) {
                commands.insert((customer.id, version), (event.event_id, commit.command.clone()));
            }
            running.store.commit(commit).await.unwrap();
        }
    }
    let records = topics
        .read_until("ordering.customers", |records| records.len() >= 120)
        .await;
    running.drained().await;
    running.stop().await;

    assert_eq!(records.len(), 120, "nothing twice when nothing fails");
    let versions = first_occurrences(&records);
    assert_eq!(versions.len(), 20);
    assert!(
        versions.values().all(|versions| *versions == [1, 2, 3, 4, 5, 6]),
        "{versions:?}"
    );
    for record in &records {
        let id: Uuid = record.key.parse().unwrap();
        let metadata = EventMetadata::from_headers(AggregateType::Customer, |name| {
            record.header(name).map(str::as_bytes)
        })
        .unwrap();
        let (event_id, command) = &commands[&(id, record.version())];
        let expected = EventMetadata {
            event_id: *event_id,
            event_type: customer_event(id, record.version()).event_type().to_owned(),
            aggregate: AggregateType::Customer,
            aggregate_id: id,
            version: record.version(),
            occurred_at: some_time(),
            actor: "anonymous".to_owned(),
            command_id: command.command_id,
            causation_id: command.causation_id,
            correlation_id: command.correlation_id,
            traceparent: Some(TRACE_PARENT.to_owned()),
        };
        assert_eq!(metadata, expected);
        assert_eq!(record.header("ce_specversion"), Some("1.0"));
        let (schema_id, body) = wire::unframe(&record.value).unwrap();
        assert!(schema_id > 0);
        let schema = WriterSchema::of_type(&metadata.event_type).unwrap();
        assert_eq!(
            CustomerEvent::decode(schema, body).unwrap(),
            customer_event(id, record.version())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_commits_late_with_a_lower_id_is_published() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    // Takes an id and stays open, in the bucket of a customer whose next commits overtake it.
    let overtaking = new_customer();
    running.store.commit(append(overtaking, 0, 1)).await.unwrap();
    running.drained().await;
    let mut owner = database.as_owner().await;
    let late = owner.transaction().await.unwrap();
    late.execute(
        "INSERT INTO outbox (bucket, topic, aggregate, stream_id, version, event_id, event_type, payload, actor, \
         command_id, causation_id, correlation_id, occurred_at) \
         SELECT $1::int2, 'ordering.customers', 'customer', gen_random_uuid(), 1, gen_random_uuid(), \
         'ordering.customers.CustomerRenamedV1', ''::bytea, 'late', gen_random_uuid(), gen_random_uuid(), \
         gen_random_uuid(), now()",
        &[&i16::try_from(command_service::outbound::bucket::bucket_of(overtaking.id)).unwrap()],
    )
    .await
    .unwrap();
    running.store.commit(append(overtaking, 1, 3)).await.unwrap();
    topics
        .read_until("ordering.customers", |records| records.len() >= 4)
        .await;
    late.commit().await.unwrap();
    let records = topics
        .read_until("ordering.customers", |records| {
            records.len() >= 5
                && records
                    .iter()
                    .any(|record| record.header("ce_actor") == Some("late"))
        })
        .await;
    running.drained().await;
    running.stop().await;
    assert_eq!(
        first_occurrences(&records)[&overtaking.id.to_string()],
        [1, 2, 3, 4]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_wait_for_their_schema_and_are_never_lost() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::without_schemas().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let customer = new_customer();
    running.store.commit(append(customer, 0, 3)).await.unwrap();
    let waits = async {
        while running
            .outbox
            .pending(&(0..16).collect::<Vec<_>>(), 10)
            .await
            .unwrap()
            .len()
            < 3
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), waits)
        .await
        .unwrap();
    topics.register_schemas().await;
    let records = topics
        .read_until("ordering.customers", |records| records.len() >= 3)
        .await;
    running.drained().await;
    running.stop().await;
    assert_eq!(first_occurrences(&records)[&customer.id.to_string()], [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_that_comes_after_the_plans_were_made_is_drained_all_the_same() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    for _ in 0..30 {
        running.store.commit(append(new_customer(), 0, 1)).await.unwrap();
    }
    running.drained().await;
    fill_outbox(&database, 30_000).await;
    running.drained().await;
    running.stop().await;
}

/// Puts rows into all buckets as many commits would.
pub async fn fill_outbox(database: &TestDatabase, rows: i64) {
    let payload = customer_event(unique_id(), 1).encode().unwrap();
    let filled = "INSERT INTO outbox (bucket, topic, aggregate, stream_id, version, event_id, event_type, payload, actor, \
         command_id, causation_id, correlation_id, occurred_at, traceparent) \
         SELECT n % $1::int, 'ordering.customers', 'customer', gen_random_uuid(), 1, gen_random_uuid(), \
         'ordering.customers.CustomerRegisteredV2', $2, 'anonymous', gen_random_uuid(), gen_random_uuid(), \
         gen_random_uuid(), now(), '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' \
         FROM generate_series(1, $3::int8) n";
    let owner = database.as_owner().await;
    owner
        .execute(filled, &[&i32::from(BUCKETS), &payload, &rows])
        .await
        .unwrap();
}
