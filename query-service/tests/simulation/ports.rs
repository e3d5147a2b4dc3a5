//! The ports as one process sees them: slow, failing, and silent while it is frozen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use query_service::application::ports::{
    Change, ChangePublisher, DeadLetter, DeadLetters, DocumentStore, DocumentWrite, FoundGeneration,
    Generation, Generations, Missing, NameSource, NameSources, PublishedEvents, RepairRequests, Revision,
    StoreError, StoredDocument, Waiting, WriteOutcome,
};
use query_service::application::projecting::{Position, Record};
use query_service::outbound::memory::documents::MemoryDocuments;
use read_model::{CurrentName, Kind};
use serde_json::Value;
use shared_events::RepairRequest;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::world::{Ends, Planted, World};

/// One life of a process.
pub struct Process {
    pub world: Arc<World>,
    pub name: String,
    frozen: AtomicBool,
    thaw: Notify,
}

fn lost() -> StoreError {
    StoreError::Unavailable(anyhow::anyhow!("as the dice say"))
}

impl Process {
    pub fn new(world: Arc<World>, name: String) -> Self {
        Self {
            world,
            name,
            frozen: AtomicBool::new(false),
            thaw: Notify::new(),
        }
    }

    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }

    pub fn set_frozen(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Relaxed);
        if !frozen {
            self.thaw.notify_waiters();
        }
    }

    async fn thawed(&self) {
        while self.is_frozen() {
            self.thaw.notified().await;
        }
    }

    pub async fn pause(&self, pause: Duration) {
        self.thawed().await;
        // What the call takes, in simulated time.
        tokio::time::sleep(pause).await;
        self.thawed().await;
    }

    /// `effect` learns how the call ends, for what has parts.
    async fn call<T>(
        &self,
        what: &str,
        effect: impl AsyncFnOnce(Ends) -> Result<T, StoreError>,
        told: impl FnOnce(&T) -> String,
    ) -> Result<T, StoreError> {
        let fate = self.world.fate();
        self.pause(fate.before).await;
        if fate.ends == Ends::Unsent {
            self.world.trace(format!("{} {what}: unsent", self.name));
            return Err(lost());
        }
        let result = effect(fate.ends).await;
        let told = match &result {
            Ok(done) => told(done),
            Err(error) => format!("{error}"),
        };
        self.world
            .trace(format!("{} {what}: {told} {:?}", self.name, fate.ends));
        self.pause(fate.after).await;
        match fate.ends {
            Ends::Unanswered => Err(lost()),
            _ => result,
        }
    }
}

/// All generations, by way of one process.
pub struct Stores(pub Arc<Process>);

pub struct Documents {
    process: Arc<Process>,
    kind: Kind,
    memory: MemoryDocuments,
}

impl Generations for Stores {
    type Store = Documents;

    fn mapping(&self, kind: Kind) -> u32 {
        self.0.world.stores.mapping(kind)
    }

    async fn find(&self, kinds: &[Kind]) -> Result<Vec<FoundGeneration>, StoreError> {
        let find = async |_| self.0.world.stores.find(kinds).await;
        self.0
            .call("find", find, |found| format!("{} generations", found.len()))
            .await
    }

    fn store(&self, generation: Generation) -> Documents {
        Documents {
            process: Arc::clone(&self.0),
            kind: generation.kind,
            memory: self.0.world.stores.store(generation),
        }
    }
}

impl NameSources for Stores {
    async fn names(&self, sources: &[NameSource]) -> Result<Vec<Option<CurrentName>>, StoreError> {
        let names = async |_| self.0.world.stores.names(sources).await;
        self.0
            .call("names", names, |names| format!("{} names", names.len()))
            .await
    }
}

impl Documents {
    async fn write_one(&self, mut write: DocumentWrite) -> Result<WriteOutcome, StoreError> {
        let world = &self.process.world;
        let (id, body) = (write.id, write.body.clone());
        if world.planted(Planted::LosesWrites) && world.roll(20) == 0 {
            return Ok(WriteOutcome::Written(Revision {
                seq_no: -1,
                primary_term: 1,
            }));
        }
        if world.planted(Planted::Overwrites) {
            let stored = self.memory.load(&[id]).await?.pop().flatten();
            write.expected = stored.map(|stored| stored.revision);
        }
        let outcome = self.memory.write(vec![write]).await?.pop();
        let outcome = outcome.unwrap_or_else(|| WriteOutcome::Unavailable("no answer".to_owned()));
        if matches!(outcome, WriteOutcome::Written(_)) {
            let body: Value = serde_json::from_str(&body).expect("a document");
            world.wrote(self.kind, id, body["version"].as_u64().unwrap_or(0));
        }
        Ok(outcome)
    }
}

