//! Generations made, swapped in, dropped and read as a whole.

use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use read_model::Kind;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::generations::ElasticsearchGenerations;
use super::indices::mapping_version;
use super::request::{post_json, refusal, send};
use super::setup::{self, Missing, SetupError};
use crate::application::ports::{Generation, Generations as _, Rebuildable, Scan, StoreError};

/// Documents in a page; each may have some hundred kilobytes.
const PAGE: usize = 500;
/// From one page to the next.
const KEEP_OPEN: &str = "5m";

impl Rebuildable for ElasticsearchGenerations {
    type Scan = ElasticsearchScan;

    async fn create(&self, generation: Generation) -> Result<(), StoreError> {
        let created = async {
            setup::put_templates(self, self.settings(), &[generation.kind]).await?;
            let unread = false;
            setup::create(self, Missing { generation, unread }).await
        };
        created.await.map_err(|error| match error {
            SetupError::Unreachable(error) => error,
            error @ SetupError::Refused { .. } => StoreError::Failed(error.into()),
        })
    }

    async fn point_queries(&self, from: Option<Generation>, to: Generation) -> Result<(), StoreError> {
        let alias = self.naming().queried(to.kind);
        let mut actions = Vec::new();
        if let Some(from) = from {
            let index = self.naming().index(from);
            actions.push(json!({"remove": {"index": index, "alias": alias, "must_exist": true}}));
        }
        actions.push(json!({"add": {"index": self.naming().index(to), "alias": alias}}));
        let body = json!({ "actions": actions });
        post_json::<Value>(self.client(), "/_aliases", &[], &body)
            .await
            .map(drop)
    }

    async fn hold(&self, generation: Generation) -> Result<(), StoreError> {
        // Answered when no write is under way any more.
        let path = format!("/{}/_block/write", self.naming().index(generation));
        self.put(&path, None).await
    }

    async fn let_go(&self, generation: Generation) -> Result<(), StoreError> {
        let path = format!("/{}/_settings", self.naming().index(generation));
        self.put(&path, Some(json!({"index.blocks.write": null}))).await
    }

    async fn drop_generation(&self, generation: Generation) -> Result<(), StoreError> {
        self.delete(&format!("/{}", self.naming().index(generation)))
            .await?;
        let Generation { kind, mapping, .. } = generation;
        let left = self.find(&[kind]).await?;
        let is_used = left.iter().any(|found| found.generation.mapping == mapping);
        if mapping != mapping_version(kind) && !is_used {
            let template = self.naming().template(kind, mapping);
            self.delete(&format!("/_index_template/{template}")).await?;
        }
        Ok(())
    }

    fn scan(&self, generation: Generation) -> ElasticsearchScan {
        ElasticsearchScan {
            client: self.client().clone(),
            alias: self.naming().projected(generation),
            kind: generation.kind,
            point_in_time: None,
            after: None,
        }
    }
}

impl ElasticsearchGenerations {
    async fn put(&self, path: &str, body: Option<Value>) -> Result<(), StoreError> {
        let body = body.map(|body| body.to_string());
        let (status, answer) = send(self.client(), Method::Put, path, "application/json", &[], body).await?;
        match status {
            200..=299 => Ok(()),
            _ => Err(refusal(status, &answer)),
        }
    }

    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        let (status, answer) =
            send(self.client(), Method::Delete, path, "application/json", &[], None).await?;
        match status {
            200..=299 | 404 => Ok(()),
            _ => Err(refusal(status, &answer)),
        }
    }
}

pub struct ElasticsearchScan {
    client: Elasticsearch,
    alias: String,
    kind: Kind,
    point_in_time: Option<String>,
    /// The last page's sort values.
    after: Option<Value>,
}

impl Scan for ElasticsearchScan {
    async fn next(&mut self) -> Result<Vec<(Uuid, Value)>, StoreError> {
        let point_in_time = match &self.point_in_time {
            Some(id) => id.clone(),
            None => {
                let path = format!("/{}/_pit", self.alias);
                let opened: Opened =
                    post_json(&self.client, &path, &[("keep_alive", KEEP_OPEN)], &json!({})).await?;
                opened.id
            }
        };
        let mut search = json!({
            "size": PAGE,
            "pit": {"id": point_in_time, "keep_alive": KEEP_OPEN},
            "sort": ["_shard_doc"],
            "track_total_hits": false,
        });
        if let Some(after) = &self.after {
            search["search_after"] = after.clone();
        }
        let query = [("allow_partial_search_results", "false")];
        let page: Page = post_json(&self.client, "/_search", &query, &search).await?;
        if page.timed_out {
            let kind = self.kind;
            let cause = anyhow::anyhow!("a page of {kind} was cut short");
            return Err(StoreError::Unavailable(cause));
        }
        self.point_in_time = Some(page.point_in_time);
        let Some(last) = page.hits.hits.last() else {
            self.close().await;
            return Ok(Vec::new());
        };
        self.after = Some(last.sort.clone());
        let documents = page.hits.hits.into_iter().map(|hit| (hit.id, hit.source));
        Ok(documents.collect())
    }
}

impl ElasticsearchScan {
    /// What is not closed ends by itself.
    async fn close(&mut self) {
        let Some(id) = self.point_in_time.take() else {
            return;
        };
        let body = Some(json!({ "id": id }).to_string());
        let closed = send(
            &self.client,
            Method::Delete,
            "/_pit",
            "application/json",
            &[],
            body,
        );
        if let Err(error) = closed.await {
            tracing::debug!(%error, "a point in time was not closed");
        }
    }
}

#[derive(Deserialize)]
struct Opened {
    id: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "pit_id")]
    point_in_time: String,
    timed_out: bool,
    hits: Hits,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: Uuid,
    #[serde(rename = "_source")]
    source: Value,
    sort: Value,
}
