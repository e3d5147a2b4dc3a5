//! Names that orders show of customers and products, brought forward.
//!
//! An order and a renaming may be projected at the same time by different processes. The order is written first and its
//! sources are read after; the renaming's own document is written first and orders are searched after a refresh.
//! Whichever comes second sees the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use read_model::{CurrentName, Kind, NameSource, Projection};
use uuid::Uuid;

use super::patience::{Abandoned, Patience};
use crate::application::ports::{Change, DocumentStore, DocumentWrite, OrderSummary, WriteOutcome};

pub struct Names<S> {
    store: Arc<S>,
    patience: Patience,
}

/// Names that an order should show, with the versions that set them.
pub type Corrections = BTreeMap<Uuid, Vec<(NameSource, Arc<CurrentName>)>>;

impl<S> Clone for Names<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            patience: self.patience.clone(),
        }
    }
}

impl<S: DocumentStore> Names<S> {
    pub fn new(store: Arc<S>, patience: Patience) -> Self {
        Self { store, patience }
    }

    /// Compares what orders show with the sources as they are now, and corrects the orders that are behind. Answers
    /// what changed.
    pub async fn compare(&self, shown: Vec<(Uuid, NameSource, u64)>) -> Result<Vec<Change>, Abandoned> {
        let mut sources: Vec<NameSource> = shown.iter().map(|(_, source, _)| *source).collect();
        sources.sort_unstable();
        sources.dedup();
        let current = self.current(&sources).await?;
        let mut corrections = Corrections::new();
        for (order, source, version) in shown {
            if let Some(name) = current.get(&source).filter(|name| name.name_version > version) {
                corrections
                    .entry(order)
                    .or_default()
                    .push((source, Arc::clone(name)));
            }
        }
        self.correct(corrections).await
    }

    async fn current(
        &self,
        sources: &[NameSource],
    ) -> Result<HashMap<NameSource, Arc<CurrentName>>, Abandoned> {
        let mut current = HashMap::with_capacity(sources.len());
        for kind in [Kind::Customer, Kind::Product] {
            let of_kind: Vec<(NameSource, Uuid)> = sources
                .iter()
                .map(|source| (*source, stream(*source)))
                .filter(|(_, (of, _))| *of == kind)
                .map(|(source, (_, id))| (source, id))
                .collect();
            if of_kind.is_empty() {
                continue;
            }
            let ids: Vec<Uuid> = of_kind.iter().map(|(_, id)| *id).collect();
            let stored = self
                .patience
                .until_done("reading names", || self.store.load(kind, &ids))
                .await?;
            for ((source, id), stored) in of_kind.into_iter().zip(stored) {
                let Some(stored) = stored else { continue };
                match Projection::from_json(kind, id, stored.body) {
                    Ok(projection) => {
                        if let Some(name) = projection.current_name() {
                            current.insert(source, Arc::new(name));
                        }
                    }
                    Err(error) => tracing::error!(%kind, %id, %error, "a name cannot be read"),
                }
            }
        }
        Ok(current)
    }

    /// Returns when every order shows these names or later ones. Answers what changed.
    pub async fn correct(&self, mut corrections: Corrections) -> Result<Vec<Change>, Abandoned> {
        let mut changes = Vec::new();
        let mut pauses = self.patience.pauses("writing names");
        while !corrections.is_empty() {
            let ids: Vec<Uuid> = corrections.keys().copied().collect();
            let stored = self
                .patience
                .until_done("reading orders", || self.store.load(Kind::Order, &ids))
                .await?;
            let mut writes = Vec::new();
            let mut told = Vec::new();
            for (id, stored) in ids.into_iter().zip(stored) {
                let names = corrections.get(&id).map(Vec::as_slice).unwrap_or_default();
                let corrected = stored.and_then(|stored| corrected(id, stored.revision, stored.body, names));
                match corrected {
                    Some((write, change)) => {
                        writes.push(write);
                        told.push((id, change));
                    }
                    None => _ = corrections.remove(&id),
                }
            }
            if writes.is_empty() {
                break;
            }
            let outcomes = match self.patience.unless_abandoned(self.store.write(writes)).await? {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    self.patience.pause(&mut pauses, &error.into()).await?;
                    continue;
                }
            };
            let mut unavailable = None;
            for ((id, change), outcome) in told.into_iter().zip(outcomes) {
                match outcome {
                    WriteOutcome::Written(_) => {
                        corrections.remove(&id);
                        changes.extend(change);
                    }
                    WriteOutcome::Conflict => {}
                    WriteOutcome::Refused(cause) => {
                        tracing::error!(%id, cause, "the store refuses an order with another name");
                        corrections.remove(&id);
                    }
                    WriteOutcome::Unavailable(cause) => _ = unavailable.get_or_insert(cause),
                }
            }
            match unavailable {
                Some(cause) => self.patience.pause(&mut pauses, &anyhow::anyhow!(cause)).await?,
                None => pauses.over(),
            }
        }
        Ok(changes)
    }
}

/// Where a name comes from.
pub fn stream(source: NameSource) -> (Kind, Uuid) {
    match source {
        NameSource::Customer(id) => (Kind::Customer, id),
        NameSource::Product(id) => (Kind::Product, id),
    }
}

/// Nothing is told of a document that queries do not see yet.
pub fn change(kind: Kind, id: Uuid, version: u64, order: Option<OrderSummary>) -> Option<Change> {
    (version > 0).then_some(Change {
        aggregate: kind.aggregate(),
        id,
        version,
        order,
    })
}

/// The order with these names, or `None` where it shows them already.
fn corrected(
    id: Uuid,
    revision: crate::application::ports::Revision,
    body: serde_json::Value,
    names: &[(NameSource, Arc<CurrentName>)],
) -> Option<(DocumentWrite, Option<Change>)> {
    let read = Projection::from_json(Kind::Order, id, body).map_err(anyhow::Error::from);
    let mut order = match read {
        Ok(order) => order,
        Err(error) => {
            tracing::error!(%id, error = format!("{error:#}"), "an order cannot be read");
            return None;
        }
    };
    let mut changed = false;
    for (source, name) in names {
        changed |= order.apply_name(*source, &name.name, name.name_version);
    }
    if !changed {
        return None;
    }
    match order.to_json() {
        Ok(body) => Some((
            DocumentWrite {
                kind: Kind::Order,
                id,
                expected: Some(revision),
                body,
            },
            change(
                Kind::Order,
                id,
                order.version(),
                order.order().map(OrderSummary::from),
            ),
        )),
        Err(error) => {
            tracing::error!(%id, %error, "an order cannot be written as JSON");
            None
        }
    }
}
