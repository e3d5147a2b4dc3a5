//! Renamings carried to every order that shows the names, in each generation of orders, a page at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use read_model::{CurrentName, Kind, NameSource, Projection};
use uuid::Uuid;

use super::announcing::Announcing;
use super::names::{Corrections, Names, change};
use super::patience::{Abandoned, Patience};
use crate::application::ports::{
    Change, ChangePublisher, DocumentStore, DocumentWrite, Generation, Generations, NameSources, Revision,
    WriteOutcome,
};

/// Between two looks whether a generation is still there that a name is carried to.
const LOOK_FOR_GENERATION: Duration = Duration::from_secs(1);

pub struct Renaming<G: Generations, C> {
    /// Whose documents have the names.
    pub generation: Generation,
    pub store: Arc<G::Store>,
    pub generations: Arc<G>,
    pub changes: Arc<C>,
    pub announcing: Arc<Announcing>,
    pub names: Names<G>,
    pub patience: Patience,
    pub page: usize,
}

/// Names that are to reach the orders, each by whose it is.
type Carried = [(NameSource, Arc<CurrentName>)];

impl<G: Generations + NameSources, C: ChangePublisher> Renaming<G, C> {
    /// Returns when every order shows these names as their documents have them, also in a search, and those documents say
    /// so. Nothing is done for those that say so already. The others go together: as many requests as for one.
    pub async fn propagate(&self, sources: &[NameSource]) -> Result<(), Abandoned> {
        let generation = self.generation;
        let names = self.unpropagated(sources).await?;
        if names.is_empty() {
            return Ok(());
        }
        // What queries read may be another by the time: then it is looked anew which there are.
        let corrected = loop {
            if let Some(corrected) = self.carry_to_all(&names).await? {
                break corrected;
            }
        };
        metrics::counter!("projector_renamed_orders_total").increment(corrected as u64);
        let renamed = names.len();
        tracing::info!(%generation, renamed, orders = corrected, "renamings have reached every order");
        self.mark(names).await
    }

    /// Answers how many orders were corrected; none where what queries read went away meanwhile.
    async fn carry_to_all(&self, names: &Carried) -> Result<Option<usize>, Abandoned> {
        let mut orders = self
            .patience
            .until_done("looking for generations", || {
                self.generations.find(&[Kind::Order])
            })
            .await?;
        // What queries read comes last: when a change is told, the name stands wherever they may be pointed to.
        orders.sort_by_key(|found| found.queried);
        let mut corrected = 0;
        for found in orders {
            let carried = self
                .carry_unless_gone(found.generation, names, found.queried)
                .await?;
            if carried.is_none() && found.queried {
                return Ok(None);
            }
            corrected += carried.unwrap_or_default();
        }
        Ok(Some(corrected))
    }

    /// None where the generation went away meanwhile.
    async fn carry_unless_gone(
        &self,
        generation: Generation,
        names: &Carried,
        told: bool,
    ) -> Result<Option<usize>, Abandoned> {
        let orders = self.generations.store(generation);
        tokio::select! {
            carried = self.carry(&orders, names, told) => carried.map(Some),
            gone = self.gone(generation) => gone.map(|()| None),
        }
    }

    /// Ends when the generation is not there any more.
    async fn gone(&self, generation: Generation) -> Result<(), Abandoned> {
        loop {
            self.patience
                .unless_abandoned(tokio::time::sleep(LOOK_FOR_GENERATION))
                .await?;
            if let Ok(found) = self.generations.find(&[generation.kind]).await
                && found.iter().all(|found| found.generation != generation)
            {
                return Ok(());
            }
        }
    }

    /// Answers how many orders were corrected.
    async fn carry(&self, orders: &G::Store, names: &Carried, told: bool) -> Result<usize, Abandoned> {
        self.refresh(orders).await?;
        let older: Vec<(NameSource, u64)> = names
            .iter()
            .map(|(source, name)| (*source, name.name_version))
            .collect();
        let mut after = None;
        let mut corrected = 0;
        loop {
            let page = self
                .patience
                .until_done("searching orders", || {
                    orders.orders_showing(&older, after, self.page)
                })
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            let corrections: Corrections = page.iter().map(|order| (*order, names.to_vec())).collect();
            let changes = self.names.correct(orders, corrections).await?;
            corrected += changes.len();
            if told {
                self.publish(&changes).await?;
            }
            if page.len() < self.page {
                break;
            }
        }
        if corrected > 0 {
            self.refresh(orders).await?;
        }
        Ok(corrected)
    }

