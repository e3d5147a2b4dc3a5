//! What all processes of a run share, and what a bystander notes of it: topics, documents, what was told and buried.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use query_service::application::ports::{Change, Clock};
use query_service::inbound::kafka::offsets::Partition;
use query_service::outbound::memory::generations::MemoryGenerations;
use read_model::{Applied, Draining, Kind, Projection};
use serde_json::Value;
use shared_events::{AggregateType, RepairRequest};
use tokio::time::Instant;
use uuid::Uuid;

use crate::dice::Dice;
use crate::events::Told;
use crate::group::Group;

/// Of each topic.
pub const PARTITIONS: i32 = 2;

/// A fault that a run is given on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// A record counts as done when it has been read.
    CommitsEarly,
    /// A write is answered and not made.
    LosesWrites,
    /// A write does not compare the revision.
    Overwrites,
    /// Changes are not told.
    TellsNothing,
    /// Who gets a partition goes on where others have read to, not where they have committed to.
    ResumesBehindOthers,
    /// What is asked for never comes.
    RepairsUnanswered,
    /// Dead letters go nowhere.
    BuriesNothing,
}

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
    /// Some parts of the request, where it has parts.
    Partly,
    Unanswered,
}

/// A record of a topic.
#[derive(Debug, Clone)]
pub struct Published {
    pub offset: i64,
    /// `None`: bytes that are no event.
    pub told: Option<Told>,
}

pub struct World {
    pub stores: MemoryGenerations,
    /// The projections of this run.
    pub kinds: Vec<Kind>,
    pub planted: Option<Planted>,
    began: Instant,
    noted: Mutex<Noted>,
}

pub struct Noted {
    pub dice: Dice,
    lost: u64,
    slow: u64,
    pub healed: bool,
    pub skew: TimeDelta,
    pub trace: Vec<String>,
    pub hash: u64,
    pub violations: Vec<String>,
    pub topics: BTreeMap<Partition, Vec<Published>>,
    /// The highest version of each stream that its owner has, published or not.
    pub committed: BTreeMap<(AggregateType, Uuid), u64>,
    pub groups: BTreeMap<Kind, Group>,
    pub requests: Vec<RepairRequest>,
    /// The highest version that each document had.
    versions: HashMap<(Kind, Uuid), u64>,
    /// The highest version that was told.
    told: HashMap<(AggregateType, Uuid), u64>,
    buried: BTreeSet<(Kind, String, i32, i64)>,
    /// Streams of which the topic had a gap: what comes behind one is parked, and told once the gap is filled.
    pub gapped: BTreeSet<(AggregateType, Uuid)>,
}

impl World {
    pub fn new(seed: u64, planted: Option<Planted>) -> Self {
        let mut dice = Dice::of(seed);
        let mut kinds = Kind::AGGREGATES.to_vec();
        kinds.push(dice.one_of(&[Kind::OrderHistory, Kind::Sale, Kind::Delivery]));
        if dice.chance(60) {
            kinds.push(Kind::InvoiceAccount);
            // An invoice alone has no successor that would tell of its loss.
            if dice.chance(50) {
                kinds.push(Kind::Invoice);
            }
        }
        let groups = kinds.iter().map(|kind| (*kind, Group::new(*kind))).collect();
        let topics = AggregateType::ALL
            .into_iter()
            .flat_map(|topic| (0..PARTITIONS).map(move |partition| ((topic, partition), Vec::new())))
            .collect();
        Self {
            stores: MemoryGenerations::default(),
            kinds,
            planted,
            began: Instant::now(),
            noted: Mutex::new(Noted {
                lost: dice.one_of(&[0, 2, 10, 25]),
                slow: dice.one_of(&[3, 40, 400, 1_500]),
                dice,
                healed: false,
                skew: TimeDelta::zero(),
                trace: Vec::new(),
                hash: 0xcbf2_9ce4_8422_2325,
                violations: Vec::new(),
                topics,
                committed: BTreeMap::new(),
                groups,
                requests: Vec::new(),
                versions: HashMap::new(),
                told: HashMap::new(),
                buried: BTreeSet::new(),
                gapped: BTreeSet::new(),
            }),
        }
    }

