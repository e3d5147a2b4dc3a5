//! A [`DocumentStore`] in memory: searches see what was written before the last refresh, reads see everything.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::application::ports::{
    DocumentStore, DocumentWrite, NameSource, Revision, StoreError, StoredDocument, Waiting, WriteOutcome,
};

/// One generation's documents. A clone has the same.
#[derive(Clone, Default)]
pub struct MemoryDocuments {
    documents: Arc<Mutex<Documents>>,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
struct Documents {
    documents: BTreeMap<Uuid, StoredDocument>,
    /// As of the last refresh.
    searchable: BTreeMap<Uuid, Value>,
    next_seq_no: i64,
    held: bool,
    gone: bool,
}

/// What stores in memory do not do when they are told so, in all generations alike.
#[derive(Default)]
pub struct Faults {
    pub unavailable: bool,
    /// Documents whose JSON contains one of these are refused as by a mapping.
    pub refused: HashSet<String>,
}

impl Faults {
    pub fn available(&self) -> Result<(), StoreError> {
        match self.unavailable {
            true => Err(StoreError::Unavailable(anyhow::anyhow!("an outage was ordered"))),
            false => Ok(()),
        }
    }
}

impl MemoryDocuments {
    pub fn with_faults(faults: Arc<Mutex<Faults>>) -> Self {
        Self {
            documents: Arc::default(),
            faults,
        }
    }

    /// All documents as they are now.
    pub fn all(&self) -> BTreeMap<Uuid, Value> {
        let documents = self.documents();
        documents
            .documents
            .iter()
            .map(|(id, stored)| (*id, stored.body.clone()))
            .collect()
    }

    /// Whether whoever writes has to wait.
    pub(super) fn set_held(&self, held: bool) {
        self.documents().held = held;
    }

    /// No call is answered any more.
    pub(super) fn set_gone(&self) {
        self.documents().gone = true;
    }

    /// As of the last refresh, in id order.
    pub(super) fn searchable_after(
        &self,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<(Uuid, Value)>, StoreError> {
        let documents = self.available()?;
        let page = documents
            .searchable
            .iter()
            .filter(|(id, _)| after.is_none_or(|after| **id > after));
        Ok(page.take(limit).map(|(id, body)| (*id, body.clone())).collect())
    }

    fn documents(&self) -> MutexGuard<'_, Documents> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn available(&self) -> Result<MutexGuard<'_, Documents>, StoreError> {
        self.faults().available()?;
        let documents = self.documents();
        match documents.gone {
            true => Err(StoreError::Unavailable(anyhow::anyhow!(
                "it is not there any more"
            ))),
            false => Ok(documents),
        }
    }
}

impl Documents {
    fn write(&mut self, write: DocumentWrite, faults: &Faults) -> Result<WriteOutcome, StoreError> {
        if self.documents.get(&write.id).map(|stored| stored.revision) != write.expected {
            return Ok(WriteOutcome::Conflict);
        }
        if let Some(text) = faults.refused.iter().find(|text| write.body.contains(*text)) {
            return Ok(WriteOutcome::Refused(format!("the mapping refuses {text}")));
        }
        let body = serde_json::from_str(&write.body).map_err(|error| StoreError::Failed(error.into()))?;
        let revision = Revision {
            seq_no: self.next_seq_no,
            primary_term: 1,
        };
        self.next_seq_no += 1;
        self.documents.insert(write.id, StoredDocument { revision, body });
        Ok(WriteOutcome::Written(revision))
    }
}

impl DocumentStore for MemoryDocuments {
    async fn load(&self, ids: &[Uuid]) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let documents = self.available()?;
        Ok(ids
            .iter()
            .map(|id| documents.documents.get(id).cloned())
            .collect())
    }

    async fn write(&self, writes: Vec<DocumentWrite>) -> Result<Vec<WriteOutcome>, StoreError> {
        let mut documents = self.available()?;
        if documents.held {
            return Err(StoreError::Unavailable(anyhow::anyhow!("it is held")));
        }
        let faults = self.faults();
        writes
            .into_iter()
            .map(|write| documents.write(write, &faults))
            .collect()
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let mut documents = self.available()?;
        documents.searchable = documents
            .documents
            .iter()
            .map(|(id, stored)| (*id, stored.body.clone()))
            .collect();
        Ok(())
    }

    async fn orders_showing(
        &self,
        older: &[(NameSource, u64)],
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let documents = self.available()?;
        Ok(documents
            .searchable
            .iter()
            .filter(|(id, _)| after.is_none_or(|after| **id > after))
            .filter(|(_, body)| older.iter().any(|(source, below)| shows(body, *source, *below)))
            .map(|(id, _)| *id)
            .take(limit)
            .collect())
    }

    async fn waiting(&self, since_before: DateTime<Utc>, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let documents = self.available()?;
        let mut waiting: Vec<Waiting> = documents
            .searchable
            .iter()
            .filter_map(|(id, body)| {
                let waits_since: DateTime<Utc> = body["waits_since"].as_str()?.parse().ok()?;
                (waits_since <= since_before).then(|| Waiting {
                    id: *id,
                    version: body["version"].as_u64().unwrap_or(0),
                    waits_since,
                })
            })
            .collect();
        waiting.sort_by_key(|waiting| waiting.waits_since);
        waiting.truncate(limit);
        Ok(waiting)
    }
}

fn shows(order: &Value, source: NameSource, below: u64) -> bool {
    let older = |of: &Value, id_field: &str, id: Uuid, version_field: &str| {
        of[id_field] == id.to_string().as_str()
            && of[version_field].as_u64().is_some_and(|version| version < below)
    };
    match source {
        NameSource::Customer(id) => older(order, "customer_id", id, "customer_version"),
        NameSource::Product(id) => order["items"].as_array().is_some_and(|items| {
            items
                .iter()
                .any(|item| older(item, "product_id", id, "product_version"))
        }),
    }
}
