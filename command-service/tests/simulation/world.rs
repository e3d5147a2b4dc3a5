//! What all actors of a run share: the store, the topic, time and chance, and what a bystander notes of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use command_service::application::ports::{
    BUCKETS, Clock as _, Lease, Outbox, OutboxRow, StoreError, StreamId,
};
use command_service::outbound::memory::{CountingIds, ManualClock, MemoryLeases, MemoryStore};
use command_service::sharing::{Wake, mask_of};
use shared_events::EventMetadata;
use tokio::time::Instant;
use uuid::Uuid;

use crate::dice::Dice;

/// A fault that a run is given on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Rows leave the outbox when they are read.
    MarksBeforePublishing,
    /// A mark under an old epoch counts as one under the current.
    FenceUnchecked,
    /// A record that the broker did not take is left out, and those behind it are taken.
    LeavesOneOut,
    /// A command's record has no primary key.
    OutcomeNotKeyed,
    /// The queue is taken from the wrong end.
    TakesOutOfOrder,
    /// Nobody takes over from who died.
    LeasesNeverExpire,
    /// A commit is answered before it is made.
    AnswersBeforeCommit,
    /// The client's key is not part of the commit.
    KeyOutsideCommit,
}

/// What goes wrong in a run, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Climate {
    /// Percent of calls that fail before they have an effect, and after it.
    pub lost: u64,
    /// How long a call takes, at most, in milliseconds.
    pub slow: u64,
    /// Percent of wakes that go astray.
    pub deaf: u64,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    pub before: Duration,
    pub after: Duration,
    pub ends: Ends,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    Well,
    Unsent,
    Unanswered,
}

pub struct World {
    pub store: Arc<MemoryStore>,
    pub worker_leases: Arc<MemoryLeases>,
    pub ids: Arc<CountingIds>,
    pub clock: Arc<ManualClock>,
    pub planted: Option<Planted>,
    began: Instant,
    noted: Mutex<Noted>,
}

