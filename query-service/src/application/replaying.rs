//! Dead letters taken up again: replayed into the projection that could not take them, or discarded.

use std::collections::HashMap;
use std::sync::Arc;

use read_model::Kind;

use super::ports::{
    BuriedLetters, ChangePublisher, Generation, Generations, LetterDecoder, LetterHead, LetterId,
    NameSources, Resolution, StoreError,
};
use super::projecting::aside::Aside;
use super::projecting::folded::Fate;
use super::projecting::patience::{Abandoned, Patience};
use super::projecting::{Announcing, Incoming, ProjectorSettings, Record};

/// Which letters are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    All,
    Key(String),
    Ids(Vec<LetterId>),
}

impl Selection {
    fn takes(&self, letter: &LetterHead) -> bool {
        match self {
            Self::All => true,
            Self::Key(key) => letter.key.as_deref() == Some(key.as_bytes()),
            Self::Ids(ids) => ids.contains(&letter.id),
        }
    }
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A word for how: `applied`, `superseded`, `parked` or `ignored`.
    Replayed(&'static str),
    /// It is where it was, for this reason.
    Stays { kind: String, cause: String },
}

impl Outcome {
    fn stays(kind: &str, cause: &str) -> Self {
        Self::Stays {
            kind: kind.to_owned(),
            cause: cause.to_owned(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the dead letters cannot be read or written")]
    Letters(#[source] StoreError),
    #[error("which indices there are cannot be told")]
    Generations(#[source] StoreError),
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
}

/// The open letters of a partition that are meant, in the order in which they were buried: that of each key.
pub async fn selected(
    letters: &impl BuriedLetters,
    partition: i32,
    selection: &Selection,
) -> Result<Vec<LetterHead>, StoreError> {
    let mut heads = letters.unresolved(partition).await?;
    heads.retain(|head| selection.takes(head));
    Ok(heads)
}

pub struct Replaying<G: Generations, B, X, C> {
    pub settings: ProjectorSettings,
    pub generations: Arc<G>,
    pub letters: Arc<B>,
    pub decoder: X,
    pub changes: Arc<C>,
    pub patience: Patience,
    pub asides: HashMap<Generation, Aside<G, C>>,
}

impl<G, B, X, C> Replaying<G, B, X, C>
where
    G: Generations + NameSources,
    B: BuriedLetters,
    X: LetterDecoder,
    C: ChangePublisher,
{
    /// Reads the letter with today's code and folds it as its pipeline would, in every generation that this build writes.
    /// What fails again stays.
    pub async fn replay(&mut self, head: &LetterHead) -> Result<Outcome, ReplayError> {
        let outcome = self.apply(head).await?;
        if let Outcome::Replayed(_) = outcome {
            self.letters
                .resolve(head, Resolution::Replayed)
                .await
                .map_err(ReplayError::Letters)?;
        }
        Ok(outcome)
    }

    async fn apply(&mut self, head: &LetterHead) -> Result<Outcome, ReplayError> {
        let kinds = match head.projection.as_deref().map(str::parse::<Kind>) {
            Some(Ok(kind)) => vec![kind],
            Some(Err(error)) => return Ok(Outcome::stays("unknown-projection", &error.to_string())),
            // An earlier build buried it: whoever reads its topic.
            None => Kind::ALL.to_vec(),
        };
        let letter = self.letters.read(head.id).await.map_err(ReplayError::Letters)?;
        let Some(letter) = letter else {
            return Ok(Outcome::stays("no-letter", "no letter stands there"));
        };
        let mut outcome = "ignored";
        for kind in kinds {
            let decoded = self
                .patience
                .until_done("decoding a letter", || self.decoder.decode(kind, &letter))
                .await?;
            match decoded {
                Incoming::Ignored(_) => {}
                Incoming::Undecodable { letter, .. } => {
                    return Ok(Outcome::stays(letter.kind, &letter.cause));
                }
                Incoming::Event(record) => match self.fold(kind, record).await? {
                    Outcome::Replayed(folded) => outcome = folded,
                    stays @ Outcome::Stays { .. } => return Ok(stays),
                },
            }
        }
        Ok(Outcome::Replayed(outcome))
    }

    async fn fold(&mut self, kind: Kind, record: Arc<Record>) -> Result<Outcome, ReplayError> {
        let found = self
            .generations
            .find(&[kind])
            .await
            .map_err(ReplayError::Generations)?;
        let mapping = self.generations.mapping(kind);
        let mut outcome = Outcome::stays("no-index", "there is no index that this build writes");
        for found in found
            .into_iter()
            .filter(|found| found.generation.mapping == mapping)
        {
            let aside = self.asides.entry(found.generation).or_insert_with(|| {
                let announcing = Arc::new(Announcing::default());
                announcing.set_queried(found.queried);
                Aside::new(
                    &self.settings,
                    found.generation,
                    &self.generations,
                    &self.changes,
                    &announcing,
                    &self.patience,
                )
            });
            for (_, fate) in aside.apply(vec![Arc::clone(&record)]).await? {
                outcome = match fate {
                    Fate::Applied => Outcome::Replayed("applied"),
                    Fate::Superseded => Outcome::Replayed("superseded"),
                    Fate::Parked => Outcome::Replayed("parked"),
                    Fate::ToBury { kind, cause } => return Ok(Outcome::stays(kind, &cause)),
                };
            }
        }
        Ok(outcome)
    }
}
