//! Changes pushed to clients, resumable on any replica.
//!
//! A client's position is where it stands in each partition of the changes topic, and goes with every push. It resumes from
//! what this replica keeps of late, or from the topic itself up to there; joining the two by position leaves no gap and
//! nothing double.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use uuid::Uuid;

mod positions;
mod recent;
mod settings;

pub use self::positions::{MalformedPositions, Positions};
pub use self::recent::RecentChanges;
use self::recent::{Found, Place};
pub use self::settings::PushSettings;
use super::ports::{Change, OrderSummary};

/// How an order's summary is shown: once, however many clients there are.
pub type Show = fn(&OrderSummary) -> Bytes;

/// Between two looks at what is new: one look for all that came in between.
const LOOKS_APART: Duration = Duration::from_millis(5);

/// A record of the changes topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub partition: i32,
    pub offset: i64,
    /// `None`: a later version's, or a stranger's.
    pub change: Option<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// A position to resume from, where nothing is to be shown.
    Position(String),
    Changed {
        positions: String,
        order: Bytes,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error("as many clients as may be are told of changes")]
    Full,
    #[error("the changes topic cannot be read")]
    Unavailable(#[source] anyhow::Error),
    /// What follows the position is kept no longer, or the topic is another one.
    #[error("changes since this position are not kept any more")]
    Gone,
}

/// The changes topic, read from some position.
pub trait ChangeLog: Send + Sync + 'static {
    type Reader: ChangeLogReader;

    /// [`PushError::Gone`] if what follows is not kept, or the topic does not reach there.
    fn check(&self, from: &Positions) -> impl Future<Output = Result<(), PushError>> + Send;

    /// After [`ChangeLog::check`].
    fn read(&self, from: &Positions) -> impl Future<Output = Result<Self::Reader, PushError>> + Send;
}

pub trait ChangeLogReader: Send + 'static {
    /// Waits for the next record.
    fn next(&mut self) -> impl Future<Output = Result<Heard, PushError>> + Send;
}

pub struct Pushing<L> {
    recent: Arc<RecentChanges>,
    log: L,
    clients: Arc<Semaphore>,
    catching_up: Arc<Semaphore>,
    settings: PushSettings,
}

impl<L: ChangeLog> Pushing<L> {
    pub fn new(recent: Arc<RecentChanges>, log: L, settings: PushSettings) -> Self {
        Self {
            recent,
            log,
            clients: Arc::new(Semaphore::new(settings.max_clients.get())),
            catching_up: Arc::new(Semaphore::new(settings.max_catching_up.get())),
            settings,
        }
    }

    /// Of one order or of all; from where a client was, or from now on.
    pub async fn open(
        &self,
        order: Option<Uuid>,
        resume: Option<Positions>,
    ) -> Result<Pushes<L::Reader>, PushError> {
        let client = self.clients.clone().try_acquire_owned();
        let client = client.map_err(|_| PushError::Full).map(Connected::new)?;
        let heads = self
            .recent
            .heads()
            .ok_or_else(|| PushError::Unavailable(anyhow::anyhow!("the changes topic was not found yet")))?;
        let positions = resume.clone().unwrap_or_else(|| heads.clone());
        // Beyond what is known here another replica may have been; or the topic is another one.
        if resume.is_some()
            && !positions
                .iter()
                .all(|(of, next)| heads.names(of) && next <= heads.of(of))
        {
            self.log.check(&positions).await?;
        }
        let mut place = Place::new(positions, order);
        let mut past = None;
        // What is kept may have moved on by now, also for who begins now.
        if !self.recent.enter(&mut place) {
            let permit = self.catching_up.clone().try_acquire_owned();
            let permit = permit.map_err(|_| PushError::Full)?;
            self.log.check(&place.positions).await?;
            past = Some(Past {
                reader: self.log.read(&place.positions).await?,
                until: Instant::now() + self.settings.catch_up_within,
                _permit: permit,
            });
        }
        Ok(Pushes {
            growth: self.recent.growth(),
            recent: self.recent.clone(),
            place,
            past,
            greeted: false,
            quiet: self.settings.heartbeat,
            _client: client,
        })
    }
}

/// One client's changes.
pub struct Pushes<R> {
    recent: Arc<RecentChanges>,
    growth: watch::Receiver<u64>,
    place: Place,
    /// While it reads what is kept here no longer.
    past: Option<Past<R>>,
    greeted: bool,
    quiet: Duration,
    _client: Connected,
}

struct Past<R> {
    reader: R,
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

impl<R: ChangeLogReader> Pushes<R> {
    /// What is next; a position when there was nothing for a while. `None` when the client is cut: it fell behind what is
    /// kept, or changes may have been missed here. It resumes by its last position.
    pub async fn next(&mut self) -> Option<Vec<Push>> {
        // At once, so that there is something to resume from.
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(vec![self.position()]);
        }
        let quiet_until = Instant::now() + self.quiet;
        match tokio::time::timeout_at(quiet_until, self.found()).await {
            Ok(found) => found,
            Err(_) => Some(vec![self.position()]),
        }
    }

    fn position(&self) -> Push {
        Push::Position(self.place.positions.to_string())
    }

    async fn found(&mut self) -> Option<Vec<Push>> {
        while self.past.is_some() {
            if let Some(push) = self.next_of_the_past().await? {
                return Some(vec![push]);
            }
        }
        loop {
            let beyond = match self.recent.find(&mut self.place) {
                Found::Pushes(pushes) => return Some(pushes),
                Found::Nothing(beyond) => beyond,
                Found::Lost => {
                    metrics::counter!("push_cut_total").increment(1);
                    return None;
                }
            };
            // The sender lives as long as `recent`.
            self.growth.wait_for(|count| *count > beyond).await.ok()?;
            tokio::time::sleep(LOOKS_APART).await;
        }
    }

    /// `None` where the way ends here.
    async fn next_of_the_past(&mut self) -> Option<Option<Push>> {
        if self.recent.enter(&mut self.place) {
            self.past = None;
            return Some(None);
        }
        let past = self.past.as_mut()?;
        // A client that takes longer resumes from where it was, and gives others their turn.
        let heard = match tokio::time::timeout_at(past.until, past.reader.next()).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a client that was catching up is cut");
                return None;
            }
            Err(_) => return None,
        };
        if !self.place.positions.pass(heard.partition, heard.offset) {
            return Some(None);
        }
        let order = heard.change.and_then(|change| change.order);
        let order = order.filter(|order| self.place.order.is_none_or(|only| only == order.id));
        Some(order.map(|order| Push::Changed {
            positions: self.place.positions.to_string(),
            order: self.recent.show(&order),
        }))
    }
}

/// A client's place among those who may be.
struct Connected(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

impl Connected {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!("push_clients").increment(1);
        Self(permit)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        metrics::gauge!("push_clients").decrement(1);
    }
}

#[cfg(test)]
mod tests;
