//! Records folded beside the lanes: those that were missing and are found, and dead letters that are replayed.
//!
//! The same folding and finishing as in a lane; compare-and-set lets both go on at the same time. Nothing is acknowledged
//! and nothing is buried: who asks for it learns what became of each record.

use std::sync::Arc;

use read_model::NameSource;

use super::announcing::Announcing;
use super::finishing::Finishing;
use super::folded::Fate;
use super::folding::Folding;
use super::names::Names;
use super::patience::{Abandoned, Patience};
use super::recent::RecentDocuments;
use super::record::{Acknowledge, Position, Record};
use super::renaming::Renaming;
use super::settings::ProjectorSettings;
use super::tally::Tally;
use crate::application::ports::{
    ChangePublisher, DeadLetter, DeadLetters, Generation, Generations, NameSources, StoreError,
};

pub struct Aside<G: Generations, C> {
    folding: Folding<G::Store>,
    finishing: Finishing<G, Nowhere, C, Nobody>,
    renaming: Renaming<G, C>,
}

impl<G, C> Aside<G, C>
where
    G: Generations + NameSources,
    C: ChangePublisher,
{
    pub fn new(
        settings: &ProjectorSettings,
        generation: Generation,
        generations: &Arc<G>,
        changes: &Arc<C>,
        announcing: &Arc<Announcing>,
        patience: &Patience,
    ) -> Self {
        let store = Arc::new(generations.store(generation));
        let names = Names::new(Arc::clone(generations), patience.clone());
        Self {
            // What it wrote last is the lanes' again.
            folding: Folding::new(
                generation.kind,
                Arc::clone(&store),
                RecentDocuments::new(0),
                patience.clone(),
            ),
            finishing: Finishing {
                generation,
                tally: Arc::new(Tally::new(generation)),
                store: Arc::clone(&store),
                dead_letters: Arc::new(Nowhere),
                changes: Arc::clone(changes),
                announcing: Arc::clone(announcing),
                names: names.clone(),
                patience: patience.clone(),
                acknowledge: Arc::new(Nobody),
            },
            renaming: Renaming {
                generation,
                store,
                generations: Arc::clone(generations),
                changes: Arc::clone(changes),
                announcing: Arc::clone(announcing),
                names,
                patience: patience.clone(),
                page: settings.renaming_page.get(),
            },
        }
    }

    /// Returns when everything that the records lead to is stored and told, with what became of each.
    pub async fn apply(&mut self, records: Vec<Arc<Record>>) -> Result<Vec<(Arc<Record>, Fate)>, Abandoned> {
        let mut fates = Vec::with_capacity(records.len());
        let mut finished = Vec::new();
        for mut folded in self.folding.fold(records).await? {
            fates.extend(folded.records.iter().cloned());
            folded
                .records
                .retain(|(_, fate)| !matches!(fate, Fate::ToBury { .. }));
            if !folded.records.is_empty() {
                finished.push(folded);
            }
        }
        // They are taken in once more, so that what is counted as applied, superseded and parked stays what was consumed.
        let taken_in = finished.iter().map(|folded| folded.records.len()).sum();
        self.finishing.tally.consumed(taken_in);
        let renamed = self.finishing.finish(finished, Vec::new(), Vec::new()).await?;
        let sources: Vec<NameSource> = renamed.iter().map(|renamed| renamed.source).collect();
        self.renaming.propagate(&sources).await?;
        Ok(fates)
    }
}

/// What cannot be folded is taken out before: this is never called.
pub struct Nowhere;

impl DeadLetters for Nowhere {
    async fn bury(&self, _: DeadLetter) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The offsets of these records are none of this process's business.
pub struct Nobody;

impl Acknowledge for Nobody {
    fn done(&self, _: &[Position]) {}
}
