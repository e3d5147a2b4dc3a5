//! Gaps closed: a document that has waited too long for an event gets it from the topic, where it is read once more, or
//! else from the owner of the events, who is asked to publish the stream again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared_events::RepairRequest;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::aside::Aside;
use super::folded::Fate;
use super::patience::{Abandoned, Patience};
use super::settings::ProjectorSettings;
use crate::application::ports::{
    ChangePublisher, DocumentStore, Generation, Generations, Missing, NameSources, PublishedEvents,
    RepairRequests, StoredDocument,
};

/// Documents that are looked after at a time: those that have waited longest.
const MOST: usize = 10_000;
/// Documents that are looked for together.
const PAGE: usize = 500;

/// What waits in the documents of one generation.
pub struct Gaps<G: Generations, P, R, C> {
    generation: Generation,
    store: Arc<G::Store>,
    published: P,
    repairs: Arc<R>,
    aside: Aside<G, C>,
    patience: Patience,
    settings: ProjectorSettings,
    watched: HashMap<Uuid, Watched>,
}

/// A document that waits, and what has been done about it.
struct Watched {
    /// Up to which it is folded.
    version: u64,
    reread: bool,
    next: Instant,
    pause: Duration,
}

/// As its document stands now.
struct Open {
    id: Uuid,
    version: u64,
    changed_at: Option<DateTime<Utc>>,
}

