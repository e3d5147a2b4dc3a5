//! A [`DocumentStore`] in memory: searches see what was written before the last refresh, reads see everything.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use read_model::Kind;
use serde_json::Value;
use uuid::Uuid;

use crate::application::ports::{
    DocumentStore, DocumentWrite, NameSource, Revision, StoreError, StoredDocument, WriteOutcome,
};

#[derive(Default)]
pub struct MemoryDocuments {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    documents: BTreeMap<(Kind, Uuid), StoredDocument>,
    /// As of the last refresh of their kind.
    searchable: BTreeMap<(Kind, Uuid), Value>,
    next_seq_no: HashMap<Kind, i64>,
    unavailable: bool,
    refused: HashSet<String>,
}

impl MemoryDocuments {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on every call fails as in an outage, until it is called with `false`.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.state().unavailable = unavailable;
    }

    /// Documents whose JSON contains `text` are refused as by a mapping.
    pub fn refuse_containing(&self, text: &str) {
        self.state().refused.insert(text.to_owned());
    }

    /// All documents of a kind as they are now.
    pub fn all(&self, kind: Kind) -> BTreeMap<Uuid, Value> {
        let state = self.state();
        state
            .documents
            .iter()
            .filter(|((of, _), _)| *of == kind)
            .map(|((_, id), document)| (*id, document.body.clone()))
            .collect()
    }
}

impl State {
    fn available(&self) -> Result<(), StoreError> {
        if self.unavailable {
            return Err(StoreError::Unavailable(anyhow::anyhow!("an outage was ordered")));
        }
        Ok(())
    }

    fn write(&mut self, write: DocumentWrite) -> Result<WriteOutcome, StoreError> {
        let key = (write.kind, write.id);
        if self.documents.get(&key).map(|stored| stored.revision) != write.expected {
            return Ok(WriteOutcome::Conflict);
        }
        if let Some(text) = self.refused.iter().find(|text| write.body.contains(*text)) {
            return Ok(WriteOutcome::Refused(format!("the mapping refuses {text}")));
        }
        let body = serde_json::from_str(&write.body).map_err(|error| StoreError::Failed(error.into()))?;
        let seq_no = self.next_seq_no.entry(write.kind).or_default();
        let revision = Revision {
            seq_no: *seq_no,
            primary_term: 1,
        };
        *seq_no += 1;
        self.documents.insert(key, StoredDocument { revision, body });
        Ok(WriteOutcome::Written(revision))
    }
}

impl DocumentStore for MemoryDocuments {
    async fn load(&self, kind: Kind, ids: &[Uuid]) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let state = self.state();
        state.available()?;
        Ok(ids
            .iter()
            .map(|id| state.documents.get(&(kind, *id)).cloned())
            .collect())
    }

    async fn write(&self, writes: Vec<DocumentWrite>) -> Result<Vec<WriteOutcome>, StoreError> {
        let mut state = self.state();
        state.available()?;
        writes.into_iter().map(|write| state.write(write)).collect()
    }

    async fn refresh(&self, kind: Kind) -> Result<(), StoreError> {
        let mut state = self.state();
        state.available()?;
        let current: Vec<_> = state
            .documents
            .iter()
            .filter(|((of, _), _)| *of == kind)
            .map(|(key, document)| (*key, document.body.clone()))
            .collect();
        state.searchable.extend(current);
        Ok(())
    }

    async fn orders_showing(
        &self,
        source: NameSource,
        below: u64,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let state = self.state();
        state.available()?;
        Ok(state
            .searchable
            .iter()
            .filter(|((kind, id), body)| {
                *kind == Kind::Order && after.is_none_or(|after| *id > after) && shows(body, source, below)
            })
            .map(|((_, id), _)| *id)
            .take(limit)
            .collect())
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
