//! A tiny model of the system that tells the truth: what it does it writes down as the harness would have recorded it.

use std::collections::HashMap;

use checker::History;
use checker::fold::subject;
use checker::history::{Answer, Call, Change, Micros, Outcome, Push, Read, Record, Sighting, StoredEvent};
use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use shared_events::{AggregateType, Event};
use uuid::Uuid;

const PARTITIONS: u128 = 2;

#[derive(Default)]
pub struct World {
    pub history: History,
    pub now: Micros,
    ids: u128,
    versions: HashMap<(AggregateType, Uuid), u64>,
    offsets: HashMap<(String, i32), i64>,
    listeners: Vec<Listener>,
}

/// A client of the pushes, with what it has seen of each partition.
struct Listener {
    client: u32,
    connection: u32,
    seen: [i64; PARTITIONS as usize],
    /// What it was not told yet: it is between two connections.
    missed: Option<Vec<Change>>,
}

/// How a client sends a command.
#[derive(Clone, Copy, Default)]
pub struct Manner<'a> {
    pub client: u32,
    pub key: Option<&'a str>,
    pub if_match: Option<u64>,
    pub deferred: bool,
}

pub fn keyed(key: &str) -> Manner<'_> {
    Manner {
        client: 1,
        key: Some(key),
        ..Manner::default()
    }
}

/// A command that ran: its id, and what it wrote.
pub struct Ran {
    pub command: Uuid,
    pub stream: Uuid,
    pub version: u64,
    /// The ids of its events, in their order.
    pub events: Vec<Uuid>,
}