impl<G, P, R, C> Gaps<G, P, R, C>
where
    G: Generations + NameSources,
    P: PublishedEvents,
    R: RepairRequests,
    C: ChangePublisher,
{
    pub fn new(
        generation: Generation,
        store: Arc<G::Store>,
        published: P,
        repairs: Arc<R>,
        aside: Aside<G, C>,
        patience: Patience,
        settings: ProjectorSettings,
    ) -> Self {
        Self {
            generation,
            store,
            published,
            repairs,
            aside,
            patience,
            settings,
            watched: HashMap::new(),
        }
    }

    /// Looks again and again while `ours` says that this replica is the one to do it. Until `cancel`.
    pub async fn run(mut self, ours: impl Fn() -> bool, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(self.settings.gap_check);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
            if !ours() {
                self.watched.clear();
                self.gauge(0);
                continue;
            }
            if let Some(Err(Abandoned)) = cancel.run_until_cancelled(self.sweep()).await {
                break;
            }
        }
        self.gauge(0);
    }

    /// One look at everything that waits.
    pub async fn sweep(&mut self) -> Result<(), Abandoned> {
        let before = self.patience.now() - self.settings.gap_patience;
        let waiting = self
            .patience
            .until_done("looking for gaps", || self.store.waiting(before, MOST))
            .await?;
        self.gauge(waiting.len());
        let mut watched = std::mem::take(&mut self.watched);
        let now = Instant::now();
        let mut due = Vec::new();
        for document in waiting {
            let known = watched
                .remove(&document.id)
                .filter(|known| known.version >= document.version)
                .unwrap_or_else(|| Watched::new(document.version, self.settings.repair_first, now));
            if known.next <= now {
                due.push(document.id);
            }
            self.watched.insert(document.id, known);
        }
        for page in due.chunks(PAGE) {
            self.close(page).await?;
        }
        Ok(())
    }

    async fn close(&mut self, ids: &[Uuid]) -> Result<(), Abandoned> {
        // A search may be behind: what it found is looked at as it is now.
        let stored = self
            .patience
            .until_done("reading documents that wait", || self.store.load(ids))
            .await?;
        let open: Vec<Open> = ids
            .iter()
            .zip(stored)
            .filter_map(|(id, stored)| open(*id, stored?))
            .collect();
        for document in &open {
            let first = self.settings.repair_first;
            let known = self
                .watched
                .entry(document.id)
                .or_insert_with(|| Watched::new(document.version, first, Instant::now()));
            if known.version < document.version {
                *known = Watched::new(document.version, first, Instant::now());
            }
        }
        let (asked, unread): (Vec<Open>, Vec<Open>) = open
            .into_iter()
            .partition(|document| self.watched.get(&document.id).is_some_and(|known| known.reread));
        let mut missing: Vec<(Uuid, u64)> = asked.iter().map(|open| (open.id, open.version)).collect();
        if !unread.is_empty() {
            missing.extend(self.reread(unread).await?);
        }
        self.ask(missing).await
    }

    /// Answers what is not there either.
    async fn reread(&mut self, open: Vec<Open>) -> Result<Vec<(Uuid, u64)>, Abandoned> {
        let wanted: Vec<Missing> = open
            .iter()
            .map(|document| Missing {
                aggregate: self.generation.kind.aggregate(),
                id: document.id,
                from_version: document.version + 1,
                after: document.changed_at,
            })
            .collect();
        let found = match self
            .patience
            .unless_abandoned(self.published.find(&wanted))
            .await?
        {
            Ok(found) => found,
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(index = %self.generation, documents = open.len(),
                    "missing events cannot be looked for: {error:#}");
                self.count("failed", open.len());
                let later = Instant::now() + self.settings.repair_first;
                for document in &open {
                    if let Some(known) = self.watched.get_mut(&document.id) {
                        known.next = later;
                    }
                }
                return Ok(Vec::new());
            }
        };
        // One after another: they stand in the order of their topic, a repetition may come first.
        let mut fates: HashMap<(Uuid, u64), Fate> = HashMap::new();
        for (record, fate) in self.aside.apply(found).await? {
            let key = (record.metadata.aggregate_id, record.metadata.version);
            let known = fates.entry(key).or_insert_with(|| fate.clone());
            if matches!(fate, Fate::Applied | Fate::Superseded) {
                *known = fate;
            }
        }
        let mut missing = Vec::new();
        let (mut closed, mut refused) = (0, 0);
        for document in open {
            let next = (document.id, document.version + 1);
            let Some(known) = self.watched.get_mut(&document.id) else {
                continue;
            };
            known.reread = true;
            match fates.get(&next) {
                Some(Fate::Applied | Fate::Superseded) => closed += 1,
                // It is among the dead letters: sent again it would come to lie there once more.
                Some(Fate::ToBury { kind, cause }) => {
                    let (id, version) = next;
                    tracing::warn!(index = %self.generation, %id, version, kind, cause,
                        "the event that is waited for cannot be folded: replay its dead letter");
                    refused += 1;
                    *known = Watched::new(document.version, self.settings.repair_first, Instant::now());
                    known.next += self.settings.repair_longest;
                }
                Some(Fate::Parked) | None => missing.push((document.id, document.version)),
            }
        }
        self.count("found", closed);
        self.count("refused", refused);
        self.count("missing", missing.len());
        Ok(missing)
    }

    /// With growing pauses: who is asked may be away, too.
    async fn ask(&mut self, missing: Vec<(Uuid, u64)>) -> Result<(), Abandoned> {
        if missing.is_empty() {
            return Ok(());
        }
        let aggregate = self.generation.kind.aggregate();
        let requests: Vec<RepairRequest> = missing
            .iter()
            .map(|(id, version)| RepairRequest {
                aggregate,
                id: *id,
                from_version: version + 1,
            })
            .collect();
        self.patience
            .until_done("asking for repairs", || self.repairs.send(&requests))
            .await?;
        for (id, version) in &missing {
            tracing::warn!(index = %self.generation, %aggregate, %id, from_version = version + 1, "asked for a repair");
            if let Some(known) = self.watched.get_mut(id) {
                known.next = Instant::now() + known.pause;
                known.pause = (known.pause * 2).min(self.settings.repair_longest);
            }
        }
        metrics::counter!("projector_repair_requests_total", "projection" => self.generation.kind.name())
            .increment(missing.len() as u64);
        Ok(())
    }

    fn gauge(&self, waiting: usize) {
        let (projection, index) = (self.generation.kind.name(), self.generation.to_string());
        metrics::gauge!("projector_waiting_aggregates", "projection" => projection, "index" => index)
            .set(waiting as f64);
    }

    fn count(&self, outcome: &'static str, documents: usize) {
        if documents > 0 {
            let projection = self.generation.kind.name();
            metrics::counter!("projector_gap_rereads_total", "projection" => projection, "outcome" => outcome)
                .increment(documents as u64);
        }
    }
}

impl Watched {
    fn new(version: u64, pause: Duration, next: Instant) -> Self {
        Self {
            version,
            reread: false,
            next,
            pause,
        }
    }
}

/// `None` where it waits no more.
fn open(id: Uuid, stored: StoredDocument) -> Option<Open> {
    let body = stored.body;
    body.get("waits_since").filter(|since| !since.is_null())?;
    Some(Open {
        id,
        version: body["version"].as_u64()?,
        changed_at: body
            .get("updated_at")
            .and_then(Value::as_str)
            .and_then(|time| time.parse().ok()),
    })
}