pub struct Noted {
    pub dice: Dice,
    pub climate: Climate,
    pub healed: bool,
    pub broker_is_up: bool,
    skew: TimeDelta,
    pub trace: Vec<String>,
    hash: u64,
    pub violations: Vec<String>,
    /// The topic: what came in what order.
    pub log: Vec<EventMetadata>,
    logged: HashSet<(Uuid, u64)>,
    /// Rows that somebody has read from the outbox.
    rows: BTreeMap<i64, (Uuid, u64)>,
    /// The highest epoch that was given out for each bucket of the outbox.
    pub granted: HashMap<u16, i64>,
    /// How often a command was committed, and how often one under a key.
    outcomes: BTreeMap<String, usize>,
    /// Of the processes, by the name of their role.
    pub wakes: Vec<(&'static str, Arc<Wake>)>,
}

impl World {
    pub fn new(seed: u64, planted: Option<Planted>) -> Self {
        let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)));
        let worker_lease = match planted {
            Some(Planted::LeasesNeverExpire) => TimeDelta::days(1_000),
            _ => MemoryStore::LEASE_TIME,
        };
        let mut dice = Dice::of(seed);
        let climate = Climate {
            lost: dice.one_of(&[0, 2, 10, 25]),
            slow: dice.one_of(&[3, 40, 400, 2_000]),
            deaf: dice.one_of(&[0, 20, 100]),
        };
        Self {
            store: Arc::new(MemoryStore::new(Arc::clone(&clock))),
            worker_leases: Arc::new(MemoryLeases::new(Arc::clone(&clock), worker_lease)),
            ids: Arc::default(),
            clock,
            planted,
            began: Instant::now(),
            noted: Mutex::new(Noted {
                dice,
                climate,
                healed: false,
                broker_is_up: true,
                skew: TimeDelta::zero(),
                trace: Vec::new(),
                hash: 0xcbf2_9ce4_8422_2325,
                violations: Vec::new(),
                log: Vec::new(),
                logged: HashSet::new(),
                rows: BTreeMap::new(),
                granted: HashMap::new(),
                outcomes: BTreeMap::new(),
                wakes: Vec::new(),
            }),
        }
    }

    pub fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap()
    }

    pub fn roll(&self, below: u64) -> u64 {
        self.noted().dice.roll(below)
    }

    pub fn trace(&self, line: String) {
        let at = self.began.elapsed().as_millis();
        let mut noted = self.noted();
        let line = format!("{at:>7} {line}");
        for byte in line.bytes() {
            noted.hash = (noted.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        noted.trace.push(line);
    }

    pub fn violated(&self, what: String) {
        self.trace(format!("VIOLATED {what}"));
        self.noted().violations.push(what);
    }

    /// Of everything that was traced.
    pub fn hash(&self) -> u64 {
        self.noted().hash
    }

    /// The store's clock goes with the run's time, but for its jumps.
    pub fn sync(&self) {
        let elapsed = TimeDelta::from_std(self.began.elapsed()).unwrap();
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + elapsed + self.noted().skew;
        self.clock.advance(now - self.clock.now());
    }

    pub fn jump(&self) {
        let seconds = self.roll(60) as i64 - 30;
        self.noted().skew = TimeDelta::seconds(seconds);
        self.trace(format!("the store's clock is {seconds} s ahead"));
    }

    pub fn fate(&self) -> Fate {
        let mut noted = self.noted();
        let Climate { lost, slow, .. } = noted.climate;
        if noted.healed {
            return Fate {
                before: noted.dice.millis(3),
                after: noted.dice.millis(3),
                ends: Ends::Well,
            };
        }
        // Most calls are quick.
        let bound = if noted.dice.chance(80) {
            slow / 10 + 1
        } else {
            slow + 1
        };
        Fate {
            before: noted.dice.millis(bound),
            after: noted.dice.millis(bound),
            ends: match noted.dice.roll(200) {
                roll if roll < lost => Ends::Unsent,
                roll if roll < 2 * lost => Ends::Unanswered,
                _ => Ends::Well,
            },
        }
    }

    /// Work was committed: processes are woken, unless it goes astray.
    pub fn wake(&self, role: &'static str, bucket: u16) {
        let mut noted = self.noted();
        let noted = &mut *noted;
        for (_, wake) in noted.wakes.iter().filter(|(of, _)| *of == role) {
            if !noted.dice.chance(noted.climate.deaf) {
                wake.announced(mask_of(bucket));
            }
        }
    }

    pub fn saw_rows(&self, rows: &[OutboxRow]) {
        let mut noted = self.noted();
        for row in rows {
            let event = (row.metadata.aggregate_id, row.metadata.version);
            noted.rows.insert(row.id, event);
        }
    }

    pub fn granted(&self, leases: &[Lease]) {
        let mut noted = self.noted();
        for lease in leases {
            let epoch = noted.granted.entry(lease.bucket).or_default();
            *epoch = lease.epoch.max(*epoch);
        }
    }

    pub fn took_in(&self, row: &OutboxRow) {
        let mut noted = self.noted();
        let event = (row.metadata.aggregate_id, row.metadata.version);
        noted.logged.insert(event);
        noted.log.push(row.metadata.clone());
    }

    /// A mark, with a look at what it does.
    pub async fn mark(&self, rows: &[(Lease, i64)]) -> Result<usize, StoreError> {
        let before = self.unpublished().await;
        let mut claimed = rows.to_vec();
        if self.planted == Some(Planted::FenceUnchecked) {
            let noted = self.noted();
            for (lease, _) in &mut claimed {
                lease.epoch = noted.granted.get(&lease.bucket).copied().unwrap_or(lease.epoch);
            }
        }
        let marked = self.store.mark_published(&claimed).await?;
        let after = self.unpublished().await;
        for id in before.difference(&after) {
            let (given, event) = {
                let noted = self.noted();
                let given = rows
                    .iter()
                    .find(|(_, row)| row == id)
                    .map(|(lease, _)| (*lease, noted.granted.get(&lease.bucket).copied()));
                let event = noted.rows.get(id).copied();
                (given, event.filter(|event| !noted.logged.contains(event)))
            };
            if let Some((stream, version)) = event {
                self.violated(format!(
                    "version {version} of {stream} was marked, and is not in its topic"
                ));
            }
            if let Some((lease, Some(granted))) = given
                && lease.epoch < granted
            {
                self.violated(format!(
                    "a mark under epoch {} took effect, {granted} was given out",
                    lease.epoch
                ));
            }
        }
        Ok(marked)
    }

    pub async fn unpublished(&self) -> HashSet<i64> {
        let all: Vec<u16> = (0..BUCKETS).collect();
        let rows = self.store.pending(&all, usize::MAX).await.unwrap();
        rows.iter().map(|row| row.id).collect()
    }

    /// A commit took effect: the only one of its command, and the only one under the client's key.
    pub fn committed(&self, command: Uuid, key: Option<String>) {
        for name in [Some(format!("the command {command}")), key]
            .into_iter()
            .flatten()
        {
            let outcomes = {
                let mut noted = self.noted();
                let outcomes = noted.outcomes.entry(name.clone()).or_default();
                *outcomes += 1;
                *outcomes
            };
            if outcomes > 1 {
                self.violated(format!("{name} has {outcomes} outcomes"));
            }
        }
    }

    /// Everything that is committed is in the topic, the first occurrences in order, and nothing else is.
    pub fn check_topic(&self, streams: &[StreamId]) {
        let mut versions: HashMap<Uuid, Vec<u64>> = HashMap::new();
        let log = self.noted().log.clone();
        for event in &log {
            let seen = versions.entry(event.aggregate_id).or_default();
            if !seen.contains(&event.version) {
                seen.push(event.version);
            }
        }
        for stream in streams {
            let committed = self.store.events(*stream).len() as u64;
            let published = versions.remove(&stream.id).unwrap_or_default();
            if published != (1..=committed).collect::<Vec<_>>() {
                let id = stream.id;
                self.violated(format!(
                    "{committed} events of {id} are committed; first in the topic are {published:?}"
                ));
            }
        }
        for stream in versions.keys() {
            self.violated(format!("{stream} is in the topic and was never committed"));
        }
    }
}
