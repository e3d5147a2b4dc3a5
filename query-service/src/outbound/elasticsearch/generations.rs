//! Which generations there are, told by their aliases; and the names in the customers' and products' documents.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use read_model::{CurrentName, Kind, NameSource};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::ElasticsearchSettings;
use super::documents::ElasticsearchDocuments;
use super::indices::mapping_version;
use super::naming::Naming;
use super::refreshing::Refreshing;
use super::request::{parse, post_json, refusal, send};
use crate::application::ports::{FoundGeneration, Generation, Generations, NameSources, StoreError};

/// How long it may be unknown which generations have the names.
const KEEP_NAMED: Duration = Duration::from_secs(2);
/// Names in one request.
const NAMES_PAGE: usize = 500;

pub struct ElasticsearchGenerations {
    client: Elasticsearch,
    naming: Naming,
    settings: ElasticsearchSettings,
    /// Where names are read, and since when that is known.
    named: Mutex<Option<(Instant, Vec<Generation>)>>,
    /// Shared by whoever writes to a generation.
    refreshing: Mutex<HashMap<Generation, Arc<Refreshing>>>,
}

impl ElasticsearchGenerations {
    pub fn new(client: Elasticsearch, settings: &ElasticsearchSettings) -> Self {
        Self {
            client,
            naming: Naming::of(settings),
            settings: settings.clone(),
            named: Mutex::default(),
            refreshing: Mutex::default(),
        }
    }

    pub fn client(&self) -> &Elasticsearch {
        &self.client
    }

    pub fn naming(&self) -> &Naming {
        &self.naming
    }

    pub(super) fn settings(&self) -> &ElasticsearchSettings {
        &self.settings
    }

    /// The customers' and products' generations: those that queries read, and where nobody feeds those, because their mapping
    /// is another, this build's own as well.
    async fn named(&self) -> Result<Vec<Generation>, StoreError> {
        {
            let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((since, named)) = &*named
                && since.elapsed() < KEEP_NAMED
            {
                return Ok(named.clone());
            }
        }
        let mut named = Vec::new();
        for kind in [Kind::Customer, Kind::Product] {
            let found = self.find(&[kind]).await?;
            let ours = mapping_version(kind);
            let is_fed = found
                .iter()
                .any(|found| found.queried && found.generation.mapping == ours);
            named.extend(
                found
                    .iter()
                    .filter(|found| found.queried || (!is_fed && found.generation.mapping == ours))
                    .map(|found| found.generation),
            );
        }
        let mut kept = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), named.clone()));
        Ok(named)
    }
}

impl Generations for ElasticsearchGenerations {
    type Store = ElasticsearchDocuments;

    fn mapping(&self, kind: Kind) -> u32 {
        mapping_version(kind)
    }

    async fn find(&self, kinds: &[Kind]) -> Result<Vec<FoundGeneration>, StoreError> {
        let patterns: Vec<String> = kinds.iter().map(|kind| self.naming.any(*kind)).collect();
        let path = format!("/{}/_alias", patterns.join(","));
        // Also those that are closed: that is an outage, and they are still there.
        let query = [("expand_wildcards", "open,closed")];
        let (status, answer) =
            send(&self.client, Method::Get, &path, "application/json", &query, None).await?;
        if !(200..=299).contains(&status) {
            return Err(refusal(status, &answer));
        }
        let answer: HashMap<String, Aliases> = parse(&answer)?;
        let mut found: Vec<FoundGeneration> = answer
            .into_iter()
            .filter_map(|(index, Aliases { aliases })| {
                let generation = self.naming.parse(&index)?;
                let projected = aliases.contains_key(&self.naming.projected(generation));
                projected.then(|| FoundGeneration {
                    generation,
                    queried: aliases.contains_key(&self.naming.queried(generation.kind)),
                })
            })
            .collect();
        found.sort_unstable_by_key(|found| found.generation);
        Ok(found)
    }

    fn store(&self, generation: Generation) -> ElasticsearchDocuments {
        let mut refreshing = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        ElasticsearchDocuments::new(
            self.client.clone(),
            self.naming.projected(generation),
            Arc::clone(refreshing.entry(generation).or_default()),
            self.settings.bulk_max_bytes,
        )
    }
}

impl NameSources for ElasticsearchGenerations {
    async fn names(&self, sources: &[NameSource]) -> Result<Vec<Option<CurrentName>>, StoreError> {
        let named = self.named().await?;
        let mut names = Vec::with_capacity(sources.len());
        for page in sources.chunks(NAMES_PAGE) {
            names.extend(self.page_of_names(&named, page).await?);
        }
        Ok(names)
    }
}

impl ElasticsearchGenerations {
    async fn page_of_names(
        &self,
        named: &[Generation],
        sources: &[NameSource],
    ) -> Result<Vec<Option<CurrentName>>, StoreError> {
        let mut asked = Vec::new();
        let mut docs = Vec::new();
        for (at, source) in sources.iter().enumerate() {
            let (kind, id) = owner(*source);
            for generation in named.iter().filter(|generation| generation.kind == kind) {
                asked.push((at, kind, id));
                docs.push(json!({"_index": self.naming.projected(*generation), "_id": id}));
            }
            if !named.iter().any(|generation| generation.kind == kind) {
                let missing = self.naming.queried(kind);
                return Err(StoreError::Unavailable(anyhow::anyhow!("there is no {missing}")));
            }
        }
        let query = [
            ("realtime", "true"),
            ("_source_includes", "name,name_version,version,propagated_version"),
        ];
        let answer: Answer = post_json(&self.client, "/_mget", &query, &json!({ "docs": docs })).await?;
        if answer.docs.len() != asked.len() {
            return Err(StoreError::Failed(anyhow::anyhow!("not every name was answered")));
        }
        let mut names: Vec<Option<CurrentName>> = vec![None; sources.len()];
        for ((at, kind, id), document) in asked.into_iter().zip(answer.docs) {
            let name = document.name(kind, id)?;
            let version = |name: &Option<CurrentName>| name.as_ref().map(|name| name.name_version);
            if version(&name) > version(&names[at]) {
                names[at] = name;
            }
        }
        Ok(names)
    }
}

fn owner(source: NameSource) -> (Kind, Uuid) {
    match source {
        NameSource::Customer(id) => (Kind::Customer, id),
        NameSource::Product(id) => (Kind::Product, id),
    }
}

#[derive(Deserialize)]
struct Aliases {
    aliases: HashMap<String, Value>,
}

#[derive(Deserialize)]
struct Answer {
    docs: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    found: Option<bool>,
    #[serde(rename = "_source")]
    source: Option<Source>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    name: Option<String>,
    name_version: u64,
    version: u64,
    propagated_version: u64,
}

impl Document {
    fn name(self, kind: Kind, id: Uuid) -> Result<Option<CurrentName>, StoreError> {
        match (self.found, self.source) {
            // Without a name: its first event has not come.
            (Some(true), Some(source)) => Ok(source.name.map(|name| CurrentName {
                name,
                name_version: source.name_version,
                version: source.version,
                propagated_version: source.propagated_version,
            })),
            (Some(false), _) => Ok(None),
            // A missing index or a lost shard says so for each document.
            _ => Err(StoreError::Unavailable(anyhow::anyhow!(
                "the name of {kind} {id} cannot be read: {}",
                self.error.unwrap_or_default()
            ))),
        }
    }
}
