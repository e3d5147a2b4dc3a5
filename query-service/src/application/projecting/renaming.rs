//! A renaming carried to every order that shows the name, a page at a time.

use std::sync::Arc;

use read_model::{CurrentName, Kind, NameSource, Projection};
use uuid::Uuid;

use super::names::{Corrections, Names, change, stream};
use super::patience::{Abandoned, Patience};
use crate::application::ports::{Change, ChangePublisher, DocumentStore, DocumentWrite, WriteOutcome};

pub struct Renaming<S, C> {
    pub store: Arc<S>,
    pub changes: Arc<C>,
    pub names: Names<S>,
    pub patience: Patience,
    pub page: usize,
}

impl<S: DocumentStore, C: ChangePublisher> Renaming<S, C> {
    /// Returns when every order shows `source`'s name as its document has it, also in a search, and that document says
    /// so. Does nothing where it says so already.
    pub async fn propagate(&self, source: NameSource) -> Result<(), Abandoned> {
        let (kind, id) = stream(source);
        let Some((_, name)) = self.unpropagated(kind, id).await? else {
            return Ok(());
        };
        let name = Arc::new(name);
        self.refresh().await?;
        let mut after = None;
        let mut corrected = 0;
        loop {
            let page = self
                .patience
                .until_done("searching orders", || {
                    self.store
                        .orders_showing(source, name.name_version, after, self.page)
                })
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            let corrections: Corrections = page
                .iter()
                .map(|order| (*order, vec![(source, Arc::clone(&name))]))
                .collect();
            let changes = self.names.correct(corrections).await?;
            corrected += changes.len();
            self.publish(&changes).await?;
        }
        if corrected > 0 {
            self.refresh().await?;
        }
        metrics::counter!("projector_renamed_orders_total").increment(corrected as u64);
        tracing::info!(%kind, %id, version = name.name_version, orders = corrected, "renaming reached every order");
        self.mark(kind, id, &name).await
    }

    async fn refresh(&self) -> Result<(), Abandoned> {
        self.patience
            .until_done("refreshing orders", || self.store.refresh(Kind::Order))
            .await
    }

    async fn publish(&self, changes: &[Change]) -> Result<(), Abandoned> {
        self.patience
            .until_done("publishing changes", || self.changes.publish(changes))
            .await
    }

    async fn unpropagated(
        &self,
        kind: Kind,
        id: Uuid,
    ) -> Result<Option<(crate::application::ports::Revision, CurrentName)>, Abandoned> {
        let Some((revision, projection)) = self.load(kind, id).await? else {
            return Ok(None);
        };
        Ok(match projection.awaits_propagation() {
            true => projection.current_name().map(|name| (revision, name)),
            false => None,
        })
    }

    async fn load(
        &self,
        kind: Kind,
        id: Uuid,
    ) -> Result<Option<(crate::application::ports::Revision, Projection)>, Abandoned> {
        let mut stored = self
            .patience
            .until_done(
                "reading names",
                || async move { self.store.load(kind, &[id]).await },
            )
            .await?;
        let Some(stored) = stored.pop().flatten() else {
            return Ok(None);
        };
        match Projection::from_json(kind, id, stored.body) {
            Ok(projection) => Ok(Some((stored.revision, projection))),
            Err(error) => {
                tracing::error!(%kind, %id, error = format!("{:#}", anyhow::Error::from(error)), "a name cannot be read");
                Ok(None)
            }
        }
    }

    async fn mark(&self, kind: Kind, id: Uuid, name: &CurrentName) -> Result<(), Abandoned> {
        let mut pauses = self.patience.pauses("writing names");
        loop {
            let Some((revision, mut projection)) = self.load(kind, id).await? else {
                return Ok(());
            };
            if !projection.mark_propagated(name) {
                return Ok(());
            }
            let body = match projection.to_json() {
                Ok(body) => body,
                Err(error) => {
                    tracing::error!(%kind, %id, %error, "a document cannot be written as JSON");
                    return Ok(());
                }
            };
            let write = DocumentWrite {
                kind,
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
                    let changes: Vec<Change> =
                        change(kind, id, projection.version(), None).into_iter().collect();
                    return self.publish(&changes).await;
                }
                Ok(Some(WriteOutcome::Conflict)) => {}
                Ok(Some(WriteOutcome::Refused(cause))) => {
                    tracing::error!(%kind, %id, cause, "the store refuses to note that a name was carried on");
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
