//! What is recorded of a run: one [`Entry`] a line, as JSON.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Added to the number of a client of pushes that begins anew.
pub const BEGINS_ANEW: u32 = 100;

/// Microseconds since the run began, on the harness's monotonic clock.
pub type Micros = u64;

/// Everything that is known of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub faults: Vec<Fault>,
    /// Commands as clients sent them, one entry for each attempt.
    pub calls: Vec<Call>,
    /// Queries as clients sent them.
    pub reads: Vec<Read>,
    /// The event store at rest, by stream and version.
    pub events: Vec<StoredEvent>,
    /// The command store at rest.
    pub outcomes: Vec<Outcome>,
    /// Rows of outbox and command queue that are left at rest.
    pub left: Vec<LeftOver>,
    /// The topics of events at rest: by topic, partition, offset.
    pub records: Vec<Record>,
    /// Every dead letter.
    pub dead_letters: Vec<DeadLetter>,
    /// What the query service answers at rest.
    pub answers: Vec<Shown>,
    /// Documents as pollers saw them in Elasticsearch, past the query service.
    pub sightings: Vec<Sighting>,
    /// The changes topic at rest: by partition and offset.
    pub changes: Vec<Change>,
    /// Pushes as clients received them.
    pub pushes: Vec<Push>,
    /// What the living projectors count at rest.
    pub accounts: Vec<Account>,
    /// Lag as it was told, beside what was true.
    pub lags: Vec<Lag>,
    /// Rebuilds that the run ordered.
    pub rebuilds: Vec<Rebuild>,
    pub rest: Option<Rest>,
}

/// One line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Entry {
    Fault(Fault),
    Call(Call),
    Read(Read),
    Event(StoredEvent),
    Outcome(Outcome),
    Left(LeftOver),
    Record(Record),
    DeadLetter(DeadLetter),
    Answer(Shown),
    Sighting(Sighting),
    Change(Change),
    Push(Push),
    Account(Account),
    Lag(Lag),
    Rebuild(Rebuild),
    Rest(Rest),
}

/// What was done to the system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fault {
    /// As in `--faults`.
    pub name: String,
    pub detail: String,
    pub began: Micros,
    pub healed: Micros,
    /// From the healing to the first sign of life that counts for this fault; absent when other faults were still on.
    pub recovered_after: Option<Micros>,
}

/// A command's request and its answer. A key or a command that is sent again is another call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    pub client: u32,
    /// The command's name in the path's terms, such as `submit_order`.
    pub command: String,
    /// Of the aggregate it is for, where the client knows it.
    pub aggregate: String,
    pub id: Option<Uuid>,
    pub body: Value,
    pub key: Option<String>,
    pub if_match: Option<u64>,
    /// `Prefer: respond-async`.
    pub deferred: bool,
    pub replica: u32,
    pub sent: Micros,
    pub ended: Micros,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "came", rename_all = "snake_case")]
pub enum Answer {
    /// 2xx of a command: where it stands.
    Ok {
        status: u16,
        id: Uuid,
        version: u64,
        token: String,
        body: String,
    },
    /// 202: where the outcome will be found.
    Accepted { command_id: Uuid, body: String },
    /// Any other status.
    Refused {
        status: u16,
        problem: String,
        body: String,
    },
    /// The connection broke, or nothing came in time: it may have happened or not.
    Unknown { cause: String },
}

/// A query and what it showed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Read {
    pub client: u32,
    pub replica: u32,
    pub path: String,
    /// Sent as `Consistency-Token`.
    pub token: Option<String>,
    pub sent: Micros,
    pub ended: Micros,
    /// None where the connection broke.
    pub status: Option<u16>,
    /// The problem's type, where it was refused.
    pub problem: Option<String>,
    /// Versions of the aggregates that the answer shows: `order:<uuid>` → version.
    pub shown: BTreeMap<String, u64>,
    /// `Consistency-Token` of the answer.
    pub got_token: Option<String>,
    /// `Age`: seconds in a cache.
    pub age: Option<u64>,
    /// The rest of the answer where a checker needs it: none for most.
    pub body: Option<Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredEvent {
    /// As in the token: `order`.
    pub aggregate: String,
    pub stream: Uuid,
    pub version: u64,
    pub event_id: Uuid,
    pub event_type: String,
    pub command_id: Uuid,
    pub causation_id: Uuid,
    pub correlation_id: Uuid,
    pub actor: String,
    pub occurred_at: DateTime<Utc>,
    #[serde(with = "base64_bytes")]
    pub payload: Vec<u8>,
}

