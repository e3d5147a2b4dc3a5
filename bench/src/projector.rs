//! The backlog of events folded into the documents of every projection by one projector, beside raw `_bulk` requests with the
//! same documents.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::eventually;
use e2e::system::System;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::cpu;
use crate::relay::metric;
use crate::report::Report;

const LIMIT: Duration = Duration::from_secs(600);
/// Records that a projection is done with; all projections together.
const DONE: &str = "projector_records_total{";
/// Each projection reads its topics for itself: how many read an aggregate's.
const READERS: [(&str, i64); 5] = [
    ("customer", 1),
    ("product", 1),
    ("order", 4),
    ("invoice", 2),
    ("order_for_delivery", 1),
];
const PROJECTIONS: [&str; 8] = [
    "customers",
    "products",
    "orders",
    "order-history",
    "sales",
    "invoices",
    "invoice-accounts",
    "deliveries",
];
const BULK: usize = 1_000;
const IN_FLIGHT: usize = 2;

pub async fn measure(system: &System, report: &mut Report) -> Result<()> {
    let http = reqwest::Client::new();
    let (mut events, mut records) = (0, 0);
    for (aggregate, readers) in READERS {
        let count: i64 = system
            .database
            .query_one("SELECT count(*) FROM events WHERE aggregate = $1", &[&aggregate])
            .await?
            .get(0);
        events += count;
        records += count * readers;
    }
    warm_up(system, records).await?;
    let mut projector = system.service("query-service", "projector").spawn()?;
    projector.wait_live(Duration::from_secs(60))?;
    let first = eventually("the projector begins", LIMIT, async || {
        let done = metric(&http, &projector.base_url(), DONE).await?;
        Ok((done > 0.0).then_some(done))
    })
    .await?;
    let (started, cpu_before) = (Instant::now(), cpu::time_of(projector.pid()));
    eventually("the backlog is projected", LIMIT, async || {
        Ok((metric(&http, &projector.base_url(), DONE).await? >= records as f64).then_some(()))
    })
    .await?;
    let took = started.elapsed().as_secs_f64();
    let cpu = (cpu::time_of(projector.pid()) - cpu_before).as_secs_f64();
    // The share of the backlog that fell into the measured time.
    let share = 1.0 - first / records as f64;
    let folded = events as f64 * share;
    let memory = cpu::resident_mib(projector.pid());
    projector.terminate(Duration::from_secs(30))?;

    let raw = Raw {
        http,
        base: system.servers.elasticsearch.clone(),
        prefix: system.index_prefix(),
    };
    let documents = raw.documents().await?;
    let documents_per_second = documents.len() as f64 * share / took;
    let raw_per_second = raw.replay(documents).await?;
    report.row(
        "Kafka → Elasticsearch",
        format!(
            "{:.0} events/s into {documents_per_second:.0} documents/s, {:.0} µs CPU an event, {memory:.0} MiB at most",
            folded / took,
            cpu * 1e6 / folded,
        ),
        format!("_bulk, external versions, {IN_FLIGHT} x {BULK} in flight: {raw_per_second:.0} documents/s"),
        Some(documents_per_second / raw_per_second),
    );
    Ok(())
}

/// The same backlog into indices of their own, not counted: a server of this kind runs at half its speed until its compiler
/// has seen the work, and the raw requests come second.
async fn warm_up(system: &System, records: i64) -> Result<()> {
    let elsewhere = |role: &str| {
        system
            .service("query-service", role)
            .env(
                "QUERY_SERVICE__ELASTICSEARCH__INDEX_PREFIX",
                format!("{}warm-", system.index_prefix()),
            )
            .env(
                "QUERY_SERVICE__KAFKA__GROUP_ID",
                format!("{}.warm", system.group()),
            )
    };
    let mut setup = elsewhere("setup").spawn()?;
    ensure!(setup.wait_exit(LIMIT)?.success(), "{}", setup.log_text());
    let mut projector = elsewhere("projector").spawn()?;
    projector.wait_live(Duration::from_secs(60))?;
    let http = reqwest::Client::new();
    eventually("the backlog is projected to warm up", LIMIT, async || {
        Ok((metric(&http, &projector.base_url(), DONE).await? >= records as f64).then_some(()))
    })
    .await?;
    projector.terminate(Duration::from_secs(30))?;
    Ok(())
}

