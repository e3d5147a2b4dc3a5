//! Each kind of finding, planted and found.

use command_service::application::ports::{EventStore, StreamId};
use command_service::outbound::postgres::{PgEventStore, Wakes};
use command_service::verification::{Finding, Kind};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::stories::{Story, invoice_of};
use crate::support::events::{append, new_customer};
use crate::support::{TestDatabase, unique_id};
use crate::verified;

/// Streams with every kind of event that a sound store may have, long ones too.
async fn healthy() -> TestDatabase {
    let database = TestDatabase::create().await;
    let store = PgEventStore::new(database.open(), Wakes::default());
    for events in [1, 2, 64, 65, 1100] {
        store.commit(append(new_customer(), 0, events)).await.unwrap();
    }
    let mut paid = Story::submitted(&database).await;
    paid.invoiced().await;
    paid.paid().await;
    paid.confirmed().await;
    let mut cancelled = Story::submitted(&database).await;
    cancelled.invoiced().await;
    cancelled.cancelled().await;
    cancelled.credited().await;
    database
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_store_has_no_findings_and_everything_is_counted() {
    let database = healthy().await;
    let report = verified(&database).await;
    assert_eq!(report.findings, []);
    assert!(!report.stopped);
    // Customers; orders, what invoicing and delivery were told, invoices.
    assert_eq!(report.streams, 5 + 2 + 2 + 1 + 2);
    assert_eq!(report.events, 1232 + (4 + 4) + (1 + 2) + 1 + (3 + 2));
    assert_eq!(report.outbox_rows, report.events);
    assert_eq!(report.numbers, 3);
    assert!(report.commands > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_store_has_no_findings() {
    let database = TestDatabase::create().await;
    let report = verified(&database).await;
    assert_eq!((report.findings.len(), report.streams, report.events), (0, 0, 0));
}

/// A sound store to which one thing after the other is done.
struct Planting {
    database: TestDatabase,
    owner: Client,
    store: PgEventStore,
    known: Vec<Finding>,
}

impl Planting {
    async fn begin() -> Self {
        let database = healthy().await;
        let owner = database.as_owner().await;
        owner
            .batch_execute("ALTER TABLE events DISABLE TRIGGER ALL")
            .await
            .unwrap();
        let store = PgEventStore::new(database.open(), Wakes::default());
        Self {
            database,
            owner,
            store,
            known: vec![],
        }
    }

    async fn customer(&self) -> Uuid {
        let customer: StreamId = new_customer();
        self.store.commit(append(customer, 0, 3)).await.unwrap();
        customer.id
    }

    async fn run(&self, sql: &str, id: Uuid) {
        let changed = self.owner.execute(sql, &[&id]).await.unwrap();
        assert!(changed > 0, "{sql}");
    }

    /// What is new since it was last asked, and nothing else, is this.
    async fn finds(&mut self, kind: Kind, stream: Option<Uuid>, version: Option<i64>) {
        let found = verified(&self.database).await.findings;
        let new: Vec<&Finding> = found
            .iter()
            .filter(|finding| !self.known.contains(finding))
            .collect();
        let told: Vec<_> = new
            .iter()
            .map(|finding| (finding.kind, finding.stream, finding.version))
            .collect();
        assert_eq!(told, [(kind, stream, version)], "{new:?}");
        assert!(!new[0].explanation.is_empty());
        self.known = found;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_events_commands_and_rows_is_found() {
    let mut planting = Planting::begin().await;
    let id = planting.customer().await;
    planting
        .run("DELETE FROM outbox WHERE stream_id = $1 AND version = 2", id)
        .await;
    planting
        .run("DELETE FROM events WHERE stream_id = $1 AND version = 2", id)
        .await;
    planting.finds(Kind::VersionGap, Some(id), Some(2)).await;

    let id = planting.customer().await;
    planting
        .run(
            "UPDATE events SET payload = '\\x00' WHERE stream_id = $1 AND version = 3",
            id,
        )
        .await;
    planting.finds(Kind::DoesNotFold, Some(id), Some(3)).await;

    let id = planting.customer().await;
    planting
        .run(
            "UPDATE events SET command_id = gen_random_uuid() WHERE stream_id = $1 AND version = 1",
            id,
        )
        .await;
    planting.finds(Kind::CommandMissing, Some(id), Some(1)).await;

    let refused = unique_id();
    planting
        .run(
            "INSERT INTO commands (command_id, command_type, aggregate, stream_id, actor, received_at, body, causation_id, \
             correlation_id, outcome, refusal_kind, refusal_detail) SELECT $1, 'x', 'customer', $1, 'x', now(), '{}', $1, $1, \
             'refused', 'x', 'x'",
            refused,
        )
        .await;
    let id = planting.customer().await;
    planting
        .owner
        .execute(
            "UPDATE events SET command_id = $2 WHERE stream_id = $1 AND version = 2",
            &[&id, &refused],
        )
        .await
        .unwrap();
    planting.finds(Kind::CommandNotSucceeded, Some(id), Some(2)).await;

    let id = planting.customer().await;
    planting
        .run(
            "UPDATE outbox SET created_at = now() - interval '2 minutes' WHERE stream_id = $1 AND version = 1",
            id,
        )
        .await;
    planting.finds(Kind::OutboxOld, Some(id), Some(1)).await;

    let id = planting.customer().await;
    planting
        .run(
            "UPDATE outbox SET version = 4 WHERE stream_id = $1 AND version = 3",
            id,
        )
        .await;
    planting.finds(Kind::OutboxWithoutEvent, Some(id), Some(4)).await;

    let id = unique_id();
    planting
        .run(
            "INSERT INTO command_queue (bucket, command_id, command_type, aggregate, stream_id, actor, received_at, body, \
             causation_id, correlation_id, queued_at) SELECT 0, $1, 'x', 'order', $1, 'x', now(), '{}', $1, $1, \
             now() - interval '2 minutes'",
            id,
        )
        .await;
    planting.finds(Kind::QueueOld, Some(id), None).await;

    planting
        .run(
            "INSERT INTO idempotency_keys (actor, key, request_hash, command_id, deferred) SELECT 'x', 'k', '', $1, false",
            unique_id(),
        )
        .await;
    planting.finds(Kind::KeyWithoutCommand, None, None).await;

    let id = planting.customer().await;
    planting.run("DELETE FROM outbox WHERE stream_id = $1", id).await;
    planting
        .run(
            "UPDATE events SET aggregate = 'basket' WHERE stream_id = $1 AND version = 3",
            id,
        )
        .await;
    planting.finds(Kind::UnknownAggregate, Some(id), Some(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_orders_call_for_and_is_not_there_is_found() {
    let mut planting = Planting::begin().await;
    let story = Story::submitted(&planting.database).await;
    planting
        .finds(Kind::InvoiceMissing, Some(story.order), None)
        .await;

    let story = Story::submitted_untold(&planting.database).await;
    story.invoiced().await;
    planting.finds(Kind::ToldMismatch, Some(story.order), None).await;

    let mut story = Story::submitted(&planting.database).await;
    story.invoiced().await;
    story.cancelled().await;
    let invoice = invoice_of(story.order);
    planting.finds(Kind::CreditNoteMissing, Some(invoice), None).await;

    let story = Story::submitted(&planting.database).await;
    story.invoiced().await;
    story.paid().await;
    planting
        .finds(Kind::ConfirmationMissing, Some(story.order), None)
        .await;

    let story = Story::submitted(&planting.database).await;
    story.invoiced().await;
    let second = unique_id();
    story.invoiced_as(second).await;
    planting.finds(Kind::InvoiceIdForeign, Some(second), None).await;

    let story = Story::begin(&planting.database);
    story.invoiced().await;
    planting
        .finds(Kind::OrderUnfit, Some(invoice_of(story.order)), None)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_numbers_is_found() {
    let mut planting = Planting::begin().await;
    let first = Story::submitted(&planting.database).await;
    first.invoiced_under(1).await;
    let found = verified(&planting.database).await.findings;
    let twice: Vec<_> = found.iter().map(|finding| finding.kind).collect();
    assert_eq!(twice, [Kind::NumberTwice]);
    planting.known = found;

    let beyond = Story::submitted(&planting.database).await;
    beyond.invoiced_under(999).await;
    planting
        .finds(Kind::NumberBeyondLast, Some(invoice_of(beyond.order)), Some(1))
        .await;

    planting
        .owner
        .execute(
            "UPDATE number_series SET last = last + 1 WHERE series = 'credit_note'",
            &[],
        )
        .await
        .unwrap();
    planting.finds(Kind::NumberMissing, None, None).await;
}