/// The record of a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    pub command_id: Uuid,
    pub command_type: String,
    pub aggregate: String,
    pub stream: Uuid,
    pub causation_id: Uuid,
    /// `succeeded`, `refused`, `failed`.
    pub outcome: String,
    pub version: Option<u64>,
    pub refusal: Option<String>,
    /// The client's key that it ran under.
    pub key: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeftOver {
    /// `outbox` or `command_queue`.
    pub table: String,
    pub aggregate: String,
    pub stream: Uuid,
    pub detail: String,
}

/// A record of a topic of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Without the prefix of the run.
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// The harness put it there: it is not one of the relay's.
    pub planted: bool,
    pub aggregate: String,
    pub stream: Uuid,
    pub version: u64,
    pub event_id: Uuid,
    pub event_type: String,
    /// The body without its frame.
    #[serde(with = "base64_bytes")]
    pub payload: Vec<u8>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeadLetter {
    pub projection: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub kind: String,
    pub cause: String,
    /// The harness made the record, or broke the mapping, so that it must be here.
    pub expected: bool,
}

/// What a query answers at rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown {
    /// `orders`, `customers`, `products`, `invoices`, `deliveries`, `order-history`, `sales-daily`, `sales-products`,
    /// `sales-status`, `order-list` (the summaries by listing), `search`.
    pub kind: String,
    /// The document's id, or the aggregate's whose history it is; a day, a product or a status of the sales.
    pub id: String,
    pub body: Value,
}

/// A document in Elasticsearch, as a poller saw it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sighting {
    pub at: Micros,
    pub index: String,
    pub id: String,
    /// None: the document is not there.
    pub version: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    pub partition: i32,
    pub offset: i64,
    pub order: Uuid,
    pub version: u64,
}

/// `order-changed` as a client received it, who listens to all orders until the run is at rest. One that is told that its
/// position is gone goes on as another, [`BEGINS_ANEW`] further.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Push {
    pub client: u32,
    /// Counts the client's connections.
    pub connection: u32,
    pub replica: u32,
    pub at: Micros,
    /// `id` of the event, by which it is resumed.
    pub event: String,
    pub order: Uuid,
    pub version: u64,
}

/// Counters of one projector process and projection, at rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub process: String,
    pub projection: String,
    pub consumed: u64,
    /// By outcome: `applied`, `superseded`, `parked`, …; dead letters among them.
    pub outcomes: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lag {
    pub at: Micros,
    /// `outbox` (told by the command service) or the projection whose lag the query service tells.
    pub of: String,
    pub process: String,
    /// Seconds; None where the service says that it does not know, or does not answer.
    pub told: Option<f64>,
    /// Seconds, never more than is certain: a lower bound of the truth.
    pub at_least: f64,
    /// For how long the relay or projector that it is about has been stopped, where one is.
    pub stopped_for: Option<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rebuild {
    pub projection: String,
    pub began: Micros,
    pub ended: Micros,
    pub compared: u64,
    pub differing: u64,
    pub detail: String,
}

/// How the run came to rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rest {
    pub last_fault_healed: Micros,
    /// When outbox, queue and every projection's lag were at nothing; None if that was not seen.
    pub level_at: Option<Micros>,
    /// For how long it was waited for.
    pub limit: Micros,
    /// Why not.
    pub detail: String,
}

impl History {
    pub fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Fault(it) => self.faults.push(it),
            Entry::Call(it) => self.calls.push(it),
            Entry::Read(it) => self.reads.push(it),
            Entry::Event(it) => self.events.push(it),
            Entry::Outcome(it) => self.outcomes.push(it),
            Entry::Left(it) => self.left.push(it),
            Entry::Record(it) => self.records.push(it),
            Entry::DeadLetter(it) => self.dead_letters.push(it),
            Entry::Answer(it) => self.answers.push(it),
            Entry::Sighting(it) => self.sightings.push(it),
            Entry::Change(it) => self.changes.push(it),
            Entry::Push(it) => self.pushes.push(it),
            Entry::Account(it) => self.accounts.push(it),
            Entry::Lag(it) => self.lags.push(it),
            Entry::Rebuild(it) => self.rebuilds.push(it),
            Entry::Rest(it) => self.rest = Some(it),
        }
    }

    /// Reads what [`write_line`] wrote.
    pub fn read(lines: impl BufRead) -> Result<Self> {
        let mut history = Self::default();
        for (number, line) in lines.lines().enumerate() {
            let entry = serde_json::from_str(&line?).with_context(|| format!("line {}", number + 1))?;
            history.add(entry);
        }
        Ok(history)
    }
}

/// One entry, one line.
pub fn write_line(to: &mut impl Write, entry: &Entry) -> Result<()> {
    serde_json::to_writer(&mut *to, entry)?;
    to.write_all(b"\n")?;
    Ok(())
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}
