//! A batch of records folded into their documents and written, each document once.
//!
//! A document is taken from memory, guessed absent (where the stream's first event has come) or read; the records are
//! folded; the write is guarded by the revision. Where that conflicts, somebody else wrote: it is read and folded again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use read_model::{Applied, ApplyError, Draining, Kind, Projection};
use uuid::Uuid;

use super::folded::{Fate, Folded, unchecked_names};
use super::patience::{Abandoned, Patience, Pauses};
use super::recent::{Known, RecentDocuments};
use super::record::Record;
use crate::application::ports::{DocumentStore, DocumentWrite, OrderSummary, Revision, WriteOutcome};
use crate::failpoints;

pub struct Folding<S> {
    kind: Kind,
    store: Arc<S>,
    recent: RecentDocuments,
    patience: Patience,
}

/// What a document is folded onto.
enum Base {
    Unread,
    Read {
        revision: Option<Revision>,
        projection: Box<Projection>,
    },
}

struct Group {
    kind: Kind,
    id: Uuid,
    records: Vec<Arc<Record>>,
    fates: Vec<Fate>,
    base: Base,
    /// The base is what was stored when it was last seen. Another may have had the partition meanwhile.
    remembered: bool,
    draining: Draining,
    drained: usize,
    folded: bool,
    /// The folded document differs from what is stored.
    changed: bool,
}

impl<S: DocumentStore> Folding<S> {
    pub fn new(kind: Kind, store: Arc<S>, recent: RecentDocuments, patience: Patience) -> Self {
        Self {
            kind,
            store,
            recent,
            patience,
        }
    }

    /// Returns when every document is stored; a record that no document can take is to be buried.
    pub async fn fold(&mut self, records: Vec<Arc<Record>>) -> Result<Vec<Folded>, Abandoned> {
        let mut open = self.group(records);
        let mut done = Vec::with_capacity(open.len());
        let mut alone = Vec::new();
        let mut pauses = self.patience.pauses("writing documents");
        while !open.is_empty() {
            self.fold_onto_stored(&mut open, &mut done).await?;
            let (to_write, unchanged): (Vec<_>, Vec<_>) = open.into_iter().partition(|group| group.changed);
            for group in unchanged {
                done.push(self.finish(group, None));
            }
            open = self.write(to_write, &mut done, &mut alone, &mut pauses).await?;
        }
        // A refusal is of one record: whichever it is, the others go on.
        for mut group in alone {
            for record in std::mem::take(&mut group.records) {
                let one = Box::pin(self.fold(vec![record])).await?;
                done.extend(one);
            }
        }
        Ok(done)
    }

    /// Folds onto what is remembered, and onto what is stored where nothing is or where it does not fit.
    async fn fold_onto_stored(&self, open: &mut Vec<Group>, done: &mut Vec<Folded>) -> Result<(), Abandoned> {
        loop {
            self.read(open, done).await?;
            let now = self.patience.now();
            for group in open.iter_mut() {
                group.fold(now);
            }
            if !open.iter().any(Group::is_unread) {
                return Ok(());
            }
        }
    }

    fn group(&mut self, records: Vec<Arc<Record>>) -> Vec<Group> {
        let mut at: HashMap<Uuid, usize> = HashMap::with_capacity(records.len());
        let mut groups: Vec<Group> = Vec::with_capacity(records.len());
        for record in records {
            let id = record.target;
            let index = *at.entry(id).or_insert_with(|| {
                groups.push(Group::new(self.kind, id));
                groups.len() - 1
            });
            groups[index].records.push(record);
        }
        for group in &mut groups {
            let known = self.recent.take(&group.id);
            group.remembered = known.is_some();
            group.base = match known {
                Some(known) => Base::Read {
                    revision: Some(known.revision),
                    projection: Box::new(known.projection),
                },
                None if group.may_be_absent() => Base::absent(group.kind, group.id),
                None => Base::Unread,
            };
        }
        groups
    }

