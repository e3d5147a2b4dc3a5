//! Documents as they stand in Elasticsearch, past the query service.

use std::time::Duration;

use anyhow::Result;
use checker::history::{Entry, Sighting};
use e2e::dice::Dice;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::calling::http_client;
use crate::recording::Recorder;
use crate::workload::Shop;

const EVERY: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(3);
const ORDERS: usize = 16;
const OTHERS: usize = 4;

pub struct Sightings {
    http: reqwest::Client,
    elasticsearch: String,
    recorder: Recorder,
    shop: Shop,
    dice: Dice,
}

impl Sightings {
    pub fn new(recorder: &Recorder, elasticsearch: &str, shop: &Shop, seed: u64) -> Result<Self> {
        Ok(Self {
            http: http_client()?,
            elasticsearch: elasticsearch.to_owned(),
            recorder: recorder.clone(),
            shop: shop.clone(),
            dice: Dice::of(seed, 0x51e5),
        })
    }

    pub async fn look(mut self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(EVERY))
            .await
            .is_some()
        {
            let orders: Vec<Uuid> = (0..ORDERS)
                .filter_map(|_| self.shop.order(&mut self.dice))
                .collect();
            let customers: Vec<Uuid> = (0..OTHERS)
                .filter_map(|_| self.shop.customer(&mut self.dice))
                .collect();
            let products: Vec<Uuid> = (0..OTHERS)
                .filter_map(|_| self.shop.product(&mut self.dice))
                .collect();
            for (alias, ids) in [
                ("orders", orders),
                ("customers", customers),
                ("products", products),
            ] {
                // An Elasticsearch that is away shows nothing.
                let _ = self.at(alias, ids).await;
            }
        }
    }

    async fn at(&self, alias: &str, mut ids: Vec<Uuid>) -> Result<()> {
        ids.sort();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        let url = format!("{}/{alias}/_mget?_source_includes=version", self.elasticsearch);
        let request = self.http.post(url).timeout(LIMIT).json(&json!({"ids": ids}));
        let at = self.recorder.now();
        let found: Value = request.send().await?.error_for_status()?.json().await?;
        for document in found["docs"].as_array().into_iter().flatten() {
            let (Some(index), Some(id)) = (document["_index"].as_str(), document["_id"].as_str()) else {
                continue;
            };
            // With an error it is not known what stands there.
            let Some(is_there) = document["found"].as_bool() else {
                continue;
            };
            self.recorder.note(Entry::Sighting(Sighting {
                at,
                index: index.to_owned(),
                id: id.to_owned(),
                version: document["_source"]["version"].as_u64().filter(|_| is_there),
            }));
        }
        Ok(())
    }
}
