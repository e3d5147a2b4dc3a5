//! Records counted in and out: consumed = applied + superseded + parked + dead-lettered + ignored + left.

use std::sync::atomic::{AtomicU64, Ordering};

use super::folded::Fate;
use crate::application::ports::Generation;

/// Of one pipeline.
#[derive(Debug)]
pub struct Tally {
    generation: Generation,
    open: AtomicU64,
}

/// What became of some records.
#[derive(Debug, Default)]
pub struct Fates {
    applied: u64,
    superseded: u64,
    parked: u64,
    dead_lettered: u64,
    ignored: u64,
    left: u64,
}

impl Fates {
    pub fn ignored(records: usize) -> Self {
        Self {
            ignored: records as u64,
            ..Self::default()
        }
    }

    pub fn add(&mut self, fate: &Fate) {
        let count = match fate {
            Fate::Applied => &mut self.applied,
            Fate::Superseded => &mut self.superseded,
            Fate::Parked => &mut self.parked,
            Fate::ToBury { .. } => &mut self.dead_lettered,
        };
        *count += 1;
    }

    /// Those that could not even be decoded have no fate here.
    pub fn undecodable(&mut self, records: usize) {
        self.dead_lettered += records as u64;
    }
}

impl Tally {
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            open: AtomicU64::new(0),
        }
    }

    pub fn consumed(&self, records: usize) {
        self.open.fetch_add(records as u64, Ordering::Relaxed);
        metrics::counter!(
            "projector_records_consumed_total",
            "projection" => self.generation.kind.name(),
            "index" => self.generation.to_string()
        )
        .increment(records as u64);
    }

    pub fn came_to(&self, fates: &Fates) {
        let outcomes = [
            ("applied", fates.applied),
            ("superseded", fates.superseded),
            ("parked", fates.parked),
            ("dead_lettered", fates.dead_lettered),
            ("ignored", fates.ignored),
            ("left", fates.left),
        ];
        for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
            self.open.fetch_sub(count, Ordering::Relaxed);
            metrics::counter!(
                "projector_records_total",
                "projection" => self.generation.kind.name(),
                "index" => self.generation.to_string(),
                "outcome" => outcome
            )
            .increment(count);
        }
    }

    /// When nothing of it is under way any more: what was not finished is left where it is, and read again.
    pub fn close(&self) {
        self.came_to(&Fates {
            left: self.open.load(Ordering::Relaxed),
            ..Fates::default()
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::application::ports::Kind;

    use super::*;

    #[test]
    fn what_came_to_nothing_is_left_once() {
        let tally = Tally::new(Generation {
            kind: Kind::Order,
            mapping: 1,
            number: 1,
        });
        tally.consumed(5);
        let mut fates = Fates::ignored(1);
        fates.add(&Fate::Applied);
        fates.undecodable(1);
        tally.came_to(&fates);
        assert_eq!(tally.open.load(Ordering::Relaxed), 2);
        tally.close();
        tally.close();
        assert_eq!(tally.open.load(Ordering::Relaxed), 0);
    }
}