    /// Reads what is not known. Records of a document that cannot be read are to be buried.
    async fn read(&self, open: &mut Vec<Group>, done: &mut Vec<Folded>) -> Result<(), Abandoned> {
        let unread: Vec<usize> = (0..open.len()).filter(|at| open[*at].is_unread()).collect();
        if unread.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = unread.iter().map(|at| open[*at].id).collect();
        let stored = self
            .patience
            .until_done("reading documents", || self.store.load(&ids))
            .await?;
        let mut unreadable = Vec::new();
        for (at, stored) in unread.into_iter().zip(stored) {
            let group = &mut open[at];
            let Some(stored) = stored else {
                group.base = Base::absent(group.kind, group.id);
                continue;
            };
            match Projection::from_json(group.kind, group.id, stored.body) {
                Ok(projection) => {
                    group.base = Base::Read {
                        revision: Some(stored.revision),
                        projection: Box::new(projection),
                    };
                }
                Err(error) => unreadable.push((at, format!("{:#}", anyhow::Error::from(error)))),
            }
        }
        unreadable.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(*at));
        for (at, cause) in unreadable {
            done.push(open.swap_remove(at).bury_all("unreadable-document", &cause));
        }
        Ok(())
    }

    /// Gives back those that are to be tried again.
    async fn write(
        &mut self,
        groups: Vec<Group>,
        done: &mut Vec<Folded>,
        alone: &mut Vec<Group>,
        pauses: &mut Pauses,
    ) -> Result<Vec<Group>, Abandoned> {
        let mut again = Vec::new();
        let mut writes = Vec::with_capacity(groups.len());
        let mut written = Vec::with_capacity(groups.len());
        for group in groups {
            match group.to_write() {
                Ok(write) => {
                    written.push((group, write.body.len()));
                    writes.push(write);
                }
                Err(cause) => done.push(group.bury_all("unwritable-document", &cause)),
            }
        }
        if writes.is_empty() {
            return Ok(again);
        }
        let started = Instant::now();
        metrics::histogram!("projector_bulk_documents", "projection" => self.kind.name())
            .record(writes.len() as f64);
        failpoints::cut("projector::before_bulk");
        let outcomes = match self.patience.unless_abandoned(self.store.write(writes)).await? {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.patience.pause(pauses, &error.into()).await?;
                return Ok(written.into_iter().map(|(group, _)| group).collect());
            }
        };
        failpoints::cut("projector::after_bulk");
        metrics::histogram!("projector_bulk_seconds", "projection" => self.kind.name())
            .record(started.elapsed().as_secs_f64());
        let mut unavailable = None;
        for ((mut group, bytes), outcome) in written.into_iter().zip(outcomes) {
            match outcome {
                WriteOutcome::Written(revision) => {
                    done.push(self.finish(group, Some((revision, bytes))));
                }
                WriteOutcome::Conflict => {
                    metrics::counter!("projector_conflicts_total", "projection" => self.kind.name())
                        .increment(1);
                    group.reread();
                    again.push(group);
                }
                WriteOutcome::Refused(cause) => match group.refused(cause) {
                    Refusal::Bury(folded) => done.push(*folded),
                    Refusal::OneByOne(group) => alone.push(group),
                    Refusal::WithoutDraining(group) => again.push(group),
                },
                WriteOutcome::Unavailable(cause) => {
                    unavailable.get_or_insert(cause);
                    again.push(group);
                }
            }
        }
        match unavailable {
            Some(cause) => self.patience.pause(pauses, &anyhow::anyhow!(cause)).await?,
            None => pauses.over(),
        }
        Ok(again)
    }

    fn finish(&mut self, group: Group, written: Option<(Revision, usize)>) -> Folded {
        let id = group.id;
        let (folded, revision, projection) = group.into_folded();
        let (revision, bytes) = match (written, revision) {
            (Some((revision, bytes)), _) => (Some(revision), bytes),
            // Unchanged: its size is not known, an order of some lines is assumed.
            (None, revision) => (revision, 1_000),
        };
        // One that is created once is not needed again.
        if let (Some(revision), Some(projection), false) = (revision, projection, self.kind.is_create_only())
        {
            self.recent.put(
                id,
                Known {
                    revision,
                    projection: *projection,
                    bytes,
                },
            );
        }
        folded
    }
}

enum Refusal {
    Bury(Box<Folded>),
    OneByOne(Group),
    WithoutDraining(Group),
}

impl Base {
    fn absent(kind: Kind, id: Uuid) -> Self {
        Self::Read {
            revision: None,
            projection: Box::new(Projection::new(kind, id)),
        }
    }
}

impl Group {
    fn new(kind: Kind, id: Uuid) -> Self {
        Self {
            kind,
            id,
            records: Vec::new(),
            fates: Vec::new(),
            base: Base::Unread,
            remembered: false,
            draining: Draining::All,
            drained: 0,
            folded: false,
            changed: false,
        }
    }

    /// Most likely, since the event has come that is its first.
    fn may_be_absent(&self) -> bool {
        self.records
            .iter()
            .any(|record| self.kind.may_begin(&record.metadata, &record.event))
    }

    fn is_unread(&self) -> bool {
        matches!(self.base, Base::Unread)
    }

