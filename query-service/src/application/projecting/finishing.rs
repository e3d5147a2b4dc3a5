//! What follows a write: dead letters buried, names compared, changes told; then the records are done.

use std::sync::Arc;

use futures_util::future::try_join_all;
use read_model::{Kind, NameSource};

use super::announcing::Announcing;
use super::folded::{Fate, Folded};
use super::names::{Names, change, source};
use super::patience::{Abandoned, Patience};
use super::record::{Acknowledge, Position};
use super::tally::{Fates, Tally};
use crate::application::ports::{
    Change, ChangePublisher, DeadLetter, DeadLetters, Generation, Generations, NameSources,
};
use crate::failpoints;

pub struct Finishing<G: Generations, D, C, A> {
    pub generation: Generation,
    pub tally: Arc<Tally>,
    pub store: Arc<G::Store>,
    pub dead_letters: Arc<D>,
    pub changes: Arc<C>,
    pub announcing: Arc<Announcing>,
    pub names: Names<G>,
    pub patience: Patience,
    pub acknowledge: Arc<A>,
}

/// A renaming that is to reach the orders before its records are done.
#[derive(Debug)]
pub struct Renamed {
    pub source: NameSource,
    pub positions: Vec<Position>,
}

impl<G, D, C, A> Finishing<G, D, C, A>
where
    G: Generations + NameSources,
    D: DeadLetters,
    C: ChangePublisher,
    A: Acknowledge,
{
    /// Answers the renamings, whose records are not acknowledged yet.
    pub async fn finish(
        &self,
        folded: Vec<Folded>,
        undecodable: Vec<(Position, DeadLetter)>,
        ignored: Vec<Position>,
    ) -> Result<Vec<Renamed>, Abandoned> {
        let mut shown = Vec::new();
        for document in &folded {
            for (source, version) in &document.unchecked_names {
                shown.push((document.id, *source, *version));
            }
        }
        let corrected = self.names.compare(&*self.store, shown).await?;
        let mut changes = Vec::new();
        if self.announcing.is_on() {
            changes.extend(
                folded
                    .iter()
                    .filter_map(|document| told(self.generation.kind, document)),
            );
            // Later than what was written before, and told after it.
            changes.extend(corrected);
        }
        let mut fates = Fates::ignored(ignored.len());
        fates.undecodable(undecodable.len());
        let kind = self.generation.kind;
        let mut done = ignored;
        let mut renamed = Vec::new();
        let mut letters = Vec::new();
        for (position, letter) in undecodable {
            done.push(position);
            letters.push(letter);
        }
        for document in folded {
            let source = source(kind, document.id).filter(|_| document.awaits_propagation);
            match source {
                Some(source) => renamed.push(Renamed {
                    source,
                    positions: document.positions().collect(),
                }),
                None => done.extend(document.positions()),
            }
            for (record, fate) in document.records {
                fates.add(&fate);
                if let Fate::ToBury { kind, cause } = fate {
                    letters.push(record.raw.to_letter(record.position, kind, cause));
                }
            }
        }
        self.tally.came_to(&fates);
        self.bury(letters).await?;
        self.publish(&changes).await?;
        failpoints::cut("projector::after_told");
        self.acknowledge.done(&done);
        Ok(renamed)
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Result<(), Abandoned> {
        // All are handed over before the first is awaited.
        let burials = letters.into_iter().map(|mut letter| async move {
            let generation = self.generation;
            let projection = generation.kind.name();
            letter.projection = Some(projection.to_owned());
            tracing::error!(
                topic = letter.topic,
                partition = letter.partition,
                offset = letter.offset,
                kind = letter.kind,
                cause = letter.cause,
                "a record goes to the dead letters"
            );
            metrics::counter!(
                "projector_dead_letters_total",
                "projection" => projection,
                "index" => generation.to_string(),
                "kind" => letter.kind
            )
            .increment(1);
            self.patience
                .until_done("burying dead letters", || self.dead_letters.bury(letter.clone()))
                .await
        });
        try_join_all(burials).await.map(drop)
    }

    async fn publish(&self, changes: &[Change]) -> Result<(), Abandoned> {
        if changes.is_empty() {
            return Ok(());
        }
        self.patience
            .until_done("publishing changes", || self.changes.publish(changes))
            .await
    }
}

/// Also what came again is told again: whoever wrote it may have died before telling.
fn told(kind: Kind, document: &Folded) -> Option<Change> {
    let stored = document
        .records
        .iter()
        .any(|(_, fate)| matches!(fate, Fate::Applied | Fate::Superseded));
    match stored {
        true => change(kind, document.id, document.version, document.order.clone()),
        false => None,
    }
}
