use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// Events in a batch at most.
const BATCH: usize = 500;

/// Keeps a number of events a second: who sends says so before, and waits until its turn.
#[derive(Debug)]
pub struct Throttle {
    rate: NonZeroU32,
    /// When what was let through before has had its time.
    free_at: Instant,
}

impl Throttle {
    pub fn new(rate: NonZeroU32) -> Self {
        Self {
            rate,
            free_at: Instant::now(),
        }
    }

    /// Events that may go in one batch: those of a quarter of a second.
    pub fn batch(&self) -> usize {
        (self.rate.get() as usize / 4).clamp(1, BATCH)
    }

    /// When so many events may go. Time that was not used is lost.
    pub fn turn(&mut self, events: usize) -> Instant {
        let turn = self.free_at.max(Instant::now());
        self.free_at = turn + Duration::from_secs_f64(events as f64 / f64::from(self.rate.get()));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_events_as_the_rate_take_a_second() {
        let mut throttle = Throttle::new(NonZeroU32::new(100).unwrap());
        assert_eq!(throttle.batch(), 25);
        let first = throttle.turn(25);
        let fourth = [25, 25, 25].map(|events| throttle.turn(events))[2];
        assert_eq!(
            fourth - first,
            Duration::from_millis(750),
            "it begins after three"
        );
    }
}
