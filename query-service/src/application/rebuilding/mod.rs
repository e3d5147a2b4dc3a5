//! A projection rebuilt beside the one that queries read: filled by a pipeline like any other, compared as a whole, then
//! swapped in. The earlier generation goes on being fed, so that the way back is open until it is dropped.

mod comparing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use read_model::Kind;

use super::ports::{
    DocumentStore as _, FeedStanding, Feeds, FoundGeneration, Generation, Rebuildable, StoreError,
};
use super::projecting::patience::{Abandoned, Patience};

pub use comparing::{Comparison, Ids};

/// Between two looks at how far a generation is fed.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A generation is level when what was in the topics is done within this; offsets are committed once a second.
const LEVEL_WITHIN: Duration = Duration::from_secs(5);
/// While what queries read is held: what is new is seen by nobody meanwhile, and queries with a token wait.
const HOLD_AT_MOST: Duration = Duration::from_secs(5);
const LOOK_WHILE_HELD: Duration = Duration::from_millis(50);

pub struct Rebuilding<G, F> {
    pub generations: Arc<G>,
    pub feeds: Arc<F>,
    pub patience: Patience,
}

/// What a rebuild of a projection works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub kind: Kind,
    /// What queries read, if they read any.
    pub queried: Option<Generation>,
    /// What they are to read.
    pub next: Generation,
    /// It was begun before.
    pub resumed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
    #[error("queries of {0} read the only generation of this build's mapping: there is no way back")]
    NoEarlier(Kind),
    #[error(transparent)]
    Store(#[from] super::ports::StoreError),
}

impl<G: Rebuildable, F: Feeds> Rebuilding<G, F> {
    /// Goes on with what was begun and never swapped in, else begins another generation.
    pub async fn plan(&self, kind: Kind) -> Result<Plan, RebuildError> {
        let found = self.find(kind).await?;
        self.let_go(&found).await?;
        let mapping = self.generations.mapping(kind);
        let queried = queried(&found);
        let ours = found
            .iter()
            .map(|found| found.generation)
            .filter(|generation| generation.mapping == mapping);
        // An earlier one of this mapping is the way back, and no beginning.
        let from = queried.filter(|queried| queried.mapping == mapping);
        let begun = ours
            .clone()
            .filter(|generation| from.is_none_or(|from| generation.number > from.number))
            .max();
        if let Some(next) = begun.filter(|begun| Some(*begun) != queried) {
            return Ok(Plan {
                kind,
                queried,
                next,
                resumed: true,
            });
        }
        let last = ours.map(|generation| generation.number).max().unwrap_or(0);
        let next = Generation {
            kind,
            mapping,
            number: last + 1,
        };
        // One of the same name may have been dropped.
        self.patience
            .until_done("forgetting offsets", || self.feeds.forget(next))
            .await?;
        self.generations.create(next).await?;
        Ok(Plan {
            kind,
            queried,
            next,
            resumed: false,
        })
    }

    /// Back to the generation before the one that queries read.
    pub async fn way_back(&self, kind: Kind) -> Result<Plan, RebuildError> {
        let found = self.find(kind).await?;
        self.let_go(&found).await?;
        let mapping = self.generations.mapping(kind);
        let queried = queried(&found);
        let from = queried.filter(|queried| queried.mapping == mapping);
        let earlier = found
            .iter()
            .map(|found| found.generation)
            .filter(|generation| generation.mapping == mapping && Some(*generation) != queried)
            .filter(|generation| from.is_none_or(|from| generation.number < from.number))
            .max();
        Ok(Plan {
            kind,
            queried,
            next: earlier.ok_or(RebuildError::NoEarlier(kind))?,
            resumed: true,
        })
    }

