use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use query_service::application::ports::{
    DocumentStore as _, DocumentWrite, Generation, Generations as _, WriteOutcome,
};
use query_service::outbound::elasticsearch::{
    ElasticsearchDocuments, ElasticsearchGenerations, ElasticsearchReader, ElasticsearchSettings, connect,
};
use read_model::Kind;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Fixture, Projected, indices};

/// A real Elasticsearch, with indices of this fixture's own that go with it.
pub struct Elasticsearch {
    pub settings: ElasticsearchSettings,
    reader: Arc<ElasticsearchReader>,
    kinds: Vec<Kind>,
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
    type Reader = ElasticsearchReader;

    async fn of(kinds: &[Kind]) -> Self {
        let settings = tokio::task::spawn_blocking(Self::settings)
            .await
            .expect("no panic");
        let generations = indices::make(&settings, kinds).await;
        Self {
            reader: Arc::new(reader(generations.client().clone(), &settings)),
            kinds: kinds.to_vec(),
            generations,
            settings,
        }
    }

    fn reader(&self) -> Arc<ElasticsearchReader> {
        self.reader.clone()
    }

    async fn put<D: Projected>(&self, document: &D) {
        self.write(D::KIND, document.id(), document.stored()).await;
    }

    async fn refresh(&self) {
        for kind in &self.kinds {
            let refreshed = self.documents(*kind).refresh().await;
            refreshed.expect("Elasticsearch answers");
        }
    }

    async fn propagate(&self, kind: Kind, id: Uuid, version: u64) {
        let body = json!({"id": id, "version": version + 1, "name": "x", "name_version": version,
            "propagated_version": version});
        self.write(kind, id, body).await;
    }

    async fn put_all<D: Projected>(&self, documents: &[D]) {
        let writes = documents.iter().map(|document| DocumentWrite {
            id: document.id(),
            expected: None,
            body: document.stored().to_string(),
        });
        let outcomes = self
            .documents(D::KIND)
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

/// As the service reads with these settings.
pub fn reader(
    client: ::elasticsearch::Elasticsearch,
    settings: &ElasticsearchSettings,
) -> ElasticsearchReader {
    ElasticsearchReader::new(client, &settings.index_prefix, Duration::from_secs(120))
}