    pub fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().expect("no panic")
    }

    pub fn planted(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    pub fn roll(&self, below: u64) -> u64 {
        self.noted().dice.roll(below)
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn trace(&self, line: String) {
        let line = format!("{:>7} {line}", self.elapsed().as_millis());
        let mut noted = self.noted();
        for byte in line.bytes() {
            noted.hash = (noted.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        noted.trace.push(line);
    }

    pub fn violated(&self, what: String) {
        self.trace(format!("VIOLATED {what}"));
        self.noted().violations.push(what);
    }

    pub fn fate(&self) -> Fate {
        let mut noted = self.noted();
        let (lost, slow) = (noted.lost, noted.slow);
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
            ends: match noted.dice.roll(300) {
                roll if roll < lost => Ends::Unsent,
                roll if roll < 2 * lost => Ends::Unanswered,
                roll if roll < 3 * lost => Ends::Partly,
                _ => Ends::Well,
            },
        }
    }

    /// Puts a record at the end of its partition. Kafka leaves offsets out.
    pub fn publish(&self, topic: AggregateType, key: Uuid, told: Option<Told>) {
        let partition = (topic, (key.as_u128() % PARTITIONS.unsigned_abs() as u128) as i32);
        let what = told.as_ref().map_or(0, |told| told.version);
        let offset = {
            let mut noted = self.noted();
            let skipped = match noted.dice.chance(10) {
                true => noted.dice.roll(5) as i64,
                false => 0,
            };
            let records = noted.topics.entry(partition).or_default();
            let offset = records.last().map_or(0, |last| last.offset + 1) + skipped;
            records.push(Published { offset, told });
            offset
        };
        self.trace(format!("{topic} {} at {offset}: {key} {what}", partition.1));
    }

    /// Behind the last record.
    pub fn end(&self, partition: Partition) -> i64 {
        let noted = self.noted();
        let last = noted.topics.get(&partition).and_then(|records| records.last());
        last.map_or(0, |last| last.offset + 1)
    }

    pub fn wrote(&self, kind: Kind, id: Uuid, version: u64) {
        let before = self.noted().versions.insert((kind, id), version);
        if before.is_some_and(|before| before > version) {
            self.violated(format!("{kind} {id} falls from version {before:?} to {version}"));
        }
    }

    pub fn tell(&self, changes: &[Change]) {
        let mut noted = self.noted();
        for change in changes {
            let told = noted.told.entry((change.aggregate, change.id)).or_default();
            *told = change.version.max(*told);
        }
    }

    pub fn bury(&self, kind: Kind, topic: &str, partition: i32, offset: i64) {
        let of = |record: &Published| record.offset == offset && record.told.is_some();
        let is_event = {
            let noted = self.noted();
            let mut topics = noted.topics.iter();
            topics.any(|((of_topic, of_partition), records)| {
                (of_topic.topic(), *of_partition) == (topic, partition) && records.iter().any(of)
            })
        };
        if is_event {
            self.violated(format!("{kind} buries an event: {topic} {partition} {offset}"));
        }
        let letter = (kind, topic.to_owned(), partition, offset);
        self.noted().buried.insert(letter);
    }

    /// Offsets are committed: everything between is written, parked or buried, and told.
    pub fn passed(&self, kind: Kind, partition: Partition, from: i64, to: i64) {
        let records: Vec<Published> = {
            let noted = self.noted();
            let all = noted.topics.get(&partition).into_iter().flatten();
            all.filter(|record| (from..to).contains(&record.offset))
                .cloned()
                .collect()
        };
        for record in records {
            let at = format!("{kind}: {} {} {}", partition.0, partition.1, record.offset);
            let Some(told) = record.told else {
                let letter = (kind, partition.0.topic().to_owned(), partition.1, record.offset);
                if !self.noted().buried.contains(&letter) {
                    self.violated(format!("{at} is passed and was not buried"));
                }
                continue;
            };
            let metadata = told.metadata();
            let Some(target) = kind.target(&metadata, &told.event) else {
                continue;
            };
            let body = self.document(kind, target);
            if body.is_null() {
                self.violated(format!("{at} is passed and not written"));
                continue;
            }
            let mut document = Projection::from_json(kind, target, body).expect("readable");
            match document.apply(&metadata, &told.event, Draining::None, DateTime::UNIX_EPOCH) {
                Ok(Applied::Duplicate) => {}
                other => self.violated(format!("{at} is passed and not written: {other:?}")),
            }
            let is_parked = self.noted().gapped.contains(&(partition.0, target));
            if tells_of(kind, partition.0) && !is_parked {
                let version = metadata.version.min(document.version());
                self.assert_told(&format!("{at} is passed"), (partition.0, target), version);
            }
        }
    }

    /// At rest: every document's last version was told, also that which waited for what was lost.
    pub fn assert_all_told(&self) {
        for kind in self.kinds.iter().copied() {
            if !tells_of(kind, kind.aggregate()) {
                continue;
            }
            for (id, body) in self.documents(kind) {
                let document = Projection::from_json(kind, id, body).expect("readable");
                self.assert_told(
                    &format!("{kind} {id} is at rest"),
                    (kind.aggregate(), id),
                    document.version(),
                );
            }
        }
    }

    fn assert_told(&self, when: &str, stream: (AggregateType, Uuid), version: u64) {
        let known = self.noted().told.get(&stream).copied().unwrap_or(0);
        if known < version {
            self.violated(format!("{when}, and version {version} was not told, but {known}"));
        }
    }

    /// As queries read it; null where it is not there.
    pub fn document(&self, kind: Kind, id: Uuid) -> Value {
        self.documents(kind).remove(&id).unwrap_or_default()
    }

    pub fn order(&self, id: Uuid) -> Value {
        self.document(Kind::Order, id)
    }

    pub fn documents(&self, kind: Kind) -> BTreeMap<Uuid, Value> {
        self.stores.queried(kind).all()
    }
}

/// Whether a change of the projection is told by the versions of the aggregate's topic.
fn tells_of(kind: Kind, topic: AggregateType) -> bool {
    !kind.is_create_only() && kind != Kind::Sale && kind.aggregate() == topic
}

/// The run's time, with the jumps of one's clock.
pub struct SimulatedClock(pub Arc<World>);

impl std::fmt::Debug for SimulatedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the run's clock")
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.0.elapsed()).expect("a short run");
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + elapsed + self.0.noted().skew
    }
}