    /// Returns when what comes into the topics is in the generation within seconds. Somebody has to feed it meanwhile.
    pub async fn until_level(
        &self,
        generation: Generation,
        mut look: impl FnMut(&FeedStanding),
    ) -> Result<(), RebuildError> {
        loop {
            let began = Instant::now();
            let target = self.standing(generation).await?;
            look(&target);
            let mut standing = target.clone();
            while !standing.has_passed(&target) {
                self.patience
                    .unless_abandoned(tokio::time::sleep(LOOK_EVERY))
                    .await?;
                standing = self.standing(generation).await?;
                look(&standing);
            }
            if began.elapsed() <= LEVEL_WITHIN {
                return Ok(());
            }
        }
    }

    /// From here on queries read what the plan has in mind, and none sees less than before: what they read is held until the
    /// next one has everything that was in the topics by then, and shows it to searches.
    pub async fn swap(&self, plan: &Plan) -> Result<(), RebuildError> {
        let Some(queried) = plan.queried else {
            return Ok(self.generations.point_queries(None, plan.next).await?);
        };
        loop {
            self.patience
                .until_done("holding what queries read", || self.generations.hold(queried))
                .await?;
            let swapped = self.swap_while_held(plan).await;
            // Whatever came of it; that of a request that failed is not known.
            self.patience
                .until_done("letting a generation go", || self.generations.let_go(queried))
                .await?;
            match swapped {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    tracing::warn!(next = %plan.next, "it fell behind before it could be swapped in: once more");
                }
                Err(RebuildError::Store(StoreError::Unavailable(error))) => {
                    tracing::warn!(next = %plan.next, "it could not be swapped in: {error:#}: once more");
                    // It may have been all the same.
                    if self::queried(&self.find(plan.kind).await?) == Some(plan.next) {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
            self.until_level(plan.next, |_| ()).await?;
        }
    }

    /// False where the next one does not catch up in time.
    async fn swap_while_held(&self, plan: &Plan) -> Result<bool, RebuildError> {
        let caught_up = async {
            let target = self.standing(plan.next).await?;
            while !self.standing(plan.next).await?.has_passed(&target) {
                self.patience
                    .unless_abandoned(tokio::time::sleep(LOOK_WHILE_HELD))
                    .await?;
            }
            self.generations.store(plan.next).refresh().await?;
            Ok::<_, RebuildError>(())
        };
        match tokio::time::timeout(HOLD_AT_MOST, caught_up).await {
            Ok(caught_up) => caught_up?,
            Err(_) => return Ok(false),
        }
        self.generations.point_queries(plan.queried, plan.next).await?;
        Ok(true)
    }

    /// Deletes what queries do not read. Answers what was deleted.
    pub async fn drop_unread(&self, kind: Kind) -> Result<Vec<Generation>, RebuildError> {
        let mut dropped = Vec::new();
        for found in self.find(kind).await? {
            if found.queried {
                continue;
            }
            self.generations.drop_generation(found.generation).await?;
            self.patience
                .until_done("forgetting offsets", || self.feeds.forget(found.generation))
                .await?;
            dropped.push(found.generation);
        }
        Ok(dropped)
    }

    /// What an earlier run held when it was killed.
    async fn let_go(&self, found: &[FoundGeneration]) -> Result<(), Abandoned> {
        for FoundGeneration { generation, .. } in found {
            self.patience
                .until_done("letting a generation go", || self.generations.let_go(*generation))
                .await?;
        }
        Ok(())
    }

    async fn find(&self, kind: Kind) -> Result<Vec<FoundGeneration>, Abandoned> {
        let kinds = [kind];
        self.patience
            .until_done("looking for generations", || self.generations.find(&kinds))
            .await
    }

    async fn standing(&self, generation: Generation) -> Result<FeedStanding, Abandoned> {
        self.patience
            .until_done("asking how far the feed is", || self.feeds.standing(generation))
            .await
    }
}

fn queried(found: &[FoundGeneration]) -> Option<Generation> {
    found
        .iter()
        .find(|found| found.queried)
        .map(|found| found.generation)
}
