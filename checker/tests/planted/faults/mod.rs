//! What is planted, and who must notice.

mod deciding;
mod publishing;
mod running;
mod showing;
mod writing;

use checker::history::{Outcome, Record, Shown, StoredEvent};
use shared_events::Event;
use uuid::Uuid;

use crate::story::{Story, answers};

pub struct Planted {
    /// What went wrong in the system, in one line.
    pub name: &'static str,
    /// Each of them notices; others may, too.
    pub caught_by: &'static [&'static str],
    pub plant: fn(&mut Story),
}

const fn planted(name: &'static str, caught_by: &'static [&'static str], plant: fn(&mut Story)) -> Planted {
    Planted {
        name,
        caught_by,
        plant,
    }
}

pub fn all() -> impl Iterator<Item = &'static Planted> {
    writing::FAULTS
        .iter()
        .chain(deciding::FAULTS)
        .chain(publishing::FAULTS)
        .chain(showing::FAULTS)
        .chain(running::FAULTS)
}

impl Story {
    fn event(&mut self, aggregate: &str, stream: Uuid, version: u64) -> &mut StoredEvent {
        let mut events = self.history.events.iter_mut();
        events
            .find(|event| {
                (event.aggregate.as_str(), event.stream, event.version) == (aggregate, stream, version)
            })
            .expect("such an event")
    }

    /// An event's place among the events, by the end of its type.
    fn event_of_type(&mut self, stream: Uuid, end: &str) -> &mut StoredEvent {
        let mut events = self.history.events.iter_mut();
        events
            .find(|event| event.stream == stream && event.event_type.ends_with(end))
            .expect("such an event")
    }

    /// The event is neither in the store nor in a topic.
    fn forget(&mut self, event_id: Uuid) {
        self.history.events.retain(|event| event.event_id != event_id);
        self.history.records.retain(|record| record.event_id != event_id);
    }

    /// The event says something else, wherever it is.
    fn reword(&mut self, event_id: Uuid, says: &Event) {
        let (kind, body) = (says.event_type(), says.encode().expect("an event of ours"));
        let events = self.history.events.iter_mut();
        for event in events.filter(|event| event.event_id == event_id) {
            (event.event_type, event.payload) = (kind.to_owned(), body.clone());
        }
        let records = self.history.records.iter_mut();
        for record in records.filter(|record| record.event_id == event_id) {
            (record.event_type, record.payload) = (kind.to_owned(), body.clone());
        }
    }

    /// One more event in the store and its topic, in a stream's next place.
    fn append(&mut self, like: &StoredEvent, command: Uuid, says: &Event) -> Uuid {
        let stream = checker::fold::subject(says);
        let aggregate = says.aggregate().as_str();
        let same = |event: &&StoredEvent| event.aggregate == aggregate && event.stream == stream;
        let version = self.history.events.iter().filter(same).count() as u64 + 1;
        let event = StoredEvent {
            aggregate: aggregate.to_owned(),
            stream,
            version,
            event_id: Uuid::from_u128(0xdead_0000 + self.history.events.len() as u128),
            event_type: says.event_type().to_owned(),
            command_id: command,
            payload: says.encode().expect("an event of ours"),
            ..like.clone()
        };
        let partition = (stream.as_u128() % 2) as i32;
        self.history.records.push(Record {
            topic: says.aggregate().topic().to_owned(),
            partition,
            offset: 1_000 + self.history.records.len() as i64,
            planted: false,
            aggregate: event.aggregate.clone(),
            stream,
            version,
            event_id: event.event_id,
            event_type: event.event_type.clone(),
            payload: event.payload.clone(),
        });
        let id = event.event_id;
        self.history.events.push(event);
        id
    }

    fn outcome(&mut self, key: &str) -> &mut Outcome {
        let mut outcomes = self.history.outcomes.iter_mut();
        outcomes
            .find(|outcome| outcome.key.as_deref() == Some(key))
            .expect("such an outcome")
    }

    fn forget_outcome(&mut self, command: Uuid) {
        self.history
            .outcomes
            .retain(|outcome| outcome.command_id != command);
    }

    fn answer(&mut self, kind: &str, id: Uuid) -> &mut Shown {
        let id = id.to_string();
        let mut answers = self.history.answers.iter_mut();
        answers
            .find(|shown| shown.kind == kind && shown.id == id)
            .expect("such an answer")
    }

    /// What is shown is what would be, had this event not come through.
    fn never_applied(&mut self, event_id: Uuid, kinds: &[&str]) {
        let without: Vec<StoredEvent> = self
            .history
            .events
            .iter()
            .filter(|event| event.event_id != event_id)
            .cloned()
            .collect();
        let behind = answers(&without);
        self.history
            .answers
            .retain(|shown| !kinds.contains(&shown.kind.as_str()));
        let behind = behind
            .into_iter()
            .filter(|shown| kinds.contains(&shown.kind.as_str()));
        self.history.answers.extend(behind);
    }
}