impl DocumentStore for Documents {
    async fn load(&self, ids: &[Uuid]) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let load = async |_| self.memory.load(ids).await;
        self.process
            .call(&format!("load {} {ids:?}", self.kind), load, |stored| {
                let revisions = stored
                    .iter()
                    .map(|stored| stored.as_ref().map(|stored| stored.revision.seq_no));
                format!("{:?}", revisions.collect::<Vec<_>>())
            })
            .await
    }

    async fn write(&self, writes: Vec<DocumentWrite>) -> Result<Vec<WriteOutcome>, StoreError> {
        let what = format!("write {} documents of {}", writes.len(), self.kind);
        let write = async |ends| {
            let mut outcomes = Vec::new();
            for write in writes {
                let left_out = ends == Ends::Partly && self.process.world.roll(2) == 0;
                outcomes.push(match left_out {
                    true => WriteOutcome::Unavailable("as the dice say".to_owned()),
                    false => self.write_one(write).await?,
                });
            }
            Ok(outcomes)
        };
        self.process
            .call(&what, write, |outcomes| format!("{outcomes:?}"))
            .await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let refresh = async |_| self.memory.refresh().await;
        self.process.call("refresh", refresh, |()| String::new()).await
    }

    async fn orders_showing(
        &self,
        older: &[(NameSource, u64)],
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let search = async |_| self.memory.orders_showing(older, after, limit).await;
        self.process
            .call("orders showing", search, |ids| format!("{} orders", ids.len()))
            .await
    }

    async fn waiting(&self, since_before: DateTime<Utc>, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let waiting = async |_| self.memory.waiting(since_before, limit).await;
        self.process
            .call(&format!("{} waiting", self.kind), waiting, |waiting| {
                format!("{} documents", waiting.len())
            })
            .await
    }
}

/// The topics that are written to.
pub struct Topics(pub Arc<Process>, pub Kind);

impl ChangePublisher for Topics {
    async fn publish(&self, changes: &[Change]) -> Result<(), StoreError> {
        let tell = async |ends| {
            let world = &self.0.world;
            let part = match ends {
                Ends::Partly => world.roll(changes.len() as u64 + 1) as usize,
                _ => changes.len(),
            };
            if !world.planted(Planted::TellsNothing) {
                world.tell(&changes[..part]);
            }
            match part < changes.len() {
                true => Err(lost()),
                false => Ok(()),
            }
        };
        self.0
            .call("tell", tell, |()| format!("{} changes", changes.len()))
            .await
    }
}

impl DeadLetters for Topics {
    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError> {
        let bury = async |_| {
            if !self.0.world.planted(Planted::BuriesNothing) {
                self.0
                    .world
                    .bury(self.1, &letter.topic, letter.partition, letter.offset);
            }
            Ok(())
        };
        self.0
            .call("bury", bury, |()| format!("{} {}", letter.kind, letter.offset))
            .await
    }
}

impl RepairRequests for Topics {
    async fn send(&self, requests: &[RepairRequest]) -> Result<(), StoreError> {
        let send = async |_| {
            self.0.world.noted().requests.extend_from_slice(requests);
            Ok(())
        };
        self.0.call("ask", send, |()| format!("{requests:?}")).await
    }
}

impl PublishedEvents for Topics {
    async fn find(&self, wanted: &[Missing]) -> Result<Vec<Arc<Record>>, StoreError> {
        let find = async |_| {
            let mut found = Vec::new();
            let noted = self.0.world.noted();
            for ((topic, partition), records) in &noted.topics {
                let wanted = wanted.iter().filter(|missing| missing.aggregate == *topic);
                for missing in wanted {
                    let told = records.iter().filter_map(|record| {
                        let told = record.told.clone()?;
                        let is_wanted = told.id == missing.id && told.version >= missing.from_version;
                        is_wanted.then_some((record.offset, told))
                    });
                    for (offset, told) in told {
                        let position = Position {
                            topic: *topic,
                            partition: *partition,
                            offset,
                            assignment: 0,
                        };
                        let target = self.1.target(&told.metadata(), &told.event);
                        found.extend(target.map(|target| Arc::new(told.at(position, target))));
                    }
                }
            }
            Ok(found)
        };
        self.0
            .call("read again", find, |found| format!("{} events", found.len()))
            .await
    }
}
