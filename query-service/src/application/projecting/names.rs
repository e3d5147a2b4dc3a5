//! Names that orders show of customers and products, brought forward.
//!
//! An order and a renaming may be projected at the same time by different processes. The order is written first and its
//! sources are read after; the renaming's own document is written first, and then the generations of orders are looked up,
//! refreshed and searched. Whichever comes second sees the other, in each generation.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use read_model::{CurrentName, Kind, NameSource};
use shared_events::AggregateType;
use uuid::Uuid;

use super::patience::{Abandoned, Patience};
use super::showing::show;
use crate::application::ports::{
    Change, DocumentStore, DocumentWrite, NameSources, OrderSummary, StoredDocument, WriteOutcome,
};

pub struct Names<G> {
    sources: Arc<G>,
    patience: Patience,
}

/// Names that an order should show, with the versions that set them.
pub type Corrections = BTreeMap<Uuid, Vec<(NameSource, Arc<CurrentName>)>>;

impl<G> Clone for Names<G> {
    fn clone(&self) -> Self {
        Self {
            sources: Arc::clone(&self.sources),
            patience: self.patience.clone(),
        }
    }
}

impl<G: NameSources> Names<G> {
    pub fn new(sources: Arc<G>, patience: Patience) -> Self {
        Self { sources, patience }
    }

    /// Compares what these orders show with the sources as they are now, and corrects those that are behind. Answers what
    /// changed.
    pub async fn compare(
        &self,
        orders: &impl DocumentStore,
        shown: Vec<(Uuid, NameSource, u64)>,
    ) -> Result<Vec<Change>, Abandoned> {
        let mut sources: Vec<NameSource> = shown.iter().map(|(_, source, _)| *source).collect();
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        sources.sort_unstable();
        sources.dedup();
        let names = self
            .patience
            .until_done("reading names", || self.sources.names(&sources))
            .await?;
        let current: HashMap<NameSource, Arc<CurrentName>> = sources
            .into_iter()
            .zip(names)
            .filter_map(|(source, name)| Some((source, Arc::new(name?))))
            .collect();
        let mut corrections = Corrections::new();
        for (order, source, version) in shown {
            if let Some(name) = current.get(&source).filter(|name| name.name_version > version) {
                corrections
                    .entry(order)
                    .or_default()
                    .push((source, Arc::clone(name)));
            }
        }
        self.correct(orders, corrections).await
    }

    /// Returns when each of these orders shows these names or later ones. Answers what changed.
    pub async fn correct(
        &self,
        orders: &impl DocumentStore,
        mut corrections: Corrections,
    ) -> Result<Vec<Change>, Abandoned> {
        let mut changes = Vec::new();
        let mut pauses = self.patience.pauses("writing names");
        while !corrections.is_empty() {
            let ids: Vec<Uuid> = corrections.keys().copied().collect();
            let stored = self
                .patience
                .until_done("reading orders", || orders.load(&ids))
                .await?;
            let mut writes = Vec::new();
            let mut written = Vec::new();
            for (id, stored) in ids.into_iter().zip(stored) {
                let names = corrections.get(&id).map(Vec::as_slice).unwrap_or_default();
                match stored.and_then(|stored| corrected(id, stored, names)) {
                    Some((write, change)) => {
                        writes.push(write);
                        written.push((id, change));
                    }
                    None => _ = corrections.remove(&id),
                }
            }
            if writes.is_empty() {
                break;
            }
            let outcomes = match self.patience.unless_abandoned(orders.write(writes)).await? {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    self.patience.pause(&mut pauses, &error.into()).await?;
                    continue;
                }
            };
            let mut unavailable = None;
            for ((id, change), outcome) in written.into_iter().zip(outcomes) {
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

/// Whose name a kind's document sets, if orders show it.
pub fn source(kind: Kind, id: Uuid) -> Option<NameSource> {
    match kind {
        Kind::Customer => Some(NameSource::Customer(id)),
        Kind::Product => Some(NameSource::Product(id)),
        _ => None,
    }
}

/// What is told of a written document. Nothing of one that queries do not see yet, and nothing of those that a change of
/// another document of the same aggregate tells of.
pub fn change(kind: Kind, id: Uuid, version: u64, order: Option<OrderSummary>) -> Option<Change> {
    let aggregate = match kind {
        Kind::Customer => AggregateType::Customer,
        Kind::Product => AggregateType::Product,
        Kind::Order => AggregateType::Order,
        Kind::InvoiceAccount => AggregateType::Invoice,
        Kind::Delivery => AggregateType::OrderForDelivery,
        Kind::OrderHistory | Kind::Sale | Kind::Invoice => return None,
    };
    (version > 0).then_some(Change {
        aggregate,
        id,
        version,
        order,
    })
}

/// The order with these names, or `None` where it shows them already.
fn corrected(
    id: Uuid,
    stored: StoredDocument,
    names: &[(NameSource, Arc<CurrentName>)],
) -> Option<(DocumentWrite, Option<Change>)> {
    let mut order = stored.body;
    let mut changed = false;
    for (source, name) in names {
        changed |= show(&mut order, *source, name);
    }
    if !changed {
        return None;
    }
    let write = DocumentWrite {
        id,
        expected: Some(stored.revision),
        body: order.to_string(),
    };
    let version = order["version"].as_u64().unwrap_or(0);
    let summary = serde_json::from_value(order).ok();
    Some((write, change(Kind::Order, id, version, summary)))
}
