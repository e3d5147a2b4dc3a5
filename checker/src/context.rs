//! What every invariant needs of a history, worked out once: streams in order, what their events say, who wrote them.

use std::collections::HashMap;
use std::ops::Range;

use shared_events::Event;
use uuid::Uuid;

use crate::fold::{Expected, decode};
use crate::history::{Fault, History, Micros, Outcome, StoredEvent};

/// So long after a fault's healing what it broke may still be on its way back.
const AFTERMATH: Micros = 15_000_000;

pub struct Context<'a> {
    /// By stream and version.
    pub events: Vec<Stood<'a>>,
    /// As the documents must be by them; what does not fit is left out.
    pub expected: Expected,
    /// By the command's id.
    pub outcomes: HashMap<Uuid, &'a Outcome>,
    pub faults: &'a [Fault],
    streams: HashMap<(&'a str, Uuid), Range<usize>>,
    by_command: HashMap<Uuid, Vec<usize>>,
    by_key: HashMap<&'a str, Vec<&'a Outcome>>,
}

/// An event where it stands.
pub struct Stood<'a> {
    pub event: &'a StoredEvent,
    /// `None` where its body cannot be read.
    pub says: Option<Event>,
    /// Why it does not fit there.
    pub misfit: Option<String>,
}

impl<'a> Context<'a> {
    pub fn of(history: &'a History) -> Self {
        let mut sorted: Vec<&StoredEvent> = history.events.iter().collect();
        sorted.sort_by(|one, other| {
            (&one.aggregate, one.stream, one.version).cmp(&(&other.aggregate, other.stream, other.version))
        });
        let mut expected = Expected::default();
        let mut events = Vec::with_capacity(sorted.len());
        let mut streams: HashMap<(&str, Uuid), Range<usize>> = HashMap::new();
        let mut by_command: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for (at, event) in sorted.into_iter().enumerate() {
            let stream = streams
                .entry((event.aggregate.as_str(), event.stream))
                .or_insert(at..at);
            stream.end = at + 1;
            by_command.entry(event.command_id).or_default().push(at);
            events.push(stood(event, &mut expected));
        }
        let mut by_key: HashMap<&str, Vec<&Outcome>> = HashMap::new();
        for outcome in &history.outcomes {
            if let Some(key) = &outcome.key {
                by_key.entry(key).or_default().push(outcome);
            }
        }
        Self {
            events,
            expected,
            outcomes: history
                .outcomes
                .iter()
                .map(|outcome| (outcome.command_id, outcome))
                .collect(),
            faults: &history.faults,
            streams,
            by_command,
            by_key,
        }
    }

    /// Every stream with its events, by name.
    pub fn streams(&self) -> impl Iterator<Item = ((&'a str, Uuid), &[Stood<'a>])> {
        self.events
            .chunk_by(|one, other| {
                (&one.event.aggregate, one.event.stream) == (&other.event.aggregate, other.event.stream)
            })
            .filter_map(|events| {
                let event = events.first()?.event;
                Some(((event.aggregate.as_str(), event.stream), events))
            })
    }

    /// The events of one, ascending; none of one that is not there.
    pub fn stream(&self, aggregate: &str, id: Uuid) -> &[Stood<'a>] {
        self.streams
            .get(&(aggregate, id))
            .map_or(&[], |range| &self.events[range.clone()])
    }

    /// The last version, 0 of a stream that is not there.
    pub fn head(&self, aggregate: &str, id: Uuid) -> u64 {
        let events = self.stream(aggregate, id);
        events.last().map_or(0, |last| last.event.version)
    }

    pub fn event(&self, aggregate: &str, id: Uuid, version: u64) -> Option<&Stood<'a>> {
        let events = self.stream(aggregate, id);
        let at = events.binary_search_by_key(&version, |stood| stood.event.version);
        events.get(at.ok()?)
    }

    /// What a command wrote, by stream and version.
    pub fn events_of(&self, command: Uuid) -> impl Iterator<Item = &Stood<'a>> + Clone {
        let at = self.by_command.get(&command).map_or(&[][..], Vec::as_slice);
        at.iter().map(|at| &self.events[*at])
    }

    /// What ran under a client's key: one, where all is well.
    pub fn outcomes_of(&self, key: &str) -> &[&'a Outcome] {
        self.by_key.get(key).map_or(&[], Vec::as_slice)
    }

    /// The faults that were on, or whose aftermath was, at some time between.
    pub fn faults_between(&self, from: Micros, to: Micros) -> impl Iterator<Item = &'a Fault> + Clone {
        self.faults.iter().filter(move |fault| {
            let over = fault
                .healed
                .saturating_add(fault.recovered_after.unwrap_or(0).max(AFTERMATH));
            fault.began <= to && from <= over
        })
    }
}

fn stood<'a>(event: &'a StoredEvent, expected: &mut Expected) -> Stood<'a> {
    match decode(event) {
        Ok(says) => {
            let applied = expected.apply(event.stream, event.version, event.occurred_at, says.clone());
            Stood {
                event,
                says: Some(says),
                misfit: applied.err().map(|error| format!("{error:#}")),
            }
        }
        Err(error) => Stood {
            event,
            says: None,
            misfit: Some(format!("{error:#}")),
        },
    }
}
