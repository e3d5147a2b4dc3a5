//! [`Generations`] and [`NameSources`] in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use read_model::{CurrentName, Kind, NameSource, Projection};
use serde_json::Value;
use uuid::Uuid;

use super::documents::{Faults, MemoryDocuments};
use crate::application::ports::{
    DocumentStore as _, FoundGeneration, Generation, Generations, NameSources, Rebuildable, Scan, StoreError,
};

const MAPPING: u32 = 4;

pub struct MemoryGenerations {
    state: Mutex<BTreeMap<Generation, Entry>>,
    faults: Arc<Mutex<Faults>>,
}

struct Entry {
    documents: MemoryDocuments,
    queried: bool,
}

impl Default for MemoryGenerations {
    /// With the first generation of each kind, which queries read.
    fn default() -> Self {
        let generations = Self {
            state: Mutex::default(),
            faults: Arc::default(),
        };
        for kind in Kind::ALL {
            generations.make(Self::first(kind));
            generations.query(Self::first(kind));
        }
        generations
    }
}

impl MemoryGenerations {
    pub fn first(kind: Kind) -> Generation {
        Generation {
            kind,
            mapping: MAPPING,
            number: 1,
        }
    }

    /// Makes an empty generation.
    pub fn make(&self, generation: Generation) {
        let entry = Entry {
            documents: MemoryDocuments::with_faults(Arc::clone(&self.faults)),
            queried: false,
        };
        self.state().insert(generation, entry);
    }

    /// Queries read this one from now on.
    pub fn query(&self, generation: Generation) {
        for (found, entry) in self.state().iter_mut() {
            if found.kind == generation.kind {
                entry.queried = *found == generation;
            }
        }
    }

    /// The documents of the generation that queries read.
    pub fn queried(&self, kind: Kind) -> MemoryDocuments {
        let state = self.state();
        let found = state
            .iter()
            .find(|(generation, entry)| generation.kind == kind && entry.queried);
        found.map_or_else(nowhere, |(_, entry)| entry.documents.clone())
    }

    /// From now on every call fails as in an outage, until it is called with `false`.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.faults().unavailable = unavailable;
    }

    /// Documents whose JSON contains `text` are refused as by a mapping.
    pub fn refuse_containing(&self, text: &str) {
        self.faults().refused.insert(text.to_owned());
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<Generation, Entry>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is not there does not answer.
fn nowhere() -> MemoryDocuments {
    MemoryDocuments::with_faults(Arc::new(Mutex::new(Faults {
        unavailable: true,
        ..Faults::default()
    })))
}

impl Generations for MemoryGenerations {
    type Store = MemoryDocuments;

    fn mapping(&self, _: Kind) -> u32 {
        MAPPING
    }

    async fn find(&self, kinds: &[Kind]) -> Result<Vec<FoundGeneration>, StoreError> {
        self.faults().available()?;
        Ok(self
            .state()
            .iter()
            .filter(|(generation, _)| kinds.contains(&generation.kind))
            .map(|(generation, entry)| FoundGeneration {
                generation: *generation,
                queried: entry.queried,
            })
            .collect())
    }

    fn store(&self, generation: Generation) -> MemoryDocuments {
        let state = self.state();
        let found = state.get(&generation);
        found.map_or_else(nowhere, |entry| entry.documents.clone())
    }
}

impl NameSources for MemoryGenerations {
    async fn names(&self, sources: &[NameSource]) -> Result<Vec<Option<CurrentName>>, StoreError> {
        let mut names = Vec::with_capacity(sources.len());
        for source in sources {
            let (kind, id) = match source {
                NameSource::Customer(id) => (Kind::Customer, *id),
                NameSource::Product(id) => (Kind::Product, *id),
            };
            let stored = self.queried(kind).load(&[id]).await?.pop().flatten();
            let name =
                stored.and_then(|stored| Projection::from_json(kind, id, stored.body).ok()?.current_name());
            names.push(name);
        }
        Ok(names)
    }
}

impl Rebuildable for MemoryGenerations {
    type Scan = MemoryScan;

    async fn create(&self, generation: Generation) -> Result<(), StoreError> {
        self.faults().available()?;
        if !self.state().contains_key(&generation) {
            self.make(generation);
        }
        Ok(())
    }

    async fn point_queries(&self, from: Option<Generation>, to: Generation) -> Result<(), StoreError> {
        self.faults().available()?;
        let found = self.find(&[to.kind]).await?;
        let read = found
            .iter()
            .find(|found| found.queried)
            .map(|found| found.generation);
        if from.is_some() && from != read || !found.iter().any(|found| found.generation == to) {
            return Err(StoreError::Failed(anyhow::anyhow!("queries read {read:?}")));
        }
        self.query(to);
        Ok(())
    }

    async fn hold(&self, generation: Generation) -> Result<(), StoreError> {
        self.faults().available()?;
        self.store(generation).set_held(true);
        Ok(())
    }

    async fn let_go(&self, generation: Generation) -> Result<(), StoreError> {
        self.faults().available()?;
        self.store(generation).set_held(false);
        Ok(())
    }

    async fn drop_generation(&self, generation: Generation) -> Result<(), StoreError> {
        self.faults().available()?;
        if let Some(entry) = self.state().remove(&generation) {
            entry.documents.set_gone();
        }
        Ok(())
    }

    fn scan(&self, generation: Generation) -> MemoryScan {
        MemoryScan {
            documents: self.store(generation),
            after: None,
        }
    }
}

pub struct MemoryScan {
    documents: MemoryDocuments,
    after: Option<Uuid>,
}

impl Scan for MemoryScan {
    async fn next(&mut self) -> Result<Vec<(Uuid, Value)>, StoreError> {
        let page = self.documents.searchable_after(self.after, 2)?;
        self.after = page.last().map(|(id, _)| *id).or(self.after);
        Ok(page)
    }
}
