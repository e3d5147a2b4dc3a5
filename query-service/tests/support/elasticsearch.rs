use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use query_service::application::ports::{
    DocumentStore as _, DocumentWrite, Generation, Generations as _, WriteOutcome,
};
use query_service::outbound::elasticsearch::orders::ElasticsearchOrders;
use query_service::outbound::elasticsearch::{
    ElasticsearchDocuments, ElasticsearchGenerations, ElasticsearchSettings, connect,
};
use read_model::{Kind, OrderDocument};
use serde_json::{Value, json};
use shared_events::AggregateType;
use uuid::Uuid;

use super::{Fixture, indices};

/// A real Elasticsearch, with indices of this fixture's own that go with it.
pub struct Elasticsearch {
    pub settings: ElasticsearchSettings,
    orders: Arc<ElasticsearchOrders>,
    generations: ElasticsearchGenerations,
}

impl Elasticsearch {
    /// Where queries and projectors find this fixture's indices.
    pub fn settings() -> ElasticsearchSettings {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let servers = stack::for_tests().expect("the servers for tests run or can be started");
        let begun = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_millis();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        ElasticsearchSettings {
            url: servers.elasticsearch,
            index_prefix: format!("t{begun}-{}-{number}-", std::process::id()),
            ..ElasticsearchSettings::default()
        }
    }

    fn documents(&self, kind: Kind) -> ElasticsearchDocuments {
        self.generations.store(Generation {
            kind,
            mapping: self.generations.mapping(kind),
            number: 1,
        })
    }

    async fn write(&self, kind: Kind, id: Uuid, body: Value) {
        let documents = self.documents(kind);
        let known = documents.load(&[id]).await.expect("Elasticsearch answers");
        let write = DocumentWrite {
            id,
            expected: known[0].as_ref().map(|stored| stored.revision),
            body: body.to_string(),
        };
        let outcomes = documents.write(vec![write]).await.expect("Elasticsearch answers");
        assert!(matches!(outcomes[..], [WriteOutcome::Written(_)]), "{outcomes:?}");
    }
}

impl Fixture for Elasticsearch {
    type Reader = ElasticsearchOrders;

    async fn new() -> Self {
        let settings = tokio::task::spawn_blocking(Self::settings)
            .await
            .expect("no panic");
        let generations = indices::make(&settings, &Kind::AGGREGATES).await;
        let client = generations.client().clone();
        Self {
            orders: Arc::new(ElasticsearchOrders::new(client, &settings.index_prefix)),
            generations,
            settings,
        }
    }

    fn reader(&self) -> Arc<ElasticsearchOrders> {
        self.orders.clone()
    }

    async fn put(&self, order: &OrderDocument) {
        self.write(Kind::Order, order.id, body_of(order)).await;
    }

    async fn refresh(&self) {
        let refreshed = self.documents(Kind::Order).refresh().await;
        refreshed.expect("Elasticsearch answers");
    }

    async fn propagate(&self, aggregate: AggregateType, id: Uuid, version: u64) {
        let body = json!({"id": id, "version": version + 1, "name": "x", "name_version": version,
            "propagated_version": version});
        self.write(Kind::of(aggregate).expect("it is projected"), id, body)
            .await;
    }

    async fn put_all(&self, orders: &[OrderDocument]) {
        let writes = orders.iter().map(|order| DocumentWrite {
            id: order.id,
            expected: None,
            body: body_of(order).to_string(),
        });
        let outcomes = self
            .documents(Kind::Order)
            .write(writes.collect())
            .await
            .expect("Elasticsearch answers");
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, WriteOutcome::Written(_))),
            "{outcomes:?}"
        );
        self.refresh().await;
    }
}

impl Drop for Elasticsearch {
    fn drop(&mut self) {
        let settings = self.settings.clone();
        // On a runtime of its own: the test's may be the one that is going.
        let deleted = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let client = connect(&settings)?;
            runtime.block_on(indices::delete(&client, &settings))?;
            anyhow::Ok(())
        });
        if !matches!(deleted.join(), Ok(Ok(()))) {
            eprintln!("indices of a test were left behind");
        }
    }
}

/// As the projector writes it: an order whose first event has not come is nothing but what waits for it.
fn body_of(order: &OrderDocument) -> Value {
    match order.version {
        0 => json!({"id": order.id, "version": 0, "parked": {"2": {}}}),
        _ => serde_json::to_value(order).expect("a document is JSON"),
    }
}