struct Document {
    projection: &'static str,
    id: String,
    version: u64,
    text: String,
}

/// Elasticsearch without us.
struct Raw {
    http: reqwest::Client,
    base: String,
    prefix: String,
}

impl Raw {
    /// Every document that queries read.
    async fn documents(&self) -> Result<Vec<Document>> {
        let mut documents = Vec::new();
        for projection in PROJECTIONS {
            let index = format!("{}{projection}", self.prefix);
            self.post(&format!("{index}/_refresh"), Value::Null).await?;
            let mut after = Value::Null;
            loop {
                let mut query = json!({"size": 5_000, "sort": ["id"], "query": {"match_all": {}}});
                if !after.is_null() {
                    query["search_after"] = after;
                }
                let page = self.post(&format!("{index}/_search"), query).await?;
                let hits = page["hits"]["hits"].as_array().context("no hits")?;
                for hit in hits {
                    documents.push(Document {
                        projection,
                        id: hit["_id"].as_str().context("no _id")?.to_owned(),
                        version: hit["_source"]["version"].as_u64().context("no version")?,
                        text: hit["_source"].to_string(),
                    });
                }
                match hits.last() {
                    Some(last) => after = last["sort"].clone(),
                    None => break,
                }
            }
        }
        Ok(documents)
    }

    /// An empty index of the same settings and mapping.
    async fn create_like(&self, projection: &str) -> Result<()> {
        let definition: Value = self
            .http
            .get(format!("{}/{}{projection}", self.base, self.prefix))
            .send()
            .await?
            .json()
            .await?;
        let definition = definition
            .as_object()
            .and_then(|all| all.values().next())
            .context("no index")?;
        let settings = &definition["settings"]["index"];
        let body = json!({
            "mappings": definition["mappings"],
            "settings": {
                "number_of_shards": settings["number_of_shards"],
                "number_of_replicas": settings["number_of_replicas"],
                "refresh_interval": settings["refresh_interval"],
            },
        });
        let created = self
            .http
            .put(format!("{}/{}raw-{projection}", self.base, self.prefix))
            .json(&body)
            .send()
            .await?;
        ensure!(created.status().is_success(), "{}", created.text().await?);
        Ok(())
    }

    /// Writes the documents into new indices; documents a second.
    async fn replay(&self, documents: Vec<Document>) -> Result<f64> {
        for projection in PROJECTIONS {
            self.create_like(projection).await?;
        }
        let count = documents.len();
        let bodies: Vec<String> = documents
            .chunks(BULK)
            .map(|part| {
                part.iter().fold(String::new(), |mut body, document| {
                    let Document {
                        projection,
                        id,
                        version,
                        text,
                    } = document;
                    let index = format!("{}raw-{projection}", self.prefix);
                    // Writing to a String cannot fail.
                    let _ = writeln!(
                        body,
                        r#"{{"index":{{"_index":"{index}","_id":"{id}","version":{version},"version_type":"external"}}}}"#
                    );
                    let _ = writeln!(body, "{text}");
                    body
                })
            })
            .collect();
        let url = format!("{}/_bulk?filter_path=errors", self.base);
        let started = Instant::now();
        let mut running = JoinSet::new();
        for body in bodies {
            if running.len() == IN_FLIGHT {
                running.join_next().await.context("a bulk")???;
            }
            let request = self
                .http
                .post(&url)
                .header("content-type", "application/x-ndjson")
                .body(body);
            running.spawn(async move {
                let answer: Value = request.send().await?.error_for_status()?.json().await?;
                ensure!(answer["errors"] == false, "{answer}");
                anyhow::Ok(())
            });
        }
        while let Some(result) = running.join_next().await {
            result??;
        }
        Ok(count as f64 / started.elapsed().as_secs_f64())
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let mut request = self.http.post(format!("{}/{path}", self.base));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        ensure!(status.is_success(), "{path}: {status} {answer}");
        Ok(answer)
    }
}
