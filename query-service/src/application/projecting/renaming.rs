//! A renaming carried to every order that shows the name, in each generation of orders, a page at a time.

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

impl<G: Generations + NameSources, C: ChangePublisher> Renaming<G, C> {
    /// Returns when every order shows `source`'s name as its document has it, also in a search, and that document says
    /// so. Does nothing where it says so already.
    pub async fn propagate(&self, source: NameSource) -> Result<(), Abandoned> {
        let (NameSource::Customer(id) | NameSource::Product(id)) = source;
        let generation = self.generation;
        let Some(name) = self.unpropagated(id).await? else {
            return Ok(());
        };
        let name = Arc::new(name);
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
            let store = self.generations.store(found.generation);
            let reached = match found.queried {
                true => self.carry(&store, source, &name, true).await?,
                // It may be dropped meanwhile.
                false => {
                    self.carry_unless_gone(&store, found.generation, source, &name)
                        .await?
                }
            };
            corrected += reached;
        }
        metrics::counter!("projector_renamed_orders_total").increment(corrected as u64);
        tracing::info!(%generation, %id, version = name.name_version, orders = corrected, "renaming reached every order");
        self.mark(id, &name).await
    }

    async fn carry_unless_gone(
        &self,
        orders: &G::Store,
        generation: Generation,
        source: NameSource,
        name: &Arc<CurrentName>,
    ) -> Result<usize, Abandoned> {
        tokio::select! {
            carried = self.carry(orders, source, name, false) => carried,
            gone = self.gone(generation) => gone.map(|()| 0),
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
    async fn carry(
        &self,
        orders: &G::Store,
        source: NameSource,
        name: &Arc<CurrentName>,
        told: bool,
    ) -> Result<usize, Abandoned> {
        self.refresh(orders).await?;
        let mut after = None;
        let mut corrected = 0;
        loop {
            let page = self
                .patience
                .until_done("searching orders", || {
                    orders.orders_showing(source, name.name_version, after, self.page)
                })
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            let corrections: Corrections = page
                .iter()
                .map(|order| (*order, vec![(source, Arc::clone(name))]))
                .collect();
            let changes = self.names.correct(orders, corrections).await?;
            corrected += changes.len();
            if told {
                self.publish(&changes).await?;
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

    async fn unpropagated(&self, id: Uuid) -> Result<Option<CurrentName>, Abandoned> {
        let Some((_, projection)) = self.load(id).await? else {
            return Ok(None);
        };
        Ok(match projection.awaits_propagation() {
            true => projection.current_name(),
            false => None,
        })
    }

    async fn load(&self, id: Uuid) -> Result<Option<(Revision, Projection)>, Abandoned> {
        let mut stored = self
            .patience
            .until_done("reading names", || async move { self.store.load(&[id]).await })
            .await?;
        let Some(stored) = stored.pop().flatten() else {
            return Ok(None);
        };
        match Projection::from_json(self.generation.kind, id, stored.body) {
            Ok(projection) => Ok(Some((stored.revision, projection))),
            Err(error) => {
                let generation = self.generation;
                tracing::error!(%generation, %id, error = format!("{:#}", anyhow::Error::from(error)), "a name cannot be read");
                Ok(None)
            }
        }
    }

    async fn mark(&self, id: Uuid, name: &CurrentName) -> Result<(), Abandoned> {
        let generation = self.generation;
        let mut pauses = self.patience.pauses("writing names");
        loop {
            let Some((revision, mut projection)) = self.load(id).await? else {
                return Ok(());
            };
            if !projection.mark_propagated(name) {
                return Ok(());
            }
            let body = match projection.to_json() {
                Ok(body) => body,
                Err(error) => {
                    tracing::error!(%generation, %id, %error, "a document cannot be written as JSON");
                    return Ok(());
                }
            };
            let write = DocumentWrite {
                id,
                expected: Some(revision),
                body,
            };
            let written = self
                .patience
                .unless_abandoned(self.store.write(vec![write]))
                .await?
                .map(|mut outcomes| outcomes.pop());
            match written {
                Ok(Some(WriteOutcome::Written(_))) => {
                    let told = change(generation.kind, id, projection.version(), None);
                    return match self.announcing.is_on() {
                        true => self.publish(told.as_slice()).await,
                        false => Ok(()),
                    };
                }
                Ok(Some(WriteOutcome::Conflict)) => {}
                Ok(Some(WriteOutcome::Refused(cause))) => {
                    tracing::error!(%generation, %id, cause, "the store refuses to note that a name was carried on");
                    return Ok(());
                }
                Ok(Some(WriteOutcome::Unavailable(cause))) => {
                    self.patience.pause(&mut pauses, &anyhow::anyhow!(cause)).await?;
                }
                Ok(None) => {
                    self.patience
                        .pause(&mut pauses, &anyhow::anyhow!("a write was not answered"))
                        .await?;
                }
                Err(error) => self.patience.pause(&mut pauses, &error.into()).await?,
            }
        }
    }
}
