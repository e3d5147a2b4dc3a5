//! The changes that this replica heard of last, in the order in which it heard of them: every client reads them from here.
//!
//! A client has a place in it and nothing of its own, so that a slow one costs no memory. One that falls behind what is
//! kept is cut, and resumes from where it was.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

use super::positions::Positions;
use super::{Heard, Push, Show};
use crate::application::ports::OrderSummary;

/// What a client is handed at once, at most.
const HANDFUL: usize = 100;

pub struct RecentChanges {
    state: Mutex<State>,
    /// How many changes there were; those who wait for more are woken by it.
    grown: watch::Sender<u64>,
    show: Show,
    max_changes: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    /// The number of the first entry, counted since the start.
    first: u64,
    bytes: usize,
    /// Everything from here on is among the entries.
    reaches_back_to: Positions,
    heads: Positions,
}

struct Entry {
    partition: i32,
    offset: i64,
    /// `None` of what is not pushed.
    shown: Option<(Uuid, Bytes)>,
}

impl Entry {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.shown.as_ref().map_or(0, |(_, text)| text.len())
    }
}

/// What there is for a client.
pub enum Found {
    Pushes(Vec<Push>),
    /// Nothing now; the number to wait beyond.
    Nothing(u64),
    /// What it would have been handed next is kept no longer.
    Lost,
}

/// A client's place.
#[derive(Debug)]
pub struct Place {
    next: u64,
    pub positions: Positions,
    /// This order only.
    pub order: Option<Uuid>,
}

impl Place {
    pub fn new(positions: Positions, order: Option<Uuid>) -> Self {
        Self {
            next: 0,
            positions,
            order,
        }
    }
}

impl RecentChanges {
    pub fn new(show: Show, max_changes: usize, max_bytes: usize) -> Self {
        Self {
            state: Mutex::default(),
            grown: watch::channel(0).0,
            show,
            max_changes,
            max_bytes,
        }
    }

    /// What was before these positions may have been missed. Everybody resumes.
    pub fn begin(&self, positions: Positions) {
        let mut state = self.state();
        // A number that nobody's place has.
        let first = state.end() + 1;
        *state = State {
            first,
            reaches_back_to: positions.clone(),
            heads: positions,
            ..State::default()
        };
        drop(state);
        self.grown.send_replace(first);
    }

    /// In the order of each partition.
    pub fn add(&self, heard: &Heard) {
        let shown = heard.change.as_ref().and_then(|change| {
            let order: &OrderSummary = change.order.as_ref()?;
            Some((order.id, (self.show)(order)))
        });
        let entry = Entry {
            partition: heard.partition,
            offset: heard.offset,
            shown,
        };
        let mut state = self.state();
        if !state.heads.names(entry.partition) {
            state.reaches_back_to.set(entry.partition, entry.offset);
        }
        state.heads.pass(entry.partition, entry.offset);
        state.bytes += entry.bytes();
        state.entries.push_back(entry);
        while state.entries.len() > self.max_changes || state.bytes > self.max_bytes {
            state.forget_first();
        }
        let end = state.end();
        drop(state);
        self.grown.send_replace(end);
    }

    /// Where somebody stands who has seen everything so far; `None` before the topic was found.
    pub fn heads(&self) -> Option<Positions> {
        let heads = self.state().heads.clone();
        (!heads.is_empty()).then_some(heads)
    }

    /// Puts a place here, if nothing from its positions on is missing.
    pub fn enter(&self, place: &mut Place) -> bool {
        let state = self.state();
        let reached = !state.heads.is_empty() && place.positions.have_reached(&state.reaches_back_to);
        if reached {
            place.next = state.first;
        }
        reached
    }

    pub fn find(&self, place: &mut Place) -> Found {
        let state = self.state();
        if place.next < state.first {
            // What is gone it may not have needed.
            if !place.positions.have_reached(&state.reaches_back_to) {
                return Found::Lost;
            }
            place.next = state.first;
        }
        let skipped = usize::try_from(place.next - state.first).unwrap_or(usize::MAX);
        let mut pushes = Vec::new();
        for entry in state.entries.iter().skip(skipped) {
            place.next += 1;
            if !place.positions.pass(entry.partition, entry.offset) {
                continue;
            }
            if let Some((order, text)) = &entry.shown
                && place.order.is_none_or(|only| only == *order)
            {
                pushes.push(Push::Changed {
                    positions: place.positions.to_string(),
                    order: text.clone(),
                });
                if pushes.len() == HANDFUL {
                    break;
                }
            }
        }
        match pushes.is_empty() {
            true => Found::Nothing(state.end()),
            false => Found::Pushes(pushes),
        }
    }

    pub fn growth(&self) -> watch::Receiver<u64> {
        self.grown.subscribe()
    }

    pub fn show(&self, order: &OrderSummary) -> Bytes {
        (self.show)(order)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn forget_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.first += 1;
            self.bytes -= entry.bytes();
            self.reaches_back_to.set(entry.partition, entry.offset + 1);
        }
    }
}