    async fn refresh(&self, orders: &G::Store) -> Result<(), Abandoned> {
        self.patience
            .until_done("refreshing orders", || orders.refresh())
            .await
    }

    async fn publish(&self, changes: &[Change]) -> Result<(), Abandoned> {
        if changes.is_empty() {
            return Ok(());
        }
        self.patience
            .until_done("publishing changes", || self.changes.publish(changes))
            .await
    }

    async fn unpropagated(
        &self,
        sources: &[NameSource],
    ) -> Result<Vec<(NameSource, Arc<CurrentName>)>, Abandoned> {
        let loaded = self.load(sources).await?.into_iter();
        let names = loaded.filter_map(|(source, _, projection)| match projection.awaits_propagation() {
            true => Some((source, Arc::new(projection.current_name()?))),
            false => None,
        });
        Ok(names.collect())
    }

    /// Those that are there and can be read.
    async fn load(
        &self,
        sources: &[NameSource],
    ) -> Result<Vec<(NameSource, Revision, Projection)>, Abandoned> {
        let ids: Vec<Uuid> = sources.iter().copied().map(id).collect();
        let stored = self
            .patience
            .until_done("reading names", || self.store.load(&ids))
            .await?;
        let generation = self.generation;
        let found = sources.iter().zip(stored).filter_map(|(source, stored)| {
            let (id, stored) = (id(*source), stored?);
            match Projection::from_json(generation.kind, id, stored.body) {
                Ok(projection) => Some((*source, stored.revision, projection)),
                Err(error) => {
                    tracing::error!(%generation, %id, error = format!("{:#}", anyhow::Error::from(error)), "a name cannot be read");
                    None
                }
            }
        });
        Ok(found.collect())
    }

    /// Each document says that its name has reached the orders.
    async fn mark(&self, mut names: Vec<(NameSource, Arc<CurrentName>)>) -> Result<(), Abandoned> {
        let generation = self.generation;
        let mut pauses = self.patience.pauses("writing names");
        loop {
            let sources: Vec<NameSource> = names.iter().map(|(source, _)| *source).collect();
            let mut writes = Vec::with_capacity(sources.len());
            let mut versions = HashMap::with_capacity(sources.len());
            for (source, revision, mut projection) in self.load(&sources).await? {
                let name = names.iter().find(|(of, _)| *of == source);
                if !name.is_some_and(|(_, name)| projection.mark_propagated(name)) {
                    continue;
                }
                let id = id(source);
                match projection.to_json() {
                    Ok(body) => {
                        versions.insert(id, projection.version());
                        writes.push(DocumentWrite {
                            id,
                            expected: Some(revision),
                            body,
                        });
                    }
                    Err(error) => {
                        tracing::error!(%generation, %id, %error, "a document cannot be written as JSON");
                    }
                }
            }
            if writes.is_empty() {
                return Ok(());
            }
            let ids: Vec<Uuid> = writes.iter().map(|write| write.id).collect();
            let outcomes = match self.patience.unless_abandoned(self.store.write(writes)).await? {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    self.patience.pause(&mut pauses, &error.into()).await?;
                    continue;
                }
            };
            let mut told = Vec::new();
            let mut over = HashSet::new();
            let mut unavailable = None;
            for (id, outcome) in ids.into_iter().zip(outcomes) {
                match outcome {
                    WriteOutcome::Written(_) => {
                        let version = versions.get(&id).copied().unwrap_or_default();
                        told.extend(change(generation.kind, id, version, None));
                        over.insert(id);
                    }
                    WriteOutcome::Conflict => {}
                    WriteOutcome::Refused(cause) => {
                        tracing::error!(%generation, %id, cause, "the store refuses to note that a name was carried on");
                        over.insert(id);
                    }
                    WriteOutcome::Unavailable(cause) => _ = unavailable.get_or_insert(cause),
                }
            }
            if self.announcing.is_on() {
                self.publish(&told).await?;
            }
            names.retain(|(source, _)| !over.contains(&id(*source)));
            match unavailable {
                Some(cause) => self.patience.pause(&mut pauses, &anyhow::anyhow!(cause)).await?,
                None => pauses.over(),
            }
        }
    }
}

fn id(source: NameSource) -> Uuid {
    let (NameSource::Customer(id) | NameSource::Product(id)) = source;
    id
}