impl World {
    pub fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(0xabcd_0000_0000_7000_8000_0000_0000_0000 + self.ids)
    }

    pub fn passes(&mut self, micros: Micros) -> Micros {
        self.now += micros;
        self.now
    }

    pub fn version(&self, aggregate: AggregateType, id: Uuid) -> u64 {
        self.versions.get(&(aggregate, id)).copied().unwrap_or(0)
    }

    /// Decides a command of a client, or of a policy that answers an event.
    pub fn run(
        &mut self,
        name: &str,
        (aggregate, stream): (AggregateType, Uuid),
        key: Option<&str>,
        cause: Option<Uuid>,
        events: Vec<Event>,
    ) -> Ran {
        let command = self.id();
        let ids = self.append(command, cause.unwrap_or(command), events);
        let version = self.version(aggregate, stream);
        self.record(name, (aggregate, stream), key, (command, cause), Ok(version));
        Ran {
            command,
            stream,
            version,
            events: ids,
        }
    }

    /// The command's record.
    pub fn record(
        &mut self,
        name: &str,
        (aggregate, stream): (AggregateType, Uuid),
        key: Option<&str>,
        (command, cause): (Uuid, Option<Uuid>),
        result: Result<u64, &str>,
    ) {
        self.history.outcomes.push(Outcome {
            command_id: command,
            command_type: name.replace('_', "-"),
            aggregate: aggregate.as_str().to_owned(),
            stream,
            causation_id: cause.unwrap_or(command),
            outcome: if result.is_ok() { "succeeded" } else { "refused" }.to_owned(),
            version: result.ok(),
            refusal: result.err().map(str::to_owned),
            key: key.map(str::to_owned),
        });
    }

    /// Events with all that follows from them: records, documents, changes, pushes.
    fn append(&mut self, command: Uuid, cause: Uuid, events: Vec<Event>) -> Vec<Uuid> {
        let mut ids = Vec::new();
        let mut changed = None;
        for event in events {
            let (aggregate, stream) = (event.aggregate(), subject(&event));
            let version = self.versions.entry((aggregate, stream)).or_default();
            *version += 1;
            let version = *version;
            let at = self.passes(1_000);
            let stored = StoredEvent {
                aggregate: aggregate.as_str().to_owned(),
                stream,
                version,
                event_id: self.id(),
                event_type: event.event_type().to_owned(),
                command_id: command,
                causation_id: cause,
                correlation_id: command,
                actor: "anonymous".to_owned(),
                occurred_at: DateTime::UNIX_EPOCH + TimeDelta::microseconds(at as i64),
                payload: event.encode().expect("an event of ours"),
            };
            ids.push(stored.event_id);
            self.publish(&stored, false);
            if matches!(
                aggregate,
                AggregateType::Order | AggregateType::Customer | AggregateType::Product
            ) {
                self.sight(aggregate, stream, Some(version));
            }
            if aggregate == AggregateType::Order {
                changed = Some((stream, version));
            }
            self.history.events.push(stored);
        }
        if let Some((order, version)) = changed {
            self.change(order, version);
        }
        ids
    }

    /// A record in the event's topic.
    pub fn publish(&mut self, event: &StoredEvent, planted: bool) {
        let kind: AggregateType = event.aggregate.parse().expect("a kind");
        let partition = (event.stream.as_u128() % PARTITIONS) as i32;
        let offset = self
            .offsets
            .entry((kind.topic().to_owned(), partition))
            .or_default();
        self.history.records.push(Record {
            topic: kind.topic().to_owned(),
            partition,
            offset: *offset,
            planted,
            aggregate: event.aggregate.clone(),
            stream: event.stream,
            version: event.version,
            event_id: event.event_id,
            event_type: event.event_type.clone(),
            payload: event.payload.clone(),
        });
        *offset += 1;
    }

    pub fn sight(&mut self, aggregate: AggregateType, id: Uuid, version: Option<u64>) {
        let at = self.passes(100);
        self.history.sightings.push(Sighting {
            at,
            index: format!("{aggregate}s-1"),
            id: id.to_string(),
            version,
        });
    }

    /// A change of an order is told, and pushed to who listens.
    pub fn change(&mut self, order: Uuid, version: u64) {
        let partition = (order.as_u128() % PARTITIONS) as i32;
        let offset = self
            .offsets
            .entry(("query-service.changes".to_owned(), partition))
            .or_default();
        let change = Change {
            partition,
            offset: *offset,
            order,
            version,
        };
        *offset += 1;
        self.history.changes.push(change.clone());
        let at = self.passes(50);
        for listener in &mut self.listeners {
            match &mut listener.missed {
                Some(missed) => missed.push(change.clone()),
                None => self.history.pushes.push(listener.told(&change, at)),
            }
        }
    }

    /// A client begins to listen to changes.
    pub fn listens(&mut self, client: u32) {
        let next = |partition: i32| {
            let of = ("query-service.changes".to_owned(), partition);
            self.offsets.get(&of).copied().unwrap_or(0)
        };
        self.listeners.push(Listener {
            client,
            connection: 0,
            seen: [next(0), next(1)],
            missed: None,
        });
    }

    pub fn is_cut(&mut self, client: u32) {
        let mut listeners = self.listeners.iter_mut();
        let listener = listeners.find(|of| of.client == client).expect("it listens");
        listener.missed = Some(Vec::new());
    }

    /// With its last event's id.
    pub fn resumes(&mut self, client: u32) {
        let at = self.passes(50);
        let mut listeners = self.listeners.iter_mut();
        let listener = listeners.find(|of| of.client == client).expect("it listens");
        listener.connection += 1;
        for change in listener.missed.take().unwrap_or_default() {
            self.history.pushes.push(listener.told(&change, at));
        }
    }

    /// A client sends a command, and gets an answer.
    pub fn call(
        &mut self,
        manner: Manner<'_>,
        name: &str,
        (aggregate, id): (AggregateType, Option<Uuid>),
        body: Value,
        answer: Answer,
    ) {
        let sent = self.passes(10);
        let ended = self.passes(2_000);
        self.history.calls.push(Call {
            client: manner.client,
            command: name.to_owned(),
            aggregate: aggregate.as_str().to_owned(),
            id,
            body,
            key: manner.key.map(str::to_owned),
            if_match: manner.if_match,
            deferred: manner.deferred,
            replica: 0,
            sent,
            ended,
            answer,
        });
    }

    /// A client asks for a document, and is shown it at a version.
    pub fn read(
        &mut self,
        (client, replica): (u32, u32),
        path: &str,
        token: Option<&str>,
        shown: (&str, Uuid, u64),
    ) {
        let (aggregate, id, version) = shown;
        let sent = self.passes(10);
        let ended = self.passes(1_000);
        self.history.reads.push(Read {
            client,
            replica,
            path: path.to_owned(),
            token: token.map(str::to_owned),
            sent,
            ended,
            status: Some(200),
            problem: None,
            shown: [(format!("{aggregate}:{id}"), version)].into(),
            got_token: Some(format!("{aggregate}:{id}:{version}")),
            age: None,
            body: None,
        });
    }

    /// A client asks for a document and is refused.
    pub fn refused(
        &mut self,
        (client, replica): (u32, u32),
        path: &str,
        token: Option<&str>,
        status: u16,
        problem: &str,
    ) {
        self.read((client, replica), path, token, ("", Uuid::nil(), 0));
        let read = self.history.reads.last_mut().expect("just read");
        read.status = Some(status);
        read.problem = Some(format!("/problems/{problem}"));
        read.shown.clear();
        read.got_token = None;
    }
}

impl Listener {
    fn told(&mut self, change: &Change, at: Micros) -> Push {
        self.seen[change.partition as usize] = change.offset + 1;
        Push {
            client: self.client,
            connection: self.connection,
            replica: self.connection % 2,
            at,
            event: format!("0:{},1:{}", self.seen[0], self.seen[1]),
            order: change.order,
            version: change.version,
        }
    }
}

/// As the command service words success.
pub fn done(status: u16, aggregate: AggregateType, ran: &Ran) -> Answer {
    let (id, version) = (ran.stream, ran.version);
    let token = format!("{aggregate}:{id}:{version}");
    let body = json!({"id": id, "version": version, "consistency_token": token}).to_string();
    Answer::Ok {
        status,
        id,
        version,
        token,
        body,
    }
}

pub fn refusal(status: u16, kind: &str) -> Answer {
    let problem = format!("/problems/{kind}");
    Answer::Refused {
        status,
        body: json!({"type": problem, "status": status}).to_string(),
        problem,
    }
}

pub fn unknown() -> Answer {
    Answer::Unknown {
        cause: "connection reset".to_owned(),
    }
}