    fn reread(&mut self) {
        self.base = Base::Unread;
        self.remembered = false;
        self.folded = false;
    }

    /// Once for each base: a write that is tried again takes what was folded before. What does not fit what is remembered is
    /// to be folded onto what is stored.
    fn fold(&mut self, now: DateTime<Utc>) {
        let Base::Read { projection, .. } = &mut self.base else {
            return;
        };
        if self.folded {
            return;
        }
        self.folded = true;
        self.changed = false;
        self.drained = 0;
        self.fates.clear();
        let parked_before = projection.parked();
        for record in &self.records {
            let fate = match projection.apply(&record.metadata, &record.event, self.draining, now) {
                Ok(Applied::Folded { drained, stuck }) => {
                    self.changed = true;
                    self.drained += drained;
                    if let Some(cause) = stuck {
                        let (kind, id) = (self.kind, self.id);
                        tracing::error!(%kind, %id, version = projection.version(), cause, "a parked event does not fold");
                    }
                    Fate::Applied
                }
                Ok(Applied::Parked) => {
                    self.changed = true;
                    Fate::Parked
                }
                Ok(Applied::Duplicate) => {
                    if failpoints::planted("planted::older_version_overwrites") {
                        **projection = Projection::new(self.kind, self.id);
                        self.changed = projection
                            .apply(&record.metadata, &record.event, self.draining, now)
                            .is_ok();
                    }
                    Fate::Superseded
                }
                Err(error) => {
                    let kind = match error {
                        ApplyError::TooFarAhead { .. } => "too-far-ahead",
                        ApplyError::DoesNotFold(_) | ApplyError::OtherKind { .. } => "does-not-fold",
                        ApplyError::CannotPark(_) | ApplyError::CannotKeep(_) => "cannot-be-parked",
                    };
                    let cause = format!("{:#}", anyhow::Error::from(error));
                    Fate::ToBury { kind, cause }
                }
            };
            self.fates.push(fate);
        }
        let fits = |fate: &Fate| matches!(fate, Fate::Applied | Fate::Superseded);
        if self.remembered && !self.fates.iter().all(fits) {
            self.reread();
            return;
        }
        if parked_before == 0 && projection.parked() > 0 {
            metrics::counter!("projector_gaps_total", "projection" => self.kind.name()).increment(1);
            let (kind, id) = (self.kind, self.id);
            tracing::warn!(%kind, %id, version = projection.version(), parked = projection.parked(), "a gap: later events wait");
        }
    }

    fn to_write(&self) -> Result<DocumentWrite, String> {
        let Base::Read { revision, projection } = &self.base else {
            return Err("nothing was folded".to_owned());
        };
        Ok(DocumentWrite {
            id: self.id,
            expected: *revision,
            body: projection.to_json().map_err(|error| error.to_string())?,
        })
    }

    fn refused(mut self, cause: String) -> Refusal {
        if self.records.len() > 1 {
            return Refusal::OneByOne(self);
        }
        if self.drained > 0 && self.draining == Draining::All {
            let (kind, id) = (self.kind, self.id);
            tracing::error!(%kind, %id, cause, "the store refuses an event that was parked: it stays where it is");
            self.draining = Draining::None;
            self.reread();
            return Refusal::WithoutDraining(self);
        }
        Refusal::Bury(Box::new(self.bury_all("refused-by-mapping", &cause)))
    }

    fn bury_all(self, kind: &'static str, cause: &str) -> Folded {
        let cause = cause.to_owned();
        Folded {
            id: self.id,
            version: 0,
            order: None,
            records: self
                .records
                .into_iter()
                .map(|record| {
                    (
                        record,
                        Fate::ToBury {
                            kind,
                            cause: cause.clone(),
                        },
                    )
                })
                .collect(),
            unchecked_names: Vec::new(),
            awaits_propagation: false,
        }
    }

    fn into_folded(self) -> (Folded, Option<Revision>, Option<Box<Projection>>) {
        let (revision, projection) = match self.base {
            Base::Read { revision, projection } => (revision, Some(projection)),
            Base::Unread => (None, None),
        };
        let mut folded = Folded {
            id: self.id,
            version: 0,
            order: None,
            unchecked_names: Vec::new(),
            awaits_propagation: false,
            records: self.records.into_iter().zip(self.fates).collect(),
        };
        if let Some(projection) = &projection {
            folded.version = projection.version();
            folded.order = projection.order().map(OrderSummary::from);
            folded.awaits_propagation = projection.awaits_propagation();
            folded.unchecked_names = unchecked_names(projection, &folded.records, self.drained);
        }
        (folded, revision, projection)
    }
}
